package queue

import (
	"sync"
	"time"

	"github.com/sluicehq/sluice/store"
)

// pool hands lanes that were woken to its workers, first come, first served, and each lane to one worker at a time. A worker that
// takes long over a turn, since it waits for somebody outside, has another one work in its place meanwhile.
type pool struct {
	queue *Queue
	may   int // how many turns may be slow, beside the workers
	mu    sync.Mutex
	ready *sync.Cond
	turns []turn
	// states has the lanes that are queued or being worked on.
	states map[string]laneState
	slow   int // turns whose place another worker has taken
	closed bool
}

type laneState int

const (
	laneQueued laneState = iota + 1
	laneRunning
	laneWoken // running, and woken meanwhile: to be looked at once more
)

// turn is a lane's turn with a worker. item is what was handed out for it already; nil: the lane is to be claimed first.
type turn struct {
	lane  string
	claim store.Claim
	item  *store.LaneItem
}

func newPool(q *Queue, slow int) *pool {
	p := &pool{queue: q, may: slow, states: map[string]laneState{}}
	p.ready = sync.NewCond(&p.mu)
	return p
}

// wake queues a lane. One that is being worked on is looked at once more afterwards.
func (p *pool) wake(lane string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.states[lane] {
	case 0:
		p.push(turn{lane: lane})
	case laneRunning:
		p.states[lane] = laneWoken
	}
}

// push queues a turn. The pool is locked.
func (p *pool) push(t turn) {
	if p.closed {
		delete(p.states, t.lane)
		return
	}
	p.states[t.lane] = laneQueued
	p.turns = append(p.turns, t)
	p.ready.Signal()
}

// work takes turns until the pool is closed, or another worker has taken its place. do returns what is left of the turn: an item
// handed out and not handled, because other lanes are to have theirs.
func (p *pool) work(do func(turn) (rest turn, more bool)) {
	for {
		t, ok := p.take()
		if !ok {
			return
		}
		over := p.watch(do)
		rest, more := do(t)
		replaced := over()
		p.mu.Lock()
		switch {
		case more:
			p.push(rest)
		case p.states[t.lane] == laneWoken:
			p.push(turn{lane: t.lane})
		default:
			delete(p.states, t.lane)
		}
		p.mu.Unlock()
		p.queue.changed.send()
		if replaced {
			return
		}
	}
}

// watch has another worker begin when a turn takes long. over ends that and says whether there is one now, to which the turn's worker
// leaves its place.
func (p *pool) watch(do func(turn) (turn, bool)) (over func() (replaced bool)) {
	var ended, replaced bool
	var late *time.Timer
	p.mu.Lock()
	defer p.mu.Unlock()
	late = time.AfterFunc(p.queue.opts.SlowAfter, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case ended || p.closed:
		case p.slow < p.may:
			replaced = true
			p.slow++
			p.queue.working.Go(func() { p.work(do) })
		default:
			late.Reset(p.queue.opts.SlowAfter)
		}
	})
	return func() bool {
		late.Stop()
		p.mu.Lock()
		defer p.mu.Unlock()
		ended = true
		if replaced {
			p.slow--
		}
		return replaced
	}
}

func (p *pool) take() (turn, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.turns) == 0 && !p.closed {
		p.ready.Wait()
	}
	if p.closed {
		return turn{}, false
	}
	t := p.turns[0]
	p.turns[0] = turn{}
	p.turns = p.turns[1:]
	p.states[t.lane] = laneRunning
	return t, true
}

// close ends the workers once they have finished their turns. What is queued stays in the database.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.ready.Broadcast()
}
