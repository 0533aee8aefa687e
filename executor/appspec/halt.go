package appspec

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
)

// alarmError is the cause of a context that was ended by an alarm.
type alarmError struct{ reason string }

func (e *alarmError) Error() string { return "an alarm was raised: " + e.reason }

// halted says why the deployment is not to go on; empty: it is.
func halted(ctx context.Context) string {
	var alarm *alarmError
	if cause := context.Cause(ctx); errors.Is(cause, errStopped) || errors.As(cause, &alarm) {
		return executor.OneLine(cause.Error())
	}
	return ""
}

// errStopped is the cause of a context that was ended because somebody asked for it.
var errStopped = errors.New("stopped")

// untilStopped is a context that also ends when somebody asks for the end of the deployment.
func (d *deployment) untilStopped(ctx context.Context) (halt context.Context, release func()) {
	halt, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	look := func() {
		if actiondir.Dir(d.plan.Dir).Stopped() {
			cancel(errStopped)
		}
		if reason, err := os.ReadFile(alarmFile(d.plan.Dir)); err == nil {
			cancel(&alarmError{string(reason)})
		}
	}
	look()
	watching.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				look()
			case <-halt.Done():
				return
			}
		}
	})
	return halt, func() {
		cancel(context.Canceled)
		watching.Wait()
	}
}

func alarmFile(dir string) string { return filepath.Join(dir, "alarm") }
