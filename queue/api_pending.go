// Package queue works off lanes and jobs.
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
)

var errPending = errors.New("being written")

// Options are the settings of New. The zero Options are good for production.
type Options struct {
	// Now is the clock by which things become due. Default time.Now. Tests that move it call Poke afterwards.
	Now func() time.Time
	// Log gets failures of handlers and workers, and panics. Default: discarded.
	Log *slog.Logger
	// Lanes is how many lanes are drained at the same time, Workers how many jobs run at the same time. Default 8 and 16.
	Lanes, Workers int
	// MaxAttempts is after how many failures an item or job is dead. Default 12.
	MaxAttempts int
	// Backoff is the pause after the nth failure in a row, from 1. Default: 1 s doubling to 5 minutes, with jitter.
	Backoff func(n int) time.Duration
	// Lease is how long a lane stays with a process that does not renew its claim. Default 15 s.
	Lease time.Duration
	// Timeout is how long a handler or worker may take before its context ends. Default 5 minutes.
	Timeout time.Duration
}

// Queue drains lanes in order, one item at a time, and runs jobs.
type Queue struct{ opts Options }

// Item is the oldest thing in a lane that is due.
type Item struct {
	Lane string
	Seq  int64 // of its place in the lane
	// Kind is "delivery" for a webhook delivery, else what it was posted as.
	Kind string
	Key  string
	// Payload is what was posted, as JSON; empty for a delivery.
	Payload json.RawMessage
	// Delivery is set for a webhook delivery.
	Delivery *event.Delivery
	// Attempt is 1 at first and counts failures, not snoozes.
	Attempt  int
	PostedAt time.Time
}

// KindDelivery is the Kind of items that are webhook deliveries.
const KindDelivery = "delivery"

// Decode reads the payload into v.
func (i Item) Decode(v any) error { return json.Unmarshal(i.Payload, v) }

// Settle marks the item as done in the handler's own transaction, so that what it wrote and the item's end are one
// commit: exactly once. It fails with store.ErrStale if the lane has been given to another process meanwhile; the
// transaction must then be given up. The handler returns Done afterwards. A handler that does not call it is run again
// when the process dies between its commit and the queue's.
func (i Item) Settle(ctx context.Context, tx *store.Tx) error { return errPending }

// Outcome says what happens next to an item or job.
type Outcome struct {
	verb  int
	err   error
	delay time.Duration
}

// Done: it is finished.
func Done() Outcome { return Outcome{} }

// Retry: it failed and is tried again after a pause, in its place: the lane waits. After MaxAttempts it is dead.
func Retry(err error) Outcome { return Outcome{verb: 1, err: err} }

// Snooze: it is not the time yet; again after d, in its place: the lane waits. Not a failure.
func Snooze(d time.Duration) Outcome { return Outcome{verb: 2, delay: d} }

// Dead: it failed and no attempt would help. It is kept, shown and can be replayed; the lane goes on.
func Dead(err error) Outcome { return Outcome{verb: 3, err: err} }

// Handler handles what arrives in lanes: one item of a lane at a time, in order, across processes. A panic is a Retry.
type Handler func(ctx context.Context, item Item) Outcome

// Job is work outside of lanes. Of jobs with one Kind and Key there is one at most.
type Job struct {
	Kind, Key string
	// Payload is anything encoding/json can write. A worker is given json.RawMessage and calls Decode.
	Payload any
	// At is when it is due. Zero: now.
	At time.Time
	// Attempt is 1 at first and counts failures, not snoozes. Set for workers.
	Attempt int
}

// Decode reads the payload of a job that a worker was given into v.
func (j Job) Decode(v any) error { return errPending }

// Worker does jobs of one kind. A panic is a Retry.
type Worker func(ctx context.Context, job Job) Outcome

// New makes a queue on an open store. Set Handle, Work and Every before Start.
func New(s *store.Store, opts Options) (*Queue, error) { return nil, errPending }

// Handle sets the handler of all lanes.
func (q *Queue) Handle(h Handler) {}

// Work sets the worker for jobs of a kind.
func (q *Queue) Work(kind string, w Worker) {}

// Every has fn run each interval by one process at a time. An error is logged and counted; the next run is an interval later all the same.
func (q *Queue) Every(name string, interval time.Duration, fn func(context.Context) error) {}

// Start begins to work. It does not wait for work to be done; Stop does.
func (q *Queue) Start(ctx context.Context) error { return errPending }

// Stop ends: nothing new is begun, what runs may finish until ctx ends, then its context ends; leases are given back.
func (q *Queue) Stop(ctx context.Context) error { return errPending }

// Post puts a fact into a lane within the caller's transaction; it is handled after the commit. With a key, nothing is
// posted while an item of the lane with that key still waits to be handed out for the first time.
func (q *Queue) Post(ctx context.Context, tx *store.Tx, lane, kind string, payload any, key string) error {
	return errPending
}

// PostAt is Post for later. Until then the item holds nobody up. One that waits under the same key becomes due at the
// earlier of the two times.
func (q *Queue) PostAt(ctx context.Context, tx *store.Tx, lane, kind string, payload any, key string, at time.Time) error {
	return errPending
}

// Enqueue adds a job within the caller's transaction. If one with its kind and key waits or is snoozed, that becomes due at the
// earlier of the two times; if it runs, it runs once more afterwards unless that makes no difference to its worker.
func (q *Queue) Enqueue(ctx context.Context, tx *store.Tx, job Job) error { return errPending }

// Poke looks for what is due now by the clock. Tests call it after they moved the clock.
func (q *Queue) Poke() {}

// Idle returns when no lane and no job is due or being worked on. What is due later does not count.
func (q *Queue) Idle(ctx context.Context) error { return errPending }

// NextDue is when the next thing that waits for its time is due. ok is false if there is none.
func (q *Queue) NextDue(ctx context.Context) (at time.Time, ok bool, err error) {
	return time.Time{}, false, errPending
}

// DeadLetter is an item or job that was given up.
type DeadLetter struct {
	Lane       string
	Seq        int64
	Kind       string
	DeliveryID string
	Problem    string
	Attempts   int
	At         time.Time
}

// DeadLetters returns what was given up, newest first, at most limit.
func (q *Queue) DeadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	return nil, errPending
}

// Replay starts a dead item or job over.
func (q *Queue) Replay(ctx context.Context, lane string, seq int64) error { return errPending }

// ReplayDelivery has a delivery handled again, dead or done.
func (q *Queue) ReplayDelivery(ctx context.Context, id string) error { return errPending }

// Stats are the figures of the queue, for metrics.
type Stats struct {
	Waiting                                int           // items and jobs that are due
	Scheduled                              int           // items and jobs that are due later
	Dead                                   int           // given up
	LanesBusy                              int           // being worked on, in all processes
	OldestWaiting                          time.Duration // age of the oldest delivery that is not handled; 0 without one
	Done, Retried, Snoozed, Died, Panicked int64         // outcomes in this process since New
}

// Stats reads them.
func (q *Queue) Stats(ctx context.Context) (Stats, error) { return Stats{}, errPending }
