package pipeline

import (
	"fmt"
	"slices"
	"time"
)

// proceed does whatever follows from the state as it is now: starts what can start, closes stages, ends the execution.
func (r *run) proceed() {
	for r.again = true; r.again; { // each stage is tried again once at most
		r.again = false
		r.pass()
	}
}

// pass goes over the stages once.
func (r *run) pass() {
	if r.s.Status != InProgress {
		return
	}
	if r.s.Stopping != nil {
		if r.running() {
			return
		}
		if !r.allDone() {
			r.finish(r.s.Stopping.Status, r.s.Stopping.Reason)
			return
		}
	}
	for i := range r.s.Stages {
		if r.s.Stages[i].Status != Succeeded && !r.stage(i) {
			return
		}
	}
	r.finish(Succeeded, "")
}

// stage goes on with a stage and tells whether it is done and the next may begin.
func (r *run) stage(i int) (done bool) {
	st := &r.s.Stages[i]
	if st.leftOut() {
		return true
	}
	if st.Status == Waiting {
		if r.kept(i) {
			return false
		}
		if !r.enter(i) {
			return st.leftOut()
		}
		st.Status, st.StartedAt = InProgress, r.now
	}
	for _, order := range r.orders(i) {
		if !r.group(i, order) {
			return false
		}
	}
	if !r.leave(i) {
		return false
	}
	st.Status, st.EndedAt = Succeeded, r.now
	return true
}

// orders lists the run orders of a stage, rising.
func (r *run) orders(i int) []int {
	actions := r.s.Definition.Stages[i].Actions
	orders := make([]int, 0, len(actions))
	for _, a := range actions {
		orders = append(orders, a.order())
	}
	slices.Sort(orders)
	return slices.Compact(orders)
}

// group goes on with the actions of one run order and tells whether they are all done.
func (r *run) group(i, order int) (done bool) {
	actions := r.s.Definition.Stages[i].Actions
	states := r.s.Stages[i].Actions
	if r.failure(i, order) < 0 {
		for j := range actions {
			if actions[j].order() == order && states[j].Status == Waiting {
				r.begin(i, j)
			}
		}
	}
	done = true
	for j := range actions {
		if actions[j].order() != order {
			continue
		}
		if states[j].Status == InProgress {
			return false // also when another has failed: the stage fails once the running ones have ended
		}
		done = done && states[j].done(&actions[j])
	}
	if done {
		return true
	}
	if j := r.failure(i, order); j >= 0 && !r.onceMore(i) {
		r.finish(Failed, reason(r.s.Stages[i].Name, &states[j]))
	}
	return false
}

// failure finds an action of the group whose end fails the stage; -1 for none.
func (r *run) failure(i, order int) int {
	for j, d := range r.s.Definition.Stages[i].Actions {
		a := &r.s.Stages[i].Actions[j]
		if d.order() == order && a.Status.Final() && !a.done(&d) {
			return j
		}
	}
	return -1
}

func reason(stage string, a *ActionState) string {
	if a.Summary == "" {
		return fmt.Sprintf("%s/%s: %s", stage, a.Name, a.Status)
	}
	return fmt.Sprintf("%s/%s: %s", stage, a.Name, a.Summary)
}

// done tells whether what comes after the action may begin.
func (a *ActionState) done(d *Action) bool {
	return a.Status == Succeeded || a.Status == Failed && d.OnFailure == OnFailureContinue && !d.IsApproval()
}

func (r *run) running() bool {
	found := false
	r.s.each(func(_, _ int, _ *Action, a *ActionState) bool {
		found = a.Status == InProgress
		return !found
	})
	return found
}

func (r *run) allDone() bool {
	all := true
	r.s.each(func(i, _ int, d *Action, a *ActionState) bool {
		all = a.done(d) || r.s.Stages[i].leftOut()
		return all
	})
	return all
}

// finish ends the execution. What was not reached is Skipped.
func (r *run) finish(status Status, reason string) {
	r.s.Status, r.s.Reason, r.s.EndedAt = status, reason, r.now
	r.s.Hold, r.s.Resolving, r.s.Turn = nil, time.Time{}, nil
	for i := range r.s.Stages {
		st := &r.s.Stages[i]
		begun := st.Reason != "" // a condition has failed it, which may be before it started
		st.ArrivedAt = time.Time{}
		for j := range st.Actions {
			a := &st.Actions[j]
			begun = begun || a.Number > 0
			if a.Status == Waiting {
				a.Status, a.AwaitsRequest, a.Deadline = Skipped, false, time.Time{}
			}
		}
		switch {
		case st.Status == InProgress && begun:
			st.Status, st.EndedAt = status, r.now
		case st.Status == InProgress, st.Status == Waiting:
			st.Status, st.StartedAt = Skipped, time.Time{}
		}
	}
	r.do(Settled{Status: status, Reason: reason})
}

// doom makes the execution fail once what runs has ended, for a reason that no action has.
func (r *run) doom(reason string) {
	r.s.Stopping = &Stopping{Status: Failed, Reason: reason, At: r.now}
	r.s.Resolving = time.Time{}
	for i := range r.s.Stages {
		if r.s.Stages[i].Status == InProgress {
			r.s.Stages[i].Reason = reason
		}
	}
	r.closeApprovals(Failed, reason)
}

// nextWake is the earliest deadline or reminder; zero when there is none.
func (s *State) nextWake() time.Time {
	var next time.Time
	consider := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	switch {
	case s.Status == Waiting:
		consider(s.queueDeadline())
	case s.Status.Final():
		return time.Time{}
	}
	consider(s.Resolving)
	if s.Hold != nil {
		consider(s.Hold.Until)
	}
	if st := s.arrived(); st != nil {
		consider(st.keptUntil())
	}
	s.each(func(_, _ int, _ *Action, a *ActionState) bool {
		consider(a.Deadline)
		if a.Approval != nil && a.Status == InProgress {
			consider(a.Approval.RemindAt)
			consider(a.Approval.EscalateAt)
		}
		return true
	})
	return next
}

func (s *State) queueDeadline() time.Time {
	from := s.CreatedAt
	if s.RetriedAt.After(from) {
		from = s.RetriedAt
	}
	return from.Add(QueueTimeout)
}
