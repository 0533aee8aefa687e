package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/sluicehq/sluice/dashboard"
	"github.com/sluicehq/sluice/pipeline"
)

// logsCmd is "sluice logs".
type logsCmd struct {
	remoteFlags

	Execution string `arg:"" placeholder:"EXECUTION" help:"Execution by its ID, or a branch: the newest execution of it."`
	Action    string `arg:"" optional:"" placeholder:"ACTION" help:"Action by its name, or STAGE/NAME. Default: the one that runs, else the one that failed, else the last one."`
	Follow    bool   `short:"f" help:"Go on until the action has ended."`
	Attempt   int    `placeholder:"NUMBER" help:"Attempt of the action, from 1. Default: the latest."`
}

// Run prints the log. The exit status is 0 when the action succeeded, or has not ended and is not followed; 1 when it ended
// otherwise, or there is no log to be had.
func (c *logsCmd) Run(e *env) error {
	if c.Attempt < 0 {
		return &usageError{errors.New("--attempt counts from 1")}
	}
	r, err := c.connect(e)
	if err != nil {
		return err
	}
	l := &logReading{r: r, e: e, json: c.JSON, colours: coloured(e), execution: c.Execution, action: c.Action, attempt: c.Attempt}
	log, err := l.first()
	if err == nil && c.Follow && !log.Ended {
		log, err = l.follow(log)
	}
	l.end()
	var wrong *remoteError
	switch {
	case e.ctx.Err() != nil:
		return errors.New("stopped reading; the action goes on")
	case errors.As(err, &wrong) && (wrong.Status == http.StatusUnprocessableEntity || wrong.Status == http.StatusBadRequest):
		return &usageError{err}
	case err != nil:
		return err
	case !c.JSON:
		l.conclude(log)
	}
	if log.Status.Final() && log.Status != pipeline.Succeeded {
		return &silentError{exitFailed}
	}
	return nil
}

// coloured tells whether the colours of a build can be shown.
func coloured(e *env) bool {
	f, ok := e.stdout.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && e.getenv("NO_COLOR") == "" && e.getenv("TERM") != "dumb"
}

// logReading prints a log.
type logReading struct {
	r         *remote
	e         *env
	json      bool
	colours   bool
	execution string
	action    string
	attempt   int

	noted string
}

// path is the route of the log. from is where to go on.
func (l *logReading) path(what, from string) string {
	q := url.Values{}
	for name, value := range map[string]string{"action": l.action, "from": from} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if l.attempt > 0 {
		q.Set("attempt", strconv.Itoa(l.attempt))
	}
	if l.colours {
		q.Set("colors", "1")
	}
	return "/executions/" + url.PathEscape(l.execution) + "/" + what + "?" + q.Encode()
}

// ask reads the log from a place on, as much as one answer has, and prints it.
func (l *logReading) ask(from string) (log dashboard.ActionLog, err error) {
	err = patiently(l.e.ctx, 5, func() (bool, error) {
		return true, l.r.ask(l.e.ctx, http.MethodGet, l.path("log", from), nil, &log)
	})
	if err == nil {
		err = l.say(log)
	}
	return log, err
}

// first finds the execution and prints what there is of the log now.
func (l *logReading) first() (dashboard.ActionLog, error) {
	log, err := l.ask("")
	var wrong *remoteError
	if errors.As(err, &wrong) && wrong.Status == http.StatusNotFound {
		if log, err = l.ofBranch(err); err != nil {
			return log, err
		}
	}
	for err == nil && log.Text != "" && !log.Ended { // an answer is bounded
		l.hold(log)
		log, err = l.ask(log.Next)
	}
	l.hold(log)
	return log, err
}

// ofBranch takes what was named for a branch. unless is the error where there is none of that name.
func (l *logReading) ofBranch(unless error) (dashboard.ActionLog, error) {
	var repo dashboard.Repo
	if err := l.r.ask(l.e.ctx, http.MethodGet, "", nil, &repo); err != nil {
		return dashboard.ActionLog{}, err
	}
	i := slices.IndexFunc(repo.Branches, func(x dashboard.ExecutionRow) bool { return x.Branch == l.execution })
	if i < 0 {
		return dashboard.ActionLog{}, unless
	}
	l.execution = repo.Branches[i].ID
	return l.ask("")
}

// hold keeps to the attempt that was found: what is asked next is about no other.
func (l *logReading) hold(log dashboard.ActionLog) {
	if log.ID != "" {
		l.action, l.attempt = log.ID, 0
	}
}

// say prints some of a log.
func (l *logReading) say(log dashboard.ActionLog) error {
	if l.json {
		return printJSON(l.e.stdout, log)
	}
	if log.Note != "" && log.Note != l.noted {
		l.noted = log.Note
		fmt.Fprintln(l.e.stderr, plainText(log.Note))
	}
	_, err := io.WriteString(l.e.stdout, terminalText(log.Text, l.colours))
	return err
}

// end leaves the terminal without a colour.
func (l *logReading) end() {
	if l.colours {
		fmt.Fprint(l.e.stdout, "\x1b[0m")
	}
}

// conclude says how the action stands, beside the log.
func (l *logReading) conclude(log dashboard.ActionLog) {
	text := fmt.Sprintf("%s/%s: %s", log.Stage, log.Action, log.Status)
	if log.Summary != "" {
		text += ": " + log.Summary
	}
	if log.URL != "" && log.Text == "" {
		text += " (" + log.URL + ")"
	}
	fmt.Fprintln(l.e.stderr, cell(text))
}

// notBegun is how often an action that has not begun is asked about.
const notBegun = 2 * time.Second

// follow prints what comes until the action has ended.
func (l *logReading) follow(log dashboard.ActionLog) (dashboard.ActionLog, error) {
	for log.ID == "" && !log.Ended {
		timer := time.NewTimer(notBegun)
		select {
		case <-l.e.ctx.Done():
			timer.Stop()
			return log, l.e.ctx.Err()
		case <-timer.C:
		}
		var err error
		if log, err = l.ask(log.Next); err != nil {
			return log, err
		}
		l.hold(log)
	}
	lost := false
	err := patiently(l.e.ctx, followFailures, func() (bool, error) {
		if log.Ended {
			return true, nil
		}
		before := log.Next
		next, err := l.stream(log)
		log = next
		switch {
		case err == nil || log.Next != before:
			lost = false
		case again(err) && !lost && l.e.ctx.Err() == nil:
			lost = true
			fmt.Fprintln(l.e.stderr, "the connection was lost, and is made again: "+plainText(err.Error()))
		}
		if log.Next != before && again(err) {
			err = nil // it went on: that is no failure in a row
		}
		return log.Ended, err
	})
	return log, err
}

// followFailures is how many connections in a row may fail: they are made for about five minutes.
const followFailures = 100

// stream prints the events of one connection, and returns the last. Its end is no error.
func (l *logReading) stream(log dashboard.ActionLog) (dashboard.ActionLog, error) {
	err := l.r.events(l.e.ctx, l.path("log/events", log.Next), func(part *dashboard.ActionLog) error {
		log = *part
		return l.say(log)
	})
	return log, err
}

// terminalText is a log for a terminal: nothing in it steers the terminal, but colours where they are wanted.
func terminalText(s string, colours bool) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		for line != "" {
			at := strings.IndexByte(line, '\x1b')
			if at < 0 {
				b.WriteString(plainText(line))
				break
			}
			b.WriteString(plainText(line[:at]))
			line = line[at:]
			n := colourAt(line)
			if n > 0 && colours {
				b.WriteString(line[:n])
			}
			line = line[max(n, 1):]
		}
	}
	return b.String()
}

// colourAt is the length of the sequence that sets colours at the beginning of s; 0: there is none.
func colourAt(s string) int {
	rest, ok := strings.CutPrefix(s, "\x1b[")
	if !ok {
		return 0
	}
	end := strings.TrimLeft(rest, "0123456789;:")
	if !strings.HasPrefix(end, "m") {
		return 0
	}
	return len(s) - len(end) + 1
}
