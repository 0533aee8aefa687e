package bot

import (
	"context"
	"errors"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// Waits between attempts, where nothing says how long.
const (
	staleWait   = 50 * time.Millisecond // somebody else wrote first: look again at once
	refusedWait = 10 * time.Minute      // a person must change a setting first; /retry and events come earlier
)

// outcome is the one table that says what follows from an error: try again, come back later, or give the item up and
// show it. Messages to people were written where the error happened; nothing else decides about repeating.
func outcome(err error, now time.Time) queue.Outcome {
	var limit *forge.RateLimitError
	var notYet *notYetError
	switch {
	case err == nil:
		return queue.Done()
	case errors.As(err, &limit):
		return queue.Park(max(limit.Until.Sub(now), time.Second), limit)
	case errors.As(err, &notYet):
		return queue.Park(notYet.wait, notYet)
	case errors.Is(err, store.ErrStale):
		return queue.Snooze(staleWait)
	case errors.Is(err, context.Canceled):
		return queue.Retry(err) // shutting down: the next process goes on
	case forGood(err):
		return queue.Dead(err)
	default:
		return queue.Retry(err)
	}
}

// forGood tells whether GitHub or an executor has refused what no repetition mends.
func forGood(err error) bool {
	var refused *forge.RefusedError
	return errors.As(err, &refused) || executor.IsPermanent(err)
}
