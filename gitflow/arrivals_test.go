package gitflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mergeAs merges with two parents under a subject of somebody's own choice.
func (g *graph) mergeAs(subject, into, from string) string {
	g.heads[into] = g.add(subject, g.heads[into], g.sha(from))
	return g.heads[into]
}

// work makes a branch with commits on it.
func (g *graph) work(branch, from string, subjects ...string) {
	g.cut(branch, from)
	for _, s := range subjects {
		g.commit(branch, s)
	}
}

// What merges brought to development is not brought along by any other way either, and nobody is at fault for a branch that may
// go into several others.
func TestWhatMergesBroughtIsFound(t *testing.T) {
	candidate := func(g *graph) {
		g.work("issue-1", "development", "one", "two")
		g.work("fix/9", "development", "repair")
		g.work("release/1.4.0", "development", "candidate fix")
	}
	for name, c := range map[string]struct {
		do         func(g *graph)
		head, base string
		foreign    []string
	}{
		"a feature that was merged into development after the cut, and into the candidate": {
			do: func(g *graph) {
				candidate(g)
				g.merge("development", "issue-1")
				g.merge("release/1.4.0", "issue-1")
				g.commit("release/1.4.0", "second candidate fix")
			},
			head: "release/1.4.0", base: "master", foreign: []string{"two", "one"},
		},
		"the same, the candidate first": {
			do: func(g *graph) {
				candidate(g)
				g.merge("release/1.4.0", "issue-1")
				g.merge("development", "issue-1")
			},
			head: "release/1.4.0", base: "master", foreign: []string{"two", "one"},
		},
		"the same candidate into development": {
			do: func(g *graph) {
				candidate(g)
				g.merge("release/1.4.0", "issue-1")
				g.merge("development", "issue-1")
				g.commit("development", "later")
			},
			head: "release/1.4.0", base: "development", foreign: []string{"two", "one"},
		},
		"an earlier state of the feature": {
			do: func(g *graph) {
				candidate(g)
				g.merge("release/1.4.0", "issue-1")
				g.commit("issue-1", "three")
				g.merge("development", "issue-1")
			},
			head: "release/1.4.0", base: "master", foreign: []string{"two", "one"},
		},
		"a feature of the feature": {
			do: func(g *graph) {
				candidate(g)
				g.work("issue-2", "issue-1", "of the other")
				g.commit("issue-1", "three")
				g.merge("issue-1", "issue-2")
				g.merge("development", "issue-1")
				g.merge("release/1.4.0", "issue-2")
			},
			head: "release/1.4.0", base: "master", foreign: []string{"of the other", "two", "one"},
		},
		"a candidate moved up to the feature": {
			do: func(g *graph) {
				candidate(g)
				g.merge("development", "issue-1")
				g.cut("release/1.4.0", "issue-1")
			},
			head: "release/1.4.0", base: "master", foreign: []string{"two", "one"},
		},
		"two features": {
			do: func(g *graph) {
				candidate(g)
				g.work("issue-2", "development", "other")
				g.merge("development", "issue-1")
				g.merge("development", "issue-2")
				g.merge("release/1.4.0", "issue-1")
				g.merge("release/1.4.0", "issue-2")
			},
			head: "release/1.4.0", base: "master", foreign: []string{"other", "two", "one"},
		},
		"a feature that was merged before the cut": {
			do: func(g *graph) {
				g.work("issue-1", "development", "one")
				g.merge("development", "issue-1")
				g.work("release/1.4.0", "development", "candidate fix")
				g.merge("release/1.4.0", "issue-1")
				g.commit("development", "later")
			},
			head: "release/1.4.0", base: "master",
		},
		"a feature into a hotfix": {
			do: func(g *graph) {
				g.work("issue-1", "master", "one", "two")
				g.merge("development", "issue-1")
				g.work("hotfix/17", "master", "urgent")
				g.merge("hotfix/17", "issue-1")
			},
			head: "hotfix/17", base: "master", foreign: []string{"two", "one"},
		},
		"a hotfix cut from a feature": {
			do: func(g *graph) {
				g.work("issue-1", "master", "one", "two")
				g.work("hotfix/17", "issue-1", "urgent")
				g.merge("development", "issue-1")
			},
			head: "hotfix/17", base: "master", foreign: []string{"two", "one"},
		},
		"a bugfix of a candidate that took the feature in": {
			do: func(g *graph) {
				candidate(g)
				g.merge("development", "issue-1")
				g.work("fix/1", "release/1.4.0", "repair")
				g.merge("fix/1", "issue-1")
			},
			head: "fix/1", base: "release/1.4.0", foreign: []string{"two", "one"},
		},
		"a back-merge to a candidate that took the feature in": {
			do: func(g *graph) {
				candidate(g)
				g.merge("development", "issue-1")
				g.commit("master", "direct")
				g.cut("backmerge/x", "master")
				g.merge("backmerge/x", "issue-1")
			},
			head: "backmerge/x", base: "release/1.4.0", foreign: []string{"two", "one"},
		},
		"development with its merges": {
			do: func(g *graph) {
				candidate(g)
				g.merge("development", "issue-1")
				g.merge("development", "fix/9")
				g.commit("development", "later")
				g.merge("release/1.4.0", "development")
			},
			head: "release/1.4.0", base: "master",
			foreign: []string{"later", "Merge fix/9 into development", "repair", "Merge issue-1 into development", "two", "one"},
		},
		"development with the candidate's own commits among its merges": {
			do: func(g *graph) {
				candidate(g)
				g.merge("release/1.4.0", "fix/9")
				g.merge("development", "release/1.4.0")
				g.commit("release/1.4.0", "second candidate fix")
				g.merge("release/1.4.0", "development")
			},
			head: "release/1.4.0", base: "master", foreign: []string{"Merge release/1.4.0 into development"},
		},
		"a later candidate with its merges": {
			do: func(g *graph) {
				candidate(g)
				g.work("release/1.5.0", "development", "of five")
				g.work("fix/5", "release/1.5.0", "repair of five")
				g.merge("release/1.5.0", "fix/5")
				g.merge("release/1.4.0", "release/1.5.0")
			},
			head: "release/1.4.0", base: "master", foreign: []string{"Merge fix/5 into release/1.5.0", "repair of five", "of five"},
		},
		"a hotfix merged into development, into the candidate and not yet into production": {
			do: func(g *graph) {
				candidate(g)
				g.work("hotfix/17", "master", "urgent")
				g.merge("development", "hotfix/17")
				g.merge("release/1.4.0", "hotfix/17")
			},
			head: "release/1.4.0", base: "master",
		},
		"that hotfix into production": {
			do: func(g *graph) {
				candidate(g)
				g.work("hotfix/17", "master", "urgent")
				g.work("fix/1", "hotfix/17", "repair")
				g.merge("hotfix/17", "fix/1")
				g.merge("development", "hotfix/17")
				g.merge("release/1.4.0", "hotfix/17")
			},
			head: "hotfix/17", base: "master",
		},
		"a hotfix merged into development under other words": {
			do: func(g *graph) {
				g.work("hotfix/17", "master", "urgent")
				g.work("mend", "hotfix/17", "mended")
				g.mergeAs("took mend in", "hotfix/17", "mend")
				g.mergeAs("the urgent thing", "development", "hotfix/17")
			},
			head: "hotfix/17", base: "master",
		},
		"a bugfix merged into development and the candidate": {
			do: func(g *graph) {
				candidate(g)
				g.merge("development", "fix/9")
				g.merge("release/1.4.0", "fix/9")
			},
			head: "release/1.4.0", base: "master",
		},
		"a bugfix merged into development under other words": {
			do: func(g *graph) {
				candidate(g)
				g.mergeAs("repaired", "development", "fix/9")
				g.merge("release/1.4.0", "fix/9")
			},
			head: "release/1.4.0", base: "master",
		},
		"a bugfix of the candidate that a feature took in": {
			do: func(g *graph) {
				candidate(g)
				g.work("fix/1", "release/1.4.0", "repair")
				g.merge("issue-1", "fix/1")
				g.merge("development", "issue-1")
				g.merge("release/1.4.0", "fix/1")
			},
			head: "release/1.4.0", base: "master",
		},
		"a candidate that a feature took in": {
			do: func(g *graph) {
				candidate(g)
				g.mergeAs("up to date", "issue-1", "release/1.4.0")
				g.merge("development", "issue-1")
			},
			head: "release/1.4.0", base: "master",
		},
		"an earlier candidate merged into development and the later one": {
			do: func(g *graph) {
				candidate(g)
				g.work("release/1.5.0", "development", "of five")
				g.merge("development", "release/1.4.0")
				g.merge("release/1.5.0", "release/1.4.0")
			},
			head: "release/1.5.0", base: "master",
		},
		"production merged into the candidate and into development": {
			do: func(g *graph) {
				candidate(g)
				g.work("hotfix/17", "master", "urgent")
				g.merge("master", "hotfix/17")
				g.merge("development", "master")
				g.merge("release/1.4.0", "master")
				g.merge("development", "issue-1")
			},
			head: "release/1.4.0", base: "master",
		},
		"a back-merge with its conflict resolved, into development": {
			do: func(g *graph) {
				candidate(g)
				g.commit("master", "direct")
				g.cut("backmerge/x", "master")
				g.merge("backmerge/x", "development")
				g.merge("development", "backmerge/x")
				g.merge("release/1.4.0", "master")
			},
			head: "release/1.4.0", base: "master",
		},
		"a feature that was squashed into development": {
			do: func(g *graph) {
				candidate(g)
				g.squash("development", "issue-1")
				g.commit("release/1.4.0", "second candidate fix")
			},
			head: "release/1.4.0", base: "master",
		},
		"development pulled with a merge, after the cut": {
			do: func(g *graph) {
				g.work("local", "development", "local")
				g.work("issue-1", "development", "one")
				g.merge("development", "issue-1")
				g.work("release/1.4.0", "development", "candidate fix")
				g.commit("development", "later")
				g.mergeAs("Merge branch 'development' of github.com:acme/shop into development", "local", "development")
				g.cut("development", "local")
			},
			head: "release/1.4.0", base: "master",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := shop()
			c.do(g)
			v := CheckPull(standard, g.pull(standard, c.head, c.base))
			var found []string
			for _, x := range v.Violations {
				if x.Rule != RuleForeign {
					t.Errorf("%s: %s", x.Rule, x.Problem)
				}
				found = append(found, subjects(x.Commits)...)
			}
			if diff := cmp.Diff(c.foreign, found); diff != "" {
				t.Errorf("foreign commits (-want +got):\n%s", diff)
			}
		})
	}
}

// Who merged under words of their own does not hide whose branch it was: the pull requests know.
func TestMergedBranchesAreNamedByTheirPullRequests(t *testing.T) {
	for name, c := range map[string]struct {
		branch  string
		fork    bool
		foreign []string
	}{
		"a feature":                 {branch: "issue-1", foreign: []string{"one"}},
		"nobody knows":              {foreign: []string{"one"}},
		"a bugfix":                  {branch: "fix/1"},
		"a hotfix":                  {branch: "hotfix/18"},
		"a hotfix of a fork's":      {branch: "hotfix/18", fork: true, foreign: []string{"one"}},
		"a branch that was renamed": {branch: "development", foreign: []string{"one"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := shop()
			g.work("x", "master", "one")
			g.mergeAs("Something good (#4)", "development", "x")
			g.work("hotfix/17", "master", "urgent")
			g.mergeAs("needed as well", "hotfix/17", "x")
			facts := g.pull(standard, "hotfix/17", "master")
			if diff := cmp.Diff([]string{g.heads["x"]}, CheckPull(standard, facts).Unnamed); diff != "" {
				t.Fatalf("tips to be named (-want +got):\n%s", diff)
			}
			if c.branch != "" {
				facts.Merged = []MergedBranch{{SHA: g.heads["x"], Branch: c.branch, Fork: c.fork}}
			}
			var found []string
			for _, x := range CheckPull(standard, facts).Violations {
				found = append(found, subjects(x.Commits)...)
			}
			if diff := cmp.Diff(c.foreign, found); diff != "" {
				t.Errorf("foreign commits (-want +got):\n%s", diff)
			}
		})
	}
}

// A stranger's pull request at a branch's public commit does not make that branch the stranger's, though GitHub calls it merged once
// the branch is.
func TestStrangersPullDoesNotNameABranch(t *testing.T) {
	for name, c := range map[string]struct {
		subject string
		records []MergedBranch
		foreign []string
	}{
		"merged with git":            {subject: "Merge branch 'hotfix/17' into development", records: []MergedBranch{{Branch: "x", Number: 9, Fork: true}}},
		"merged with other words":    {subject: "the urgent thing", records: []MergedBranch{{Branch: "x", Number: 9, Fork: true}}},
		"merged by its own":          {subject: "Merge pull request #8 from acme/hotfix/17", records: []MergedBranch{{Branch: "hotfix/17", Number: 8}, {Branch: "x", Number: 9, Fork: true}}},
		"its own is not recorded":    {subject: "Merge pull request #98 from acme/hotfix/17", records: []MergedBranch{{Branch: "x", Number: 9, Fork: true}}},
		"a writer's, before its own": {subject: "urgent (#8)", records: []MergedBranch{{Branch: "x", Number: 7}, {Branch: "hotfix/17", Number: 8}}},
		"a writer's, after its own":  {subject: "urgent (#8)", records: []MergedBranch{{Branch: "hotfix/17", Number: 8}, {Branch: "x", Number: 9}}},
		"the stranger's was merged":  {subject: "Merge pull request #9 from mallory/hotfix/17", records: []MergedBranch{{Branch: "hotfix/17", Number: 9, Fork: true}}, foreign: []string{"urgent"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := shop()
			g.work("hotfix/17", "master", "urgent")
			g.mergeAs(c.subject, "development", "hotfix/17")
			urgent := g.heads["hotfix/17"]
			g.commit("hotfix/17", "more")
			facts := g.pull(standard, "hotfix/17", "master")
			for _, m := range c.records {
				m.SHA = urgent
				facts.Merged = append(facts.Merged, m)
			}
			var found []string
			for _, x := range CheckPull(standard, facts).Violations {
				found = append(found, subjects(x.Commits)...)
			}
			if diff := cmp.Diff(c.foreign, found); diff != "" {
				t.Errorf("foreign commits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNothingIsAskedAboutOrdinaryPulls(t *testing.T) {
	g := shop()
	g.work("issue-1", "development", "one")
	g.work("release/1.4.0", "development", "candidate fix")
	g.merge("development", "issue-1")
	g.work("hotfix/17", "master", "urgent")
	for head, base := range map[string]string{"issue-1": "development", "release/1.4.0": "master", "hotfix/17": "master"} {
		if tips := CheckPull(standard, g.pull(standard, head, base)).Unnamed; len(tips) > 0 {
			t.Errorf("%s into %s: %v", head, base, tips)
		}
	}
}

func TestMergedBranch(t *testing.T) {
	for subject, want := range map[string]string{
		"Merge pull request #12 from acme/feature/plums":                        "feature/plums",
		"Merge pull request #12":                                                "",
		"Merge branch 'issue-1'":                                                "issue-1",
		"Merge branch 'issue-1' into release/1.4.0":                             "issue-1",
		"Merge branch 'development' of https://github.com/acme/shop into local": "development",
		"Merge remote-tracking branch 'origin/hotfix/17' into development":      "hotfix/17",
		"Merge hotfix/17 into development":                                      "hotfix/17",
		"Merge 1a2b3c4 into development":                                        "",
		"Merge 1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d into development":       "",
		"Merge the two of them into one":                                        "",
		"Merge branches 'a' and 'b'":                                            "",
		"Something good (#4)":                                                   "",
	} {
		if got := mergedBranch(subject); got != want {
			t.Errorf("%q: %q, want %q", subject, got, want)
		}
	}
}

// A fix that was taken to production as a hotfix and to development as a feature is one fix; what travels with it is not.
func TestHotfixThatDevelopmentMergedAsAFeature(t *testing.T) {
	for name, c := range map[string]struct {
		do      func(g *graph)
		foreign []string
	}{
		"the only commit": {
			do: func(g *graph) {
				g.work("hotfix/17", "master", "urgent")
				g.cut("issue-17", "hotfix/17")
				g.merge("development", "issue-17")
			},
		},
		"the feature first": {
			do: func(g *graph) {
				g.work("issue-17", "master", "urgent")
				g.merge("development", "issue-17")
				g.cut("hotfix/17", "issue-17")
			},
		},
		"two commits": {
			do: func(g *graph) {
				g.work("hotfix/17", "master", "urgent", "more")
				g.cut("issue-17", "hotfix/17")
				g.merge("development", "issue-17")
			},
		},
		"the feature went on": {
			do: func(g *graph) {
				g.work("hotfix/17", "master", "urgent")
				g.work("issue-17", "hotfix/17", "polished")
				g.merge("development", "issue-17")
			},
		},
		"by way of another feature": {
			do: func(g *graph) {
				g.work("hotfix/17", "master", "urgent")
				g.cut("issue-17", "hotfix/17")
				g.work("issue-2", "development", "other")
				g.merge("issue-2", "issue-17")
				g.merge("development", "issue-2")
			},
		},
		"with a bugfix that was merged into it": {
			do: func(g *graph) {
				g.work("hotfix/17", "master", "urgent")
				g.work("fix/1", "hotfix/17", "repair")
				g.merge("hotfix/17", "fix/1")
				g.cut("issue-17", "hotfix/17")
				g.merge("development", "issue-17")
			},
		},
		"with a feature that was merged into it": {
			do: func(g *graph) {
				g.work("issue-1", "master", "one")
				g.work("hotfix/17", "master", "urgent")
				g.merge("hotfix/17", "issue-1")
				g.cut("issue-17", "hotfix/17")
				g.merge("development", "issue-17")
			},
			foreign: []string{"one"},
		},
		"with a feature that was merged into both": {
			do: func(g *graph) {
				g.work("issue-1", "master", "one")
				g.merge("development", "issue-1")
				g.work("hotfix/17", "master", "urgent")
				g.merge("hotfix/17", "issue-1")
				g.cut("issue-17", "hotfix/17")
				g.merge("development", "issue-17")
			},
			foreign: []string{"one"},
		},
		"on top of another feature": {
			do: func(g *graph) {
				g.work("issue-1", "master", "one", "two")
				g.merge("development", "issue-1")
				g.work("hotfix/17", "issue-1", "urgent")
				g.cut("issue-17", "hotfix/17")
				g.merge("development", "issue-17")
			},
			foreign: []string{"two", "one"},
		},
		"on top of development": {
			do: func(g *graph) {
				g.work("hotfix/17", "development", "urgent")
				g.cut("issue-17", "hotfix/17")
				g.merge("development", "issue-17")
			},
			foreign: []string{"feature three", "Merge master into development", "feature two"},
		},
		"with development in it": {
			do: func(g *graph) {
				g.work("hotfix/17", "master", "urgent")
				g.merge("hotfix/17", "development")
				g.cut("issue-17", "hotfix/17")
				g.commit("development", "later")
				g.merge("development", "issue-17")
			},
			foreign: []string{"feature three", "Merge master into development", "feature two"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := shop()
			c.do(g)
			var found []string
			for _, x := range CheckPull(standard, g.pull(standard, "hotfix/17", "master")).Violations {
				if x.Rule != RuleForeign {
					t.Errorf("%s: %s", x.Rule, x.Problem)
				}
				found = append(found, subjects(x.Commits)...)
			}
			if diff := cmp.Diff(c.foreign, found); diff != "" {
				t.Errorf("foreign commits (-want +got):\n%s", diff)
			}
		})
	}
}

// Where all that a hotfix has is development's own, its refusal has no commands: they would leave nothing of what may be the fix.
func TestNoCommandLosesTheFix(t *testing.T) {
	g := newGraph()
	g.commit("master", "first")
	g.work("hotfix/17", "master", "urgent")
	g.cut("development", "hotfix/17")
	v := CheckPull(standard, g.pull(standard, "hotfix/17", "master"))
	if len(v.Violations) != 1 || v.Violations[0].Rule != RuleForeign {
		t.Fatalf("violations: %v", v.Violations)
	}
	if got := v.Violations[0]; len(got.Commands) != 0 || !strings.Contains(string(got.Remedy), "/override sluice/branch lets it pass") {
		t.Errorf("%s\n%q", got.Remedy, got.Commands)
	}
	g.commit("hotfix/17", "more")
	v = CheckPull(standard, g.pull(standard, "hotfix/17", "master"))
	if len(v.Violations) != 1 || len(v.Violations[0].Commands) == 0 {
		t.Errorf("with a commit of its own: %v", v.Violations)
	}
}

// What history does not tell is refused: a hotfix that goes on after a feature was merged at one of its commits may have been cut from
// that feature.
func TestHotfixThatGoesOnAfterTheFeature(t *testing.T) {
	g := shop()
	g.work("hotfix/17", "master", "urgent")
	g.cut("issue-17", "hotfix/17")
	g.merge("development", "issue-17")
	g.commit("hotfix/17", "more")
	v := CheckPull(standard, g.pull(standard, "hotfix/17", "master"))
	if len(v.Violations) != 1 || v.Violations[0].Rule != RuleForeign || len(v.Violations[0].Commands) == 0 {
		t.Errorf("violations: %v", v.Violations)
	}
}
