package pipeline

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// declaring is a pipeline of actions that declares variables.
func declaring(variables []Variable, actions ...Action) Definition {
	d := single(actions...)
	d.Variables = variables
	return d
}

// What was given holds, else the default; actions and conditions know both, and nobody gives what is not declared.
func TestVariables(t *testing.T) {
	d := declaring([]Variable{{Name: "LEVEL", Default: "info"}, {Name: "who@where"}},
		Action{Name: "a", Uses: "x", With: map[string]any{"level": "#{variables.LEVEL}"}, Env: map[string]string{"TO": "for #{variables.who@where}."}})
	d.Stages[0].BeforeEntry = &Condition{Rules: []Rule{{Variable: "variables.LEVEL", Operator: OperatorNot, Value: "off"}}}
	if problems := d.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	for name, tc := range map[string]struct {
		given             map[string]string
		level, to, reason string
	}{
		"nothing given":   {nil, "info", "for .", ""},
		"given":           {map[string]string{"LEVEL": "#{sluice.sha}", "who@where": "all of us"}, "#{sluice.sha}", "for all of us.", ""},
		"not declared":    {map[string]string{"LEVEL": "debug", "sluice.sha": "x"}, "debug", "for .", ""},
		"a condition too": {map[string]string{"LEVEL": "off"}, "", "", `S: the condition before it does not hold: variables.LEVEL is "off"`},
	} {
		t.Run(name, func(t *testing.T) {
			s, commands := Start(Input{ID: "ex-1", Definition: d, SHA: testSHA, Given: tc.given}, noon)
			if s.Reason != tc.reason {
				t.Fatalf("reason %q, want %q", s.Reason, tc.reason)
			}
			if tc.reason != "" {
				return
			}
			start := commands[0].(StartAction)
			if start.With["level"] != tc.level || start.Env["TO"] != tc.to {
				t.Errorf("with %v, env %v; want %q and %q", start.With, start.Env, tc.level, tc.to)
			}
			if _, other := s.Given["sluice.sha"]; other {
				t.Errorf("what is not declared was recorded: %v", s.Given)
			}
		})
	}
}

// A retry runs with the values that the execution was started with.
func TestVariablesStayWithARetry(t *testing.T) {
	d := declaring([]Variable{{Name: "LEVEL", Default: "info"}}, Action{Name: "a", Uses: "x", Env: map[string]string{"L": "#{variables.LEVEL}"}})
	s, commands := Start(Input{ID: "ex-1", Definition: d, SHA: testSHA, Given: map[string]string{"LEVEL": "debug"}}, noon)
	s, _, _ = Advance(s, ActionSettled{At: noon, ID: commands[0].(StartAction).ID, Status: Failed})
	_, commands, err := Advance(s, RetryRequested{At: noon, By: rita})
	if err != nil || len(commands) == 0 || commands[0].(StartAction).Env["L"] != "debug" {
		t.Errorf("retried with %v (%v)", commands, err)
	}
}

func TestCheckVariables(t *testing.T) {
	declared := []Variable{{Name: "B"}, {Name: "A"}, {Name: "A"}}
	long := strings.Repeat("é", MaxVariableValue)
	for name, tc := range map[string]struct {
		declared []Variable
		given    map[string]string
		want     string
	}{
		"nothing":       {nil, nil, ""},
		"fine":          {declared, map[string]string{"A": long, "B": ""}, ""},
		"none declared": {nil, map[string]string{"A": "1"}, "there is no variable A: the pipeline declares none"},
		"another":       {declared, map[string]string{"C": "1"}, "there is no variable C; the pipeline has A, B"},
		"too long":      {declared, map[string]string{"A": long + "e"}, "the value of the variable A is longer than 1000 characters"},
		"two lines":     {declared, map[string]string{"A": "a\nb"}, "the value of the variable A has a line break or another control character in it"},
		"no text":       {declared, map[string]string{"A": "\xff"}, "the value of the variable A is no text in UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckVariables(tc.declared, tc.given)
			var refusal *RefusedError
			got := ""
			if errors.As(err, &refusal) {
				got = refusal.Reason
			}
			if got != tc.want || (err != nil) != (tc.want != "") {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func TestVariablesValidated(t *testing.T) {
	d := declaring([]Variable{
		{Name: "a b"}, {Name: "X", Default: "a\tb"}, {Name: "X"}, {Name: strings.Repeat("n", MaxVariableName+1)},
		{Name: "D", Description: strings.Repeat("d", MaxVariableDescription+1)},
	},
		Action{Name: "variables", Uses: "x"},
		Action{Name: "b", Uses: "x", Namespace: "variables", Env: map[string]string{"E": "#{variables.GONE}"}},
	)
	d.Stages[0].OnSuccess = &Condition{Rules: []Rule{{Variable: "variables.LOST", Operator: OperatorNot, Value: "off"}}}
	var got []string
	for _, p := range d.Validate() {
		got = append(got, p.Error())
	}
	want := []string{
		"variables.a b: use letters, digits, dashes, underscores and @, 128 at most",
		"variables.X.default: it has a line break or another control character in it",
		"variables.X: there are two of this name",
		"variables." + strings.Repeat("n", MaxVariableName+1) + ": use letters, digits, dashes, underscores and @, 128 at most",
		"variables.D.description: it is longer than 200 characters",
		`stage "S": on_success: the pipeline declares no variable "LOST"`,
		`stage "S", action "variables": namespace: "variables" is for the pipeline's own variables; give the action another`,
		`stage "S", action "b": namespace: "variables" is for the pipeline's own variables; give the action another`,
		`stage "S", action "b": env.E: #{variables.GONE}: the pipeline declares no such variable; name it in variables`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	many := make([]Variable, MaxVariables+1)
	if p := declaring(many, Action{Name: "a", Uses: "x"}).Validate(); len(p) == 0 || p[0].Error() != "variables: there are 51; a pipeline has 50 at most" {
		t.Errorf("%v", p)
	}
}
