package buildspec

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor/supervise"
)

// Names of the folders in an archive of a cache.
const (
	inSource = "src"
	inHome   = "home"
)

// cachedFolders are the folders that files of a cache are in, by their names in the archive.
type cachedFolders struct {
	trees map[string]*artifact.Tree
	// secret tells whether a file is kept out of caches; nil: none is.
	secret func(in, p string, info fs.FileInfo) bool
}

// cachePattern is one of cache.paths with its folder.
type cachePattern struct{ in, glob string }

// saveCache writes what the patterns match into an archive and returns how many files it has. Links are kept as links.
func saveCache(ctx context.Context, to io.Writer, folders cachedFolders, patterns []cachePattern) (files int, err error) {
	compressed, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return 0, err
	}
	s := &cacheSaver{archive: tar.NewWriter(compressed), folders: folders, left: maxCacheEntry}
	for _, in := range []string{inSource, inHome} {
		var globs []string
		for _, p := range patterns {
			if p.in == in {
				globs = append(globs, p.glob)
			}
		}
		if len(globs) == 0 {
			continue
		}
		if err := s.folder(ctx, in, globs); err != nil {
			return 0, err
		}
	}
	return s.files, errors.Join(s.archive.Close(), compressed.Close())
}

// cacheSaver writes an archive.
type cacheSaver struct {
	archive *tar.Writer
	folders cachedFolders
	left    int64 // bytes
	files   int
}

func (s *cacheSaver) folder(ctx context.Context, in string, globs []string) error {
	return s.folders.trees[in].Walk(ctx, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission):
			return nil // the build keeps it to itself
		case err != nil:
			return err
		case p == ".git":
			return fs.SkipDir
		case d.IsDir() || !cached(globs, p):
			return nil
		}
		return s.entry(in, p)
	})
}

// cached tells whether a pattern matches a file, or a folder that it is in.
func cached(globs []string, p string) bool {
	for _, g := range globs {
		for at := p; at != "."; at = path.Dir(at) {
			if doublestar.MatchUnvalidated(g, at) {
				return true
			}
		}
	}
	return false
}

// entry writes a regular file or a link; anything else is left out.
func (s *cacheSaver) entry(in, p string) error {
	tree := s.folders.trees[in]
	h := &tar.Header{Name: in + "/" + p, Format: tar.FormatPAX}
	info, err := tree.Root().Lstat(p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // it went meanwhile
	case err != nil:
		return err
	case s.folders.secret != nil && s.folders.secret(in, p, info):
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		h.Typeflag, h.Mode, h.ModTime = tar.TypeSymlink, 0o777, info.ModTime()
		if h.Linkname, err = tree.Root().Readlink(p); err != nil {
			return err
		}
		return s.header(h)
	case !info.Mode().IsRegular():
		return nil
	}
	f, opened, err := tree.Open(p)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	defer f.Close()
	if !os.SameFile(info, opened) {
		return fmt.Errorf("%s: it became another file meanwhile", p)
	}
	h.Typeflag, h.Mode, h.Size, h.ModTime = tar.TypeReg, int64(opened.Mode().Perm()), opened.Size(), opened.ModTime()
	if s.left -= h.Size; s.left < 0 {
		return fmt.Errorf("more than %d bytes", int64(maxCacheEntry))
	}
	if err := s.header(h); err != nil {
		return err
	}
	_, err = io.CopyN(s.archive, f, h.Size)
	return err
}

func (s *cacheSaver) header(h *tar.Header) error {
	if s.files++; s.files > maxCacheFiles {
		return fmt.Errorf("more than %d files", maxCacheFiles)
	}
	return s.archive.WriteHeader(h)
}

// restoreCache unpacks an archive and returns how many files it brought. What the clone has stays as it is.
func restoreCache(from io.Reader, folders cachedFolders, owner *supervise.User) (files int, err error) {
	compressed, err := gzip.NewReader(bufio.NewReader(from))
	if err != nil {
		return 0, err
	}
	archive := tar.NewReader(compressed)
	left := int64(maxCacheEntry)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return files, err
		}
		in, p, _ := strings.Cut(h.Name, "/")
		tree := folders.trees[in]
		if left -= h.Size; tree == nil || !fs.ValidPath(p) || left < 0 || files == maxCacheFiles {
			return files, fmt.Errorf("the cache is damaged at %q", h.Name)
		}
		if folders.secret != nil && folders.secret(in, p, h.FileInfo()) {
			continue
		}
		fresh, err := restoreEntry(tree.Root(), p, h, archive, owner)
		if err != nil {
			return files, err
		}
		if fresh {
			files++
		}
	}
}

// restoreEntry makes one file or link, unless something of its name is there. What is given to the owner is what was opened
// here, not what the name stands for by then.
func restoreEntry(root *os.Root, p string, h *tar.Header, content io.Reader, owner *supervise.User) (fresh bool, err error) {
	if _, err := root.Lstat(p); err == nil {
		return false, nil
	}
	if err := makeFoldersFor(root, path.Dir(p), owner); err != nil {
		return false, err
	}
	if h.Typeflag == tar.TypeSymlink { // who owns a link does not matter
		err = root.Symlink(h.Linkname, p)
		return err == nil, err
	}
	f, err := root.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false, err
	}
	_, err = io.Copy(f, content)
	err = errors.Join(err, f.Chmod(fs.FileMode(h.Mode).Perm()), give(f, owner), f.Close())
	if err == nil {
		err = root.Chtimes(p, h.ModTime, h.ModTime)
	}
	return err == nil, err
}

// makeFoldersFor makes the folders that are missing.
func makeFoldersFor(root *os.Root, dir string, owner *supervise.User) error {
	if dir == "." {
		return nil
	}
	if _, err := root.Stat(dir); err == nil {
		return nil
	}
	if err := makeFoldersFor(root, path.Dir(dir), owner); err != nil {
		return err
	}
	if err := root.Mkdir(dir, 0o755); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	f, err := root.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	return errors.Join(give(f, owner), f.Close())
}

// give makes what is open the owner's.
func give(f *os.File, owner *supervise.User) error {
	if owner == nil {
		return nil
	}
	return f.Chown(int(owner.UID), int(owner.GID))
}
