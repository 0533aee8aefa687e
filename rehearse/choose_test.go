package rehearse_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/rehearse"
)

func whole() pipeline.Definition {
	action := func(name, uses string) pipeline.Action { return pipeline.Action{Name: name, Uses: uses} }
	deploy := func(environment string) pipeline.Action {
		return pipeline.Action{Name: environment, Uses: "appspec", Environment: environment, Deploys: true}
	}
	build, image, late := action("build", "buildspec"), action("image", "image"), action("late", "buildspec")
	build.Outputs, image.Inputs, late.RunOrder = []string{"app"}, []string{"app"}, 2
	return pipeline.Definition{Kind: pipeline.KindRelease, Stages: []pipeline.Stage{
		{Name: "Test", Actions: []pipeline.Action{action("unit", "buildspec"), action("checks", "checks"), late}},
		{Name: "Build", Actions: []pipeline.Action{build, image}},
		{Name: "Deploy", Actions: []pipeline.Action{deploy("staging")}},
		{Name: "Approval", Actions: []pipeline.Action{{Name: "approval", Uses: pipeline.UsesApproval, Environment: "production"}}},
		{Name: "Promote", Actions: []pipeline.Action{{Name: "promote", Uses: pipeline.UsesPromote, Environment: "production"}, deploy("production")}},
	}}
}

func TestChoose(t *testing.T) {
	unable := map[string]string{"checks": "it waits for GitHub"}
	for name, c := range map[string]struct {
		choice rehearse.Choice
		runs   string
		left   string // the first reasons
		err    string
	}{
		"nothing asked for":           {rehearse.Choice{}, "Test/unit Test/late Build/build", "checks image staging approval promote production", ""},
		"all that can be":             {rehearse.Choice{Deploy: []string{"staging", "production"}, Push: true, Approve: true}, "Test/unit Test/late Build/build Build/image Deploy/staging Approval/approval", "checks promote production", ""},
		"until a stage":               {rehearse.Choice{Until: "Test"}, "Test/unit Test/late", "checks", ""},
		"until an action":             {rehearse.Choice{Until: "unit"}, "Test/unit", "", ""},
		"until an action after":       {rehearse.Choice{Until: "Test/late"}, "Test/unit Test/late", "checks", ""},
		"only a stage":                {rehearse.Choice{Only: []string{"Build"}}, "Build/build", "image", ""},
		"only two actions":            {rehearse.Choice{Only: []string{"unit", "Build/image"}, Push: true}, "Test/unit Build/image", "", ""},
		"only and until":              {rehearse.Choice{Only: []string{"unit", "build"}, Until: "Test"}, "Test/unit", "", ""},
		"a name that is none":         {rehearse.Choice{Only: []string{"units"}}, "", "", `neither stage nor action "units"; it has Test/unit, Test/checks`},
		"an end that is none":         {rehearse.Choice{Until: "Tset"}, "", "", `neither stage nor action "Tset"`},
		"what cannot be":              {rehearse.Choice{Only: []string{"checks"}}, "", "", "Test/checks cannot be run: it waits for GitHub"},
		"what is not asked for":       {rehearse.Choice{Only: []string{"staging"}}, "", "", "Deploy/staging cannot be run: it deploys to staging; --deploy staging does"},
		"a stage of nothing that can": {rehearse.Choice{Only: []string{"Promote"}, Deploy: []string{"production"}}, "", "", "nothing is left to run: Promote/promote: only the server promotes; Promote/production: only the server"},
	} {
		t.Run(name, func(t *testing.T) {
			c.choice.Unable = unable
			d, left, err := rehearse.Choose(whole(), c.choice)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var runs, out []string
			for _, s := range d.Stages {
				for _, a := range s.Actions {
					runs = append(runs, s.Name+"/"+a.Name)
				}
			}
			for _, l := range left {
				out = append(out, l.Action)
				if l.Why == "" {
					t.Errorf("%s is left out without a reason", l.Action)
				}
			}
			if diff := cmp.Diff([]string{c.runs, c.left}, []string{strings.Join(runs, " "), strings.Join(out, " ")}); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestNeeds(t *testing.T) {
	all := whole()
	only, _, err := rehearse.Choose(all, rehearse.Choice{Only: []string{"image"}, Push: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []rehearse.Need{{By: "Build/image", Name: "app", Maker: "Build/build"}}
	if diff := cmp.Diff(want, rehearse.Needs(all, only)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	deploy, _, err := rehearse.Choose(all, rehearse.Choice{Only: []string{"staging"}, Deploy: []string{"staging"}})
	if err != nil {
		t.Fatal(err)
	}
	want = []rehearse.Need{{By: "Deploy/staging", Name: "app", Maker: "Build/build", Optional: true}}
	if diff := cmp.Diff(want, rehearse.Needs(all, deploy)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := rehearse.Needs(all, all); got != nil {
		t.Errorf("the whole needs %v", got)
	}
}
