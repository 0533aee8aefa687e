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

// lockFD is where launch hands over the lock, holdFD a pipe whose other end tells of the end: it is closed when the result is there.
const (
	lockFD = 3
	holdFD = 4
)

// gcPercent is how far the heap may grow between collections of garbage. It spares a short build the collection that would follow
// at once from what packages have made before main, some 4 MiB.
const gcPercent = 200

// Main is the supervisor: the body of the hidden subcommand. It reads from stdin the limits, and later the Spec, and returns when
// everything has ended and the result is written; at once when there comes no Spec. An error means that there is no result.
func Main(dir string, stdin io.Reader, runners map[string]Runner) error {
	debug.SetGCPercent(gcPercent)
	hidden := HideProcess() // before there is anything to hide
	closeAllOnExec()        // the lock, the pipe, and whatever the server had itself inherited
	inherited, err := ownLock(dir)
	if err != nil {
		return err
	}
	in := json.NewDecoder(io.LimitReader(stdin, maxSpec))
	var limits Limits
	if err := in.Decode(&limits); err != nil {
		return fmt.Errorf("the limits did not arrive whole: %w", err)
	}
	g := prepare(dir, limits)
	defer g.leave()
	var spec Spec
	if err := in.Decode(&spec); errors.Is(err, io.EOF) {
		return nil // nothing is to be run
	} else if err != nil {
		return fmt.Errorf("the spec did not arrive whole: %w", err)
	}
	result, err := begin(dir, spec.withDefaults(), runners, g, hidden)
	if err != nil {
		return err // it ran before
	}
	err = writeResult(dir, result)
	if inherited {
		_ = unix.Close(holdFD) // whoever waits for the result need not wait for what is tidied up
	}
	return err
}

// begin notes that the program may have an effect from now on, and runs it to its end. The error says that it must not: that was
// noted before, or cannot be. unfit is why this process is not fit to run anything, if it is not.
func begin(dir string, spec Spec, runners map[string]Runner, g *ground, unfit error) (Result, error) {
	hardened := make(chan error, 1)
	g.starter.begin(func() { hardened <- errors.Join(unfit, harden(spec)) })
	started, err := os.OpenFile(filepath.Join(dir, startedFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = errors.Join(started.Sync(), started.Close())
	}
	wrong := <-hardened
	if err != nil {
		return Result{}, err
	}
	var result Result
	if wrong == nil {
		result, wrong = supervise(dir, spec, runners, g)
	}
	if wrong != nil {
		result = Result{Reason: NotStarted, ExitCode: -1, Error: wrong.Error(), Started: time.Now(), Finished: time.Now()}
	}
	return result, nil
}

// ownLock makes sure that this process holds the folder's lock: it was inherited, or is free.
func ownLock(dir string) (inherited bool, err error) {
	var handed, file unix.Stat_t
	if unix.Fstat(lockFD, &handed) == nil && unix.Stat(filepath.Join(dir, lockFile), &file) == nil &&
		handed.Dev == file.Dev && handed.Ino == file.Ino {
		return true, nil
	}
	f, err := takeLock(context.Background(), dir)
	if err != nil {
		return false, err
	}
	if f == nil {
		return false, fmt.Errorf("%s has a supervisor already", dir)
	}
	runtime.SetFinalizer(f, nil) // held until the process ends
	return false, nil
}

// supervise runs the spec to its end.
func supervise(dir string, spec Spec, runners map[string]Runner, g *ground) (Result, error) {
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

	s := &Session{spec: spec, dir: dir, log: w, secrets: secrets, ground: g, running: map[*Program]bool{}}
	result := Result{Reason: Exited, Started: time.Now()}
	ctx, ending, release := watchForTheEnd(dir, spec.Timeout)
	var killer sync.WaitGroup
	killer.Go(func() { s.endWith(ctx) })
	if spec.Limits != (Limits{}) {
		if g.none != nil {
			s.Logf("Limits of memory and processes are watched, and not held by the kernel: no control group: %v", g.none)
		}
		killer.Go(func() {
			guard(spec.Limits, count, s.hard, ctx.Done(), func(why string) { ending(&endError{OverLimit, why}) })
		})
	}
	output, code, err := run(ctx, s, spec.Payload)
	release()
	killer.Wait()
	s.killAll()
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
