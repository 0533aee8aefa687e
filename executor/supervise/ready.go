package supervise

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Ready is a supervisor that has been started before it is known what it shall run: while a clone is made, say. What takes time
// for every program, its own start above all, is done then. Run tells it the rest, Discard that there is none. The zero value
// has nothing to run in: something ran there before.
//
// Until Run it has done nothing in the folder but to hold its lock. When the server ends first the supervisor ends too.
type Ready struct {
	l      *Launcher
	dir    string
	limits Limits
	cmd    *exec.Cmd
	alive  *os.File // tells when the supervisor has ended
	feed   *os.File // takes what it shall run
}

// Prepare starts a supervisor in dir for a program that will have those limits, unless something ran there before or was told to
// stop: then it changes nothing, and neither does Run. Run or Discard must follow.
func (l *Launcher) Prepare(ctx context.Context, dir string, limits Limits) (_ *Ready, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("start in %s: %w", dir, err)
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := takeLock(ctx, dir)
	if err != nil {
		return nil, err
	}
	if lock == nil { // a supervisor has it
		l.Watch(dir)
		return &Ready{}, nil
	}
	defer lock.Close() // the supervisor has its own by then
	if exists(dir, startedFile) || exists(dir, resultFile) {
		return &Ready{}, nil
	}
	if exists(dir, stopFile) {
		return &Ready{}, writeStopped(dir)
	}
	r := &Ready{l: l, dir: dir, limits: limits}
	return r, r.launch(lock)
}

// gcOff spares the program, while it only makes its packages ready, a collection of garbage; Main turns it on again.
const gcOff = "GOGC=off"

// launch starts the supervisor. It inherits the lock and the writing end of a pipe whose other end tells when it has
// ended; neither reaches what it runs.
func (r *Ready) launch(lock *os.File) error {
	own, err := os.OpenFile(filepath.Join(r.dir, ownLogFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer own.Close()
	alive, hold, err := os.Pipe()
	if err != nil {
		return err
	}
	defer hold.Close()
	stdin, feed, err := os.Pipe()
	if err != nil {
		alive.Close()
		return err
	}
	defer stdin.Close()

	command := r.l.o.Command
	cmd := exec.Command(command[0], append(command[1:len(command):len(command)], r.dir)...)
	cmd.Env = []string{gcOff} // no more, since what it runs could read it
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, own, own
	cmd.ExtraFiles = []*os.File{lock, hold}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		alive.Close()
		feed.Close()
		return err
	}
	r.cmd, r.alive, r.feed = cmd, alive, feed
	if err := r.tell(r.limits); err != nil {
		r.Discard()
		return err
	}
	return nil
}

// patience is how long the supervisor may take to hear something, and to end that has heard nothing.
const patience = 20 * time.Second

// tell hands the supervisor something.
func (r *Ready) tell(what any) error {
	b, err := json.Marshal(what)
	if err != nil {
		return err
	}
	_ = r.feed.SetWriteDeadline(time.Now().Add(patience))
	_, err = r.feed.Write(b)
	return err
}

// Run runs spec, with the limits that Prepare was told, unless something ran in the folder before or was told to stop: then it
// changes nothing. started tells which. Afterwards Look never says Absent.
func (r *Ready) Run(spec Spec) (started bool, err error) {
	if r.cmd == nil {
		return false, nil
	}
	if exists(r.dir, stopFile) {
		r.Discard()
		return false, writeStopped(r.dir)
	}
	spec.Limits = r.limits
	if err := r.tell(spec); err != nil {
		r.Discard() // it has not read the whole spec, so it has done nothing
		return false, fmt.Errorf("start in %s: %w", r.dir, err)
	}
	r.feed.Close()
	r.l.attendTo(r.dir, r.cmd, r.alive)
	r.cmd = nil
	return true, nil
}

// Discard lets the supervisor end that Run has told nothing, and waits for that; the folder is as if there had been none. After
// Run it does nothing.
func (r *Ready) Discard() {
	if r.cmd == nil {
		return
	}
	cmd := r.cmd
	r.cmd = nil
	r.feed.Close()
	tooLong := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // there is nothing that it could say
	tooLong.Stop()
	r.alive.Close()
}

// writeStopped is the result of what was told to stop before it began.
func writeStopped(dir string) error {
	now := time.Now()
	return writeResult(dir, Result{Reason: Stopped, ExitCode: -1, Started: now, Finished: now})
}
