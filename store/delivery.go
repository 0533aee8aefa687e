package store

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/event"
)

// DeliveryState is how far the handling of a delivery has come.
type DeliveryState string

// States of a delivery.
const (
	DeliveryWaiting DeliveryState = "waiting" // stored, not handled yet or being handled
	DeliveryDone    DeliveryState = "done"
	DeliveryDead    DeliveryState = "dead" // given up after the last attempt; a replay starts over
)

// DeliveryRecord is a stored delivery.
type DeliveryRecord struct {
	event.Delivery // without Body in lists, and once it is pruned
	State          DeliveryState
	Attempts       int
	Problem        string // the last error
	HandledAt      time.Time
}

// deliveries maps all but the body, which is read for one delivery at a time.
func deliveries() table[DeliveryRecord] {
	return table[DeliveryRecord]{"deliveries", []string{"id"}, func(d *DeliveryRecord) []column {
		return []column{
			{"id", &d.ID}, {"name", &d.Name}, {"installation_id", &d.InstallationID}, {"repo_id", &d.RepoID},
			{"received_at", micros{&d.ReceivedAt}}, {"state", text[DeliveryState]{&d.State}}, {"attempts", &d.Attempts},
			{"problem", &d.Problem}, {"handled_at", micros{&d.HandledAt}},
		}
	}}
}

// Delivery returns a delivery with its body.
func (tx *Tx) Delivery(ctx context.Context, id string) (DeliveryRecord, error) {
	type packed struct {
		DeliveryRecord
		body []byte
	}
	d, err := table[packed]{"deliveries", []string{"id"}, func(p *packed) []column {
		return append(deliveries().columns(&p.DeliveryRecord), column{"body", blob{&p.body}})
	}}.one(ctx, tx, "id = ?", id)
	if err != nil {
		return DeliveryRecord{}, err
	}
	if d.Body, err = unpack(d.body); err != nil {
		return DeliveryRecord{}, fmt.Errorf("read delivery %s: %w", id, err)
	}
	return d.DeliveryRecord, nil
}

// DeliveryReceived is when a delivery came first; known is false where it was never stored.
func (tx *Tx) DeliveryReceived(ctx context.Context, id string) (at time.Time, known bool, err error) {
	known, err = tx.scalar(ctx, []any{micros{&at}}, "SELECT received_at FROM deliveries WHERE id = ?", id)
	return at, known, err
}

// Deliveries returns deliveries without bodies, newest first, at most limit. An empty state is any.
func (tx *Tx) Deliveries(ctx context.Context, state DeliveryState, limit int) ([]DeliveryRecord, error) {
	return deliveries().list(ctx, tx, "(state = ? OR ? = '') ORDER BY received_at DESC, id LIMIT ?", string(state), string(state), limit)
}

// DeadItems returns what was given up, newest first, at most limit. Payloads are left out.
func (tx *Tx) DeadItems(ctx context.Context, limit int) ([]LaneItem, error) {
	items, err := laneItems().list(ctx, tx, "dead_at > 0 ORDER BY dead_at DESC, lane, seq LIMIT ?", limit)
	for i := range items {
		items[i].Payload = nil
	}
	return items, err
}

// ReplayItem puts an item that was given up back into its place, as if it had not been tried.
func (tx *Tx) ReplayItem(ctx context.Context, lane string, seq int64) error {
	if _, err := tx.raise(ctx, lane, 0, time.Time{}); err != nil {
		return err
	}
	var id string
	found, err := tx.scalar(ctx, []any{&id}, `UPDATE lane_items SET dead_at = 0, due_at = 0, attempts = 0, held = TRUE
		WHERE lane = ? AND seq = ? AND dead_at > 0 RETURNING delivery_id`, lane, seq)
	if err == nil && !found {
		err = ErrNotFound
	}
	if err == nil && id != "" {
		err = tx.waits(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("replay item %d of lane %s: %w", seq, lane, err)
	}
	return nil
}

// ReplayDelivery has a delivery handled again: in its place if it was given up, at the end of its lane if it was done. One
// that is waiting is left alone. A delivery whose body was pruned is ErrNotFound.
func (tx *Tx) ReplayDelivery(ctx context.Context, id string) error {
	d, err := tx.Delivery(ctx, id)
	if err != nil || d.State == DeliveryWaiting {
		return err
	}
	if len(d.Body) == 0 {
		return fmt.Errorf("replay delivery %s: its body was removed after the retention time: %w", id, ErrNotFound)
	}
	var seq int64
	found, err := tx.scalar(ctx, []any{&seq}, "SELECT seq FROM lane_items WHERE lane = ? AND delivery_id = ? AND dead_at > 0 ORDER BY seq DESC", d.Lane(), id)
	if err != nil {
		return fmt.Errorf("replay delivery %s: %w", id, err)
	}
	if found {
		return tx.ReplayItem(ctx, d.Lane(), seq)
	}
	if err := tx.waits(ctx, id); err != nil {
		return fmt.Errorf("replay delivery %s: %w", id, err)
	}
	return tx.PostItem(ctx, LaneItem{Lane: d.Lane(), Kind: KindDelivery, DeliveryID: id})
}

func (tx *Tx) waits(ctx context.Context, id string) error {
	_, err := tx.exec(ctx, "UPDATE deliveries SET state = ?, attempts = 0 WHERE id = ?", string(DeliveryWaiting), id)
	return err
}
