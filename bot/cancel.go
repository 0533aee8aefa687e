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

// The switches of /cancel.
const (
	switchWait    = "wait"    // what runs is left to its end
	switchAbandon = "abandon" // what runs is told to stop, and nobody waits for it
)

// halt is what becomes of what runs, as the switches say.
func (q *request) halt() pipeline.Halt {
	switch {
	case q.Flag(switchAbandon) != "":
		return pipeline.HaltAbandon
	case q.Flag(switchWait) != "":
		return pipeline.HaltWait
	}
	return ""
}

// cmdCancel stops what runs for a pull request's branch, or the promotion of its release.
func (s *session) cmdCancel(ctx context.Context, q *request) (string, error) {
	if q.Flag(switchAbandon) != "" && q.Flag(switchWait) != "" {
		return "", &userError{"`--wait` leaves what runs to its end, and `--abandon` does not wait for it: only one of them can be meant."}
	}
	if q.halt() == "" { // the switches are about what runs
		if reply, done, err := s.cancelsSchedule(ctx, q); done || err != nil {
			return reply, err
		}
	}
	switch q.Arg(0) {
	case "", "pipeline":
		return s.cancelPipelines(ctx, q)
	case "promotion":
		return s.cancelPromotion(ctx, q)
	}
	return "", &userError{fmt.Sprintf("There is no %s to cancel: it is `pipeline`, which `/cancel` alone means, or `promotion`.", code(q.Arg(0)))}
}

// cancelPipelines stops the pipelines of the pull request's branch.
func (s *session) cancelPipelines(ctx context.Context, q *request) (string, error) {
	var active []store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		active, err = tx.ActiveExecutions(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return "", err
	}
	var mine []store.Execution
	for _, x := range active {
		if q.pr != nil && x.Branch == s.line(q.pr) && x.Kind != pipeline.KindProduction && !isReturn(&x) {
			mine = append(mine, x)
		}
	}
	switch {
	case len(mine) == 0:
		return "", &userError{"Nothing runs here that could be cancelled."}
	case q.DryRun:
		return s.dry(ctx, q, fmt.Sprintf("%d pipeline(s) of %s would be stopped.%s", len(mine), code(q.pr.HeadBranch), left(q, mine, true)))
	}
	if text := left(q, mine, false); text != "" {
		q.said = fmt.Sprintf("%d pipeline(s) of %s: no further action starts.%s", len(mine), code(q.pr.HeadBranch), text)
	}
	return q.said, s.stopAll(ctx, q, mine, q.pr.HeadBranch)
}

// left tells what becomes of what runs where it is not waited for, or not stopped; empty: there is nothing to say.
func left(q *request, all []store.Execution, dry bool) string {
	names, environments := running(all)
	would := map[bool]string{true: "would be", false: "is"}[dry]
	switch {
	case len(names) == 0 || q.halt() == "":
		return ""
	case q.halt() == pipeline.HaltWait:
		return fmt.Sprintf(" Left to its end %s %s.", would, strings.Join(names, ", "))
	}
	text := fmt.Sprintf(" Abandoned %s %s: it is told to stop, nobody waits for it, and whatever comes of it changes nothing here.", would, strings.Join(names, ", "))
	if len(environments) > 0 {
		text += fmt.Sprintf(" What %s runs is then unknown until the next deployment there, which waits for nothing that was abandoned: look before it.", codes(environments))
	}
	return text
}

// running are the actions of executions that have begun, with their addresses, and the environments that they deploy to.
func running(all []store.Execution) (names, environments []string) {
	for _, x := range all {
		for _, r := range x.State.Running() {
			name := code(r.Stage + "/" + r.Name)
			if r.URL != "" {
				name = fmt.Sprintf("[%s](%s)", name, r.URL)
			}
			names = append(names, name)
			if r.Environment != "" {
				environments = append(environments, r.Environment)
			}
		}
	}
	slices.Sort(environments)
	return names, slices.Compact(environments)
}

// stopAll asks executions to stop, and records the command with the last of them.
func (s *session) stopAll(ctx context.Context, q *request, all []store.Execution, subject string) error {
	var evidence map[string]any
	if names, _ := running(all); q.halt() != "" {
		evidence = map[string]any{"halt": q.halt(), "running": names}
	}
	for i, x := range all {
		record := func(tx *store.Tx) error {
			if i < len(all)-1 {
				return nil
			}
			if err := s.auditIn(ctx, tx, q.by, "cancel", subject, "", evidence); err != nil {
				return err
			}
			return q.done(tx)
		}
		err := s.advanceWith(ctx, x.ID, record, pipeline.CancelRequested{At: s.b.Now(), By: actor(q.by), Halt: q.halt()})
		if err != nil && !(refused(err) && i < len(all)-1) { // the one before may have ended it already
			return err
		}
	}
	return nil
}

// cancelPromotion takes back a /promote that still waits, or stops the promotion that is under way: the copy, or the
// deployment to production.
func (s *session) cancelPromotion(ctx context.Context, q *request) (string, error) {
	r, err := needRelease(q)
	if err != nil {
		return "", err
	}
	if r.Status == store.ReleaseOpen {
		return s.takeBackPromote(ctx, q, r)
	}
	var running []store.Execution
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		for _, id := range []string{r.ExecutionID, r.ProductionExecutionID} {
			x, err := oneExecution(ctx, tx, id)
			if err != nil {
				return err
			}
			if x != nil && !x.Status.Final() {
				running = append(running, *x)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case r.Status != store.ReleasePromoting || len(running) == 0:
		return "", &userError{fmt.Sprintf("No promotion of %s is under way: it is %s.", code(r.Version), r.Status)}
	case q.DryRun:
		return s.dry(ctx, q, fmt.Sprintf("The promotion of %s would be stopped where it is; what production runs by then stays.%s", code(r.Version), left(q, running, true)))
	}
	q.said = fmt.Sprintf("The promotion of %s is being stopped.%s `/retry` goes on with the same digest, `/rollback` takes production back.", code(r.Version), left(q, running, false))
	s.touch(r.ID)
	return q.said, s.stopAll(ctx, q, running, r.Version)
}

// takeBackPromote forgets a /promote whose promotion has not begun.
func (s *session) takeBackPromote(ctx context.Context, q *request, r *store.Release) (string, error) {
	auto := s.cfg.Environment(pipeline.EnvironmentProduction).Promote.Auto
	if r.PromoteBy.ID == 0 && !auto {
		return "", &userError{fmt.Sprintf("Nobody has asked for the promotion of %s yet, so there is nothing to cancel. `/reject` stops this candidate.", code(r.Version))}
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("The promotion of %s would not begin until somebody says `/promote`.", code(r.Version)))
	}
	s.touch(r.ID)
	return "", s.b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.Release(ctx, r.ID)
		if err != nil {
			return err
		}
		now.PromoteBy, now.UpdatedAt = forge.User{}, s.b.Now()
		if err := tx.SaveRelease(ctx, now); err != nil {
			return err
		}
		if auto { // else the last approval would begin it all the same
			err := tx.SaveStop(ctx, store.Stop{
				RepoID: s.repo.ID, Kind: store.StopSchedule, Target: store.StopRelease(r.ID), By: q.by, At: s.b.Now(),
				Reason: "by " + q.by.Login, SHA: r.HeadSHA,
			})
			if err != nil {
				return err
			}
		}
		if err := s.auditIn(ctx, tx, q.by, "promote.cancel", r.Key(), "", nil); err != nil {
			return err
		}
		return q.done(tx)
	})
}

// line is the name under which the pipelines of a pull request's head run: the branch; for a fork's, which only shares
// names with ours, the name that forkLine gives it.
func (s *session) line(p *store.Pull) string {
	if s.ownHead(p) {
		return p.HeadBranch
	}
	return forkLine(p.Number)
}
