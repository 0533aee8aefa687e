package gitflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Sluice merges the branch of a back-merge by itself, whoever pushed to it.
func TestWhatABackmergeMayBring(t *testing.T) {
	const branch = "backmerge/tip-to-development"
	for _, c := range []struct {
		name string
		push func(g *graph)
		want []string // subjects of the commits at fault
		rule Rule     // where the verdict fails
	}{
		{name: "nobody pushed", push: func(*graph) {}},
		{name: "the target merged in", push: func(g *graph) { g.merge(branch, "development") }},
		{name: "the target merged in, and a fix on top", push: func(g *graph) {
			g.merge(branch, "development")
			g.commit(branch, "what git did not see")
		}},
		{name: "a fix, and the target merged in", push: func(g *graph) {
			g.commit(branch, "take the revert back")
			g.merge(branch, "development")
		}},
		{name: "the tip merged into the target", push: func(g *graph) {
			g.heads[branch] = g.add("Merge", g.heads["development"], g.heads["master"])
		}},
		{name: "resolved on a branch of its own", push: func(g *graph) {
			g.cut("feature/resolve", branch)
			g.merge("feature/resolve", "development")
			g.commit("feature/resolve", "fix")
			g.merge(branch, "feature/resolve")
		}},
		{name: "newer production merged in", push: func(g *graph) {
			g.cut("release/1.3.0", "old")
			g.commit("release/1.3.0", "shipped later")
			g.merge("master", "release/1.3.0")
			g.merge(branch, "master")
			g.merge(branch, "development")
		}},
		{name: "a feature merged in", push: func(g *graph) {
			g.merge(branch, "feature/wine")
		}, want: []string{"wine"}, rule: RuleForeign},
		{name: "the branch merged into a feature", push: func(g *graph) {
			g.heads[branch] = g.add("Merge", g.heads["feature/wine"], g.heads[branch])
		}, want: []string{"wine"}, rule: RuleForeign},
		{name: "a candidate merged in", push: func(g *graph) {
			g.merge(branch, "release/1.5.0")
			g.commit(branch, "fix on top")
		}, want: []string{"candidate's fix"}, rule: RuleForeign},
		{name: "a candidate that has production already", push: func(g *graph) {
			g.merge("release/1.5.0", "master")
			g.commit("release/1.5.0", "after it")
			g.cut(branch, "release/1.5.0")
		}, want: []string{"after it", "Merge master into release/1.5.0", "candidate's fix"}, rule: RuleForeign},
		{name: "a hotfix that was cut from the tip", push: func(g *graph) {
			g.cut("hotfix/2", "master")
			g.commit("hotfix/2", "not approved")
			g.merge(branch, "hotfix/2")
		}, want: []string{"not approved"}, rule: RuleForeign},
		{name: "moved off the tip", push: func(g *graph) { g.cut(branch, "old") }, rule: RuleBotBranch},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGraph()
			g.commit("master", "first")
			g.cut("development", "master")
			g.commit("master", "shipped before")
			g.cut("old", "master")
			g.commit("development", "base")
			g.cut("feature/wine", "development")
			g.commit("feature/wine", "wine")
			g.cut("release/1.5.0", "development")
			g.commit("release/1.5.0", "candidate's fix")
			g.commit("development", "goes on")
			tip := g.commit("master", "hotfix")
			g.cut(branch, "master")
			c.push(g)

			facts := g.pull(standard, branch, "development")
			facts.Tip, facts.Candidates = tip, []string{"release/1.5.0", "hotfix/2"}
			facts.Comparisons = g.answers(PullNeeds(standard, facts))
			v := CheckPull(standard, facts)
			if v.Pass != (c.rule == "") {
				t.Fatalf("pass %t: %+v", v.Pass, v.Violations)
			}
			if v.Pass {
				return
			}
			got := v.Violations[0]
			if diff := cmp.Diff(c.want, subjects(got.Commits)); diff != "" || got.Rule != c.rule {
				t.Errorf("%s: commits at fault (-want +got):\n%s", got.Rule, diff)
			}
			if last := got.Commands[len(got.Commands)-1]; !strings.Contains(last, branch) {
				t.Errorf("the branch is not put back: %v", got.Commands)
			}
			facts.Comparisons = facts.Comparisons[:1]
			if v := CheckPull(standard, facts); v.Pass || v.Violations[0].Rule != RuleUnknown {
				t.Errorf("without the facts: %+v", v.Violations)
			}
		})
	}
}

// A back-merge that breaks the rules waits for people, whatever GitHub would let Sluice do.
func TestAForeignBackmergeIsBlocked(t *testing.T) {
	fault := &Violation{Rule: RuleForeign, Problem: "It has more.", Remedy: "Put it back.", Commands: []string{"git push"}}
	var s Step
	s.wait(Pull{Number: 7, Open: true, Mergeable: Yes, Behind: true, Fault: fault}, bring{line: Line{Branch: "development", Queue: true}}, "")
	if !strings.Contains(s.Blocked.String(), "It has more. Put it back.") || s.Kind == StepUpdatePull || s.Kind == StepEnqueue {
		t.Errorf("the step: %+v", s)
	}
}
