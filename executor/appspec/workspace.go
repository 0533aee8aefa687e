package appspec

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/supervise"
)

// workspace is the folder of one deployment. Besides what every such folder has, there are in it
//
//	progress.json  what has happened
//	alarm          why it is not to go on; exists when an alarm was raised
//
// Where a supervisor was killed, the next try carries the deployment on.
type workspace struct{ actiondir.Dir }

func (e *Executor) workspace(id string) workspace {
	return workspace{actiondir.Of(filepath.Join(e.o.Dir, "deployments"), id)}
}

// ended is called when a supervisor has.
func (e *Executor) ended(dir string) { actiondir.Dir(filepath.Dir(dir)).Ring(e.o.Ring) }

// StopServices ends what the scripts of deployments have started on folders of this machine and left running. It is for
// whoever takes the hosts down for good.
func (e *Executor) StopServices() error {
	tries, err := filepath.Glob(filepath.Join(e.o.Dir, "deployments", "*", "try-*"))
	for _, dir := range tries {
		supervise.Sweep(dir)
	}
	return err
}

// Prune removes what is left of deployments that ended before the time given, their logs above all; it returns how many.
// Hosts and the revisions on them stay.
func (e *Executor) Prune(ctx context.Context, before time.Time) (int, error) {
	return actiondir.Prune(ctx, filepath.Join(e.o.Dir, "deployments"), before, os.RemoveAll)
}
