package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// returning is what is being put back into an environment, as far as a /cancel may be about it.
type returning struct {
	environment string // its name in records
	// executions are those that are under way; where something is to be abandoned those too that have ended and may hold the environment.
	executions []store.Execution
	// tells are the IDs of the releases on whose pull requests it is told, as tellsOf has them.
	tells []string
	// starter is who started the releases of all that is put back; zero: it is nobody's, or not all one person's.
	starter forge.User
}

// rollback tells whether an earlier version is gone back to, and not only a candidate put back.
func (r *returning) rollback() bool {
	return slices.ContainsFunc(r.executions, func(x store.Execution) bool { return isRollback(&x) })
}

// ids are those of the executions.
func (r *returning) ids() []string {
	out := make([]string, 0, len(r.executions))
	for _, x := range r.executions {
		out = append(out, x.ID)
	}
	return out
}

// names says what is put back, for each execution once.
func (r *returning) names() string {
	var out []string
	for _, x := range r.executions {
		if isRollback(&x) {
			out = append(out, fmt.Sprintf("the rollback of %s to %s", code(r.environment), code(x.Version)))
		} else {
			out = append(out, fmt.Sprintf("putting %s back into %s", code(x.Version), code(r.environment)))
		}
	}
	return strings.Join(unique(out), " and ")
}

// besides names what is being put back and was not meant, with the commands that stop it; empty: nothing is.
func besides(all []returning) (text string) {
	for _, r := range all {
		text += fmt.Sprintf(" `/cancel %s` stops %s.", r.environment, r.names())
	}
	return text
}

// returningNow reads what is being put back into the environments of the repository, as far as a request may ask about it, by environment; and
// whether a pipeline runs that is the request's own. With --abandon what has ended and has not let go of its environment counts as running.
func (s *session) returningNow(ctx context.Context, tx *store.Tx, q *request) (out []returning, own bool, err error) {
	all, err := tx.ActiveExecutions(ctx, s.repo.ID)
	if err != nil {
		return nil, false, err
	}
	if q.halt() == pipeline.HaltAbandon {
		open, err := tx.OpenDeployments(ctx, s.repo.ID)
		if err != nil {
			return nil, false, err
		}
		for _, d := range open {
			x, err := oneExecution(ctx, tx, d.ExecutionID)
			if err != nil {
				return nil, false, err
			}
			if x != nil && x.Status.Final() && !slices.ContainsFunc(all, func(y store.Execution) bool { return y.ID == x.ID }) {
				all = append(all, *x)
			}
		}
	}
	for i := range all {
		own = own || s.ownPipeline(q, &all[i])
		if !isReturn(&all[i]) || !q.asks(&all[i]) {
			continue
		}
		if out, err = s.addReturning(ctx, tx, out, &all[i]); err != nil {
			return nil, false, err
		}
	}
	slices.SortFunc(out, func(a, b returning) int { return strings.Compare(a.environment, b.environment) })
	return out, own, nil
}

// addReturning adds a return to those of its environment.
func (s *session) addReturning(ctx context.Context, tx *store.Tx, all []returning, x *store.Execution) ([]returning, error) {
	name := s.returnsTo(x)
	var r store.Release
	if x.ReleaseID != "" {
		var err error
		if r, err = tx.Release(ctx, x.ReleaseID); ignoreMissing(err) != nil {
			return nil, err
		}
	}
	i := slices.IndexFunc(all, func(r returning) bool { return r.environment == name })
	switch {
	case i < 0:
		all, i = append(all, returning{environment: name, starter: r.StartedBy}), len(all)
	case all[i].starter.ID != r.StartedBy.ID:
		all[i].starter = forge.User{}
	}
	tells, err := s.tellsOf(ctx, tx, x)
	if err != nil {
		return nil, err
	}
	all[i].executions, all[i].tells = append(all[i].executions, *x), append(all[i].tells, tells)
	return all, nil
}

// findReturning finds what is being put back that a /cancel is about; nil: it is about something else, or does not say about which of
// several. Wherever it is said, the name of an environment means what is being put back there; without one the pull request's own
// pipelines are meant first. On the page of a return it is about that alone.
func (s *session) findReturning(ctx context.Context, q *request) (found *returning, err error) {
	name := q.Arg(0)
	if name == "pipeline" || name == "promotion" {
		return nil, nil
	}
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		found = nil
		all, own, err := s.returningNow(ctx, tx, q)
		if err != nil || own && name == "" {
			return err
		}
		all = slices.DeleteFunc(all, func(r returning) bool {
			switch {
			case name != "":
				return !q.names(r.environment)
			case q.named != nil:
				return false
			case q.release != nil:
				return !slices.Contains(r.tells, q.release.ID)
			}
			return q.pr != nil
		})
		if len(all) == 1 {
			found = &all[0]
		}
		return nil
	})
	return found, err
}

// cancelReturning stops what is being put back into an environment. As of a cancelled promotion, what the environment runs by then stays,
// and its record goes on saying what last succeeded there; what a rollback decided besides, the hold and the mark on the release, stays too.
func (s *session) cancelReturning(ctx context.Context, q *request) (string, error) {
	r := q.returning
	active := slices.DeleteFunc(slices.Clone(r.executions), func(x store.Execution) bool { return x.Status.Final() })
	what, err := s.cancelled(ctx, q, active, func(x *store.Execution) bool { return slices.Contains(r.ids(), x.ID) })
	switch {
	case err != nil:
		return "", err
	case len(what.active)+len(what.lost) == 0:
		return "", &userError{fmt.Sprintf("Nothing is being put back into %s here any more.", code(r.environment))}
	case len(what.active) == 0 && q.DryRun:
		return s.dry(ctx, q, strings.TrimSpace(what.left(q, true)))
	case q.DryRun:
		stays := ""
		if q.halt() != pipeline.HaltAbandon {
			stays = fmt.Sprintf("; what %s runs by then stays", code(r.environment))
		}
		return s.dry(ctx, q, fmt.Sprintf("%s would be stopped where it is%s.%s", title(r.names()), stays, what.left(q, true)))
	}
	if q.said = strings.TrimSpace(what.left(q, false)); len(what.active) > 0 {
		q.said = fmt.Sprintf("%s is being stopped.%s `/retry %s` goes on with it.", title(r.names()), what.left(q, false), r.environment)
		if r.rollback() {
			q.said += fmt.Sprintf(" %s stays held until `/unpin %s`; `/rollback %s` goes back to another version.", code(r.environment), r.environment, r.environment)
		}
	}
	return q.said, s.stopAll(ctx, q, what, r.environment)
}

// noReturning refuses a /cancel that names neither a pipeline nor a promotion, nor an environment into which something is being put back.
func (s *session) noReturning(ctx context.Context, q *request) (string, error) {
	var all []returning
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, _, err = s.returningNow(ctx, tx, q)
		return err
	})
	if err != nil {
		return "", err
	}
	var text string
	switch several := slices.ContainsFunc(all, func(r returning) bool { return q.names(r.environment) }); {
	case several:
		text = fmt.Sprintf("More than one environment is called %s.", code(q.Arg(0)))
	case s.knownEnvironment(q.Arg(0)) && q.named != nil:
		text = "On the page of an execution `/cancel` is about that execution alone."
	case s.knownEnvironment(q.Arg(0)):
		text = fmt.Sprintf("Nothing is being put back into %s.", code(q.Arg(0)))
	default:
		text = fmt.Sprintf("There is no %s to cancel: it is `pipeline`, which `/cancel` alone means, `promotion`, or an environment into which something is being put back.", code(q.Arg(0)))
	}
	return "", &userError{text + besides(all)}
}
