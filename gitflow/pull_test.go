package gitflow

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The rules by ancestry: each case does to a repository what people do, and names what the check must find.
func TestCheckPullByAncestry(t *testing.T) {
	for name, c := range map[string]struct {
		do         func(g *graph)
		head, base string
		rules      []Rule
		foreign    []string // subjects, newest first
	}{
		"a feature of development": {
			do:   func(g *graph) { g.cut("issue-1", "development"); g.commit("issue-1", "work") },
			head: "issue-1", base: "development",
		},
		"a feature that took development in": {
			do: func(g *graph) {
				g.cut("issue-1", "development")
				g.commit("issue-1", "work")
				g.commit("development", "later")
				g.merge("issue-1", "development")
			},
			head: "issue-1", base: "development",
		},
		"a feature cut from a candidate": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.commit("release/1.4.0", "candidate fix")
				g.cut("issue-1", "release/1.4.0")
				g.commit("issue-1", "work")
			},
			head: "issue-1", base: "development", rules: []Rule{RuleForeign}, foreign: []string{"candidate fix"},
		},
		"a feature cut from a candidate whose commits were merged back": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.commit("release/1.4.0", "candidate fix")
				g.cut("issue-1", "release/1.4.0")
				g.commit("issue-1", "work")
				g.commit("development", "later")
				g.merge("development", "release/1.4.0")
			},
			head: "issue-1", base: "development",
		},
		"a feature cut from production before the back-merge": {
			do: func(g *graph) {
				g.cut("hotfix/17", "master")
				g.commit("hotfix/17", "urgent")
				g.merge("master", "hotfix/17")
				g.cut("issue-1", "master")
				g.commit("issue-1", "work")
			},
			head: "issue-1", base: "development", rules: []Rule{RuleForeign}, foreign: []string{"Merge hotfix/17 into master"},
		},
		"the same feature after the back-merge": {
			do: func(g *graph) {
				g.cut("hotfix/17", "master")
				g.commit("hotfix/17", "urgent")
				g.merge("master", "hotfix/17")
				g.cut("issue-1", "master")
				g.commit("issue-1", "work")
				g.merge("development", "master")
			},
			head: "issue-1", base: "development",
		},
		"a hotfix of production": {
			do:   func(g *graph) { g.cut("hotfix/17", "master"); g.commit("hotfix/17", "urgent") },
			head: "hotfix/17", base: "master",
		},
		"a hotfix cut from development": {
			do:   func(g *graph) { g.cut("hotfix/17", "development"); g.commit("hotfix/17", "urgent") },
			head: "hotfix/17", base: "master", rules: []Rule{RuleForeign},
			foreign: []string{"feature three", "Merge master into development", "feature two"},
		},
		"a hotfix with development merged in, into development": {
			do: func(g *graph) {
				g.cut("hotfix/17", "master")
				g.commit("hotfix/17", "urgent")
				g.merge("hotfix/17", "development")
			},
			head: "hotfix/17", base: "development", rules: []Rule{RuleForeign},
			foreign: []string{"feature three", "Merge master into development", "feature two"},
		},
		"a hotfix cut from a candidate": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.commit("release/1.4.0", "candidate fix")
				g.cut("hotfix/17", "release/1.4.0")
				g.commit("hotfix/17", "urgent")
				delete(g.heads, "x")
			},
			head: "hotfix/17", base: "master", rules: []Rule{RuleForeign, RuleForeign},
			foreign: []string{"feature three", "Merge master into development", "feature two"},
		},
		"a hotfix after the commits of the last release came back to development": {
			do: func(g *graph) {
				g.commit("development", "later")
				g.cut("hotfix/17", "master")
				g.commit("hotfix/17", "urgent")
			},
			head: "hotfix/17", base: "development",
		},
		"a hotfix into an open release branch": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.cut("hotfix/17", "master")
				g.commit("hotfix/17", "urgent")
			},
			head: "hotfix/17", base: "release/1.4.0",
		},
		"a release of development": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.commit("release/1.4.0", "candidate fix")
				g.commit("development", "later")
			},
			head: "release/1.4.0", base: "master",
		},
		"a release with development merged in": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.commit("release/1.4.0", "candidate fix")
				g.commit("development", "later")
				g.commit("development", "latest")
				g.merge("release/1.4.0", "development")
			},
			head: "release/1.4.0", base: "master", rules: []Rule{RuleForeign}, foreign: []string{"latest", "later"},
		},
		"the same release into development": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.commit("release/1.4.0", "candidate fix")
				g.commit("development", "later")
				g.merge("release/1.4.0", "development")
				g.commit("development", "latest")
			},
			head: "release/1.4.0", base: "development", rules: []Rule{RuleForeign}, foreign: []string{"later"},
		},
		"a release whose commits were merged back to development meanwhile": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.commit("release/1.4.0", "candidate fix")
				g.commit("development", "later")
				g.merge("development", "release/1.4.0")
				g.commit("release/1.4.0", "second candidate fix")
			},
			head: "release/1.4.0", base: "master",
		},
		"a release that took a hotfix in": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.cut("hotfix/17", "master")
				g.commit("hotfix/17", "urgent")
				g.merge("master", "hotfix/17")
				g.merge("development", "master")
				g.merge("release/1.4.0", "master")
			},
			head: "release/1.4.0", base: "master",
		},
		"a release with the later release merged in": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.cut("release/1.5.0", "development")
				g.commit("release/1.4.0", "fix of four")
				g.commit("release/1.5.0", "fix of five")
				g.merge("release/1.4.0", "release/1.5.0")
			},
			head: "release/1.4.0", base: "master", rules: []Rule{RuleForeign}, foreign: []string{"fix of five"},
		},
		"a release beside a later release": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.commit("development", "later")
				g.cut("release/1.5.0", "development")
				g.commit("release/1.4.0", "fix of four")
				g.commit("release/1.5.0", "fix of five")
			},
			head: "release/1.4.0", base: "master",
		},
		"a release that the next one was cut from": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.commit("release/1.4.0", "fix of four")
				g.cut("release/1.4.1", "release/1.4.0")
				g.commit("release/1.4.1", "fix of four one")
			},
			head: "release/1.4.0", base: "master",
		},
		"a release with the earlier release merged in": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.cut("release/1.5.0", "development")
				g.commit("release/1.4.0", "fix of four")
				g.commit("release/1.5.0", "fix of five")
				g.merge("release/1.5.0", "release/1.4.0")
			},
			head: "release/1.5.0", base: "master",
		},
		"a bugfix of a candidate": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.commit("development", "later")
				g.cut("fix/1", "release/1.4.0")
				g.commit("fix/1", "repair")
			},
			head: "fix/1", base: "release/1.4.0",
		},
		"a bugfix of development into a candidate": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.commit("development", "later")
				g.cut("fix/1", "development")
				g.commit("fix/1", "repair")
			},
			head: "fix/1", base: "release/1.4.0", rules: []Rule{RuleForeign}, foreign: []string{"later"},
		},
		"a bugfix of a candidate into development": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.commit("release/1.4.0", "candidate fix")
				g.cut("fix/1", "release/1.4.0")
				g.commit("fix/1", "repair")
			},
			head: "fix/1", base: "development", rules: []Rule{RuleForeign}, foreign: []string{"candidate fix"},
		},
		"a bugfix of a hotfix": {
			do: func(g *graph) {
				g.cut("hotfix/17", "master")
				g.commit("hotfix/17", "urgent")
				g.cut("fix/1", "hotfix/17")
				g.commit("fix/1", "repair")
			},
			head: "fix/1", base: "hotfix/17",
		},
		"a bugfix of development into a hotfix": {
			do: func(g *graph) {
				g.cut("hotfix/17", "master")
				g.commit("hotfix/17", "urgent")
				g.cut("fix/1", "development")
				g.commit("fix/1", "repair")
			},
			head: "fix/1", base: "hotfix/17", rules: []Rule{RuleForeign},
			foreign: []string{"feature three", "Merge master into development", "feature two"},
		},
		"a hotfix of production into an older support line": {
			do: func(g *graph) {
				first := g.heads["master"]
				g.cut("hotfix/17", "master")
				g.commit("hotfix/17", "urgent")
				g.merge("master", "hotfix/17")
				g.cut("support/1.3", first)
				g.cut("hotfix/18", "master")
				g.commit("hotfix/18", "more")
			},
			head: "hotfix/18", base: "support/1.3", rules: []Rule{RuleForeign}, foreign: []string{"Merge hotfix/17 into master"},
		},
		"a hotfix of a support line": {
			do: func(g *graph) {
				g.cut("support/1.3", "master")
				g.cut("hotfix/18", "support/1.3")
				g.commit("hotfix/18", "more")
			},
			head: "hotfix/18", base: "support/1.3",
		},
		"a back-merge with its conflict resolved": {
			do: func(g *graph) {
				g.commit("master", "direct")
				g.cut("backmerge/x-to-development", "master")
				g.merge("backmerge/x-to-development", "development")
			},
			head: "backmerge/x-to-development", base: "development",
		},
		"a back-merge to a candidate with development merged in": {
			do: func(g *graph) {
				g.cut("release/1.4.0", "development")
				g.commit("development", "later")
				g.commit("master", "direct")
				g.cut("backmerge/x-to-release-1.4.0", "master")
				g.merge("backmerge/x-to-release-1.4.0", "development")
			},
			head: "backmerge/x-to-release-1.4.0", base: "release/1.4.0", rules: []Rule{RuleForeign}, foreign: []string{"later"},
		},
		"a branch with no history in common": {
			do:   func(g *graph) { g.commit("issue-1", "from nowhere") },
			head: "issue-1", base: "development", rules: []Rule{RuleUnrelated},
		},
		"a branch with nothing new": {
			do:   func(g *graph) { g.cut("issue-1", "development") },
			head: "issue-1", base: "development",
		},
		"a stacked feature": {
			do: func(g *graph) {
				g.cut("issue-1", "development")
				g.cut("issue-2", "issue-1")
				g.commit("issue-2", "work")
			},
			head: "issue-2", base: "issue-1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := shop()
			c.do(g)
			facts := g.pull(standard, c.head, c.base)
			v := CheckPull(standard, facts)
			var rules []Rule
			var found []string
			for _, violation := range v.Violations {
				rules = append(rules, violation.Rule)
				found = append(found, subjects(violation.Commits)...)
			}
			if diff := cmp.Diff(c.rules, rules); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s%v", diff, v.Sections)
			}
			if diff := cmp.Diff(c.foreign, found[:min(len(found), len(c.foreign))]); diff != "" {
				t.Errorf("foreign commits (-want +got):\n%s", diff)
			}
			if v.Pass != (len(c.rules) == 0) || v.Title == "" || len(v.Sections) == 0 {
				t.Errorf("verdict %+v: want it to pass without violations, a title and sections", v)
			}
			if n := len(facts.Comparisons); n > 3+len(facts.OpenReleases) {
				t.Errorf("%d comparisons were asked for: %v", n, PullNeeds(standard, facts))
			}
		})
	}
}

// The remedy's git commands mend what the check found: done on the graph, the next verdict passes.
func TestRemedyOfAForeignCommitNamesWhatIsKept(t *testing.T) {
	g := shop()
	g.cut("release/1.4.0", "development")
	g.commit("release/1.4.0", "first fix")
	clean := g.heads["release/1.4.0"]
	g.commit("development", "later")
	g.merge("release/1.4.0", "development")
	own := g.commit("release/1.4.0", "second fix")
	v := CheckPull(standard, g.pull(standard, "release/1.4.0", "master"))
	want := []string{
		"git fetch origin",
		"git switch -C release/1.4.0 " + clean,
		"git cherry-pick " + own,
		"git push --force-with-lease=refs/heads/release/1.4.0:" + g.heads["release/1.4.0"] + " origin HEAD:refs/heads/release/1.4.0",
	}
	if diff := cmp.Diff(want, v.Violations[0].Commands); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestRemedyOfACandidateCutFromWhatIsInProduction(t *testing.T) {
	g := shop()
	g.merge("master", "development") // everything is released: the cut is part of production
	cut := g.heads["development"]
	g.cut("release/1.4.0", "development")
	g.commit("development", "later")
	g.merge("release/1.4.0", "development")
	v := CheckPull(standard, g.pull(standard, "release/1.4.0", "master"))
	if v.Pass || v.Violations[0].Commands[1] != "git switch -C release/1.4.0 "+cut {
		t.Errorf("want the branch back at its cut %s, got %+v", cut, v.Violations)
	}
}

func TestCandidateFastForwardedToDevelopment(t *testing.T) {
	g := shop()
	g.cut("release/1.4.0", "development")
	cut := g.heads["development"]
	g.commit("development", "later")
	g.cut("release/1.4.0", "development")
	facts := g.pull(standard, "release/1.4.0", "master")
	if v := CheckPull(standard, facts); !v.Pass {
		t.Errorf("without the recorded cut nobody can tell, and the verdict was %v", v.Violations)
	}
	facts.Cut = cut
	v := CheckPull(standard, facts)
	if v.Pass || !slices.Equal(subjects(v.Violations[0].Commits), []string{"later"}) {
		t.Errorf("with the recorded cut: %+v", v)
	}
}

// Whatever is missing from a verdict's facts makes it fail, never pass.
func TestCase44TruncatedListsFailClosed(t *testing.T) {
	for name, c := range map[string]struct{ head, base string }{
		"a feature": {"issue-1", "development"}, "a hotfix": {"hotfix/17", "master"}, "a release": {"release/1.4.0", "master"},
		"a bugfix": {"fix/1", "release/1.4.0"},
	} {
		t.Run(name, func(t *testing.T) {
			g := shop()
			g.cut("issue-1", "development")
			g.cut("hotfix/17", "master")
			g.cut("release/1.4.0", "development")
			g.commit("release/1.4.0", "candidate fix")
			g.cut("fix/1", "release/1.4.0")
			g.commit("development", "later")
			g.commit("master", "direct")
			g.commit(c.head, "work")
			whole := g.pull(standard, c.head, c.base)
			if v := CheckPull(standard, whole); !v.Pass {
				t.Fatalf("with all facts: %v", v.Violations)
			}
			for i := range whole.Comparisons {
				cut := whole
				cut.Comparisons = slices.Clone(whole.Comparisons)
				cut.Comparisons[i].Truncated = true
				absent := whole
				absent.Comparisons = slices.Delete(slices.Clone(whole.Comparisons), i, i+1)
				for _, facts := range []PullFacts{cut, absent} {
					if v := CheckPull(standard, facts); v.Pass || v.Violations[0].Rule != RuleUnknown {
						t.Errorf("passed without the whole of %v", whole.Comparisons[i].CompareRequest)
					}
				}
			}
		})
	}
}

// Work that keeps to the flow always passes, in any order; a branch that takes a forbidden line in is always found.
func TestFlowKeptPassesFlowBrokenFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := shop()
		g.cut("release/1.4.0", "development")
		g.cut("hotfix/17", "master")
		g.cut("issue-1", "development")
		keep := []func(){
			func() { g.commit("release/1.4.0", "candidate fix") },
			func() { g.commit("hotfix/17", "urgent") },
			func() { g.commit("issue-1", "work") },
			func() { g.commit("development", "later") },
			func() { g.merge("development", "release/1.4.0") },
			func() { g.merge("issue-1", "development") },
			func() { g.merge("development", "issue-1"); g.commit("development", "after the feature") },
			func() {
				g.cut("fix/9", "release/1.4.0")
				g.commit("fix/9", "repair")
				g.merge("release/1.4.0", "fix/9")
			},
			func() {
				g.commit("hotfix/17", "urgent")
				g.merge("master", "hotfix/17")
				g.merge("development", "master")
				g.merge("release/1.4.0", "master")
			},
		}
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			keep[rapid.IntRange(0, len(keep)-1).Draw(t, "step")]()
		}
		pairs := [][2]string{{"release/1.4.0", "master"}, {"release/1.4.0", "development"}, {"hotfix/17", "master"}, {"hotfix/17", "development"}, {"hotfix/17", "release/1.4.0"}, {"issue-1", "development"}}
		for _, p := range pairs {
			if v := CheckPull(standard, g.pull(standard, p[0], p[1])); !v.Pass {
				t.Fatalf("%s into %s: %s", p[0], p[1], v.Violations[0].Problem)
			}
		}
		g.commit("development", "forbidden one")
		g.commit("release/1.4.0", "forbidden two")
		for _, wrong := range [][3]string{{"hotfix/17", "development", "master"}, {"release/1.4.0", "development", "master"}, {"issue-1", "release/1.4.0", "development"}} {
			bad := g.clone()
			bad.merge(wrong[0], wrong[1])
			bad.commit(wrong[0], "on top")
			if v := CheckPull(standard, bad.pull(standard, wrong[0], wrong[2])); v.Pass || v.Violations[0].Rule != RuleForeign {
				t.Fatalf("%s with %s merged in went into %s", wrong[0], wrong[1], wrong[2])
			}
		}
	})
}

// No value of a name gets out of its mark or into a shell.
func TestUntrustedNamesStayMarked(t *testing.T) {
	evil := "x\x03`@org/all`'; rm -rf / #\x02"
	facts := PullFacts{Number: 1, Head: evil, Base: "master", Open: true, HeadSHA: "a"}
	v := CheckPull(standard, facts)
	shown := v.Violations[len(v.Violations)-1].Problem.Markdown(func(string) string { return "NAME" })
	if strings.Contains(shown, "rm") || !strings.Contains(shown, "NAME") {
		t.Errorf("the name leaked into the sentence: %q", shown)
	}
	if got, want := quote("it's; $(x)"), `'it'\''s; $(x)'`; got != want {
		t.Errorf("quote: %s, want %s", got, want)
	}
}
