package githubapp

import (
	"errors"
	"testing"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

// A queue lists its groups with the commits that checks are wanted on; where there is none, nothing is listed.
func TestQueueEntries(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	got, err := w.gh.QueueEntries(w.ctx(), "development")
	w.must(err)
	equal(t, []forge.QueueEntry(nil), got)

	w.commit("feature/x", map[string]string{"x.txt": "x\n"})
	n := w.pull("feature/x", "development")
	sha, err := w.repo.Enqueue(n)
	w.must(err)
	got, err = w.gh.QueueEntries(w.ctx(), "development")
	w.must(err)
	equal(t, []forge.QueueEntry{{Pull: n, HeadSHA: sha, BaseSHA: w.dev}}, got)
	got, err = w.gh.QueueEntries(w.ctx(), "master")
	w.must(err)
	equal(t, []forge.QueueEntry(nil), got)

	w.must(w.s.SetInstallation(w.install, map[string]string{"metadata": "read", "contents": "write", "pull_requests": "write"}, nil))
	w.app = w.newApp(Options{})
	_, err = w.app.Repo(w.install, w.repo.ID(), "acme", "shop").QueueEntries(w.ctx(), "development")
	var refused *forge.RefusedError
	if !errors.As(err, &refused) || !refused.Permission {
		t.Errorf("without the permission: %v", err)
	}
}
