package gitrepo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// checkOut writes the files of a commit into dir, the work tree of repo.
func checkOut(repo *git.Repository, at plumbing.Hash, dir string) (Revision, error) {
	commit, err := repo.CommitObject(at)
	if err != nil {
		return Revision{}, fmt.Errorf("the server sent something else than the commit: %w", err)
	}
	links, modules, err := unusual(commit)
	if err != nil {
		return Revision{}, fmt.Errorf("read the commit's tree: %w", err)
	}
	tree, err := repo.Worktree()
	if err != nil {
		return Revision{}, err
	}
	if err := tree.Checkout(&git.CheckoutOptions{Hash: at, Force: true}); err != nil {
		return Revision{}, fmt.Errorf("write the commit's files: %w", err)
	}
	leftOut, err := LeaveOut(dir, links)
	if err != nil {
		return Revision{}, fmt.Errorf("look through symbolic links: %w", err)
	}
	return Revision{SHA: at.String(), CommitTime: commit.Committer.When.UTC(), Submodules: modules, LeftOut: leftOut}, nil
}

// unusual lists the symbolic links and the submodules of a commit, sorted.
func unusual(c *object.Commit) (links, modules []string, err error) {
	tree, err := c.Tree()
	if err != nil {
		return nil, nil, err
	}
	walker := object.NewTreeWalker(tree, true, nil)
	defer walker.Close()
	for {
		name, entry, err := walker.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(links)
			slices.Sort(modules)
			return links, modules, nil
		}
		if err != nil {
			return nil, nil, err
		}
		switch entry.Mode {
		case filemode.Symlink:
			links = append(links, name)
		case filemode.Submodule:
			modules = append(modules, name)
		default:
		}
	}
}

// LeaveOut removes, of the symbolic links of a working tree whose paths below dir are given, those that lead out of dir, be it by
// way of other links, and returns them. A link to nothing stays: it leads nowhere.
func LeaveOut(dir string, links []string) ([]string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var out []string
	for _, link := range links {
		// A Root follows links only as long as they stay below it.
		if _, err := root.Stat(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			out = append(out, link)
		}
	}
	for _, link := range out {
		if err := root.Remove(link); err != nil {
			return nil, err
		}
	}
	return out, nil
}
