package main

import (
	"log/slog"
	"sync"
	"time"
)

// steadyClock is this machine's clock, which does not go back: what is ordered by time stays in order, and what waits goes on waiting no
// longer than it was to. A clock that was set back by little is caught up with, at half speed; one that was set back by
// more is followed at once, since then it was the time before that was wrong. Set forward it is followed.
type steadyClock struct {
	log *slog.Logger
	// read gives the time of the machine's clock, and how long the machine has been running, which nobody sets.
	read func() (wall time.Time, running time.Duration)

	mu      sync.Mutex
	wall    time.Time // read last; zero: nothing was
	running time.Duration
	ahead   time.Duration // of the machine's clock
}

// Clocks that were set back by clockStep or less are caught up with. What differs by less than clockGrain is how clocks are read.
const (
	clockStep  = 15 * time.Minute
	clockGrain = 10 * time.Millisecond
)

func newSteadyClock(log *slog.Logger) *steadyClock {
	start := time.Now()
	return &steadyClock{log: log, read: func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(start)
	}}
}

// now is the time. It is for all goroutines.
func (c *steadyClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, running := c.read()
	if !c.wall.IsZero() {
		passed := running - c.running
		back := passed - wall.Sub(c.wall)
		c.ahead = max(c.ahead-passed/2, 0)
		switch {
		case back > clockStep || back > clockGrain && c.ahead+back > clockStep:
			c.log.Warn("the clock of this machine was set back, and is followed", "duration", back)
			c.ahead = 0
		case back > clockGrain:
			c.log.Warn("the clock of this machine was set back, and is caught up with", "duration", back)
			c.ahead += back
		}
	}
	c.wall, c.running = wall, running
	return wall.Add(c.ahead)
}
