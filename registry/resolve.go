package registry

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Resolve returns the digest that a reference has now (sha256:…), computed from the manifest's bytes. For a reference by
// digest it makes sure that the manifest is there. ErrNotFound when it is not.
func (c *Client) Resolve(ctx context.Context, ref string) (string, error) {
	m, err := c.find(ctx, ref)
	if err != nil {
		return "", wrap("resolve", ref, err)
	}
	return m.digest.String(), nil
}

// Inspect returns the digest that a reference has now and the annotations of its manifest. The digest is empty when
// there is nothing.
func (c *Client) Inspect(ctx context.Context, ref string) (digest string, annotations map[string]string, err error) {
	m, err := c.find(ctx, ref)
	if err = wrap("inspect", ref, err); err != nil {
		if isNotFound(err) {
			return "", nil, nil
		}
		return "", nil, err
	}
	return m.digest.String(), m.body.Annotations, nil
}

func (c *Client) find(ctx context.Context, ref string) (*manifest, error) {
	r, err := parse(ref)
	if err != nil {
		return nil, err
	}
	s, err := c.open(ctx, r.Context())
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.read(ctx, r)
}

// Image reads the image a reference has for a platform. Its manifest is read and verified here; layers are read, and
// verified, when they are opened, under ctx. An image that is not an index is returned whatever platform it is for;
// of an index that lacks the platform ErrNotFound is returned.
func (c *Client) Image(ctx context.Context, ref string, platform v1.Platform) (v1.Image, error) {
	img, err := c.image(ctx, ref, platform)
	return img, wrap("read", ref, err)
}

func (c *Client) image(ctx context.Context, ref string, platform v1.Platform) (v1.Image, error) {
	r, err := parse(ref)
	if err != nil {
		return nil, err
	}
	s, err := c.open(ctx, r.Context())
	if err != nil {
		return nil, err
	}
	m, err := s.read(ctx, r)
	for depth := 0; err == nil && m.mediaType.IsIndex(); depth++ {
		child := choose(m.body.Manifests, platform)
		if child == nil || depth == 2 {
			return nil, &Error{Op: "read", Ref: ref, Reason: "has no image for " + platform.String(), is: ErrNotFound}
		}
		m, err = s.read(ctx, r.Context().Digest(child.Digest.String()))
	}
	if err != nil {
		return nil, err
	}
	return remote.Image(r.Context().Digest(m.digest.String()), append(s.options, remote.Reuse(s.puller))...)
}

// choose finds the child for a platform; variants and versions only count when the platform names one.
func choose(children []v1.Descriptor, want v1.Platform) *v1.Descriptor {
	for i, d := range children {
		if d.Platform != nil && d.Platform.Satisfies(want) {
			return &children[i]
		}
	}
	return nil
}

// CheckReferences tells whether Promote can be asked to copy src, once its tag was resolved, to dst. Nothing is contacted.
func CheckReferences(src, dst string) error {
	if _, err := parse(src); err != nil {
		return err
	}
	if _, err := name.NewTag(dst, name.StrictValidation); err != nil {
		return refusef("%q is not a tag like host/repository:tag: %v", dst, err)
	}
	return nil
}

// CheckReference tells whether something names an image, host/repository:tag or host/repository@sha256:…. Nothing is
// contacted.
func CheckReference(ref string) error {
	_, err := parse(ref)
	return err
}

// parse reads a reference that names its registry, and a tag or a digest.
func parse(ref string) (name.Reference, error) {
	r, err := name.ParseReference(ref, name.StrictValidation)
	if err != nil {
		return nil, refusef("%q is not a reference like host/repository:tag or host/repository@sha256:…: %v", ref, err)
	}
	return r, nil
}
