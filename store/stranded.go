package store

import (
	"context"
	"errors"

	"github.com/sluicehq/sluice/pipeline"
)

// Stranded is an environment into which something was to be put back, and was not: a rollback failed, or a candidate that had
// given way did not come back. Both are tried again by people only.
type Stranded struct {
	Environment Environment
	Execution   Execution // what was to put it back; it has failed or was stopped
	// Release is the one whose candidate it is; the zero Release for a rollback.
	Release Release
}

// Stranded returns the environments of a repository into which something is still to be put back, by name. A candidate that
// has changed since, was decided about, or gave way once more is not put back any more.
func (tx *Tx) Stranded(ctx context.Context, repo int64) ([]Stranded, error) {
	all, err := environments().list(ctx, tx, "repo_id = ? AND return_by <> '' ORDER BY name", repo)
	if err != nil {
		return nil, err
	}
	var out []Stranded
	for _, env := range all {
		x, err := tx.Execution(ctx, env.ReturnBy)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if x.Status != pipeline.Failed && x.Status != pipeline.Stopped {
			continue
		}
		one := Stranded{Environment: env, Execution: x}
		if x.ReleaseID != "" {
			one.Release, err = tx.Release(ctx, x.ReleaseID)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return nil, err
			}
			if env.OccupiedBy != x.ReleaseID || one.Release.Status != ReleaseOpen || one.Release.SHA != x.SHA {
				continue
			}
		}
		out = append(out, one)
	}
	return out, nil
}
