package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// wordWait is how long GitHub is given to tell of what Sluice made. It tells within seconds, if it does.
const wordWait = time.Minute

// madeOn is the payload of itemMade.
type madeOn struct {
	Branch string `json:"branch"`
}

// expectWordOf has a branch looked at a little later on which Sluice is about to make something: the branch itself, a merge, a pull
// request from it. What begins with GitHub's word of that, as a candidate's pipeline does, would wait for the next comparison if the
// word were lost. It is asked for before anything is made, so that no crash comes between.
func (s *session) expectWordOf(ctx context.Context, branch string) error {
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		return s.b.Queue.PostAt(ctx, tx, s.lane(), itemMade, madeOn{Branch: branch}, "made:"+branch, s.b.Now().Add(wordWait))
	})
}

// lookAtMade handles a branch on which Sluice made something, and the pull requests from it, as if GitHub had just told of them. Where it did tell,
// nothing is left to do, and what it tells later finds it done.
func (s *session) lookAtMade(ctx context.Context, f madeOn) error {
	if err := s.branchMoved(ctx, f.Branch, nil); err != nil {
		return err
	}
	pulls, err := s.gh.PullsFrom(ctx, f.Branch, "")
	if err != nil {
		return fmt.Errorf("pull requests from %s: %w", f.Branch, err)
	}
	for _, p := range pulls {
		if err := s.pullMade(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// pullMade is lookAtMade for a pull request.
func (s *session) pullMade(ctx context.Context, p forge.PullRequest) error {
	if !p.Open {
		return nil
	}
	var known store.Pull
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.Pull(ctx, s.repo.ID, p.Number)
		return ignoreMissing(err)
	})
	if err != nil {
		return err
	}
	return s.pullListed(ctx, known, p)
}
