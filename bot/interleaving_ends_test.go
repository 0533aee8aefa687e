package bot

import (
	"slices"
	"strings"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// ends plays on after production was deployed: the release is tagged and merged, while people say things, push, and take production
// back. What production gets is what was approved, or what somebody who may has gone back to; there is one deployment at a time; and
// the tag is at the commit that was approved. It counts whether the release came to its end, and whether production went back.
func (s *story) ends() (finished, returned int32) {
	ctx := s.t.Context()
	sha, digest, tag := s.r.SHA, s.r.CandidateDigest, s.r.Tag
	s.ranBefore()
	for range 25 {
		s.step()
		if s.rand.IntN(3) == 0 {
			s.comments([]string{"/rollback production --reason broken", "/unpin production", "/retry", "/promote", "/approve"}[s.rand.IntN(5)])
		}
		must(s.t, newSession(s.lab).walk(ctx, s.r.ID))
		s.reread()
		s.alone()
		for _, x := range s.active() {
			switch back := isRollback(&x); {
			case x.Kind != pipeline.KindProduction:
			case !back && (x.SHA != sha || x.State.Digest() != digest):
				s.t.Fatalf("production is deployed with %s at %s, and %s at %s was approved\n%s", x.State.Digest(), short(x.SHA), digest, short(sha), strings.Join(s.log, "\n"))
			case back && (x.State.Digest() != earlierDigest || !s.mayReturn(x.StartedBy.Login)):
				s.t.Fatalf("%s took production back to %s\n%s", x.StartedBy.Login, x.State.Digest(), strings.Join(s.log, "\n"))
			case back:
				returned = 1
			}
			s.settles(x)
		}
		if at, there := s.hub.tags[tag]; there && at != sha || len(s.hub.tags) > 1 {
			s.t.Fatalf("the tags are %v, and %s was approved\n%s", s.hub.tags, short(sha), strings.Join(s.log, "\n"))
		}
	}
	if s.r.Finished && s.hub.tags[tag] == sha && slices.Contains(s.hub.line("master"), sha) {
		finished = 1
	}
	return finished, returned
}

// alone fails where two deployments to production are under way, or two executions deploy the release.
func (s *story) alone() {
	var under, starts []string
	s.write(func(tx *store.Tx) error {
		all, err := tx.Deployments(s.t.Context(), 42, s.in(s.r.Component).env(pipeline.EnvironmentProduction), 50)
		for _, d := range all {
			if !d.Status.Final() {
				under = append(under, d.ID)
			}
		}
		if err != nil {
			return err
		}
		of, err := tx.ExecutionsByRelease(s.t.Context(), s.r.ID)
		for _, x := range of {
			if x.Kind == pipeline.KindProduction {
				starts = append(starts, x.ID)
			}
		}
		return err
	})
	if len(under) > 1 || len(starts) > 1 {
		s.t.Fatalf("%q are under way to production, for which %q were started\n%s", under, starts, strings.Join(s.log, "\n"))
	}
}

const earlierDigest = "sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"

// ranBefore writes down that production ran another release before.
func (s *story) ranBefore() {
	env := s.in(s.r.Component).env(pipeline.EnvironmentProduction)
	s.images["prod.test/shop:1.3.0"], s.shipped = earlierDigest, true
	s.write(func(tx *store.Tx) error {
		return tx.SaveDeployment(s.t.Context(), store.Deployment{
			ID: "d0", RepoID: 42, Environment: env, Version: "1.3.0", Digest: earlierDigest, SHA: cut, Image: "prod.test/shop:1.3.0", ReleaseID: "r0",
			ExecutionID: "x", Status: pipeline.Succeeded, StartedAt: noon.AddDate(0, 0, -1),
		})
	})
}

// mayReturn tells whether somebody could take production back when they were heard.
func (s *story) mayReturn(login string) bool { return s.rollers[login] }

// hears notes who may take production back at the moment at which the bot hears that they want to.
func (s *story) hears(e event.Comment) {
	if strings.HasPrefix(e.Body, "/rollback") && s.gh.Roles[e.Author.Login].AtLeast("maintain") {
		s.rollers[e.Author.Login] = true
	}
}
