package store

import (
	"context"
	"fmt"
	"time"
)

// KeepIDs is how long the ID of a delivery is kept at least, so that it is known as a duplicate: GitHub redelivers what
// is up to three days old, and people replay older ones.
const KeepIDs = 30 * 24 * time.Hour

// pruneStep bounds how much one transaction removes, so that deliveries do not wait for it.
const pruneStep = 500

// Prune removes what nobody asks for any more: bodies of deliveries that are done and were received before the time, their
// rows once they are older than KeepIDs too, operations that ended as long ago, the rows of lanes that were empty all that
// time, totals of tests older than KeepTestTotals, and what was noted as long ago of commits that are no heads any more. Waiting and dead deliveries, and all other records, stay. It returns
// how many deliveries it touched.
func (s *Store) Prune(ctx context.Context, before time.Time) (int, error) {
	old := s.now().Add(-KeepIDs)
	if before.Before(old) {
		old = before
	}
	total := 0
	for _, p := range []struct {
		statement string
		before    time.Time
		besides   bool // these are no deliveries
	}{
		{"DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE state = 'done' AND received_at < ? ORDER BY received_at LIMIT ?)", old, false},
		{"UPDATE deliveries SET body = ? WHERE id IN (SELECT id FROM deliveries WHERE state = 'done' AND received_at < ? AND length(body) > 0 ORDER BY received_at LIMIT ?)", before, false},
		{`DELETE FROM lanes WHERE name IN (SELECT name FROM lanes WHERE NOT is_open AND job_id = 0 AND owner = '' AND touched_at < ?
			AND NOT EXISTS (SELECT 1 FROM lane_items WHERE lane = name) LIMIT ?)`, before, true},
		{"DELETE FROM operations WHERE id IN (SELECT id FROM operations WHERE status <> 'waiting' AND created_at < ? ORDER BY created_at LIMIT ?)", old, true},
		{"DELETE FROM test_totals WHERE action_id IN (SELECT action_id FROM test_totals WHERE at < ? ORDER BY at LIMIT ?)", s.now().Add(-KeepTestTotals), true},
	} {
		args := []any{toMicros(p.before), pruneStep}
		if p.statement[:6] == "UPDATE" {
			args = append([]any{[]byte{}}, args...)
		}
		for {
			var n int64
			err := s.Write(ctx, func(tx *Tx) (err error) {
				n, err = tx.exec(ctx, p.statement, args...)
				return err
			})
			if err != nil {
				return total, fmt.Errorf("prune: %w", err)
			}
			if !p.besides {
				total += int(n)
			}
			if n < pruneStep {
				break
			}
		}
	}
	return total, s.pruneNotes(ctx, old)
}
