// Package image assembles a container image from artifacts, without a daemon, and pushes it.
//
// An image is a base and one layer of files. The same inputs give the same digest, on any host and at any time: entries
// are sorted, owned by root, and all times are the commit's. So a repeat after a crash finds its own work under the tag
// and is done, and a tag that holds anything else is not overwritten: the action fails and shows both digests.
//
// A base named by tag is resolved to a digest, which the image carries as an annotation. When the tag to be pushed is
// there already, the base is the one it was built on, so that a base that has moved meanwhile is not taken for another
// image.
//
// With a key of the operator's what was pushed is signed as cosign does, last of all, so that a signature stands for the whole
// of it.
package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/internal/lazyregexp"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/signature"
)

// Registry is what is needed of registries; *registry.Client is one. An error that answers Temporary() with false is
// final, any other is worth a retry.
type Registry interface {
	// Inspect returns the digest that a reference has now and the annotations of its manifest; the digest is empty
	// when there is nothing.
	Inspect(ctx context.Context, ref string) (digest string, annotations map[string]string, err error)
	// Image reads a base for a platform.
	Image(ctx context.Context, ref string, platform v1.Platform) (v1.Image, error)
	// Push writes under a tag, which must be free or have the same digest, and verifies.
	Push(ctx context.Context, ref string, what remote.Taggable) (digest string, err error)
	// Sign signs an image, host/repository@sha256:…; one that the key has signed stays as it is.
	Sign(ctx context.Context, ref string, key signature.PrivateKey) error
	// Attach puts a document next to an image, host/repository@sha256:…; the same one twice is one.
	Attach(ctx context.Context, ref, mediaType string, body []byte, annotations map[string]string) (digest string, err error)
}

// Artifacts keeps what builds hand on; *artifact.Store is one.
type Artifacts interface {
	Extract(ctx context.Context, a pipeline.Artifact, dir string) error
}

// Options are what the executor needs.
type Options struct {
	// Dir is a folder for temporary files and logs, below the data folder.
	Dir string
	// Registry makes the client of one action, which tells in lines what it writes.
	Registry  func(tell func(line string)) Registry
	Artifacts Artifacts
	// Allowed tells whether the repository may name the image repository (host/path), as base or as target.
	// Nil: none.
	Allowed func(owner, repo, image string) bool
	// Places bounds how many layers are packed at once. Nil: there is no bound.
	Places *executor.Places
	// Key signs what is pushed. The zero key: nothing is signed.
	Key signature.PrivateKey
	// Secrets are values that never reach a log.
	Secrets []string
}

// Executor assembles images. New makes one. It holds nothing between calls but logs.
type Executor struct {
	o Options
	actiondir.Journals
}

var (
	_ executor.Executor = (*Executor)(nil)
	_ executor.Logged   = (*Executor)(nil)
	_ executor.AtOnce   = (*Executor)(nil)
)

// New makes the executor.
func New(o Options) (*Executor, error) {
	if o.Dir == "" || o.Registry == nil || o.Artifacts == nil {
		return nil, errors.New("the image executor needs a folder, a registry and a store of artifacts")
	}
	if o.Allowed == nil {
		o.Allowed = func(string, string, string) bool { return false }
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder for images: %w", err)
	}
	return &Executor{o: o, Journals: actiondir.Journals{Dir: filepath.Join(o.Dir, "logs"), Secrets: o.Secrets}}, nil
}

// TargetVariable is the variable of the request that says where to push: host/repository:tag.
const TargetVariable = "SLUICE_IMAGE"

// Start assembles the image and pushes it to SLUICE_IMAGE; it returns when that is done. The handle is the digest.
func (e *Executor) Start(ctx context.Context, r executor.Request) (string, error) {
	p, err := readParams(r.With)
	if err != nil {
		return "", err
	}
	if r.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Timeout)
		defer cancel()
	}
	target, err := e.target(r)
	if err != nil {
		return "", err
	}
	if p.base != scratch {
		base, err := name.ParseReference(p.base, name.WeakValidation)
		if err != nil {
			return "", executor.Permanentf("with.base: %w", err)
		}
		if err := e.allowed(r, base.Context()); err != nil {
			return "", err
		}
		p.base = base.Name()
	}
	return e.Keep(r.ID, func(tell func(string)) (string, error) {
		a := &assembly{e: e, registry: e.o.Registry(tell), tell: tell, r: r, p: p}
		digest, err := a.buildAndPush(executor.OnWait(ctx, tell), target)
		return digest, settle(ctx, err)
	})
}

// settle tells final errors from those worth a retry.
func settle(ctx context.Context, err error) error {
	var t interface{ Temporary() bool }
	if err != nil && ctx.Err() == nil && errors.As(err, &t) && !t.Temporary() {
		return executor.Permanent(err)
	}
	return err
}

// target is where the image goes.
func (e *Executor) target(r executor.Request) (name.Tag, error) {
	text := r.Env[TargetVariable]
	if text == "" {
		return name.Tag{}, executor.Permanentf("there is nowhere to push to: set registries.development in .github/sluice.yml")
	}
	tag, err := name.NewTag(text, name.StrictValidation)
	if err != nil {
		return name.Tag{}, executor.Permanentf("%s: want host/repository:tag: %w", TargetVariable, err)
	}
	return tag, e.allowed(r, tag.Context())
}

func (e *Executor) allowed(r executor.Request, image name.Repository) error {
	if e.o.Allowed(r.Owner, r.Repo, image.Name()) {
		return nil
	}
	return executor.Permanentf("%s/%s may not use %s: the operator allows it by --registry-allow %s/%s=%s",
		r.Owner, r.Repo, image.Name(), r.Owner, r.Repo, image.Name())
}

// buildAndPush looks what the tag has, builds, compares, and pushes when the tag is free.
func (a *assembly) buildAndPush(ctx context.Context, target name.Tag) (digest string, err error) {
	have, annotations, err := a.registry.Inspect(ctx, target.Name())
	if err != nil {
		return "", err
	}
	if a.base, err = a.pin(ctx, a.p.base, annotations); err != nil {
		return "", err
	}
	if a.dir, err = os.MkdirTemp(a.e.o.Dir, "image-*"); err != nil {
		return "", err
	}
	defer os.RemoveAll(a.dir)
	what, err := a.build(ctx)
	if err != nil {
		return "", err
	}
	want, err := what.Digest()
	if err != nil {
		return "", err
	}
	a.tell("image " + want.String() + ": built")
	switch {
	case have != "" && have != want.String():
		return "", executor.Permanentf("%s is taken: it is %s, this build made %s; tags are never moved, push another revision",
			target.Name(), have, want)
	case have != "":
		a.tell(target.Name() + " is there, pushed before")
	default:
		if _, err := a.registry.Push(ctx, target.Name(), what); err != nil {
			return "", err
		}
	}
	if err := a.attest(ctx, target.Context().Name(), want.String()); err != nil {
		return "", err
	}
	return want.String(), a.sign(ctx, target.Context().Digest(want.String()).Name())
}

// sign signs what was pushed, where there is a key.
func (a *assembly) sign(ctx context.Context, ref string) error {
	if a.e.o.Key.IsZero() {
		return nil
	}
	if err := a.registry.Sign(ctx, ref, a.e.o.Key); err != nil {
		return err
	}
	a.tell(ref + ": signed")
	return nil
}

// pinned is a base by digest, and by the name it was given.
type pinned struct {
	name   string // as written, with its registry; scratch
	digest string
	ref    string // host/repository@digest
}

// pin resolves a base to a digest: the one that the image under the target's tag was built on, when there is one.
func (a *assembly) pin(ctx context.Context, base string, annotations map[string]string) (pinned, error) {
	if base == scratch {
		a.tell("base: scratch")
		return pinned{name: scratch}, nil
	}
	ref, err := name.ParseReference(base)
	if err != nil {
		return pinned{}, executor.Permanentf("with.base: %w", err)
	}
	digest := ""
	if d, ok := ref.(name.Digest); ok {
		digest = d.DigestStr()
	} else if annotations[annotationBaseName] == base && digestRE.MatchString(annotations[annotationBaseDigest]) {
		digest = annotations[annotationBaseDigest]
	}
	if digest == "" {
		if digest, _, err = a.registry.Inspect(ctx, base); err != nil {
			return pinned{}, err
		}
		if digest == "" {
			return pinned{}, executor.Permanentf("with.base: there is no image %s", base)
		}
	}
	a.tell("base: " + base + " is " + digest)
	return pinned{name: base, digest: digest, ref: ref.Context().Digest(digest).Name()}, nil
}

var digestRE = lazyregexp.New(`\Asha256:[0-9a-f]{64}\z`)

// Status returns the result, which is the handle.
func (e *Executor) Status(_ context.Context, r executor.Request, handle string) (executor.Report, error) {
	if !digestRE.MatchString(handle) {
		return executor.Report{}, executor.Permanentf("%q is no handle of an image", handle)
	}
	target, err := name.NewTag(r.Env[TargetVariable], name.StrictValidation)
	if err != nil {
		return executor.Report{}, executor.Permanentf("%s: %w", TargetVariable, err)
	}
	log, err := e.End(r.ID)
	if err != nil {
		return executor.Report{}, err
	}
	byDigest := target.Context().Digest(handle).Name()
	return executor.Report{
		Status: pipeline.Succeeded, Log: log, Summary: "pushed " + target.Name(), ExternalID: byDigest,
		Variables: map[string]string{"image": byDigest, "digest": handle, "tag": target.Name()},
		Image:     pipeline.Image{Reference: target.Name(), Digest: handle},
	}, nil
}

// AtOnce implements executor.AtOnce.
func (e *Executor) AtOnce() {}

// Stop does nothing: what was started has ended.
func (e *Executor) Stop(context.Context, executor.Request, string) error { return nil }
