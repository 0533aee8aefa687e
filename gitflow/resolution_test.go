package gitflow

import (
	"slices"
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

// What people put on top of an approved commit, on any branch that brings it into production, is a resolution or named commit by
// commit: the rule of back-merges, but for what is committed there by itself.
func TestWhatMayStandOnAnApprovedCommit(t *testing.T) {
	const branch = "sluice/finish-1.4.0"
	for _, c := range []struct {
		name  string
		push  func(g *graph)
		want  []string // subjects of the commits at fault
		clean string   // the commit that the branch is put back to; empty: the approved one
	}{
		{name: "nobody pushed", push: func(*graph) {}},
		{name: "production merged in", push: func(g *graph) { g.merge(branch, "master") }},
		{name: "merged the other way round", push: func(g *graph) {
			g.heads[branch] = g.add("Merge", g.heads["master"], g.heads[branch])
		}},
		{name: "production merged in twice, as it moved on", push: func(g *graph) {
			g.merge(branch, "master")
			g.commit("master", "by hand again")
			g.merge(branch, "master")
		}},
		{name: "an earlier commit of production merged in, which brings some of what it lacks", push: func(g *graph) {
			g.cut("by hand", "master")
			g.commit("master", "by hand again")
			g.merge(branch, "by hand")
		}},
		{name: "a commit of production merged in that it has", push: func(g *graph) {
			g.heads[branch] = g.add("Resolve", g.heads[branch], g.heads["old"])
		}, want: []string{"Resolve"}},
		{name: "merged with its own parent", push: func(g *graph) {
			g.heads[branch] = g.add("Resolve", g.heads[branch], g.commits[g.heads[branch]].Parents[0])
		}, want: []string{"Resolve"}},
		{name: "merged with such a merge", push: func(g *graph) {
			g.heads["aside"] = g.add("Aside", g.heads[branch], g.heads["old"])
			g.heads[branch] = g.add("Resolve", g.heads[branch], g.heads["aside"])
		}, want: []string{"Resolve", "Aside"}},
		{name: "resolved on a branch of its own", push: func(g *graph) {
			g.cut("feature/resolve", branch)
			g.merge("feature/resolve", "master")
			g.heads[branch] = g.add("Merge", g.heads[branch], g.heads["feature/resolve"])
		}},
		{name: "a commit on top", push: func(g *graph) { g.commit(branch, "smuggled") }, want: []string{"smuggled"}},
		{name: "a commit on top of a resolution", push: func(g *graph) {
			g.merge(branch, "master")
			g.cut("resolved", branch)
			g.commit(branch, "smuggled")
			g.commit(branch, "and more")
		}, want: []string{"and more", "smuggled"}, clean: "resolved"},
		{name: "a commit below a resolution", push: func(g *graph) {
			g.commit(branch, "smuggled")
			g.merge(branch, "master")
		}, want: []string{"smuggled"}},
		{name: "what the release's branch has since", push: func(g *graph) {
			g.commit("release/1.4.0", "too late")
			g.merge(branch, "release/1.4.0")
			g.merge(branch, "master")
		}, want: []string{"too late"}},
		{name: "a feature merged in", push: func(g *graph) { g.merge(branch, "feature/wine") }, want: []string{"wine"}},
		{name: "development, which has the release already, merged in", push: func(g *graph) {
			g.merge("development", "release/1.4.0")
			g.merge(branch, "master")
			g.cut("resolved", branch)
			g.merge(branch, "development")
		}, want: []string{"Merge release/1.4.0 into development", "goes on"}, clean: "resolved"},
		{name: "a merge of a later candidate", push: func(g *graph) {
			g.merge("release/1.5.0", "release/1.4.0")
			g.heads[branch] = g.add("Merge", g.heads[branch], g.heads["release/1.5.0"])
		}, want: []string{"Merge release/1.4.0 into release/1.5.0", "candidate's fix", "goes on"}},
		{name: "moved off the approved commit", push: func(g *graph) { g.cut(branch, "old") }, want: []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGraph()
			g.commit("master", "first")
			g.cut("development", "master")
			g.cut("old", "master")
			g.commit("development", "base")
			g.cut("release/1.4.0", "development")
			approved := g.commit("release/1.4.0", "fix of 1.4.0")
			g.cut(branch, "release/1.4.0")
			g.cut("feature/wine", "development")
			g.commit("feature/wine", "wine")
			g.commit("development", "goes on")
			g.cut("release/1.5.0", "development")
			g.commit("release/1.5.0", "candidate's fix")
			g.commit("master", "by hand")
			c.push(g)

			for _, head := range []string{branch, "release/1.4.0", RepairBranch(branch)} { // the rule asks for no name
				if head != branch {
					g.cut(head, branch)
				}
				facts := PullFacts{Number: 12, Head: head, Base: "master", HeadSHA: g.heads[head], Open: true, ByBot: true,
					FinishSHA: approved, Candidates: []string{"release/1.5.0"}}
				facts.Comparisons = g.answers(FinishNeeds(standard, facts))
				got := CheckFinish(standard, facts)
				if (got == nil) != (c.want == nil) {
					t.Fatalf("%s: %+v", head, got)
				}
				if got == nil {
					continue
				}
				if diff := cmp.Diff(c.want, append([]string{}, subjects(got.Commits)...)); diff != "" || got.Rule != RuleBotBranch {
					t.Errorf("%s: %s: commits at fault (-want +got):\n%s", head, got.Rule, diff)
				}
				clean := approved
				if c.clean != "" {
					clean = g.heads[c.clean]
				}
				if diff := cmp.Diff(restore(head, g.heads[head], clean), got.Commands); diff != "" {
					t.Errorf("%s: the branch is put back (-want +got):\n%s", head, diff)
				}
				facts.Comparisons = facts.Comparisons[:1]
				if got := CheckFinish(standard, facts); len(c.want) > 0 && (got == nil || got.Rule != RuleUnknown) {
					t.Errorf("%s: without the facts: %+v", head, got)
				}
			}
		})
	}
}

// Sluice leaves to people what resolves a conflict, and says so only when nothing else is missing.
func TestAResolutionIsMergedByPeople(t *testing.T) {
	w := finishing(t)
	w.commit("master", "by hand")
	w.heads["sluice/finish-1.4.0"] = w.add("Resolve", w.heads["sluice/finish-1.4.0"], w.heads["master"])
	merge := func(change func(*Pull)) Step {
		s := w.state()
		change(&s.FinishPull)
		step, _ := PlanFinish(s).Step("merge:production")
		return step
	}
	if got := merge(func(*Pull) {}); !strings.Contains(got.Blocked.String(), "whoever may merges pull request") || got.SHA != w.heads["sluice/finish-1.4.0"] ||
		len(got.Commands) != 1 || !strings.Contains(got.Commands[0], got.SHA) {
		t.Errorf("a resolution: %+v", got)
	}
	if got := merge(func(p *Pull) { p.WaitsFor = "the required check ci" }); got.Blocked != "" || got.Waiting == "" {
		t.Errorf("a resolution that waits for a check: %+v", got)
	}
	if got := merge(func(p *Pull) { p.Needs = "an approving review" }); !strings.Contains(got.Blocked.String(), "needs an approving review") {
		t.Errorf("a resolution that needs a review: %+v", got)
	}
	if got := merge(func(p *Pull) {
		p.Fault = &Violation{Problem: "It has more.", Remedy: "Put it back.", Commands: []string{"git push"}}
	}); !strings.Contains(got.Blocked.String(), "nobody approved: Sluice does not merge that. It has more. Put it back.") ||
		!slices.Equal(got.Commands, []string{"git push"}) {
		t.Errorf("more than a resolution: %+v", got)
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
