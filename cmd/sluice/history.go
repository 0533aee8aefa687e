package main

import (
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/sluicehq/sluice/tagging"
)

// walk visits what is reachable from a commit and not in seen, each commit once, parents first, and adds it to seen.
// Commits that a shallow clone lacks end it there.
func (c *clone) walk(from plumbing.Hash, seen map[plumbing.Hash]bool, visit func(*object.Commit)) error {
	type step struct {
		commit *object.Commit
		parent int // the next parent to go to
	}
	var stack []step
	push := func(h plumbing.Hash) error {
		if h.IsZero() || seen[h] {
			return nil
		}
		seen[h] = true
		commit, err := c.repo.CommitObject(h)
		if errors.Is(err, plumbing.ErrObjectNotFound) && len(c.shallow) > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("commit %s: %w", h, err)
		}
		stack = append(stack, step{commit: commit})
		return nil
	}
	if err := push(from); err != nil {
		return err
	}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.parent < len(top.commit.ParentHashes) && !c.shallow[top.commit.Hash] {
			parent := top.commit.ParentHashes[top.parent]
			top.parent++
			if err := push(parent); err != nil {
				return err
			}
			continue
		}
		visit(top.commit)
		stack = stack[:len(stack)-1]
	}
	return nil
}

// commitsSince are the commits of tip that none of the others holds, oldest first.
func (c *clone) commitsSince(tip plumbing.Hash, others ...plumbing.Hash) ([]tagging.Commit, error) {
	seen := make(map[plumbing.Hash]bool)
	for _, other := range others {
		if err := c.walk(other, seen, func(*object.Commit) {}); err != nil {
			return nil, err
		}
	}
	var commits []tagging.Commit
	err := c.walk(tip, seen, func(commit *object.Commit) {
		commits = append(commits, tagging.Commit{
			SHA: commit.Hash.String(), Message: commit.Message, Merge: commit.NumParents() > 1, AuthorName: commit.Author.Name,
		})
	})
	return commits, err
}

// latestIn is the latest release that a commit contains.
func (c *clone) latestIn(tip plumbing.Hash) (tagging.ReleaseRecord, bool, error) {
	seen := make(map[plumbing.Hash]bool)
	if err := c.walk(tip, seen, func(*object.Commit) {}); err != nil {
		return tagging.ReleaseRecord{}, false, err
	}
	var latest tagging.ReleaseRecord
	found := false
	for _, r := range c.log.Releases() {
		if seen[plumbing.NewHash(r.SHA)] && (!found || c.log.Compare(r.Version, latest.Version) > 0) {
			latest, found = r, true
		}
	}
	return latest, found, nil
}
