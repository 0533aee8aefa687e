package executor

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Places bounds how much of what this host works out itself is done at once: packing, unpacking, assembling. What waits for somebody
// outside takes no place. Who comes first is served first. A nil *Places has no bound. NewPlaces makes one.
type Places struct {
	all     int
	mu      sync.Mutex
	free    int
	waiting []chan struct{} // closed when a place is handed over; the longest waiting first
}

// NewPlaces makes so many places, at least one.
func NewPlaces(n int) *Places {
	n = max(n, 1)
	return &Places{all: n, free: n}
}

// Take takes a place, and waits for one as long as there is none; leave gives it back. Who holds one takes no other. The error is the
// context's. Where it has to wait it says so by what OnWait put into the context.
func (p *Places) Take(ctx context.Context) (leave func(), err error) {
	if p == nil {
		return func() {}, ctx.Err()
	}
	p.mu.Lock()
	if p.free > 0 {
		p.free--
		p.mu.Unlock()
		return p.leave, nil
	}
	mine, before := make(chan struct{}), len(p.waiting)
	p.waiting = append(p.waiting, mine)
	p.mu.Unlock()
	if tell, ok := ctx.Value(waitTold{}).(func(string)); ok {
		tell(fmt.Sprintf("waits for other work of this host, which does %d at a time; %d wait before it", p.all, before))
	}
	select {
	case <-mine:
		return p.leave, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	i := slices.Index(p.waiting, mine)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 { // it was handed over at the same moment
		p.leave()
	}
	return nil, ctx.Err()
}

// leave gives a place to who waits longest.
func (p *Places) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		p.free++
		return
	}
	close(p.waiting[0])
	p.waiting = p.waiting[1:]
}

type waitTold struct{}

// OnWait has whoever waits for a place under the context say so in a line, such as one of the action's log.
func OnWait(ctx context.Context, tell func(line string)) context.Context {
	return context.WithValue(ctx, waitTold{}, tell)
}
