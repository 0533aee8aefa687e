package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// StageFailure says what follows when a stage fails. The empty value means that the execution fails.
type StageFailure string

// Consequences of a failed stage. A stage is tried again once by itself, and once more each time a person retries it.
const (
	StageRetryFailed StageFailure = "retry(failed)" // its actions that did not succeed are tried again
	StageRetryAll    StageFailure = "retry(all)"    // all of its actions are
)

// Otherwise says what follows when a condition does not hold.
type Otherwise string

// Consequences of a condition that does not hold. The empty value means OtherwiseFail.
const (
	OtherwiseFail Otherwise = "fail" // the stage fails
	OtherwiseSkip Otherwise = "skip" // the stage is left out; of a condition before it only
)

// Condition holds when all of its rules do.
type Condition struct {
	Rules []Rule    `json:"rules"`
	Else  Otherwise `json:"else,omitempty"`
}

// Rule looks at a variable that an earlier action has exported. One that was not exported fulfils no rule.
type Rule struct {
	Variable string   `json:"variable"` // "namespace.name"
	Operator Operator `json:"operator"`
	Value    string   `json:"value"`
}

// Operator is how a rule compares.
type Operator string

// Operators.
const (
	OperatorEquals  Operator = "equals"
	OperatorNot     Operator = "not"
	OperatorMatches Operator = "matches" // a regular expression (RE2) for all of the value
)

// MaxRules is how many rules a condition may have.
const MaxRules = 5

// unmet says why a condition does not hold; empty: it does, or there is none.
func (s *State) unmet(c *Condition) string {
	if c == nil {
		return ""
	}
	for _, rule := range c.Rules {
		value, exported := s.Variables[rule.Variable]
		if !exported {
			return fmt.Sprintf("%s was not exported", rule.Variable)
		}
		if !rule.holds(value) {
			return fmt.Sprintf("%s is %q%s", rule.Variable, oneLine(value), rule.instead())
		}
	}
	return ""
}

func (r Rule) holds(value string) bool {
	switch r.Operator {
	case OperatorEquals:
		return value == r.Value
	case OperatorNot:
		return value != r.Value
	case OperatorMatches:
		re, err := r.expression()
		return err == nil && re.MatchString(value)
	}
	return false
}

// instead says what the value should have been.
func (r Rule) instead() string {
	switch r.Operator {
	case OperatorEquals:
		return fmt.Sprintf(" and not %q", r.Value)
	case OperatorMatches:
		return fmt.Sprintf(" and does not match %q", r.Value)
	}
	return ""
}

func (r Rule) expression() (*regexp.Regexp, error) { return regexp.Compile(`\A(?:` + r.Value + `)\z`) }

// enter asks the condition before a stage, and tells whether it may begin.
func (r *run) enter(i int) bool {
	st := &r.s.Stages[i]
	c, why := r.s.keeps(i, BeforeEntry)
	if why == "" {
		return true
	}
	if c.Else != OtherwiseSkip {
		st.Status = InProgress
		r.failOn(i, BeforeEntry, why)
		return false
	}
	st.Status, st.Reason = Skipped, BeforeEntry.unmet(why)
	for j := range st.Actions {
		st.Actions[j].Status = Skipped
	}
	return false
}

// leave asks the condition after a stage whose actions are done, and tells whether it has succeeded.
func (r *run) leave(i int) bool {
	_, why := r.s.keeps(i, OnSuccess)
	if why != "" {
		r.failOn(i, OnSuccess, why)
	}
	return why == ""
}

// failOn fails a stage, and the execution, because of a condition.
func (r *run) failOn(i int, at ConditionAt, why string) {
	st := &r.s.Stages[i]
	st.Unmet, st.Reason = at, at.unmet(why)
	r.finish(Failed, st.Name+": "+st.Reason)
}

// leftOut tells whether the condition before a stage has left it out.
func (st *StageState) leftOut() bool { return st.Status == Skipped && st.Reason != "" }

// onceMore has a failed stage tried again, where its definition asks for it and it was not yet. What people have decided,
// and what may still be running, is not tried again.
func (r *run) onceMore(i int) bool {
	d, st := &r.s.Definition.Stages[i], &r.s.Stages[i]
	if d.OnFailure != StageRetryFailed && d.OnFailure != StageRetryAll || st.Retried || r.s.Stopping != nil {
		return false
	}
	for j, a := range st.Actions {
		if a.Lost || d.Actions[j].IsApproval() && a.Status == Failed {
			return false
		}
	}
	st.Retried, r.again = true, true
	for j := range st.Actions {
		if a := &st.Actions[j]; a.Status.Final() && (d.OnFailure == StageRetryAll || !a.done(&d.Actions[j])) {
			a.rearm()
			a.AutoRetries, a.RequestedBy = 0, nil
		}
	}
	return true
}

// conditions finds what is wrong with a stage's conditions.
func (v *validation) conditions(i int) {
	st := v.d.Stages[i]
	if !slices.Contains([]StageFailure{"", StageRetryFailed, StageRetryAll}, st.OnFailure) {
		v.report(i, -1, "on_failure", "%q is not known; use fail, %s or %s", st.OnFailure, StageRetryFailed, StageRetryAll)
	}
	people, production := false, false
	for _, a := range st.Actions {
		people, production = people || a.IsApproval() || a.IsPromote(), production || a.production()
	}
	if production && st.OnFailure != "" {
		v.report(i, -1, "on_failure", "nothing tries production again by itself; take it out, and use /retry")
	}
	if st.BeforeEntry != nil {
		v.rules(i, "before_entry", st.BeforeEntry, place{i, 0, 0})
		if st.BeforeEntry.Else == OtherwiseSkip && (people || production) {
			v.report(i, -1, "before_entry", "a stage with an approval, a promotion or a deployment to production is not skipped; use else: fail")
		}
	}
	if st.OnSuccess != nil {
		v.rules(i, "on_success", st.OnSuccess, place{i + 1, 0, 0})
		if st.OnSuccess.Else == OtherwiseSkip {
			v.report(i, -1, "on_success", "what has been done is not skipped; use else: fail")
		}
	}
}

func (v *validation) rules(i int, field string, c *Condition, at place) {
	if n := len(c.Rules); n == 0 || n > MaxRules {
		v.report(i, -1, field, "there are %d rules; a condition has 1 to %d", n, MaxRules)
	}
	if !slices.Contains([]Otherwise{"", OtherwiseFail, OtherwiseSkip}, c.Else) {
		v.report(i, -1, field, "%q is not known; use fail or skip", c.Else)
	}
	for _, rule := range c.Rules {
		namespace, name, ok := strings.Cut(rule.Variable, ".")
		before := slices.ContainsFunc(v.spoken[namespace], func(p place) bool { return p.before(at) })
		switch {
		case !ok || name == "":
			v.report(i, -1, field, "%q is no variable; write namespace.name", rule.Variable)
		case namespace == VariablesNamespace && !v.d.declares(rule.Variable):
			v.report(i, -1, field, "the pipeline declares no variable %q", name)
		case namespace != OwnNamespace && namespace != VariablesNamespace && !before:
			v.report(i, -1, field, "nothing before it exports variables to %q", namespace)
		}
		if !slices.Contains([]Operator{OperatorEquals, OperatorNot, OperatorMatches}, rule.Operator) {
			v.report(i, -1, field, "%q compares nothing; use equals, not or matches", rule.Operator)
		}
		if _, err := rule.expression(); rule.Operator == OperatorMatches && err != nil {
			v.report(i, -1, field, "%q is no regular expression: %v", rule.Value, err)
		}
	}
}
