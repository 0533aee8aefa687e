package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/event"
)

// intake groups the deliveries that wait into batches with one commit each. While a batch is being committed the next one
// gathers. A delivery that comes alone is written at once: only where more than one was there when the last batch ended, in it or
// behind it, the next one waits a moment for as many (gather.go). One batch is under way at a time: two halves cost the database
// more than the whole, and wait for each other at the rows of their lanes.
type intake struct {
	store   *Store
	queue   chan *parcel
	crowd   *crowd
	parcels parcels
	done    sync.WaitGroup
	// expected is how many deliveries the next batch may have: as many as the last one had and as waited when it ended. It is the
	// committer's.
	expected int
	failed   atomic.Bool  // the last batch was not stored
	stored   atomic.Int64 // when the last batch was, in nanoseconds since 1970

	mu     sync.RWMutex // held for reading while something is handed in
	closed bool
}

// A batch is at most this many deliveries and this many compressed bytes, so that memory and the length of a transaction
// stay bounded.
const (
	batchCount = 256
	batchBytes = 8 << 20
)

var errClosed = fmt.Errorf("%w: the database is being closed", event.ErrUnavailable)

func startIntake(s *Store) *intake {
	in := &intake{store: s, queue: make(chan *parcel, s.opts.AcceptQueue), crowd: newCrowd()}
	in.done.Go(in.commitAll)
	return in
}

// stop takes nothing more in and waits until everything that was taken in is on disk and answered.
func (in *intake) stop() {
	in.mu.Lock()
	if in.closed {
		in.mu.Unlock()
		return
	}
	in.closed = true
	close(in.queue)
	in.mu.Unlock()
	in.done.Wait()
}

// send hands a parcel in and waits for its answer. When waits ends first it is withdrawn: then it is not stored, now or
// later. One that is in a transaction already is told how that ended, which does not take longer than commitTimeout.
func (in *intake) send(waits context.Context, p *parcel) (Outcome, error) {
	if ok, err := in.hand(waits, p); !ok {
		return fullOr(err)
	}
	select {
	case err := <-p.answer:
		return p.outcome, in.explain(err)
	case <-waits.Done():
	}
	if p.withdraw() {
		return fullOr(waits.Err())
	}
	timer := time.NewTimer(time.Until(p.lastWord(time.Now())))
	defer timer.Stop()
	select {
	case err := <-p.answer:
		return p.outcome, in.explain(err)
	case <-timer.C:
		return 0, fmt.Errorf("%w: the database does not answer", event.ErrUnsure)
	}
}

// fullOr is what is told of a parcel that was not taken: an error when its sender went away or the store ended.
func fullOr(err error) (Outcome, error) {
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		return Full, nil
	}
	return 0, err
}

// explain says of a batch's error what its senders want to know. Nil stays nil.
func (in *intake) explain(err error) error {
	switch {
	case err == nil, errors.Is(err, event.ErrUnsure):
		return err
	case errors.Is(err, context.DeadlineExceeded), in.store.engine.passing(err):
		return fmt.Errorf("%w: %w", event.ErrUnavailable, err)
	}
	return err
}

// hand puts a parcel into the queue. ok false means that it is in no queue and will not be stored: there was no place
// for it in time (no error), or the context or the store ended.
func (in *intake) hand(ctx context.Context, p *parcel) (ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	in.mu.RLock()
	defer in.mu.RUnlock()
	if in.closed {
		return false, errClosed
	}
	select {
	case in.queue <- p:
		in.crowd.grew(len(in.queue))
		return true, nil
	default:
	}
	timer := time.NewTimer(in.store.opts.AcceptWait)
	defer timer.Stop()
	select {
	case in.queue <- p:
		return true, nil
	case <-timer.C:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// commit stores a batch and answers for it. If the batch as a whole is refused, each delivery is tried alone, so that one
// that the database cannot take fails alone.
func (in *intake) commit(batch []*parcel) {
	ctx, cancel := context.WithDeadline(context.Background(), endOf(batch, time.Now()))
	defer cancel()
	whole := in.try(ctx, batch)
	// Those that are answered now come back at about the same time. Without waiting for the others the first of them would have
	// a commit to itself, and the others the next one: two for each round where one does.
	in.expected = len(batch) + len(in.queue)
	if whole == nil || len(batch) == 1 || ctx.Err() != nil {
		for _, p := range batch {
			p.answer <- whole
		}
		return
	}
	in.store.opts.Log.Warn("a batch of deliveries is stored one by one", "count", len(batch), "err", whole)
	deadline := time.Now().Add(commitTimeout / 4)
	for _, p := range batch {
		err := whole
		if time.Now().Before(deadline) {
			err = stillUnsure(in.try(ctx, []*parcel{p}), whole)
		}
		p.answer <- err
	}
}

// try stores a batch in one transaction. Deliveries are found again by their IDs, so it is run once more even when the
// commit before has an unknown end; what that one did is a duplicate then, and its lanes are found by the next look at
// due ones.
func (in *intake) try(ctx context.Context, batch []*parcel) error {
	var before error
	for attempt := 1; ; attempt++ {
		lanes, err := in.store.engine.accept(ctx, batch)
		if err == nil {
			in.failed.Store(false)
			in.stored.Store(time.Now().UnixNano())
			in.store.raised(lanes)
			return nil
		}
		before = stillUnsure(err, before)
		again := in.store.engine.retryable(err) || in.store.engine.lost(err)
		if attempt == attempts || !again || !pause(ctx, attempt) || tooLate(ctx) {
			in.failed.Store(true)
			return before
		}
	}
}

// tooLate tells that another attempt might be called off, of which nobody would know the end, before the server itself has
// ended it: by the lock_timeout of a second.
func tooLate(ctx context.Context) bool {
	end, _ := ctx.Deadline()
	return time.Until(end) < 1200*time.Millisecond
}

// stillUnsure is the error of an attempt: when an earlier one may have stored something, it does not say that nothing is.
func stillUnsure(err, before error) error {
	if err != nil && errors.Is(before, event.ErrUnsure) && !errors.Is(err, event.ErrUnsure) {
		return fmt.Errorf("%w; then: %w", before, err)
	}
	return err
}
