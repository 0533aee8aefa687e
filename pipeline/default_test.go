package pipeline

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// outline writes a definition shortly: a line for each stage.
func outline(d Definition) []string {
	out := []string{string(d.Mode)}
	for _, st := range d.Stages {
		line := st.Name + ":"
		for _, a := range st.Actions {
			line += fmt.Sprintf(" %s=%s", a.Name, a.Uses)
			if a.Environment != "" {
				line += "@" + a.Environment
			}
		}
		out = append(out, line)
	}
	return out
}

func TestDefaultPipelines(t *testing.T) {
	ecs := map[string]Deploy{"staging": {Uses: "ecs", With: map[string]any{"cluster": "staging"}}}
	tested := func(mode, environment string) []string {
		return []string{mode, "Test: checks=checks", "Deploy: " + environment + "=deploy@" + environment}
	}
	toProduction := []string{"Approval: approval=approval@production", "Promote: promote=promote@production"}
	for name, tc := range map[string]struct {
		kind string
		o    Options
		want []string
	}{
		"feature":       {KindFeature, Options{}, tested("superseded", "development")},
		"bugfix":        {KindBugfix, Options{}, tested("superseded", "development")},
		"development":   {KindDevelopment, Options{}, tested("superseded", "development")},
		"release":       {KindRelease, Options{}, append(tested("superseded", "staging"), toProduction...)},
		"hotfix":        {KindHotfix, Options{}, append(tested("queued", "staging"), toProduction...)},
		"support":       {KindSupport, Options{}, append(tested("superseded", "staging"), toProduction...)},
		"production":    {KindProduction, Options{}, []string{"queued", "Deploy: production=deploy@production"}},
		"another bot's": {KindFeature, Options{SkipDeploy: true}, []string{"superseded", "Test: checks=checks"}},
		"buildspec that may run here": {KindFeature, Options{LocalExecutors: true, Buildspec: "buildspec.yml"},
			[]string{"superseded", "Build: build=buildspec", "Deploy: development=deploy@development"}},
		"buildspec that may not": {KindFeature, Options{Buildspec: "buildspec.yml"}, tested("superseded", "development")},
		"no buildspec":           {KindFeature, Options{LocalExecutors: true}, tested("superseded", "development")},
		"deploy executor": {KindRelease, Options{Environments: ecs},
			append([]string{"superseded", "Test: checks=checks", "Deploy: staging=ecs@staging"}, toProduction...)},
	} {
		t.Run(name, func(t *testing.T) {
			d, ok := Default(tc.kind, tc.o)
			if diff := cmp.Diff(tc.want, outline(d)); diff != "" || !ok {
				t.Errorf("ok %v (-want +got):\n%s", ok, diff)
			}
			if problems := d.Validate(); len(problems) > 0 {
				t.Errorf("not valid: %v", problems)
			}
			for _, st := range d.Stages {
				for _, a := range st.Actions {
					if a.Deploys != (st.Name == "Deploy") {
						t.Errorf("%s: deploys %v", a.Name, a.Deploys)
					}
				}
			}
		})
	}
	if _, ok := Default("backmerge", Options{}); ok {
		t.Error("a back-merge branch has a pipeline")
	}
}

func TestCompleteKeepsWhatIsWritten(t *testing.T) {
	written := Definition{Kind: KindRelease, Mode: ModeParallel, Stages: []Stage{
		{Name: "Promote", Actions: []Action{
			{Name: "ok", Uses: UsesApproval, With: map[string]any{"environment": "staging"}, Timeout: time.Hour},
			{Name: "staging", Uses: UsesDeploy, With: map[string]any{"environment": "staging", "wait": true}, RunOrder: 2},
			{Name: "smoke", Uses: "http", Environment: "staging", RunOrder: 3},
		}},
	}}
	deploy := Deploy{Uses: "ecs", With: map[string]any{"cluster": "s", "wait": false}}
	d := Complete(written, Options{Environments: map[string]Deploy{"staging": deploy},
		ApprovalExpires: 2 * time.Hour, ApprovalRemind: time.Minute, ManualPromotion: true})
	want := Definition{Kind: KindRelease, Mode: ModeParallel, Stages: []Stage{
		{Name: "Promote", Actions: []Action{
			{Name: "ok", Uses: UsesApproval, With: map[string]any{"environment": "staging"}, Environment: "staging", Timeout: time.Hour},
			{Name: "staging", Uses: "ecs", With: map[string]any{"cluster": "s", "wait": true}, RunOrder: 2, Environment: "staging", Deploys: true},
			{Name: "smoke", Uses: "http", Environment: "staging", RunOrder: 3, Deploys: true},
		}},
		{Name: "Approval", Actions: []Action{{Name: "approval", Uses: UsesApproval, Environment: "production", Timeout: 2 * time.Hour, Remind: time.Minute}}},
		{Name: "Promote to production", Actions: []Action{{Name: "promote", Uses: UsesPromote, Environment: "production", Manual: true}}},
	}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if written.Stages[0].Actions[0].Environment != "" || len(written.Stages) != 1 || len(deploy.With) != 2 || deploy.With["wait"] != false {
		t.Error("what was handed in has changed")
	}
	if diff := cmp.Diff(d, Complete(d, Options{Environments: map[string]Deploy{"staging": deploy}})); diff != "" {
		t.Errorf("complete is not complete:\n%s", diff)
	}
}

func TestWrittenPromotionGetsNoApprovalByItself(t *testing.T) {
	d := Complete(Definition{Kind: KindHotfix, Stages: []Stage{{Name: "P", Actions: []Action{{Name: "p", Uses: UsesPromote}}}}}, Options{})
	if problems := d.Validate(); len(problems) != 1 || problems[0].Field != "uses" {
		t.Errorf("problems: %v", problems)
	}
}
