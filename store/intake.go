package store

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"
)

// intake groups the deliveries that wait into batches with one commit each. There is no timer: while a batch is being
// committed the next one gathers, so a delivery that comes alone is written at once.
//
// Where the engine has several committers each has lanes of its own: two batches with one lane would wait for each other
// at its row.
type intake struct {
	store  *Store
	queues []chan *parcel
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
	in := &intake{store: s}
	n := s.engine.committers()
	for range n {
		queue := make(chan *parcel, max(s.opts.AcceptQueue/n, 1))
		in.queues = append(in.queues, queue)
		in.done.Go(func() { in.commitAll(queue) })
	}
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
	for _, queue := range in.queues {
		close(queue)
	}
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
	lane := fnv.New32a()
	_, _ = lane.Write([]byte(p.lane)) // a hash does not fail
	queue := in.queues[int(lane.Sum32()%uint32(len(in.queues)))]
	select {
	case queue <- p:
		return true, nil
	default:
	}
	timer := time.NewTimer(in.store.opts.AcceptWait)
	defer timer.Stop()
	select {
	case queue <- p:
		return true, nil
	case <-timer.C:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (in *intake) commitAll(queue <-chan *parcel) {
	batch := make([]*parcel, 0, batchCount)
	for first := range queue {
		batch = gather(queue, append(batch[:0], first))
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
