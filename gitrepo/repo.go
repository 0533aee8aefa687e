package gitrepo

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/sluicehq/sluice/forge"
)

// Repo is a clone on this host, read and never changed. Open opens one.
type Repo struct{ repo *git.Repository }

// Open opens the clone that dir lies in: dir itself or the next folder above it that has a .git. Linked work trees are
// clones too.
func Open(dir string) (*Repo, error) {
	repo, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fmt.Errorf("%s is not in a git repository: change to one", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open the git repository of %s: %w", dir, err)
	}
	return &Repo{repo}, nil
}

// Head is what is checked out. Name is empty when that is a commit and not a branch. Without any commit it is an
// error.
func (r *Repo) Head() (forge.Branch, error) {
	ref, err := r.repo.Head()
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return forge.Branch{}, errors.New("the repository has no commit yet")
	}
	if err != nil {
		return forge.Branch{}, fmt.Errorf("read HEAD: %w", err)
	}
	head := forge.Branch{SHA: ref.Hash().String()}
	if ref.Name().IsBranch() {
		head.Name = ref.Name().Short()
	}
	return head, nil
}

// Branches are the local branches, by name.
func (r *Repo) Branches() ([]forge.Branch, error) { return r.branches("refs/heads/") }

// RemoteBranches are the branches of a remote as they were when last fetched, by name: "development", not
// "origin/development".
func (r *Repo) RemoteBranches(remote string) ([]forge.Branch, error) {
	return r.branches("refs/remotes/" + remote + "/")
}

func (r *Repo) branches(prefix string) ([]forge.Branch, error) {
	refs, err := r.repo.References()
	if err != nil {
		return nil, fmt.Errorf("read branches: %w", err)
	}
	defer refs.Close()
	var out []forge.Branch
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		name := ref.Name().String()
		// origin/HEAD is symbolic, and no branch.
		if ref.Type() == plumbing.HashReference && len(name) > len(prefix) && name[:len(prefix)] == prefix {
			out = append(out, forge.Branch{Name: name[len(prefix):], SHA: ref.Hash().String()})
		}
		return nil
	})
	slices.SortFunc(out, func(a, b forge.Branch) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}

// Tags are the tags that point at commits, annotated ones peeled, by name. A tag on anything else is no release and is
// left out.
func (r *Repo) Tags() ([]forge.Tag, error) {
	refs, err := r.repo.Tags()
	if err != nil {
		return nil, fmt.Errorf("read tags: %w", err)
	}
	defer refs.Close()
	var out []forge.Tag
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		commit, err := r.peel(ref.Hash())
		if err != nil {
			return fmt.Errorf("tag %s: %w", ref.Name().Short(), err)
		}
		if commit != "" {
			out = append(out, forge.Tag{Name: ref.Name().Short(), SHA: commit})
		}
		return nil
	})
	slices.SortFunc(out, func(a, b forge.Tag) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}

// peel follows tags of tags to a commit; empty when they end at something else.
func (r *Repo) peel(at plumbing.Hash) (string, error) {
	for {
		tag, err := r.repo.TagObject(at)
		switch {
		case err == nil:
			at = tag.Target
			continue
		case !errors.Is(err, plumbing.ErrObjectNotFound):
			return "", err
		}
		_, err = r.repo.CommitObject(at)
		switch {
		case err == nil:
			return at.String(), nil
		case errors.Is(err, plumbing.ErrObjectNotFound): // a tree or a blob, or beyond where a shallow clone ends
			return "", nil
		default:
			return "", err
		}
	}
}

// Resolve turns whatever git rev-parse takes for a commit (a branch, a tag, a short SHA, HEAD~2) into its SHA.
func (r *Repo) Resolve(revision string) (string, error) {
	h, err := r.repo.ResolveRevision(plumbing.Revision(revision))
	if err != nil {
		return "", fmt.Errorf("revision %q: %w", revision, err)
	}
	return h.String(), nil
}

// Shallow tells whether history is cut off somewhere, so that Log may lack commits.
func (r *Repo) Shallow() (bool, error) {
	ends, err := r.repo.Storer.Shallow()
	if err != nil {
		return false, fmt.Errorf("read where history ends: %w", err)
	}
	return len(ends) > 0, nil
}

// RemoteURL is the URL of a remote without credentials; empty when there is no such remote.
func (r *Repo) RemoteURL(remote string) (string, error) {
	rem, err := r.repo.Remote(remote)
	if errors.Is(err, git.ErrRemoteNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read remote %s: %w", remote, err)
	}
	urls := rem.Config().URLs
	if len(urls) == 0 {
		return "", nil
	}
	if u, err := url.Parse(urls[0]); err == nil && u.User != nil {
		u.User = nil
		return u.String(), nil
	}
	return urls[0], nil
}
