package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/pipeline"
)

func environments() table[Environment] {
	return table[Environment]{"environments", []string{"repo_id", "name"}, func(e *Environment) []column {
		return columns([]column{
			{"repo_id", &e.RepoID}, {"name", &e.Name}, {"version", &e.Version}, {"image", &e.Image}, {"digest", &e.Digest},
			{"sha", &e.SHA}, {"execution_id", &e.ExecutionID}, {"release_id", &e.ReleaseID},
			{"deployed_at", micros{&e.DeployedAt}}, {"hold", &e.Hold}, {"hold_at", micros{&e.HoldAt}},
			{"locked_by", &e.LockedBy}, {"fence", &e.Fence}, {"occupied_by", &e.OccupiedBy}, {"lent_by", words{&e.LentBy}},
			{"return_by", &e.ReturnBy}, {"updated_at", micros{&e.UpdatedAt}},
		}, user("hold_by", &e.HoldBy))
	}}
}

func deployments() table[Deployment] {
	return table[Deployment]{"deployments", []string{"id"}, func(d *Deployment) []column {
		return []column{
			{"id", &d.ID}, {"repo_id", &d.RepoID}, {"environment", &d.Environment}, {"version", &d.Version}, {"image", &d.Image},
			{"digest", &d.Digest}, {"sha", &d.SHA}, {"release_id", &d.ReleaseID}, {"execution_id", &d.ExecutionID},
			{"github_id", &d.GitHubID}, {"status", text[pipeline.Status]{&d.Status}}, {"started_at", micros{&d.StartedAt}},
			{"ended_at", micros{&d.EndedAt}},
		}
	}}
}

// Environment returns an environment. One that nothing is recorded of yet is the zero Environment with its names.
func (tx *Tx) Environment(ctx context.Context, repo int64, name string) (Environment, error) {
	e, err := environments().one(ctx, tx, "repo_id = ? AND name = ?", repo, name)
	if errors.Is(err, ErrNotFound) {
		return Environment{RepoID: repo, Name: name}, nil
	}
	return e, err
}

// Environments returns the environments that something is recorded of, by name.
func (tx *Tx) Environments(ctx context.Context, repo int64) ([]Environment, error) {
	return environments().list(ctx, tx, "repo_id = ? ORDER BY name", repo)
}

// SaveEnvironment writes everything but LockedBy and Fence, which only LockEnvironment and UnlockEnvironment change.
func (tx *Tx) SaveEnvironment(ctx context.Context, e Environment) error {
	known, err := tx.Environment(ctx, e.RepoID, e.Name)
	if err != nil {
		return err
	}
	e.LockedBy, e.Fence = known.LockedBy, known.Fence
	return environments().put(ctx, tx, &e)
}

// LockEnvironment gives the environment to an execution. ok is false while another one has it. The fence is higher than
// any given before for this environment; an execution that has the lock already gets the fence it was given.
func (tx *Tx) LockEnvironment(ctx context.Context, repo int64, name, executionID string) (fence int64, ok bool, err error) {
	if executionID == "" {
		return 0, false, fmt.Errorf("lock environment %s: no execution named", name)
	}
	if _, err := environments().insert(ctx, tx, &Environment{RepoID: repo, Name: name, UpdatedAt: tx.store.now()}); err != nil {
		return 0, false, err
	}
	ok, err = tx.scalar(ctx, []any{&fence}, `UPDATE environments SET fence = fence + CASE WHEN locked_by = ? THEN 0 ELSE 1 END, locked_by = ?
		WHERE repo_id = ? AND name = ? AND locked_by IN ('', ?) RETURNING fence`, executionID, executionID, repo, name, executionID)
	if err != nil {
		return 0, false, fmt.Errorf("lock environment %s: %w", name, err)
	}
	return fence, ok, nil
}

// UnlockEnvironment takes the lock back from an execution. If another one has it, or none, nothing changes.
func (tx *Tx) UnlockEnvironment(ctx context.Context, repo int64, name, executionID string) error {
	return tx.later(ctx, "unlock environment "+name, "UPDATE environments SET locked_by = '' WHERE repo_id = ? AND name = ? AND locked_by = ?",
		repo, name, executionID)
}

// SaveDeployment writes the deployment under its ID.
func (tx *Tx) SaveDeployment(ctx context.Context, d Deployment) error {
	return deployments().put(ctx, tx, &d)
}

// Deployment returns the deployment with the action execution ID.
func (tx *Tx) Deployment(ctx context.Context, id string) (Deployment, error) {
	return deployments().one(ctx, tx, "id = ?", id)
}

// Deployments returns the history of an environment, newest first, at most limit. An empty environment is any.
func (tx *Tx) Deployments(ctx context.Context, repo int64, environment string, limit int) ([]Deployment, error) {
	return deployments().list(ctx, tx, "repo_id = ? AND (environment = ? OR ? = '') ORDER BY started_at DESC, id DESC LIMIT ?",
		repo, environment, environment, limit)
}

// DeploymentsAfter returns the deployments to an environment that began after one of them, oldest first, at most limit. After the zero
// Deployment are all.
func (tx *Tx) DeploymentsAfter(ctx context.Context, repo int64, environment string, last Deployment, limit int) ([]Deployment, error) {
	at := toMicros(last.StartedAt)
	return deployments().list(ctx, tx, "repo_id = ? AND environment = ? AND (started_at > ? OR started_at = ? AND id > ?) ORDER BY started_at, id LIMIT ?",
		repo, environment, at, at, last.ID, limit)
}

// LastSucceeded returns the newest deployment to an environment that succeeded and did not begin after one of them. ErrNotFound: none did.
func (tx *Tx) LastSucceeded(ctx context.Context, last Deployment) (Deployment, error) {
	at := toMicros(last.StartedAt)
	return deployments().one(ctx, tx, "repo_id = ? AND environment = ? AND status = ? AND (started_at < ? OR started_at = ? AND id <= ?) ORDER BY started_at DESC, id DESC",
		last.RepoID, last.Environment, string(pipeline.Succeeded), at, at, last.ID)
}

// OpenDeployments returns the deployments of a repository that have not ended, oldest first.
func (tx *Tx) OpenDeployments(ctx context.Context, repo int64) ([]Deployment, error) {
	return deployments().list(ctx, tx, "repo_id = ? AND status = ? ORDER BY started_at, id", repo, string(pipeline.InProgress))
}
