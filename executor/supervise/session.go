package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Session is what a Runner may use.
type Session struct {
	spec   Spec
	dir    string
	log    *os.File
	signal string // that ended the program, for Result

	*ground
	secrets *values

	mu      sync.Mutex
	running map[*Program]bool
	ended   bool // nothing is started any more
}

// Command is a program that a Runner starts.
type Command struct {
	Args []string // Args[0] is a path
	// Env are variables besides those of the Spec; they win.
	Env []string
	// Dir is the working folder; empty means the Spec's.
	Dir string
	// Files become descriptors 3 and up.
	Files []*os.File
	// Output takes what the program writes; nil: the log.
	Output *os.File
	// User is who it runs as; nil means as the Spec says.
	User *User
}

// Program is a program that runs or ran.
type Program struct {
	cmd    *exec.Cmd
	done   chan struct{}
	code   int
	signal string
}

// Dir is the folder shared with the server.
func (s *Session) Dir() string { return s.dir }

// Write writes to the log, masked; one call is written in one piece.
func (s *Session) Write(p []byte) (int, error) { return s.log.Write(p) }

// Logf writes a line of the supervisor's own into the log. It is masked like everything else.
func (s *Session) Logf(format string, args ...any) {
	_, _ = fmt.Fprintf(s.log, "[sluice] "+format+"\n", args...)
}

// Mask takes the Spec's secrets out of a text that goes to the server by another way than the log.
func (s *Session) Mask(text string) string { return s.secrets.mask(text) }

// Masker takes the Spec's secrets out of what goes to w: for whoever takes the output of a program apart before it is logged.
func (s *Session) Masker(w io.Writer) *Masker { return NewMasker(w, s.spec.Secrets) }

// Start starts a program: with the Spec's environment, user and limits, its output going to the log, nothing as its
// input, as the leader of a process group.
func (s *Session) Start(c Command) (*Program, error) {
	if len(c.Args) == 0 {
		return nil, errors.New("no program to start")
	}
	cmd := &exec.Cmd{Path: c.Args[0], Args: c.Args, Dir: c.Dir, ExtraFiles: c.Files}
	cmd.Env = append(append(append([]string{}, s.spec.Env...), c.Env...), Cookie+"="+s.dir)
	if cmd.Dir == "" {
		cmd.Dir = s.spec.Dir
	}
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if c.Output != nil {
		cmd.Stdout, cmd.Stderr = c.Output, c.Output
	}
	spec := s.spec
	if c.User != nil {
		spec.User = c.User
	}
	if spec.Sandbox != nil {
		cmd.Args = append(spec.Sandbox.arguments(spec, cmd.Dir), c.Args...)
		cmd.Path, cmd.Dir = cmd.Args[0], "/"
	}
	cmd.SysProcAttr = attributes(spec)
	s.hard.take(cmd.SysProcAttr)
	p := &Program{cmd: cmd, done: make(chan struct{})}

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, context.Canceled
	}
	var err error
	s.starter.call(func() { err = start(cmd) })
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Args[0], err)
	}
	s.running[p] = true
	if n := s.spec.Limits.Processes; n > 0 && s.none != nil && spec.User == nil {
		holdProcesses(cmd.Process.Pid, n)
	}
	if s.spec.Limits != (Limits{}) {
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, cmd.Process.Pid, politeness) // the server, and what watches it, come first
	}
	go func() {
		_ = cmd.Wait()
		p.code = cmd.ProcessState.ExitCode()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			p.signal = status.Signal().String()
		}
		s.mu.Lock()
		delete(s.running, p)
		s.mu.Unlock()
		close(p.done)
	}()
	return p, nil
}

// politeness is the nice value of what runs under limits.
const politeness = 5

// Done is closed when the program has ended.
func (p *Program) Done() <-chan struct{} { return p.done }

// Wait waits for the end and returns the exit code; -1 and the signal's name when a signal ended it.
func (p *Program) Wait() (code int, signal string) {
	<-p.done
	return p.code, p.signal
}

// Stop ends the program and whatever is in its process group: SIGTERM, and SIGKILL after the grace. It returns when the
// program has ended.
func (p *Program) Stop(grace time.Duration) {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // also those of the group that outlive it
	<-p.done
}

// endWith ends the programs when the context ends: SIGTERM to their groups, SIGKILL after the grace, or at once when they
// were over a limit.
func (s *Session) endWith(ctx context.Context) {
	<-ctx.Done()
	s.mu.Lock()
	s.ended = true
	running := make([]*Program, 0, len(s.running))
	for p := range s.running {
		running = append(running, p)
	}
	s.mu.Unlock()
	patience := s.spec.Grace
	if why := new(endError); errors.As(context.Cause(ctx), &why) && why.reason == OverLimit {
		patience = 0 // the host suffers
		s.hard.kill()
	} else {
		s.terminate(running)
	}
	grace := time.NewTimer(patience)
	defer grace.Stop()
	for _, p := range running {
		select {
		case <-p.done:
			continue
		case <-grace.C:
			grace.Reset(0)
		}
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
	}
}

// terminate asks programs to end: their groups, or in a sandbox everything but bubblewrap, which would end the rest with
// it, and at once.
func (s *Session) terminate(running []*Program) {
	if len(running) > 0 && s.spec.Sandbox != nil {
		terminateDescendants(filepath.Base(s.spec.Sandbox.Program))
		return
	}
	for _, p := range running {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	}
}

// killAll kills whatever is left of everything that was started.
func (s *Session) killAll() {
	s.mu.Lock()
	s.ended = true
	left := make([]*Program, 0, len(s.running))
	for p := range s.running {
		left = append(left, p)
	}
	s.mu.Unlock()
	for _, p := range left {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
	}
	if !s.spec.Leave {
		killDescendants()
	}
}

// KillLeft kills what programs that have ended have left running, so that nothing changes any more what a Runner is going to
// look at. It does nothing while a program runs, and where the Spec lets such things live.
func (s *Session) KillLeft() {
	s.mu.Lock()
	busy := len(s.running) > 0
	s.mu.Unlock()
	if !busy && !s.spec.Leave {
		killDescendants()
	}
}

// hasVariable tells whether an environment, as the kernel shows it, has NAME=value.
func hasVariable(environ []byte, want string) bool {
	for v := range strings.SplitSeq(string(environ), "\x00") {
		if v == want {
			return true
		}
	}
	return false
}
