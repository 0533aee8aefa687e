package queue

import (
	"context"
	"sync"
)

// cancels knows how to end what is being handled.
type cancels struct {
	mu    sync.Mutex
	funcs map[int]context.CancelFunc
	last  int
}

// add returns a context that cancelAll ends, and what to call when it is not needed any more.
func (c *cancels) add(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.funcs == nil {
		c.funcs = map[int]context.CancelFunc{}
	}
	c.last++
	n := c.last
	c.funcs[n] = cancel
	return ctx, func() {
		c.mu.Lock()
		delete(c.funcs, n)
		c.mu.Unlock()
		cancel()
	}
}

func (c *cancels) cancelAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cancel := range c.funcs {
		cancel()
	}
}
