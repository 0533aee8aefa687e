package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/sluicehq/sluice/event"
)

// sqliteBatch are the statements of a batch, prepared once: preparing costs more than running them.
type sqliteBatch struct {
	delivery, known, raise, item, job *sql.Stmt
}

func prepareBatch(ctx context.Context, db *sql.DB) (*sqliteBatch, error) {
	b := &sqliteBatch{}
	for _, p := range []struct {
		statement **sql.Stmt
		query     string
	}{
		{&b.delivery, `INSERT INTO deliveries (id, name, installation_id, repo_id, received_at, body, body_hash, state, attempts, problem, handled_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', 0, '', 0) ON CONFLICT (id) DO NOTHING`},
		{&b.known, "SELECT body_hash FROM deliveries WHERE id = ?"},
		{&b.raise, raiseLane},
		{&b.item, `INSERT INTO lane_items (lane, seq, kind, own_key, waits_key, payload, delivery_id, posted_at, due_at, held, attempts, dead_at, problem)
			VALUES (?, ?, '` + KindDelivery + `', '', '', x'', ?, ?, 0, FALSE, 0, 0, '')`},
		{&b.job, "UPDATE lanes SET job_id = ? WHERE name = ?"},
	} {
		statement, err := db.PrepareContext(ctx, p.query)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("prepare: %w", err), b.close())
		}
		*p.statement = statement
	}
	return b, nil
}

func (b *sqliteBatch) close() error {
	var errs []error
	for _, statement := range []*sql.Stmt{b.delivery, b.known, b.raise, b.item, b.job} {
		if statement != nil {
			errs = append(errs, statement.Close())
		}
	}
	return errors.Join(errs...)
}

func (e *sqliteEngine) accept(ctx context.Context, batch []*parcel) (lanes []string, err error) {
	tx, err := e.begin(ctx, e.writer)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	// Waiting for the lock is what may take long. The statements do not wait, and to be ready to call one off costs as much as
	// running it. When the time is over, the transaction is rolled back and does not commit.
	ctx = context.WithoutCancel(ctx)
	byLane := map[string][]*parcel{}
	add, known := tx.StmtContext(ctx, e.batch.delivery), tx.StmtContext(ctx, e.batch.known)
	for _, p := range batch {
		p.outcome = Accepted
		r, err := add.ExecContext(ctx, p.ID, p.Name, p.InstallationID, p.RepoID, toMicros(p.ReceivedAt), p.packed, p.hash[:])
		if err != nil {
			return nil, err
		}
		if n, err := r.RowsAffected(); err != nil {
			return nil, err
		} else if n > 0 {
			byLane[p.lane] = append(byLane[p.lane], p)
			continue
		}
		var hash []byte
		if err := known.QueryRowContext(ctx, p.ID).Scan(&hash); err != nil {
			return nil, err
		}
		p.outcome = repeated(hash, p)
	}
	if len(byLane) == 0 {
		return nil, nil
	}
	if lanes, err = e.raise(ctx, tx, byLane); err != nil {
		return nil, err
	}
	return lanes, committed(tx.Commit())
}

// committed is the error of a commit. After an error of the disk the commit may be in the WAL, where the next start finds it.
func committed(err error) error {
	var problem *sqlite.Error
	if errors.As(err, &problem) && problem.Code()&0xff == sqlite3.SQLITE_IOERR {
		return fmt.Errorf("%w: commit: %w", event.ErrUnsure, err)
	}
	return err
}

// raise puts the parcels into their lanes and a job behind those that have none.
func (e *sqliteEngine) raise(ctx context.Context, tx *sql.Tx, byLane map[string][]*parcel) ([]string, error) {
	lanes := slices.Sorted(maps.Keys(byLane))
	raise, add := tx.StmtContext(ctx, e.batch.raise), tx.StmtContext(ctx, e.batch.item)
	var bare []string
	for _, lane := range lanes {
		var last, job int64
		parcels := byLane[lane]
		if err := raise.QueryRowContext(ctx, lane, len(parcels), 0, toMicros(parcels[0].ReceivedAt)).Scan(&last, &job); err != nil {
			return nil, fmt.Errorf("raise lane %s: %w", lane, err)
		}
		for i, p := range parcels {
			if _, err := add.ExecContext(ctx, lane, last-int64(len(parcels)-1-i), p.ID, toMicros(p.ReceivedAt)); err != nil {
				return nil, fmt.Errorf("add to lane %s: %w", lane, err)
			}
		}
		if job == 0 {
			bare = append(bare, lane)
		}
	}
	if len(bare) == 0 {
		return lanes, nil
	}
	jobs, err := e.jobs.insert(ctx, tx, bare, time.Now().Add(drainDelay))
	if err != nil {
		return nil, err
	}
	set := tx.StmtContext(ctx, e.batch.job)
	for lane, job := range jobs {
		if _, err := set.ExecContext(ctx, job, lane); err != nil {
			return nil, fmt.Errorf("raise lane %s: %w", lane, err)
		}
	}
	return lanes, nil
}

// repeated tells a repetition from another delivery under the same ID.
func repeated(hash []byte, p *parcel) Outcome {
	if slices.Equal(hash, p.hash[:]) {
		return Duplicate
	}
	return Conflict
}
