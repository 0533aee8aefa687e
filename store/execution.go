package store

import (
	"context"
	"database/sql/driver"
	"fmt"

	"github.com/sluicehq/sluice/pipeline"
)

func executions() table[Execution] {
	return table[Execution]{"executions", []string{"id"}, func(e *Execution) []column {
		return columns([]column{
			{"id", &e.ID}, {"repo_id", &e.RepoID}, {"kind", &e.Kind}, {"component", &e.Component}, {"branch", &e.Branch}, {"sha", &e.SHA},
			{"release_id", &e.ReleaseID}, {"pull", &e.Pull}, {"status", text[pipeline.Status]{&e.Status}},
			{"state", document{&e.State}}, {"config_sha", &e.ConfigSHA}, {"organization_sha", &e.OrganizationSHA}, {"config_hash", &e.ConfigHash}, {"version", &e.Version},
			{"image", &e.Image}, {"digest", &e.Digest}, {"origin", &e.Origin}, {"commit_time", micros{&e.CommitTime}}, {"rev", &e.Rev}, {"created_at", micros{&e.CreatedAt}},
			{"updated_at", micros{&e.UpdatedAt}}, {"ended_at", micros{&e.EndedAt}}, {"awaits_approval", awaits{&e.State}},
		}, user("started_by", &e.StartedBy))
	}}
}

// awaits is a column that follows from the state: whether an approval is open.
type awaits struct{ state *pipeline.State }

// Value implements driver.Valuer.
func (a awaits) Value() (driver.Value, error) {
	_, _, open := a.state.OpenApproval()
	return open, nil
}

// Scan implements sql.Scanner: the state says it.
func (awaits) Scan(any) error { return nil }

// CreateExecution adds an execution, with Rev 1. One with this ID already there is ErrConflict.
func (tx *Tx) CreateExecution(ctx context.Context, e *Execution) error {
	created := *e
	created.Rev = 1
	added, err := executions().insert(ctx, tx, &created)
	if err != nil {
		return err
	}
	if !added {
		return fmt.Errorf("execution %s: %w", e.ID, ErrConflict)
	}
	*e = created
	return nil
}

// SaveExecution overwrites the execution if its Rev is still the stored one, and counts it up, in e too. Else ErrStale.
func (tx *Tx) SaveExecution(ctx context.Context, e *Execution) error {
	saved := *e
	saved.Rev++
	n, err := executions().update(ctx, tx, &saved, "id = ? AND rev = ?", e.ID, e.Rev)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("execution %s at revision %d: %w", e.ID, e.Rev, ErrStale)
	}
	*e = saved
	return nil
}

// Execution returns the execution with the ID.
func (tx *Tx) Execution(ctx context.Context, id string) (Execution, error) {
	return executions().one(ctx, tx, "id = ?", id)
}

// ExecutionsAt returns the executions of a commit, oldest first.
func (tx *Tx) ExecutionsAt(ctx context.Context, repo int64, sha string) ([]Execution, error) {
	return executions().list(ctx, tx, "repo_id = ? AND sha = ? ORDER BY created_at, id", repo, sha)
}

// ActiveExecutions returns those that have not ended (EndedAt is zero), oldest first.
func (tx *Tx) ActiveExecutions(ctx context.Context, repo int64) ([]Execution, error) {
	return executions().list(ctx, tx, "repo_id = ? AND ended_at = 0 ORDER BY created_at, id", repo)
}

// ApprovalsOpen returns those that have not ended and of which an approval may be open, oldest first: all with one, and few
// others.
func (tx *Tx) ApprovalsOpen(ctx context.Context, repo int64) ([]Execution, error) {
	return executions().list(ctx, tx, "repo_id = ? AND ended_at = 0 AND awaits_approval ORDER BY created_at, id", repo)
}

// ExecutionsFor returns the executions of a kind and branch, newest first, at most limit. An empty branch is any.
func (tx *Tx) ExecutionsFor(ctx context.Context, repo int64, kind, branch string, limit int) ([]Execution, error) {
	return executions().list(ctx, tx, "repo_id = ? AND kind = ? AND (branch = ? OR ? = '') ORDER BY created_at DESC, id DESC LIMIT ?",
		repo, kind, branch, branch, limit)
}

// ExecutionsByRelease returns all executions of a release, oldest first.
func (tx *Tx) ExecutionsByRelease(ctx context.Context, releaseID string) ([]Execution, error) {
	return executions().list(ctx, tx, "release_id = ? ORDER BY created_at, id", releaseID)
}

// RecentExecutions returns the newest executions of all repositories, newest first, at most limit.
func (tx *Tx) RecentExecutions(ctx context.Context, limit int) ([]Execution, error) {
	return executions().list(ctx, tx, "rev > 0 ORDER BY created_at DESC, id DESC LIMIT ?", limit)
}
