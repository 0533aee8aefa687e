package bot

import (
	"context"
	"slices"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// promotedNow is another release that comes before this one now. Of one component, which has one production, one is on its way at a
// time; one that is parked between its copy and its deployment keeps nobody waiting.
//
// Releases of two components go into two environments, by images and tags of their own, so they are promoted side by side. What they
// share is the branch that both are merged into, one merge after the other. A conflict there has to show before anything is deployed,
// and what GitHub says of the candidate's pull request tells only of what the branch has already. So where both change the same files
// the second waits until the first is merged.
func (s *session) promotedNow(ctx context.Context, r *store.Release, w *world) (gitflow.Promotion, error) {
	var own, others []store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		all, err := tx.UnfinishedReleases(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		for _, o := range all {
			if o.ID == r.ID || o.Status != store.ReleasePromoting && o.Status != store.ReleaseReleased {
				continue
			}
			moves, err := onItsWay(ctx, tx, o)
			switch {
			case err != nil:
				return err
			case o.Component != r.Component && (moves || o.Status == store.ReleaseReleased):
				others = append(others, o)
			case moves:
				own = append(own, o)
			}
		}
		return nil
	})
	if err != nil {
		return gitflow.Promotion{}, err
	}
	if n := len(own); n > 0 {
		return s.promotionOf(&own[n-1]), nil
	}
	for _, o := range others {
		p, first, err := s.comesFirst(ctx, r, &o, w)
		if err != nil || first {
			return p, err
		}
	}
	return gitflow.Promotion{}, nil
}

// promotionOf is a release on its way into production, in gitflow's words.
func (s *session) promotionOf(r *store.Release) gitflow.Promotion {
	return gitflow.Promotion{
		Version: r.Name(), By: r.PromoteBy.Login, Environment: s.in(r.Component).env(pipeline.EnvironmentProduction), Runs: r.Status == store.ReleaseReleased,
	}
}

// onItsWay tells whether anything of a release's promotion runs and does not just wait to be let into an environment.
func onItsWay(ctx context.Context, tx *store.Tx, r store.Release) (bool, error) {
	if r.Status != store.ReleasePromoting {
		return false, nil
	}
	for _, id := range []string{r.ExecutionID, r.ProductionExecutionID} {
		x, err := oneExecution(ctx, tx, id)
		if err != nil {
			return false, err
		}
		if x != nil && !x.Status.Final() && !waitsOutside(x.State) {
			return true, nil
		}
	}
	return false, nil
}

// comesFirst tells whether a release of another component, which is on its way into production, comes first: it is yet to be merged
// into the same branch, and changes files that this one changes, too, or may.
func (s *session) comesFirst(ctx context.Context, r, other *store.Release, w *world) (p gitflow.Promotion, first bool, err error) {
	p = s.promotionOf(other)
	if s.in(other.Component).namesOf(other).Production != w.Production.Branch {
		return p, false, nil // a support line of its own
	}
	merged, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: w.Production.SHA, Head: other.SHA})
	if err != nil || merged.Contains() {
		return p, false, err
	}
	here, ours, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: other.SHA, Head: w.Candidate.SHA})
	if err != nil {
		return p, false, err
	}
	there, theirs, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: w.Candidate.SHA, Head: other.SHA})
	if err != nil {
		return p, false, err
	}
	p.Unlisted = here.Missing || there.Missing || ours.FilesTruncated || theirs.FilesTruncated
	p.Shares = bothChange(ours, theirs)
	return p, p.Unlisted || len(p.Shares) > 0, nil
}

// bothChange are the files that both sides changed since they parted.
func bothChange(ours, theirs forge.Comparison) []string {
	return slices.DeleteFunc(slices.Clone(ours.Files), func(f string) bool { return !slices.Contains(theirs.Files, f) })
}

// waitsOutside tells whether all that runs of an execution is waiting to be let into an environment.
func waitsOutside(state pipeline.State) bool {
	waits := false
	for _, stage := range state.Stages {
		for _, a := range stage.Actions {
			if a.Status == pipeline.InProgress && a.WaitsFor == "" {
				return false
			}
			waits = waits || a.WaitsFor != ""
		}
	}
	return waits
}
