package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// acceptBatch stores a batch by one statement: the deliveries that are new (added), the places they get in their lanes
// (raised, whose rows are locked in the order of their names), and the items. It returns the ID of each delivery that was
// added and the name and job of each lane. Rows are inserted in the order of their keys, so that two batches with the
// same ones wait for each other and do not deadlock.
const acceptBatch = `WITH input AS MATERIALIZED (
	SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[], $8::text[])
		WITH ORDINALITY AS i (id, name, installation_id, repo_id, received_at, body, body_hash, lane, n)
), added AS (
	INSERT INTO deliveries (id, name, installation_id, repo_id, received_at, body, body_hash, state, attempts, problem, handled_at)
	SELECT id, name, installation_id, repo_id, received_at, body, body_hash, 'waiting', 0, '', 0 FROM input ORDER BY id, n
	ON CONFLICT (id) DO NOTHING RETURNING id
), fresh AS (
	SELECT lane, id, received_at, row_number() OVER (PARTITION BY lane ORDER BY n) AS place, count(*) OVER (PARTITION BY lane) AS places
	FROM (SELECT DISTINCT ON (id) id, lane, received_at, n FROM input JOIN added USING (id) ORDER BY id, n) AS first
), raised AS (
	INSERT INTO lanes AS l (name, last_seq, is_open, due_at, owner, fence, lease_until, job_id, touched_at)
	SELECT lane, places, TRUE, 0, '', 0, 0, 0, received_at FROM fresh WHERE place = 1 ORDER BY lane
	ON CONFLICT (name) DO UPDATE SET last_seq = l.last_seq + excluded.last_seq, due_at = 0, is_open = TRUE, touched_at = excluded.touched_at
	RETURNING name, last_seq, job_id
), placed AS (
	INSERT INTO lane_items (lane, seq, kind, own_key, waits_key, payload, delivery_id, posted_at, due_at, held, attempts, dead_at, problem)
	SELECT lane, last_seq - places + place, '` + KindDelivery + `', '', '', '', id, received_at, 0, FALSE, 0, 0, ''
	FROM fresh JOIN raised ON raised.name = fresh.lane
)
SELECT id AS name, -1 AS job_id FROM added UNION ALL SELECT name, job_id FROM raised`

// accept stores a batch in three round trips: begin, the statement, commit.
func (e *postgresEngine) accept(ctx context.Context, batch []*parcel) (lanes []string, err error) {
	err = pgx.BeginFunc(ctx, e.intake, func(tx pgx.Tx) error {
		added, bare, err := addBatch(ctx, tx, batch, &lanes)
		if err != nil {
			return err
		}
		if err := judge(ctx, tx, batch, added); err != nil || len(bare) == 0 {
			return err
		}
		return e.addJobs(ctx, tx, bare)
	})
	return lanes, err
}

// addBatch stores the batch and fills in its lanes. bare are those without a job behind them.
func addBatch(ctx context.Context, tx pgx.Tx, batch []*parcel, lanes *[]string) (added map[string]bool, bare []string, err error) {
	n := len(batch)
	ids, names, bodies, hashes, of := make([]string, n), make([]string, n), make([][]byte, n), make([][]byte, n), make([]string, n)
	installations, repos, received := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, p := range batch {
		ids[i], names[i], bodies[i], hashes[i], of[i] = p.ID, p.Name, p.packed, p.hash[:], p.lane
		installations[i], repos[i], received[i] = p.InstallationID, p.RepoID, toMicros(p.ReceivedAt)
	}
	rows, err := tx.Query(ctx, acceptBatch, ids, names, installations, repos, received, bodies, hashes, of)
	if err != nil {
		return nil, nil, err
	}
	added, *lanes = make(map[string]bool, n), nil
	var name string
	var job int64
	_, err = pgx.ForEachRow(rows, []any{&name, &job}, func() error {
		if job < 0 {
			added[name] = true
			return nil
		}
		*lanes = append(*lanes, name)
		if job == 0 {
			bare = append(bare, name)
		}
		return nil
	})
	return added, bare, err
}

// judge decides what each parcel is, in the order they came: of two with one ID the first was added.
func judge(ctx context.Context, tx pgx.Tx, batch []*parcel, added map[string]bool) error {
	for _, p := range batch {
		if added[p.ID] {
			p.outcome, added[p.ID] = Accepted, false
			continue
		}
		var hash []byte
		if err := tx.QueryRow(ctx, "SELECT body_hash FROM deliveries WHERE id = $1", p.ID).Scan(&hash); err != nil {
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
