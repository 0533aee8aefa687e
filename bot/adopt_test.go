package bot

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// A release is taken for shipped where its tag, its deployment and its image say so alike, one of a support line by its merge; what
// production runs by what was deployed last. What was begun is told.
func TestAdoptShipped(t *testing.T) {
	const yaml = "version: 1\nregistries: { development: dev.test/shop, production: prod.test/shop }\n"
	image := FakeImages{"prod.test/shop:1.4.1": digest, "prod.test/shop:1.3.0": "sha256:old", "prod.test/shop:1.4.0": "sha256:old"}
	const own = "x0-3-1-1" // an action's ID
	both := []forge.Deployment{{ID: 2, SHA: head, Payload: own}, {ID: 1, SHA: cut, Payload: own}}
	const first = yaml + "finish: { order: merge-then-deploy }\n"
	const later = "3333333333333333333333333333333333333333"
	said := func(state forge.DeploymentState) []forge.Deployment {
		return []forge.Deployment{{ID: 2, SHA: head, Payload: own, State: state}, both[1]}
	}
	type adopted struct {
		Release       store.ReleaseStatus
		Version, Hold string
		Ended, Told   bool
		Recorded      string // the deployment that is taken over with the release
	}
	left := adopted{Release: store.ReleaseOpen, Version: "1.3.0"}
	begun := adopted{Release: store.ReleaseOpen, Version: "1.3.0", Told: true}
	shipped := adopted{Release: store.ReleaseReleased, Version: "1.4.1", Ended: true, Recorded: "adopted-2"}
	waits := adopted{Release: store.ReleaseOpen, Version: "1.4.0", Told: true}
	next := append([]forge.Deployment{{ID: 3, SHA: later, Payload: own}}, both[1:]...)
	for name, c := range map[string]struct {
		yaml     string
		tag      string
		deployed []forge.Deployment
		images   FakeImages
		line     string // where the support branch of the release's line is; empty: it is of none
		runs     string // the version that production runs by the backup; empty: 1.3.0
		next     bool   // 1.5.0 is tagged
		want     adopted
	}{
		"it was shipped":                                       {tag: head, deployed: both, images: image, want: shipped},
		"and rolled back":                                      {tag: head, deployed: []forge.Deployment{{ID: 3, SHA: cut, Payload: own}, both[0], both[1]}, images: image, want: adopted{store.ReleaseReleased, "1.3.0", "rolled back to 1.3.0 before the database was restored", true, false, "adopted-2"}},
		"it has no tag":                                        {deployed: both, images: image, want: left},
		"the tag is at another commit":                         {tag: "4444444444444444444444444444444444444444", deployed: both, images: image, want: left},
		"it was pushed to since":                               {tag: later, deployed: []forge.Deployment{{ID: 2, SHA: later, Payload: own}, both[1]}, images: FakeImages{"prod.test/shop:1.4.1": "sha256:later"}, want: shipped},
		"it was not deployed":                                  {tag: head, deployed: both[1:], images: image, want: begun},
		"nothing was ever deployed":                            {tag: head, images: image, want: begun},
		"its image is not there":                               {tag: head, deployed: both, images: FakeImages{}, want: left},
		"its image is another one":                             {tag: head, deployed: both, images: FakeImages{"prod.test/shop:1.4.1": "sha256:other"}, want: left},
		"its deployment is under way":                          {tag: head, deployed: said(forge.DeploymentInProgress), images: image, want: shipped}, // the tag comes after it
		"tags come before deployments":                         {yaml: first, tag: head, deployed: both, images: image, want: shipped},
		"which is under way":                                   {yaml: first, tag: head, deployed: said(forge.DeploymentInProgress), images: image, want: begun},
		"which failed":                                         {yaml: first, tag: head, deployed: said(forge.DeploymentFailed), images: image, want: begun},
		"which nobody began":                                   {yaml: first, tag: head, deployed: both[1:], images: image, want: begun},
		"which was replaced":                                   {yaml: first, tag: head, deployed: append([]forge.Deployment{{ID: 3, SHA: cut, Payload: own}}, said(forge.DeploymentInactive)...), images: image, want: adopted{store.ReleaseReleased, "1.3.0", "rolled back to 1.3.0 before the database was restored", true, false, "adopted-2"}},
		"which somebody else did":                              {yaml: first, tag: head, deployed: []forge.Deployment{{ID: 2, SHA: head, Payload: "{}"}, both[1]}, images: image, want: begun},
		"and somebody else deployed since":                     {tag: head, deployed: append([]forge.Deployment{{ID: 3, SHA: cut, Payload: "{}"}}, both...), images: image, want: shipped},
		"its line has it":                                      {tag: head, deployed: both[1:], images: image, line: head, want: adopted{store.ReleaseReleased, "1.3.0", "", true, false, ""}},
		"its line lacks it":                                    {tag: head, deployed: both[1:], images: image, line: cut, want: begun},
		"its line has it without image":                        {tag: head, deployed: both[1:], images: FakeImages{}, line: head, want: left},
		"nor was deployed to production, which runs that line": {tag: head, deployed: both[1:], images: image, line: head, runs: "1.4.0", want: waits},
		"and production which runs it":                         {tag: head, deployed: both, images: image, line: head, runs: "1.4.0", want: shipped},
		"merged there before a deployment that nobody began":   {yaml: first, tag: head, deployed: both[1:], images: image, line: head, runs: "1.4.0", want: waits},
		"merged there before a deployment that failed":         {yaml: first, tag: head, deployed: said(forge.DeploymentFailed), images: image, line: head, runs: "1.4.0", want: waits},
		"merged there before a deployment that succeeded":      {yaml: first, tag: head, deployed: said(forge.DeploymentSucceeded), images: image, line: head, runs: "1.4.0", want: shipped},
		"merged there, and not deployed since production runs another line": {yaml: first, tag: head, deployed: both[1:], images: image, line: head, want: adopted{store.ReleaseReleased, "1.3.0", "", true, false, ""}},
		"merged there, and production went on to another line":              {yaml: first, tag: head, deployed: next, images: FakeImages{"prod.test/shop:1.4.1": digest, "prod.test/shop:1.5.0": "sha256:next"}, line: head, runs: "1.4.0", next: true, want: adopted{store.ReleaseReleased, "1.5.0", "", true, false, ""}},
		"merged there, and what production runs is not known":               {yaml: first, tag: head, deployed: next, images: image, line: head, runs: "1.4.0", next: true, want: waits},
		"merged there, and production may have gone on to that line":        {yaml: first, tag: head, deployed: next, images: image, line: head, want: begun},
		"the repository has no registry":                                    {yaml: "version: 1\n", tag: head, deployed: both, want: shipped},
	} {
		t.Run(name, func(t *testing.T) {
			if c.yaml == "" {
				c.yaml = yaml
			}
			if c.runs == "" {
				c.runs = "1.3.0"
			}
			l, r, x := candidateOf(t, c.yaml, store.Release{Kind: pipeline.KindRelease, Version: "1.4.1", Branch: "release/1.4.1"})
			l.b.Images, l.gh.Deployed = c.images, c.deployed
			l.gh.Comparisons[later+"..."+head] = forge.Comparison{BehindBy: 1}
			if c.line != "" {
				r.Line, l.gh.Heads = "1.4", map[string]string{"support/1.4": c.line}
			}
			l.gh.TagAt = map[string]string{"v" + c.runs: cut}
			if c.next {
				l.gh.TagAt["v1.5.0"] = later
			}
			if c.tag != "" {
				l.gh.TagAt["v1.4.1"] = c.tag
			}
			l.write(func(tx *store.Tx) error {
				r.Tag, r.CandidateDigest = "v1.4.1", digest
				err := errors.Join(tx.SaveRelease(t.Context(), *r), tx.SaveEnvironment(t.Context(), store.Environment{RepoID: 42, Name: "production", Version: c.runs, SHA: cut}))
				for name, sha := range l.gh.TagAt {
					_, e := tx.SaveTag(t.Context(), store.Tag{RepoID: 42, Name: name, SHA: sha})
					err = errors.Join(err, e)
				}
				return err
			})
			must(t, l.adoptShipped(t.Context()))
			var got adopted
			l.write(func(tx *store.Tx) error {
				now, err := tx.Release(t.Context(), r.ID)
				env, err2 := tx.Environment(t.Context(), 42, pipeline.EnvironmentProduction)
				end, err3 := tx.Execution(t.Context(), x.ID)
				recorded, err4 := tx.Deployments(t.Context(), 42, pipeline.EnvironmentProduction, 9)
				got = adopted{now.Status, env.Version, env.Hold, end.Status.Final(), len(l.gh.Said) > 0, ""}
				for _, d := range recorded {
					got.Recorded += d.ID
				}
				return errors.Join(err, err2, err3, err4)
			})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
