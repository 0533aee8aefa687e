package pipeline

import (
	"fmt"
	"strings"
	"testing"
)

// conditional is a pipeline whose second stage has a condition before it, and whose first may be tried again.
func conditional(change func(first, second *Stage)) Definition {
	first := Stage{Name: "Test", Actions: []Action{{Name: "unit", Uses: "x"}, {Name: "lint", Uses: "x"}}}
	second := Stage{Name: "Load", Actions: []Action{{Name: "load", Uses: "x"}}}
	change(&first, &second)
	return Definition{Kind: KindFeature, Mode: ModeParallel, Stages: []Stage{first, second, {Name: "Deploy", Actions: []Action{{Name: "deploy", Uses: "x"}}}}}
}

// facts tells an execution that actions have settled: "unit ok", "lint failed", with the variable coverage "unit ok 91".
func settle(t *testing.T, s State, facts ...string) State {
	t.Helper()
	for _, text := range facts {
		words := strings.Fields(text)
		id := ""
		s.each(func(_, _ int, d *Action, a *ActionState) bool {
			if d.Name == words[0] {
				id = a.ID
			}
			return true
		})
		f := ActionSettled{At: noon, ID: id, Status: map[string]Status{"ok": Succeeded, "failed": Failed}[words[1]]}
		if len(words) > 2 {
			f.Variables = map[string]string{"coverage": words[2]}
		}
		next, _, err := Advance(s, f)
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
	return s
}

// standing writes where stages and actions stand: "Test=Succeeded(unit=Succeeded#1 …) …: reason".
func standing(s State) string {
	var b strings.Builder
	for _, st := range s.Stages {
		fmt.Fprintf(&b, "%s=%s", st.Name, st.Status)
		for _, a := range st.Actions {
			fmt.Fprintf(&b, " %s=%s#%d", a.Name, a.Status, a.Number)
		}
		b.WriteString("; ")
	}
	return b.String() + string(s.Status) + " " + s.Reason
}

func TestConditions(t *testing.T) {
	coverage := func(operator Operator, value string, otherwise Otherwise) *Condition {
		return &Condition{Rules: []Rule{{Variable: "unit.coverage", Operator: operator, Value: value}}, Else: otherwise}
	}
	before := func(c *Condition) func(*Stage, *Stage) { return func(_, second *Stage) { second.BeforeEntry = c } }
	again := func(f StageFailure) func(*Stage, *Stage) { return func(first, _ *Stage) { first.OnFailure = f } }
	for name, c := range map[string]struct {
		change func(first, second *Stage)
		facts  []string
		want   string
	}{
		"it holds": {before(coverage(OperatorMatches, "9[0-9]|100", "")), []string{"unit ok 91", "lint ok"},
			"Test=Succeeded unit=Succeeded#1 lint=Succeeded#1; Load=InProgress load=InProgress#1; Deploy=Waiting deploy=Waiting#0; InProgress "},
		"it does not, and the stage fails": {before(coverage(OperatorMatches, "9[0-9]|100", "")), []string{"unit ok 191", "lint ok"},
			`Test=Succeeded unit=Succeeded#1 lint=Succeeded#1; Load=Failed load=Skipped#0; Deploy=Skipped deploy=Skipped#0; Failed Load: the condition before it does not hold: unit.coverage is "191" and does not match "9[0-9]|100"`},
		"all rules hold": {before(&Condition{Rules: []Rule{
			{Variable: "unit.coverage", Operator: OperatorMatches, Value: "9."}, {Variable: "unit.coverage", Operator: OperatorNot, Value: "91"},
		}}), []string{"unit ok 92", "lint ok"},
			"Test=Succeeded unit=Succeeded#1 lint=Succeeded#1; Load=InProgress load=InProgress#1; Deploy=Waiting deploy=Waiting#0; InProgress "},
		"one rule of two does not": {before(&Condition{Rules: []Rule{
			{Variable: "unit.coverage", Operator: OperatorMatches, Value: "9."}, {Variable: "unit.coverage", Operator: OperatorEquals, Value: "91"},
		}}), []string{"unit ok 92", "lint ok"},
			`Test=Succeeded unit=Succeeded#1 lint=Succeeded#1; Load=Failed load=Skipped#0; Deploy=Skipped deploy=Skipped#0; Failed Load: the condition before it does not hold: unit.coverage is "92" and not "91"`},
		"it does not, and the stage is left out": {before(coverage(OperatorNot, "91", OtherwiseSkip)), []string{"unit ok 91", "lint ok"},
			"Test=Succeeded unit=Succeeded#1 lint=Succeeded#1; Load=Skipped load=Skipped#0; Deploy=InProgress deploy=InProgress#1; InProgress "},
		"left out, and the rest succeeds": {before(coverage(OperatorNot, "91", OtherwiseSkip)), []string{"unit ok 91", "lint ok", "deploy ok"},
			"Test=Succeeded unit=Succeeded#1 lint=Succeeded#1; Load=Skipped load=Skipped#0; Deploy=Succeeded deploy=Succeeded#1; Succeeded "},
		"what was not exported": {before(coverage(OperatorNot, "91", "")), []string{"unit ok", "lint ok"},
			"Test=Succeeded unit=Succeeded#1 lint=Succeeded#1; Load=Failed load=Skipped#0; Deploy=Skipped deploy=Skipped#0; Failed Load: the condition before it does not hold: unit.coverage was not exported"},
		"a condition after": {func(first, _ *Stage) { first.OnSuccess = coverage(OperatorEquals, "100", "") }, []string{"unit ok 91", "lint ok"},
			`Test=Failed unit=Succeeded#1 lint=Succeeded#1; Load=Skipped load=Skipped#0; Deploy=Skipped deploy=Skipped#0; Failed Test: the condition after it does not hold: unit.coverage is "91" and not "100"`},
		"those that failed again": {again(StageRetryFailed), []string{"unit failed", "lint ok"},
			"Test=InProgress unit=InProgress#2 lint=Succeeded#1; Load=Waiting load=Waiting#0; Deploy=Waiting deploy=Waiting#0; InProgress "},
		"all again": {again(StageRetryAll), []string{"unit failed", "lint ok"},
			"Test=InProgress unit=InProgress#2 lint=InProgress#2; Load=Waiting load=Waiting#0; Deploy=Waiting deploy=Waiting#0; InProgress "},
		"not while another runs": {again(StageRetryAll), []string{"unit failed"},
			"Test=InProgress unit=Failed#1 lint=InProgress#1; Load=Waiting load=Waiting#0; Deploy=Waiting deploy=Waiting#0; InProgress "},
		"once": {again(StageRetryFailed), []string{"unit failed", "lint ok", "unit failed"},
			"Test=Failed unit=Failed#2 lint=Succeeded#1; Load=Skipped load=Skipped#0; Deploy=Skipped deploy=Skipped#0; Failed Test/unit: Failed"},
	} {
		t.Run(name, func(t *testing.T) {
			d := conditional(c.change)
			if problems := d.Validate(); len(problems) > 0 {
				t.Fatal(problems)
			}
			s, _ := Start(Input{ID: "ex", Definition: d, SHA: testSHA}, noon)
			if got := standing(settle(t, s, c.facts...)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Whoever retries by hand gets another try by itself; what a condition left out stays out.
func TestConditionsAfterARetry(t *testing.T) {
	d := conditional(func(first, second *Stage) {
		second.BeforeEntry = &Condition{Rules: []Rule{{Variable: "unit.coverage", Operator: OperatorEquals, Value: "100"}}, Else: OtherwiseSkip}
	})
	d.Stages[2].OnFailure = StageRetryFailed
	s, _ := Start(Input{ID: "ex", Definition: d, SHA: testSHA}, noon)
	s = settle(t, s, "unit ok 91", "lint ok", "deploy failed", "deploy failed")
	if s.Status != Failed {
		t.Fatal(standing(s))
	}
	s, _, err := Advance(s, RetryRequested{At: noon, Scope: RetryStage})
	if err != nil {
		t.Fatal(err)
	}
	s = settle(t, s, "deploy failed")
	want := "Test=Succeeded unit=Succeeded#1 lint=Succeeded#1; Load=Skipped load=Skipped#0; Deploy=InProgress deploy=InProgress#4; InProgress "
	if got := standing(s); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestConditionsAreValidated(t *testing.T) {
	rule := Rule{Variable: "unit.coverage", Operator: OperatorEquals, Value: "1"}
	with := func(rules ...Rule) *Condition { return &Condition{Rules: rules} }
	approval := Action{Name: "approval", Uses: UsesApproval, Environment: "staging"}
	for want, change := range map[string]func(first, second *Stage){
		"there are 0 rules":         func(_, s *Stage) { s.BeforeEntry = with() },
		"there are 6 rules":         func(_, s *Stage) { s.BeforeEntry = with(rule, rule, rule, rule, rule, rule) },
		"nothing before it exports": func(f, _ *Stage) { f.BeforeEntry = with(rule) },
		"write namespace.name":      func(_, s *Stage) { s.BeforeEntry = with(Rule{Variable: "unit", Operator: OperatorEquals}) },
		"compares nothing":          func(_, s *Stage) { s.BeforeEntry = with(Rule{Variable: "unit.x", Operator: "above"}) },
		"is no regular expression": func(_, s *Stage) {
			s.BeforeEntry = with(Rule{Variable: "unit.x", Operator: OperatorMatches, Value: "("})
		},
		`"later" is not known`:              func(_, s *Stage) { s.BeforeEntry = &Condition{Rules: []Rule{rule}, Else: "later"} },
		"what has been done is not skipped": func(_, s *Stage) { s.OnSuccess = &Condition{Rules: []Rule{rule}, Else: OtherwiseSkip} },
		"with an approval": func(_, s *Stage) {
			s.Actions = []Action{approval}
			s.BeforeEntry = &Condition{Rules: []Rule{rule}, Else: OtherwiseSkip}
		},
		`"retry(5)" is not known`: func(_, s *Stage) { s.OnFailure = "retry(5)" },
		"nothing tries production again": func(_, s *Stage) {
			s.Actions[0].Environment, s.Actions[0].Deploys, s.OnFailure = EnvironmentProduction, true, StageRetryAll
		},
	} {
		found := false
		for _, p := range conditional(change).Validate() {
			found = found || strings.Contains(p.Error(), want)
		}
		if !found {
			t.Errorf("%q is not found", want)
		}
	}
}
