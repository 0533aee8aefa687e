// Package registry reads and writes container images in OCI registries, by digest.
//
// A tag is a name that somebody else can move, so nothing here trusts one for longer than a call. Resolve turns a tag
// into a digest once; from then on digests are used, and every manifest that is read or written is hashed here, never
// taken from a header. Promote copies what a digest names (an image, an index with its children, and what refers to
// them: signatures, SBOMs, provenance) into another repository. Blobs come first, mounted where the registry can,
// manifests next, the tag last, and only when what arrived was read back and compared. So a copy that dies half-way
// leaves no tag behind, and repeating it goes on where it stopped.
//
// Tags are written once. A tag that has the digest already is done; a tag with another digest is a *ConflictError that
// names both, and nothing is overwritten.
//
// Registries are strangers. Only those that Options.Allow admits are contacted; plain http is spoken to loopback alone;
// redirects and token servers may not lead to private addresses unless the operator trusts their host; and errors carry
// no credentials, not even those inside of URLs.
package registry

import (
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Options are what a Client may do. The zero value allows every public registry, with the credentials of this host.
type Options struct {
	// Allow is asked for "host/repository" before a registry is contacted; an error refuses it for good.
	// Nil allows everything.
	Allow func(repository string) error
	// Keychain finds credentials by registry. Nil means authn.DefaultKeychain: Docker's configuration of this host and
	// its credential helpers.
	Keychain authn.Keychain
	// Transport is the connection to the world. Nil makes one for each call that refuses to connect to private
	// addresses except the registry's own. A transport given here is used as it is, only wrapped.
	Transport http.RoundTripper
	// TrustedHosts are hosts besides the registries named in a reference that may have private addresses: token
	// servers, blob stores behind redirects. Without port.
	TrustedHosts []string
	// Jobs is how many blobs and manifests are copied at the same time. Defaults to 4.
	Jobs int
	// Attempts is how often one request is tried when the registry stumbles, before the call fails with a temporary
	// error. Defaults to 3.
	Attempts int
	// RetryDelay is the wait before the second attempt; it doubles. Defaults to 200 ms.
	RetryDelay time.Duration
	// UserAgent names this program to registries. Defaults to "sluice".
	UserAgent string
	// Progress is told how far Promote is, whenever that changes: often, one call at a time, and while a copy waits for it.
	// Nil: nobody is told.
	Progress func(Progress)

	tell func(line string) // see Client.Telling; nil: nobody
}

// Client reads and writes images. It keeps nothing between calls and may be used by several goroutines. New makes one.
type Client struct{ o Options }

// New makes a client; options left out get their defaults.
func New(o Options) *Client {
	if o.Allow == nil {
		o.Allow = func(string) error { return nil }
	}
	if o.Keychain == nil {
		o.Keychain = authn.DefaultKeychain
	}
	if o.Jobs < 1 {
		o.Jobs = 4
	}
	if o.Attempts < 1 {
		o.Attempts = 3
	}
	if o.RetryDelay <= 0 {
		o.RetryDelay = 200 * time.Millisecond
	}
	if o.UserAgent == "" {
		o.UserAgent = "sluice"
	}
	return &Client{o: o}
}

// Allowing returns a client that asks allow before it contacts a registry, and is otherwise the same: what one
// repository may name is not what another may.
func (c *Client) Allowing(allow func(repository string) error) *Client {
	o := c.o
	o.Allow = allow
	return New(o)
}

// Result tells what Promote did.
type Result struct {
	// Digest is what the tag has now, sha256:….
	Digest string
	// Already is set when the tag had the digest before, and no manifest was written.
	Already bool
	// Manifests and Blobs that were uploaded; blobs that were mounted from another repository of the same registry;
	// blobs that were there.
	Manifests, Blobs, Mounted, Present int
	// Bytes of blobs uploaded.
	Bytes int64
}
