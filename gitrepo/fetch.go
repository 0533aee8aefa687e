package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage"

	"github.com/sluicehq/sluice/internal/silence"
)

// Transport is http.RoundTripper.
type Transport = http.RoundTripper

const (
	defaultMaxBytes = 4 << 30
	maxRedirects    = 3
	// tokenUser is the user name GitHub wants beside an installation token.
	tokenUser = "x-access-token"
)

var (
	errRedirect = errors.New("the server redirects to another host")
	errTooLarge = errors.New("the clone is larger than allowed")
	errNoSHA    = errors.New("the server does not let a client ask for a commit that is no head: set uploadpack.allowReachableSHA1InWant there")
)

// fetch brings one commit, its tree and its files into store.
func (c Cloner) fetch(ctx context.Context, from Source, store storage.Storer) (err error) {
	through := c.Transport
	if through == nil {
		t := lasting()
		defer t.CloseIdleConnections()
		through = t
	}
	session, err := session(from, through)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	refs, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return fmt.Errorf("ask for the refs: %w", err)
	}
	req, err := request(plumbing.NewHash(from.SHA), refs)
	if err != nil {
		return err
	}
	answer, err := session.UploadPack(ctx, req)
	if err != nil {
		return fmt.Errorf("ask for the commit: %w", err)
	}
	defer func() { err = errors.Join(err, answer.Close()) }()
	if err := store.SetShallow(answer.Shallows); err != nil {
		return fmt.Errorf("note where history ends: %w", err)
	}
	if err := packfile.UpdateObjectStorage(store, c.pack(req, answer)); err != nil {
		return fmt.Errorf("receive the commit: %w", err)
	}
	return nil
}

// lasting is http.DefaultTransport's like for one clone, which lasts as long as anything moves on its connections.
func lasting() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	silence.Limit(t, silence.Max)
	return t
}

func session(from Source, through Transport) (transport.UploadPackSession, error) {
	client := &http.Client{Transport: through, CheckRedirect: stay}
	at, err := transport.NewEndpoint(from.URL)
	if err != nil {
		return nil, errors.New("the clone URL is malformed")
	}
	var auth transport.AuthMethod
	if from.Token != "" {
		auth = &githttp.BasicAuth{Username: tokenUser, Password: string(from.Token)}
	}
	// A client of our own instead of the library's registry of protocols: nothing but HTTP can be reached through it.
	return githttp.NewClientWithOptions(client, &githttp.ClientOptions{
		RedirectPolicy: githttp.FollowInitialRedirects,
	}).NewUploadPackSession(at, auth)
}

// stay follows redirects within the host, as GitHub sends them after a repository was renamed.
func stay(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects || !sameOrigin(via[0].URL, req.URL) {
		return errRedirect
	}
	return nil
}

// request asks for one commit without its history.
func request(commit plumbing.Hash, refs *packp.AdvRefs) (*packp.UploadPackRequest, error) {
	can := refs.Capabilities
	if !can.Supports(capability.AllowReachableSHA1InWant) && !can.Supports(capability.AllowTipSHA1InWant) && !isHead(commit, refs) {
		return nil, errNoSHA
	}
	req := packp.NewUploadPackRequestFromCapabilities(can)
	req.Wants = []plumbing.Hash{commit}
	if can.Supports(capability.Shallow) {
		req.Depth = packp.DepthCommits(1)
		if err := req.Capabilities.Set(capability.Shallow); err != nil {
			return nil, err
		}
	}
	if can.Supports(capability.NoProgress) {
		if err := req.Capabilities.Set(capability.NoProgress); err != nil {
			return nil, err
		}
	}
	return req, nil
}

func isHead(commit plumbing.Hash, refs *packp.AdvRefs) bool {
	for _, h := range refs.References {
		if h == commit {
			return true
		}
	}
	for _, h := range refs.Peeled {
		if h == commit {
			return true
		}
	}
	return refs.Head != nil && *refs.Head == commit
}

// pack is the packfile within the answer.
func (c Cloner) pack(req *packp.UploadPackRequest, answer io.Reader) io.Reader {
	limit := c.MaxBytes
	if limit == 0 {
		limit = defaultMaxBytes
	}
	r := &limited{from: answer, left: limit}
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, r)
	case req.Capabilities.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, r)
	}
	return r
}

// limited fails once more than left bytes have come.
type limited struct {
	from io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
