package gitflow

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestLacksProduction(t *testing.T) {
	const branch = "release/1.4.0"
	// ship merges a hotfix with one commit into production and says what a bad release of it would be.
	ship := func(g *graph, id, from string) BadRelease {
		g.cut("hotfix/"+id, from)
		sha := g.commit("hotfix/"+id, "urgent "+id)
		return BadRelease{Version: id, SHA: sha, MergeSHA: g.merge("master", "hotfix/"+id)}
	}
	for name, c := range map[string]struct {
		do       func(g *graph) []BadRelease
		lacks    []string
		excused  []string
		runs     string // branch that production runs
		lacksRun bool
	}{
		"a candidate of today": {do: func(g *graph) []BadRelease { return nil }},
		"a hotfix shipped after the cut": {
			do:    func(g *graph) []BadRelease { ship(g, "17", "master"); return nil },
			lacks: []string{"Merge hotfix/17 into master", "urgent 17"},
		},
		"a hotfix shipped and merged in": {
			do: func(g *graph) []BadRelease { ship(g, "17", "master"); g.merge(branch, "master"); return nil },
		},
		"a direct push to production": {
			do:    func(g *graph) []BadRelease { g.commit("master", "direct"); return nil },
			lacks: []string{"direct"},
		},
		"only a bad hotfix": {
			do:      func(g *graph) []BadRelease { return []BadRelease{ship(g, "17", "master")} },
			excused: []string{"Merge hotfix/17 into master", "urgent 17"},
		},
		"a bad hotfix known by its tagged commit only": {
			do: func(g *graph) []BadRelease {
				b := ship(g, "17", "master")
				return []BadRelease{{SHA: b.SHA}}
			},
			excused: []string{"Merge hotfix/17 into master", "urgent 17"},
		},
		"a bad hotfix, and a good one cut from what runs": {
			do: func(g *graph) []BadRelease {
				g.cut("running", "master")
				bad := ship(g, "17", "master")
				ship(g, "18", "running")
				return []BadRelease{bad}
			},
			lacks:   []string{"Merge hotfix/18 into master", "urgent 18"},
			excused: []string{"Merge hotfix/17 into master", "urgent 17"},
		},
		"a bad hotfix that a good one was built on": {
			do: func(g *graph) []BadRelease {
				bad := ship(g, "17", "master")
				ship(g, "18", "master")
				return []BadRelease{bad}
			},
			lacks: []string{"Merge hotfix/18 into master", "urgent 18", "Merge hotfix/17 into master", "urgent 17"},
		},
		"a bad hotfix that was squashed": {
			do: func(g *graph) []BadRelease {
				g.cut("hotfix/17", "master")
				g.commit("hotfix/17", "urgent")
				return []BadRelease{{MergeSHA: g.squash("master", "hotfix/17")}}
			},
			excused: []string{"Squash of hotfix/17"},
		},
		"the candidate itself is in production already": {
			do: func(g *graph) []BadRelease { g.merge("master", branch); return nil },
		},
		"the candidate and a hotfix are in production": {
			do:    func(g *graph) []BadRelease { ship(g, "17", "master"); g.merge("master", branch); return nil },
			lacks: []string{"Merge hotfix/17 into master", "urgent 17"},
		},
		"what runs is contained":     {do: func(g *graph) []BadRelease { return nil }, runs: "master"},
		"what runs is not contained": {do: func(g *graph) []BadRelease { g.cut("running", "master"); g.commit("running", "x"); return nil }, runs: "running", lacksRun: true},
	} {
		t.Run(name, func(t *testing.T) {
			g := shop()
			g.cut(branch, "development")
			bad := c.do(g)
			candidate := g.heads[branch]
			answers := append(g.answers(LacksNeeds(standard, candidate, g.heads[c.runs])), Comparison{})
			l := LacksProduction(answers[0], answers[1], bad)
			if diff := cmp.Diff(c.lacks, subjects(l.Commits), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("lacks (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.excused, subjects(l.Excused), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("excused (-want +got):\n%s", diff)
			}
			if (l.Runs != "") != c.lacksRun || l.OK() != (len(c.lacks) == 0 && !c.lacksRun) {
				t.Errorf("%+v", l)
			}
			answers[0].Truncated = true
			if LacksProduction(answers[0], answers[1], bad).OK() {
				t.Error("a list that is cut short must not pass")
			}
		})
	}
}
