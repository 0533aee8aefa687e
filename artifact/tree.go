package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Bounds of a walk through a Tree. A build can make trees that would take days to walk through.
const (
	maxTreeDepth   = 200       // folders in folders
	maxTreeEntries = 2_000_000 // files, folders and links
)

// Tree is a folder that strangers have written into, and perhaps still do: paths in it never lead out of it, whatever is
// renamed or linked meanwhile, and nothing in it blocks whoever opens it. OpenTree makes one.
type Tree struct {
	root   *os.Root
	owners []int
}

// OpenTree opens the folder at a path whose last part is a folder itself, and no link to one. Where owners are named, by
// their numeric user IDs, a file that has several names must belong to one of them: it could be the secret of somebody else
// that the stranger has linked to. The error wraps syscall.ENOTDIR where there is something else by that name. Close it.
func OpenTree(dir string, owners ...int) (*Tree, error) {
	parent, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	name := filepath.Base(dir)
	is, err := parent.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !is.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: fmt.Errorf("%w: this is a %s", syscall.ENOTDIR, kind(is.Mode()))}
	}
	root, err := parent.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(is, opened) {
		err = &fs.PathError{Op: "open", Path: dir, Err: errors.New("it became another folder meanwhile")}
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Tree{root: root, owners: owners}, nil
}

// Close lets go of the folder.
func (t *Tree) Close() error { return t.root.Close() }

// Root is the folder, to change something in it.
func (t *Tree) Root() *os.Root { return t.root }

// Open opens a regular file for reading. A link in the tree is followed as long as it stays there; what is no file, or may
// be somebody else's, is an error that wraps ErrUnfit.
func (t *Tree) Open(name string) (*os.File, fs.FileInfo, error) {
	// Without O_NONBLOCK a named pipe would block until somebody writes into it.
	f, err := t.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		if info, statErr := t.root.Stat(name); statErr == nil && !info.Mode().IsRegular() { // a socket cannot even be opened
			err = notAFile(info)
		}
		return nil, nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = notAFile(info)
	case !t.may(info):
		err = unfit{errors.New("has another name elsewhere and belongs to somebody else than the build")}
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

func notAFile(info fs.FileInfo) error {
	return unfit{fmt.Errorf("is a %s, not a file", kind(info.Mode()))}
}

// Read reads a regular file of most bytes at most, found as by Open.
func (t *Tree) Read(name string, most int64) ([]byte, error) {
	f, info, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, info, most)
}

// ReadOwn is Read of a file that is not found by way of a link.
func (t *Tree) ReadOwn(name string, most int64) ([]byte, error) {
	is, err := t.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	f, info, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !os.SameFile(is, info) {
		return nil, errors.New("is a link, not a file")
	}
	return readAll(f, info, most)
}

func readAll(f *os.File, info fs.FileInfo, most int64) ([]byte, error) {
	var data []byte
	var err error
	if info.Size() <= most {
		data, err = io.ReadAll(io.LimitReader(f, most+1))
	}
	if err == nil && max(info.Size(), int64(len(data))) > most {
		err = fmt.Errorf("it is larger than %d bytes", most)
	}
	return data, err
}

// may tells whether a file's content is the build's to hand on.
func (t *Tree) may(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return !ok || len(t.owners) == 0 || uint64(s.Nlink) < 2 || slices.Contains(t.owners, int(s.Uid)) //nolint:unconvert // not the same type everywhere
}

// Walk goes through a folder and what is in it, in lexical order, without following links, and calls do for everything but
// the folder that it begins with: as fs.WalkDir does, a second time with the error for a folder that may not be read. What
// goes away meanwhile is passed over. A tree that is deeper or larger than any that a tool makes is an error, and so is the
// end of the context.
func (t *Tree) Walk(ctx context.Context, from string, do fs.WalkDirFunc) error {
	w := walk{tree: t, left: maxTreeEntries, do: do}
	from = path.Clean(from)
	entries, err := t.list(from, w.left)
	if err != nil {
		return err
	}
	if err := w.all(ctx, from, entries, 1); !errors.Is(err, fs.SkipAll) {
		return err
	}
	return nil
}

// walk is a Walk under way.
type walk struct {
	tree *Tree
	left int
	do   fs.WalkDirFunc
}

func (w *walk) all(ctx context.Context, dir string, entries []fs.DirEntry, depth int) error {
	for _, d := range entries {
		if w.left--; w.left < 0 {
			return fmt.Errorf("there are more than %d files and folders", maxTreeEntries)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		name := path.Join(dir, d.Name())
		err := w.do(name, d, nil)
		if err == nil && d.IsDir() {
			err = w.into(ctx, name, d, depth)
		}
		if err != nil && !errors.Is(err, fs.SkipDir) {
			return err
		}
	}
	return nil
}

func (w *walk) into(ctx context.Context, dir string, d fs.DirEntry, depth int) error {
	if depth > maxTreeDepth {
		return fmt.Errorf("%.200s… is deeper than %d folders", dir, maxTreeDepth)
	}
	entries, err := w.tree.list(dir, w.left)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil
	case err != nil:
		return w.do(dir, d, err)
	}
	return w.all(ctx, dir, entries, depth+1)
}

// list reads a folder, as far as it has not many more entries than most. It is no link unless the walk begins with it.
func (t *Tree) list(dir string, most int) ([]fs.DirEntry, error) {
	f, err := t.root.OpenFile(dir, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var entries []fs.DirEntry
	for err == nil && len(entries) <= most {
		var some []fs.DirEntry
		some, err = f.ReadDir(1000)
		entries = append(entries, some...)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return entries, err
}
