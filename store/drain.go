package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// DrainQueue is the name of River's queue for drain jobs.
const DrainQueue = "lanes"

// drainDelay is when the job behind a lane looks after it: long after the process that raised the lane was woken to
// drain it, soon enough if that process died.
const drainDelay = 10 * time.Second

// DrainArgs is the River job that stands behind a lane with something to do. There is one for each lane at most. A
// process is woken after the commit and drains the lane at once; the job is there in case it does not.
type DrainArgs struct {
	Lane string `json:"lane" river:"unique"`
}

// Kind is River's name for the job.
func (DrainArgs) Kind() string { return "drain" }

// InsertOpts makes the job unique by lane until it is completed.
func (DrainArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: DrainQueue, MaxAttempts: 10000, UniqueOpts: river.UniqueOpts{ByArgs: true,
		ByState: []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
			rivertype.JobStateRunning, rivertype.JobStateScheduled}}}
}

// Handles are the open database for River's workers. One of them is set.
type Handles struct {
	SQLite   *sql.DB // the one connection that writes
	Postgres *pgxpool.Pool
}

// Handles returns the open database for River's workers, which package queue starts.
func (s *Store) Handles() Handles { return s.engine.handles() }

// SQLiteTx returns the transaction for River's completion of a job; nil on Postgres.
func (tx *Tx) SQLiteTx() *sql.Tx {
	if c, ok := tx.conn.(sqliteConn); ok {
		return c.tx
	}
	return nil
}

// PostgresTx returns the transaction for River's completion of a job; nil on SQLite.
func (tx *Tx) PostgresTx(ctx context.Context) (pgx.Tx, error) {
	if c, ok := tx.conn.(*postgresWriter); ok {
		return c.begun(ctx)
	}
	return nil, nil
}

// drains inserts drain jobs by River, in transactions of type T.
type drains[T any] struct{ client *river.Client[T] }

func newDrains[T any](driver riverdriver.Driver[T], log *slog.Logger) (drains[T], error) {
	client, err := river.NewClient(driver, &river.Config{Logger: RiverLog(log)})
	if err != nil {
		return drains[T]{}, fmt.Errorf("prepare the queue: %w", err)
	}
	return drains[T]{client}, nil
}

func (d drains[T]) insert(ctx context.Context, tx T, lanes []string, at time.Time) (map[string]int64, error) {
	params := make([]river.InsertManyParams, len(lanes))
	for i, lane := range lanes {
		params[i] = river.InsertManyParams{Args: DrainArgs{Lane: lane}, InsertOpts: &river.InsertOpts{ScheduledAt: at}}
	}
	results, err := d.client.InsertManyTx(ctx, tx, params)
	if err != nil {
		return nil, fmt.Errorf("enqueue the draining of %d lanes: %w", len(lanes), err)
	}
	ids := make(map[string]int64, len(lanes))
	for _, r := range results { // a job that was there comes back as it is
		var args DrainArgs
		if err := json.Unmarshal(r.Job.EncodedArgs, &args); err != nil {
			return nil, fmt.Errorf("drain job %d: %w", r.Job.ID, err)
		}
		ids[args.Lane] = r.Job.ID
	}
	return ids, nil
}

// remove takes the job away from a lane that ends. ok is false if it is running: it completes itself then.
func (d drains[T]) remove(ctx context.Context, tx T, id int64) (ok bool, err error) {
	_, err = d.client.JobDeleteTx(ctx, tx, id)
	switch {
	case errors.Is(err, rivertype.ErrJobRunning):
		return false, nil
	case errors.Is(err, rivertype.ErrNotFound), err == nil:
		return true, nil
	}
	return false, fmt.Errorf("remove drain job %d: %w", id, err)
}
