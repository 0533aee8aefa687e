// Package process deploys an image by running its program on this host, for the demo and for tests only.
//
// The image is pulled by digest and unpacked; its entrypoint runs as a process of its own, under a detached supervisor
// (package supervise), so it outlives the server as a container would. One process runs for each repository and
// environment. A deployment stops the one before, starts the new one on the same address and asks it over HTTP until it
// answers; if it never does, the one before is started again and the action fails. What serves an environment is
// written down in a file, and whether it lives is asked of its supervisor's lock, so a server that was killed at any
// point finds out where it stood by calling Start again.
//
// There is no isolation: programs run as the server's user, with the host's file system. That is why New wants ForDemo.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// Registry is what is needed of registries; *registry.Client is one. An error that answers Temporary() with false is
// final, any other is worth a retry.
type Registry interface {
	// Image reads an image for a platform.
	Image(ctx context.Context, ref string, platform v1.Platform) (v1.Image, error)
}

// Options are what the executor needs.
type Options struct {
	// ForDemo says that programs from images may run on this host without isolation. New refuses to work without it.
	ForDemo bool
	// Dir is the folder of unpacked images, states and logs.
	Dir      string
	Registry Registry
	// Supervisor is the command that starts a supervisor; nil means this binary with supervise.Subcommand.
	Supervisor []string
	// Env are further variables of every process.
	Env map[string]string
	// Secrets are values that never reach a log.
	Secrets []string
}

// Executor runs images as processes. New makes one. It may be used by several goroutines and, over one folder, several
// processes.
type Executor struct {
	o        Options
	launcher *supervise.Launcher
	actiondir.Journals
}

var (
	_ executor.Executor = (*Executor)(nil)
	_ executor.Logged   = (*Executor)(nil)
)

// New makes the executor; it fails unless ForDemo is set.
func New(o Options) (*Executor, error) {
	if !o.ForDemo {
		return nil, errors.New("the process executor runs programs without isolation: it is for the demo and for tests only")
	}
	if o.Dir == "" || o.Registry == nil {
		return nil, errors.New("the process executor needs a folder and a registry")
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of processes: %w", err)
	}
	launcher, err := supervise.New(supervise.Options{Command: o.Supervisor})
	return &Executor{o: o, launcher: launcher, Journals: actiondir.Journals{Dir: filepath.Join(o.Dir, "logs"), Secrets: o.Secrets}}, err
}

// Close lets go of the processes without stopping them.
func (e *Executor) Close() error { return e.launcher.Close() }

// Start makes sure that the environment is served by the request's digest; it returns when that is decided. The handle
// is the request's ID.
func (e *Executor) Start(ctx context.Context, r executor.Request) (string, error) {
	if r.ID == "" || place(e.o.Dir, r).name == "" {
		return "", executor.Permanentf("a process is deployed to an environment; the action has none")
	}
	p, err := readParams(r.With)
	if err != nil {
		return "", err
	}
	ref, digest, err := reference(p, r)
	if err != nil {
		return "", err
	}
	at := place(e.o.Dir, r)
	err = at.locked(ctx, func() error {
		if _, done, err := at.report(r.ID); done || err != nil {
			return err
		}
		_, err := e.Keep(r.ID, func(tell func(string)) (string, error) {
			return r.ID, settle(ctx, e.deploy(ctx, at, deployment{r: r, p: p, ref: ref, digest: digest, tell: tell}))
		})
		return err
	})
	if err != nil {
		return "", err
	}
	return r.ID, nil
}

// settle tells final errors from those worth a retry.
func settle(ctx context.Context, err error) error {
	var t interface{ Temporary() bool }
	if err != nil && ctx.Err() == nil && errors.As(err, &t) && !t.Temporary() {
		return executor.Permanent(err)
	}
	return err
}

// Status tells how the deployment went.
func (e *Executor) Status(_ context.Context, r executor.Request, _ string) (executor.Report, error) {
	report, done, err := place(e.o.Dir, r).report(r.ID)
	if err != nil {
		return executor.Report{}, err
	}
	if done {
		report.Log, err = e.End(r.ID)
		return report, err
	}
	return executor.Report{Status: pipeline.InProgress, Summary: "starts"}, nil
}

// Stop ends a deployment that is under way; what served before serves again.
func (e *Executor) Stop(_ context.Context, r executor.Request, _ string) error {
	at := place(e.o.Dir, r)
	if _, done, err := at.report(r.ID); done || err != nil {
		return err
	}
	return at.askStop(r.ID)
}

// Running is a process that serves an environment.
type Running struct {
	Owner       string `json:"owner"`
	Repo        string `json:"repo"`
	Environment string `json:"environment"`
	Image       string `json:"image"` // host/repository@sha256:…
	Digest      string `json:"digest"`
	Listen      string `json:"listen"`    // host:port
	ActionID    string `json:"action_id"` // the action that deployed it
	Run         string `json:"run"`       // its supervisor's folder, below the environment's
	Health      string `json:"health"`
	Alive       bool   `json:"-"`

	With map[string]string `json:"with,omitempty"` // its own variables
	Env  map[string]string `json:"env,omitempty"`  // SLUICE_*

	before *Running // what served until this one
}

// Running returns what was deployed to an environment last; ok is false when nothing was.
func (e *Executor) Running(owner, repo, environment string) (r Running, ok bool, err error) {
	at := place(e.o.Dir, executor.Request{Owner: owner, Repo: repo, Environment: environment})
	r, ok, err = at.current()
	if ok {
		r.Alive, err = at.alive(r)
	}
	return r, ok, err
}

// StopAll stops every process this folder knows, waits until they have ended, and forgets what served.
func (e *Executor) StopAll(ctx context.Context) error {
	places, err := allPlaces(e.o.Dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, at := range places {
		errs = append(errs, at.locked(ctx, func() error { return at.stopAll(ctx) }))
	}
	return errors.Join(errs...)
}
