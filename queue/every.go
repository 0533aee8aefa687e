package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/store"
)

// periodic is something to be done again and again.
type periodic struct {
	interval time.Duration
	run      func(context.Context) error
}

// kindEvery is the kind of the one item of a periodic job's lane.
const kindEvery = "every"

// Every has fn run at Start and then each interval after it ended, by one process at a time. An error is logged and
// counted as a failure; the next run is an interval later all the same. Call it before Start.
func (q *Queue) Every(name string, interval time.Duration, fn func(context.Context) error) {
	q.every[name] = periodic{interval, fn}
}

// schedule sees to it that each periodic job has its item. One that is there becomes due now.
func (q *Queue) schedule(ctx context.Context) error {
	if len(q.every) == 0 {
		return nil
	}
	err := q.store.Write(ctx, func(tx *store.Tx) error {
		for name := range q.every {
			if err := tx.PostItem(ctx, store.LaneItem{Lane: everyLane + name, Kind: kindEvery, Key: name}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("schedule periodic jobs: %w", err)
	}
	return nil
}

// tick runs a periodic job. One that this version does not know any more ends.
func (q *Queue) tick(ctx context.Context, item Item) Outcome {
	p, ok := q.every[item.Key]
	if !ok {
		return Done()
	}
	if err := p.run(ctx); err != nil {
		q.counts.failed.Add(1)
		q.opts.Log.ErrorContext(ctx, "periodic job failed", "job", item.Key, "err", err)
	}
	return Snooze(p.interval)
}
