package store

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/event"
)

// KindDelivery is the kind of a lane item that is a webhook delivery.
const KindDelivery = "delivery"

// JobLane is how the names of lanes begin that are for one job each. Such a lane is removed when it is empty.
const JobLane = "job:"

// LaneItem is a place in a lane: a delivery, a fact, a job.
type LaneItem struct {
	Lane string
	Seq  int64 // of its place
	Kind string
	// Key makes the item the only one of its lane with this key that waits to be handed out. Empty: no such limit.
	Key     string
	Payload []byte
	// DeliveryID names the delivery of an item of KindDelivery; Delivery has it once the item is handed out, unless it
	// cannot be read any more: then Problem says why.
	DeliveryID string
	Delivery   *event.Delivery
	PostedAt   time.Time
	DueAt      time.Time // zero: at once
	// Attempts is how often it failed in a row, Problem how it failed last.
	Attempts int
	Problem  string
	// DeadAt is when it was given up. Zero: it was not.
	DeadAt time.Time
}

func laneItems() table[LaneItem] {
	return table[LaneItem]{"lane_items", []string{"lane", "seq"}, func(i *LaneItem) []column {
		return []column{
			{"lane", &i.Lane}, {"seq", &i.Seq}, {"kind", &i.Kind}, {"own_key", &i.Key}, {"payload", blob{&i.Payload}},
			{"delivery_id", &i.DeliveryID}, {"posted_at", micros{&i.PostedAt}}, {"due_at", micros{&i.DueAt}},
			{"attempts", &i.Attempts}, {"dead_at", micros{&i.DeadAt}}, {"problem", &i.Problem},
		}
	}}
}

// raiseLane opens a lane, gives out places in it and makes it due. Its row stays locked until the commit.
const raiseLane = `INSERT INTO lanes (name, last_seq, is_open, due_at, owner, fence, lease_until, job_id, touched_at)
	VALUES (?, ?, TRUE, ?, '', 0, 0, 0, ?)
	ON CONFLICT (name) DO UPDATE SET last_seq = lanes.last_seq + excluded.last_seq, is_open = TRUE, touched_at = excluded.touched_at,
		due_at = CASE WHEN lanes.is_open AND lanes.due_at < excluded.due_at THEN lanes.due_at ELSE excluded.due_at END
	RETURNING last_seq, job_id`

// PostItem puts an item at the end of its lane. With a Key, and an item of that key still waiting, that one takes the new
// Payload and the earlier of the two times instead (a failed one keeps its pause). Seq and Attempts are set here; a
// zero PostedAt is now.
func (tx *Tx) PostItem(ctx context.Context, i LaneItem) error {
	if i.PostedAt.IsZero() {
		i.PostedAt = tx.store.now()
	}
	seq, err := tx.raise(ctx, i.Lane, 1, i.DueAt)
	if err != nil {
		return err
	}
	return tx.later(ctx, fmt.Sprintf("post %s to lane %s", i.Kind, i.Lane), `INSERT INTO lane_items (lane, seq, kind, own_key, waits_key, payload, delivery_id, posted_at, due_at, held, attempts, dead_at, problem)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, FALSE, 0, 0, '')
		ON CONFLICT (lane, waits_key) WHERE waits_key <> '' DO UPDATE SET payload = excluded.payload,
			due_at = CASE WHEN lane_items.attempts > 0 OR lane_items.due_at < excluded.due_at THEN lane_items.due_at ELSE excluded.due_at END`,
		i.Lane, seq, i.Kind, i.Key, i.Key, append([]byte{}, i.Payload...), i.DeliveryID, toMicros(i.PostedAt), toMicros(i.DueAt))
}

// raise locks the lane, gives out n places in it, of which it returns the last, and sees to it that a job stands behind it.
func (tx *Tx) raise(ctx context.Context, lane string, n int, due time.Time) (last int64, err error) {
	var job int64
	if _, err := tx.scalar(ctx, []any{&last, &job}, raiseLane, lane, n, toMicros(due), toMicros(tx.store.now())); err != nil {
		return 0, fmt.Errorf("raise lane %s: %w", lane, err)
	}
	if job == 0 {
		at := time.Now()
		if due.After(at) {
			at = due
		}
		jobs, err := tx.store.engine.insertDrains(ctx, tx.conn, []string{lane}, at.Add(drainDelay))
		if err != nil {
			return 0, err
		}
		if err := tx.later(ctx, "raise lane "+lane, "UPDATE lanes SET job_id = ? WHERE name = ?", jobs[lane], lane); err != nil {
			return 0, err
		}
	}
	if tx.raised == nil {
		tx.raised = map[string]bool{}
	}
	tx.raised[lane] = true
	return last, nil
}

// LaneWait is why a lane stands still.
type LaneWait struct {
	Until time.Time // when it goes on
	Why   string
}

// Waits tells what holds a lane up: an item that was handed out, and is to be handed out again at a later time for a reason. The zero
// LaneWait: nothing does.
func (tx *Tx) Waits(ctx context.Context, lane string, now time.Time) (w LaneWait, err error) {
	_, err = tx.scalar(ctx, []any{micros{&w.Until}, &w.Why}, "SELECT due_at, problem FROM lane_items WHERE lane = ? AND dead_at = 0 AND held AND due_at > ? AND problem <> '' ORDER BY seq LIMIT 1",
		lane, toMicros(now))
	if err != nil {
		return LaneWait{}, fmt.Errorf("what holds lane %s up: %w", lane, err)
	}
	return w, nil
}

// DueLanes returns lanes with something due that no other owner works on, longest due first, at most limit.
func (tx *Tx) DueLanes(ctx context.Context, owner string, now time.Time, limit int) ([]string, error) {
	r, err := tx.query(ctx, "SELECT name FROM lanes WHERE is_open AND due_at <= ? AND (owner IN ('', ?) OR lease_until < "+tx.store.engine.clock()+
		") ORDER BY due_at, touched_at LIMIT ?", toMicros(now), owner, limit)
	if err != nil {
		return nil, fmt.Errorf("look for due lanes: %w", err)
	}
	defer r.Close()
	var lanes []string
	for r.Next() {
		var lane string
		if err := r.Scan(&lane); err != nil {
			return nil, fmt.Errorf("look for due lanes: %w", err)
		}
		lanes = append(lanes, lane)
	}
	return lanes, r.Err()
}

// LaneLoad is how much there is to do.
type LaneLoad struct {
	Due       int // items due
	Later     int // items due later
	Dead      int // items given up
	OpenLanes int // lanes with something due, those being worked on included
	BusyLanes int // lanes being worked on, in all processes
	// OldestDelivery is when the oldest delivery came that is not handled; zero: there is none.
	OldestDelivery time.Time
}

// Load counts what there is to do in lanes.
func (tx *Tx) Load(ctx context.Context, now time.Time) (LaneLoad, error) {
	var l LaneLoad
	at := toMicros(now)
	for _, q := range []struct {
		dest  []any
		query string
		args  []any
	}{
		{[]any{&l.Due, &l.Later, &l.Dead, micros{&l.OldestDelivery}}, `SELECT COUNT(*) FILTER (WHERE dead_at = 0 AND due_at <= ?),
			COUNT(*) FILTER (WHERE dead_at = 0 AND due_at > ?), COUNT(*) FILTER (WHERE dead_at > 0),
			COALESCE(MIN(posted_at) FILTER (WHERE dead_at = 0 AND delivery_id <> ''), 0) FROM lane_items`, []any{at, at}},
		{[]any{&l.OpenLanes}, "SELECT COUNT(*) FROM lanes WHERE is_open AND due_at <= ?", []any{at}},
		{[]any{&l.BusyLanes}, "SELECT COUNT(*) FROM lanes WHERE owner <> '' AND lease_until >= " + tx.store.engine.clock(), nil},
	} {
		if _, err := tx.scalar(ctx, q.dest, q.query, q.args...); err != nil {
			return LaneLoad{}, fmt.Errorf("count what is to be done: %w", err)
		}
	}
	return l, nil
}

// OpenLanes counts lanes with something due, those being worked on included: 0 means that there is nothing to do now.
func (tx *Tx) OpenLanes(ctx context.Context, now time.Time) (int, error) {
	var n int
	if _, err := tx.scalar(ctx, []any{&n}, "SELECT COUNT(*) FROM lanes WHERE is_open AND due_at <= ?", toMicros(now)); err != nil {
		return 0, fmt.Errorf("count open lanes: %w", err)
	}
	return n, nil
}

// NextDue is when the next lane becomes due that is not; zero: none will.
func (tx *Tx) NextDue(ctx context.Context, now time.Time) (time.Time, error) {
	var at time.Time
	if _, err := tx.scalar(ctx, []any{micros{&at}}, "SELECT COALESCE(MIN(due_at), 0) FROM lanes WHERE is_open AND due_at > ?", toMicros(now)); err != nil {
		return time.Time{}, fmt.Errorf("look for the next due lane: %w", err)
	}
	return at, nil
}

// CloseDrain tells whether a lane has nothing more to do, and if so takes its drain job out of it: the caller completes the
// job in this transaction. The lane's row stays locked until the commit, so nothing is posted in between. If there is
// something to do, due is when.
func (tx *Tx) CloseDrain(ctx context.Context, lane string) (closed bool, due time.Time, err error) {
	n, err := tx.exec(ctx, "UPDATE lanes SET job_id = 0 WHERE name = ? AND NOT is_open", lane)
	if err != nil || n > 0 {
		return n > 0, time.Time{}, err
	}
	open, err := tx.scalar(ctx, []any{micros{&due}}, "SELECT due_at FROM lanes WHERE name = ?", lane)
	return !open && err == nil, due, err
}
