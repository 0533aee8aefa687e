package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
)

// KindDelivery is the Kind of items that are webhook deliveries.
const KindDelivery = store.KindDelivery

// Item is what a handler is given: the oldest thing in a lane that is due.
type Item struct {
	Lane string
	Seq  int64 // of its place in the lane
	// Kind is KindDelivery for a webhook delivery, else what it was posted as.
	Kind string
	Key  string
	// Payload is what was posted, as JSON; empty for a delivery.
	Payload json.RawMessage
	// Delivery is set for a webhook delivery.
	Delivery *event.Delivery
	// Attempt is 1 at first and counts failures in a row, not snoozes.
	Attempt  int
	PostedAt time.Time

	hold *hold
}

// hold is the claim under which an item was handed out.
type hold struct {
	claim   store.Claim
	item    store.LaneItem
	settled atomic.Bool
}

// Handler handles what arrives in lanes: one item of a lane at a time, in order, across processes. The context ends after
// Options.Timeout, when Stop's patience ends, and when the claim cannot be renewed. A panic is a Retry.
type Handler func(ctx context.Context, item Item) Outcome

// Decode reads the payload into v.
func (i Item) Decode(v any) error {
	if err := json.Unmarshal(i.Payload, v); err != nil {
		return fmt.Errorf("payload of %s in lane %s: %w", i.Kind, i.Lane, err)
	}
	return nil
}

// Settle marks the item as done in the handler's own transaction, so that what the transaction writes and the item's end
// are one commit: exactly once, whatever dies when. It fails with store.ErrStale if the lane has been given to another
// process meanwhile; the transaction must then be given up. Call it last in the transaction: it locks the lane, and
// deliveries for it wait. The handler returns Done afterwards; after the commit any other answer is ignored.
func (i Item) Settle(ctx context.Context, tx *store.Tx) error {
	if i.hold == nil {
		return errors.New("settle: the item was not handed out by a queue")
	}
	if err := tx.FinishItem(ctx, i.hold.claim, i.hold.item); err != nil {
		return err
	}
	tx.AfterCommit(func() { i.hold.settled.Store(true) })
	return nil
}

func newItem(claim store.Claim, i store.LaneItem) Item {
	return Item{Lane: i.Lane, Seq: i.Seq, Kind: i.Kind, Key: i.Key, Payload: i.Payload, Delivery: i.Delivery, Attempt: i.Attempts + 1,
		PostedAt: i.PostedAt, hold: &hold{claim: claim, item: i}}
}
