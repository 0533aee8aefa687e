package queue

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/store"
)

// pollInterval is how often due lanes are looked for when nothing gives reason to earlier.
const pollInterval = time.Second

// pollLanes is how many lanes one look wakes. When there were as many, more may wait: the next look is after pollAgain.
const (
	pollLanes = 1000
	pollAgain = 50 * time.Millisecond
)

// Poke looks for what is due now by the clock. Tests call it after they moved the clock.
func (q *Queue) Poke() {
	select {
	case q.poke <- struct{}{}:
	default:
	}
}

// look makes sure that somebody looks when a lane becomes due.
func (q *Queue) look(due time.Time) {
	if !due.IsZero() && due.Sub(q.opts.Now()) < pollInterval {
		q.Poke()
	}
}

// poll wakes lanes when they become due: those of this process on time, those of others within a second.
func (q *Queue) poll() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-q.quit:
			return
		case <-q.poke:
		case <-timer.C:
		}
		timer.Reset(q.wakeDue())
	}
}

// wakeDue wakes the lanes that are due and returns how long to wait for the next.
func (q *Queue) wakeDue() time.Duration {
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	now := q.opts.Now()
	var lanes []string
	var next time.Time
	err := q.store.Read(ctx, func(tx *store.Tx) (err error) {
		if lanes, err = tx.DueLanes(ctx, q.id, now, pollLanes); err != nil {
			return err
		}
		next, err = tx.NextDue(ctx, now)
		return err
	})
	if err != nil {
		q.opts.Log.Error("due lanes could not be looked for", "err", err)
		return pollInterval
	}
	for _, lane := range lanes {
		q.wake(lane)
	}
	if len(lanes) == pollLanes {
		return pollAgain
	}
	if next.IsZero() {
		return pollInterval
	}
	return min(max(next.Sub(now), time.Millisecond), pollInterval)
}

// renew prolongs the claims of this process. When that has not worked for a whole lease, others may have taken the lanes:
// what is being handled is cancelled.
func (q *Queue) renew() {
	tick := time.NewTicker(q.opts.Lease / 3)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-q.ended:
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), q.opts.Lease/3)
		err := q.store.RenewClaims(ctx, q.id, q.opts.Lease)
		cancel()
		switch {
		case err == nil:
			last = time.Now()
		case time.Since(last) > q.opts.Lease:
			q.opts.Log.Error("claims ran out and work is cancelled", "err", err)
			q.running.cancelAll()
		default:
			q.opts.Log.Warn("claims could not be renewed", "err", err)
		}
	}
}
