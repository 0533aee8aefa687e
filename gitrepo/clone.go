// Package gitrepo makes the working trees that embedded executors build in, out of a server's repository. Questions about
// history that decide a release go to GitHub, not here.
//
// A clone is a stranger's files, so little is done with it. Exactly one revision is fetched, without history, over
// HTTPS, from the place that was named and from nowhere it might redirect to. No program runs: there are no hooks, no
// filters (a file kept in LFS stays the pointer it is in git), no helpers for credentials, and no configuration of the
// host is read. Submodules are not fetched; their folders are empty and their names are reported. A symbolic link that
// leads out of the tree is left out and reported. The token goes into a header, and neither into the URL nor into the
// configuration that the clone keeps, nor into an error.
package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/go-git/go-billy/v5/osfs"
)

// Source says what to clone.
type Source struct {
	// URL is where the repository is, https://host/owner/name.git; http is taken for this host itself only (127.0.0.1,
	// ::1, localhost). It holds no credentials.
	URL string
	// SHA is the commit, all 40 hex digits of it. It need not be the head of a branch, but the server must allow to
	// ask for it: GitHub does, elsewhere uploadpack.allowReachableSHA1InWant or allowAnySHA1InWant must be set.
	SHA string
	// Token is the installation token; empty for a repository that anybody may read.
	Token Token
}

// Revision is what was cloned.
type Revision struct {
	SHA string
	// CommitTime is the committer's date of the commit, in UTC: the time that whatever is built from it may carry, so
	// that the same commit gives the same bytes.
	CommitTime time.Time
	// Submodules are the paths of submodules, whose folders stay empty; sorted.
	Submodules []string
	// LeftOut are the paths of symbolic links that lead out of the tree and were not made; sorted.
	LeftOut []string
}

// Cloner clones. The zero value is ready to use. Its methods may be called concurrently.
type Cloner struct {
	// Transport makes the HTTP requests. Defaults to http.DefaultTransport's like, whose connections end once nothing has moved on them for
	// silence.Max.
	Transport Transport
	// MaxBytes bounds the packed size of a clone, as it comes over the network. Defaults to 4 GiB.
	MaxBytes int64
}

// Clone makes a working tree of one revision in dir, which does not exist or is empty. The commit is checked out
// detached, with an index, so that git status, git diff and git rev-parse work in it; history ends at it. On an error
// what was written is removed again. The error is an *Error, which tells whether to try again.
func (c Cloner) Clone(ctx context.Context, from Source, dir string) (Revision, error) {
	if err := from.check(); err != nil {
		return Revision{}, refused(err)
	}
	if err := makeEmpty(dir); err != nil {
		return Revision{}, failed(from, err)
	}
	rev, err := c.clone(ctx, from, dir)
	if err != nil {
		return Revision{}, failed(from, errors.Join(err, ctx.Err(), empty(dir)))
	}
	return rev, nil
}

func (c Cloner) clone(ctx context.Context, from Source, dir string) (Revision, error) {
	repo, store, err := initIn(dir)
	if err != nil {
		return Revision{}, fmt.Errorf("prepare the clone: %w", err)
	}
	defer store.Close()
	if _, err := repo.CreateRemote(&config.RemoteConfig{Name: git.DefaultRemoteName, URLs: []string{from.URL}}); err != nil {
		return Revision{}, fmt.Errorf("prepare the clone: %w", err)
	}
	if err := c.fetch(ctx, from, store); err != nil {
		return Revision{}, err
	}
	return checkOut(repo, plumbing.NewHash(from.SHA), dir)
}

// initIn makes a repository without a commit in an empty folder, out of which nothing of it leads. Who calls it closes its storage.
func initIn(dir string) (*git.Repository, *filesystem.Storage, error) {
	tree := osfs.New(dir, osfs.WithBoundOS())
	dot, err := tree.Chroot(git.GitDirName)
	if err != nil {
		return nil, nil, err
	}
	store := filesystem.NewStorage(dot, cache.NewObjectLRUDefault())
	repo, err := git.Init(store, tree)
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return repo, store, nil
}

// makeEmpty makes dir, or sees that nothing is in it.
func makeEmpty(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) != 0 {
		return fmt.Errorf("%s is not empty: %w", dir, fs.ErrExist)
	}
	return nil
}

// empty removes what is in dir.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}
