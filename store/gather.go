package store

import (
	"math"
	"sync/atomic"
	"time"
)

// gatherTime bounds how long a batch waits for deliveries that are expected. It is about what one commit takes on a good
// disk.
const gatherTime = time.Millisecond

func (in *intake) commitAll() {
	batch := make([]*parcel, 0, batchCount)
	for first := range in.queue {
		in.crowd.wait(in.queue, min(in.expected-1, batchCount-1, cap(in.queue)))
		if batch = gather(in.queue, batch[:0], first); len(batch) > 0 {
			in.commit(batch)
		}
		clear(batch)
	}
}

// gather composes a transaction of p and what waits already. What was withdrawn is dropped here.
func gather(queue <-chan *parcel, batch []*parcel, p *parcel) []*parcel {
	bytes := 0
	for ok := true; ; {
		if p.take(time.Now()) {
			batch, bytes = append(batch, p), bytes+len(p.packed)
		}
		if len(batch) == batchCount || bytes >= batchBytes {
			return batch
		}
		select {
		case p, ok = <-queue:
			if !ok {
				return batch
			}
		default:
			return batch
		}
	}
}

// crowd is where the committer waits until several deliveries have gathered in the queue. It is woken once, by the last one.
type crowd struct {
	wanted atomic.Int64 // how many are waited for
	enough chan struct{}
	timer  *time.Timer
}

func newCrowd() *crowd {
	c := &crowd{enough: make(chan struct{}, 1), timer: time.NewTimer(0)}
	c.wanted.Store(math.MaxInt64)
	return c
}

// wait returns when n wait in the queue, or after gatherTime. Word of them that comes after that only shortens the next wait.
func (c *crowd) wait(queue <-chan *parcel, n int) {
	if len(queue) >= n {
		return
	}
	c.wanted.Store(int64(n))
	defer c.wanted.Store(math.MaxInt64)
	if len(queue) >= n { // the last came before it could know
		return
	}
	c.timer.Reset(gatherTime)
	defer c.timer.Stop()
	select {
	case <-c.enough:
	case <-c.timer.C:
	}
}

// grew tells that n wait now.
func (c *crowd) grew(n int) {
	if int64(n) < c.wanted.Load() {
		return
	}
	select {
	case c.enough <- struct{}{}:
	default:
	}
}
