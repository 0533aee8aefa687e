package pipeline

import (
	"fmt"
	"slices"
	"time"
)

func (r *run) cancelRequested(f CancelRequested) (changed bool, err error) {
	switch {
	case f.At.Before(r.s.RetriedAt):
		return false, nil // it was meant for the pass before
	case r.s.Status == Stopped:
		return false, nil
	case r.s.Status.Final():
		return refused("the execution has ended already: %s", r.s.Status)
	case f.Halt != "" && f.Halt != HaltWait && f.Halt != HaltAbandon:
		return refused("what runs is stopped, or with %q or %q, not %q", HaltWait, HaltAbandon, f.Halt)
	}
	reason := "cancelled by " + f.By.Login
	if f.Reason != "" {
		reason += ": " + f.Reason
	}
	if r.s.Status == Waiting {
		r.finish(Stopped, reason)
		return true, nil
	}
	if r.s.Stopping == nil {
		r.s.Stopping = &Stopping{Status: Stopped, By: f.By, Reason: reason, At: f.At}
		changed = true
	}
	switch f.Halt {
	case HaltWait:
		return r.stop(Stopped, reason, begun) || changed, nil
	case HaltAbandon:
		return r.abandon(reason) || changed, nil
	}
	return r.stop(Stopped, reason, nobody) || changed, nil
}

// nobody spares no action.
func nobody(*Action, *ActionState) bool { return false }

// begun spares what does something already. What deploys has begun once its executor has: before that it may wait for its turn.
func begun(d *Action, a *ActionState) bool {
	return a.WaitsFor == "" && (!d.Deploys || !a.RunningAt.IsZero())
}

// deploying spares deployments under way: half a deployment helps nobody, and the next waits for the environment's lock.
func deploying(d *Action, a *ActionState) bool { return d.Deploys && !a.RunningAt.IsZero() }

func (r *run) supersededBy(f SupersededBy) (changed bool, err error) {
	switch {
	case f.ID == "" || f.ID == r.s.ID:
		return refused("an execution can only be superseded by another one")
	case r.s.Status.Final() || r.s.Stopping != nil:
		return false, nil
	case r.s.Promoting():
		return refused("its promotion has started; later commits are not in this release")
	}
	reason := "superseded by " + f.ID
	if f.What != "" {
		reason = "superseded by " + f.What
	}
	r.s.SupersededBy = f.ID
	if r.s.Status == Waiting {
		r.finish(Superseded, reason)
		return true, nil
	}
	r.s.Stopping = &Stopping{Status: Superseded, Reason: reason, At: f.At}
	r.stop(Superseded, reason, deploying)
	return true, nil
}

// stop closes open approvals with the status and tells what runs to stop, except what is spared and runs to its end.
func (r *run) stop(status Status, reason string, spared func(*Action, *ActionState) bool) (changed bool) {
	r.s.Resolving = time.Time{}
	r.closeApprovals(status, reason)
	r.s.each(func(_, _ int, d *Action, a *ActionState) bool {
		if a.Status == InProgress && a.StopReason == "" && !spared(d, a) {
			r.stopAction(d, a, reason)
			changed = true
		}
		return true
	})
	return changed
}

// abandon ends whatever runs, at once. What had begun is lost: it may go on, and nobody can say how it ends.
func (r *run) abandon(reason string) (changed bool) {
	r.s.Resolving = time.Time{}
	r.closeApprovals(Stopped, reason)
	r.s.each(func(_, _ int, d *Action, a *ActionState) bool {
		if a.Status != InProgress {
			return true
		}
		summary := reason
		if a.Lost = a.WaitsFor == ""; a.Lost {
			summary += "; it was abandoned, and how it ended is unknown"
			if d.Deploys {
				summary += ", as is what " + d.Environment + " runs until the next deployment"
			}
		}
		r.do(AbandonAction{ID: a.ID, Uses: d.Uses, Reason: reason})
		a.end(Stopped, summary, r.now)
		changed = true
		return true
	})
	return changed
}

func (r *run) stopAction(d *Action, a *ActionState, reason string) {
	a.StopReason, a.Deadline = reason, r.now.Add(StopGrace)
	r.do(StopAction{ID: a.ID, Uses: d.Uses, Reason: reason})
}

func (r *run) held(f Held) (changed bool, err error) {
	if r.s.Status.Final() || r.s.Stopping != nil {
		return refused("the execution has ended already: %s", r.s.Status)
	}
	h := Hold{By: f.By, Reason: f.Reason, At: f.At, Until: f.Until, Lifts: !f.Until.IsZero()}
	if !h.Lifts {
		h.Until = f.At.Add(ApprovalTimeout)
	}
	if r.s.Hold != nil && *r.s.Hold == h {
		return false, nil
	}
	r.s.Hold = &h
	return true, nil
}

// queued takes in a place in the queue.
func (r *run) queued(f Queued) (changed bool) {
	now := Turn{Number: f.Number, Behind: f.Behind}
	if r.s.Status != Waiting || r.s.Turn != nil && *r.s.Turn == now {
		return false
	}
	r.s.Turn = &now
	return true
}

func (r *run) unheld() (changed bool) {
	changed = r.s.Hold != nil
	r.s.Hold = nil
	return changed
}

// ticked enforces every deadline.
func (r *run) ticked() (changed bool) {
	due := func(t time.Time) bool { return !t.IsZero() && !r.now.Before(t) }
	if r.s.Status.Final() {
		return false
	}
	if h := r.s.Hold; h != nil && due(h.Until) {
		r.s.Hold, changed = nil, true
		if !h.Lifts && r.s.Stopping == nil {
			r.expireHold(h)
		}
	}
	if r.s.Status == Waiting && due(r.s.queueDeadline()) {
		r.finish(Failed, fmt.Sprintf("its turn did not come within %s", span(QueueTimeout)))
		return true
	}
	if st := r.s.arrived(); st != nil && due(st.keptUntil()) && r.s.Stopping == nil {
		r.doom(fmt.Sprintf("%s, and was not enabled within %s", st.disabledBy(), span(TransitionTimeout)))
		changed = true
	}
	if due(r.s.Resolving) {
		r.doom(fmt.Sprintf("the digest of %s could not be learned within %s", r.s.Image.Reference, span(ResolveTimeout)))
		changed = true
	}
	r.s.each(func(_, _ int, d *Action, a *ActionState) bool {
		p := a.Approval
		switch {
		case due(a.Deadline):
			r.overdue(d, a)
			changed = true
		case p != nil && a.Status == InProgress && due(p.RemindAt):
			p.RemindAt, changed = time.Time{}, true
			r.do(Remind{ID: a.ID, ExpiresAt: p.ExpiresAt})
		}
		if p != nil && a.Status == InProgress && due(p.EscalateAt) {
			p.EscalateAt, changed = time.Time{}, true
			r.do(Escalate{ID: a.ID, Environment: d.Environment, ExpiresAt: p.ExpiresAt})
		}
		return true
	})
	return changed
}

func (r *run) expireHold(h *Hold) {
	reason := fmt.Sprintf("held by %s (%s) and not released within %s", h.By.Login, h.Reason, span(ApprovalTimeout))
	if r.s.Status == Waiting {
		r.finish(Failed, reason)
		return
	}
	r.doom(reason)
}

// overdue deals with an action whose deadline has passed: it is told to stop; when it was told before, nobody can say
// how it ended, and it is given up.
func (r *run) overdue(d *Action, a *ActionState) {
	switch {
	case a.AwaitsRequest || a.Approval != nil:
		r.expire(d, a)
	case a.StopReason == "" && a.WaitsFor != "":
		r.stopAction(d, a, fmt.Sprintf("it could not begin within %s: %s", span(WaitTimeout), a.WaitsFor))
	case a.StopReason == "":
		r.stopAction(d, a, fmt.Sprintf("timed out after %s", span(d.timeout())))
	default:
		a.Lost = true
		a.end(Failed, fmt.Sprintf("%s; it did not stop within %s and how it ended is unknown", a.StopReason, span(StopGrace)), r.now)
	}
}

func (r *run) retryRequested(f RetryRequested) (changed bool, err error) {
	if f.Key != "" && slices.Contains(r.s.RetryKeys, f.Key) {
		return false, nil
	}
	switch {
	case !r.s.Status.Final():
		return refused("the execution has not ended yet")
	case r.s.Status == Superseded:
		return refused("the execution gave way to %s; retry that one", r.s.SupersededBy)
	case r.s.Status == Succeeded:
		return refused("there is nothing to retry: everything succeeded")
	case f.Scope != "" && f.Scope != RetryFailed && f.Scope != RetryStage:
		return refused("a retry is of %q or %q, not %q", RetryFailed, RetryStage, f.Scope)
	}
	r.resume(f.At, f.Key, f.Scope == RetryStage)
	return true, nil
}

// resume takes an execution that has ended up again, where it ended. whole repeats all of the first stage that is repeated.
func (r *run) resume(at time.Time, key string, whole bool) {
	if key != "" {
		r.s.RetryKeys = append(r.s.RetryKeys, key)
	}
	r.s.RetriedAt, r.s.EndedAt, r.s.Reason, r.s.Stopping = at, time.Time{}, "", nil
	r.s.Status = InProgress
	if r.s.StartedAt.IsZero() {
		r.s.Status = Waiting // it never had its turn
	}
	for i := range r.s.Stages {
		if r.s.Stages[i].Status == Succeeded || r.s.Stages[i].leftOut() {
			continue
		}
		r.reopen(i, whole)
		whole = false
	}
}

// reopen prepares a stage for another pass: what did not succeed, or with whole everything, is Waiting again.
func (r *run) reopen(i int, whole bool) {
	st := &r.s.Stages[i]
	st.Status, st.Reason, st.EndedAt, st.Retried, st.Unmet = Waiting, "", time.Time{}, false, ""
	for j := range st.Actions {
		a := &st.Actions[j]
		if whole {
			a.RequestedBy = nil
		}
		if whole || !a.done(&r.s.Definition.Stages[i].Actions[j]) {
			a.rearm()
			a.AutoRetries = 0
		}
	}
}
