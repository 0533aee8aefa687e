package githubapp

import (
	"errors"
	"testing"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

// A reaction to a review is ours once, and is told from other reactions; an edit is told with its time.
func TestReactToReview(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	w := newWorld(t, fakegithub.Options{Now: func() time.Time { return now }})
	w.commit("feature/x", map[string]string{"x.txt": "x\n"})
	number := w.pull("feature/x", "development")
	id, err := w.s.As("bob").Review(w.ctx(), "acme/shop", number, "COMMENT", "/status")
	w.must(err)
	all, err := w.gh.Reviews(w.ctx(), number)
	w.must(err)
	node := all[0].Node
	more := func() forge.ReviewMore {
		t.Helper()
		m, err := w.gh.ReviewMore(w.ctx(), node)
		w.must(err)
		return m
	}
	equal(t, forge.ReviewMore{}, more())
	for range 2 {
		w.must(w.gh.ReactToReview(w.ctx(), node, "eyes"))
	}
	equal(t, forge.ReviewMore{Reacted: []string{"eyes"}}, more())
	equal(t, 1, len(w.repo.Reactions()))
	if err := w.gh.ReactToReview(w.ctx(), node, "astonished"); err == nil {
		t.Error("GitHub has no such reaction")
	}
	if got := w.s.Violations(); len(got) != 1 {
		t.Errorf("held to GitHub's schema: %v", got)
	}
	w.s.ForgetViolations()
	now = now.Add(time.Minute)
	w.must(w.s.As("bob").EditReview(w.ctx(), "acme/shop", number, id, "never mind"))
	equal(t, forge.ReviewMore{Reacted: []string{"eyes"}, EditedAt: now}, more())
	_, gone := w.gh.ReviewMore(w.ctx(), "PRR_none")
	for _, err := range []error{w.gh.ReactToReview(w.ctx(), "PRR_none", "eyes"), gone} {
		if !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("of a review that is gone: %v", err)
		}
	}
}
