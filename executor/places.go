package executor

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// Places bounds how much of what this host works out itself is done at once: packing, unpacking, assembling. What waits for somebody
// outside takes no place. Who comes first is served first. A nil *Places has no bound. NewPlaces makes one.
type Places struct {
	all     int
	free    *semaphore.Weighted
	waiting atomic.Int64
}

// NewPlaces makes so many places, at least one.
func NewPlaces(n int) *Places {
	n = max(n, 1)
	return &Places{all: n, free: semaphore.NewWeighted(int64(n))}
}

// Take takes a place, and waits for one as long as there is none; leave gives it back. Who holds one takes no other. The error is the
// context's. Where it has to wait it says so by what OnWait put into the context.
func (p *Places) Take(ctx context.Context) (leave func(), err error) {
	if p == nil {
		return func() {}, ctx.Err()
	}
	leave = func() { p.free.Release(1) }
	if p.free.TryAcquire(1) {
		return leave, nil
	}
	before := p.waiting.Add(1) - 1
	defer p.waiting.Add(-1)
	if tell, ok := ctx.Value(waitTold{}).(func(string)); ok {
		tell(fmt.Sprintf("waits for other work of this host, which does %d at a time; %d wait before it", p.all, before))
	}
	if err := p.free.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return leave, nil
}

type waitTold struct{}

// OnWait has whoever waits for a place under the context say so in a line, such as one of the action's log.
func OnWait(ctx context.Context, tell func(line string)) context.Context {
	return context.WithValue(ctx, waitTold{}, tell)
}
