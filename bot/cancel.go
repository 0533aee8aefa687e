package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/executor"
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

// cmdCancel stops what runs for a pull request's branch, the promotion of its release, or what is being put back into an environment.
func (s *session) cmdCancel(ctx context.Context, q *request) (string, error) {
	if q.Flag(switchAbandon) != "" && q.Flag(switchWait) != "" {
		return "", &userError{"`--wait` leaves what runs to its end, and `--abandon` does not wait for it: only one of them can be meant."}
	}
	if q.returning != nil {
		return s.cancelReturning(ctx, q)
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
	return s.noReturning(ctx, q)
}

// cancelPipelines stops the pipelines of the pull request's branch, or the one on whose page it was asked for.
func (s *session) cancelPipelines(ctx context.Context, q *request) (string, error) {
	var active []store.Execution
	var others []returning
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if active, err = tx.ActiveExecutions(ctx, s.repo.ID); err != nil {
			return err
		}
		others, _, err = s.returningNow(ctx, tx, q)
		return err
	})
	if err != nil {
		return "", err
	}
	own := func(x *store.Execution) bool { return s.ownPipeline(q, x) }
	told := "" // what else is told here and runs on
	if q.release != nil {
		told = besides(slices.DeleteFunc(slices.Clone(others), func(r returning) bool { return !slices.Contains(r.tells, q.release.ID) }))
	}
	what, err := s.cancelled(ctx, q, slices.DeleteFunc(active, func(x store.Execution) bool { return !own(&x) }), own)
	switch {
	case err != nil:
		return "", err
	case len(what.active)+len(what.lost) == 0:
		return "", &userError{"Nothing runs here that could be cancelled." + besides(others)}
	case q.DryRun && len(what.active) == 0:
		return s.dry(ctx, q, strings.TrimSpace(what.left(q, true)))
	case q.DryRun:
		return s.dry(ctx, q, fmt.Sprintf("%d pipeline(s) of %s would be stopped.%s%s", len(what.active), code(q.pr.HeadBranch), what.left(q, true), told))
	}
	switch text := what.left(q, false) + told; {
	case len(what.active) == 0:
		q.said = strings.TrimSpace(text)
	case text != "":
		q.said = fmt.Sprintf("%d pipeline(s) of %s: no further action starts.%s", len(what.active), code(q.pr.HeadBranch), text)
	}
	return q.said, s.stopAll(ctx, q, what, q.pr.HeadBranch)
}

// ownPipeline tells whether an execution is a pipeline of the branch that a request is about.
func (s *session) ownPipeline(q *request, x *store.Execution) bool {
	return q.pr != nil && x.Branch == s.line(q.pr) && x.Kind != pipeline.KindProduction && !isReturn(x) && q.asks(x)
}

// cancelled is what a /cancel is about.
type cancelled struct {
	active []store.Execution
	// running are the actions that are under way in them, lost those that executions do not wait for any more and whose deployments
	// have not ended; lost is asked for with --abandon alone.
	running, lost []pipeline.Running
	// unanswered are those of both whose executor has not answered yet to being told to start them, by ID.
	unanswered map[string]bool
}

// cancelled looks up what a /cancel is about: the executions, and with --abandon the deployments that were lost in those that own
// names.
func (s *session) cancelled(ctx context.Context, q *request, active []store.Execution, own func(*store.Execution) bool) (c cancelled, err error) {
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		c = cancelled{active: active, unanswered: map[string]bool{}}
		for _, x := range active {
			c.running = append(c.running, x.State.Running()...)
		}
		if q.halt() != pipeline.HaltAbandon {
			return nil
		}
		for _, r := range c.running {
			run, err := tx.ActionRun(ctx, r.ID)
			if ignoreMissing(err) != nil {
				return err
			}
			c.unanswered[r.ID] = err == nil && unanswered(run)
		}
		open, err := tx.OpenDeployments(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		for _, d := range open {
			x, err := oneExecution(ctx, tx, d.ExecutionID)
			if err != nil {
				return err
			}
			if x == nil || !own(x) {
				continue
			}
			if _, a, _ := x.State.Action(d.ID); a.ID == d.ID && !a.Status.Final() {
				continue // it is waited for
			}
			run, err := tx.ActionRun(ctx, d.ID)
			if errors.Is(err, store.ErrNotFound) || run.Final { // its end is on its way
				continue
			}
			if err != nil {
				return err
			}
			r, err := lostAction(run)
			if err != nil {
				return err
			}
			r.Environment, c.unanswered[d.ID] = d.Environment, unanswered(run)
			c.lost = append(c.lost, r)
		}
		return nil
	})
	return c, err
}

// lostAction names an attempt that its execution does not wait for any more.
func lostAction(run store.ActionRun) (r pipeline.Running, err error) {
	var req executor.Request
	if err := json.Unmarshal(run.Request, &req); err != nil {
		return r, fmt.Errorf("request of %s: %w", run.ID, err)
	}
	var report executor.Report
	if len(run.Report) > 0 {
		if err := json.Unmarshal(run.Report, &report); err != nil {
			return r, fmt.Errorf("report of %s: %w", run.ID, err)
		}
	}
	return pipeline.Running{ID: run.ID, Stage: req.Stage, Name: req.Name, URL: report.URL}, nil
}

// left tells what becomes of what runs where it is not waited for, or not stopped; empty: there is nothing to say.
func (c *cancelled) left(q *request, dry bool) (text string) {
	would := map[bool]string{true: "would be", false: "is"}[dry]
	all := slices.Concat(c.running, c.lost)
	if q.halt() == "" || len(all) == 0 {
		return ""
	}
	if q.halt() == pipeline.HaltWait {
		spared := func(r pipeline.Running) bool { return r.Spared }
		if stay := slices.DeleteFunc(slices.Clone(all), func(r pipeline.Running) bool { return !r.Spared }); len(stay) > 0 {
			text += fmt.Sprintf(" Left to its end %s %s.", would, strings.Join(names(stay), ", "))
		}
		if end := slices.DeleteFunc(slices.Clone(all), spared); len(end) > 0 {
			text += fmt.Sprintf(" Told to stop %s %s.", would, strings.Join(names(end), ", "))
		}
		return text
	}
	text = fmt.Sprintf(" Abandoned %s %s: it is told to stop, nobody waits for it, and whatever comes of it changes nothing here.", would, strings.Join(names(all), ", "))
	var free, kept []string
	for _, r := range all {
		switch {
		case r.Environment == "":
		case c.unanswered[r.ID]:
			kept = append(kept, r.Environment)
		default:
			free = append(free, r.Environment)
		}
	}
	if len(free) > 0 {
		text += fmt.Sprintf(" What %s runs is then unknown until the next deployment there, which waits for nothing that was abandoned: look before it.", codes(unique(free)))
	}
	if len(kept) > 0 {
		text += fmt.Sprintf(" %s stays locked until the executor says what became of it, or was asked in vain a dozen times, which takes from a quarter of an hour to somewhat more than an hour: it was told to start, and has not answered yet.", codes(unique(kept)))
	}
	return text
}

// unique sorts names, each once.
func unique(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

// names are those of actions, with their addresses.
func names(all []pipeline.Running) []string {
	out := make([]string, 0, len(all))
	for _, r := range all {
		name := code(r.Stage + "/" + r.Name)
		if r.URL != "" {
			name = fmt.Sprintf("[%s](%s)", name, r.URL)
		}
		out = append(out, name)
	}
	return out
}

// stopAll asks executions to stop, gives up what was lost, and records the command with the last of them.
func (s *session) stopAll(ctx context.Context, q *request, what cancelled, subject string) error {
	evidence := map[string]any{}
	if q.halt() != "" {
		evidence["halt"], evidence["running"] = q.halt(), names(slices.Concat(what.running, what.lost))
	}
	if q.returning != nil {
		evidence["executions"] = q.returning.ids()
	}
	last := func(tx *store.Tx) error {
		for _, r := range what.lost {
			if err := s.abandonAction(ctx, tx, pipeline.AbandonAction{ID: r.ID}); err != nil {
				return err
			}
		}
		if err := s.auditIn(ctx, tx, q.by, "cancel", subject, "", evidence); err != nil {
			return err
		}
		return q.done(tx)
	}
	if len(what.active) == 0 {
		return s.b.Store.Write(ctx, last)
	}
	for i, x := range what.active {
		record := last
		if i < len(what.active)-1 {
			record = nothingElse
		}
		err := s.advanceWith(ctx, x.ID, record, pipeline.CancelRequested{At: s.b.Now(), By: actor(q.by), Halt: q.halt()})
		if err != nil && !(refused(err) && i < len(what.active)-1) { // the one before may have ended it already
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
	var active []store.Execution
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		active = nil
		if r.Status != store.ReleasePromoting {
			return nil
		}
		for _, id := range []string{r.ExecutionID, r.ProductionExecutionID} {
			x, err := oneExecution(ctx, tx, id)
			if err != nil {
				return err
			}
			if x != nil && !x.Status.Final() {
				active = append(active, *x)
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	what, err := s.cancelled(ctx, q, active, func(x *store.Execution) bool {
		return x.ReleaseID == r.ID && x.Kind == pipeline.KindProduction && !isReturn(x)
	})
	switch {
	case err != nil:
		return "", err
	case len(what.active)+len(what.lost) == 0:
		return "", &userError{fmt.Sprintf("No promotion of %s is under way: it is %s.", code(r.Version), r.Status)}
	case q.DryRun && len(what.active) == 0:
		return s.dry(ctx, q, strings.TrimSpace(what.left(q, true)))
	case q.DryRun:
		return s.dry(ctx, q, fmt.Sprintf("The promotion of %s would be stopped where it is; what production runs by then stays.%s", code(r.Version), what.left(q, true)))
	}
	if q.said = strings.TrimSpace(what.left(q, false)); len(what.active) > 0 {
		q.said = fmt.Sprintf("The promotion of %s is being stopped.%s `/retry` goes on with the same digest, `/rollback` takes production back.", code(r.Version), what.left(q, false))
	}
	s.touch(r.ID)
	return q.said, s.stopAll(ctx, q, what, r.Version)
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
