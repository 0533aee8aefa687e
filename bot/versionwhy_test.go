package bot

import (
	"fmt"
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

// Before the first release a build has the version that a release at its head would get, and reads all commits only where what it
// brings may ask for another one.
func TestBuildsBeforeTheFirstRelease(t *testing.T) {
	sha := func(n int) string { return fmt.Sprintf("%040d", n) }
	plain := forge.Commit{SHA: "p", Message: "feat: more"}
	asks := forge.Commit{SHA: "a", Message: "chore: grown up\n\nRelease-As: 1.0.0"}
	l := newLab(t, "version: 1\ncomponents: [{ name: api, paths: [\"api/**\"] }, { name: web, paths: [\"web/**\"] }]\n")
	l.gh.Commits = map[string][]forge.Commit{
		sha(1): {plain}, sha(2): {plain, plain}, sha(3): {plain}, sha(4): {plain}, sha(5): {plain, asks}, sha(6): {plain, asks, plain}, sha(7): {plain},
	}
	l.gh.Comparisons = map[string]forge.Comparison{
		sha(1) + "..." + sha(2): {AheadBy: 1, Commits: []forge.Commit{plain}},
		sha(2) + "..." + sha(3): {AheadBy: 1, BehindBy: 1, Commits: []forge.Commit{plain}},
		sha(3) + "..." + sha(4): {AheadBy: 3000, Truncated: true, Commits: []forge.Commit{plain}},
		sha(4) + "..." + sha(5): {AheadBy: 1, Commits: []forge.Commit{asks}},
		sha(4) + "..." + sha(6): {AheadBy: 2, Commits: []forge.Commit{asks, plain}},
	}
	l.gh.Touching = map[string][]string{"api": {"p", "a"}, "web": {"p"}}
	for _, step := range []struct {
		what, head, want string
		reads            int
	}{
		{"the first build", sha(1), "0.1.0", 1},
		{"another one of it", sha(1), "0.1.0", 0},
		{"a commit more", sha(2), "0.1.0", 0},
		{"a head that lacks one", sha(3), "0.1.0", 1},
		{"more than is listed", sha(4), "0.1.0", 1},
		{"a trailer", sha(5), "1.0.0", 1},
		{"behind a trailer", sha(6), "1.0.0", 1},
		{"what was noted is unknown", sha(7), "0.1.0", 1},
		{"a head that is gone", sha(8), "0.1.0", 4},
	} {
		was, session := l.gh.Histories, newSession(l)
		for component, want := range map[string]string{"api": step.want, "web": "0.1.0"} { // the trailer is the api's
			got, err := session.in(component).snapshotVersion(t.Context(), "", step.head)
			must(t, err)
			if got.String() != want {
				t.Errorf("%s, %s: %s, want %s", step.what, component, got, want)
			}
		}
		if l.gh.Histories-was != step.reads {
			t.Errorf("%s: all commits were read %d times, want %d", step.what, l.gh.Histories-was, step.reads)
		}
		for component, want := range map[string]string{"api": step.want, "web": "0.1.0"} {
			got, err := session.in(component).nextVersion(t.Context(), "", step.head, nil)
			must(t, err)
			if got.Version.String() != want {
				t.Errorf("%s, %s: a release would be %s, want %s", step.what, component, got.Version, want)
			}
		}
	}
}

// Where a component's commits could not be told from others since its release was cut, that is said.
func TestWhatOthersBroughtIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		touching map[string][]string
		warnings int
	}{
		"told apart":    {map[string][]string{"api": {"a"}}, 0},
		"not looked at": {nil, 1},
	} {
		l := newLab(t, "version: 1\ncomponents: [{ name: api, paths: [\"api/**\"] }]\n")
		l.gh.Touching = c.touching
		l.gh.Comparisons = map[string]forge.Comparison{cut + "..." + head: {AheadBy: 1, Commits: []forge.Commit{{SHA: "a", Message: "fix: it"}}}}
		why, err := l.in("api").sinceStart(t.Context(), &store.Release{Kind: pipeline.KindRelease, Component: "api", Version: "1.4.0", CutSHA: cut, HeadSHA: head})
		must(t, err)
		if got := why.Warnings(); len(got) != c.warnings || c.warnings == 1 && got[0].Text != othersCount {
			t.Errorf("%s: %s", name, why.Text())
		}
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
