package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
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
	r, err := l.Prepare(ctx, dir, spec.Limits)
	if err != nil {
		return false, err
	}
	return r.Run(spec)
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

// attendTo starts attend, so that nobody has to watch the folder; after Close nobody waits any more.
func (l *Launcher) attendTo(dir string, cmd *exec.Cmd, alive *os.File) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		alive.Close()
		_ = cmd.Process.Release()
		return
	}
	l.watched[dir] = true
	l.wait.Go(func() { l.attend(dir, cmd, alive) })
}

// attend waits until the supervisor has told its end, or is gone, or the launcher is closed.
func (l *Launcher) attend(dir string, cmd *exec.Cmd, alive *os.File) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = alive.Read(make([]byte, 1)) // nobody writes: this returns when one of the two lets go
	}()
	select {
	case <-l.done:
		alive.Close()
		<-ended
		_ = cmd.Process.Release()
	case <-ended:
		alive.Close()
		if _, told, _ := readResult(dir); !told {
			_ = cmd.Wait() // it was killed: its lock, by which Look tells, may go a moment after
		}
		l.unwatch(dir)
		l.o.Ended(dir)
		_ = cmd.Wait() // how it ended is in the folder
	}
}

// unwatch lets the folder be watched again.
func (l *Launcher) unwatch(dir string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.watched, dir)
}

// Watch makes sure that Ended is called for dir, whose supervisor was started by another process. It does nothing when
// dir is watched already, or its supervisor is this launcher's.
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
		l.unwatch(dir)
		l.o.Ended(dir)
	})
}
