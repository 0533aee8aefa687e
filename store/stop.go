package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// StopKind says what a stop keeps from going on.
type StopKind string

// Kinds of stops.
const (
	StopHold       StopKind = "hold"       // of a pull request or release: it is not merged or promoted
	StopFreeze     StopKind = "freeze"     // of an environment or branch: nothing is deployed there, or merged into it
	StopLock       StopKind = "lock"       // of an environment: nobody but By deploys there
	StopTransition StopKind = "transition" // into a stage: executions wait before it
	StopAlarm      StopKind = "alarm"      // in an environment: no candidate is promoted past it
	StopSchedule   StopKind = "schedule"   // of a release: it is not promoted before Until, or, without, before it is asked for again
)

// StopTarget names what is stopped.
type StopTarget string

// StopEnvironment names an environment.
func StopEnvironment(name string) StopTarget { return StopTarget("environment:" + name) }

// StopBranch names a branch.
func StopBranch(name string) StopTarget { return StopTarget("branch:" + name) }

// StopPull names a pull request.
func StopPull(number int) StopTarget { return StopTarget(fmt.Sprintf("pull:%d", number)) }

// StopStage names a stage of the pipelines of a kind: those of one component of a monorepo, or, with an empty component, all.
func StopStage(component, pipeline, stage string) StopTarget {
	if component != "" {
		pipeline = component + "/" + pipeline
	}
	return StopTarget("stage:" + pipeline + "/" + stage)
}

// StopRelease names a release by its ID.
func StopRelease(id string) StopTarget { return StopTarget("release:" + id) }

// StopAlarmOf names an alarm in an environment by its name.
func StopAlarmOf(environment, name string) StopTarget {
	return StopTarget("alarm:" + environment + ":" + name)
}

// Alarm tells which alarm of which environment a target names; ok is false for anything else.
func (t StopTarget) Alarm() (environment, name string, ok bool) {
	rest, ok := strings.CutPrefix(string(t), "alarm:")
	if !ok {
		return "", "", false
	}
	environment, name, _ = strings.Cut(rest, ":")
	return environment, name, true
}

// Stop is something that somebody said is not to go on now. There is one of a kind for each target.
type Stop struct {
	RepoID int64
	Kind   StopKind
	Target StopTarget
	By     forge.User
	Reason string
	At     time.Time
	// Until is when it ends by itself; zero: when somebody lifts it.
	Until time.Time
	// SHA is the candidate that a schedule is for.
	SHA string
}

// Ended tells whether the stop has ended by itself.
func (s Stop) Ended(now time.Time) bool { return !s.Until.IsZero() && !now.Before(s.Until) }

func stops() table[Stop] {
	return table[Stop]{"stops", []string{"repo_id", "kind", "target"}, func(s *Stop) []column {
		return columns([]column{
			{"repo_id", &s.RepoID}, {"kind", text[StopKind]{&s.Kind}}, {"target", text[StopTarget]{&s.Target}}, {"reason", &s.Reason},
			{"set_at", micros{&s.At}}, {"ends_at", micros{&s.Until}}, {"sha", &s.SHA},
		}, user("set_by", &s.By))
	}}
}

// SaveStop writes a stop over the one of its kind and target, if there is one.
func (tx *Tx) SaveStop(ctx context.Context, s Stop) error { return stops().put(ctx, tx, &s) }

// Stops returns all stops of a repository, by kind and target, also those that have ended and were not lifted yet.
func (tx *Tx) Stops(ctx context.Context, repo int64) ([]Stop, error) {
	return stops().list(ctx, tx, "repo_id = ? ORDER BY kind, target", repo)
}

// LiftStop removes a stop. One that is not there is no error.
func (tx *Tx) LiftStop(ctx context.Context, repo int64, kind StopKind, target StopTarget) error {
	return tx.later(ctx, fmt.Sprintf("lift %s of %s", kind, target), "DELETE FROM stops WHERE repo_id = ? AND kind = ? AND target = ?",
		repo, string(kind), string(target))
}
