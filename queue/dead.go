package queue

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/store"
)

// DeadLetter is an item or job that was given up.
type DeadLetter struct {
	Lane       string
	Seq        int64
	Kind       string
	Key        string
	DeliveryID string // of a webhook delivery
	Problem    string
	Attempts   int
	At         time.Time
}

// DeadLetters returns what was given up, newest first, at most limit.
func (q *Queue) DeadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	var letters []DeadLetter
	err := q.store.Read(ctx, func(tx *store.Tx) error {
		items, err := tx.DeadItems(ctx, limit)
		letters = make([]DeadLetter, len(items))
		for n, i := range items {
			letters[n] = DeadLetter{Lane: i.Lane, Seq: i.Seq, Kind: i.Kind, Key: i.Key, DeliveryID: i.DeliveryID, Problem: i.Problem,
				Attempts: i.Attempts, At: i.DeadAt}
		}
		return err
	})
	return letters, err
}

// Replay starts a dead item or job over, in its place. One that is not dead is store.ErrNotFound.
func (q *Queue) Replay(ctx context.Context, lane string, seq int64) error {
	return q.store.Write(ctx, func(tx *store.Tx) error { return tx.ReplayItem(ctx, lane, seq) })
}

// ReplayDelivery has a delivery handled again: in its place if it is dead, at the end of its lane if it is done. One that
// waits is left alone.
func (q *Queue) ReplayDelivery(ctx context.Context, id string) error {
	return q.store.Write(ctx, func(tx *store.Tx) error { return tx.ReplayDelivery(ctx, id) })
}
