package bot

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

func TestFirstOfTwoComponents(t *testing.T) {
	t.Parallel()
	const other, tip = "0000000000000000000000000000000000000bbb", "0000000000000000000000000000000000000fff"
	changes := func(files ...string) forge.Comparison { return forge.Comparison{AheadBy: 1, Files: files} }
	first := gitflow.Promotion{Version: "web 2.0.0", By: "boss", Environment: "web/production", Runs: true, Shares: []string{"go.mod"}}
	unlisted := first
	unlisted.Shares, unlisted.Unlisted = nil, true
	none := gitflow.Promotion{}
	cases := map[string]struct {
		release func(*store.Release)
		// ours and theirs are what the candidate and the other one change since they parted, lacks what production lacks of the other.
		ours, theirs, lacks forge.Comparison
		want                gitflow.Promotion
	}{
		"they change different files":            {nil, changes("api/a", "go.mod"), changes("web/a"), changes(), none},
		"they change the same file":              {nil, changes("api/a", "go.mod"), changes("go.mod", "web/a"), changes(), first},
		"the other is merged":                    {nil, changes("go.mod"), changes("go.mod"), forge.Comparison{}, none},
		"not all files are listed":               {nil, forge.Comparison{FilesTruncated: true}, changes("web/a"), changes(), unlisted},
		"nor of the other":                       {nil, changes("api/a"), forge.Comparison{FilesTruncated: true}, changes(), unlisted},
		"the other is finished":                  {func(r *store.Release) { r.Finished = true }, changes("go.mod"), changes("go.mod"), changes(), none},
		"the other was rolled back":              {func(r *store.Release) { r.Status = store.ReleaseRolledBack }, changes("go.mod"), changes("go.mod"), changes(), none},
		"the other waits between copy and place": {func(r *store.Release) { r.Status = store.ReleasePromoting }, changes("go.mod"), changes("go.mod"), changes(), none},
		"the other is of a support line":         {func(r *store.Release) { r.Line = "1.4" }, changes("go.mod"), changes("go.mod"), changes(), none},
		"the other is of the same component, and only its merge is missing": {
			func(r *store.Release) { r.Component = "api" }, changes("go.mod"), changes("go.mod"), changes(), none,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, r, _ := candidateOf(t, componentConfig, store.Release{Kind: pipeline.KindRelease, Version: "1.4.0", Branch: "release/api/1.4.0"})
			r.Component = "api"
			o := store.Release{
				ID: "r2", RepoID: 42, Kind: pipeline.KindRelease, Component: "web", Version: "2.0.0", Branch: "release/web/2.0.0", SHA: other,
				Status: store.ReleaseReleased, PromoteBy: l.gh.Users["boss"], StartedAt: noon,
			}
			if c.release != nil {
				c.release(&o)
			}
			l.write(func(tx *store.Tx) error { return tx.SaveRelease(t.Context(), o) })
			l.gh.Comparisons[other+"..."+head], l.gh.Comparisons[head+"..."+other], l.gh.Comparisons[tip+"..."+other] = c.ours, c.theirs, c.lacks
			w := &world{}
			w.Candidate.SHA, w.Production = head, gitflow.Line{Branch: "master", SHA: tip}
			got, err := newSession(l).in("api").promotedNow(t.Context(), r, w)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
