// Package queue works off lanes in order and runs jobs beside them.
//
// A lane is an ordered inbox in the database, one for each repository. It holds webhook deliveries, which package store
// puts there when it accepts them, and facts that Sluice posts to itself. Of a lane one item is handled at a time, in
// the order of posting, whatever the number of processes; lanes do not wait for each other. A job is outside of lanes: it
// may be slow, and of one kind and key there is one.
//
// A lane is worked on under a claim: a row in the database with owner, fence and lease. Whoever commits something to a
// lane wakes the workers of its own process, which claim the lane and hand its items to the handler about a millisecond
// later. A lane whose handler waits long for somebody outside keeps its claim and its order, and leaves its worker's place to
// another lane. Behind every lane that has something to do stands a River job, written in the same transaction: it brings the
// lane to any process that lives if the one that was woken died, and completes itself, in one transaction with the
// lane, once there is nothing left. A look at the lanes that are due, each second, does the same for what was posted for
// later. All of them claim, so there is one worker at most; one that is late (stopped, cut off) finds its fence outdated
// and writes nothing.
//
// What a handler answers says what happens next: Done, Retry with a pause, Snooze, Dead. An item that is retried or
// snoozed keeps its place and its lane waits. Handlers may run twice for an item, after a crash; Item.Settle makes what
// they write and the item's end one commit.
package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/store"
)

// Options are the settings of New. The zero Options are good for production.
type Options struct {
	// Now is the clock by which things become due. Default time.Now. Tests that move it call Poke afterwards.
	Now func() time.Time
	// Log gets failures of handlers and workers, and panics. Default: discarded.
	Log *slog.Logger
	// Lanes is how many lanes are drained at the same time, Workers how many jobs run at the same time. Default 8 and 16.
	Lanes, Workers int
	// SlowLanes and SlowWorkers are how many more there may be that take longer than SlowAfter, since they wait for somebody
	// outside: others begin in their place, so that they hold nobody up. Such a one costs memory, and a connection to the database only
	// while it reads or writes. Default 256, 64 and a second.
	SlowLanes, SlowWorkers int
	SlowAfter              time.Duration
	// MaxAttempts is after how many failures in a row an item or job is dead. Default 12.
	MaxAttempts int
	// Backoff is the pause after the nth failure in a row, from 1. Default: 1 s doubling to 5 minutes, the last half of it
	// by chance.
	Backoff func(n int) time.Duration
	// Lease is how long a lane stays with a process that does not renew its claim. Default 15 s.
	Lease time.Duration
	// Timeout is how long a handler, or a worker without a limit of its own, may take before its context ends. Default 5 minutes.
	Timeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	o.Lanes = cmp.Or(o.Lanes, 8)
	o.Workers = cmp.Or(o.Workers, 16)
	o.SlowLanes = cmp.Or(o.SlowLanes, 256)
	o.SlowWorkers = cmp.Or(o.SlowWorkers, 64)
	o.SlowAfter = cmp.Or(o.SlowAfter, time.Second)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, 12)
	o.Lease = cmp.Or(o.Lease, 15*time.Second)
	o.Timeout = cmp.Or(o.Timeout, 5*time.Minute)
	return o
}

func (o Options) validate() error {
	var errs []error
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"Lanes", int64(o.Lanes)}, {"Workers", int64(o.Workers)}, {"MaxAttempts", int64(o.MaxAttempts)},
		{"SlowLanes", int64(o.SlowLanes)}, {"SlowWorkers", int64(o.SlowWorkers)}, {"SlowAfter", int64(o.SlowAfter)},
		{"Lease", int64(o.Lease)}, {"Timeout", int64(o.Timeout)},
	} {
		if field.value < 0 {
			errs = append(errs, fmt.Errorf("queue options: %s must not be negative", field.name))
		}
	}
	return errors.Join(errs...)
}

// backoff doubles from a second to five minutes and takes between half of that and all of it.
func backoff(n int) time.Duration {
	d := min(time.Second<<min(n-1, 9), 5*time.Minute)
	return d/2 + rand.N(d/2)
}

// Queue drains lanes and runs jobs. Set Handle, Work, Every and Describe, then Start it. Its methods are safe for concurrent use.
type Queue struct {
	opts    Options
	store   *store.Store
	id      string // owner of claims
	handler Handler
	workers map[string]worker
	every   map[string]periodic
	about   func(context.Context, Item) About // nil: nobody is asked

	lanes, jobs *pool
	river       fallback
	poke        chan struct{}
	counts      counts
	changed     signal

	running cancels // of what is being handled

	mu       sync.Mutex // held by Start and Stop
	started  bool
	stopping atomic.Bool
	quit     chan struct{}  // closed when Stop begins
	ended    chan struct{}  // closed when nothing is being handled any more
	working  sync.WaitGroup // workers
	watching sync.WaitGroup // what serves them
	unsub    func()
}

// New makes a queue on an open store.
func New(s *store.Store, opts Options) (*Queue, error) {
	if s == nil {
		return nil, errors.New("queue: no store")
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	q := &Queue{opts: opts.withDefaults(), store: s, id: store.NewID(), workers: map[string]worker{}, every: map[string]periodic{},
		poke: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{})}
	q.lanes, q.jobs = newPool(q, q.opts.SlowLanes), newPool(q, q.opts.SlowWorkers)
	return q, nil
}

// Handle sets the handler of all lanes. Call it before Start.
func (q *Queue) Handle(h Handler) { q.handler = h }

// Work sets the worker for jobs of a kind, and how long one may take before its context ends; 0 is Options.Timeout. Call it before
// Start. A job of a kind without a worker is retried, since another version of Sluice may have one.
func (q *Queue) Work(kind string, limit time.Duration, w Worker) {
	q.workers[kind] = worker{do: w, limit: cmp.Or(limit, q.opts.Timeout)}
}

// Start begins to work and returns. ctx is for starting only; Stop ends the work and must be called.
func (q *Queue) Start(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.started {
		return errors.New("queue: started twice")
	}
	if q.handler == nil {
		return errors.New("queue: no handler of lanes; call Handle before Start")
	}
	river, err := newFallback(q)
	if err != nil {
		return err
	}
	if err := q.schedule(ctx); err != nil {
		return err
	}
	q.started, q.river = true, river
	q.unsub = q.store.OnRaised(func(lanes []string) {
		for _, lane := range lanes {
			q.wake(lane)
		}
	})
	for range q.opts.Lanes {
		q.working.Go(func() { q.lanes.work(q.turn) })
	}
	for range q.opts.Workers {
		q.working.Go(func() { q.jobs.work(q.turn) })
	}
	q.watching.Go(q.poll)
	q.watching.Go(q.renew)
	if err := river.start(ctx); err != nil {
		return errors.Join(fmt.Errorf("start River: %w", err), q.halt(ctx))
	}
	return nil
}

// Stop ends the work: nothing new is begun; what runs may finish until ctx ends, then its context ends, which handlers are
// expected to obey; claims are given back, so that another process goes on at once. The store may be closed after it.
func (q *Queue) Stop(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.started || q.stopping.Load() {
		return nil
	}
	return q.halt(ctx)
}

func (q *Queue) halt(ctx context.Context) error {
	q.stopping.Store(true)
	close(q.quit)
	q.unsub()
	q.lanes.close()
	q.jobs.close()
	go func() {
		q.working.Wait()
		close(q.ended)
	}()
	select {
	case <-q.ended:
	case <-ctx.Done():
		q.running.cancelAll()
		<-q.ended
	}
	q.watching.Wait()
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(q.river.stop(rest), q.store.ReleaseClaims(rest, q.id))
}

// wake has a lane looked at by this process.
func (q *Queue) wake(lane string) { q.poolFor(lane).wake(lane) }

func (q *Queue) poolFor(lane string) *pool {
	if isJob(lane) {
		return q.jobs
	}
	return q.lanes
}
