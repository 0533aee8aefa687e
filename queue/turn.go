package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/sluicehq/sluice/store"
)

// A lane with much to do gives way to others after this many items or this long.
const (
	turnItems = 16
	turnTime  = 500 * time.Millisecond
)

// settleTimeout bounds a claim or settlement; after it the database is asked again.
const settleTimeout = 10 * time.Second

// turn works on a lane: claims it, handles items in order, gives it back.
func (q *Queue) turn(t turn) (rest turn, more bool) {
	began := time.Now()
	if t.item == nil {
		ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
		claim, next, err := q.store.ClaimLane(ctx, t.lane, q.id, q.now())
		cancel()
		if err != nil {
			// It is due still: the next look at due lanes finds it.
			q.opts.Log.Error("a lane could not be claimed", "lane", t.lane, "err", err)
			return turn{}, false
		}
		if t.claim, t.item = claim, next.Item; t.item == nil {
			q.look(next.DueAt)
			return turn{}, false
		}
	}
	for n := 1; ; n++ {
		end := q.handle(t)
		next, ok := q.settle(t.claim, end)
		if !ok || next.Item == nil {
			q.look(next.DueAt)
			return turn{}, false
		}
		t.item = next.Item
		if n >= turnItems || time.Since(began) > turnTime || q.stopping.Load() {
			return t, true
		}
	}
}

func (q *Queue) now() store.Turn { return store.Turn{Now: q.opts.Now(), Lease: q.opts.Lease} }

// handle has an item handled and turns the answer into a settlement.
func (q *Queue) handle(t turn) store.Settlement {
	item := newItem(t.claim, *t.item)
	ctx, done := q.running.add(context.Background())
	defer done()
	ctx, cancel := context.WithTimeout(ctx, q.limit(item))
	defer cancel()
	o := q.call(ctx, item)
	end := store.Settlement{Item: *t.item}
	switch {
	case item.hold.settled.Load():
		q.counts.done.Add(1)
		end.Result = store.ItemGone
	case o.verb == verbDone:
		q.counts.done.Add(1)
		end.Result = store.ItemDone
	case o.verb == verbSnooze:
		q.counts.snoozed.Add(1)
		end.Result, end.DueAt = store.ItemLater, q.opts.Now().Add(o.delay)
		if o.err != nil {
			end.Problem = problem(o.err)
			q.logOf(item).Info("parked", "until", end.DueAt.UTC(), "err", o.err)
		}
	case o.verb == verbRetry && ctx.Err() != nil && q.stopping.Load():
		end.Result = store.ItemLater // it was interrupted, it did not fail: it is due whatever the next process's clock says
	case o.verb == verbRetry && item.Attempt < q.opts.MaxAttempts:
		q.counts.retried.Add(1)
		pause := q.opts.Backoff(item.Attempt)
		q.logOf(item).Warn("attempt failed", "pause", pause, "err", o.err)
		end.Result, end.Problem, end.DueAt = store.ItemRetry, problem(o.err), q.opts.Now().Add(pause)
	default:
		q.counts.died.Add(1)
		q.logOf(item).Error("given up", "err", o.err)
		end.Result, end.Problem = store.ItemDead, problem(o.err)
	}
	return end
}

// limit is how long an item may be worked on.
func (q *Queue) limit(item Item) time.Duration {
	if w, ok := q.workers[item.Kind]; ok && isJob(item.Lane) {
		return w.limit
	}
	return q.opts.Timeout
}

// problem is an error as it is stored: not longer than a page.
func problem(err error) string {
	s := err.Error()
	if len(s) > 4000 {
		s = s[:4000] + "…"
	}
	return s
}

// call calls the handler or worker. A panic becomes a Retry, with the stack in the log.
func (q *Queue) call(ctx context.Context, item Item) (o Outcome) {
	defer func() {
		if p := recover(); p != nil {
			q.counts.panicked.Add(1)
			q.logOf(item).Error("panic", "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			o = Retry(fmt.Errorf("panic: %v", p))
		}
	}()
	switch {
	case item.Kind == KindDelivery && item.Delivery == nil:
		return Dead(errors.New(item.hold.item.Problem))
	case !isJob(item.Lane):
		return q.handler(ctx, item)
	case item.Kind == kindEvery && item.Lane == everyLane+item.Key:
		return q.tick(ctx, item)
	}
	w, ok := q.workers[item.Kind]
	if !ok {
		return Retry(fmt.Errorf("this version has no worker for jobs of kind %s", item.Kind))
	}
	return w.do(ctx, Job{
		Kind: item.Kind, Key: item.Key, Payload: item.Payload, At: item.hold.item.DueAt, Attempt: item.Attempt, Last: item.Attempt >= q.opts.MaxAttempts,
	})
}

// settle writes what became of an item, and asks again while the database does not answer. ok is false if the lane is
// not ours any more, or the queue ends; another worker then handles the item again.
func (q *Queue) settle(claim store.Claim, end store.Settlement) (next store.Next, ok bool) {
	for attempt := 1; ; attempt++ {
		ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
		next, err := q.store.Settle(ctx, claim, end, q.now())
		cancel()
		if err == nil {
			return next, true
		}
		q.opts.Log.Error("an item could not be settled", "lane", claim.Lane, "seq", end.Item.Seq, "err", err)
		if errors.Is(err, store.ErrStale) || q.stopping.Load() {
			return store.Next{}, false
		}
		pause := time.NewTimer(min(time.Duration(attempt)*100*time.Millisecond, time.Second))
		select {
		case <-pause.C:
		case <-q.quit:
			pause.Stop()
		}
	}
}
