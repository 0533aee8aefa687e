package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Options are what a Launcher needs.
type Options struct {
	// Command starts the supervisor; the folder is appended. Nil means this binary with Subcommand.
	Command []string
	// Ended is called, in a goroutine of the launcher's, when a supervisor ends that this launcher started or watches.
	// Nil is fine.
	Ended func(dir string)
	// Poll is how often folders are looked at whose supervisor was started by another process. Defaults to 250 ms.
	Poll time.Duration
}

// Launcher starts supervisors. New makes one; Close lets go of all, without stopping them. It may be used by several
// goroutines.
type Launcher struct {
	o    Options
	done chan struct{} // closed by Close
	wait sync.WaitGroup

	mu      sync.Mutex
	watched map[string]bool
	closed  bool
}

// New makes a launcher, and hides this process from others of its user (HideProcess).
func New(o Options) (*Launcher, error) {
	if err := HideProcess(); err != nil {
		return nil, err
	}
	if len(o.Command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program, to start it again as a supervisor: %w", err)
		}
		o.Command = []string{self, Subcommand}
	}
	if o.Ended == nil {
		o.Ended = func(string) {}
	}
	if o.Poll <= 0 {
		o.Poll = 250 * time.Millisecond
	}
	return &Launcher{o: o, done: make(chan struct{}), watched: map[string]bool{}}, nil
}

// Close ends the launcher's goroutines and waits for them. Supervisors go on.
func (l *Launcher) Close() error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.done)
	}
	l.mu.Unlock()
	l.wait.Wait()
	return nil
}

// Start runs spec in dir, unless something ran there before or was told to stop: then it changes nothing. started tells
// which. Afterwards Look never says Absent.
func (l *Launcher) Start(ctx context.Context, dir string, spec Spec) (started bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("start in %s: %w", dir, err)
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	lock, err := takeLock(ctx, dir)
	if err != nil {
		return false, err
	}
	if lock == nil { // a supervisor has it
		l.Watch(dir)
		return false, nil
	}
	defer lock.Close() // the supervisor has its own by then
	if exists(dir, startedFile) || exists(dir, resultFile) {
		return false, nil
	}
	if exists(dir, stopFile) {
		now := time.Now()
		return false, writeResult(dir, Result{Reason: Stopped, ExitCode: -1, Started: now, Finished: now})
	}
	return true, l.launch(dir, lock, spec)
}

// takeLock returns the folder's lock, or nil when a supervisor has it. Those who only look hold it for a moment.
func takeLock(ctx context.Context, dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 50 {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) || exists(dir, startedFile) {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		}
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, nil //nolint:nilnil // somebody else has it
	}
	return nil, err
}

// gcOff spares the program, while it only makes its packages ready, a collection of garbage; Main turns it on again.
const gcOff = "GOGC=off"

// launch starts the supervisor. It inherits the lock and the writing end of a pipe whose other end tells when it has
// ended; neither reaches what it runs.
func (l *Launcher) launch(dir string, lock *os.File, spec Spec) error {
	payload, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	own, err := os.OpenFile(filepath.Join(dir, ownLogFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
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
	defer feed.Close()

	cmd := exec.Command(l.o.Command[0], append(l.o.Command[1:len(l.o.Command):len(l.o.Command)], dir)...)
	cmd.Env = []string{gcOff} // no more, since what it runs could read it
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, own, own
	cmd.ExtraFiles = []*os.File{lock, hold}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		alive.Close()
		return err
	}
	stdin.Close()
	l.attendTo(dir, cmd, alive)
	_ = feed.SetWriteDeadline(time.Now().Add(20 * time.Second))
	if _, err := feed.Write(payload); err != nil {
		_ = cmd.Process.Kill() // it has not read the whole spec, so it has done nothing
		return err
	}
	return nil
}

// attendTo starts attend; after Close nobody waits any more.
func (l *Launcher) attendTo(dir string, cmd *exec.Cmd, alive *os.File) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		alive.Close()
		_ = cmd.Process.Release()
		return
	}
	l.wait.Go(func() { l.attend(dir, cmd, alive) })
}

// attend waits until the supervisor ends or the launcher is closed.
func (l *Launcher) attend(dir string, cmd *exec.Cmd, alive *os.File) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = alive.Read(make([]byte, 1)) // nobody writes: this returns when one of the two has ended
	}()
	select {
	case <-l.done:
		alive.Close()
		<-ended
		_ = cmd.Process.Release()
	case <-ended:
		alive.Close()
		_ = cmd.Wait() // how it ended is in the folder
		l.o.Ended(dir)
	}
}

// Watch makes sure that Ended is called for dir, whose supervisor was started by another process. It does nothing when
// dir is watched already.
func (l *Launcher) Watch(dir string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watched[dir] || l.closed {
		return
	}
	l.watched[dir] = true
	l.wait.Go(func() {
		tick := time.NewTicker(l.o.Poll)
		defer tick.Stop()
		for {
			if state, _, err := Look(dir); err != nil || state != Running {
				break
			}
			select {
			case <-tick.C:
			case <-l.done:
				return
			}
		}
		l.mu.Lock()
		delete(l.watched, dir)
		l.mu.Unlock()
		l.o.Ended(dir)
	})
}
