package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// override lets an execution pass a stage.
func override(stage string) ConditionOverridden {
	return ConditionOverridden{At: noon.Add(time.Minute), Stage: stage, By: rita, Reason: "known", Key: "o1"}
}

func TestConditionsAreOverridden(t *testing.T) {
	covered := func(value string) *Condition {
		return &Condition{Rules: []Rule{{Variable: "unit.coverage", Operator: OperatorEquals, Value: value}}}
	}
	before := func(_, second *Stage) { second.BeforeEntry = covered("100") }
	after := func(first, _ *Stage) { first.OnSuccess = covered("100") }
	for name, c := range map[string]struct {
		change func(first, second *Stage)
		stage  string
		facts  []string // after it
		want   string
	}{
		"before a stage: it is entered": {before, "Load", nil,
			"Test=Succeeded unit=Succeeded#1 lint=Succeeded#1; Load=InProgress load=InProgress#1; Deploy=Waiting deploy=Waiting#0; InProgress "},
		"and the rest follows": {before, "Load", []string{"load ok", "deploy ok"},
			"Test=Succeeded unit=Succeeded#1 lint=Succeeded#1; Load=Succeeded load=Succeeded#1; Deploy=Succeeded deploy=Succeeded#1; Succeeded "},
		"what fails behind it fails": {before, "Load", []string{"load failed"},
			"Test=Succeeded unit=Succeeded#1 lint=Succeeded#1; Load=Failed load=Failed#1; Deploy=Skipped deploy=Skipped#0; Failed Load/load: Failed"},
		"after a stage: it has succeeded, and nothing of it runs again": {after, "Test", nil,
			"Test=Succeeded unit=Succeeded#1 lint=Succeeded#1; Load=InProgress load=InProgress#1; Deploy=Waiting deploy=Waiting#0; InProgress "},
		"the one after a stage leaves the next stage's own alone": {func(first, second *Stage) { after(first, second); before(first, second) }, "Test", nil,
			`Test=Succeeded unit=Succeeded#1 lint=Succeeded#1; Load=Failed load=Skipped#0; Deploy=Skipped deploy=Skipped#0; Failed Load: the condition before it does not hold: unit.coverage is "91" and not "100"`},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := Start(Input{ID: "ex", Definition: conditional(c.change), SHA: testSHA}, noon)
			s = settle(t, s, "unit ok 91", "lint ok")
			if stage, _, ok := s.Overridable(); stage != c.stage || !ok {
				t.Fatalf("%q can be overridden, want %q", stage, c.stage)
			}
			s, _, err := Advance(s, override(c.stage))
			if err != nil {
				t.Fatal(err)
			}
			if got := standing(settle(t, s, c.facts...)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			told := ""
			for _, l := range Lines(s, noon) {
				if l.Stage == c.stage && l.Action == "" {
					told = l.Summary
				}
			}
			if want := `was overridden by rita (known), although unit.coverage is "91" and not "100"`; !strings.Contains(told, want) {
				t.Errorf("the report says %q of %s, want %q in it", told, c.stage, want)
			}
		})
	}
}

// An override is for what the condition found: when the stage is tried again and finds the same, it holds, else not.
func TestAnOverrideIsForWhatWasFound(t *testing.T) {
	def := conditional(func(first, _ *Stage) {
		first.OnSuccess = &Condition{Rules: []Rule{{Variable: "unit.coverage", Operator: OperatorEquals, Value: "100"}}}
		first.Actions[1].RunOrder = 2
	})
	def.Stages[0].Actions = append(def.Stages[0].Actions, Action{Name: "more", Uses: "x", RunOrder: 3})
	for coverage, want := range map[string]string{
		"91": "Test=Succeeded unit=Succeeded#2 lint=Succeeded#2 more=Succeeded#2; Load=InProgress load=InProgress#1; Deploy=Waiting deploy=Waiting#0; InProgress ",
		"90": `Test=Failed unit=Succeeded#2 lint=Succeeded#2 more=Succeeded#2; Load=Skipped load=Skipped#0; Deploy=Skipped deploy=Skipped#0; Failed Test: the condition after it does not hold: unit.coverage is "90" and not "100"`,
	} {
		s, _ := Start(Input{ID: "ex", Definition: def, SHA: testSHA}, noon)
		s = settle(t, s, "unit ok 91", "lint ok", "more ok")
		s.Stages[0].Overrides = []Override{{Condition: OnSuccess, By: rita, Reason: "known", Values: map[string]string{"unit.coverage": "91"}}}
		s, _, err := Advance(s, RetryRequested{At: noon, Scope: RetryStage})
		if err != nil {
			t.Fatal(err)
		}
		if got := standing(settle(t, s, "unit ok "+coverage, "lint ok", "more ok")); got != want {
			t.Errorf("coverage %s:\ngot  %s\nwant %s", coverage, got, want)
		}
	}
}

func TestOverridesThatAreRefused(t *testing.T) {
	def := conditional(func(_, second *Stage) {
		second.BeforeEntry = &Condition{Rules: []Rule{{Variable: "unit.coverage", Operator: OperatorEquals, Value: "100"}}}
	})
	d, _ := begin(t, def, Image{})
	d.refused(override("Load"), "no condition of the stage Load")
	d.s = settle(t, d.s, "unit ok 91", "lint ok")
	d.refused(override("Test"), "no condition of the stage Test")
	d.refused(override("Prod"), `no stage "Prod"`)
	wantLines(t, "overridden", d.fact(override("Load")), "start Load/load#1")
	wantLines(t, "the same request", d.fact(override("Load")))
	d.settle("Load/load", Failed)
	wantLines(t, "the same request, once it has failed otherwise", d.fact(override("Load")))
	again := override("Load")
	again.Key = "o2"
	d.refused(again, "no condition of the stage Load")
	wantLines(t, "a retry enters it by the override", d.fact(RetryRequested{At: noon, Key: "r1"}), "start Load/load#2")
}

// A condition that is overridden opens neither an approval nor a transition.
func TestAnOverrideOpensNothingElse(t *testing.T) {
	def := release(Options{})
	i := len(def.Stages) - 1
	for j, st := range def.Stages {
		if st.Name == "Promote" {
			i = j
		}
	}
	def.Stages[i-1].BeforeEntry = &Condition{Rules: []Rule{{Variable: "sluice.good", Operator: OperatorEquals, Value: "yes"}}}
	d, _ := begin(t, def, Image{})
	d.settle("Test/checks", Succeeded)
	wantLines(t, "at the approval", d.settle("Deploy/staging", Succeeded), "settled Failed")
	disabled := map[string]Disabled{"Approval": {By: quinn, Reason: "audit", At: noon}}
	d.fact(Transitions{At: noon, Disabled: disabled})
	wantLines(t, "overridden, and the transition is disabled", d.fact(override("Approval")))
	opened := d.fact(Transitions{At: noon})
	if len(opened) != 1 || !strings.HasPrefix(opened[0], "open ") {
		t.Errorf("enabled: %v, want the approval to be asked for", opened)
	}
	if got := d.at("Promote/promote").Status; got != Waiting {
		t.Errorf("the promotion is %s without the approval", got)
	}
}

func TestWhatLeadsToProduction(t *testing.T) {
	stage := func(name string, actions ...Action) Stage { return Stage{Name: name, Actions: actions} }
	approve := Action{Name: "approve", Uses: UsesApproval, Environment: EnvironmentProduction}
	other := Action{Name: "other", Uses: UsesApproval, Environment: EnvironmentStaging}
	promote := Action{Name: "promote", Uses: UsesPromote, Environment: EnvironmentProduction, RunOrder: 2}
	work := Action{Name: "work", Uses: "x"}
	stages := []Stage{
		stage("Test", work), stage("Staging", other), stage("Approval", approve), stage("Look", work, other), stage("Promote", promote), stage("After", work),
	}
	for name, c := range map[string]struct {
		def  Definition
		want []string
	}{
		"a release":                       {Definition{Kind: KindRelease, Stages: stages}, []string{"Approval", "Look", "Promote", "After"}},
		"production":                      {Definition{Kind: KindProduction, Stages: []Stage{stage("Test", work), stage("Deploy", work)}}, []string{"Test", "Deploy"}},
		"approval and promotion together": {Definition{Kind: KindRelease, Stages: []Stage{stage("Test", work), stage("Ship", promote, approve)}}, []string{"Ship"}},
		"approved anew behind it":         {Definition{Kind: KindRelease, Stages: []Stage{stage("Promote", promote), stage("After", work), stage("Approval", approve)}}, []string{"Promote", "After", "Approval"}},
		"a deployment to production":      {Definition{Kind: KindRelease, Stages: []Stage{stage("Deploy", Action{Name: "deploy", Uses: UsesDeploy, Environment: EnvironmentProduction, Deploys: true}), stage("After", work)}}, []string{"Deploy", "After"}},
		"a feature":                       {Definition{Kind: KindFeature, Stages: []Stage{stage("Test", work), stage("Staging", other)}}, nil},
	} {
		var got []string
		for _, st := range c.def.Stages {
			if c.def.LeadsToProduction(st.Name) {
				got = append(got, st.Name)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if c.def.LeadsToProduction("Nowhere") {
			t.Errorf("%s: a stage that there is not leads to production", name)
		}
	}
}
