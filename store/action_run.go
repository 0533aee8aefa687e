package store

import "context"

func actionRuns() table[ActionRun] {
	return table[ActionRun]{"action_runs", []string{"id"}, func(r *ActionRun) []column {
		return []column{
			{"id", &r.ID}, {"execution_id", &r.ExecutionID}, {"repo_id", &r.RepoID}, {"request", blob{&r.Request}},
			{"intended", &r.Intended}, {"handle", &r.Handle}, {"report", blob{&r.Report}}, {"final", &r.Final},
			{"stop", &r.Stop}, {"tried_at", micros{&r.TriedAt}}, {"started_at", micros{&r.StartedAt}}, {"updated_at", micros{&r.UpdatedAt}},
		}
	}}
}

// ActionRun returns the action run with the action execution ID. The lane and the action's job both change it, so a
// transaction that writes has it to itself from here on.
func (tx *Tx) ActionRun(ctx context.Context, id string) (ActionRun, error) {
	return actionRuns().lock(ctx, tx, "id = ?", id)
}

// ActionRuns returns the action runs of an execution, in the order they were started.
func (tx *Tx) ActionRuns(ctx context.Context, executionID string) ([]ActionRun, error) {
	return actionRuns().list(ctx, tx, "execution_id = ? ORDER BY started_at, id", executionID)
}

// ActionRunsAt returns the action runs of all executions of a commit, in the order they were started.
func (tx *Tx) ActionRunsAt(ctx context.Context, repo int64, sha string) ([]ActionRun, error) {
	return actionRuns().list(ctx, tx, "execution_id IN (SELECT id FROM executions WHERE repo_id = ? AND sha = ?) ORDER BY started_at, id", repo, sha)
}

// OpenActionRuns returns those of a repository that are not final, oldest first.
func (tx *Tx) OpenActionRuns(ctx context.Context, repo int64) ([]ActionRun, error) {
	return actionRuns().list(ctx, tx, "repo_id = ? AND final = ? ORDER BY started_at, id", repo, false)
}

// WaitingActionRuns returns those of a repository that are neither begun nor final, oldest first.
func (tx *Tx) WaitingActionRuns(ctx context.Context, repo int64) ([]ActionRun, error) {
	return actionRuns().list(ctx, tx, "repo_id = ? AND final = ? AND intended = ? ORDER BY started_at, id", repo, false, false)
}

// SaveActionRun writes the action run under its ID.
func (tx *Tx) SaveActionRun(ctx context.Context, r ActionRun) error {
	return actionRuns().put(ctx, tx, &r)
}
