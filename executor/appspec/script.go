package appspec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor/supervise"
)

// Diagnostic says why a script's event failed, in CodeDeploy's words.
type Diagnostic string

// The diagnostics.
const (
	ScriptMissing       Diagnostic = "ScriptMissing"
	ScriptNotExecutable Diagnostic = "ScriptNotExecutable"
	ScriptTimedOut      Diagnostic = "ScriptTimedOut"
	ScriptFailed        Diagnostic = "ScriptFailed"
	UnknownError        Diagnostic = "UnknownError"
)

// scriptError is why a script did not succeed.
type scriptError struct {
	why  Diagnostic
	text string
}

func (e *scriptError) Error() string { return fmt.Sprintf("%s: %s", e.why, e.text) }

const (
	// scriptGrace is how long a script has after SIGTERM.
	scriptGrace = 5 * time.Second
	// outputGrace is how long output is still read when the script has ended: what it left running may hold the pipe.
	outputGrace = 300 * time.Millisecond
	// maxLine is how much of a line is logged in one piece.
	maxLine = 8 << 10
)

// starter starts programs for goroutines: a session starts programs on the goroutine of its runner only.
type starter struct {
	session *supervise.Session
	calls   chan func()
}

// start starts a program on the runner's goroutine.
func (s *starter) start(ctx context.Context, c supervise.Command) (p *supervise.Program, err error) {
	done := make(chan struct{})
	call := func() {
		defer close(done)
		p, err = s.session.Start(c)
		if notRunnable(err) {
			c.Args = append([]string{"/bin/sh"}, c.Args...)
			p, err = s.session.Start(c)
		}
	}
	select {
	case s.calls <- call:
		<-done
		return p, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// serve starts what is asked for until done is closed.
func (s *starter) serve(done <-chan struct{}) {
	for {
		select {
		case call := <-s.calls:
			call()
		case <-done:
			return
		}
	}
}

// run runs a program to its end, each line that it writes behind a prefix in the log. When the time is up, or the context
// ends, its whole process group is ended. last is the last line that it wrote.
func (s *starter) run(ctx context.Context, c supervise.Command, timeout time.Duration, prefix string) (last string, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return "", err
	}
	c.Output = w
	p, err := s.start(ctx, c)
	if err = errors.Join(err, w.Close()); err != nil {
		return "", errors.Join(&scriptError{ScriptNotExecutable, err.Error()}, r.Close())
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		last = s.copy(r, prefix)
	}()
	over := time.NewTimer(timeout)
	defer over.Stop()
	select {
	case <-p.Done():
	case <-over.C:
		p.Stop(scriptGrace)
		err = &scriptError{ScriptTimedOut, fmt.Sprintf("it took longer than %s and was ended", timeout)}
	case <-ctx.Done():
		p.Stop(scriptGrace)
		err = context.Cause(ctx)
	}
	_ = r.SetReadDeadline(time.Now().Add(outputGrace))
	<-read
	_ = r.Close()
	if err != nil {
		return last, err
	}
	switch code, signal := p.Wait(); {
	case signal != "":
		return last, &scriptError{ScriptFailed, "ended by " + signal}
	case code != 0:
		return last, &scriptError{ScriptFailed, fmt.Sprintf("exit status %d", code)}
	}
	return last, nil
}

// copy logs what is written until there is no more, and returns the last line that says something. Secrets are taken out first
// of all: a line that is cut, or whose end is kept, must not have half of one.
func (s *starter) copy(r io.Reader, prefix string) (last string) {
	lines := &prefixer{to: s.session, prefix: prefix}
	masked := s.session.Masker(lines)
	_, _ = io.Copy(masked, struct{ io.Reader }{r})
	_ = masked.Close()
	lines.flush()
	return lines.last
}

// prefixer writes each line behind a prefix, long ones in pieces.
type prefixer struct {
	to     io.Writer
	prefix string
	held   []byte // of a line whose end has not come
	last   string // line that says something
}

func (p *prefixer) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		take := min(len(b), maxLine-len(p.held))
		if end >= 0 && end <= take {
			p.line(append(p.held, b[:end]...))
			b = b[end+1:]
			continue
		}
		p.held, b = append(p.held, b[:take]...), b[take:]
		if len(p.held) == maxLine {
			p.line(p.held)
		}
	}
	return n, nil
}

// flush writes what is left of a line that has no end.
func (p *prefixer) flush() {
	if len(p.held) > 0 {
		p.line(p.held)
	}
}

func (p *prefixer) line(b []byte) {
	text := strings.TrimRight(string(b), "\r")
	_, _ = fmt.Fprintf(p.to, "%s%s\n", p.prefix, text)
	if strings.TrimSpace(text) != "" {
		p.last = text
	}
	p.held = p.held[:0]
}
