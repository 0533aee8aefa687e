package main

import (
	"log/slog"
	"testing"
	"time"
)

// What is timed goes on when the machine's clock is set back: by ten minutes without ever going back, by more at once.
func TestSteadyClock(t *testing.T) {
	noon := time.Date(2030, 3, 29, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		set  time.Duration   // to which the clock is set after an hour
		want []time.Duration // what has passed since noon by the clock: at that moment, and after a minute, ten and thirty more
	}{
		"not at all":             {0, []time.Duration{60 * time.Minute, 61 * time.Minute, 70 * time.Minute, 90 * time.Minute}},
		"ten minutes back":       {-10 * time.Minute, []time.Duration{60 * time.Minute, 60*time.Minute + 30*time.Second, 65 * time.Minute, 80 * time.Minute}},
		"an hour back":           {-time.Hour, []time.Duration{0, time.Minute, 10 * time.Minute, 30 * time.Minute}},
		"ten minutes forward":    {10 * time.Minute, []time.Duration{70 * time.Minute, 71 * time.Minute, 80 * time.Minute, 100 * time.Minute}},
		"by how clocks are read": {-time.Millisecond, []time.Duration{60*time.Minute - time.Millisecond, 61*time.Minute - time.Millisecond, 70*time.Minute - time.Millisecond, 90*time.Minute - time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			var running, set time.Duration
			clock := &steadyClock{log: slog.New(slog.DiscardHandler), read: func() (time.Time, time.Duration) { return noon.Add(running + set), running }}
			before := clock.now()
			running += time.Hour
			before = later(t, before, clock.now(), false)
			set = c.set
			start := running
			for i, after := range []time.Duration{0, time.Minute, 10 * time.Minute, 30 * time.Minute} {
				for ; running < start+after; running += 10 * time.Second {
					before = later(t, before, clock.now(), c.set < -clockStep)
				}
				before = later(t, before, clock.now(), c.set < -clockStep)
				if got := before.Sub(noon); got != c.want[i] {
					t.Errorf("%s after it was set %s have passed, want %s", after, got, c.want[i])
				}
			}
		})
	}
}

// later fails where a clock went back that may not.
func later(t *testing.T, before, now time.Time, may bool) time.Time {
	t.Helper()
	if now.Before(before) && !may && before.Sub(now) > clockGrain {
		t.Errorf("it went back by %s", before.Sub(now))
	}
	return now
}
