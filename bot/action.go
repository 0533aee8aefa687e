package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// jobResolve asks a registry which digest a tag points at.
const jobResolve = "resolve"

// What bounds a job that drives an action. The engine tells an action to stop when its time is over; what an executor does
// within Start is heard to end then, and the limit is for the rest. Whatever else executors are asked is to be answered soon.
const (
	actionLimit = pipeline.MaxTimeout + 2*pipeline.StopGrace
	answerLimit = 5 * time.Minute
)

// workAction drives one action execution: start it, once; ask how it is; hand the result to the lane. It runs outside
// the lane, as often as it takes. The intent was written with the job, and executors look before they act, so a crash
// between any two lines repeats nothing.
func (b *Bot) workAction(ctx context.Context, job queue.Job) queue.Outcome {
	var f actionFact
	if err := job.Decode(&f); err != nil {
		return queue.Dead(err)
	}
	var run store.ActionRun
	err := b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		run, err = tx.ActionRun(ctx, f.ActionID)
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && run.Final {
		return queue.Done()
	}
	if err != nil {
		return queue.Retry(err)
	}
	if waits, err := b.away(ctx, &run); err != nil || waits {
		if err != nil {
			return queue.Retry(err)
		}
		return b.waitsForReturn(ctx, job, run) // nothing begins where the App may do nothing
	}
	report, err := b.drive(ctx, &run)
	if away, why := b.whetherAway(ctx, run.RepoID, err); away {
		return b.waitsForReturn(ctx, job, run)
	} else if err != nil {
		err = why
	}
	if executor.IsPermanent(err) {
		report, err = executor.Report{Status: pipeline.Failed, Summary: err.Error()}, nil
	}
	if err != nil {
		b.logOf(ctx, run.RepoID).WarnContext(ctx, "executor did not answer", "job", job.Key, "kind", job.Kind, "attempt", job.Attempt, "execution", run.ExecutionID, "err", err)
		next, unanswered := outcome(err, b.Now()), new(unansweredError)
		switch {
		case !run.Stop || !next.Failed() || !errors.As(err, &unanswered):
			return next
		case !job.Last:
			return queue.Retry(err) // what is refused now may have begun before: that it is refused is no answer to that
		}
		report = neverAnswered(err)
	}
	if err := b.record(ctx, run, report); err != nil {
		return queue.Retry(err)
	}
	if report.Status.Final() {
		return queue.Done()
	}
	wait := report.PollAfter
	if wait <= 0 {
		wait = executor.DefaultPoll
	}
	return queue.Snooze(wait)
}

// unansweredError is what an executor's Start failed with, and nothing of ours: unless it was refused, what became of the action is unknown.
type unansweredError struct{ cause error }

func (e *unansweredError) Error() string { return e.cause.Error() }

func (e *unansweredError) Unwrap() error { return e.cause }

// neverAnswered is the end of an action that was told to start, and to stop, and whose executor has answered neither as often as it was
// asked: nobody asks any more, so nothing may wait for the answer, such as its environment.
func neverAnswered(err error) executor.Report {
	return executor.Report{Status: pipeline.Failed, Summary: "it was told to start and then to stop, and the executor never answered, so whether it began is unknown: " +
		executor.OneLine(err.Error())}
}

// waitsForReturn ends the job of an action that goes no further because the App was suspended or taken off the repository. The
// action stays as it is: the reconciliation that follows the App's return begins the job anew.
func (b *Bot) waitsForReturn(ctx context.Context, job queue.Job, run store.ActionRun) queue.Outcome {
	b.logOf(ctx, run.RepoID).InfoContext(ctx, "an action waits until the App is back", "job", job.Key, "kind", job.Kind, "execution", run.ExecutionID)
	return queue.Done()
}

// away tells whether an action has to wait before it begins because the App was suspended or taken off the repository.
func (b *Bot) away(ctx context.Context, run *store.ActionRun) (waits bool, err error) {
	if run.Handle != "" || !run.TriedAt.IsZero() || run.Stop {
		return false, nil // it may have begun: it is followed to its end
	}
	err = b.Store.Read(ctx, func(tx *store.Tx) error {
		repo, err := tx.Repo(ctx, run.RepoID)
		waits = repo.Gone != ""
		return ignoreMissing(err)
	})
	return waits, err
}

// drive starts the action if it was not started yet, stops it if somebody asked for that, and asks where it stands.
func (b *Bot) drive(ctx context.Context, run *store.ActionRun) (executor.Report, error) {
	req, err := b.requestOf(ctx, run)
	if err != nil {
		return executor.Report{}, err
	}
	e, err := b.Executors.Lookup(req.Uses)
	if err != nil {
		return executor.Report{}, err
	}
	if run.Handle == "" {
		if run.Stop && run.TriedAt.IsZero() { // else it may have begun: it is found, and stopped
			return executor.Report{Status: pipeline.Stopped, Summary: errNotBegun.Error()}, nil
		}
		req.StartTried = run.TriedAt
		first := run.TriedAt.IsZero()
		_, oneCall := e.(executor.OneCall)
		err := b.carryOut(ctx, onRecord{
			kind: effectAction, key: req.Uses + ":" + run.ID,
			intent: func(ctx context.Context) error {
				if !run.TriedAt.IsZero() {
					return nil
				}
				return b.note(ctx, run.ID)
			},
			act: func(ctx context.Context) (err error) {
				doing, end := b.hear(ctx, e, run.ID)
				run.Handle, err = e.Start(doing, req)
				if err = end(err); err != nil {
					return &unansweredError{err}
				}
				return nil
			},
			result: func(ctx context.Context) error { return b.started(ctx, run) },
		})
		unanswered := new(unansweredError)
		switch {
		case errors.Is(err, errHeard) || errors.Is(err, errNotBegun):
			return executor.Report{Status: pipeline.Stopped, Summary: err.Error()}, nil
		case first && oneCall && errors.As(err, &unanswered) && forGood(err):
			return b.refusedAtOnce(ctx, run, err)
		case err != nil:
			return executor.Report{}, err
		}
	}
	if run.Stop {
		err := b.repeat(ctx, harmless{
			kind: effectStop, key: req.Uses + ":" + run.ID, why: "executors do nothing for an action that is being stopped, and the wish is recorded until its end is",
			act: func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, answerLimit)
				defer cancel()
				return e.Stop(ctx, req, run.Handle)
			},
		})
		if err != nil {
			return executor.Report{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	return e.Status(ctx, req, run.Handle)
}

// requestOf is what an executor is asked for. The App may be installed anew since the request was written.
func (b *Bot) requestOf(ctx context.Context, run *store.ActionRun) (req executor.Request, _ error) {
	if err := json.Unmarshal(run.Request, &req); err != nil {
		return req, executor.Permanent(fmt.Errorf("request of %s: %w", run.ID, err))
	}
	return req, b.Store.Read(ctx, func(tx *store.Tx) error {
		repo, err := tx.Repo(ctx, run.RepoID)
		if repo.InstallationID != 0 {
			req.InstallationID = repo.InstallationID
		}
		return ignoreMissing(err)
	})
}

// errNotBegun says that an action was to stop before any executor had heard of it.
var errNotBegun = errors.New("stopped before it began")

// note writes down that an executor is about to be told to start an action; errNotBegun: somebody asked for its end since it was
// read, and it is not to begin.
func (b *Bot) note(ctx context.Context, id string) error {
	return b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.ActionRun(ctx, id)
		if err != nil {
			return err
		}
		if now.Stop && now.TriedAt.IsZero() {
			return errNotBegun
		}
		now.TriedAt, now.UpdatedAt = b.Now(), b.Now()
		return tx.SaveActionRun(ctx, now)
	})
}

// refusedAtOnce notes that the first call by which an executor that is executor.OneCall was told to start an action was refused for good, so
// that nothing has begun. An action that is to stop ends by that, now, or when somebody asks for its end; otherwise cause is what Start
// failed with.
func (b *Bot) refusedAtOnce(ctx context.Context, run *store.ActionRun, cause error) (executor.Report, error) {
	err := b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.ActionRun(ctx, run.ID)
		if err != nil {
			return err
		}
		run.Stop = now.Stop
		now.TriedAt, now.UpdatedAt = time.Time{}, b.Now()
		return tx.SaveActionRun(ctx, now)
	})
	if err != nil {
		return executor.Report{}, err
	}
	if !run.Stop {
		return executor.Report{}, cause
	}
	return executor.Report{Status: pipeline.Stopped, Summary: errNotBegun.Error() + ", and its start was refused: " + executor.OneLine(cause.Error())}, nil
}

// started keeps the handle and tells the lane that the action is under way.
func (b *Bot) started(ctx context.Context, run *store.ActionRun) error {
	return b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.ActionRun(ctx, run.ID)
		if err != nil {
			return err
		}
		now.Handle, now.StartedAt, now.UpdatedAt = run.Handle, b.Now(), b.Now()
		run.Stop = now.Stop
		if err := tx.SaveActionRun(ctx, now); err != nil {
			return err
		}
		return b.Queue.Post(ctx, tx, laneOf(run.RepoID), itemAction, actionFact{ActionID: run.ID}, "")
	})
}

// record keeps a report; a final one, or one with a new address or batch, goes to the lane.
func (b *Bot) record(ctx context.Context, run store.ActionRun, report executor.Report) error {
	raw, err := json.Marshal(report)
	if err != nil {
		return err
	}
	return b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.ActionRun(ctx, run.ID)
		if err != nil || now.Final {
			return err
		}
		var before executor.Report
		if len(now.Report) > 0 {
			if err := json.Unmarshal(now.Report, &before); err != nil {
				return err
			}
		}
		now.Report, now.Final, now.UpdatedAt = raw, report.Status.Final(), b.Now()
		if err := tx.SaveActionRun(ctx, now); err != nil {
			return err
		}
		if now.Final {
			if err := b.keepTests(ctx, tx, now, report.Tests); err != nil {
				return err
			}
		}
		if !now.Final && before.URL == report.URL && before.ExternalID == report.ExternalID && lastBatch(before.Hosts) == lastBatch(report.Hosts) {
			return nil
		}
		return b.Queue.Post(ctx, tx, laneOf(run.RepoID), itemAction, actionFact{ActionID: run.ID}, "")
	})
}

// Watch forwards the rings of embedded executors to the jobs that wait for them, until ctx ends.
func (b *Bot) Watch(ctx context.Context) error {
	for {
		ids, err := b.Bell.Wait(ctx)
		if err != nil {
			return nil //nolint:nilerr // the context ended: that is how watching ends
		}
		err = b.Store.Write(ctx, func(tx *store.Tx) error {
			for _, id := range ids {
				if err := b.Queue.Enqueue(ctx, tx, actionJob(id)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil && ctx.Err() == nil {
			b.Log.WarnContext(ctx, "a finished action is found by the next poll", "err", err)
		}
	}
}

// resolvePayload is the payload of jobResolve and of the item it answers with.
type resolvePayload struct {
	ExecutionID string `json:"execution"`
	RepoID      int64  `json:"repo"`
	Reference   string `json:"reference"`
	Digest      string `json:"digest,omitempty"`
	Problem     string `json:"problem,omitempty"`
}

func resolveJob(x *store.Execution, reference string) queue.Job {
	return queue.Job{Kind: jobResolve, Key: x.ID, Payload: resolvePayload{ExecutionID: x.ID, RepoID: x.RepoID, Reference: reference}}
}

// workResolve asks the registry for the digest, once: from then on only the digest is used.
func (b *Bot) workResolve(ctx context.Context, job queue.Job) queue.Outcome {
	var p resolvePayload
	if err := job.Decode(&p); err != nil {
		return queue.Dead(err)
	}
	digest, err := b.Images.Find(ctx, p.Reference)
	switch {
	case err == nil && digest == "":
		p.Problem = "the pipeline has not pushed " + p.Reference
	case executor.IsPermanent(err):
		p.Problem = err.Error()
	case err != nil:
		return queue.Retry(err)
	}
	p.Digest = digest
	err = b.Store.Write(ctx, func(tx *store.Tx) error {
		return b.Queue.Post(ctx, tx, laneOf(p.RepoID), itemResolved, p, "")
	})
	if err != nil {
		return queue.Retry(err)
	}
	return queue.Done()
}

// resolved takes in what the registry said.
func (s *session) resolved(ctx context.Context, p resolvePayload) error {
	if p.Problem != "" {
		return s.advance(ctx, p.ExecutionID, pipeline.ImageUnresolved{At: s.b.Now(), Reference: p.Reference, Reason: p.Problem})
	}
	return s.advance(ctx, p.ExecutionID, pipeline.ImageResolved{At: s.b.Now(), Reference: p.Reference, Digest: p.Digest})
}
