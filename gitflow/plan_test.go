package gitflow

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares a text with testdata/name.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// Each golden file is a story: the plan as it is first asked, what is done, and the plan at the end.
func TestPlansTellTheStory(t *testing.T) {
	promoted := func(w *world) *world {
		w.walk(PlanPromote, never)
		return w
	}
	for name, c := range map[string]struct {
		world func() *world
		plan  func(State) Plan
	}{
		"start-release": {func() *world {
			w := newWorld(KindRelease, "1.4.0", "release/1.4.0")
			w.from = w.heads["development"]
			return w
		}, PlanStart},
		"start-hotfix": {func() *world {
			w := newWorld(KindHotfix, "1.3.0-hotfix-17", "hotfix/17")
			w.from = w.heads["master"]
			return w
		}, PlanStart},
		"promote-release": {approvedRelease, PlanPromote},
		"promote-merge-then-deploy": {func() *world {
			w := approvedRelease()
			w.order = MergeThenDeploy
			return w
		}, PlanPromote},
		"finish-release": {func() *world { return promoted(approvedRelease()) }, PlanFinish},
		"finish-release-protected": {func() *world {
			w := approvedRelease()
			w.refuses["master"], w.refuses["development"] = true, true
			return promoted(w)
		}, PlanFinish},
		"finish-release-head-moved": {func() *world {
			w := promoted(approvedRelease())
			w.commit("release/1.4.0", "too late")
			return w
		}, PlanFinish},
		"finish-release-head-moved-protected": {func() *world {
			w := promoted(approvedRelease())
			w.refuses["master"] = true
			w.commit("release/1.4.0", "too late")
			return w
		}, PlanFinish},
		"finish-release-production-conflict": {func() *world {
			w := promoted(approvedRelease())
			w.commit("master", "direct")
			w.conflicts["master"] = true
			return w
		}, PlanFinish},
		"finish-release-squashed-by-people": {func() *world {
			w := promoted(approvedRelease())
			w.human(w.pulls[0])
			return w
		}, PlanFinish},
		"finish-hotfix-with-a-candidate-open": {func() *world { return promoted(approvedHotfix()) }, PlanFinish},
		"finish-hotfix-conflict": {func() *world {
			w := promoted(approvedHotfix())
			w.conflicts["development"] = true
			return w
		}, PlanFinish},
		"finish-release-with-children": {func() *world {
			w := promoted(approvedRelease())
			w.cut("fix/9", "release/1.4.0")
			w.commit("fix/9", "repair")
			w.open("fix/9", "release/1.4.0")
			return w
		}, PlanFinish},
		"backmerge-after-a-direct-push": {func() *world {
			w := newWorld(KindRelease, "", "")
			w.commit("master", "direct")
			w.cut("release/1.4.0", "development")
			w.cut("release/1.5.0", "development")
			return w
		}, PlanBackmerge},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world()
			story := c.plan(w.state()).String()
			last := w.walk(c.plan, func(w *world) bool {
				story += "do: " + w.effects[len(w.effects)-1] + "\n"
				return false
			})
			golden(t, name, story+"then "+last.String())
		})
	}
}

// From any crash point, on any way through protection, conflicts and late commits, the walk ends the same: everything is in
// production and back, each effect happened once, and nothing but the approved commit was tagged and deployed.
func TestAnyCrashEndsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		build := approvedRelease
		if rapid.Bool().Draw(t, "hotfix") {
			build = approvedHotfix
		}
		w := build()
		if rapid.Bool().Draw(t, "merge then deploy") {
			w.order = MergeThenDeploy
		}
		for _, b := range []string{"master", "development", "release/1.4.0"} {
			w.refuses[b] = rapid.Bool().Draw(t, b+" refuses")
		}
		for _, b := range []string{"master", "development"} {
			w.conflicts[b] = rapid.Bool().Draw(t, b+" conflicts")
		}
		if rapid.Bool().Draw(t, "a child") {
			w.cut("fix/9", w.branch)
			w.commit("fix/9", "repair")
			w.open("fix/9", w.branch)
		}
		squash := rapid.Bool().Draw(t, "people squash the release pull request")
		late := rapid.Bool().Draw(t, "a commit comes late")
		moves := rapid.IntRange(0, 12).Draw(t, "development moves after so many effects")

		walk := func(plan func(State) Plan) Plan {
			for {
				// A crash forgets what GitHub said to a merge, and sometimes nothing else.
				stop := rapid.IntRange(1, 6).Draw(t, "effects before the crash")
				crashed := false
				p := w.walk(plan, func(w *world) bool {
					if len(w.effects) == moves {
						w.commit("development", "meanwhile")
					}
					stop--
					crashed = stop == 0
					return crashed
				})
				if !crashed {
					return p
				}
				w.tried = map[string]Line{}
			}
		}
		if p := walk(PlanPromote); !p.Done() {
			t.Fatalf("not promoted:\n%s", p)
		}
		if w.order != MergeThenDeploy && w.conflicts["master"] {
			w.commit("master", "direct")
		}
		if pull := w.pulls[0]; squash && pull.Open {
			w.human(pull)
		}
		if late {
			w.commit(w.branch, "too late")
		}
		if p := walk(PlanFinish); !p.Done() {
			t.Fatalf("not finished:\n%s", p)
		}

		tip := w.heads["master"]
		for _, b := range []string{"development", "release/1.4.0"} {
			if head, open := w.heads[b]; open && b != w.branch && !w.contains(head, tip) {
				t.Fatalf("%s lacks the production tip", b)
			}
		}
		if !w.contains(tip, w.candidate) || w.tags[w.tag()] != w.candidate || w.env.Runs.SHA != w.candidate || w.registry[w.version] != w.digest {
			t.Fatalf("not all of it is in production: %+v", w)
		}
		if _, there := w.heads[w.branch]; there != late {
			t.Fatalf("branch still there: %v, late commits: %v", there, late)
		}
		for b := range w.heads {
			if k := w.names.kind(b).Kind; k == KindBackmerge || k == KindFinish {
				t.Fatalf("%s was left behind", b)
			}
		}
		for i, e := range w.effects {
			repeats := strings.HasPrefix(e, "refused: ") || strings.HasPrefix(e, "conflict: ") // a crash forgets the answer
			if slices.Contains(w.effects[:i], e) && !repeats {
				t.Fatalf("done twice: %s of %q", e, w.effects)
			}
		}
		if p := PlanFinish(w.state()); !p.Done() {
			t.Fatalf("done, and not done when looked at again:\n%s", p)
		}
	})
}

func TestASquashedBackmergeIsRepairedOnce(t *testing.T) {
	w := approvedHotfix()
	w.refuses["development"] = true
	w.walk(PlanPromote, never)
	w.walk(PlanFinish, func(w *world) bool { return w.pullOf(w.lastDetour(), "development").Open })
	w.human(w.find(w.pullOf(w.lastDetour(), "development").Number))
	w.walk(PlanFinish, func(w *world) bool {
		return strings.HasSuffix(w.lastDetour(), "-repair") && w.pullOf(w.lastDetour(), "development").Open
	})
	again := w.clone()
	repaired := w.find(w.pullOf(w.lastDetour(), "development").Number)
	open := *repaired
	if p := w.walk(PlanFinish, never); !p.Done() || !w.contains(w.heads["development"], w.heads["master"]) {
		t.Fatalf("the repair did not mend it:\n%s", p)
	}

	w.graph, *repaired = again, open
	w.human(repaired)
	p := w.walk(PlanFinish, never)
	step, _ := p.Step("backmerge:development")
	if step.Blocked == "" || len(step.Commands) == 0 {
		t.Errorf("a repair that was squashed too must stop for a person:\n%s", p)
	}
}

// lastDetour is the newest back-merge branch.
func (w *world) lastDetour() string {
	if len(w.detours) == 0 {
		return ""
	}
	return w.detours[len(w.detours)-1].Branch
}

// A conflict that nobody resolved yet does not get a second pull request beside it when production moves on: the earlier one
// goes first, then the new tip.
func TestLaterBackmergesQueueBehindAConflict(t *testing.T) {
	w := approvedHotfix()
	w.conflicts["development"] = true
	w.walk(PlanPromote, never)
	w.walk(PlanFinish, func(w *world) bool { return len(w.detours) == 1 && w.pullOf(w.lastDetour(), "development").Open })
	w.commit("master", "direct")
	w.tried = map[string]Line{}

	plan := PlanFinish(w.state())
	first, _ := plan.Step("backmerge:development/earlier:11")
	if first.Kind != StepMergePull || first.Blocked == "" {
		t.Fatalf("the open pull request does not come first:\n%s", plan)
	}
	if p := w.walk(PlanFinish, never); !p.Done() || len(w.detours) != 1 || !w.contains(w.heads["development"], w.heads["master"]) {
		t.Errorf("after people resolved it:\n%s%v", p, w.effects)
	}
}

// A branch that takes only pull requests which are up to date gets them so, however often it moves on meanwhile.
func TestOwnPullsAreBroughtUpToDate(t *testing.T) {
	w := approvedHotfix()
	w.refuses["development"], w.strict["development"] = true, true
	w.walk(PlanPromote, never)
	w.walk(PlanFinish, func(w *world) bool { return len(w.detours) == 1 && w.pullOf(w.lastDetour(), "development").Open })
	w.commit("development", "feat: more")

	step, _ := PlanFinish(w.state()).Step("backmerge:development")
	if step.Kind != StepUpdatePull || step.Branch != w.lastDetour() || step.Target != "development" || step.SHA != w.heads["development"] {
		t.Fatalf("it is not brought up to date: %+v", step)
	}
	w.walk(PlanFinish, func(w *world) bool { return w.contains(w.heads[w.lastDetour()], w.heads["development"]) })
	w.commit("development", "feat: even more")
	if p := w.walk(PlanFinish, never); !p.Done() || len(w.detours) != 1 || !w.contains(w.heads["development"], w.heads["master"]) {
		t.Errorf("in the end:\n%s%v", p, w.effects)
	}
}

func TestASupportLineIsMergedIntoItselfOnly(t *testing.T) {
	w := approvedHotfix()
	w.walk(PlanPromote, never)
	w.cut("support/1.3", "master")
	s := w.state()
	s.Support = w.line("support/1.3")
	plan := PlanFinish(s)
	var targets []string
	for _, step := range plan.Steps {
		if step.Kind == StepMergeSHA || step.Kind == StepMergePull {
			targets = append(targets, step.Target)
		}
	}
	if diff := cmp.Diff([]string{"support/1.3"}, targets); diff != "" || len(plan.Notes) == 0 {
		t.Errorf("merged into (-want +got):\n%s%s", diff, plan)
	}
}

func TestOnlyTheApprovedCommitCountsAsDeployed(t *testing.T) {
	for name, runs := range map[string]Deployed{
		"another commit":  {Version: "1.4.0", SHA: strings.Repeat("9", 40)},
		"another image":   {Version: "1.4.0", Digest: "sha256:other"},
		"another version": {Version: "1.3.0", Digest: "sha256:cafe"},
	} {
		s := approvedRelease().state()
		s.Environment.Runs = runs
		if step, ok := PlanFinish(s).Next(); ok {
			t.Errorf("production runs %s, and %s would be done", name, step.ID)
		}
	}
}

// Facts that were read a moment apart do not start a repair.
func TestNoRepairWhileFactsContradictEachOther(t *testing.T) {
	w := approvedRelease()
	w.walk(PlanPromote, never)
	w.tags["v1.4.0"] = w.candidate
	s := w.state()
	s.Pull.Open, s.Pull.Merged, s.Pull.MergeSeen = false, true, No
	if step, ok := PlanFinish(s).Next(); ok {
		t.Errorf("would do %s", step.ID)
	}
}

// What production does not run is not deployed there, and nothing that holds production holds it.
func TestALineThatProductionDoesNotRunIsPublishedOnly(t *testing.T) {
	w := approvedHotfix()
	w.cut("support/1.3", "master")
	s := w.state()
	s.Support, s.Undeployed, s.Order = w.line("support/1.3"), true, MergeThenDeploy
	s.Pull.Base = "support/1.3"
	s.Environment.Held, s.Environment.Frozen = Hold{By: "rm"}, Hold{By: "rm"}
	promote := PlanPromote(s)
	if step, ok := promote.Next(); !ok || step.ID != "copy" {
		t.Errorf("the image is not promoted:\n%s", promote)
	}
	if _, found := promote.Step("deploy"); found {
		t.Errorf("production is deployed:\n%s", promote)
	}
	if step, ok := PlanFinish(s).Next(); ok {
		t.Errorf("before it is published, the finish begins with %s", step.ID)
	}
	s.Published = s.Candidate.Digest
	if step, ok := PlanFinish(s).Next(); !ok || step.ID != "tag" {
		t.Errorf("published, it is not finished:\n%s", PlanFinish(s))
	}
}

// The registry may have the digest before its signatures are there, or because somebody copied it by hand: the deployment
// waits for the pipeline that publishes it.
func TestTheDeploymentWaitsForThePublishingPipeline(t *testing.T) {
	s := approvedHotfix().state()
	s.Published, s.Publishing = s.Candidate.Digest, true
	if step, ok := PlanPromote(s).Next(); !ok || step.ID != "copy" {
		t.Errorf("while it is published:\n%s", PlanPromote(s))
	}
	s.Publishing = false
	if step, ok := PlanPromote(s).Next(); !ok || step.ID != "deploy" {
		t.Errorf("once it is:\n%s", PlanPromote(s))
	}
}
