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

// start tells an executor to start an action. One that does all of it before Start returns is ended as soon as somebody asks for
// the action's end, by whatever process: the error is errHeard then.
func (b *Bot) start(ctx context.Context, e executor.Executor, req executor.Request, id string) (handle string, err error) {
	if _, ok := e.(executor.AtOnce); !ok {
		return e.Start(ctx, req)
	}
	heard := make(chan struct{})
	doing, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if b.waitStop(doing, id) {
			close(heard)
			cancel()
		}
	}()
	handle, err = e.Start(doing, req)
	cancel()
	<-watched
	select {
	case <-heard:
		if err != nil && !executor.IsPermanent(err) && ctx.Err() == nil {
			return "", errHeard
		}
	default:
	}
	return handle, err
}

// waitStop waits until an action is to stop, and tells whether that is so; not when the context has ended first.
func (b *Bot) waitStop(ctx context.Context, id string) bool {
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
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}
