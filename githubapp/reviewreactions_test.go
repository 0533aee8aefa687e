package githubapp

import (
	"errors"
	"testing"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

// A reaction to a review is ours once, and is told from other people's and from other reactions.
func TestReactToReview(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.commit("feature/x", map[string]string{"x.txt": "x\n"})
	number := w.pull("feature/x", "development")
	_, err := w.s.As("bob").Review(w.ctx(), "acme/shop", number, "COMMENT", "/status")
	w.must(err)
	var all []struct {
		Node string `json:"node_id"`
	}
	_, err = w.gh.call(w.ctx(), "GET", w.gh.path("pulls", itoa(int64(number)), "reviews"), nil, &all)
	w.must(err)
	node := all[0].Node
	reacted := func(reaction string, want bool) {
		t.Helper()
		got, err := w.gh.ReactedToReview(w.ctx(), node, reaction)
		w.must(err)
		equal(t, want, got)
	}
	reacted("eyes", false)
	for range 2 {
		w.must(w.gh.ReactToReview(w.ctx(), node, "eyes"))
	}
	reacted("eyes", true)
	reacted("rocket", false)
	equal(t, 1, len(w.repo.Reactions()))
	if err := w.gh.ReactToReview(w.ctx(), node, "astonished"); err == nil {
		t.Error("GitHub has no such reaction")
	}
	_, gone := w.gh.ReactedToReview(w.ctx(), "PRR_none", "eyes")
	for _, err := range []error{w.gh.ReactToReview(w.ctx(), "PRR_none", "eyes"), gone} {
		if !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("of a review that is gone: %v", err)
		}
	}
}
