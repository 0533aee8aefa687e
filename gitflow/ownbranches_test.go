package gitflow

import (
	"strings"
	"testing"
)

// finishing is a release that runs in production and is tagged, and whose branch people have moved on since, so that it is merged
// by way of Sluice's own branch.
func finishing(t *testing.T) *world {
	t.Helper()
	w := approvedRelease()
	w.refuses["master"] = true
	w.walk(PlanPromote, never)
	w.commit("release/1.4.0", "too late")
	w.walk(PlanFinish, func(w *world) bool { return w.pullOf("sluice/finish-1.4.0", "master").Open })
	if !w.pullOf("sluice/finish-1.4.0", "master").Open {
		t.Fatalf("no pull request of Sluice's:\n%s", PlanFinish(w.state()))
	}
	return w
}

// A branch with the name of a repair shows that nothing was squashed: merged, it would give production the release's commits as
// ancestors without their files, and the back-merge would then take the release's changes from development.
func TestARepairThatSomebodyMadeIsNotMerged(t *testing.T) {
	w := finishing(t)
	repair := RepairBranch("sluice/finish-1.4.0")
	w.heads[repair] = w.add("Repair master", w.heads["master"], w.candidate)
	w.open(repair, "master")
	for _, step := range PlanFinish(w.state()).Steps {
		if step.Branch == repair && step.Kind != StepDeleteBranch {
			t.Errorf("nothing was squashed, and the plan has %s of %s", step.Kind, step.Branch)
		}
	}
}

// A pull request of Sluice's that was moved off the approved commit and merged is no squash of it.
func TestWhatWasMergedWithoutTheApprovedCommitIsNotRepaired(t *testing.T) {
	w := finishing(t)
	pull := w.pullOf("sluice/finish-1.4.0", "master")
	w.heads["sluice/finish-1.4.0"] = w.add("something else", w.heads["master"])
	merge, _ := PlanFinish(w.state()).Step("merge:production")
	if merge.Blocked == "" || strings.Contains(merge.Blocked.String(), "whoever may") {
		t.Errorf("people are told to merge what lacks the approved commit: %q", merge.Blocked)
	}
	moved := w.find(pull.Number)
	moved.HeadSHA = w.heads["sluice/finish-1.4.0"]
	w.human(moved)
	if step, ok := PlanFinish(w.state()).Step("merge:production/repair"); ok {
		t.Fatalf("it is repaired: %+v", step)
	}
	delete(w.heads, "sluice/finish-1.4.0")
	if p := w.walk(PlanFinish, never); !p.Done() || !w.contains(w.heads["master"], w.candidate) {
		t.Errorf("once the branch is gone:\n%s%v", p, w.effects)
	}
}

// What the merge waits for holds with the branch and the pull request there, too.
func TestABranchThatIsThereOpensNoGate(t *testing.T) {
	w := finishing(t)
	s := w.state()
	s.TagSHA = strings.Repeat("9", 40)
	if step, ok := PlanFinish(s).Next(); ok {
		t.Errorf("the tag is at another commit, and the plan would %s", step.Kind)
	}
	s.FinishPull = Pull{}
	if step, ok := PlanFinish(s).Next(); ok {
		t.Errorf("the tag is at another commit, and the plan would %s", step.Kind)
	}
}

// What was approved is brought up to date where production takes nothing else, and merged by Sluice only where that is Sluice's own
// work.
func TestAnApprovedCommitIsBroughtUpToDate(t *testing.T) {
	w := finishing(t)
	w.strict["master"] = true
	tip := w.commit("master", "by hand")
	merge, _ := PlanFinish(w.state()).Step("merge:production")
	if merge.Kind != StepUpdatePull || merge.SHA != tip || merge.Onto != w.candidate || !merge.free() {
		t.Errorf("behind a branch that takes only what is up to date: %+v", merge)
	}
	w.do(merge)
	s := w.state()
	s.FinishSound = ""
	if merge, _ = PlanFinish(s).Step("merge:production"); !strings.Contains(merge.Blocked.String(), "whoever may") {
		t.Errorf("of another's making: %+v", merge)
	}
	s.FinishSound = s.FinishPull.HeadSHA
	if merge, _ = PlanFinish(s).Step("merge:production"); merge.Kind != StepMergePull || merge.SHA != s.FinishPull.HeadSHA || !merge.free() {
		t.Errorf("up to date: %+v", merge)
	}
}

// The release's own pull request is not brought up to date: that would be another candidate.
func TestAReleaseBehindProductionIsMergedByAnotherBranch(t *testing.T) {
	w := approvedRelease()
	w.walk(PlanPromote, never)
	w.strict["master"] = true
	w.commit("master", "by hand")
	own := w.heads["release/1.4.0"]
	if p := w.walk(PlanFinish, func(w *world) bool { return w.heads["release/1.4.0"] != own && w.heads["release/1.4.0"] != "" }); !p.Done() || !w.contains(w.heads["master"], w.candidate) {
		t.Errorf("the release is not merged:\n%s%v", p, w.effects)
	}
}

// Only merges of production that Sluice made count as brought up to date.
func TestOnlyUpdated(t *testing.T) {
	g := shop()
	g.cut("release/1.4.0", "development")
	approved := g.commit("release/1.4.0", "candidate fix")
	g.commit("master", "by hand")
	first := g.merge("release/1.4.0", "master")
	g.commit("master", "by hand again")
	second := g.merge("release/1.4.0", "master")
	g.cut("feature", "development")
	g.commit("feature", "wine")
	foreign := g.merge("release/1.4.0", "feature")
	plain := g.commit("release/1.4.0", "plain")
	for _, c := range []struct {
		name string
		head string
		made []string
		want bool
	}{
		{"the approved commit", approved, nil, true},
		{"one update", first, []string{first}, true},
		{"two", second, []string{first, second}, true},
		{"the second is somebody's", second, []string{first}, false},
		{"the first is somebody's", second, []string{second}, false},
		{"what is no part of production", foreign, []string{first, second, foreign}, false},
		{"a commit", plain, []string{first, second, foreign, plain}, false},
		{"without the approved commit", g.heads["feature"], []string{g.heads["feature"]}, false},
	} {
		in := g.compare(CompareRequest{Base: "master", Head: c.head})
		if got := OnlyUpdated(in, c.head, approved, c.made); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
		in.Truncated = true
		if OnlyUpdated(in, c.head, approved, c.made) {
			t.Errorf("%s: by a list that is cut short", c.name)
		}
	}
}

// The branch of a back-merge that somebody went on with after it was merged is theirs.
func TestABackmergeBranchThatMovedOnStays(t *testing.T) {
	merged := Pull{Number: 7, Merged: true, HeadSHA: strings.Repeat("7", 40)}
	for head, deleted := range map[string]bool{merged.HeadSHA: true, strings.Repeat("8", 40): false, "": false} {
		s := approvedRelease().state()
		s.Backmerges = []Backmerge{{Target: "development", Branch: "backmerge/1", Head: head, Pull: merged}}
		found := false
		for _, step := range PlanFinish(s).Steps {
			found = found || step.Kind == StepDeleteBranch && step.Branch == "backmerge/1"
		}
		if found != deleted {
			t.Errorf("at %q: it is deleted: %t, want %t", head, found, deleted)
		}
	}
}
