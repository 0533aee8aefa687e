package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// ConditionAt says where the condition of a stage stands.
type ConditionAt string

// The conditions of a stage, by their keys in the configuration.
const (
	BeforeEntry ConditionAt = "before_entry" // Stage.BeforeEntry
	OnSuccess   ConditionAt = "on_success"   // Stage.OnSuccess
)

// String names the condition for people: "the condition before it".
func (at ConditionAt) String() string {
	if at == BeforeEntry {
		return "the condition before it"
	}
	return "the condition after it"
}

func (at ConditionAt) unmet(why string) string { return fmt.Sprintf("%s does not hold: %s", at, why) }

// Override says that somebody has let a stage pass by one of its conditions. It holds in its execution alone, and as long as
// the condition finds exactly what it found.
type Override struct {
	Condition ConditionAt `json:"condition"`
	By        Actor       `json:"by"`
	Reason    string      `json:"reason"`
	At        time.Time   `json:"at"`
	// Found says why the condition did not hold.
	Found string `json:"found"`
	// Values are those that its variables had, by "namespace.name"; one that was not exported is missing.
	Values map[string]string `json:"values,omitempty"`
}

// String tells people of it in one line, without a full stop.
func (o Override) String() string {
	return fmt.Sprintf("%s was overridden by %s (%s), although %s", o.Condition, o.By.Login, oneLine(o.Reason), o.Found)
}

// condition is the one of a stage that stands there; nil: there is none.
func (d Stage) condition(at ConditionAt) *Condition {
	if at == BeforeEntry {
		return d.BeforeEntry
	}
	return d.OnSuccess
}

// keeps says why a condition of a stage does not let it pass; empty: it holds, was overridden, or there is none.
func (s *State) keeps(i int, at ConditionAt) (c *Condition, why string) {
	c = s.Definition.Stages[i].condition(at)
	if why = s.unmet(c); why == "" {
		return c, ""
	}
	values := s.values(c)
	if slices.ContainsFunc(s.Stages[i].Overrides, func(o Override) bool { return o.Condition == at && maps.Equal(o.Values, values) }) {
		return c, ""
	}
	return c, why
}

// values are those of a condition's variables, as far as they were exported.
func (s *State) values(c *Condition) map[string]string {
	out := map[string]string{}
	for _, rule := range c.Rules {
		if value, exported := s.Variables[rule.Variable]; exported {
			out[rule.Variable] = value
		}
	}
	return out
}

// conditionOverridden goes on from the condition that has failed a stage, as if it held: the stage is entered, or has succeeded.
func (r *run) conditionOverridden(f ConditionOverridden) (changed bool, err error) {
	if f.Key != "" && slices.Contains(r.s.RetryKeys, f.Key) {
		return false, nil
	}
	i := slices.IndexFunc(r.s.Stages, func(st StageState) bool { return st.Name == f.Stage })
	switch {
	case i < 0:
		return refused("the pipeline has no stage %q", f.Stage)
	case r.s.Status != Failed || r.s.Stages[i].Unmet == "":
		return refused("no condition of the stage %s has failed the execution", f.Stage)
	}
	st := &r.s.Stages[i]
	at := st.Unmet
	c, why := r.s.keeps(i, at)
	st.Overrides = append(st.Overrides, Override{Condition: at, By: f.By, Reason: f.Reason, At: f.At, Found: why, Values: r.s.values(c)})
	r.resume(f.At, f.Key, false)
	if at == OnSuccess {
		st.Status = InProgress // it was entered before its actions ran, and that is not asked again
	}
	return true, nil
}

// Overridable is the stage that a condition has failed, and with it the execution; ok is false where none has.
func (s State) Overridable() (stage string, at ConditionAt, ok bool) {
	i := slices.IndexFunc(s.Stages, func(st StageState) bool { return st.Unmet != "" })
	if i < 0 || s.Status != Failed {
		return "", "", false
	}
	return s.Stages[i].Name, s.Stages[i].Unmet, true
}

// LeadsToProduction tells whether what passes a stage comes to production, or has come there, without another approval to
// enter it: once a promotion has copied a candidate, its success is all that production still waits for. A name that no stage
// has leads nowhere.
func (d Definition) LeadsToProduction(stage string) bool {
	from := slices.IndexFunc(d.Stages, func(st Stage) bool { return st.Name == stage })
	if from < 0 {
		return false
	}
	came := func(st Stage) bool { return slices.ContainsFunc(st.Actions, Action.production) }
	if d.Kind == KindProduction || slices.ContainsFunc(d.Stages[:from], came) {
		return true
	}
	for i, st := range d.Stages[from:] {
		actions := slices.Clone(st.Actions)
		slices.SortStableFunc(actions, func(a, b Action) int { return a.order() - b.order() })
		for _, a := range actions {
			switch {
			case a.production():
				return true
			case i > 0 && a.IsApproval() && a.Environment == EnvironmentProduction:
				return false
			}
		}
	}
	return false
}
