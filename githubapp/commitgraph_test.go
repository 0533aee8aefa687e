package githubapp

import (
	"fmt"
	"testing"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

// Which pull requests brought 60 commits is three questions, whatever way they were merged.
func TestPullsBringing(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.commit("feature/squashed", map[string]string{"s1": "1\n"})
	w.commit("feature/squashed", map[string]string{"s2": "1\n"})
	w.commit("feature/merged", map[string]string{"m": "1\n"})
	one := w.repo.SHA("feature/merged")
	w.commit("feature/open", map[string]string{"o": "1\n"})
	squashed, merged, open := w.pull("feature/squashed", "development"), w.pull("feature/merged", "development"), w.pull("feature/open", "development")
	w.boss("PUT", fmt.Sprintf("/repos/acme/shop/pulls/%d/merge", squashed), map[string]any{"merge_method": "squash"}, nil)
	squash := w.repo.SHA("development")
	w.boss("PUT", fmt.Sprintf("/repos/acme/shop/pulls/%d/merge", merged), map[string]any{"merge_method": "merge"}, nil)
	merge := w.repo.SHA("development")
	shas := []string{squash, merge, one, w.repo.SHA("feature/open"), w.master, "0000000000000000000000000000000000000001"}
	for i := range 54 {
		shas = append(shas, w.commit("development", map[string]string{"n.txt": fmt.Sprintln(i)}))
	}
	mark := len(w.s.Calls(fakegithub.CallFilter{}))
	got, err := w.gh.PullsBringing(w.ctx(), shas)
	w.must(err)
	equal(t, 59, len(got))
	pull := func(n int, head string, merged bool) []forge.PullRequest {
		return []forge.PullRequest{{
			Number: n, Title: "Bring " + head, Body: "It is good.", Merged: merged, Author: forge.User{Login: "ann"},
			Head: forge.Side{Branch: head}, Base: forge.Side{Branch: "development"},
		}}
	}
	equal(t, pull(squashed, "feature/squashed", true), got[squash])
	equal(t, pull(merged, "feature/merged", true), got[merge])
	equal(t, pull(merged, "feature/merged", true), got[one])
	equal(t, pull(open, "feature/open", false), got[shas[3]])
	equal(t, []forge.PullRequest{}, got[w.master])
	asked := 0
	for _, c := range w.s.Calls(fakegithub.CallFilter{})[mark:] {
		if c.Route == "/graphql" {
			asked++
		}
	}
	equal(t, 3, asked)
	_, err = w.app.Repo(w.install, w.repo.ID(), "acme", "other").PullsBringing(w.ctx(), shas[:1])
	w.fails(err, forge.ErrNotFound)
}

// A commit's authors are the accounts behind the addresses of its author and its co-authors, of whatever form GitHub knows.
func TestAuthors(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	message := "Work\n\nCo-authored-by: Bob <bob@example.com>\nCo-authored-by: Boss <boss@users.noreply.github.com>\nCo-authored-by: Nobody <nobody@example.org>"
	sha, err := w.s.As("ann").Commit(w.ctx(), "acme/shop", "feature/x", message, map[string]string{"x": "x\n"})
	w.must(err)
	got, err := w.gh.Authors(w.ctx(), []string{sha, w.master, "0000000000000000000000000000000000000001"})
	w.must(err)
	account := func(login string) forge.User { return forge.User{ID: w.s.AddUser(login).ID, Login: login} }
	equal(t, forge.Authors{Users: []forge.User{account("ann"), account("bob"), account("boss")}, Complete: true}, got[sha])
	if _, known := got["0000000000000000000000000000000000000001"]; known || len(got) != 2 {
		t.Errorf("there are authors of %d commits, want 2", len(got))
	}
	s := newScriptOf(t, Options{}, reply{status: 200, body: `{"data": {"repository": {"c0": {"oid": "` + sha + `", "authors": {"totalCount": 101, "nodes": [{"user": null}]}}}}}`})
	cut, err := s.repo.Authors(t.Context(), []string{sha})
	w.must(err)
	equal(t, forge.Authors{}, cut[sha])
}
