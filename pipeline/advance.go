package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Input is what an execution starts with.
type Input struct {
	ID         string
	Definition Definition
	SHA        string // full revision
	ConfigHash string
	// Image.Reference is where the build pushes; empty without registries. Image.Digest is set for an execution that
	// deploys what was built before (production, a rollback).
	Image Image
	// Bundle is the digest of the artifacts, for an execution that deploys what was built before without an image.
	Bundle string
	// Artifacts were built before; nil for an execution that builds them.
	Artifacts map[string]Artifact
	// Disabled are the transitions that are disabled, by the name of the stage that they lead into.
	Disabled map[string]Disabled
	// Given are values for variables of the definition, by name; those that it does not declare are left out.
	Given map[string]string
	// Variables are known from the start, by "namespace.name"; customarily in the namespace "sluice".
	Variables map[string]string
}

// New makes an execution that waits for its turn: the fact Started starts it.
func New(in Input, at time.Time) State {
	s := State{
		ID: in.ID, Definition: in.Definition, SHA: in.SHA, ConfigHash: in.ConfigHash, Image: in.Image, Bundle: in.Bundle,
		Status: Waiting, CreatedAt: at, Variables: maps.Clone(in.Variables), Artifacts: maps.Clone(in.Artifacts),
		Stages: make([]StageState, len(in.Definition.Stages)),
	}
	values, taken := in.Definition.valued(in.Given)
	if s.Given = taken; len(values) > 0 {
		if s.Variables == nil {
			s.Variables = make(map[string]string, len(values))
		}
		maps.Copy(s.Variables, values)
	}
	if s.Bundle != "" {
		s.Bundled = slices.Sorted(maps.Keys(s.Artifacts))
	}
	for i, stage := range in.Definition.Stages {
		st := StageState{Name: stage.Name, Status: Waiting, Actions: make([]ActionState, len(stage.Actions))}
		for j, a := range stage.Actions {
			st.Actions[j] = ActionState{Name: a.Name, Attempt: Attempt{Status: Waiting}}
		}
		if now, is := in.Disabled[stage.Name]; is {
			st.Disabled = &now
		}
		s.Stages[i] = st
	}
	s.WakeAt = s.nextWake()
	return s
}

// Start makes an execution and starts it.
func Start(in Input, at time.Time) (State, []Command) {
	s, commands, _ := Advance(New(in, at), Started{At: at}) // a new execution never refuses to start
	return s, commands
}

// RefusedError says why a fact that somebody wished for changes nothing: one sentence, fit to be shown.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

func refused(format string, args ...any) (bool, error) {
	return false, &RefusedError{Reason: fmt.Sprintf(format, args...)}
}

// Advance takes in a fact. The state handed in is not changed. An error (*RefusedError) says why a person's wish was
// refused, and the state is as before; late and repeated facts of machines change nothing without error. A Ticked that
// changes nothing repeats WakeAt, so that a timer that fired early is set again.
func Advance(s State, f Fact) (State, []Command, error) {
	if !s.consistent() {
		return s, nil, &RefusedError{Reason: fmt.Sprintf("execution %q: state and definition do not fit together", s.ID)}
	}
	r := run{s: s.clone()}
	changed, err := r.take(f)
	if err != nil {
		return s, nil, err
	}
	_, tick := f.(Ticked)
	if !changed {
		if tick && !s.WakeAt.IsZero() {
			return s, []Command{WakeAt{At: s.WakeAt}}, nil
		}
		return s, nil, nil
	}
	r.proceed()
	if wake := r.s.nextWake(); tick || !wake.Equal(r.s.WakeAt) {
		r.s.WakeAt = wake
		if !wake.IsZero() {
			r.do(WakeAt{At: wake})
		}
	}
	return r.s, r.commands, nil
}

// run is one Advance under way.
type run struct {
	s        State // a copy that may be changed
	now      time.Time
	commands []Command
	again    bool // a stage is tried again
}

func (r *run) do(c Command) { r.commands = append(r.commands, c) }

// take records a fact and tells whether it changed anything. What follows from the change is proceed's.
func (r *run) take(f Fact) (changed bool, err error) {
	switch f := f.(type) {
	case Started:
		r.now = f.At
		if r.s.Status != Waiting {
			return false, nil
		}
		r.s.Status, r.s.StartedAt, r.s.Turn = InProgress, f.At, nil
		return true, nil
	case Queued:
		r.now = f.At
		return r.queued(f), nil
	case Transitions:
		r.now = f.At
		return r.transitions(f), nil
	case ActionWaits:
		r.now = f.At
		return r.actionWaits(f), nil
	case ActionStarted:
		r.now = f.At
		return r.actionStarted(f), nil
	case ActionProgress:
		r.now = f.At
		return r.actionProgress(f), nil
	case ActionSettled:
		r.now = f.At
		return r.actionSettled(f)
	case ImageResolved:
		r.now = f.At
		return r.imageResolved(f), nil
	case ImageUnresolved:
		r.now = f.At
		return r.imageUnresolved(f), nil
	case Approved:
		r.now = f.At
		return r.approved(f)
	case Rejected:
		r.now = f.At
		return r.rejected(f)
	case ApprovalVoided:
		r.now = f.At
		return r.approvalVoided(f)
	case PromotionRequested:
		r.now = f.At
		return r.promotionRequested(f)
	case CancelRequested:
		r.now = f.At
		return r.cancelRequested(f)
	case SupersededBy:
		r.now = f.At
		return r.supersededBy(f)
	case Held:
		r.now = f.At
		return r.held(f)
	case Unheld:
		r.now = f.At
		return r.unheld(), nil
	case RetryRequested:
		r.now = f.At
		return r.retryRequested(f)
	case ConditionOverridden:
		r.now = f.At
		return r.conditionOverridden(f)
	case Ticked:
		r.now = f.At
		return r.ticked(), nil
	}
	return refused("%T is not a fact of this version", f)
}

// consistent tells whether the state has the shape of its definition, as everything that New made does.
func (s *State) consistent() bool {
	if len(s.Stages) != len(s.Definition.Stages) {
		return false
	}
	for i := range s.Stages {
		if len(s.Stages[i].Actions) != len(s.Definition.Stages[i].Actions) {
			return false
		}
	}
	return true
}

// each calls do for every action, with its definition, until do returns false.
func (s *State) each(do func(i, j int, d *Action, a *ActionState) bool) {
	for i := range s.Stages {
		for j := range s.Stages[i].Actions {
			if !do(i, j, &s.Definition.Stages[i].Actions[j], &s.Stages[i].Actions[j]) {
				return
			}
		}
	}
}

// find locates an action by its action execution ID, whatever the attempt.
func (s *State) find(id string) (i, j, attempt int, ok bool) {
	execution, stage, action, attempt, ok := ParseActionID(id)
	if !ok || execution != s.ID || stage > len(s.Stages) || action > len(s.Stages[stage-1].Actions) {
		return 0, 0, 0, false
	}
	return stage - 1, action - 1, attempt, true
}
