package pipeline

import (
	"fmt"
	"time"
)

// Disabled says who has disabled the transition into a stage, and why. Executions come up to it and wait there.
type Disabled struct {
	By     Actor     `json:"by,omitzero"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// transitions takes in which transitions are disabled now. A stage that has begun has been entered, and is not concerned.
func (r *run) transitions(f Transitions) (changed bool) {
	for i := range r.s.Stages {
		st := &r.s.Stages[i]
		if !st.StartedAt.IsZero() {
			continue
		}
		now, is := f.Disabled[st.Name]
		switch {
		case is && (st.Disabled == nil || *st.Disabled != now):
			st.Disabled, changed = &now, true
		case !is && st.Disabled != nil:
			st.Disabled, st.ArrivedAt, changed = nil, time.Time{}, true
		}
	}
	return changed
}

// kept tells whether a disabled transition keeps the execution out of a stage, and notes since when.
func (r *run) kept(i int) bool {
	st := &r.s.Stages[i]
	if st.Disabled == nil || !st.StartedAt.IsZero() {
		return false
	}
	if st.ArrivedAt.IsZero() {
		st.ArrivedAt = r.now
	}
	return true
}

// arrived is the stage whose disabled transition the execution waits at; nil: none.
func (s *State) arrived() *StageState {
	for i := range s.Stages {
		if st := &s.Stages[i]; st.Disabled != nil && !st.ArrivedAt.IsZero() && s.Status == InProgress {
			return st
		}
	}
	return nil
}

// keptUntil is how long an execution waits there.
func (st *StageState) keptUntil() time.Time { return st.ArrivedAt.Add(TransitionTimeout) }

// disabledBy says it to people.
func (st *StageState) disabledBy() string {
	return fmt.Sprintf("the transition into %s is disabled by %s since %s: %s", st.Name, st.Disabled.By.Login, moment(st.Disabled.At), oneLine(st.Disabled.Reason))
}
