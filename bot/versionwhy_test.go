package bot

import (
	"testing"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// Before the first release all of the history counts, and where it is too long, that is said.
func TestVersionOfTheFirstRelease(t *testing.T) {
	asks := forge.Commit{SHA: "c1", Message: "chore: grown up\n\nRelease-As: 1.0.0"}
	for name, c := range map[string]struct {
		commits  []forge.Commit
		want     string
		warnings int
	}{
		"nobody asks":                    {[]forge.Commit{{SHA: "c1", Message: "feat: begin"}}, "0.1.0", 0},
		"a trailer asks":                 {[]forge.Commit{asks, {SHA: "c2", Message: "feat: more"}}, "1.0.0", 0},
		"more commits than are read":     {make([]forge.Commit, 100*commitPages+1), "0.1.0", 1},
		"a trailer among the newest":     {append(make([]forge.Commit, 100*commitPages), asks), "1.0.0", 1},
		"a commit that is gone":          {nil, "0.1.0", 1},
		"a trailer before what was read": {append([]forge.Commit{asks}, make([]forge.Commit, 100*commitPages)...), "0.1.0", 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			l.gh.Commits = map[string][]forge.Commit{}
			if c.commits != nil {
				l.gh.Commits[head] = c.commits
			}
			got, err := newSession(l).nextVersion(t.Context(), "", head, nil)
			must(t, err)
			if got.Version.String() != c.want || len(got.Explanation.Warnings()) != c.warnings {
				t.Errorf("it is %s with %d warnings, want %s with %d:\n%s", got.Version, len(got.Explanation.Warnings()), c.want, c.warnings, got.Explanation.Text())
			}
		})
	}
}

// A hotfix of a component is overtaken by what production runs of that component, and by nothing else.
func TestCase04AComponentsHotfixIsNumberedAnew(t *testing.T) {
	for name, c := range map[string]struct{ runs, want string }{
		"of its own component": {"api/production", "1.4.3"},
		"of another one":       {"web/production", "1.4.1"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "version: 1\nversioning: { hotfix: patch }\ncomponents: [{ name: api, paths: [\"api/**\"] }, { name: web, paths: [\"web/**\"] }]\n")
			l.gh.Comparisons = map[string]forge.Comparison{head + "..." + cut: {BehindBy: 1}} // the branch has what production runs
			r := &store.Release{
				ID: "h1", RepoID: 42, Kind: pipeline.KindHotfix, Component: "api", Version: "1.4.1", HotfixID: "17", Branch: "hotfix/api/17",
				CutSHA: cut, HeadSHA: head, Status: store.ReleaseOpen, StartedBy: person(1, "boss"), StartedAt: noon,
			}
			l.write(func(tx *store.Tx) error {
				if err := tx.SaveRelease(t.Context(), *r); err != nil {
					return err
				}
				v, err := tagging.ParseVersion("1.4.2")
				if err != nil {
					return err
				}
				if _, err := tx.SaveTag(t.Context(), store.Tag{RepoID: 42, Name: l.in("api").cfg.Versioning.Tag.Print(v), SHA: cut, SeenAt: noon}); err != nil {
					return err
				}
				return tx.SaveEnvironment(t.Context(), store.Environment{RepoID: 42, Name: c.runs, Version: "1.4.2", SHA: cut, Digest: digest})
			})
			must(t, l.in("api").renumber(t.Context(), r, head))
			kept, err := l.release(t.Context(), r.ID)
			must(t, err)
			if r.Version != c.want || kept.Version != c.want {
				t.Errorf("it is %s, kept as %s; want %s", r.Version, kept.Version, c.want)
			}
		})
	}
}
