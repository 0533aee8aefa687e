package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// covers tells whether the approval is bound to what the execution has.
func (p *Approval) covers(s *State) bool {
	return p.SHA == s.SHA && p.Digest == s.Digest() && p.ConfigHash == s.ConfigHash
}

// quiet ends reminders and escalation.
func (p *Approval) quiet() { p.RemindAt, p.EscalateAt = time.Time{}, time.Time{} }

// openApproval binds an approval to revision, digest and configuration, and asks. From here on what was built is fixed.
func (r *run) openApproval(i int, d *Action, a *ActionState) {
	if r.s.Image.Digest == "" && r.s.Bundle == "" {
		r.s.Bundle = BundleDigest(r.s.Artifacts)
	}
	if len(r.s.Bundled) == 0 {
		r.s.Bundled = slices.Sorted(maps.Keys(r.s.Artifacts))
	}
	a.RunningAt = r.now
	a.Approval = &Approval{
		SHA: r.s.SHA, Digest: r.s.Digest(), ConfigHash: r.s.ConfigHash, OpenedAt: r.now, ExpiresAt: a.Deadline,
	}
	remind := d.Remind
	if remind == 0 {
		remind = ApprovalRemind
	}
	if at := r.now.Add(remind); remind > 0 && at.Before(a.Deadline) {
		a.Approval.RemindAt = at
	}
	if at := r.now.Add(d.Escalate); d.Escalate > 0 && at.Before(a.Deadline) {
		a.Approval.EscalateAt = at
	}
	r.do(OpenApproval{
		ID: a.ID, Stage: r.s.Stages[i].Name, Name: a.Name, Environment: d.Environment,
		SHA: a.Approval.SHA, Digest: a.Approval.Digest, ConfigHash: a.Approval.ConfigHash, ExpiresAt: a.Deadline,
	})
}

// approval finds an approval by ID. The attempt must be the latest.
func (r *run) approval(id string) (i, j int, err error) {
	i, j, attempt, ok := r.s.find(id)
	if !ok || !r.s.Definition.Stages[i].Actions[j].IsApproval() || r.s.Stages[i].Actions[j].Approval == nil {
		_, err = refused("there is no approval %s", id)
		return 0, 0, err
	}
	if attempt != r.s.Stages[i].Actions[j].Number {
		_, err = refused("approval %s was opened anew since", id)
		return 0, 0, err
	}
	return i, j, nil
}

func (r *run) approved(f Approved) (changed bool, err error) {
	i, j, err := r.approval(f.ID)
	if err != nil {
		return false, err
	}
	a := &r.s.Stages[i].Actions[j]
	p := a.Approval
	for _, bound := range [...]struct{ what, approved, is string }{
		{"revision", f.SHA, p.SHA}, {"digest", f.Digest, p.Digest}, {"configuration", f.ConfigHash, p.ConfigHash},
		{"revision", f.SHA, r.s.SHA}, {"digest", f.Digest, r.s.Digest()}, {"configuration", f.ConfigHash, r.s.ConfigHash},
	} {
		if bound.approved != bound.is {
			return refused("the %s approved is %q, but the approval is for %q", bound.what, bound.approved, bound.is)
		}
	}
	switch {
	case a.Status == Succeeded:
		return false, nil
	case a.Status != InProgress:
		return refused("the approval is closed: %s", a.Summary)
	case len(f.By) == 0:
		return refused("an approval must say who gave it")
	case !f.At.Before(p.ExpiresAt):
		return refused("the approval has expired; /retry opens it again")
	}
	p.Approved, p.By, p.DecidedAt = true, slices.Clone(f.By), f.At
	p.quiet()
	a.end(Succeeded, "approved by "+names(f.By), f.At)
	return true, nil
}

func names(actors []Actor) string {
	s := ""
	for i, a := range actors {
		if i > 0 {
			s += ", "
		}
		s += a.Login
	}
	return s
}

func (r *run) rejected(f Rejected) (changed bool, err error) {
	i, j, err := r.approval(f.ID)
	if err != nil {
		return false, err
	}
	a := &r.s.Stages[i].Actions[j]
	if a.Status != InProgress {
		if a.Status == Failed && len(a.Approval.By) == 1 && a.Approval.By[0] == f.By {
			return false, nil // told twice
		}
		return refused("the approval is closed: %s", a.Summary)
	}
	summary := "rejected by " + f.By.Login
	if f.Reason != "" {
		summary += ": " + f.Reason
	}
	a.Approval.By, a.Approval.DecidedAt = []Actor{f.By}, f.At
	a.Approval.quiet()
	a.end(Failed, summary, f.At)
	return true, nil
}

func (r *run) approvalVoided(f ApprovalVoided) (changed bool, err error) {
	i, j, err := r.approval(f.ID)
	if err != nil {
		return false, err
	}
	a := &r.s.Stages[i].Actions[j]
	switch {
	case a.Status == InProgress:
		r.void(a, Failed, f.Reason)
		return true, nil
	case a.Status != Succeeded:
		return false, nil
	case r.s.Status != InProgress || r.startedAfter(i, r.s.Definition.Stages[i].Actions[j].order()):
		return refused("the approval was acted upon already")
	}
	a.Approval.Approved, a.Approval.DecidedAt = false, f.At
	a.end(Failed, "void: "+f.Reason, f.At)
	for k := i; k < len(r.s.Stages); k++ { // nothing behind it has started: those stages begin anew
		if st := &r.s.Stages[k]; st.Status == Succeeded || k > i && st.Status == InProgress {
			st.Status, st.EndedAt = InProgress, time.Time{}
		}
	}
	return true, nil
}

// startedAfter tells whether an action behind the given place has started.
func (r *run) startedAfter(stage, order int) (found bool) {
	r.s.each(func(i, _ int, d *Action, a *ActionState) bool {
		found = a.Number > 0 && (i > stage || i == stage && d.order() > order)
		return !found
	})
	return found
}

// void closes an open approval.
func (r *run) void(a *ActionState, status Status, reason string) {
	a.Approval.quiet()
	a.end(status, "void: "+reason, r.now)
	r.do(VoidApproval{ID: a.ID, Reason: reason})
}

func (r *run) closeApprovals(status Status, reason string) {
	r.s.each(func(_, _ int, _ *Action, a *ActionState) bool {
		if a.Approval != nil && a.Status == InProgress {
			r.void(a, status, reason)
		}
		return true
	})
}

func (r *run) promotionRequested(f PromotionRequested) (changed bool, err error) {
	i, j, attempt, ok := r.s.find(f.ID)
	if !ok || !r.s.Definition.Stages[i].Actions[j].Manual {
		return refused("%s is not an action that waits to be asked for", f.ID)
	}
	a := &r.s.Stages[i].Actions[j]
	switch {
	case a.RequestedBy != nil && attempt <= a.Number+1:
		return false, nil
	case r.s.Status != InProgress || !a.AwaitsRequest || attempt != a.Number+1:
		return refused("%s does not wait to be asked for: it is %s", a.Name, a.Status)
	case !f.At.Before(a.Deadline):
		return refused("the time to ask for %s has passed; /retry opens it again", a.Name)
	}
	by := f.By
	a.RequestedBy, a.AwaitsRequest, a.Deadline = &by, false, time.Time{}
	return true, nil
}

// expire closes an approval, or a wait to be asked for, that nobody answered in time.
func (r *run) expire(d *Action, a *ActionState) {
	if a.AwaitsRequest {
		a.AwaitsRequest = false
		a.end(Failed, fmt.Sprintf("nobody asked for it within %s; /retry opens it again", span(ApprovalTimeout)), r.now)
		return
	}
	reason := fmt.Sprintf("nobody decided within %s; /retry opens it again", span(d.timeout()))
	a.end(Failed, reason, r.now)
	a.Approval.quiet()
	r.do(VoidApproval{ID: a.ID, Reason: reason})
}
