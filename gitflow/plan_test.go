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
		w.conflicts["development"] = rapid.Bool().Draw(t, "development conflicts")
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

func TestNextStepOfEachSituation(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world, *State)
		want   string
	}{
		"approved and free":    {func(*world, *State) {}, `Next: copy the approved image to the production registry as "1.4.0".`},
		"still building":       {func(_ *world, s *State) { s.Candidate.Tested = false }, `The candidate 0000008 is not ready: "building".`},
		"tests failed":         {func(_ *world, s *State) { s.Candidate.Tested, s.Candidate.Failed = false, true }, `The candidate 0000008 did not pass its pipeline; push a fix, or say /retry.`},
		"one approval missing": {func(_ *world, s *State) { s.Approvals.Given = 0 }, `1 approval needed, by /approve.`},
		"approvals voided":     {func(_ *world, s *State) { s.Approvals.Given, s.Approvals.Void = 0, "the head moved" }, `Earlier approvals no longer hold: "the head moved"; 1 approval needed, by /approve.`},
		"nobody may approve": {func(_ *world, s *State) {
			s.Approvals = Approvals{Needed: 1, Wanted: true, Setting: "environments.production.approve"}
		}, `Nobody may approve; change environments.production.approve in .github/sluice.yml.`},
		"rejected":                {func(_ *world, s *State) { s.Approvals.RejectedBy, s.Approvals.Reason = "eve", "too slow" }, `"eve" rejected it ("too slow"); push a fix, or have them lift it.`},
		"expired":                 {func(_ *world, s *State) { s.Approvals.Given, s.Approvals.Expired = 0, true }, `The approval expired; say /retry to ask for it again.`},
		"promotion not asked for": {func(_ *world, s *State) { s.Approvals.Wanted = false }, `Say /promote to take "1.4.0" to production.`},
		"pull request closed":     {func(_ *world, s *State) { s.Pull.Open = false }, `Pull request #10 is closed, so "1.4.0" is paused; reopen it, or say /release abandon.`},
		"pull request a draft":    {func(_ *world, s *State) { s.Pull.Draft = true }, `Pull request #10 is a draft, so "1.4.0" is paused; mark it ready for review.`},
		"on hold":                 {func(_ *world, s *State) { s.Paused = Hold{By: "eve"} }, `"1.4.0" is on hold by "eve"; /unhold lifts it.`},
		"held after a rollback":   {func(_ *world, s *State) { s.Environment.Held = Hold{By: "eve", Reason: "broken"} }, `Production is held after a rollback by "eve" ("broken"); /unpin production lifts it.`},
		"frozen":                  {func(_ *world, s *State) { s.Environment.Frozen = Hold{Reason: "Christmas"} }, `Production is frozen ("Christmas"); /unfreeze lifts it.`},
		"outside of the window":   {func(_ *world, s *State) { s.Environment.WindowOpens = "Mon 09:00" }, `Deployments to production are allowed again "Mon 09:00".`},
		"another deploys":         {func(_ *world, s *State) { s.Environment.Locked = Hold{By: "eve"} }, `"eve" has locked production.`},
		"image tag spent":         {func(_ *world, s *State) { s.Published = "sha256:old" }, `Version "1.4.0" is spent: the production registry has it as sha256:old, and the candidate is sha256:cafe; say /version bump patch to cut the next version from "release/1.4.0".`},
		"git tag spent":           {func(_ *world, s *State) { s.TagSHA = strings.Repeat("9", 40) }, `Version "1.4.0" is spent: the git tag "v1.4.0" is at 9999999, and the candidate is 0000008; say /version bump patch to cut the next version from "release/1.4.0".`},
		"a lower release is open": {func(_ *world, s *State) { s.Releases = []Line{{Branch: "release/1.3.1", SHA: "x"}} }, `"release/1.3.1" is open and lower than "1.4.0"; promote or abandon it first.`},
		"an obstacle": {func(_ *world, s *State) {
			s.Obstacles = []Obstacle{{Problem: "Checks run.", Remedy: "Wait.", Later: true}, {Problem: "No merges.", Remedy: "Allow them.", Fatal: true}}
		}, `No merges. Allow them.`},
		"lacks a hotfix": {func(w *world, s *State) {
			w.commit("master", "urgent")
			*s = w.state()
		}, `The candidate lacks production commit 0000010. Merge "master" into "release/1.4.0", or say /backmerge.`},
		"copied, deploying": {func(w *world, s *State) {
			w.registry["1.4.0"] = w.digest
			w.env.Deploying = "1.4.0"
			*s = w.state()
		}, `"1.4.0" is being deployed to production.`},
		"deployment failed": {func(w *world, s *State) {
			w.registry["1.4.0"] = w.digest
			w.env.DeployFailed = true
			*s = w.state()
		}, `The production deployment of "1.4.0" failed; say /retry to deploy the same image again, or /rollback.`},
		"deployed": {func(w *world, s *State) {
			w.walk(PlanPromote, never)
			*s = w.state()
		}, `Next: tag "v1.4.0" at 0000008.`},
		"finished": {func(w *world, s *State) {
			w.walk(PlanPromote, never)
			w.walk(PlanFinish, never)
			*s = w.state()
		}, `"1.4.0" is released.`},
		"rolled back": {func(w *world, s *State) {
			w.walk(PlanPromote, never)
			*s = w.state()
			s.Environment.History[0].Bad = true
		}, `"1.4.0" was rolled back; the next version takes its place.`},
		"another tag stands in the way": {func(w *world, s *State) {
			w.walk(PlanPromote, never)
			w.tags["v1.4.0"] = strings.Repeat("9", 40)
			*s = w.state()
		}, `The git tag "v1.4.0" is at 9999999999999999999999999999999999999999 already, and the approved commit is 0000008000000000000000000000000000000000; tags are never moved: delete it if it is wrong, or use another version.`},
		"a hotfix without a commit": {func(w *world, s *State) {
			h := newWorld(KindHotfix, "1.3.0-hotfix-17", "hotfix/17")
			h.cut("hotfix/17", "master")
			*s = h.state()
			s.Candidate.Tested = true
		}, `Push a commit to "hotfix/17"; its pull request is opened then.`},
	} {
		t.Run(name, func(t *testing.T) {
			w := approvedRelease()
			s := w.state()
			c.change(w, &s)
			if diff := cmp.Diff(c.want, NextStep(s)); diff != "" {
				t.Errorf("next step (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStartIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*State)
		want   string
	}{
		"no room":              {func(s *State) { s.Releases = []Line{{Branch: "release/1.3.1", SHA: "x"}} }, `"release/1.3.1" is open, and branches.max_open_releases is 1; finish or abandon a release first, or raise it.`},
		"a red commit":         {func(s *State) { s.Start.Green = No }, `The checks of 0000007 failed; start from a green commit with /release start --from, or fix "development" first.`},
		"nothing to release":   {func(s *State) { s.Start.Changes = 0 }, `"development" has no commit that "master" lacks: the release would be empty.`},
		"from somewhere else":  {func(s *State) { s.Start.OnLine = No }, `0000007 is not on "development", and that is what it is cut from.`},
		"the tag exists":       {func(s *State) { s.TagSHA = strings.Repeat("9", 40) }, `The git tag "v1.4.0" exists already, at 9999999; choose another version.`},
		"the image exists":     {func(s *State) { s.Published = "sha256:old" }, `The production registry has "1.4.0" already; choose another version.`},
		"a case clash":         {func(s *State) { s.Start.OtherBranches = []string{"Release/1.4.0"} }, `"Release/1.4.0" exists and differs from "release/1.4.0" in upper and lower case only; delete or rename it first.`},
		"a folder in the way":  {func(s *State) { s.Start.OtherBranches = []string{"release"} }, `"release" exists, and git cannot have "release/1.4.0" beside it; delete or rename it first.`},
		"the branch exists":    {func(s *State) { s.Start.OtherBranches = []string{"release/1.4.0"} }, `The branch "release/1.4.0" exists already; delete it, or choose another version.`},
		"a bad version":        {func(s *State) { s.Start.VersionProblem = "1.4.0 was released." }, `1.4.0 was released.`},
		"no commit":            {func(s *State) { s.Start.From = "" }, `There is no commit of "development" to cut from.`},
		"preflight":            {func(s *State) { s.Obstacles = []Obstacle{{Problem: "No merges.", Remedy: "Allow them.", Fatal: true}} }, `No merges. Allow them.`},
		"another branch there": {func(s *State) { s.Head, s.Start.HasFrom = strings.Repeat("9", 40), No }, `The branch "release/1.4.0" exists already, at 9999999, and was not cut from 0000007; delete it, or choose another version.`},
		"checks under way":     {func(s *State) { s.Start.Green = Unknown }, ``},
		"an empty one allowed": {func(s *State) { s.Start.Changes, s.Start.AllowEmpty = 0, true }, ``},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(KindRelease, "1.4.0", "release/1.4.0")
			w.from = w.heads["development"]
			s := w.state()
			c.change(&s)
			p := PlanStart(s)
			if diff := cmp.Diff(c.want, p.Refused.String()); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			if step, ok := p.Next(); ok && c.want != "" {
				t.Errorf("a refused plan would do %s", step.ID)
			}
		})
	}
}

func TestAHotfixPullRequestWaitsForACommit(t *testing.T) {
	w := newWorld(KindHotfix, "1.3.0-hotfix-17", "hotfix/17")
	w.from = w.heads["master"]
	if p := w.walk(PlanStart, never); p.Done() || len(p.Blocked()) != 1 || p.Blocked()[0].Waiting == "" {
		t.Errorf("a branch without a commit of its own: %s", p)
	}
	w.commit("hotfix/17", "urgent")
	if p := w.walk(PlanStart, never); !p.Done() || w.pullOf("hotfix/17", "master").Number == 0 {
		t.Errorf("with a commit: %s", p)
	}
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

func TestAbandon(t *testing.T) {
	w := approvedRelease()
	w.cut("fix/9", "release/1.4.0")
	w.commit("fix/9", "repair")
	child := w.open("fix/9", "release/1.4.0")
	p := w.walk(PlanAbandon, never)
	if !p.Done() || w.heads["release/1.4.0"] != "" || w.pulls[0].Open || child.Base != "development" || !child.Open {
		t.Errorf("abandoned: %s %+v", p, w.pulls)
	}
	for name, change := range map[string]func(*State){
		"deployed":  func(s *State) { s.Environment.Runs = Deployed{Version: "1.4.0"} },
		"deploying": func(s *State) { s.Environment.Deploying = "1.4.0" },
		"merged":    func(s *State) { s.TagSHA, s.Production.HasCandidate = s.Candidate.SHA, true },
	} {
		s := approvedRelease().state()
		change(&s)
		if p := PlanAbandon(s); p.Refused == "" {
			t.Errorf("%s: abandoned all the same:\n%s", name, p)
		}
	}
	s := approvedRelease().state()
	s.Pull = Pull{}
	if step, _ := PlanAbandon(s).Step("delete:release/1.4.0"); step.Blocked == "" {
		t.Error("commits that nothing else keeps would be lost")
	}
}

func TestRollback(t *testing.T) {
	history := []Deployed{
		{Version: "1.4.0", SHA: "d", Digest: "sha256:4", Succeeded: true},
		{Version: "1.3.2", SHA: "c", Digest: "sha256:32", Succeeded: false},
		{Version: "1.3.1", SHA: "b", Digest: "sha256:31", Succeeded: true, Bad: true},
		{Version: "1.3.0", SHA: "a", Digest: "sha256:30", Succeeded: true},
		{Version: "1.2.0", SHA: "9", Digest: "sha256:20", Succeeded: true, Missing: true},
	}
	for name, c := range map[string]struct {
		to, reason, irreversible string
		want, refused            string
	}{
		"the last good version":  {"", "broken", "", "1.3.0", ""},
		"a named version":        {"1.3.0", "broken", "", "1.3.0", ""},
		"without a reason":       {"", "", "", "", `Say why, with --reason: it goes into the record of the release.`},
		"an unknown version":     {"9.9.9", "broken", "", "", `"9.9.9" was never deployed to "production". Versions to go back to: "1.3.0".`},
		"a bad version":          {"1.3.1", "broken", "", "", `"1.3.1" was rolled back itself. Versions to go back to: "1.3.0".`},
		"a failed version":       {"1.3.2", "broken", "", "", `"1.3.2" was never deployed to "production" with success. Versions to go back to: "1.3.0".`},
		"a missing image":        {"1.2.0", "broken", "", "", `The image of "1.2.0" is no longer in the registry. Versions to go back to: "1.3.0".`},
		"to itself":              {"1.4.0", "broken", "", "", `"1.4.0" is what is rolled back from. Versions to go back to: "1.3.0".`},
		"an irreversible change": {"", "broken", "a migration dropped a column", "", `"1.4.0" cannot be rolled back: "a migration dropped a column".`},
	} {
		t.Run(name, func(t *testing.T) {
			h := slices.Clone(history)
			h[0].Irreversible = c.irreversible
			s := State{Environment: Environment{Name: "production", Runs: h[0], History: h}, Rollback: RollbackFacts{To: c.to, Reason: c.reason, From: "1.4.0"}}
			p := PlanRollback(s)
			deploy, _ := p.Step("deploy")
			if p.Refused.String() != c.refused || deploy.Version != c.want {
				t.Errorf("to %q, refused %q; want %q, %q", deploy.Version, p.Refused, c.want, c.refused)
			}
		})
	}
}

func TestRollbackHoldsFirst(t *testing.T) {
	w := newWorld(KindRelease, "1.4.0", "release/1.4.0")
	w.env.Runs = Deployed{Version: "1.4.0", Digest: "sha256:4"}
	w.env.History = []Deployed{{Version: "1.4.0", Digest: "sha256:4", Succeeded: true}, {Version: "1.3.0", Digest: "sha256:3", SHA: "a", Succeeded: true}}
	plan := func(s State) Plan {
		s.Rollback = RollbackFacts{Reason: "broken", From: "1.4.0", Bad: w.bad["1.4.0"]}
		return PlanRollback(s)
	}
	p := w.walk(plan, never)
	want := []string{"hold", "mark-bad 1.4.0", "deploy 1.3.0"}
	if diff := cmp.Diff(want, w.effects); diff != "" || !p.Done() {
		t.Errorf("effects (-want +got):\n%s%s", diff, p)
	}
}
