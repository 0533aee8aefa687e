package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sluicehq/sluice/dashboard"
	"github.com/sluicehq/sluice/store"
)

// commandFlags are those of every command that is given to a server.
type commandFlags struct {
	remoteFlags

	Release string        `placeholder:"VERSION" help:"Release or hotfix it is about. Default: the one that is open, where there is only one."`
	Pull    int           `placeholder:"NUMBER" help:"Pull request it is about, instead of a release."`
	DryRun  bool          `name:"dry-run" help:"Say what would happen, and change nothing."`
	Wait    time.Duration `default:"10m" placeholder:"TIME" help:"How long to wait for the end, such as 90s."`
	Key     string        `name:"idempotency-key" placeholder:"KEY" help:"The same key twice is one command, for scripts that are run again."`
}

// How often the end of a command is asked for: soon at first.
const (
	pollFirst = 200 * time.Millisecond
	pollMost  = 3 * time.Second
)

// give hands a command in, waits for its end and prints the reply. Ending the wait does not end the command.
func (f *commandFlags) give(e *env, words ...string) error {
	switch {
	case f.Pull < 0:
		return &usageError{errors.New("--pull is the number of a pull request")}
	case f.Pull != 0 && f.Release != "":
		return &usageError{errors.New("--pull and --release: name one of them")}
	}
	r, err := f.connect(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(e.ctx, f.Wait)
	defer cancel()
	key := firstOf(f.Key, rand.Text())
	body := dashboard.CommandRequest{Command: words[0], Args: words[1:], Release: f.Release, Pull: f.Pull, DryRun: f.DryRun}
	var o dashboard.Operation
	err = patiently(ctx, 3, func() (bool, error) { // the key makes it one command, however often it is sent
		return true, r.ask(ctx, http.MethodPost, "/commands", body, &o, "Idempotency-Key", key)
	})
	var wrong *remoteError
	if errors.As(err, &wrong) && (wrong.Status == http.StatusUnprocessableEntity || wrong.Status == http.StatusBadRequest) {
		return &usageError{err}
	}
	if err != nil {
		return err
	}
	err = patiently(ctx, 0, func() (bool, error) {
		if o.Status != store.OperationWaiting {
			return true, nil
		}
		err := r.ask(ctx, http.MethodGet, "/operations/"+url.PathEscape(o.ID), nil, &o)
		return err == nil && o.Status != store.OperationWaiting, err
	})
	switch {
	case e.ctx.Err() != nil:
		return fmt.Errorf("stopped waiting; the command was handed in, and is carried out all the same (operation %s)", o.ID)
	case ctx.Err() != nil:
		return fmt.Errorf("it has not ended after %s, and will be carried out; look at it with \"sluice status\", or wait longer with --wait (operation %s)", f.Wait, o.ID)
	case err != nil:
		return err
	}
	return f.say(e, o)
}

func (f *commandFlags) say(e *env, o dashboard.Operation) error {
	if f.JSON {
		if err := printJSON(e.stdout, o); err != nil {
			return err
		}
	} else {
		text := strings.TrimSpace(plainText(o.Reply))
		if text == "" {
			text = "Done."
		}
		out := e.stdout
		if o.Status == store.OperationRefused {
			out = e.stderr
		}
		fmt.Fprintln(out, text)
	}
	if o.Status == store.OperationRefused {
		return &silentError{exitFailed}
	}
	return nil
}

// patiently calls ask until it says that it is over, longer and longer apart. Errors that may pass are borne: so many in a
// row, 0 for as long as ctx lasts.
func patiently(ctx context.Context, most int, ask func() (over bool, err error)) error {
	wait := pollFirst
	for failed := 0; ; {
		over, err := ask()
		switch {
		case err == nil && over:
			return nil
		case err == nil:
			failed = 0
		case !again(err):
			return err
		default:
			if failed++; failed == most {
				return err
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			if err != nil {
				return err
			}
			return ctx.Err()
		case <-timer.C:
		}
		wait = min(wait*3/2, pollMost)
	}
}

// releaseCmd holds the commands about releases.
type releaseCmd struct {
	Start   releaseStartCmd   `cmd:"" help:"Cut a release branch from development, and open its pull request."`
	Abandon releaseAbandonCmd `cmd:"" help:"Give a release up; nothing of it ships."`
}

// releaseStartCmd is "sluice release start".
type releaseStartCmd struct {
	commandFlags

	Version    string `arg:"" optional:"" placeholder:"X.Y.Z" help:"Version. Default: the next one."`
	From       string `placeholder:"SHA" help:"Commit of development to cut from. Default: its newest."`
	AllowEmpty bool   `name:"allow-empty" help:"Also where nothing has changed since the last release."`
	Component  string `placeholder:"NAME" help:"Component of a monorepo that is released."`
}

// Run gives the command.
func (c *releaseStartCmd) Run(e *env) error {
	words := appended([]string{"release start"}, c.Version)
	words = appendedFlag(appendedFlag(words, "--from", c.From), "--component", c.Component)
	if c.AllowEmpty {
		words = append(words, "--allow-empty")
	}
	return c.give(e, words...)
}

// releaseAbandonCmd is "sluice release abandon".
type releaseAbandonCmd struct {
	commandFlags

	Reason string `required:"" placeholder:"TEXT" help:"Why; it goes into the record."`
}

// Run gives the command.
func (c *releaseAbandonCmd) Run(e *env) error {
	return c.give(e, "release abandon", "--reason", c.Reason)
}

// hotfixCmd holds the commands about hotfixes.
type hotfixCmd struct {
	Start hotfixStartCmd `cmd:"" help:"Cut a hotfix branch from what production runs."`
}

// hotfixStartCmd is "sluice hotfix start".
type hotfixStartCmd struct {
	commandFlags

	ID    string `arg:"" placeholder:"ID" help:"What it mends, such as the number of an issue."`
	Title string `arg:"" optional:"" placeholder:"TITLE" help:"Title of its pull request, after the version."`
	From  string `placeholder:"VERSION" help:"Version to mend. Default: the one that production runs."`

	Component string `placeholder:"NAME" help:"Component of a monorepo that is mended."`
}

// Run gives the command.
func (c *hotfixStartCmd) Run(e *env) error {
	words := appendedFlag(appended([]string{"hotfix start", c.ID}, c.Title), "--from", c.From)
	return c.give(e, appendedFlag(words, "--component", c.Component)...)
}

// whyCmd is "sluice why".
type whyCmd struct {
	commandFlags

	Check string `arg:"" optional:"" placeholder:"CHECK" help:"One check of branch, config, pipeline and promotion. Default: all."`
}

// Run gives the command.
func (c *whyCmd) Run(e *env) error {
	return c.give(e, appended([]string{"why"}, c.Check)...)
}

// promoteCmd is "sluice promote".
type promoteCmd struct {
	commandFlags

	Environment string `arg:"" optional:"" placeholder:"ENVIRONMENT" help:"Environment to enter. Default: production."`
	At          string `placeholder:"TIME" help:"Not before then, such as \"Friday 18:00\", in the time zone of production's windows. Default: now."`
	Emergency   bool   `help:"By the emergency path: with a second person, and without waiting for approvals, freezes and windows."`
	Reason      string `placeholder:"TEXT" help:"What happened, for --emergency; it goes into the record."`
}

// Run gives the command.
func (c *promoteCmd) Run(e *env) error {
	words := appendedFlag(appended([]string{"promote"}, c.Environment), "--at", c.At)
	if c.Emergency {
		words = append(words, "--emergency")
	}
	return c.give(e, appendedFlag(words, "--reason", c.Reason)...)
}

// approveCmd is "sluice approve".
type approveCmd struct {
	commandFlags

	Environment string `arg:"" optional:"" placeholder:"ENVIRONMENT" help:"Environment to approve it for. Default: the one that asks."`
	Component   string `placeholder:"NAME" help:"Component of a monorepo whose pipeline is approved. Default: all that wait."`
}

// Run gives the command.
func (c *approveCmd) Run(e *env) error {
	return c.give(e, appendedFlag(appended([]string{"approve"}, c.Environment), "--component", c.Component)...)
}

// rollbackCmd is "sluice rollback".
type rollbackCmd struct {
	commandFlags

	Environment string `arg:"" optional:"" placeholder:"ENVIRONMENT" help:"Environment to take back. Default: production."`
	To          string `placeholder:"VERSION" help:"Version to go back to. Default: the last good one."`
	Component   string `placeholder:"NAME" help:"Component of a monorepo that is taken back."`
	Reason      string `required:"" placeholder:"TEXT" help:"Why; it goes into the record."`
}

// Run gives the command.
func (c *rollbackCmd) Run(e *env) error {
	words := appended([]string{"rollback"}, c.Environment)
	if c.To != "" {
		words = append(words, "to", c.To)
	}
	words = appendedFlag(words, "--component", c.Component)
	return c.give(e, append(words, "--reason", c.Reason)...)
}

// doCmd is "sluice do": any command, as it would be typed in a comment.
type doCmd struct {
	commandFlags

	Command []string `arg:"" passthrough:"" placeholder:"COMMAND" help:"Command as in a comment, with or without the slash: unpin production. Flags of this program come before it."`
}

// Run gives the command.
func (c *doCmd) Run(e *env) error { return c.give(e, c.Command...) }

// appended adds an argument where there is one, appendedFlag a flag with its value.
func appended(words []string, argument string) []string {
	if argument == "" {
		return words
	}
	return append(words, argument)
}

func appendedFlag(words []string, flag, value string) []string {
	if value == "" {
		return words
	}
	return append(words, flag, value)
}
