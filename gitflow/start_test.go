package gitflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStartIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*State)
		want   string
	}{
		"no room":              {func(s *State) { s.Releases = []Line{{Branch: "release/1.3.1", SHA: "x"}} }, `"release/1.3.1" is open, and branches.max_open_releases is 1; finish or abandon a release first, or raise it.`},
		"a red commit":         {func(s *State) { s.Start.Green = No }, `The checks of 0000007 failed; start from a green commit with /release start --from, or fix "development" first.`},
		"nothing to release":   {func(s *State) { s.Start.Changes = 0 }, `"development" has no commit that "master" lacks: the release would be empty; /release start --allow-empty starts it all the same.`},
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

// A crash between the branch and its pull request: what was fine when the branch was cut is not asked again.
func TestAStartedReleaseIsNotRefusedLater(t *testing.T) {
	w := newWorld(KindRelease, "1.4.0", "release/1.4.0")
	w.from = w.heads["development"]
	w.walk(PlanStart, func(*world) bool { return true })
	s := w.state()
	s.Start.Green, s.Start.VersionProblem, s.Releases = No, "1.4.0 is taken.", []Line{{Branch: "release/1.3.1", SHA: "x"}}
	step, ok := PlanStart(s).Next()
	if !ok || step.Kind != StepOpenPull {
		t.Errorf("next after the crash: %+v", PlanStart(s))
	}
}
