package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxManifest is the size a manifest may have; registries commonly allow 4 MiB.
const maxManifest = 8 << 20

// session is one call: its connections, its credentials, its counters. Credentials are looked up anew for each call, so
// they never grow too old.
type session struct {
	c       *Client
	puller  *remote.Puller
	pusher  *remote.Pusher
	options []remote.Option
	count   *counter
	tell    *teller
	close   func()
}

// open asks whether the repositories may be contacted and prepares to talk to them.
func (c *Client) open(ctx context.Context, repositories ...name.Repository) (*session, error) {
	trusted := map[string]bool{}
	for _, h := range c.o.TrustedHosts {
		trusted[h] = true
	}
	for _, r := range repositories {
		if err := c.o.Allow(r.Name()); err != nil {
			return nil, refusef("%v", err)
		}
		trusted[hostname(r.RegistryStr())] = true
	}
	g := newGuard(c.o.Transport, trusted)
	tell := newTeller(c.o.tell)
	count := &counter{next: &greeter{next: g}, tell: tell}
	s := &session{c: c, count: count, tell: tell, close: g.close}
	s.options = []remote.Option{
		remote.WithTransport(count),
		remote.WithAuthFromKeychain(c.o.Keychain),
		remote.WithJobs(c.o.Jobs),
		remote.WithUserAgent(c.o.UserAgent),
		remote.WithRetryBackoff(remote.Backoff{Duration: c.o.RetryDelay, Factor: 2, Jitter: 0.2, Steps: c.o.Attempts}),
		remote.WithContext(ctx),
	}
	var err error
	if s.puller, err = remote.NewPuller(s.options...); err != nil {
		return nil, err
	}
	s.pusher, err = remote.NewPusher(s.options...)
	return s, err
}

// manifest is a manifest's bytes and what they are, as this process computed and parsed it.
type manifest struct {
	raw       []byte
	digest    v1.Hash
	mediaType types.MediaType
	body      struct {
		Config      *v1.Descriptor    `json:"config"`
		Layers      []v1.Descriptor   `json:"layers"`
		Manifests   []v1.Descriptor   `json:"manifests"`
		Subject     *v1.Descriptor    `json:"subject"`
		Annotations map[string]string `json:"annotations"`
	}
}

// RawManifest makes a manifest something that can be put.
func (m *manifest) RawManifest() ([]byte, error) { return m.raw, nil }

// MediaType makes it put under its own type.
func (m *manifest) MediaType() (types.MediaType, error) { return m.mediaType, nil }

// read gets a manifest, hashes it, and parses it. For a reference by digest the hash must be that digest.
func (s *session) read(ctx context.Context, ref name.Reference) (*manifest, error) {
	d, err := s.puller.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	if len(d.Manifest) > maxManifest {
		return nil, refusef("the manifest has %d bytes; at most %d are read", len(d.Manifest), maxManifest)
	}
	if d.MediaType.IsSchema1() {
		return nil, refusef("the manifest is of the outdated type %s; push the image again with a current tool", d.MediaType)
	}
	m := &manifest{raw: d.Manifest, digest: hashOf(d.Manifest), mediaType: d.MediaType}
	if by, ok := ref.(name.Digest); ok && by.DigestStr() != m.digest.String() {
		return nil, refusef("the registry sent other bytes than asked for: they are %s", m.digest)
	}
	if err := json.Unmarshal(m.raw, &m.body); err != nil {
		return nil, refusef("the manifest %s is not JSON: %v", m.digest, err)
	}
	return m, nil
}

// look reads what a reference has now; nil when there is nothing.
func (s *session) look(ctx context.Context, ref name.Reference) (*manifest, error) {
	m, err := s.read(ctx, ref)
	if errors.Is(wrap("", "", err), ErrNotFound) {
		return nil, nil //nolint:nilnil // nothing there is an answer
	}
	return m, err
}

// tag writes the manifest, which the repository has under its digest already, under a tag, and reads it back. already
// says that the tag was there.
func (s *session) tag(ctx context.Context, ref name.Tag, m *manifest) (already bool, err error) {
	have, err := s.look(ctx, ref)
	if err != nil {
		return false, err
	}
	if have != nil {
		return true, same(ref, have, m.digest)
	}
	return false, s.tagFree(ctx, ref, m)
}

// tagFree is tag for a tag that was seen to be free just now.
func (s *session) tagFree(ctx context.Context, ref name.Tag, m *manifest) error {
	put := s.pusher.Put(ctx, ref, m)
	// Whatever the answer was, look: a refusal may mean that somebody was faster, a lost answer that it is done.
	have, err := s.look(ctx, ref)
	switch {
	case err == nil && have != nil:
		s.tell.say("tag %s read back: it is %s", ref.Name(), have.digest)
		return same(ref, have, m.digest)
	case put != nil:
		return put
	case err != nil:
		return err
	}
	return refusef("the registry took the tag and does not have it")
}

// same tells a tag that has the digest from one that is taken.
func same(ref name.Tag, have *manifest, want v1.Hash) error {
	if have.digest == want {
		return nil
	}
	return &ConflictError{Ref: ref.Name(), Have: have.digest.String(), Want: want.String()}
}

func hashOf(b []byte) v1.Hash {
	sum := sha256.Sum256(b)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

// rawEqual tells whether two manifests are the same bytes.
func (m *manifest) rawEqual(o *manifest) bool { return bytes.Equal(m.raw, o.raw) }
