package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/rehearse"
)

// runCmd is "sluice run": a pipeline, a stage or an action of the clone it stands in, on this machine.
type runCmd struct {
	What          string   `arg:"" optional:"" placeholder:"WHAT" help:"A kind of pipeline (feature, release), a stage, an action, or several joined: release/Test/unit. Default: the pipeline of the branch that is checked out."`
	Only          []string `placeholder:"NAME" help:"Only these stages and actions; an action as NAME or STAGE/NAME."`
	Until         string   `placeholder:"NAME" help:"Stop after this stage or action."`
	Env           []string `sep:"none" placeholder:"NAME=VALUE" help:"A further variable for every action. May be repeated."`
	Var           []string `sep:"none" placeholder:"NAME=VALUE" help:"Another value for a variable that the pipeline declares. May be repeated."`
	Buildspec     string   `placeholder:"FILE" help:"Run this buildspec, without any configuration of the repository."`
	Batch         bool     `help:"Run the builds of that file's batch."`
	Component     string   `placeholder:"NAME" help:"Component of a monorepo whose pipeline it is. Default: the one that the branch names."`
	Branch        string   `placeholder:"NAME" help:"Branch that it is run for. Default: the one that is checked out."`
	Committed     bool     `help:"Run the commit that is checked out, without what was changed since."`
	Deploy        []string `placeholder:"ENVIRONMENT" help:"Deploy to these environments too. Never to production."`
	Push          bool     `help:"Build and push images too. Needs --committed."`
	Approve       bool     `help:"Give approvals instead of leaving them out."`
	Output        string   `placeholder:"DIR" help:"New folder that the artifacts are unpacked into, each into one of its name."`
	Organization  string   `placeholder:"DIR" help:"Clone of the organization's repository .github, whose defaults and pipeline models are used."`
	BuildSecrets  string   `placeholder:"FILE" help:"Where builds find parameters and secrets, as --build-secrets of the server."`
	BuildRuntimes string   `placeholder:"DIR" help:"Where builds find versions of languages, as --build-runtimes of the server."`
	DryRun        bool     `help:"Say what would run, what would be left out, and what is different from the server's run."`
	Plain         bool     `help:"Plain lines, also on a terminal."`
}

// Run runs it. The exit status is 0 when everything succeeded, 1 when not, 2 when it cannot be run.
func (c *runCmd) Run(e *env) error {
	r, err := c.prepare(e)
	if err != nil {
		return &usageError{err}
	}
	if c.Output != "" {
		if _, err := os.Lstat(c.Output); err == nil {
			return &usageError{fmt.Errorf("--output: %s is there already; name a new folder", c.Output)}
		}
	}
	show := newDisplay(e, r, c.Plain || c.DryRun)
	show.begin()
	if c.DryRun {
		return nil
	}
	return r.run(e, c, show)
}

// display shows how a run goes.
type display interface {
	// begin says what will run, and how that differs from the server's run.
	begin()
	changed(s pipeline.State)
	// wrote is called with all that an action writes, before its last report.
	wrote(id string, part executor.LogPart)
	reported(id string, r executor.Report)
	end(s pipeline.State)
}

// run runs what was prepared.
func (r *rehearsal) run(e *env, c *runCmd, show display) error {
	if err := os.MkdirAll(r.data, 0o700); err != nil {
		return fmt.Errorf("folder of runs: %w", err)
	}
	artifacts, err := artifact.Open(e.ctx, artifact.Options{URL: filepath.Join(r.data, "artifacts"), Work: filepath.Join(r.data, "work")})
	if err != nil {
		return err
	}
	bell := executor.NewBell()
	tools, err := r.tools(e, c, artifacts, bell)
	if err != nil {
		return err
	}
	state, err := rehearse.Run(e.ctx, r.input, rehearse.Options{
		Executors: tools.registry, Bell: bell, Request: r.request, Resolve: tools.images.Find, Approver: pipeline.Actor{ID: 1, Login: "you"},
		Changed: show.changed, Reported: show.reported, Wrote: show.wrote, Now: time.Now,
	})
	show.end(state)
	err = errors.Join(err, tools.close())
	if err == nil && state.Status != pipeline.Succeeded {
		err = errors.New(state.Reason)
	}
	err = errors.Join(err, r.remember(state))
	if err == nil && c.Output != "" {
		err = r.unpack(e, artifacts, state, c.Output)
	}
	return errors.Join(err, tools.prune(context.WithoutCancel(e.ctx), r), artifacts.Close())
}

// unpack puts the artifacts that were made into a folder.
func (r *rehearsal) unpack(e *env, artifacts *artifact.Store, state pipeline.State, dir string) error {
	for name, a := range state.Artifacts {
		if _, before := r.input.Artifacts[name]; before {
			continue
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(to, 0o755); err != nil { //nolint:gosec // what somebody asked for
			return err
		}
		if err := artifacts.Extract(e.ctx, a, to); err != nil {
			return fmt.Errorf("--output: %s: %w", name, err)
		}
		fmt.Fprintf(e.stdout, "artifact %s is in %s\n", name, to)
	}
	return nil
}
