package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// maxSteps bounds how many steps one handling does, maxSame how often the same one in a row; a later look goes on.
const (
	maxSteps = 40
	maxSame  = 3
)

// pace counts the steps of one handling, and how often the same one was done in a row.
type pace struct {
	last        gitflow.Step
	steps, same int
}

// enough tells, before a step, whether it or all of them were done often enough.
func (p *pace) enough(step gitflow.Step) bool {
	if p.last.ID != step.ID || p.last.Kind != step.Kind || p.last.SHA != step.SHA {
		p.last, p.same = step, 0
	}
	p.steps++
	p.same++
	return p.same > maxSame || p.steps > maxSteps
}

// walk takes a release as far as it can go now: look at the world, ask for the plan, do the first step that is ready,
// look again.
func (s *session) walk(ctx context.Context, id string) error {
	var p pace
	for {
		r, err := s.release(ctx, id)
		if err != nil || r == nil {
			return err
		}
		s = s.in(r.Component)
		ph, any := phaseOf(r)
		if !any {
			return nil
		}
		if ph == phasePromote && s.cfg.Finish.Order == "merge-then-deploy" && r.Status != store.ReleaseOpen {
			ph = phaseFinish
		}
		if ph == phasePromote {
			if err := s.scanAgainst(ctx, cmp.Or(r.SHA, r.HeadSHA), s.names().Production); err != nil {
				return err
			}
		}
		w, err := s.look(ctx, r, ph)
		if err != nil {
			return err
		}
		for _, p := range []gitflow.Pull{w.Pull, w.FinishPull, w.RepairPull} { // whose check follows the plan
			if p.Open && ph == phaseFinish && p.HeadSHA != w.Candidate.SHA {
				s.mark(p.HeadSHA)
			}
		}
		moved, err := s.progress(ctx, r, w)
		if err == nil && !moved {
			moved, err = s.reportFirst(ctx, w)
		}
		if err != nil {
			return err
		}
		if moved {
			continue
		}
		plan := planOf(r, w)
		step, ok := plan.Next()
		if !ok {
			return s.rest(ctx, r, w, plan)
		}
		if p.enough(step) {
			return s.notYet(ctx, r, step, p.same > maxSame)
		}
		again, err := s.perform(ctx, r, w, step)
		if err != nil {
			return fmt.Errorf("%s of %s %s: %s: %w", plan.Name, r.Kind, r.Version, step.ID, err)
		}
		if !again {
			return s.setProblem(ctx, r, "")
		}
	}
}

// reportFirst judges the pull requests by which Sluice ends a release, and reports their checks, where no event told of their heads
// yet: rules may require those checks, and what is merged before would be refused. reported tells whether it did.
func (s *session) reportFirst(ctx context.Context, w *world) (reported bool, err error) {
	for _, p := range []gitflow.Pull{w.FinishPull, w.RepairPull} {
		if !p.Open {
			continue
		}
		var known store.Pull
		err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
			known, err = tx.Pull(ctx, s.repo.ID, p.Number)
			return ignoreMissing(err)
		})
		if err != nil {
			return reported, err
		}
		if known.HeadSHA == p.HeadSHA && len(known.Verdict) > 0 {
			continue
		}
		pr, err := s.gh.Pull(ctx, p.Number)
		if err != nil {
			return reported, err
		}
		if err := s.judge(ctx, pr); err != nil {
			return reported, err
		}
		reported = true
	}
	if !reported {
		return false, nil
	}
	return true, s.reportChecks(ctx)
}

// notYet ends a look after steps that were done often enough: the branch moves on under the last, or it was done in vain, and the
// world does not show it yet.
func (s *session) notYet(ctx context.Context, r *store.Release, step gitflow.Step, vain bool) error {
	problem := r.Problem
	switch into := step.Into(); {
	case s.moving[into]:
		problem = fmt.Sprintf("%s moves while %s is merged into it. Sluice tries again by itself.", into, r.Version)
	case vain:
		problem = fmt.Sprintf("Sluice did this, and GitHub does not show it, or somebody undoes it: %s. Sluice looks again by itself.", step.Title)
	}
	if err := s.setProblem(ctx, r, problem); err != nil {
		return err
	}
	return s.lookAgain(ctx, r)
}

// phaseOf is what has to be known to go on with a release; false when there is nothing to do.
func phaseOf(r *store.Release) (phase, bool) {
	switch {
	case r.Finished:
		return 0, false
	case r.Status == store.ReleaseOpen && r.Pull == 0:
		return phaseStart, true
	case r.Status == store.ReleaseReleased || r.Status == store.ReleaseRolledBack:
		return phaseFinish, true
	case r.Status == store.ReleaseAbandoned:
		return phaseStart, true
	default:
		return phasePromote, true
	}
}

// planOf asks gitflow for the plan of where the release is.
func planOf(r *store.Release, w *world) gitflow.Plan {
	switch {
	case r.Status == store.ReleaseAbandoned:
		return gitflow.PlanAbandon(w.State)
	case r.Status == store.ReleaseReleased || r.Status == store.ReleaseRolledBack:
		return gitflow.PlanFinish(w.State)
	case r.Pull == 0:
		return gitflow.PlanStart(w.State)
	default:
		return gitflow.PlanPromote(w.State)
	}
}

// progress takes over what the pipelines of a release have come to. moved says that the release stands elsewhere now.
func (s *session) progress(ctx context.Context, r *store.Release, w *world) (moved bool, err error) {
	x, d := w.execution, w.deploying
	switch {
	case r.ProductionTip == "" && w.Production.HasCandidate:
		return true, s.updateRelease(ctx, r, func(r *store.Release) { r.ProductionTip = w.Production.SHA })
	case r.Status == store.ReleaseOpen && r.Pull == 0 && w.Pull.Number != 0 && w.Pull.Open:
		return true, s.cockpitAt(ctx, r, w.Pull.Number)
	case r.Status == store.ReleaseOpen && x != nil && r.CandidateDigest != x.State.Digest():
		return true, s.updateRelease(ctx, r, func(r *store.Release) { r.CandidateDigest = x.State.Digest() })
	case r.Status == store.ReleaseOpen && x != nil && s.staleConfig(r, x):
		return true, s.rebind(ctx, r, x)
	case r.Status == store.ReleaseOpen && x != nil && awaitsEntry(x):
		return s.decideEntry(ctx, r, x)
	case r.Status == store.ReleaseOpen && x != nil && w.Approvals.RejectedBy != "":
		return s.reject(ctx, r, x)
	case r.Status == store.ReleasePromoting && x != nil && x.Status == pipeline.Succeeded && r.ProductionDigest != x.State.Digest():
		return true, s.updateRelease(ctx, r, func(r *store.Release) {
			r.ProductionDigest, r.ProductionImage = x.State.Digest(), s.productionImage(r)
		})
	case r.Status == store.ReleasePromoting && x != nil && x.Status.Final() && x.Status != pipeline.Succeeded:
		return true, s.failRelease(ctx, r, x, "The promotion failed: ")
	case r.Status == store.ReleaseFailed && x != nil && !x.Status.Final():
		return true, s.updateRelease(ctx, r, func(r *store.Release) { r.Status, r.Problem = store.ReleasePromoting, "" })
	case r.Status == store.ReleasePromoting && x != nil && x.Status == pipeline.Succeeded && w.Undeployed:
		return true, s.released(ctx, r)
	case d == nil:
		return false, nil
	case r.Status == store.ReleasePromoting && d.Status == pipeline.Succeeded:
		return true, s.released(ctx, r)
	case r.Status == store.ReleasePromoting && d.Status.Final():
		return true, s.failRelease(ctx, r, d, "The deployment to production failed: ")
	case r.Status == store.ReleaseFailed && !d.Status.Final():
		return true, s.updateRelease(ctx, r, func(r *store.Release) { r.Status, r.Problem = store.ReleasePromoting, "" })
	}
	return false, nil
}

func awaitsEntry(x *store.Execution) bool {
	_, _, ok := entry(x.State)
	return ok
}

// hashOf is what approvals of a release rest on, in the session's view of its component.
func (s *session) hashOf(r *store.Release) string {
	return s.cfg.ApprovalHash(pipelineKind(s.cfg, r.Kind, r.Line))
}

// staleConfig tells whether what approvals rest on was changed in the configuration while a candidate waits.
func (s *session) staleConfig(r *store.Release, x *store.Execution) bool {
	_, _, waits := x.State.OpenApproval()
	return waits && x.SHA == r.HeadSHA && x.ConfigHash != s.hashOf(r)
}

// configChanged is why approvals fall when what they rest on was changed in the file.
const configChanged = "the configuration that approvals rest on was changed"

// rebind runs the candidate's pipeline anew under a changed configuration; approvals of the old one fall.
func (s *session) rebind(ctx context.Context, r *store.Release, x *store.Execution) error {
	if err := s.voidApprovals(ctx, r, configChanged); err != nil {
		return err
	}
	_, err := s.start(ctx, startRequest{
		kind: x.Kind, branch: s.classify(x.Branch), sha: x.SHA, release: r, by: x.StartedBy,
		origin: "config after " + x.ID,
	})
	return err
}

// released records that production runs the release. The check turns green before anything is merged.
func (s *session) released(ctx context.Context, r *store.Release) error {
	// Told first: once the record says so, nobody comes here again.
	if err := s.tell(ctx, r, "deployed", inProduction(r)); err != nil {
		return err
	}
	err := s.updateRelease(ctx, r, func(r *store.Release) {
		r.Status, r.ReleasedAt, r.Problem = store.ReleaseReleased, s.b.Now(), ""
	})
	if err != nil {
		return err
	}
	s.mark(r.SHA)
	return s.reportChecks(ctx)
}

// goesBack tells whether the configuration answers the end of an execution, which failed, by the last good version. Beside what was
// abandoned, and may go on, nothing is deployed by itself.
func (s *session) goesBack(ctx context.Context, x *store.Execution) (bool, error) {
	if x.Kind != pipeline.KindProduction || x.State.Abandoned() {
		return false, nil
	}
	e := s.cfg.Environment(pipeline.EnvironmentProduction)
	if e.RollbackOnFailure || !e.RollbackOnAlarm {
		return e.RollbackOnFailure, nil
	}
	list, err := s.stopsNow(ctx)
	if err != nil {
		return false, err
	}
	raised := func(a store.Stop) bool { return !a.At.Before(x.CreatedAt) }
	return slices.ContainsFunc(list.alarmsIn(s.env(pipeline.EnvironmentProduction)), raised), nil
}

// failRelease records that a promotion failed, tells who must know, and puts the last good version back where the
// configuration asks for that.
func (s *session) failRelease(ctx context.Context, r *store.Release, x *store.Execution, problem string) error {
	problem += lowerFirst(pipeline.Why(x.State, s.b.Now()))
	// The consequences first: once the record says so, nobody comes here again. Each is done once for each attempt.
	attempt := fmt.Sprintf("%s-%d", x.ID, len(x.State.RetryKeys))
	if err := s.tell(ctx, r, "failed:"+attempt, prose(problem)); err != nil {
		return err
	}
	goBack, err := s.goesBack(ctx, x)
	if err != nil {
		return err
	}
	if goBack {
		back, err := s.putBack(ctx, r, attempt, problem)
		if err != nil {
			return err
		}
		if back { // the decision was written with the mark on the release
			return s.updateRelease(ctx, r, func(r *store.Release) { r.Problem = problem })
		}
	}
	return s.updateRelease(ctx, r, func(r *store.Release) { r.Status, r.Problem = store.ReleaseFailed, problem })
}

// rest is where a walk ends: the plan is done, or what is left waits for something or somebody.
func (s *session) rest(ctx context.Context, r *store.Release, w *world, plan gitflow.Plan) error {
	if plan.Done() {
		switch r.Status {
		case store.ReleaseReleased, store.ReleaseRolledBack, store.ReleaseAbandoned:
			return s.finished(ctx, r, w)
		}
		return s.setProblem(ctx, r, "")
	}
	if err := s.sayBlocked(ctx, plan); err != nil {
		return err
	}
	problem := plan.Refused.String()
	waiting := false
	for _, b := range plan.Blocked() {
		waiting = waiting || b.Waiting != ""
		if problem == "" {
			problem = b.Blocked.String()
		}
	}
	if err := s.parked(ctx, r, w, plan); err != nil {
		return err
	}
	if waiting || r.Status == store.ReleaseReleased {
		if err := s.lookAgain(ctx, r); err != nil {
			return err
		}
	}
	return s.setProblem(ctx, r, problem)
}

// finished records that nothing is left to do for a release.
func (s *session) finished(ctx context.Context, r *store.Release, w *world) error {
	s.touch(r.ID)
	s.mark(r.SHA)
	s.mark(r.HeadSHA)
	if r.Line != "" && r.Status != store.ReleaseAbandoned {
		if err := s.carryForward(ctx, r); err != nil {
			return err
		}
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.Release(ctx, r.ID)
		if err != nil {
			return err
		}
		now.Finished, now.Problem, now.ProductionTip, now.UpdatedAt = true, "", cmp.Or(now.ProductionTip, w.Production.SHA), s.b.Now()
		*r = now
		if err := tx.SaveRelease(ctx, now); err != nil || r.Status == store.ReleaseAbandoned {
			return err
		}
		return s.auditIn(ctx, tx, r.StartedBy, r.Kind+".finished", r.Key(), "", map[string]any{"sha": r.SHA, "digest": r.CandidateDigest})
	})
}

// setProblem records what blocks a release.
func (s *session) setProblem(ctx context.Context, r *store.Release, problem string) error {
	if r.Problem == problem || r.Status == store.ReleaseFailed {
		return nil
	}
	return s.updateRelease(ctx, r, func(r *store.Release) { r.Problem = problem })
}

// release loads a release; nil when there is none.
func (s *session) release(ctx context.Context, id string) (*store.Release, error) {
	var r store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		r, err = tx.Release(ctx, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &r, err
}

// updateRelease changes a release in a transaction and brings r up to date. records are written in the same transaction.
func (s *session) updateRelease(ctx context.Context, r *store.Release, change func(*store.Release), records ...func(*store.Tx) error) error {
	s.touch(r.ID)
	s.mark(r.SHA)
	s.mark(r.HeadSHA)
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.Release(ctx, r.ID)
		if err != nil {
			return err
		}
		change(&now)
		now.UpdatedAt = s.b.Now()
		*r = now
		if err := tx.SaveRelease(ctx, now); err != nil {
			return err
		}
		for _, record := range records {
			if err := record(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// releaseOf is the release a branch belongs to. A branch made by hand is adopted; nil: it is none of ours to release.
func (s *session) releaseOf(ctx context.Context, branch gitflow.Branch, head string, e *event.Push) (*store.Release, error) {
	var r store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		r, err = tx.ReleaseByBranch(ctx, s.repo.ID, branch.Name)
		return err
	})
	if err == nil && r.Status != store.ReleaseAbandoned && !r.Finished {
		return &r, nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return s.adoptBranch(ctx, branch, head, sender(e))
}

// adoptBranch makes a release of a branch that somebody pushed by hand.
func (s *session) adoptBranch(ctx context.Context, branch gitflow.Branch, head string, by forge.User) (*store.Release, error) {
	if branch.Kind == gitflow.KindSupport || len(branch.Flaws) > 0 {
		return nil, nil
	}
	line, err := s.nearestLine(ctx, branch, head)
	if err != nil {
		return nil, err
	}
	base := s.names().Development
	switch {
	case line != "":
		base = s.supportBranch(line)
	case branch.Kind == gitflow.KindHotfix:
		base = s.names().Production
	}
	c, err := s.compare(ctx, base, head)
	if err != nil {
		return nil, err
	}
	r := store.Release{
		ID: store.NewID(), RepoID: s.repo.ID, Kind: string(branch.Kind), Component: s.component(), Branch: branch.Name, HotfixID: branch.ID, Line: line,
		CutSHA: c.MergeBase, HeadSHA: head, Status: store.ReleaseOpen, StartedBy: by,
		Origin: "branch " + branch.Name, StartedAt: s.b.Now(), UpdatedAt: s.b.Now(),
	}
	if err := s.nameRelease(ctx, &r, branch); err != nil {
		var no *userError
		if errors.As(err, &no) {
			return nil, s.audit(ctx, by, "branch.refused", branch.Name, no.text, nil)
		}
		return nil, err
	}
	return &r, s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SaveRelease(ctx, r); err != nil {
			return err
		}
		return s.auditIn(ctx, tx, by, r.Kind+".adopted", r.Key(), "the branch was pushed by hand", nil)
	})
}
