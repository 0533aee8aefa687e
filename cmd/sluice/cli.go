package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"

	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Exit statuses of every subcommand.
const (
	exitDone   = 0 // it did what was asked
	exitFailed = 1 // it could not, or the answer is no
	exitUsage  = 2 // the command line or the settings are wrong
)

// cli is the command line. Each subcommand is a struct in a file of its own with a method Run(*env) error.
type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Setup   setupCmd   `cmd:"" help:"Make the GitHub App, and write what the server needs of it into its data folder."`
	Run     runCmd     `cmd:"" help:"Run a pipeline, a stage or an action of this clone on this machine."`
	Demo    demoCmd    `cmd:"" help:"Play a release from a feature branch to production on this machine."`
	Tag     tagCmd     `cmd:"" help:"Print the reference of the image that a branch builds."`
	Version versionCmd `cmd:"" help:"Print the next version, from a clone alone."`
	Lint    lintCmd    `cmd:"" help:"Check a repository file, .github/sluice.yml."`
	Schema  schemaCmd  `cmd:"" help:"Print the JSON Schema of the repository file, for editors."`
	Plan    planCmd    `cmd:"" help:"Say what would be decided about a webhook payload, and done."`
	Deploy  deployCmd  `cmd:"" help:"Deployments to hosts."`
	Image   imageCmd   `cmd:"" help:"Images in registries."`
	Replay  replayCmd  `cmd:"" help:"List what was given up, and have it handled again."`
	Audit   auditCmd   `cmd:"" help:"Export and prove the audit log."`
	Backup  backupCmd  `cmd:"" help:"Write a consistent copy of the SQLite database."`
	Restore restoreCmd `cmd:"" help:"Put a backup in the place of the SQLite database."`
	Doctor  doctorCmd  `cmd:"" help:"Check the settings, and that GitHub and the App are as the server needs them."`

	Status   statusCmd   `cmd:"" group:"server" help:"Say what runs where, what is open, and what waits for whom."`
	Logs     logsCmd     `cmd:"" group:"server" help:"Print the log of an action, or follow it while it runs."`
	Why      whyCmd      `cmd:"" group:"server" help:"Show every rule and gate of a release or pull request: what passed, and what did not."`
	Release  releaseCmd  `cmd:"" group:"server" help:"Start a release, or give one up."`
	Hotfix   hotfixCmd   `cmd:"" group:"server" help:"Start a hotfix."`
	Approve  approveCmd  `cmd:"" group:"server" help:"Approve the candidate of a release or hotfix."`
	Promote  promoteCmd  `cmd:"" group:"server" help:"Take the approved candidate to production."`
	Rollback rollbackCmd `cmd:"" group:"server" help:"Put the last good version back, and hold the environment."`
	Do       doCmd       `cmd:"" group:"server" help:"Give any command that could be typed in a comment."`
}

// env is what a subcommand may use of the world.
type env struct {
	ctx            context.Context //nolint:containedctx // a subcommand is a call, and kong binds one value
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	wiring         wiring
}

// usageError is an error in what the caller wrote; the exit status is exitUsage.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// silentError ends the program with a status when everything has been said already.
type silentError struct{ status int }

func (e *silentError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// kongExit carries the status kong wants to exit with (after --help) up to dispatch.
type kongExit int

// dispatch parses args and runs the subcommand; it returns the exit status.
func dispatch(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer, w wiring) (status int) {
	defer func() {
		if r := recover(); r != nil {
			code, ok := r.(kongExit)
			if !ok {
				panic(r)
			}
			status = int(code)
		}
	}()
	if len(args) == 2 && args[0] == supervise.Subcommand { // before all commands are made, which takes longer than it does
		return superviseOne(args[1], stdin, stderr)
	}
	if len(args) > 1 && args[0] == supervise.SubcommandWithoutNetwork {
		return execWithoutNetwork(args[1:], stderr)
	}
	var c cli
	parser, err := kong.New(&c,
		kong.Name("sluice"),
		kong.Description("Git-flow releases for GitHub organizations."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(kongExit(code)) }),
		kong.UsageOnError(),
		kong.ExplicitGroups([]kong.Group{{Key: "server", Title: "Asked of a running server, with a token:"}}),
	)
	if err != nil {
		fmt.Fprintf(stderr, "sluice: %v\n", err)
		return exitFailed
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "sluice: %s\n%s\n", misread(err), whereHelpIs(err))
		return exitUsage
	}
	err = k.Run(&env{ctx: ctx, getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr, wiring: w})
	var usage *usageError
	var silent *silentError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &silent):
		return silent.status
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "sluice: %v\n", err)
		return exitUsage
	default:
		fmt.Fprintf(stderr, "sluice: %v\n", err)
		return exitFailed
	}
}

// dashedRE is what kong says of a value that begins with a dash. It quotes the value, which may be a key or a secret.
var dashedRE = lazyregexp.New(`(?s)^(--[a-z-]+): expected string value but got .*$`)

// misread is what is wrong with the command line, without the values of flags that are taken for flags themselves.
func misread(err error) string {
	return dashedRE.ReplaceAllString(err.Error(), "$1: its value is missing, or begins with a dash; then write $1=VALUE")
}

// whereHelpIs says how to read about the command that was written wrong: of the subcommand, as far as it was understood.
func whereHelpIs(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) {
		if at := wrong.Context.Selected(); at != nil {
			return fmt.Sprintf("Run \"%s --help\" for its arguments and flags.", at.FullPath())
		}
	}
	return "Run \"sluice --help\" for the commands."
}
