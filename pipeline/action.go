package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// begin starts an action whose turn has come, or notes what it is waiting for. An action that cannot start because
// something it needs is missing ends as Failed at once.
func (r *run) begin(i, j int) {
	d, a := &r.s.Definition.Stages[i].Actions[j], &r.s.Stages[i].Actions[j]
	switch {
	case r.s.Hold != nil || r.s.Stopping != nil:
		return
	case d.NeedsDigest() && r.s.Image.Reference != "" && r.s.Image.Digest == "":
		if r.s.Resolving.IsZero() {
			r.s.Resolving = r.now.Add(ResolveTimeout)
			r.do(ResolveImage{Reference: r.s.Image.Reference})
		}
		return
	case d.Manual && a.RequestedBy == nil:
		if !a.AwaitsRequest {
			a.AwaitsRequest, a.Deadline = true, r.now.Add(ApprovalTimeout)
			a.ID = ActionID(r.s.ID, i+1, j+1, a.Number+1)
			r.do(AwaitRequest{
				ID: a.ID, Stage: r.s.Stages[i].Name, Name: a.Name,
				Environment: d.Environment, ExpiresAt: a.Deadline,
			})
		}
		return
	}
	number := a.Number + 1
	a.Attempt = Attempt{
		Number: number, ID: ActionID(r.s.ID, i+1, j+1, number), Status: InProgress,
		StartedAt: r.now, Deadline: r.now.Add(d.timeout()),
	}
	if d.IsApproval() {
		r.openApproval(i, d, a)
		return
	}
	command, err := r.startAction(i, j, d, a)
	if err != nil {
		a.end(Failed, err.Error(), r.now)
		return
	}
	r.do(command)
}

// startAction gathers everything the action needs. An error is what is missing.
func (r *run) startAction(i, j int, d *Action, a *ActionState) (StartAction, error) {
	if name, ok := r.unapproved(i, d.order()); !ok {
		return StartAction{}, fmt.Errorf("approval %s was not given for this revision, digest and configuration", name)
	}
	c := StartAction{
		ID: a.ID, StageNumber: i + 1, Number: j + 1, Attempt: a.Number,
		Stage: r.s.Stages[i].Name, Name: d.Name, Uses: d.Uses, Environment: d.Environment, Deploys: d.Deploys,
		Outputs: slices.Clone(d.Outputs), Image: r.s.Image, Timeout: d.timeout(),
	}
	if d.NeedsDigest() {
		c.Digest = r.s.Digest()
	}
	var err error
	if c.With, err = resolveWith(d.With, r.s.Variables); err != nil {
		return StartAction{}, err
	}
	if c.Env, err = resolveEnv(d.Env, r.s.Variables); err != nil {
		return StartAction{}, err
	}
	inputs := d.Inputs
	if d.Deploys && len(inputs) == 0 { // what was built is what can be deployed
		inputs = slices.Sorted(maps.Keys(r.s.Artifacts))
	}
	if d.IsPromote() && r.s.Image.Digest == "" {
		inputs = append(slices.Clone(r.s.Bundled), inputs...)
	}
	for _, name := range inputs {
		artifact, ok := r.s.Artifacts[name]
		if !ok {
			return StartAction{}, fmt.Errorf("artifact %q was not produced", name)
		}
		if c.Inputs == nil {
			c.Inputs = make(map[string]Artifact, len(inputs))
		}
		c.Inputs[name] = artifact
	}
	return c, nil
}

// unapproved names an approval before the given place that was not given for what the execution has now. ok means
// there is none.
func (r *run) unapproved(stage, order int) (name string, ok bool) {
	ok = true
	r.s.each(func(i, _ int, d *Action, a *ActionState) bool {
		if i > stage || i == stage && d.order() >= order {
			return i <= stage
		}
		if d.IsApproval() && (a.Status != Succeeded || a.Approval == nil || !a.Approval.Approved || !a.Approval.covers(&r.s)) {
			name, ok = a.Name, false
		}
		return ok
	})
	return name, ok
}

// end closes the current attempt.
func (a *ActionState) end(status Status, summary string, at time.Time) {
	a.Status, a.EndedAt, a.Deadline, a.WaitsFor = status, at, time.Time{}, ""
	if summary != "" {
		a.Summary = summary
	}
}

// rearm puts the action back to Waiting; the attempt made is kept in Earlier.
func (a *ActionState) rearm() {
	if a.Number > 0 && (len(a.Earlier) == 0 || a.Earlier[len(a.Earlier)-1].Number != a.Number) {
		a.Earlier = append(a.Earlier, a.Attempt)
	}
	a.Attempt = Attempt{Number: a.Number, Status: Waiting}
	a.Approval, a.AwaitsRequest = nil, false
}

// current finds the action whose running attempt has the ID; approvals are not meant.
func (r *run) current(id string) (i, j int, ok bool) {
	i, j, attempt, ok := r.s.find(id)
	if !ok || r.s.Status != InProgress || r.s.Definition.Stages[i].Actions[j].IsApproval() {
		return 0, 0, false
	}
	a := &r.s.Stages[i].Actions[j]
	return i, j, a.Status == InProgress && a.Number == attempt
}

func (r *run) actionWaits(f ActionWaits) (changed bool) {
	i, j, ok := r.current(f.ID)
	if !ok {
		return false
	}
	a := &r.s.Stages[i].Actions[j]
	if a.WaitsFor == f.For || a.StopReason != "" || !a.RunningAt.IsZero() {
		return false
	}
	a.WaitsFor = f.For
	a.Deadline = a.StartedAt.Add(WaitTimeout) // of the whole wait, however often its reason changes
	if f.For == "" {
		a.Deadline = f.At.Add(r.s.Definition.Stages[i].Actions[j].timeout())
	}
	return true
}

func (r *run) actionStarted(f ActionStarted) (changed bool) {
	i, j, ok := r.current(f.ID)
	if !ok {
		return false
	}
	a := &r.s.Stages[i].Actions[j]
	if a.RunningAt.IsZero() {
		a.RunningAt, a.WaitsFor, changed = f.At, "", true
		if a.StopReason == "" {
			a.Deadline = f.At.Add(r.s.Definition.Stages[i].Actions[j].timeout())
		}
	}
	return a.note("", f.ExternalID, f.URL) || changed
}

func (r *run) actionProgress(f ActionProgress) (changed bool) {
	i, j, ok := r.current(f.ID)
	return ok && r.s.Stages[i].Actions[j].note(f.Summary, f.ExternalID, f.URL)
}

// note takes in what is new about an attempt.
func (a *Attempt) note(summary, externalID, url string) (changed bool) {
	for _, n := range [...]struct {
		to   *string
		from string
	}{{&a.Summary, summary}, {&a.ExternalID, externalID}, {&a.URL, url}} {
		if n.from != "" && n.from != *n.to {
			*n.to, changed = n.from, true
		}
	}
	return changed
}

func (r *run) actionSettled(f ActionSettled) (changed bool, err error) {
	if f.Status != Succeeded && f.Status != Failed && f.Status != Stopped {
		return refused("action %s cannot settle as %q", f.ID, f.Status)
	}
	i, j, ok := r.current(f.ID)
	if !ok {
		return false, nil
	}
	d, a := &r.s.Definition.Stages[i].Actions[j], &r.s.Stages[i].Actions[j]
	a.note(f.Summary, f.ExternalID, f.URL)
	status, summary := f.Status, ""
	switch {
	case status == Succeeded:
		if problem := r.yield(d, f); problem != "" {
			status, summary = Failed, problem
		}
	case a.StopReason != "" && r.s.Stopping == nil: // it ran out of time
		status, summary = Failed, a.StopReason
	case status == Stopped && a.Summary == "":
		summary = "stopped"
	}
	a.end(status, summary, f.At)
	r.retryByItself(d, a)
	return true, nil
}

// retryByItself makes another attempt of a failed action, where the definition asks for it.
func (r *run) retryByItself(d *Action, a *ActionState) {
	if a.Status == Failed && !a.Lost && d.OnFailure == OnFailureRetry && a.AutoRetries < d.Retries && r.s.Stopping == nil {
		a.rearm()
		a.AutoRetries++
	}
}

// yield takes over what an action that succeeded hands on. A problem fails the action after all.
func (r *run) yield(d *Action, f ActionSettled) (problem string) {
	if problem = r.learnImage(f.Image); problem != "" {
		return problem
	}
	for _, name := range d.Outputs {
		artifact, ok := f.Artifacts[name]
		if !ok {
			continue // who needs it says so
		}
		if old := r.s.Artifacts[name]; slices.Contains(r.s.Bundled, name) && old.Digest != artifact.Digest {
			return fmt.Sprintf("artifact %q is %s, but %s was approved; what was approved never changes",
				name, artifact.Digest, old.Digest)
		}
	}
	for _, name := range d.Outputs {
		if artifact, ok := f.Artifacts[name]; ok {
			if r.s.Artifacts == nil {
				r.s.Artifacts = map[string]Artifact{}
			}
			artifact.Name = name
			r.s.Artifacts[name] = artifact
		}
	}
	if len(f.Variables) > 0 && r.s.Variables == nil {
		r.s.Variables = make(map[string]string, len(f.Variables))
	}
	for name, value := range f.Variables {
		r.s.Variables[d.namespace()+"."+name] = value
	}
	return ""
}
