package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Runner decides what a supervisor runs: several programs in turn, say. The context ends when the time is up or
// somebody wants the end; programs of the session are ended then by the supervisor, and the Runner only has to return.
// output becomes Result.Output, code Result.ExitCode; err means that it could not run at all.
type Runner func(ctx context.Context, s *Session, payload []byte) (output []byte, code int, err error)

// maxSpec is how large a Spec may be.
const maxSpec = 16 << 20

// lockFD is where launch hands over the lock. The pipe that tells of the end follows; nothing is done with it.
const lockFD = 3

// gcPercent is how far the heap may grow between collections of garbage. It spares a short build the collection that would follow
// at once from what packages have made before main, some 4 MiB.
const gcPercent = 200

// Main is the supervisor: the body of the hidden subcommand. It reads the Spec from stdin and returns when everything
// has ended and the result is written. An error means that there is no result.
func Main(dir string, stdin io.Reader, runners map[string]Runner) error {
	debug.SetGCPercent(gcPercent)
	closeAllOnExec() // the lock, the pipe, and whatever the server had itself inherited
	if err := ownLock(dir); err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(stdin, maxSpec))
	if err != nil {
		return err
	}
	var spec Spec
	if err := json.Unmarshal(b, &spec); err != nil {
		return fmt.Errorf("the spec did not arrive whole: %w", err)
	}
	spec = spec.withDefaults()
	starter := newThread()
	starter.call(func() { err = harden(spec) })
	if err != nil {
		return writeResult(dir, Result{Reason: NotStarted, ExitCode: -1, Error: err.Error(), Started: time.Now(), Finished: time.Now()})
	}
	started, err := os.OpenFile(filepath.Join(dir, startedFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err // it ran before
	}
	if err := errors.Join(started.Sync(), started.Close()); err != nil {
		return err
	}
	result, err := supervise(dir, spec, runners, starter)
	if err != nil {
		result = Result{Reason: NotStarted, ExitCode: -1, Error: err.Error(), Started: time.Now(), Finished: time.Now()}
	}
	return writeResult(dir, result)
}

// ownLock makes sure that this process holds the folder's lock: it was inherited, or is free.
func ownLock(dir string) error {
	var inherited, file unix.Stat_t
	if unix.Fstat(lockFD, &inherited) == nil && unix.Stat(filepath.Join(dir, lockFile), &file) == nil &&
		inherited.Dev == file.Dev && inherited.Ino == file.Ino {
		return nil
	}
	f, err := takeLock(context.Background(), dir)
	if err != nil {
		return err
	}
	if f == nil {
		return fmt.Errorf("%s has a supervisor already", dir)
	}
	runtime.SetFinalizer(f, nil) // held until the process ends
	return nil
}

// supervise runs the spec to its end, and ends the thread that starts its programs.
func supervise(dir string, spec Spec, runners map[string]Runner, starter *thread) (Result, error) {
	run := runners[spec.Runner]
	if spec.Runner == "" {
		run = runOne(spec)
	}
	if run == nil {
		return Result{}, fmt.Errorf("no runner %q", spec.Runner)
	}
	log, err := newOutput(dir, spec.LogHead, spec.LogTail)
	if err != nil {
		return Result{}, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return Result{}, err
	}
	secrets := valuesOf(spec.Secrets)
	count, drained := drain(r, log, secrets)

	s := &Session{spec: spec, dir: dir, log: w, secrets: secrets, starter: starter, running: map[*Program]bool{}}
	result := Result{Reason: Exited, Started: time.Now()}
	ctx, ending, release := watchForTheEnd(dir, spec.Timeout)
	var killer sync.WaitGroup
	killer.Go(func() { s.endWith(ctx) })
	if spec.Limits != (Limits{}) {
		s.enclose()
		killer.Go(func() {
			guard(spec.Limits, count, s.hard, ctx.Done(), func(why string) { ending(&endError{OverLimit, why}) })
		})
	}
	output, code, err := run(ctx, s, spec.Payload)
	release()
	killer.Wait()
	s.killAll()
	starter.end()
	s.hard.close()
	w.Close()
	// Something that cannot be killed may still hold the other end; the result does not wait for it.
	_ = r.SetReadDeadline(time.Now().Add(2 * time.Second))
	<-drained

	result.Finished, result.ExitCode, result.Output, result.LogBytes = time.Now(), code, output, count.Load()
	result.Signal = s.signal
	var why *endError
	switch {
	case errors.As(context.Cause(ctx), &why):
		result.Reason, result.Error = why.reason, why.detail
	case err != nil:
		result.Reason, result.Error, result.ExitCode = NotStarted, err.Error(), -1
	}
	return result, nil
}

// runOne runs Spec.Args.
func runOne(spec Spec) Runner {
	return func(_ context.Context, s *Session, _ []byte) ([]byte, int, error) {
		p, err := s.Start(Command{Args: spec.Args})
		if err != nil {
			return nil, -1, err
		}
		code, sig := p.Wait()
		s.signal = sig
		return nil, code, nil
	}
}

// endError is why a context was ended.
type endError struct {
	reason Reason
	detail string
}

func (e *endError) Error() string { return string(e.reason) }

// watchForTheEnd returns a context that ends when the time is up, somebody asks for it, the host goes down, the folder is
// removed, or end is called; its cause tells which. release ends it without a reason.
func watchForTheEnd(dir string, timeout time.Duration) (ctx context.Context, end func(error), release func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	var over <-chan time.Time
	if timeout > 0 {
		over = time.After(timeout)
	}
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if _, err := os.Lstat(filepath.Join(dir, stopFile)); !errors.Is(err, fs.ErrNotExist) {
					cancel(&endError{reason: Stopped})
				}
				if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
					cancel(&endError{reason: Terminated}) // nobody can ask about it any more, nor stop it
				}
			case <-over:
				cancel(&endError{reason: TimedOut})
			case <-signals:
				cancel(&endError{reason: Terminated})
			case <-ctx.Done():
				return
			}
		}
	})
	return ctx, func(err error) { cancel(err) }, func() {
		cancel(context.Canceled)
		watching.Wait()
		signal.Stop(signals)
	}
}
