package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-git/go-billy/v5/osfs"
	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Local makes working trees out of a clone on this machine, which it does not change. The trees are those that Cloner
// makes: one commit without history, no submodules, no links that lead out.
type Local struct {
	repo *git.Repository
	root string
}

// OpenLocal opens the clone that dir lies in: dir itself or the next folder above it that has a .git. Linked work trees are clones
// too, bare ones are not.
func OpenLocal(dir string) (*Local, error) {
	opened, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fmt.Errorf("%s is not in a git repository: change to one", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open the git repository of %s: %w", dir, err)
	}
	tree, err := opened.Worktree()
	if err != nil {
		return nil, fmt.Errorf("the git repository of %s has no files: %w", dir, err)
	}
	storage, ok := opened.Storer.(*filesystem.Storage)
	if !ok {
		return &Local{opened, tree.Filesystem.Root()}, nil
	}
	// Objects that are borrowed from another clone on this machine are found too.
	borrowing := filesystem.Options{AlternatesFS: osfs.New("/")}
	repo, err := git.Open(filesystem.NewStorageWithOptions(storage.Filesystem(), cache.NewObjectLRUDefault(), borrowing), tree.Filesystem)
	if err != nil {
		return nil, fmt.Errorf("open the git repository of %s: %w", dir, err)
	}
	return &Local{repo, tree.Filesystem.Root()}, nil
}

// Root is the folder of the clone's files.
func (l *Local) Root() string { return l.root }

// CheckOut makes a working tree of one commit in dir, which does not exist or is empty. On an error what was written is
// removed again.
func (l *Local) CheckOut(ctx context.Context, sha, dir string) (Revision, error) {
	if err := makeEmpty(dir); err != nil {
		return Revision{}, err
	}
	rev, err := l.checkOut(ctx, plumbing.NewHash(sha), dir)
	if err != nil {
		return Revision{}, fmt.Errorf("working tree of %s: %w", sha, errors.Join(err, empty(dir)))
	}
	return rev, nil
}

func (l *Local) checkOut(ctx context.Context, at plumbing.Hash, dir string) (Revision, error) {
	repo, store, err := initIn(dir)
	if err != nil {
		return Revision{}, err
	}
	defer store.Close()
	objects, err := l.objects(ctx, at)
	if err != nil {
		return Revision{}, err
	}
	if err := store.SetShallow([]plumbing.Hash{at}); err != nil {
		return Revision{}, err
	}
	r, w := io.Pipe()
	go func() {
		_, err := packfile.NewEncoder(w, l.repo.Storer, false).Encode(objects, 0)
		w.CloseWithError(err)
	}()
	err = packfile.UpdateObjectStorage(store, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return Revision{}, err
	}
	return checkOut(repo, at, dir)
}

// objects are a commit, its folders and its files.
func (l *Local) objects(ctx context.Context, at plumbing.Hash) ([]plumbing.Hash, error) {
	commit, err := l.repo.CommitObject(at)
	if err != nil {
		return nil, err
	}
	tree, err := commit.Tree()
	if err != nil {
		return nil, err
	}
	seen := map[plumbing.Hash]bool{}
	out := []plumbing.Hash{at, tree.Hash}
	walker := object.NewTreeWalker(tree, true, nil)
	defer walker.Close()
	for ctx.Err() == nil {
		_, entry, err := walker.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if entry.Mode != filemode.Submodule && !seen[entry.Hash] {
			seen[entry.Hash] = true
			out = append(out, entry.Hash)
		}
	}
	return nil, ctx.Err()
}

// Changed lists the files that are not as in the commit that is checked out, those that are not in git among them and
// those that git ignores not. Sorted.
func (l *Local) Changed() ([]string, error) {
	tree, err := l.repo.Worktree()
	if err != nil {
		return nil, err
	}
	status, err := tree.Status()
	if err != nil {
		return nil, fmt.Errorf("what was changed in %s: %w", l.root, err)
	}
	var out []string
	for name, s := range status {
		if s.Worktree != git.Unmodified || s.Staging != git.Unmodified {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// CopyFiles gives files below one folder the content that they have below another, or removes them where they are not there.
// Links that lead out are left out, and so is whatever is neither a file nor a link.
func CopyFiles(files []string, source, target string) error {
	from, err := os.OpenRoot(source)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenRoot(target)
	if err != nil {
		return err
	}
	defer to.Close()
	for _, name := range files {
		if err := copyFile(from, to, filepath.FromSlash(name)); err != nil {
			return fmt.Errorf("copy %s: %w", name, err)
		}
	}
	return nil
}

func copyFile(from, to *os.Root, name string) error {
	if err := to.RemoveAll(name); err != nil {
		return err
	}
	info, err := from.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := to.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := from.Readlink(name)
		if err != nil {
			return err
		}
		if err := to.Symlink(target, name); err != nil {
			return err
		}
		if _, err := to.Stat(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return to.Remove(name) // it leads out of the tree
		}
		return nil
	case !info.Mode().IsRegular():
		return nil
	}
	in, err := from.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := to.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm()|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
