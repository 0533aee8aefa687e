package store

import (
	"context"
	"time"
)

// KeepTestTotals is how long totals of tests are kept, for their trend.
const KeepTestTotals = 365 * 24 * time.Hour

// TestTotals is what the tests or the coverage of one group of a build's reports came to.
type TestTotals struct {
	ActionID string // the action execution that made them
	Name     string // of the group; with ActionID it is unique
	RepoID   int64
	// ExecutionID, Branch and SHA are what was tested.
	ExecutionID, Branch, SHA string
	Format                   string // as in a buildspec
	// Failed are tests whose expectation was not met, Errored those that could not be carried out.
	Tests, Passed, Failed, Errored, Skipped int64
	Duration                                time.Duration
	// Covered of Lines were run and Branched of Branches taken, in Files.
	Files, Lines, Covered, Branches, Branched int64
	At                                        time.Time
}

func testTotals() table[TestTotals] {
	return table[TestTotals]{"test_totals", []string{"action_id", "name"}, func(r *TestTotals) []column {
		return []column{
			{"action_id", &r.ActionID}, {"name", &r.Name}, {"repo_id", &r.RepoID}, {"execution_id", &r.ExecutionID}, {"branch", &r.Branch},
			{"sha", &r.SHA}, {"format", &r.Format}, {"tests", &r.Tests}, {"passed", &r.Passed}, {"failed", &r.Failed},
			{"errored", &r.Errored}, {"skipped", &r.Skipped}, {"duration", (*int64)(&r.Duration)}, {"files", &r.Files}, {"lines", &r.Lines},
			{"covered", &r.Covered}, {"branches", &r.Branches}, {"branched", &r.Branched}, {"at", micros{&r.At}},
		}
	}}
}

// SaveTestTotals writes the totals under their action and group.
func (tx *Tx) SaveTestTotals(ctx context.Context, r TestTotals) error {
	return testTotals().put(ctx, tx, &r)
}

// TestTrend returns the last totals of a branch, newest first, limit at most, over all of its groups.
func (tx *Tx) TestTrend(ctx context.Context, repo int64, branch string, limit int) ([]TestTotals, error) {
	return testTotals().list(ctx, tx, "repo_id = ? AND branch = ? ORDER BY at DESC, action_id, name LIMIT ?", repo, branch, limit)
}
