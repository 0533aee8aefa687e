package bot

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// What else moves under a candidate: the configuration, the base of its pull request, production.

// configures changes what approvals rest on, or changes it back.
func (s *story) configures() {
	s.strict = !s.strict
	text := s.yaml
	if s.strict {
		text = strings.Replace(text, "count: 2", "expires: 5d, count: 2", 1)
	}
	cfg, problems := config.ParseRepo([]byte(text), config.Context{Owner: "acme", RepoName: "shop", Branches: []string{"master", "development"}})
	if len(problems) > 0 {
		s.t.Fatal(config.Join(problems))
	}
	s.session.cfg, s.session.whole = cfg, cfg
	s.note("the configuration is another: %t", s.strict)
}

// made notes the configuration that an execution was made under, which is the one of when it is first seen: at most one change
// happens between two looks.
func (s *story) made(x *store.Execution) {
	if _, known := s.under[x.ID]; !known {
		s.under[x.ID] = s.strict
	}
}

// retargets sends the pull request elsewhere, or back.
func (s *story) retargets() {
	p := s.gh.Pulls[5]
	if p.Base.Branch == "master" {
		p.Base.Branch = "development"
	} else {
		p.Base.Branch = "master"
	}
	s.gh.Pulls[5] = p
	s.coming = append(s.coming, event.PullRequest{Number: 5, Activity: event.Edited})
	s.note("the pull request goes into %s", p.Base.Branch)
}

// looked is what the bot forgets when it finds another base.
func (s *story) looked() {
	if base := s.gh.Pulls[5].Base.Branch; base != s.base {
		s.base, s.said, s.asked, s.source = base, map[string]string{}, map[string]bool{}, map[string]int64{}
		maps.Copy(s.fallen, s.taken)
	}
}

// ships moves production, as a hotfix does.
func (s *story) ships() {
	was := s.gh.Heads["master"]
	now := fmt.Sprintf("%07d%s", len(s.hub.commits), strings.Repeat("7", 33))
	s.hub.commits[now] = forge.Commit{SHA: now, Parents: []string{was}, Author: person(90, "ops"), Message: "fix: in production"}
	s.gh.Heads["master"] = now
	s.note("production moves to %s", short(now))
}

// lacks tells whether the candidate's branch lacks what production has and it owes: a component's owes what that component runs.
func (s *story) lacks() bool {
	return s.r.Component == "" && !slices.Contains(s.hub.line(s.head()), s.gh.Heads["master"])
}

// active are the executions that have not ended.
func (s *story) active() (all []store.Execution) {
	s.write(func(tx *store.Tx) (err error) {
		all, err = tx.ActiveExecutions(s.t.Context(), 42)
		return err
	})
	return all
}

// deployed plays on after the promotion began, until production was deployed or nothing happens any more. Whatever is pushed, taken
// back, said or changed meanwhile, what is deployed is what was approved, and never in two executions at once.
func (s *story) deployed() bool {
	ctx := s.t.Context()
	sha, digest := s.r.SHA, s.r.CandidateDigest
	for range 60 {
		s.step()
		s.alone()
		for _, x := range s.active() {
			s.settles(x)
		}
		if s.ran(sha, digest) {
			return true
		}
		must(s.t, newSession(s.lab).walk(ctx, s.r.ID))
		s.reread()
		if s.r.SHA != sha || s.r.CandidateDigest != digest {
			s.t.Fatalf("the release is %s at %s, and %s at %s was approved\n%s", s.r.CandidateDigest, short(s.r.SHA), digest, short(sha), strings.Join(s.log, "\n"))
		}
	}
	return false
}

// settles ends what an execution is doing, well or, after the first deployment, now and then badly; what waits for its environment
// goes on waiting.
func (s *story) settles(x store.Execution) {
	for i, stage := range x.State.Stages {
		for j, a := range stage.Actions {
			if a.Status != pipeline.InProgress || a.Approval != nil || s.rand.IntN(2) == 0 {
				continue
			}
			action, status := x.State.Definition.Stages[i].Actions[j], pipeline.Succeeded
			if s.shipped && s.rand.IntN(4) == 0 {
				status = pipeline.Failed
			}
			if action.Deploys && !s.entered(a.ID) {
				continue
			}
			s.note("%s of %s (%s) ends: %s", a.Name, x.Kind, x.Origin, status)
			must(s.t, newSession(s.lab).leave(s.t.Context(), store.ActionRun{ID: a.ID}, executor.Report{Status: status}))
			must(s.t, newSession(s.lab).advance(s.t.Context(), x.ID, pipeline.ActionSettled{At: s.now, ID: a.ID, Status: status}))
			if action.Uses == pipeline.UsesPromote && status == pipeline.Succeeded {
				s.images["prod.test/shop:"+s.r.Version] = x.State.Digest()
			}
		}
	}
}

// entered tells whether an action has its environment to itself and is deploying.
func (s *story) entered(id string) (is bool) {
	s.write(func(tx *store.Tx) error {
		_, err := tx.Deployment(s.t.Context(), id)
		is = err == nil
		return ignoreMissing(err)
	})
	return is
}

// ran tells whether a deployment to production succeeded, and holds all that there were against what was approved.
func (s *story) ran(sha, digest string) bool {
	var all []store.Execution
	s.write(func(tx *store.Tx) (err error) {
		all, err = tx.ExecutionsByRelease(s.t.Context(), s.r.ID)
		return err
	})
	all = slices.DeleteFunc(all, func(x store.Execution) bool { return x.Kind != pipeline.KindProduction })
	for _, x := range all {
		if x.SHA != sha || x.State.Digest() != digest {
			s.t.Fatalf("production is deployed with %s at %s, and %s at %s was approved\n%s", x.State.Digest(), short(x.SHA), digest, short(sha), strings.Join(s.log, "\n"))
		}
	}
	return slices.ContainsFunc(all, func(x store.Execution) bool { return x.Status == pipeline.Succeeded })
}
