package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Claim is the right to work on a lane. It ends when it is settled with nothing left, released, or its lease runs out
// without being renewed; a claim that ended writes nothing, since every write of it names Owner and Fence.
type Claim struct {
	Lane  string
	Owner string
	Fence int64
}

// Turn is when and for how long a claim is used: Now by the caller's clock decides what is due, Lease counts from the
// database's clock.
type Turn struct {
	Now   time.Time
	Lease time.Duration
}

// Result is what became of an item that was handed out.
type Result int

// Results of an item.
const (
	ItemDone  Result = iota + 1 // finished: it is removed
	ItemGone                    // finished and removed by FinishItem
	ItemLater                   // not the time yet: again at DueAt
	ItemRetry                   // failed: again at DueAt
	ItemDead                    // failed for good: kept
)

// Settlement is the end of an item's turn.
type Settlement struct {
	Item    LaneItem
	Result  Result
	DueAt   time.Time // for ItemLater and ItemRetry
	Problem string    // for ItemRetry and ItemDead
}

// Next is what a claim is for: the item to handle now.
type Next struct {
	// Item is nil when nothing is due; the claim has ended then.
	Item *LaneItem
	// DueAt is, without an item, when the lane is due next; zero: nothing is in it, or another owner has it.
	DueAt time.Time
}

// ClaimLane gives a lane to the owner, with the first item that is due. It returns no item if another owner has the lane
// or nothing in it is due. What the owner has claimed before it is given again, under another fence: an owner must know
// itself which lanes it works on.
func (s *Store) ClaimLane(ctx context.Context, lane, owner string, turn Turn) (c Claim, next Next, err error) {
	err = s.WriteDelayed(ctx, func(tx *Tx) error {
		c, next = Claim{Lane: lane, Owner: owner}, Next{}
		ok, err := tx.scalar(ctx, []any{&c.Fence}, `UPDATE lanes SET owner = ?, fence = fence + 1, lease_until = `+s.engine.clock()+` + ?
			WHERE name = ? AND is_open AND due_at <= ? AND (owner IN ('', ?) OR lease_until < `+s.engine.clock()+`) RETURNING fence`,
			owner, turn.Lease.Microseconds(), lane, toMicros(turn.Now), owner)
		if err != nil || !ok {
			return err
		}
		next, err = tx.handOut(ctx, c, turn)
		return err
	})
	if err != nil {
		return Claim{}, Next{}, fmt.Errorf("claim lane %s: %w", lane, err)
	}
	return c, next, nil
}

// Settle ends an item's turn and hands out the next one that is due; without one the claim ends. If the claim has ended
// meanwhile nothing is written, and the error is ErrStale.
//
// It survives the end of the process, and does not wait for the disk: after a power cut an item may be handed out
// again. Whoever needs more calls FinishItem in the transaction that writes what came of the item.
func (s *Store) Settle(ctx context.Context, c Claim, end Settlement, turn Turn) (next Next, err error) {
	err = s.write(ctx, end.Result == ItemDead, func(tx *Tx) error {
		if err := tx.confirm(ctx, c, turn.Lease); err != nil {
			return err
		}
		if err := tx.settle(ctx, end, turn.Now); err != nil {
			return err
		}
		next, err = tx.handOut(ctx, c, turn)
		return err
	})
	if err != nil {
		return Next{}, fmt.Errorf("settle item %d of lane %s: %w", end.Item.Seq, c.Lane, err)
	}
	return next, nil
}

// FinishItem removes an item as done within the transaction of whoever handled it. If the claim or the item has ended
// meanwhile it is ErrStale, and the transaction must be given up.
func (tx *Tx) FinishItem(ctx context.Context, c Claim, item LaneItem) error {
	if err := tx.confirm(ctx, c, 0); err != nil {
		return err
	}
	return tx.settle(ctx, Settlement{Item: item, Result: ItemDone}, tx.store.now())
}

// confirm locks the lane and makes sure that the claim is still in force. A lease of 0 is not prolonged.
func (tx *Tx) confirm(ctx context.Context, c Claim, lease time.Duration) error {
	until := "lease_until"
	if lease > 0 {
		until = tx.store.engine.clock()
	}
	n, err := tx.exec(ctx, "UPDATE lanes SET lease_until = "+until+" + ? WHERE name = ? AND owner = ? AND fence = ?",
		lease.Microseconds(), c.Lane, c.Owner, c.Fence)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("lane %s was given to another worker: %w", c.Lane, ErrStale)
	}
	return nil
}

// settle writes what became of an item. The lane is locked.
func (tx *Tx) settle(ctx context.Context, end Settlement, now time.Time) error {
	i := end.Item
	var n int64
	var err error
	switch end.Result {
	case ItemGone:
		return nil
	case ItemDone:
		n, err = tx.exec(ctx, "DELETE FROM lane_items WHERE lane = ? AND seq = ? AND dead_at = 0", i.Lane, i.Seq)
	case ItemDead:
		n, err = tx.exec(ctx, "UPDATE lane_items SET dead_at = ?, waits_key = '', attempts = attempts + 1, problem = ? WHERE lane = ? AND seq = ? AND dead_at = 0",
			toMicros(now), end.Problem, i.Lane, i.Seq)
	case ItemRetry, ItemLater:
		n, err = tx.again(ctx, end)
	}
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("item %d of lane %s was settled by another worker: %w", i.Seq, i.Lane, ErrStale)
	}
	if i.DeliveryID == "" || end.Result == ItemLater {
		return nil
	}
	return tx.later(ctx, "settle delivery "+i.DeliveryID, "UPDATE deliveries SET state = ?, attempts = ?, problem = ?, handled_at = ? WHERE id = ?",
		string(deliveryState(end.Result)), i.Attempts+1, end.Problem, toMicros(now), i.DeliveryID)
}

func deliveryState(r Result) DeliveryState {
	switch r {
	case ItemDone:
		return DeliveryDone
	case ItemDead:
		return DeliveryDead
	}
	return DeliveryWaiting
}

// again puts an item back into its place. It stands for its key again; one that was posted under the key while it was
// handed out is folded into it.
func (tx *Tx) again(ctx context.Context, end Settlement) (int64, error) {
	i, due := end.Item, toMicros(end.DueAt)
	if i.Key != "" {
		var payload []byte
		var newer int64
		found, err := tx.scalar(ctx, []any{&payload, &newer}, "DELETE FROM lane_items WHERE lane = ? AND waits_key = ? AND seq <> ? RETURNING payload, due_at",
			i.Lane, i.Key, i.Seq)
		if err != nil {
			return 0, err
		}
		if found {
			i.Payload = payload
			if end.Result == ItemLater {
				due = min(due, newer)
			}
		}
	}
	failures := 0 // in a row: to say "later" is a success
	if end.Result == ItemRetry {
		failures = i.Attempts + 1
	}
	return tx.exec(ctx, "UPDATE lane_items SET due_at = ?, payload = ?, waits_key = own_key, held = TRUE, attempts = ?, problem = ? WHERE lane = ? AND seq = ? AND dead_at = 0",
		due, append([]byte{}, i.Payload...), failures, end.Problem, i.Lane, i.Seq)
}

// handOut returns the first item of a lane that is due, or ends the claim. The lane is locked. An item that was handed
// out before holds the lane up until it is due; one that was not is passed by until then.
func (tx *Tx) handOut(ctx context.Context, c Claim, turn Turn) (Next, error) {
	item, err := laneItems().one(ctx, tx, "lane = ? AND dead_at = 0 AND (due_at <= ? OR held) ORDER BY seq", c.Lane, toMicros(turn.Now))
	switch {
	case errors.Is(err, ErrNotFound):
		return tx.release(ctx, c, nil)
	case err != nil:
		return Next{}, err
	case item.DueAt.After(turn.Now):
		return tx.release(ctx, c, &item)
	}
	if item.Key != "" {
		if err := tx.later(ctx, "hand out", "UPDATE lane_items SET waits_key = '', held = TRUE WHERE lane = ? AND seq = ?", c.Lane, item.Seq); err != nil {
			return Next{}, err
		}
	}
	if item.DeliveryID != "" {
		switch d, err := tx.Delivery(ctx, item.DeliveryID); {
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrDamaged):
			item.Problem = err.Error() // handed out without Delivery: the lane must not stop for it
		case err != nil:
			return Next{}, err
		default:
			item.Delivery = &d.Delivery
		}
	}
	return Next{Item: &item}, nil
}

// release ends the claim. head is what holds the lane up; without one it is due with the earliest of what is left.
func (tx *Tx) release(ctx context.Context, c Claim, head *LaneItem) (Next, error) {
	var all, left, due int64
	if _, err := tx.scalar(ctx, []any{&all, &left, &due}, `SELECT COUNT(*), COUNT(*) FILTER (WHERE dead_at = 0), COALESCE(MIN(due_at) FILTER (WHERE dead_at = 0), 0)
		FROM lane_items WHERE lane = ?`, c.Lane); err != nil {
		return Next{}, err
	}
	if all == 0 && strings.HasPrefix(c.Lane, JobLane) {
		if ended, err := tx.endLane(ctx, c.Lane); ended || err != nil {
			return Next{}, err
		}
	}
	if head != nil {
		due = toMicros(head.DueAt)
	}
	err := tx.later(ctx, "end the claim", "UPDATE lanes SET owner = '', lease_until = 0, is_open = ?, due_at = ? WHERE name = ? AND owner = ? AND fence = ?",
		left > 0, due, c.Lane, c.Owner, c.Fence)
	return Next{DueAt: fromMicros(due)}, err
}

// endLane removes the empty lane of a job that is done, with the River job behind it: nothing will be posted to it again
// soon, and there are many. The lane is locked. It stays if its River job is running.
func (tx *Tx) endLane(ctx context.Context, lane string) (ended bool, err error) {
	var job int64
	if _, err := tx.scalar(ctx, []any{&job}, "SELECT job_id FROM lanes WHERE name = ?", lane); err != nil {
		return false, err
	}
	if ended, err = tx.store.engine.removeDrain(ctx, tx.conn, job); ended && err == nil {
		err = tx.later(ctx, "remove the lane", "DELETE FROM lanes WHERE name = ?", lane)
	}
	return ended, err
}

// RenewClaims prolongs all claims of an owner.
func (s *Store) RenewClaims(ctx context.Context, owner string, lease time.Duration) error {
	err := s.WriteDelayed(ctx, func(tx *Tx) error {
		return tx.later(ctx, "lanes", "UPDATE lanes SET lease_until = "+s.engine.clock()+" + ? WHERE owner = ?", lease.Microseconds(), owner)
	})
	if err != nil {
		return fmt.Errorf("renew the claims of %s: %w", owner, err)
	}
	return nil
}

// ReleaseClaims gives all lanes of an owner back, so that another one need not wait for the leases to run out.
func (s *Store) ReleaseClaims(ctx context.Context, owner string) error {
	err := s.WriteDelayed(ctx, func(tx *Tx) error {
		return tx.later(ctx, "lanes", "UPDATE lanes SET owner = '', lease_until = 0 WHERE owner = ?", owner)
	})
	if err != nil {
		return fmt.Errorf("release the claims of %s: %w", owner, err)
	}
	return nil
}
