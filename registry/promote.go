package registry

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// Promote copies src ("host/repository@sha256:…") to dst ("host/repository:tag"): the manifest, all children of an
// index, their referrers, and what cosign keeps by tags (sha256-….sig, .att, .sbom). The result's digest is src's digest. When dst has that digest already, only what belongs to it and is missing
// there is copied, such as a signature that was added since; where src is gone that is nothing. When it has another one the error is a *ConflictError and nothing was written.
func (c *Client) Promote(ctx context.Context, src, dst string) (Result, error) {
	r, err := c.promote(ctx, src, dst)
	return r, wrap("copy "+scrub(src)+" to", dst, err)
}

func (c *Client) promote(ctx context.Context, src, dst string) (Result, error) {
	from, err := name.NewDigest(src, name.StrictValidation)
	if err != nil {
		return Result{}, refusef("the source must be named by digest, host/repository@sha256:…: %v", err)
	}
	to, err := name.NewTag(dst, name.StrictValidation)
	if err != nil {
		return Result{}, refusef("the destination must be named by tag, host/repository:tag: %v", err)
	}
	want, err := v1.NewHash(from.DigestStr())
	if err != nil || want.Algorithm != "sha256" {
		return Result{}, refusef("the source's digest must be sha256: and 64 hex digits")
	}
	s, err := c.open(ctx, from.Context(), to.Context())
	if err != nil {
		return Result{}, err
	}
	defer s.close()

	have, root, err := s.lookAndRead(ctx, to, from)
	if have != nil { // done before: the source may be gone by now
		s.tell.say("tag %s is there: it is %s", to.Name(), have.digest)
		if err := same(to, have, want); err != nil {
			return Result{Digest: want.String(), Already: true}, err
		}
		if root != nil && from.Context().Name() != to.Context().Name() {
			err = s.catchUp(ctx, from.Context(), to.Context(), root)
		}
		r := s.count.result(want.String())
		r.Already = r.Manifests == 0
		return r, err
	}
	if err != nil {
		return Result{}, err
	}
	if from.Context().Name() == to.Context().Name() { // everything is there: only the name is missing
		err = s.tagFree(ctx, to, root)
		return s.count.result(want.String()), err
	}
	cp := newCopier(s, from.Context(), to.Context())
	if err := cp.copyAll(ctx, root); err != nil {
		return Result{}, err
	}
	if err := cp.verify(ctx); err != nil {
		return Result{}, err
	}
	s.tell.say("manifests read back: %d, as they were copied", len(cp.seen))
	if err := cp.lay(ctx); err != nil {
		return Result{}, err
	}
	_, err = s.tag(ctx, to, root)
	return s.count.result(want.String()), err
}

// catchUp copies what has come to belong to an image since it was copied.
func (s *session) catchUp(ctx context.Context, from, to name.Repository, root *manifest) error {
	cp := newCopier(s, from, to)
	cp.again = true
	if err := cp.copyAll(ctx, root); err != nil {
		return err
	}
	if err := cp.verify(ctx); err != nil {
		return err
	}
	return cp.lay(ctx)
}

// lookAndRead asks for the tag and reads the source, at the same time. The source's failure is no matter when the tag
// is there.
func (s *session) lookAndRead(ctx context.Context, to name.Tag, from name.Digest) (have, root *manifest, err error) {
	var g errgroup.Group
	var rootErr error
	g.Go(func() (err error) {
		have, err = s.look(ctx, to)
		return err
	})
	g.Go(func() error {
		root, rootErr = s.read(ctx, from)
		return nil
	})
	if err := g.Wait(); err != nil {
		return nil, nil, wrap("look at", to.Name(), err)
	}
	if have == nil && rootErr != nil {
		return nil, nil, wrap("read", from.Name(), rootErr)
	}
	return have, root, nil
}

// Push writes an image or index to "host/repository:tag" as Promote does: blobs, manifests, tag last, read back and
// compared. It returns the digest. A tag that has it is done; one with another is a *ConflictError.
func (c *Client) Push(ctx context.Context, ref string, what remote.Taggable) (digest string, err error) {
	digest, err = c.push(ctx, ref, what)
	return digest, wrap("push", ref, err)
}

func (c *Client) push(ctx context.Context, ref string, what remote.Taggable) (string, error) {
	to, err := name.NewTag(ref, name.StrictValidation)
	if err != nil {
		return "", refusef("an image is pushed by tag, host/repository:tag: %v", err)
	}
	raw, err := what.RawManifest()
	if err != nil {
		return "", err
	}
	want := hashOf(raw)
	s, err := c.open(ctx, to.Context())
	if err != nil {
		return "", err
	}
	defer s.close()

	have, err := s.look(ctx, to)
	if err != nil {
		return "", err
	}
	if have != nil {
		return want.String(), same(to, have, want)
	}
	s.tell.expectAll(what)
	if err := s.pusher.Push(ctx, to.Context().Digest(want.String()), what); err != nil {
		return "", err
	}
	root, err := s.readTree(ctx, to.Context(), want)
	if err != nil {
		return "", err
	}
	_, err = s.tag(ctx, to, root)
	return want.String(), err
}

// readTree reads back a manifest and its children.
func (s *session) readTree(ctx context.Context, repo name.Repository, digest v1.Hash) (*manifest, error) {
	m, err := s.read(ctx, repo.Digest(digest.String()))
	if err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.c.o.Jobs)
	for _, child := range m.body.Manifests {
		g.Go(func() error {
			_, err := s.read(ctx, repo.Digest(child.Digest.String()))
			return err
		})
	}
	return m, g.Wait()
}
