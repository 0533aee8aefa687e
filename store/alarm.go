package store

import (
	"context"
	"time"
)

// Alarm is how an alarm of a monitoring stands.
type Alarm struct {
	RepoID      int64
	Environment string
	Source      string // what names it at the monitoring, such as an ARN
	Name        string
	Raised      bool
	Reason      string
	ActionID    string    // the deployments that it ended, separated by blanks; empty: none
	ChangedAt   time.Time // by the monitoring's clock
}

func alarms() table[Alarm] {
	return table[Alarm]{"alarms", []string{"repo_id", "environment", "source"}, func(a *Alarm) []column {
		return []column{
			{"repo_id", &a.RepoID}, {"environment", &a.Environment}, {"source", &a.Source}, {"name", &a.Name}, {"raised", &a.Raised},
			{"reason", &a.Reason}, {"action_id", &a.ActionID}, {"changed_at", micros{&a.ChangedAt}},
		}
	}}
}

// Alarm returns how an alarm stands in an environment.
func (tx *Tx) Alarm(ctx context.Context, repo int64, environment, source string) (Alarm, error) {
	return alarms().one(ctx, tx, "repo_id = ? AND environment = ? AND source = ?", repo, environment, source)
}

// RaisedAlarms returns the alarms of a repository that stand, by environment and name.
func (tx *Tx) RaisedAlarms(ctx context.Context, repo int64) ([]Alarm, error) {
	return alarms().list(ctx, tx, "repo_id = ? AND raised ORDER BY environment, name, source", repo)
}

// SaveAlarm writes how an alarm stands.
func (tx *Tx) SaveAlarm(ctx context.Context, a Alarm) error { return alarms().put(ctx, tx, &a) }
