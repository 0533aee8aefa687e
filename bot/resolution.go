package bot

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// tipOf is the commit of production for which Sluice made the branch of a back-merge; empty: it did not make it.
func (s *session) tipOf(ctx context.Context, tx *store.Tx, branch string) (tip string, err error) {
	made, err := tx.Effects(ctx, s.repo.ID, string(effectCreateBranch))
	if err != nil {
		return "", err
	}
	for _, e := range made {
		var b branchIntent
		if err := json.Unmarshal(e.Intent, &b); err != nil {
			return "", fmt.Errorf("effect %s: %w", e.Key, err)
		}
		if b.Branch == branch {
			tip = b.Tip // the last one counts
		}
	}
	return tip, nil
}

// lookResolution tells what the rules have against the head that people gave to a back-merge, and that nobody overrode: Sluice merges
// it by itself, whoever pushed. Of one that was merged it tells whether production came along. pr is m.Pull as it was read: read again,
// it could be of another head than the one that is merged.
func (s *session) lookResolution(ctx context.Context, w *world, m *gitflow.Backmerge, pr forge.PullRequest, line gitflow.Line) error {
	switch {
	case m.Pull.HeadSHA == m.Tip || m.Pull.HeadSHA == "":
		return nil
	case m.Pull.Open:
		found, _, _, err := s.verdict(ctx, pr)
		if err != nil || len(found.Violations) == 0 {
			return err
		}
		over, err := s.permitOf(ctx, CheckBranch, store.Pull{Number: pr.Number, HeadSHA: pr.Head.SHA, BaseBranch: pr.Base.Branch})
		if over == nil || over.BaseSHA != line.SHA {
			m.Pull.Fault = &found.Violations[0]
		}
		return err
	case m.Pull.Merged && !m.Repair && m.Tip == w.Production.SHA && !line.HasProduction:
		c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: m.Pull.HeadSHA, Head: m.Tip})
		m.Lacks = !c.Missing && !c.Contains()
		return err
	}
	return nil
}

// finishFault tells what the rule of resolutions has against the head of a pull request that brings a release's approved commit into
// production or its line; nil: nothing. It is about the head that pr has, and no newer one.
func (s *session) finishFault(ctx context.Context, r *store.Release, pr forge.PullRequest) (*gitflow.Violation, error) {
	facts, err := s.pullFacts(ctx, pr)
	if err != nil {
		return nil, err
	}
	facts.FinishSHA = r.SHA
	for _, need := range gitflow.FinishNeeds(s.names(), facts) {
		answer, _, err := s.flowCompare(ctx, need)
		if err != nil {
			return nil, err
		}
		facts.Comparisons = append(facts.Comparisons, answer)
	}
	return gitflow.CheckFinish(s.names(), facts), nil
}
