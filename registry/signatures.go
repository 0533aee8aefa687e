package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sluicehq/sluice/signature"
)

// Bounds of what is read of an image's signatures: whoever may write to a repository may put any number there.
const (
	maxSignatures = 200
	maxSigned     = 1 << 20
)

// Signatures reads the signatures of an image, host/repository@sha256:…, wherever cosign keeps them: under the tag
// sha256-….sig, and among the OCI referrers, as payloads or as Sigstore bundles. What is none, or is damaged, is left
// out. None of them is checked here: signature.Verify does. At most 200 are read.
func (c *Client) Signatures(ctx context.Context, ref string) ([]signature.Signature, error) {
	found, err := c.signatures(ctx, ref)
	return found, wrap("read the signatures of", ref, err)
}

func (c *Client) signatures(ctx context.Context, ref string) ([]signature.Signature, error) {
	image, err := name.NewDigest(ref, name.StrictValidation)
	if err != nil {
		return nil, refusef("what is signed must be named by digest, host/repository@sha256:…: %v", err)
	}
	s, err := c.open(ctx, image.Context())
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.signatures(ctx, image)
}

func (s *session) signatures(ctx context.Context, image name.Digest) ([]signature.Signature, error) {
	var carriers []*manifest
	tagged, err := s.look(ctx, image.Context().Tag(besideTag(image.DigestStr(), besideSignature)))
	if err != nil {
		return nil, err
	}
	if tagged != nil {
		carriers = append(carriers, tagged)
	}
	referrers, err := s.referrers(ctx, image)
	if err != nil {
		return nil, err
	}
	for _, digest := range referrers[:min(len(referrers), maxSignatures)] {
		m, err := s.look(ctx, image.Context().Digest(digest.String()))
		if err != nil {
			return nil, err
		}
		if m != nil && m.body.Subject != nil && m.body.Subject.Digest.String() == image.DigestStr() {
			carriers = append(carriers, m)
		}
	}
	var out []signature.Signature
	for _, m := range carriers {
		for _, layer := range m.body.Layers {
			simple := layer.MediaType == signature.PayloadType
			if !simple && !strings.HasPrefix(string(layer.MediaType), signature.BundleType) || layer.Size > maxSigned {
				continue
			}
			body, err := s.blob(ctx, image.Context().Digest(layer.Digest.String()))
			if err != nil {
				return nil, err
			}
			var some []signature.Signature
			if simple {
				var one signature.Signature
				if one, err = signature.ReadPayload(body, layer.Annotations[signature.Annotation]); err == nil {
					some = append(some, one)
				}
			} else if some, err = signature.ReadBundle(body); err != nil {
				some = nil // of something else: an attestation, or nothing that can be read
			}
			if out = append(out, some...); len(out) >= maxSignatures {
				return out[:maxSignatures], nil
			}
		}
	}
	return out, nil
}

// blob reads a small blob; its bytes are held to its digest.
func (s *session) blob(ctx context.Context, ref name.Digest) ([]byte, error) {
	layer, err := s.puller.Layer(ctx, ref)
	if err != nil {
		return nil, err
	}
	rc, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	body, err := io.ReadAll(io.LimitReader(rc, maxSigned+1))
	switch {
	case err != nil && strings.Contains(err.Error(), "error verifying"):
		return nil, refusef("the registry sent other bytes than blob %s has", ref.DigestStr())
	case err != nil:
		return nil, err
	case len(body) > maxSigned:
		return nil, refusef("the signed document %s has more than %d bytes", ref.DigestStr(), maxSigned)
	}
	return body, nil
}

// Sign signs an image, host/repository@sha256:…, as cosign does: under the tag sha256-….sig. When that tag is somebody
// else's already, the signature becomes a referrer of the image, because tags are never moved. One that is there is not made again.
// ErrNotFound: there is no such image.
func (c *Client) Sign(ctx context.Context, ref string, key signature.PrivateKey) error {
	return wrap("sign", ref, c.sign(ctx, ref, key))
}

func (c *Client) sign(ctx context.Context, ref string, key signature.PrivateKey) error {
	image, err := name.NewDigest(ref, name.StrictValidation)
	if err != nil {
		return refusef("what is signed must be named by digest, host/repository@sha256:…: %v", err)
	}
	public, err := key.Public()
	if err != nil {
		return refusef("%v", err)
	}
	s, err := c.open(ctx, image.Context())
	if err != nil {
		return err
	}
	defer s.close()
	subject, err := s.read(ctx, image)
	if err != nil {
		return err
	}
	there, err := s.signatures(ctx, image)
	if err != nil {
		return err
	}
	if _, err := signature.Verify(image.DigestStr(), there, []signature.PublicKey{public}); err == nil {
		return nil
	}
	signed, err := key.Sign(image.Context().Name(), image.DigestStr())
	if err != nil {
		return refusef("%v", err)
	}
	carrier, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), mutate.Addendum{
		Layer:       static.NewLayer(signed.Signed, signature.PayloadType),
		Annotations: map[string]string{signature.Annotation: base64.StdEncoding.EncodeToString(signed.ASN1)},
	})
	if err != nil {
		return err
	}
	raw, err := carrier.RawManifest()
	if err != nil {
		return err
	}
	m := &manifest{raw: raw, digest: hashOf(raw), mediaType: types.OCIManifestSchema1}
	if err := s.pusher.Push(ctx, image.Context().Digest(m.digest.String()), carrier); err != nil {
		return err
	}
	return s.lay(ctx, image.Context(), beside{of: subject, suffix: besideSignature, m: m})
}

// Suffixes of the tags under which cosign keeps what belongs to an image.
const besideSignature = "sig"

func besideSuffixes() []string { return []string{besideSignature, "att", "sbom"} }

// besideTag is such a tag: sha256-….sig.
func besideTag(digest, suffix string) string {
	return strings.Replace(digest, ":", "-", 1) + "." + suffix
}

// beside is a manifest that is found by the tag of another one.
type beside struct {
	of     *manifest
	suffix string
	m      *manifest
}

// lay writes the tag of something that the repository has already by digest. Where the tag is something else, what is
// beside becomes a referrer, as cosign writes it in the form of OCI 1.1.
func (s *session) lay(ctx context.Context, repo name.Repository, b beside) error {
	_, err := s.tag(ctx, repo.Tag(besideTag(b.of.digest.String(), b.suffix)), b.m)
	if !isConflict(err) {
		return err
	}
	carrier := map[string]any{}
	if err := json.Unmarshal(b.m.raw, &carrier); err != nil {
		return refusef("the manifest %s is not JSON: %v", b.m.digest, err)
	}
	kind := "application/vnd.dev.cosign.artifact." + b.suffix + ".v1+json"
	if config, ok := carrier["config"].(map[string]any); ok {
		config["mediaType"] = kind
	}
	carrier["artifactType"] = kind
	carrier["subject"] = v1.Descriptor{MediaType: b.of.mediaType, Digest: b.of.digest, Size: int64(len(b.of.raw))}
	raw, err := json.Marshal(carrier)
	if err != nil {
		return err
	}
	m := &manifest{raw: raw, digest: hashOf(raw), mediaType: b.m.mediaType}
	at := repo.Digest(m.digest.String())
	if have, err := s.look(ctx, at); have != nil || err != nil {
		return err
	}
	if err := s.pusher.Put(ctx, at, m); err != nil {
		return err
	}
	_, err = s.read(ctx, at)
	return err
}
