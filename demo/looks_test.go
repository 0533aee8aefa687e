package demo

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// records stands in for what Sluice has written down.
type records struct {
	Server
	releases     []Release
	environments map[string]Environment
}

func (r *records) Releases(context.Context, string, string) ([]Release, error) {
	return r.releases, nil
}

func (r *records) Environments(context.Context, string, string) (map[string]Environment, error) {
	return r.environments, nil
}

// waiting is a context for what is to come true, and for what is not one that ends long before the story's patience does.
func waiting(t *testing.T, comesTrue bool) context.Context {
	t.Helper()
	within := patience
	if !comesTrue {
		within = 3 * pollEvery
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	t.Cleanup(cancel)
	return ctx
}

// lookingAt is a world of a stand-in GitHub with one commit, and of records.
func lookingAt(t *testing.T, r *records) (w *world, sha string) {
	t.Helper()
	w = &world{dir: t.TempDir(), ports: map[string]string{}, server: r}
	if err := w.startRegistries(); err != nil {
		t.Fatal(err)
	}
	if err := w.startGitHub(nil); err != nil {
		t.Fatal(err)
	}
	w.server = r
	t.Cleanup(func() {
		for i := len(w.closers) - 1; i >= 0; i-- {
			if err := w.closers[i](); err != nil {
				t.Error(err)
			}
		}
	})
	return w, w.repo.SHA("master")
}

// "GitHub release with notes" is told only of a page that is published and tells of the change.
func TestPublished(t *testing.T) {
	w, sha := lookingAt(t, &records{})
	for _, page := range []map[string]any{
		{"tag_name": "v2.0.0", "target_commitish": sha, "body": "- greet by name", "draft": true},
		{"tag_name": "v2.0.1", "target_commitish": sha, "body": ""},
		{"tag_name": "v2.0.2", "target_commitish": sha, "body": "- greet by name"},
	} {
		if err := w.hub.As(releaseManager).Do(t.Context(), http.MethodPost, "/repos/"+repoName+"/releases", page, nil); err != nil {
			t.Fatal(err)
		}
	}
	for tag, want := range map[string]string{
		"v2.0.0": "is a draft", "v2.0.1": "do not tell of", "v2.0.2": "", "v2.0.3": "there is no GitHub release",
	} {
		if got := published(w.repo, tag, "greet by name"); (want == "") != (got == nil) || got != nil && !strings.Contains(got.Error(), want) {
			t.Errorf("%s: %v, want %q", tag, got, want)
		}
	}
}

// "made room" is told only while the approval is asked for, staging owes the candidate its place, and its digest is the one
// that was there.
func TestMadeRoom(t *testing.T) {
	lent := Release{ID: "r1", Version: "1.5.0", Status: "open", CandidateDigest: "sha256:1"}
	for name, c := range map[string]struct {
		conclusion string
		now        Release
		lentBy     []string
		want       string
	}{
		"it did":               {"action_required", lent, []string{"r1"}, ""},
		"nobody is asked":      {"success", lent, []string{"r1"}, "sluice/promotion"},
		"staging owes nothing": {"action_required", lent, nil, "lent by 1.5.0"},
		"another digest":       {"action_required", Release{ID: "r1", Version: "1.5.0", Status: "open", CandidateDigest: "sha256:2"}, []string{"r1"}, "open with sha256:1"},
	} {
		t.Run(name, func(t *testing.T) {
			w, sha := lookingAt(t, &records{releases: []Release{c.now}, environments: map[string]Environment{"staging": {LentBy: c.lentBy}}})
			if _, err := w.repo.SetCheck(1, sha, "sluice/promotion", c.conclusion); err != nil {
				t.Fatal(err)
			}
			r := lent
			r.SHA = sha
			got := w.madeRoom(waiting(t, c.want == ""), r)
			if (c.want == "") != (got == nil) || got != nil && !strings.Contains(got.Error(), c.want) {
				t.Errorf("it ended with %v, want %q", got, c.want)
			}
		})
	}
}

// "held until /unpin" is told only of an environment that is held.
func TestHeld(t *testing.T) {
	good := Release{Version: "1.4.0", CandidateDigest: "sha256:1"}
	for hold, want := range map[string]bool{"": false, "rolled back": true} {
		w := &world{server: &records{environments: map[string]Environment{"production": {Version: "1.4.0", Digest: "sha256:1", Hold: hold}}}}
		if err := w.held(waiting(t, want), good); (err == nil) != want {
			t.Errorf("held by %q: %v", hold, err)
		}
	}
}

// "nothing was pushed or deployed" looks at the deployments.
func TestLeftNothing(t *testing.T) {
	w, sha := lookingAt(t, &records{})
	if err := w.leftNothing(t.Context(), sha); err != nil {
		t.Error(err)
	}
	order := map[string]any{"ref": sha, "environment": "development", "auto_merge": false, "required_contexts": []string{}}
	if err := w.hub.As(releaseManager).Do(t.Context(), http.MethodPost, "/repos/"+repoName+"/deployments", order, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.leftNothing(t.Context(), sha); err == nil || !strings.Contains(err.Error(), "was deployed to development") {
		t.Errorf("after a deployment: %v", err)
	}
}

// A pipeline that failed will not succeed: the story does not wait for it until its patience ends.
func TestCheckIsFinal(t *testing.T) {
	w, sha := lookingAt(t, &records{})
	if _, err := w.repo.SetCheck(1, sha, "sluice/pipeline", "failure"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience/2)
	defer cancel()
	if _, err := w.check(ctx, sha, "sluice/pipeline", "success"); err == nil || !strings.Contains(err.Error(), "it is completed failure") || ctx.Err() != nil {
		t.Errorf("it ended with %v, %v", err, ctx.Err())
	}
	if shown := (fakegithub.CheckRun{Name: "x", Summary: "a", Text: "b"}); shows(shown, "a", "b") != nil || shows(shown, "a", "c") == nil {
		t.Error("what a check shows is not looked at")
	}
}
