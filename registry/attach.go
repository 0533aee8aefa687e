package registry

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Attach puts a document (an SBOM, a statement of where something comes from) next to what ref ("host/repository@sha256:…") names, as an OCI referrer: found by the registry's
// referrers API, or by the tag that takes its place where there is none. Promote copies it along. The same document twice
// is one. mediaType is the document's, and what it is listed as; annotations are those of the manifest that carries it, whose
// digest is returned. ErrNotFound: there is no such image.
func (c *Client) Attach(ctx context.Context, ref, mediaType string, body []byte, annotations map[string]string) (digest string, err error) {
	digest, err = c.attach(ctx, ref, mediaType, body, annotations)
	return digest, wrap("attach to", ref, err)
}

func (c *Client) attach(ctx context.Context, ref, mediaType string, body []byte, annotations map[string]string) (string, error) {
	subject, err := name.NewDigest(ref, name.StrictValidation)
	if err != nil {
		return "", refusef("what is attached to must be named by digest, host/repository@sha256:…: %v", err)
	}
	s, err := c.open(ctx, subject.Context())
	if err != nil {
		return "", err
	}
	defer s.close()
	m, err := s.read(ctx, subject)
	if err != nil {
		return "", err
	}
	carrier, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), static.NewLayer(body, types.MediaType(mediaType)))
	if err != nil {
		return "", err
	}
	carrier = mutate.ConfigMediaType(carrier, types.MediaType(mediaType)) // without artifactType this is what it is listed as
	carrier = mutate.Annotations(carrier, annotations).(v1.Image)
	carrier = mutate.Subject(carrier, v1.Descriptor{MediaType: m.mediaType, Digest: m.digest, Size: int64(len(m.raw))}).(v1.Image)
	raw, err := carrier.RawManifest()
	if err != nil {
		return "", err
	}
	at := subject.Context().Digest(hashOf(raw).String())
	if err := s.pusher.Push(ctx, at, carrier); err != nil {
		return "", err
	}
	_, err = s.read(ctx, at)
	return at.DigestStr(), err
}
