package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/sluicehq/sluice/store"
)

// drainAgain is how long the job behind a lane sleeps between two looks.
const drainAgain = 10 * time.Second

// Times of River's side. A job only wakes a lane, so it is short; a job of a process that died is taken over after a
// minute.
const (
	drainTimeout = 30 * time.Second
	rescueAfter  = time.Minute
)

// fallback runs the River jobs that stand behind lanes.
type fallback interface {
	start(context.Context) error
	stop(context.Context) error
}

func newFallback(q *Queue) (fallback, error) {
	handles := q.store.Handles()
	switch {
	case handles.SQLite != nil:
		return newRiver[*sql.Tx](q, riversqlite.New(handles.SQLite), func(ctx context.Context, tx *store.Tx, job *river.Job[store.DrainArgs]) error {
			_, err := river.JobCompleteTx[*riversqlite.Driver](ctx, tx.SQLiteTx(), job)
			return err
		})
	case handles.Postgres != nil:
		return newRiver[pgx.Tx](q, riverpgxv5.New(handles.Postgres), func(ctx context.Context, tx *store.Tx, job *river.Job[store.DrainArgs]) error {
			on, err := tx.PostgresTx(ctx)
			if err != nil {
				return err
			}
			_, err = river.JobCompleteTx[*riverpgxv5.Driver](ctx, on, job)
			return err
		})
	}
	return nil, errors.New("queue: the database is open for reading only")
}

type riverClient[T any] struct{ client *river.Client[T] }

func newRiver[T any](q *Queue, driver riverdriver.Driver[T], complete func(context.Context, *store.Tx, *river.Job[store.DrainArgs]) error) (fallback, error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &drainWorker{queue: q, complete: complete}); err != nil {
		return nil, fmt.Errorf("prepare River: %w", err)
	}
	client, err := river.NewClient(driver, &river.Config{
		ID: q.id, Logger: store.RiverLog(q.opts.Log), Workers: workers,
		Queues: map[string]river.QueueConfig{store.DrainQueue: {MaxWorkers: 4}},
		// Nobody waits for these jobs, so the database is asked once a second and no connection listens.
		PollOnly: true, FetchPollInterval: time.Second, FetchCooldown: 20 * time.Millisecond,
		JobTimeout: drainTimeout, RescueStuckJobsAfter: rescueAfter, SoftStopTimeout: 5 * time.Second,
		CompletedJobRetentionPeriod: time.Hour,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare River: %w", err)
	}
	return riverClient[T]{client}, nil
}

// start starts River under a context of its own: stop ends it.
func (r riverClient[T]) start(ctx context.Context) error {
	return r.client.Start(context.WithoutCancel(ctx))
}

func (r riverClient[T]) stop(ctx context.Context) error {
	if err := r.client.Stop(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop River: %w", err), r.client.StopAndCancel(context.WithoutCancel(ctx)))
	}
	return nil
}

// drainWorker brings a lane to this process and stays behind it until there is nothing left in it.
type drainWorker struct {
	river.WorkerDefaults[store.DrainArgs]
	queue    *Queue
	complete func(context.Context, *store.Tx, *river.Job[store.DrainArgs]) error
}

// Work wakes the lane's workers, who claim it unless somebody works on it. If the lane is empty the job is completed in
// one transaction with the lane, so that what is posted next finds no job and brings its own; else it sleeps on.
func (w *drainWorker) Work(ctx context.Context, job *river.Job[store.DrainArgs]) error {
	var closed bool
	var due time.Time
	err := w.queue.store.Write(ctx, func(tx *store.Tx) (err error) {
		if closed, due, err = tx.CloseDrain(ctx, job.Args.Lane); err != nil || !closed {
			return err
		}
		return w.complete(ctx, tx, job)
	})
	if err != nil || closed {
		return err
	}
	w.queue.wake(job.Args.Lane)
	return river.JobSnooze(max(due.Sub(w.queue.opts.Now()), 0) + drainAgain)
}
