package bot

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// Who merely opens a pull request at a commit says nothing about whose branch was merged there.
func TestOnlyMergedPullsNameMergedBranches(t *testing.T) {
	l := newLab(t, "")
	for _, p := range []store.Pull{
		{Number: 4, HeadBranch: "hotfix/17", HeadRepoID: 42, BaseBranch: "development", Merged: true},
		{Number: 5, HeadBranch: "feature/open", HeadRepoID: 42, BaseBranch: "development", Open: true},
		{Number: 6, HeadBranch: "feature/closed", HeadRepoID: 43, BaseBranch: "development"},
		{Number: 7, HeadBranch: "feature/elsewhere", HeadRepoID: 42, BaseBranch: "feature/x", Merged: true},
		{Number: 8, HeadBranch: "patch", HeadRepoID: 43, BaseBranch: "development", Merged: true},
	} {
		p.RepoID, p.HeadSHA = 42, "h1"
		l.write(func(tx *store.Tx) error { return tx.SavePull(t.Context(), p) })
	}
	got, err := newSession(l).mergedBranches(t.Context(), []string{"h1", "h2"})
	if err != nil {
		t.Fatal(err)
	}
	want := []gitflow.MergedBranch{{SHA: "h1", Branch: "hotfix/17", Number: 4}, {SHA: "h1", Branch: "patch", Number: 8, Fork: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("merged branches (-want +got):\n%s", diff)
	}
}
