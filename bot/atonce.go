package bot

import (
	"context"
	"errors"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/store"
)

// stopLook is how often it is asked whether an action that is carried out within Start is to stop.
const stopLook = 500 * time.Millisecond

// errHeard says that Start was ended because somebody asked for the action's end.
var errHeard = errors.New("stopped while it was under way")

// hear returns the context for an executor's Start, which is to answer soon. For one that does all of an action before Start returns, or
// prepares it for long, the context goes on until somebody asks for the action's end, in whatever process. Then the error of Start
// becomes errHeard in the first case, and in the other nil: what there is is told to stop, and says itself how it ended. end is to be
// called once, when Start has returned.
func (b *Bot) hear(ctx context.Context, e executor.Executor, id string) (doing context.Context, end func(error) error) {
	_, atOnce := e.(executor.AtOnce)
	_, prepares := e.(executor.Prepares)
	if !atOnce && !prepares {
		doing, cancel := context.WithTimeout(ctx, answerLimit)
		return doing, func(err error) error {
			cancel()
			return err
		}
	}
	doing, cancel := context.WithCancel(ctx)
	heard := make(chan bool, 1)
	go func() {
		heard <- b.waitStop(ctx, doing.Done(), id)
		cancel()
	}()
	return doing, func(err error) error {
		cancel()
		switch {
		case !<-heard || err == nil || executor.IsPermanent(err) || ctx.Err() != nil:
			return err
		case prepares:
			return nil
		}
		return errHeard
	}
}

// waitStop waits until an action is to stop, and tells whether that is so; not when done comes first. What was asked for before it began
// to wait is heard, however soon done comes.
func (b *Bot) waitStop(ctx context.Context, done <-chan struct{}, id string) bool {
	tick := time.NewTicker(stopLook)
	defer tick.Stop()
	for {
		stop := false
		err := b.Store.Read(ctx, func(tx *store.Tx) error {
			run, err := tx.ActionRun(ctx, id)
			stop = run.Stop
			return err
		})
		if err == nil && stop {
			return true
		}
		select {
		case <-done:
			return false
		case <-tick.C:
		}
	}
}
