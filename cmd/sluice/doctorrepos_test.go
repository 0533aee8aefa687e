package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// Rules with which no release can be finished are told before anybody starts one: on the branches that the repository's own
// configuration names, and not where they do not matter or the App may bypass them.
func TestCase32DoctorTellsOfLinearHistory(t *testing.T) {
	straight := func(branch string) *fakegithub.Ruleset {
		return &fakegithub.Ruleset{Name: "straight", Include: []string{"refs/heads/" + branch}, Rules: []fakegithub.Rule{{Type: "required_linear_history"}}}
	}
	const finding = "warning acme/shop: no release can be finished: "
	for name, c := range map[string]struct {
		rules  *fakegithub.Ruleset
		branch string // that the configuration calls production; empty: there is none
		bypass bool   // by the App
		want   []string
	}{
		"no rule":                    {want: []string{"ok repositories"}},
		"on production":              {rules: straight("master"), want: []string{finding + `"master" requires a linear history`}},
		"on development":             {rules: straight("development"), want: []string{finding + `"development" requires a linear history`}},
		"on another branch":          {rules: straight("pages"), want: []string{"ok repositories"}},
		"the App may bypass it":      {rules: straight("master"), bypass: true, want: []string{"ok repositories"}},
		"on a branch that is named":  {rules: straight("trunk"), branch: "trunk", want: []string{finding + `"trunk" requires a linear history`}},
		"Sluice is not active there": {rules: straight("master"), branch: "gone", want: []string{"ok repositories"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFlow(t, "")
			files := map[string]string{}
			if c.branch != "" {
				files[".github/sluice.yml"] = "version: 1\nbranches: { production: " + c.branch + " }\n"
			}
			f.must(t, f.listens())
			f.must(t, f.seed(true, true, files))
			f.must(t, f.repo.SetRef("refs/heads/trunk", f.repo.SHA("master")))
			if c.bypass {
				c.rules.Bypass = []fakegithub.BypassActor{{Type: "Integration", ID: f.app.ID, Mode: "always"}}
			}
			if c.rules != nil {
				f.repo.AddRuleset(*c.rules)
			}
			_, findings, _ := examine(t, f.hub, f.app)
			var about []string
			for _, line := range findings {
				if strings.Contains(line, "acme/shop") || strings.Contains(line, "repositories of") {
					about = append(about, line)
				}
			}
			for _, want := range c.want {
				if !slices.ContainsFunc(about, func(l string) bool { return strings.HasPrefix(l, want) }) {
					t.Errorf("no finding %q among\n%s", want, strings.Join(about, "\n"))
				}
			}
			if diff := cmp.Diff(strings.HasPrefix(c.want[0], "warning"), strings.Contains(fmt.Sprint(about), "no release can")); diff != "" {
				t.Errorf("warned (-want +got):\n%s\n%s", diff, strings.Join(about, "\n"))
			}
		})
	}
}
