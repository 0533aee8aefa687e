package gitrepo

import (
	"context"
	"fmt"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/sluicehq/sluice/forge"
)

// Log is the commits that to contains and from does not, parents before children; with an empty from all that to
// contains. Both are full SHAs. Where a shallow clone ends, so does the log.
func (r *Repo) Log(ctx context.Context, from, to string) ([]forge.Commit, error) {
	ends, err := r.repo.Storer.Shallow()
	if err != nil {
		return nil, fmt.Errorf("read where history ends: %w", err)
	}
	w := walk{repo: r.repo, ends: map[plumbing.Hash]bool{}, seen: map[plumbing.Hash]bool{}}
	for _, h := range ends {
		w.ends[h] = true
	}
	if from != "" {
		if err := w.from(ctx, plumbing.NewHash(from), func(*object.Commit) {}); err != nil {
			return nil, fmt.Errorf("log before %s: %w", from, err)
		}
	}
	var out []forge.Commit
	err = w.from(ctx, plumbing.NewHash(to), func(c *object.Commit) { out = append(out, commit(c)) })
	if err != nil {
		return nil, fmt.Errorf("log up to %s: %w", to, err)
	}
	return out, nil
}

// walk visits commits, each once over all calls of from.
type walk struct {
	repo *git.Repository
	ends map[plumbing.Hash]bool // whose parents are not here
	seen map[plumbing.Hash]bool
}

// from visits start and what it contains, parents before children.
func (w *walk) from(ctx context.Context, start plumbing.Hash, visit func(*object.Commit)) error {
	type open struct {
		commit *object.Commit
		next   int // parent to look at
	}
	var stack []open
	enter := func(h plumbing.Hash) error {
		if w.seen[h] {
			return nil
		}
		w.seen[h] = true
		c, err := w.repo.CommitObject(h)
		if err != nil {
			return fmt.Errorf("commit %s: %w", h, err)
		}
		stack = append(stack, open{commit: c})
		return ctx.Err()
	}
	if err := enter(start); err != nil {
		return err
	}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.next < len(top.commit.ParentHashes) && !w.ends[top.commit.Hash] {
			parent := top.commit.ParentHashes[top.next]
			top.next++
			if err := enter(parent); err != nil {
				return err
			}
			continue
		}
		visit(top.commit)
		stack = stack[:len(stack)-1]
	}
	return nil
}

func commit(c *object.Commit) forge.Commit {
	out := forge.Commit{
		SHA: c.Hash.String(), Message: c.Message, AuthorName: c.Author.Name, AuthorEmail: c.Author.Email,
		Time: c.Committer.When.UTC(),
	}
	for _, p := range c.ParentHashes {
		out.Parents = append(out.Parents, p.String())
	}
	return out
}
