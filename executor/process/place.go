package process

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/supervise"
)

// environment is the folder of one environment of one repository:
//
//	current.json     what serves it
//	lock             held while a deployment is decided
//	ID.run, ID.back  supervisors' folders: of a deployment, and of what was started again after it failed
//	ID.json          the report on a deployment
//	ID.stop          somebody wants it to end
type environment struct{ dir, name string }

// place is the folder for a request's environment.
func place(dir string, r executor.Request) environment {
	name := r.Environment
	if name == "" {
		name = r.Env["SLUICE_ENVIRONMENT"]
	}
	sum := sha256.Sum256([]byte(r.Owner + "/" + r.Repo + "/" + name))
	return environment{filepath.Join(dir, "places", fmt.Sprintf("%x", sum[:10])), name}
}

// allPlaces lists the environments a folder knows.
func allPlaces(dir string) ([]environment, error) {
	found, err := filepath.Glob(filepath.Join(dir, "places", "*"))
	out := make([]environment, len(found))
	for i, f := range found {
		out[i] = environment{dir: f}
	}
	return out, err
}

// file is a name for something that belongs to an action.
func (at environment) file(id, suffix string) string {
	sum := sha256.Sum256([]byte(id))
	return filepath.Join(at.dir, fmt.Sprintf("%x%s", sum[:10], suffix))
}

// locked does something while no other process or goroutine decides about this environment.
func (at environment) locked(ctx context.Context, do func() error) error {
	if err := os.MkdirAll(at.dir, 0o700); err != nil {
		return err
	}
	unlock, err := actiondir.Lock(ctx, filepath.Join(at.dir, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	return do()
}

func (at environment) report(id string) (r executor.Report, done bool, err error) {
	done, err = actiondir.ReadJSON(at.file(id, ".json"), &r)
	return r, done, err
}

func (at environment) finish(id string, r executor.Report) error {
	return actiondir.WriteJSON(at.file(id, ".json"), r)
}

func (at environment) current() (r Running, ok bool, err error) {
	ok, err = actiondir.ReadJSON(filepath.Join(at.dir, "current.json"), &r)
	return r, ok, err
}

func (at environment) serve(r Running) error {
	return actiondir.WriteJSON(filepath.Join(at.dir, "current.json"), r)
}

// alive asks the supervisor's lock.
func (at environment) alive(r Running) (bool, error) {
	state, _, err := supervise.Look(filepath.Join(at.dir, r.Run))
	return state == supervise.Running, err
}

func (at environment) askStop(id string) error {
	if err := os.MkdirAll(at.dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(at.file(id, ".stop"), nil, 0o600)
}

func (at environment) stopAsked(id string) bool {
	_, err := os.Lstat(at.file(id, ".stop"))
	return err == nil
}

// end stops what runs under a supervisor's folder and waits until it has ended.
func end(ctx context.Context, run string) error {
	state, _, err := supervise.Look(run)
	if err != nil {
		return err
	}
	if state == supervise.Interrupted {
		supervise.Sweep(run)
	}
	if state != supervise.Running {
		return nil
	}
	if err := supervise.Stop(run); err != nil {
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		state, _, err := supervise.Look(run)
		if err != nil {
			return err
		}
		if state != supervise.Running {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stopAll ends everything that runs in this environment and forgets what served it.
func (at environment) stopAll(ctx context.Context) error {
	var errs []error
	for _, pattern := range []string{"*.run", "*.back"} {
		runs, err := filepath.Glob(filepath.Join(at.dir, pattern))
		errs = append(errs, err)
		for _, run := range runs {
			errs = append(errs, end(ctx, run))
		}
	}
	err := os.Remove(filepath.Join(at.dir, "current.json"))
	if !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
