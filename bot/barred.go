package bot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/calendar"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// barrier is what keeps an execution from deploying to an environment now.
type barrier struct {
	// why is one line for people; empty: nothing does.
	why string
	// until is when it ends by itself; zero: when somebody lifts it.
	until time.Time
	// passed are barriers that the configuration lets the execution through: they go into the record.
	passed []string
}

// barred tells what keeps an execution from deploying to an environment: somebody's lock, a freeze, a closed window. What
// has begun there is completed, and going back is possible at any time but against a lock.
func (s *session) barred(ctx context.Context, tx *store.Tx, x *store.Execution, environment string) (barrier, error) {
	begun, err := s.deploysAlready(ctx, tx, x, environment)
	if err != nil || begun {
		return barrier{}, err
	}
	list, err := s.stops(ctx, tx)
	if err != nil {
		return barrier{}, err
	}
	if l := list.lockOn(environment, x.StartedBy.ID); l != nil && !isPutBack(x) {
		return barrier{why: environment + " is locked " + s.byWhom(l), until: l.Until}, nil
	}
	if isRollback(x) {
		return barrier{}, nil
	}
	hotfix, err := s.isHotfix(ctx, tx, x)
	if err != nil {
		return barrier{}, err
	}
	emergency, err := s.inEmergency(ctx, tx, x)
	if err != nil || emergency {
		return barrier{}, err
	}
	var b barrier
	env := s.cfg.Environment(environment)
	if f := list.findOn(store.StopFreeze, environment); f != nil {
		if !hotfix || !env.Freeze.Hotfix {
			return barrier{why: environment + " is frozen " + s.byWhom(f), until: f.Until}, nil
		}
		b.passed = append(b.passed, "frozen "+s.byWhom(f))
	}
	if closed := env.Windows.Closed(s.b.Now()); closed != "" {
		if !hotfix || !env.Windows.Hotfix {
			why, opens := s.closed(environment)
			return barrier{why: why, until: opens}, nil
		}
		b.passed = append(b.passed, "the windows are closed, "+closed)
	}
	return b, nil
}

// closed says that an environment's windows are closed, and when they open.
func (s *session) closed(environment string) (why string, opens time.Time) {
	w := s.cfg.Environment(environment).Windows
	why = fmt.Sprintf("the windows of %s are closed, %s", environment, w.Closed(s.b.Now()))
	opens, ok := w.Opening(s.b.Now())
	if !ok {
		return why + ", and do not open within two years", time.Time{}
	}
	return why + "; they open " + calendar.Format(opens, w.Zone), opens
}

// deploysAlready tells whether an execution has deployed to an environment before: the next part of the same follows.
func (s *session) deploysAlready(ctx context.Context, tx *store.Tx, x *store.Execution, environment string) (bool, error) {
	history, err := tx.Deployments(ctx, s.repo.ID, s.env(environment), 50)
	for _, d := range history {
		if d.ExecutionID == x.ID && d.Status == pipeline.Succeeded && !d.StartedAt.Before(x.State.RetriedAt) {
			return true, err
		}
	}
	return false, err
}

// isHotfix tells whether an execution deploys a hotfix, to whatever environment.
func (s *session) isHotfix(ctx context.Context, tx *store.Tx, x *store.Execution) (bool, error) {
	if x.ReleaseID == "" {
		return false, nil
	}
	r, err := tx.Release(ctx, x.ReleaseID)
	return r.Kind == string(gitflow.KindHotfix), ignoreMissing(err)
}

// inEmergency tells whether an execution deploys what two people sent to production by the emergency path.
func (s *session) inEmergency(ctx context.Context, tx *store.Tx, x *store.Execution) (bool, error) {
	if x.ReleaseID == "" || x.Kind != pipeline.KindProduction {
		return false, nil
	}
	e, err := tx.EmergencyByRelease(ctx, x.ReleaseID)
	return err == nil && e.SHA == x.SHA && e.Digest == x.State.Digest(), ignoreMissing(err)
}

// isPutBack tells whether an execution undoes a deployment that failed: who was let in is let out.
func isPutBack(x *store.Execution) bool { return strings.HasPrefix(x.Origin, "rollback after ") }

// waits tells the engine why an action cannot enter its environment; nil when it knows.
func (s *session) waits(x *store.Execution, id, why string) pipeline.Fact {
	if _, a, ok := x.State.Action(id); ok && a.ID == id && a.WaitsFor == why {
		return nil
	}
	return pipeline.ActionWaits{At: s.b.Now(), ID: id, For: why}
}

// recordPassed writes into the audit log which barriers the configuration let an execution through.
func (s *session) recordPassed(ctx context.Context, tx *store.Tx, x *store.Execution, environment string, passed []string) error {
	for _, p := range passed {
		evidence := map[string]any{"execution": x.ID, "sha": x.SHA, "version": x.Version}
		if err := s.auditIn(ctx, tx, forge.User{}, "hotfix.passed", environment, p, evidence); err != nil {
			return err
		}
	}
	return nil
}
