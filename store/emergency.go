package store

import "context"

func emergencies() table[Emergency] {
	return table[Emergency]{"emergencies", []string{"id"}, func(e *Emergency) []column {
		return columns([]column{
			{"id", &e.ID}, {"repo_id", &e.RepoID}, {"release_id", &e.ReleaseID}, {"execution_id", &e.ExecutionID},
			{"environment", &e.Environment}, {"version", &e.Version}, {"sha", &e.SHA}, {"digest", &e.Digest}, {"reason", &e.Reason},
			{"skipped", &e.Skipped}, {"at", micros{&e.At}}, {"reminders", &e.Reminders}, {"remind_at", micros{&e.RemindAt}},
			{"reviewed_at", micros{&e.ReviewedAt}}, {"review", &e.Review}, {"agreed", &e.Agreed},
		}, user("asked", &e.Asked), user("second", &e.Second), user("reviewer", &e.Reviewer))
	}}
}

// SaveEmergency writes the promotion by the emergency path under its ID.
func (tx *Tx) SaveEmergency(ctx context.Context, e Emergency) error {
	return emergencies().put(ctx, tx, &e)
}

// Emergency returns the promotion by the emergency path with the ID.
func (tx *Tx) Emergency(ctx context.Context, id string) (Emergency, error) {
	return emergencies().one(ctx, tx, "id = ?", id)
}

// EmergencyByRelease returns the newest promotion of a release by the emergency path.
func (tx *Tx) EmergencyByRelease(ctx context.Context, releaseID string) (Emergency, error) {
	return emergencies().one(ctx, tx, "release_id = ? ORDER BY at DESC, id DESC", releaseID)
}

// OwedReviews returns the promotions by the emergency path that nobody has reviewed yet, oldest first.
func (tx *Tx) OwedReviews(ctx context.Context, repo int64) ([]Emergency, error) {
	return emergencies().list(ctx, tx, "repo_id = ? AND reviewed_at = 0 ORDER BY at, id", repo)
}
