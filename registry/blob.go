package registry

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// blobsOf lists the blobs a manifest needs, each once. Those that may not be distributed stay where they are.
func blobsOf(m *manifest) []v1.Descriptor {
	var out []v1.Descriptor
	seen := map[v1.Hash]bool{}
	all := m.body.Layers
	if m.body.Config != nil {
		all = append([]v1.Descriptor{*m.body.Config}, all...)
	}
	for _, d := range all {
		if !seen[d.Digest] && d.MediaType.IsDistributable() {
			seen[d.Digest] = true
			out = append(out, d)
		}
	}
	return out
}

// blob makes sure that the destination has a blob: it is there, or mounted, or uploaded.
func (c *copier) blob(ctx context.Context, d v1.Descriptor) error {
	var counted atomic.Int64
	plain := &blob{c: c, ctx: ctx, d: d, counted: &counted}
	var layer v1.Layer = plain
	if c.from.RegistryStr() == c.to.RegistryStr() {
		layer = &remote.MountableLayer{Layer: plain, Reference: c.from.Digest(d.Digest.String())}
	}
	err := c.s.pusher.Upload(ctx, c.to, layer)
	for attempt := 1; err != nil && ctx.Err() == nil && attempt < c.s.c.o.Attempts; attempt++ {
		// A refused mount, or an upload the registry has forgotten: begin again, without a mount.
		mounting := layer != v1.Layer(plain)
		if mounting || uploadLost(err) {
			layer = plain
			err = c.s.pusher.Upload(ctx, c.to, layer)
			continue
		}
		break
	}
	if err == nil {
		c.progress.arrived(d, counted.Load())
	}
	return wrap("copy blob", c.to.Digest(d.Digest.String()).Name(), err)
}

// blob is a blob of the source as something to upload. It is verified while it is read.
type blob struct {
	c   *copier
	ctx context.Context //nolint:containedctx // v1.Layer's methods take none
	d   v1.Descriptor
	// counted is how much of it progress knows of.
	counted *atomic.Int64
}

// Digest is what the manifest says; the bytes are held to it.
func (b *blob) Digest() (v1.Hash, error) { return b.d.Digest, nil }

// DiffID is not needed to copy.
func (b *blob) DiffID() (v1.Hash, error) { return v1.Hash{}, errors.ErrUnsupported }

// Size is what the manifest says.
func (b *blob) Size() (int64, error) { return b.d.Size, nil }

// MediaType is what the manifest says.
func (b *blob) MediaType() (types.MediaType, error) { return b.d.MediaType, nil }

// Uncompressed is not needed to copy.
func (b *blob) Uncompressed() (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

// Compressed opens the source's bytes.
func (b *blob) Compressed() (io.ReadCloser, error) {
	l, err := b.c.s.puller.Layer(b.ctx, b.c.from.Digest(b.d.Digest.String()))
	if err != nil {
		return nil, err
	}
	rc, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	b.c.progress.moved(-b.counted.Swap(0)) // an earlier attempt was in vain
	return &verifiedBlob{ReadCloser: rc, b: b}, nil
}

// verifiedBlob names the lie when the source's bytes are not what their digest says. The hashing is done below it.
type verifiedBlob struct {
	io.ReadCloser
	b *blob
}

func (v *verifiedBlob) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	after := v.b.counted.Add(int64(n))
	v.b.c.s.tell.moved(v.b.d, after-int64(n), after)
	v.b.c.progress.moved(int64(n))
	if err != nil && strings.Contains(err.Error(), "error verifying") {
		err = refusef("the source registry sent other bytes than blob %s has", v.b.d.Digest)
	}
	return n, err
}
