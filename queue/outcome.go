package queue

import (
	"errors"
	"time"
)

// Outcome is a handler's answer: what happens next to the item or job. The zero Outcome is Done.
type Outcome struct {
	verb  verb
	err   error
	delay time.Duration
}

type verb int

const (
	verbDone verb = iota
	verbRetry
	verbSnooze
	verbDead
)

// errUnknown stands for a failure that came without an error.
var errUnknown = errors.New("failed without saying why")

// Done: it is finished.
func Done() Outcome { return Outcome{} }

// Retry: it failed and is tried again after a pause, in its place: the lane waits. After MaxAttempts failures in a row it
// is dead.
func Retry(err error) Outcome {
	if err == nil {
		err = errUnknown
	}
	return Outcome{verb: verbRetry, err: err}
}

// Snooze: it is not the time yet. Again after d, in its place: the lane waits. Not a failure; those before are forgotten.
func Snooze(d time.Duration) Outcome { return Outcome{verb: verbSnooze, delay: max(d, 0)} }

// Park is Snooze with the reason, which is logged and kept with the item, so that a lane that waits can say for what.
func Park(d time.Duration, why error) Outcome {
	return Outcome{verb: verbSnooze, delay: max(d, 0), err: why}
}

// Dead: it failed and no attempt would help. It is kept, shown and can be replayed; the lane goes on.
func Dead(err error) Outcome {
	if err == nil {
		err = errUnknown
	}
	return Outcome{verb: verbDead, err: err}
}

// Err is why it failed, or why it was parked; nil for Done and Snooze.
func (o Outcome) Err() error { return o.err }

// Failed tells whether it is a Retry or Dead.
func (o Outcome) Failed() bool { return o.verb == verbRetry || o.verb == verbDead }

// String is the outcome in words, for logs and test failures.
func (o Outcome) String() string {
	switch o.verb {
	case verbRetry:
		return "retry: " + o.err.Error()
	case verbSnooze:
		if o.err != nil {
			return "park for " + o.delay.String() + ": " + o.err.Error()
		}
		return "snooze " + o.delay.String()
	case verbDead:
		return "dead: " + o.err.Error()
	}
	return "done"
}
