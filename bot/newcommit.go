package bot

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sluicehq/sluice/store"
)

// newCommit is a commit that the bot makes, on no branch.
type newCommit struct {
	Message string   `json:"message"`
	TreeOf  string   `json:"tree_of"` // the commit whose files it has
	Parents []string `json:"parents"`
	// Author is the commit whose author it has; empty: the App is the author.
	Author string `json:"author_of,omitempty"`
}

// createCommit makes a commit, once: the same key gives the same commit again.
func (s *session) createCommit(ctx context.Context, key string, c newCommit) (string, error) {
	return do(ctx, s, effect[string]{
		kind: effectCreateCommit, key: key, intent: c,
		blind: "a commit that no branch contains and no record names is nothing to anybody",
		act: func(ctx context.Context) (string, error) {
			if c.Author != "" {
				return s.gh.CopyCommit(ctx, c.Author, c.Message, c.TreeOf, c.Parents)
			}
			return s.gh.CreateCommit(ctx, c.Message, c.TreeOf, c.Parents)
		},
	})
}

// commitForBranch is the commit at which a branch is to begin. Where the branch is there already, made by an attempt that no
// record tells of, it is its head: the last parent says that it is for the same, and like every commit of this way it changes no
// file. A branch that was made and is gone again begins with another commit.
func (s *session) commitForBranch(ctx context.Context, r *store.Release, branch string, c newCommit) (string, error) {
	head, err := s.head(ctx, branch)
	if err != nil {
		return "", err
	}
	parent := c.Parents[len(c.Parents)-1]
	if head != "" {
		there, err := s.gh.Commit(ctx, head)
		if err != nil {
			return "", err
		}
		if n := len(there.Parents); n > 0 && n == len(c.Parents) && there.Parents[n-1] == parent {
			if same, err := s.changesNothing(ctx, there); err != nil || same {
				return head, err
			}
		}
	}
	made, err := s.timesMade(ctx, branch)
	if err != nil {
		return "", err
	}
	return s.createCommit(ctx, ownKey(r, branch, fmt.Sprintf(":begin@%s#%d", parent, made)), c)
}

// timesMade is how often the bot has made a branch.
func (s *session) timesMade(ctx context.Context, branch string) (int, error) {
	var made []store.Effect
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		made, err = tx.Effects(ctx, s.repo.ID, string(effectCreateBranch))
		return err
	})
	if err != nil {
		return 0, err
	}
	times := 0
	for _, e := range made {
		var b branchIntent
		if err := json.Unmarshal(e.Intent, &b); err != nil {
			return 0, fmt.Errorf("effect %s: %w", e.Key, err)
		}
		if e.Done && b.Branch == branch {
			times++
		}
	}
	return times, nil
}
