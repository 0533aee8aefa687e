package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/store"
)

func testTotals(t *testing.T, s suite) {
	now := s.clock.now
	first := store.TestTotals{
		ActionID: "a1", Name: "unit", RepoID: 1, ExecutionID: "x1", Branch: "develop", SHA: "s1", Format: "JUNITXML",
		Tests: 10, Passed: 6, Failed: 2, Errored: 1, Skipped: 1, Duration: 1500 * time.Millisecond, At: now.Add(-store.KeepTestTotals),
	}
	coverage := store.TestTotals{
		ActionID: "a2", Name: "cover", RepoID: 1, ExecutionID: "x2", Branch: "develop", SHA: "s2", Format: "CLOVERXML",
		Files: 3, Lines: 200, Covered: 150, Branches: 20, Branched: 11, At: now,
	}
	second, elsewhere, other := first, first, first
	second.ActionID, second.At = "a2", now
	elsewhere.ActionID, elsewhere.Branch = "a3", "main"
	other.ActionID, other.RepoID = "a4", 2
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		wrong := second
		wrong.Tests = 1 // written again below, under the same action and group
		for _, r := range []store.TestTotals{first, coverage, wrong, second, elsewhere, other} {
			if err := tx.SaveTestTotals(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	trend := func(repo int64, limit int) (found []store.TestTotals) {
		s.read(t, func(ctx context.Context, tx *store.Tx) (err error) {
			found, err = tx.TestTrend(ctx, repo, "develop", limit)
			return err
		})
		return found
	}
	if diff := cmp.Diff([]store.TestTotals{coverage, second, first}, trend(1, 10)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff([]store.TestTotals{coverage, second}, trend(1, 2)); diff != "" {
		t.Errorf("the last two: -want +got\n%s", diff)
	}
	s.clock.now = now.Add(time.Second)
	if n, err := s.Prune(t.Context(), now); err != nil || n != 0 {
		t.Errorf("pruned %d deliveries, %v", n, err)
	}
	if diff := cmp.Diff([]store.TestTotals{coverage, second}, trend(1, 10)); diff != "" {
		t.Errorf("after a year: -want +got\n%s", diff)
	}
	s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteRepo(ctx, 1) })
	if got := trend(1, 10); len(got) != 0 {
		t.Errorf("of a repository that is deleted: %+v", got)
	}
}
