package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

func (e *postgresEngine) accept(ctx context.Context, batch []*parcel) (lanes []string, err error) {
	err = pgx.BeginFunc(ctx, e.intake, func(tx pgx.Tx) error {
		byLane, err := e.addDeliveries(ctx, tx, batch)
		if err != nil || len(byLane) == 0 {
			return err
		}
		lanes, err = e.raise(ctx, tx, byLane)
		return err
	})
	return lanes, err
}

// addDeliveries inserts a batch by one statement, decides what each parcel is and returns the new ones by lane. The rows
// go in by the order of their IDs, so that two batches with the same deliveries wait for each other and do not deadlock.
func (e *postgresEngine) addDeliveries(ctx context.Context, tx pgx.Tx, batch []*parcel) (map[string][]*parcel, error) {
	sorted := slices.SortedStableFunc(slices.Values(batch), func(a, b *parcel) int { return strings.Compare(a.ID, b.ID) })
	n := len(sorted)
	ids, names, bodies, hashes := make([]string, n), make([]string, n), make([][]byte, n), make([][]byte, n)
	installations, repos, received := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, p := range sorted {
		ids[i], names[i], bodies[i], hashes[i] = p.ID, p.Name, p.packed, p.hash[:]
		installations[i], repos[i], received[i] = p.InstallationID, p.RepoID, toMicros(p.ReceivedAt)
	}
	rows, err := tx.Query(ctx, `INSERT INTO deliveries (id, name, installation_id, repo_id, received_at, body, body_hash, state, attempts, problem, handled_at)
		SELECT *, 'waiting', 0, '', 0 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[])
		ON CONFLICT (id) DO NOTHING RETURNING id`, ids, names, installations, repos, received, bodies, hashes)
	if err != nil {
		return nil, err
	}
	added, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	isNew := make(map[string]bool, len(added))
	for _, id := range added {
		isNew[id] = true
	}
	byLane := map[string][]*parcel{}
	for _, p := range batch { // in the order they came
		if isNew[p.ID] {
			p.outcome, isNew[p.ID] = Accepted, false
			byLane[p.lane] = append(byLane[p.lane], p)
			continue
		}
		var hash []byte
		if err := tx.QueryRow(ctx, "SELECT body_hash FROM deliveries WHERE id = $1", p.ID).Scan(&hash); err != nil {
			return nil, err
		}
		p.outcome = repeated(hash, p)
	}
	return byLane, nil
}

// raise puts the parcels into their lanes, whose rows it locks in the order of their names, and a job behind those that
// have none.
func (e *postgresEngine) raise(ctx context.Context, tx pgx.Tx, byLane map[string][]*parcel) ([]string, error) {
	lanes := slices.Sorted(maps.Keys(byLane))
	counts := make([]int64, len(lanes))
	for i, lane := range lanes {
		counts[i] = int64(len(byLane[lane]))
	}
	rows, err := tx.Query(ctx, `INSERT INTO lanes AS l (name, last_seq, is_open, due_at, owner, fence, lease_until, job_id, touched_at)
		SELECT name, n, TRUE, 0, '', 0, 0, 0, $3::bigint FROM unnest($1::text[], $2::bigint[]) AS raised (name, n)
		ON CONFLICT (name) DO UPDATE SET last_seq = l.last_seq + excluded.last_seq, due_at = 0, is_open = TRUE, touched_at = excluded.touched_at
		RETURNING name, last_seq, job_id`, lanes, counts, toMicros(byLane[lanes[0]][0].ReceivedAt))
	if err != nil {
		return nil, err
	}
	var of, ids, bare []string
	var seqs, posted []int64
	var lane string
	var last, job int64
	if _, err := pgx.ForEachRow(rows, []any{&lane, &last, &job}, func() error {
		for i, p := range byLane[lane] {
			of, ids = append(of, lane), append(ids, p.ID)
			seqs, posted = append(seqs, last-int64(len(byLane[lane])-1-i)), append(posted, toMicros(p.ReceivedAt))
		}
		if job == 0 {
			bare = append(bare, lane)
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("raise lanes: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO lane_items (lane, seq, kind, own_key, waits_key, payload, delivery_id, posted_at, due_at, held, attempts, dead_at, problem)
		SELECT lane, seq, '`+KindDelivery+`', '', '', '', id, posted, 0, FALSE, 0, 0, ''
		FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[]) AS item (lane, seq, id, posted)`, of, seqs, ids, posted); err != nil {
		return nil, fmt.Errorf("add to lanes: %w", err)
	}
	if len(bare) == 0 {
		return lanes, nil
	}
	jobs, err := e.jobs.insert(ctx, tx, bare, time.Now().Add(drainDelay))
	if err != nil {
		return nil, err
	}
	names := slices.Collect(maps.Keys(jobs))
	values := make([]int64, len(names))
	for i, name := range names {
		values[i] = jobs[name]
	}
	_, err = tx.Exec(ctx, `UPDATE lanes SET job_id = job.id FROM unnest($1::text[], $2::bigint[]) AS job (lane, id) WHERE lanes.name = job.lane`, names, values)
	return lanes, err
}
