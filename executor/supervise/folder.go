package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Names in the folder.
const (
	lockFile    = "lock"
	startedFile = "started"
	stopFile    = "stop"
	logFile     = "log"
	resultFile  = "result.json"
	ownLogFile  = "supervisor.log"
	groupFile   = "group" // the path of the control group, where there is one
)

// State is where a folder stands.
type State string

// States.
const (
	Absent      State = "absent"      // nothing ran
	Running     State = "running"     // a supervisor holds the lock
	Finished    State = "finished"    // there is a result
	Interrupted State = "interrupted" // it was started, and its supervisor is gone without a result
)

// Look tells where a folder stands, and the result when it is Finished.
func Look(dir string) (State, Result, error) {
	if r, ok, err := readResult(dir); ok || err != nil {
		return Finished, r, err
	}
	held, err := lockHeld(dir)
	if err != nil {
		return "", Result{}, err
	}
	if held {
		return Running, Result{}, nil
	}
	// The supervisor may have ended since the first look.
	if r, ok, err := readResult(dir); ok || err != nil {
		return Finished, r, err
	}
	if exists(dir, startedFile) {
		return Interrupted, Result{}, nil
	}
	return Absent, Result{}, nil
}

func readResult(dir string) (r Result, ok bool, err error) {
	b, err := os.ReadFile(filepath.Join(dir, resultFile))
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		return r, false, fmt.Errorf("result in %s: %w", dir, err)
	}
	return r, true, nil
}

// lockHeld tells whether a supervisor lives. It takes a shared lock for a moment, which Start knows about.
func lockHeld(dir string) (bool, error) {
	f, err := os.Open(filepath.Join(dir, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("lock of %s: %w", dir, err)
	}
	return false, nil
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}

// Stop asks for the end of what runs in dir. It returns at once; the supervisor sees it within 100 ms. Where nothing
// runs it keeps a later Start from running anything.
func Stop(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, stopFile), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// WriteFile writes a file so that it is whole or not there: under another name, synced, renamed.
func WriteFile(path string, b []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func writeResult(dir string, r Result) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return WriteFile(filepath.Join(dir, resultFile), b)
}
