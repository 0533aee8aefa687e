package executor

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// Bell lets embedded executors tell whoever watches that an action has moved, so that nobody waits for the next poll.
// Executors get Ring when they are made; the watcher calls Wait in a loop. A ring is a hint: it may be lost when the
// process ends, and the poll finds out anyway. NewBell makes one.
type Bell struct {
	mu   sync.Mutex
	rung map[string]struct{}
	wake chan struct{}
}

// NewBell makes a bell that nobody has rung.
func NewBell() *Bell { return &Bell{rung: map[string]struct{}{}, wake: make(chan struct{}, 1)} }

// Ring says that the action with this execution ID may have moved. It never blocks.
func (b *Bell) Ring(id string) {
	b.mu.Lock()
	b.rung[id] = struct{}{}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Wait returns the IDs rung since the last Wait, sorted, as soon as there is one; or the context's error.
func (b *Bell) Wait(ctx context.Context) ([]string, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-b.wake:
		}
		b.mu.Lock()
		ids := slices.Sorted(maps.Keys(b.rung))
		clear(b.rung)
		b.mu.Unlock()
		if len(ids) > 0 {
			return ids, nil
		}
	}
}
