package queue

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sluicehq/sluice/store"
)

// signal tells any number of waiters that something changed.
type signal struct {
	mu sync.Mutex
	c  chan struct{}
}

// next is closed by the next send.
func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		s.c = make(chan struct{})
	}
	return s.c
}

func (s *signal) send() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c != nil {
		close(s.c)
		s.c = nil
	}
}

// idleLook is how often Idle looks when this process changes nothing: others may.
const idleLook = 20 * time.Millisecond

// Idle returns when no lane and no job is due or being worked on, in any process. What is due later does not count. A
// handler's commit that posts more keeps it waiting; dead items do not.
func (q *Queue) Idle(ctx context.Context) error {
	q.Poke()
	tick := time.NewTicker(idleLook)
	defer tick.Stop()
	for {
		changed := q.changed.next()
		var open int
		err := q.store.Read(ctx, func(tx *store.Tx) (err error) {
			open, err = tx.OpenLanes(ctx, q.opts.Now())
			return err
		})
		if err != nil {
			return fmt.Errorf("wait until nothing is due: %w", err)
		}
		if open == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d lanes and jobs are still due or being worked on: %w", open, ctx.Err())
		}
	}
}

// NextDue is when the next thing that waits for its time is due. ok is false if there is none.
func (q *Queue) NextDue(ctx context.Context) (at time.Time, ok bool, err error) {
	err = q.store.Read(ctx, func(tx *store.Tx) (err error) {
		at, err = tx.NextDue(ctx, q.opts.Now())
		return err
	})
	return at, err == nil && !at.IsZero(), err
}
