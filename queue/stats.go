package queue

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/store"
)

// counts are outcomes in this process.
type counts struct{ done, retried, snoozed, died, panicked, failed atomic.Int64 }

// Stats are the figures of the queue, for metrics.
type Stats struct {
	// Of all processes, from the database.
	Waiting   int // items and jobs that are due, those being worked on included
	Scheduled int // items and jobs that are due later
	Dead      int // items and jobs given up and not replayed
	LanesOpen int // lanes with something due
	LanesBusy int // lanes being worked on
	// OldestWaiting is the age of the oldest delivery that is not handled; 0 without one.
	OldestWaiting time.Duration
	// Of this process since New: answers of handlers and workers, panics among the retries, runs of Every that failed.
	Done, Retried, Snoozed, Died, Panicked, PeriodicFailed int64
}

// Stats reads the figures.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	now := q.opts.Now()
	var l store.LaneLoad
	err := q.store.Read(ctx, func(tx *store.Tx) (err error) {
		l, err = tx.Load(ctx, now)
		return err
	})
	if err != nil {
		return Stats{}, err
	}
	s := Stats{Waiting: l.Due, Scheduled: l.Later, Dead: l.Dead, LanesOpen: l.OpenLanes, LanesBusy: l.BusyLanes,
		Done: q.counts.done.Load(), Retried: q.counts.retried.Load(), Snoozed: q.counts.snoozed.Load(), Died: q.counts.died.Load(),
		Panicked: q.counts.panicked.Load(), PeriodicFailed: q.counts.failed.Load()}
	if !l.OldestDelivery.IsZero() {
		s.OldestWaiting = max(now.Sub(l.OldestDelivery), 0)
	}
	return s, nil
}
