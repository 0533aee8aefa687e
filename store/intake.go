package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// intake groups the deliveries that wait into batches with one commit each. There is no timer: while a batch is being
// committed the next one gathers, so a delivery that comes alone is written at once. One batch is under way at a time: two
// halves cost the database more than the whole, and wait for each other at the rows of their lanes.
type intake struct {
	store  *Store
	queue  chan *parcel
	done   sync.WaitGroup
	failed atomic.Bool // the last batch was not stored

	mu     sync.RWMutex // held for reading while something is handed in
	closed bool
}

// A batch is at most this many deliveries and this many compressed bytes, so that memory and the length of a transaction
// stay bounded.
const (
	batchCount = 256
	batchBytes = 8 << 20
)

var errClosed = errors.New("the database is being closed")

func startIntake(s *Store) *intake {
	in := &intake{store: s, queue: make(chan *parcel, s.opts.AcceptQueue)}
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

// hand puts a parcel into the queue. ok false means that it is in no queue and will not be stored: there was no place
// for it in time (no error), or the context or the store ended.
func (in *intake) hand(ctx context.Context, p *parcel) (ok bool, err error) {
	in.mu.RLock()
	defer in.mu.RUnlock()
	if in.closed {
		return false, errClosed
	}
	select {
	case in.queue <- p:
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

func (in *intake) commitAll() {
	batch := make([]*parcel, 0, batchCount)
	for first := range in.queue {
		batch = gather(in.queue, append(batch[:0], first))
		in.commit(batch)
		clear(batch)
	}
}

// gather adds what waits already.
func gather(queue <-chan *parcel, batch []*parcel) []*parcel {
	bytes := len(batch[0].packed)
	for len(batch) < batchCount && bytes < batchBytes {
		select {
		case p, ok := <-queue:
			if !ok {
				return batch
			}
			batch, bytes = append(batch, p), bytes+len(p.packed)
		default:
			return batch
		}
	}
	return batch
}

// commit stores a batch and answers for it. If the batch as a whole is refused, each delivery is tried alone, so that one
// that the database cannot take fails alone.
func (in *intake) commit(batch []*parcel) {
	err := in.try(batch)
	if err == nil || len(batch) == 1 {
		for _, p := range batch {
			p.answer <- err
		}
		return
	}
	in.store.opts.Log.Warn("a batch of deliveries is stored one by one", "count", len(batch), "err", err)
	deadline := time.Now().Add(commitTimeout / 4)
	for _, p := range batch {
		if time.Now().Before(deadline) {
			err = in.try([]*parcel{p})
		}
		p.answer <- err
	}
}

// try stores a batch in one transaction. Deliveries are found again by their IDs, so it is run once more even when the
// commit before has an unknown end; what that one did is a duplicate then, and its lanes are found by the next look at
// due ones.
func (in *intake) try(batch []*parcel) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		lanes, err := in.store.engine.accept(ctx, batch)
		if err == nil {
			in.failed.Store(false)
			in.store.raised(lanes)
			return nil
		}
		again := in.store.engine.retryable(err) || in.store.engine.lost(err)
		if attempt == attempts || !again || !pause(ctx, attempt) {
			in.failed.Store(true)
			return err
		}
	}
}
