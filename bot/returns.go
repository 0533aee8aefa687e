package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// A return puts back into an environment what was there before: a rollback does, and a candidate that comes back after it had
// given way to another. It belongs to no candidate's pipeline, so when it fails it is found by its environment.

// isReturn tells whether an execution is one.
func isReturn(x *store.Execution) bool { return x.Kind == kindRestore || isRollback(x) }

// returnsTo is the name, in records, of the environment that a return is for.
func (s *session) returnsTo(x *store.Execution) string {
	s = s.in(x.Component)
	if x.Kind == kindRestore {
		return s.env(x.State.Definition.Stages[0].Actions[0].Environment)
	}
	return s.env(pipeline.EnvironmentProduction)
}

// notesReturn writes down which return an environment was last to get, and forgets it once that has succeeded, or was cancelled when it had
// put back what it brings.
func (s *session) notesReturn(ctx context.Context, tx *store.Tx, x *store.Execution) error {
	if !isReturn(x) {
		return nil
	}
	env, err := tx.Environment(ctx, s.repo.ID, s.returnsTo(x))
	if err != nil {
		return err
	}
	switch {
	case !x.Status.Final():
		env.ReturnBy = x.ID
	case env.ReturnBy == x.ID && (x.Status == pipeline.Succeeded || x.Status == pipeline.Stopped && hasPutBack(x, env)):
		env.ReturnBy = ""
	default:
		return nil
	}
	env.UpdatedAt = s.b.Now()
	return tx.SaveEnvironment(ctx, env)
}

// hasPutBack tells whether a return that was stopped has put back what it brings all the same: that is what the environment runs, its last
// deployment there has succeeded, and nothing has found fault with it. A fault stands until what found it has succeeded.
func hasPutBack(x *store.Execution, env store.Environment) bool {
	failed := func(a pipeline.Attempt) bool { return a.Status == pipeline.Failed }
	for i, stage := range x.State.Definition.Stages {
		for j, d := range stage.Actions {
			a := x.State.Stages[i].Actions[j]
			if a.Status != pipeline.Succeeded && (d.Deploys && d.Environment == ownEnv(env.Name) || failed(a.Attempt) || slices.ContainsFunc(a.Earlier, failed)) {
				return false
			}
		}
	}
	return env.ExecutionID == x.ID
}

// overtakesReturn tells whether a deployment that has succeeded ends what is said of a return that failed: nothing is to be put
// back there any more. One that is still on its way comes after it, and says by its own end how it went.
func overtakesReturn(ctx context.Context, tx *store.Tx, env store.Environment) (bool, error) {
	if env.ReturnBy == "" {
		return false, nil
	}
	x, err := oneExecution(ctx, tx, env.ReturnBy)
	return err == nil && (x == nil || x.Status.Final()), err
}

// stranded is an environment into which something is still to be put back, with the release on whose pull request that is told:
// the one whose candidate it is, or the one that was rolled back. Empty: there is none.
type stranded struct {
	store.Stranded
	tells string
}

// strandedNow reads the environments into which something is still to be put back.
func (s *session) strandedNow(ctx context.Context) (out []stranded, err error) {
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		out = nil
		all, err := tx.Stranded(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		for _, one := range all {
			tells, err := s.tellsOf(ctx, tx, &one.Execution)
			if err != nil {
				return err
			}
			out = append(out, stranded{one, tells})
		}
		return nil
	})
	return out, err
}

// tellsOf is the release on whose pull request a return is told: the one whose candidate it is, or the one that is rolled back. Empty:
// there is none.
func (s *session) tellsOf(ctx context.Context, tx *store.Tx, x *store.Execution) (release string, err error) {
	if !isRollback(x) {
		return x.ReleaseID, nil
	}
	way, err := s.retreatOf(ctx, tx, x.Origin)
	return way.FromRelease, err
}

// text says what failed, and how it is tried again.
func (x stranded) text(s *session) string {
	env, why := x.Environment.Name, prose(lowerFirst(pipeline.Why(x.Execution.State, s.b.Now())))
	if isRollback(&x.Execution) {
		return fmt.Sprintf("The rollback of %s to %s did not succeed: %s `/retry %s` tries it again, and `/rollback` goes back to another version.",
			code(env), code(x.Execution.Version), sentenceEnd(why), env)
	}
	return fmt.Sprintf("%s was not put back into %s: %s `/retry %s` tries it again.", code(x.Execution.Version), code(env), sentenceEnd(why), env)
}

// sentenceEnd ends a sentence that may have its full stop already.
func sentenceEnd(text string) string { return strings.TrimSuffix(text, ".") + "." }

// strandedOf are those that are told on a release's pull request.
func (s *session) strandedOf(ctx context.Context, releaseID string) (out []stranded, err error) {
	all, err := s.strandedNow(ctx)
	for _, x := range all {
		if x.tells == releaseID {
			out = append(out, x)
		}
	}
	return out, err
}

// strandedText is what a release's check and status comment say about them; empty: there is nothing to say.
func (s *session) strandedText(ctx context.Context, releaseID string) (string, error) {
	all, err := s.strandedOf(ctx, releaseID)
	var b strings.Builder
	for _, x := range all {
		fmt.Fprintf(&b, "**%s**\n\n", x.text(s))
	}
	return b.String(), err
}

// tellStranded says on pull requests that something was not put back, once for each attempt.
func (s *session) tellStranded(ctx context.Context) error {
	all, err := s.strandedNow(ctx)
	if err != nil {
		return err
	}
	for _, x := range all {
		r, err := s.release(ctx, x.tells)
		if err != nil {
			return err
		}
		if r == nil {
			continue
		}
		if err := s.tell(ctx, r, fmt.Sprintf("stranded-%s-%d", x.Execution.ID, len(x.Execution.State.RetryKeys)), "needs somebody. "+x.text(s)); err != nil {
			return err
		}
	}
	return nil
}

// returnMoved has the pull request that tells of a return brought up to date.
func (s *session) returnMoved(ctx context.Context, x *store.Execution) error {
	var id string
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		id, err = s.tellsOf(ctx, tx, x)
		return err
	})
	if err != nil {
		return err
	}
	r, err := s.release(ctx, id)
	if err != nil || r == nil {
		return err
	}
	s.touch(r.ID)
	s.mark(r.SHA)
	return nil
}

// findReturn finds the return that a /retry is about; nil: it is about something else, or none of those it could be about has
// failed. Wherever it is said, the name of an environment means what was to be put back there.
func (s *session) findReturn(ctx context.Context, q *request) (*stranded, error) {
	all, err := s.strandedNow(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	var found []stranded
	for _, x := range all {
		if s.means(q, x) {
			found = append(found, x)
		}
	}
	if len(found) != 1 {
		return nil, nil
	}
	if q.release != nil && !q.release.Bad && q.named == nil && retryAll(q) {
		other, err := s.failedExecution(ctx, q) // of the release itself
		if err != nil || other != nil {
			return nil, err
		}
	}
	return &found[0], nil
}

// retryAll tells whether a /retry names no environment.
func retryAll(q *request) bool { return q.Arg(0) == "" || strings.EqualFold(q.Arg(0), "all") }

// means tells whether a /retry may be about a return.
func (s *session) means(q *request, x stranded) bool {
	name := x.Environment.Name
	switch {
	case q.named != nil:
		return q.named.ID == x.Execution.ID
	case !retryAll(q):
		return q.names(name)
	case q.release != nil:
		return q.release.ID == x.tells
	}
	return q.pr == nil
}

// names tells whether the first argument of a request names an environment, whose name in records is given. On a release of its component
// the component may be left out.
func (q *request) names(environment string) bool {
	own := q.release == nil || q.release.Component == componentOf(environment)
	return q.Arg(0) == environment || own && q.Arg(0) == ownEnv(environment)
}

// noReturn refuses a /retry of a return where none has failed, or it does not say which.
func (s *session) noReturn(ctx context.Context, q *request) error {
	all, err := s.strandedNow(ctx)
	if err != nil {
		return err
	}
	var hints []string
	for _, x := range all {
		hints = append(hints, x.text(s))
	}
	switch {
	case q.named != nil && isReturn(q.named):
		hints = append([]string{"That has ended well, or something else was deployed or decided since, so it is not tried again."}, hints...)
	case !retryAll(q) && s.knownEnvironment(q.Arg(0)):
		hints = append([]string{fmt.Sprintf("Nothing that was to be put back into %s has failed.", code(q.Arg(0)))}, hints...)
	case !retryAll(q):
		hints = []string{"`/retry` tries again what failed, `/retry all` every action of the stage that failed, and `/retry environment` what was to be put back there."}
	default:
		hints = append([]string{"Nothing failed here that could be tried again."}, hints...)
	}
	return &userError{strings.Join(hints, " ")}
}
