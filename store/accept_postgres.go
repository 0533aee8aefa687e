package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/event"
)

// acceptBatch stores a batch by one statement: the deliveries that are new (added), the lanes of those (raised, whose rows
// are locked in the order of their names), and the items. It returns the ID of each delivery that was added and the name and
// job of each lane. A lane is raised by what the batch holds for it; the places of what was there before stay empty. Rows are
// given in the order of their keys, so that two batches with the same ones wait for each other and do not deadlock, and bodies
// go from the input straight into their table.
//
// acceptBacked is the same for a batch of which every lane has a job behind it, as it has while deliveries come one after
// another: such a batch needs nothing else, so that the statement is its own transaction, in one round trip. The lanes stay
// locked, so that no job leaves them meanwhile. Of another batch nothing is stored, and nothing returned.
const (
	acceptBatch  = "WITH" + acceptAdded + acceptRest
	acceptBacked = `WITH backed AS MATERIALIZED (
	SELECT name FROM lanes WHERE name = ANY($10) AND job_id <> 0 ORDER BY name FOR NO KEY UPDATE
),` + acceptAdded + "WHERE (SELECT count(*) FROM backed) = cardinality($10::text[])" + acceptRest

	acceptAdded = ` added AS (
	INSERT INTO deliveries (id, name, installation_id, repo_id, received_at, body, body_hash, state, attempts, problem, handled_at)
	SELECT id, name, installation_id, repo_id, received_at, body, body_hash, 'waiting', 0, '', 0
	FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[])
		AS d (id, name, installation_id, repo_id, received_at, body, body_hash)
	`
	acceptRest = ` ON CONFLICT (id) DO NOTHING RETURNING id
), fresh AS MATERIALIZED (
	SELECT * FROM unnest($1::text[], $5::bigint[], $8::text[], $9::bigint[]) AS i (id, received_at, lane, behind)
	WHERE id IN (SELECT id FROM added)
), raised AS (
	INSERT INTO lanes AS l (name, last_seq, is_open, due_at, owner, fence, lease_until, job_id, touched_at)
	SELECT name, places, TRUE, 0, '', 0, 0, 0, touched_at
	FROM unnest($10::text[], $11::bigint[], $12::bigint[]) AS r (name, places, touched_at) WHERE name IN (SELECT lane FROM fresh) ORDER BY name
	ON CONFLICT (name) DO UPDATE SET last_seq = l.last_seq + excluded.last_seq, due_at = 0, is_open = TRUE, touched_at = excluded.touched_at
	RETURNING name, last_seq, job_id
), placed AS (
	INSERT INTO lane_items (lane, seq, kind, own_key, waits_key, payload, delivery_id, posted_at, due_at, held, attempts, dead_at, problem)
	SELECT lane, last_seq - behind, '` + KindDelivery + `', '', '', '', id, received_at, 0, FALSE, 0, 0, ''
	FROM fresh JOIN raised ON raised.name = fresh.lane
)
SELECT id AS name, -1 AS job_id FROM added UNION ALL SELECT name, job_id FROM raised`
)

// accept stores a batch: in one round trip where every lane has its job, otherwise in a transaction of several.
func (e *postgresEngine) accept(ctx context.Context, batch []*parcel) (lanes []string, err error) {
	on, err := e.intake.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer on.Release()
	in := columnsOf(batch)
	stored, err := addBatch(ctx, on, acceptBacked, in)
	if err != nil {
		return nil, ended(err)
	}
	if len(stored.added) > 0 {
		if err := judge(ctx, on, batch, stored.added); err != nil {
			return nil, fmt.Errorf("%w: %w", event.ErrUnsure, err) // some of it is stored
		}
		return stored.lanes, nil
	}
	tx, err := on.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(ctx)
	if stored, err = addBatch(ctx, tx, acceptBatch, in); err != nil {
		return nil, err
	}
	if err := judge(ctx, tx, batch, stored.added); err != nil {
		return nil, err
	}
	if len(stored.bare) > 0 {
		if err := e.addJobs(ctx, tx, stored.bare); err != nil {
			return nil, err
		}
	}
	return stored.lanes, ended(tx.Commit(ctx))
}

// ended is the error of what commits. Unless the server said no, or nothing was sent, nobody knows whether it is committed.
func ended(err error) error {
	var problem *pgconn.PgError
	if err == nil || pgconn.SafeToRetry(err) || errors.Is(err, pgx.ErrTxCommitRollback) || errors.As(err, &problem) && !goingDown(problem) {
		return err
	}
	return fmt.Errorf("%w: %w", event.ErrUnsure, err)
}

// querier is a transaction, or a pool where each statement is one of its own.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// columnsOf is a batch as the statements take it: of each delivery its row, its lane and how many of the batch come behind it
// there, in the order of IDs; of each lane its name, how many the batch has for it, and when the first of them came, in the
// order of names. Of deliveries with one ID the first is stored.
func columnsOf(batch []*parcel) []any {
	byLane, behind := map[string][]*parcel{}, make(map[*parcel]int64, len(batch))
	for _, p := range slices.Backward(batch) {
		behind[p] = int64(len(byLane[p.lane]))
		byLane[p.lane] = append(byLane[p.lane], p)
	}
	rows := slices.Clone(batch)
	slices.SortStableFunc(rows, func(a, b *parcel) int { return cmp.Compare(a.ID, b.ID) })
	rows = slices.CompactFunc(rows, func(a, b *parcel) bool { return a.ID == b.ID })
	n := len(rows)
	ids, names, bodies, hashes, lanes := make([]string, n), make([]string, n), make([][]byte, n), make([][]byte, n), make([]string, n)
	installations, repos, received, behinds := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	for i, p := range rows {
		ids[i], names[i], bodies[i], hashes[i], lanes[i] = p.ID, p.Name, p.packed, p.hash[:], p.lane
		installations[i], repos[i], received[i], behinds[i] = p.InstallationID, p.RepoID, toMicros(p.ReceivedAt), behind[p]
	}
	raised := slices.Sorted(maps.Keys(byLane))
	places, touched := make([]int64, len(raised)), make([]int64, len(raised))
	for i, lane := range raised {
		of := byLane[lane]
		places[i], touched[i] = int64(len(of)), toMicros(of[len(of)-1].ReceivedAt)
	}
	return []any{ids, names, installations, repos, received, bodies, hashes, lanes, behinds, raised, places, touched}
}

// addedBatch is what a statement stored.
type addedBatch struct {
	added map[string]bool // deliveries, by ID
	lanes []string        // raised
	bare  []string        // those of them without a job behind them
}

func addBatch(ctx context.Context, q querier, statement string, in []any) (addedBatch, error) {
	rows, err := q.Query(ctx, statement, in...)
	if err != nil {
		return addedBatch{}, err
	}
	stored := addedBatch{added: map[string]bool{}}
	var name string
	var job int64
	_, err = pgx.ForEachRow(rows, []any{&name, &job}, func() error {
		if job < 0 {
			stored.added[name] = true
			return nil
		}
		stored.lanes = append(stored.lanes, name)
		if job == 0 {
			stored.bare = append(stored.bare, name)
		}
		return nil
	})
	return stored, err
}

// judge decides what each parcel is, in the order they came: of two with one ID the first was added.
func judge(ctx context.Context, q querier, batch []*parcel, added map[string]bool) error {
	for _, p := range batch {
		if added[p.ID] {
			p.outcome, added[p.ID] = Accepted, false
			continue
		}
		var hash []byte
		if err := q.QueryRow(ctx, "SELECT body_hash FROM deliveries WHERE id = $1", p.ID).Scan(&hash); err != nil {
			return err
		}
		p.outcome = repeated(hash, p)
	}
	return nil
}

// addJobs puts jobs behind lanes that have none.
func (e *postgresEngine) addJobs(ctx context.Context, tx pgx.Tx, lanes []string) error {
	jobs, err := e.jobs.insert(ctx, tx, lanes, time.Now().Add(drainDelay))
	if err != nil {
		return err
	}
	ids := make([]int64, len(lanes))
	for i, lane := range lanes {
		ids[i] = jobs[lane]
	}
	_, err = tx.Exec(ctx, "UPDATE lanes SET job_id = job.id FROM unnest($1::text[], $2::bigint[]) AS job (lane, id) WHERE lanes.name = job.lane", lanes, ids)
	return err
}
