package bot

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// shows answers a probe of gitflow's, as its kind is described there.
func (g *changing) shows(t *testing.T, p gitflow.Probe) bool {
	t.Helper()
	branch, tag := strings.TrimPrefix(p.Ref, "refs/heads/"), strings.TrimPrefix(p.Ref, "refs/tags/")
	switch p.Kind {
	case gitflow.ProbeRefIs:
		return g.tags[tag] == p.SHA
	case gitflow.ProbeRefExists:
		return g.Heads[branch] != ""
	case gitflow.ProbeRefGone:
		return g.Heads[branch] == ""
	case gitflow.ProbeContains:
		c, err := g.Compare(t.Context(), branch, p.SHA)
		must(t, err)
		return c.AheadBy == 0
	case gitflow.ProbePullOpen:
		from, err := g.PullsFrom(t.Context(), p.Head, p.Base)
		must(t, err)
		return len(from) > 0 && from[0].Open
	case gitflow.ProbePullBase:
		return g.Pulls[p.Pull].Base.Branch == p.Base
	case gitflow.ProbePullClosed:
		return !g.Pulls[p.Pull].Open
	case gitflow.ProbeReleasePage:
		return g.pages[p.Tag].Tag != ""
	}
	t.Fatalf("nobody can look at %+v", p)
	return false
}

// world is all of the repository that steps change, as text.
func (g *changing) world() string {
	return fmt.Sprint(g.Heads, g.Pulls, g.tags, g.pages)
}

// What a step's probe shows is what is looked at where an earlier attempt may have acted: shows it that the step is done, nothing is
// done; shows it that it is not, the step is done, and then it shows that.
func TestAStepsProbeIsWhatIsLookedAt(t *testing.T) {
	tip := strings.Repeat("7", 40)
	own := "sluice/finish-1.4.0"
	pull := func(open bool, base string) forge.PullRequest {
		return forge.PullRequest{Number: 9, Open: open, Merged: !open, Head: forge.Side{Branch: own, SHA: tip, RepoID: 42}, Base: forge.Side{Branch: base}}
	}
	for name, c := range map[string]struct {
		step gitflow.Step
		done func(g *changing)
	}{
		"a branch": {
			gitflow.Step{Kind: gitflow.StepCutBranch, SHA: tip, Branch: own, Target: "master", Probe: gitflow.Probe{Kind: gitflow.ProbeRefExists, Ref: "refs/heads/" + own, SHA: tip}},
			func(g *changing) { g.Heads[own] = tip },
		},
		"a pull request": {
			gitflow.Step{Kind: gitflow.StepOpenPull, SHA: tip, Branch: own, Target: "master", Probe: gitflow.Probe{Kind: gitflow.ProbePullOpen, Head: own, Base: "master"}},
			func(g *changing) { g.Pulls[9] = pull(true, "master") },
		},
		"another base": {
			gitflow.Step{Kind: gitflow.StepRetargetPull, Pull: 9, Target: "development", Probe: gitflow.Probe{Kind: gitflow.ProbePullBase, Pull: 9, Base: "development"}},
			func(g *changing) { g.Pulls[9] = pull(true, "development") },
		},
		"the end of a pull request": {
			gitflow.Step{Kind: gitflow.StepClosePull, Pull: 9, Probe: gitflow.Probe{Kind: gitflow.ProbePullClosed, Pull: 9}},
			func(g *changing) { g.Pulls[9] = pull(false, "master") },
		},
		"a tag": {
			gitflow.Step{Kind: gitflow.StepTag, Tag: "v1.4.0", SHA: tip, Probe: gitflow.Probe{Kind: gitflow.ProbeRefIs, Ref: "refs/tags/v1.4.0", SHA: tip}},
			func(g *changing) { g.tags = map[string]string{"v1.4.0": tip} },
		},
		"a pull request merged": {
			gitflow.Step{Kind: gitflow.StepMergePull, Pull: 9, SHA: tip, Branch: own, Target: "master",
				Probe: gitflow.Probe{Kind: gitflow.ProbeContains, Ref: "refs/heads/master", SHA: tip}},
			func(g *changing) { g.Heads["master"], g.Pulls[9] = tip, pull(false, "master") },
		},
		"an earlier pull request merged": {
			gitflow.Step{Kind: gitflow.StepMergePull, Pull: 9, SHA: tip, Branch: own, Target: "master", Probe: gitflow.Probe{Kind: gitflow.ProbePullClosed, Pull: 9}},
			func(g *changing) { g.Heads["master"], g.Pulls[9] = tip, pull(false, "master") },
		},
		"a commit merged": {
			gitflow.Step{Kind: gitflow.StepMergeSHA, SHA: tip, Branch: own, Target: "master",
				Probe: gitflow.Probe{Kind: gitflow.ProbeContains, Ref: "refs/heads/master", SHA: tip}},
			func(g *changing) { g.Heads["master"] = tip },
		},
		"a pull request brought up to date": {
			gitflow.Step{Kind: gitflow.StepUpdatePull, Pull: 9, SHA: tip, Onto: cut, Branch: "backmerge/1", Target: "development",
				Probe: gitflow.Probe{Kind: gitflow.ProbeContains, Ref: "refs/heads/backmerge/1", SHA: tip}},
			func(g *changing) { g.Heads["backmerge/1"] = tip },
		},
		"the page of a release": {
			gitflow.Step{Kind: gitflow.StepReleasePage, Tag: "v1.4.0", SHA: tip, Probe: gitflow.Probe{Kind: gitflow.ProbeReleasePage, Tag: "v1.4.0"}},
			func(g *changing) { g.pages = map[string]forge.Release{"v1.4.0": {ID: 1, Tag: "v1.4.0"}} },
		},
		"a branch deleted": {
			gitflow.Step{Kind: gitflow.StepDeleteBranch, Branch: "backmerge/1", SHA: cut, Probe: gitflow.Probe{Kind: gitflow.ProbeRefGone, Ref: "refs/heads/backmerge/1"}},
			func(g *changing) { delete(g.Heads, "backmerge/1") },
		},
	} {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, done %t", name, done), func(t *testing.T) {
				l := newLab(t, "")
				l.b.doubt.Store(true) // any attempt may have acted
				g := &changing{history: &history{FakeGitHub: l.gh, commits: map[string]forge.Commit{tip: {SHA: tip, Parents: []string{cut}}}}}
				l.session.gh = g
				g.Heads = maps.Clone(map[string]string{"master": cut, "development": cut, "backmerge/1": cut})
				g.Pulls = map[int]forge.PullRequest{9: pull(true, "master")}
				if c.step.Kind == gitflow.StepOpenPull {
					delete(g.Pulls, 9)
				}
				if done {
					c.done(g)
				}
				if g.shows(t, c.step.Probe) != done {
					t.Fatalf("the probe %+v shows %t before", c.step.Probe, !done)
				}
				before := g.world()
				r := &store.Release{ID: "r", RepoID: 42, Version: "1.4.0", Kind: pipeline.KindRelease, Branch: "release/1.4.0", Status: store.ReleaseReleased}
				again, err := newSession(l).perform(t.Context(), r, &world{}, c.step)
				must(t, err)
				if !again || !g.shows(t, c.step.Probe) {
					t.Errorf("the probe %+v does not show that the step is done", c.step.Probe)
				}
				if diff := cmp.Diff(before, g.world()); (diff == "") != done {
					t.Errorf("the step was done before: %t; what it did (-before +after):\n%s", done, diff)
				}
			})
		}
	}
}
