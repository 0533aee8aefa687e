package main

import (
	"context"
	"fmt"
	"time"
)

// pollEvery is the pause between two looks, patience how long a look may go on.
const (
	pollEvery = 15 * time.Millisecond
	patience  = 90 * time.Second
)

// await looks until it is so, for a time. saw is for the message when that is over.
func await(ctx context.Context, within time.Duration, what string, look func() (saw string, done bool)) error {
	end := time.NewTimer(within)
	defer end.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		saw, done := look()
		if done {
			return nil
		}
		select {
		case <-end.C:
			return fmt.Errorf("waited %v for %s; last seen: %s", within, what, saw)
		case <-ctx.Done():
			return fmt.Errorf("waited for %s until the test ended; last seen: %s", what, saw)
		case <-tick.C:
		}
	}
}
