package dashboard

import (
	"context"
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/store"
)

const (
	failuresFor = 5 * time.Minute // after which failed attempts of a peer are forgotten
	maxFailures = 20              // of one peer in that time
	maxPeers    = 10000           // that are remembered; tokens that were good, too
	usedEvery   = time.Minute     // how exactly the last use of a token is noted
)

// gate keeps those out who guess tokens. A token that was good here is not refused for what others behind the same
// address have tried.
type gate struct {
	now func() time.Time

	mu       sync.Mutex
	failures map[netip.Prefix]*failure
	good     map[tokenKey]bool
}

// failure counts the failed attempts of a peer.
type failure struct {
	count int
	until time.Time
}

// peerOf is the address a request came from; of IPv6 the network, since one host has many addresses there.
func peerOf(r *http.Request) netip.Prefix {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// closed says how long a peer has to wait; 0: it may try.
func (g *gate) closed(peer netip.Prefix, key tokenKey) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.failures[peer]
	if f == nil || g.good[key] || f.count < maxFailures {
		return 0
	}
	return max(0, f.until.Sub(g.now()))
}

func (g *gate) failed(peer netip.Prefix, key tokenKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.good, key)
	f := g.failures[peer]
	if f == nil || !g.now().Before(f.until) {
		if len(g.failures) >= maxPeers {
			clear(g.failures)
		}
		f = &failure{until: g.now().Add(failuresFor)}
		g.failures[peer] = f
	}
	f.count++
}

func (g *gate) passed(key tokenKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.good) >= maxPeers {
		clear(g.good)
	}
	g.good[key] = true
}

// errBadToken: the token is none of ours, is revoked, or has expired. Which of them is not said.
var errBadToken = errors.New("the token is not valid")

// holder tells whose token asks for a change. The token has one of the scopes; else the answer says which to make.
func (s *Server) holder(c echo.Context, which string, scopes ...store.AccessScope) (*person, error) {
	p, err := s.caller(c)
	switch {
	case err != nil:
		return nil, err
	case p.access == nil:
		return nil, errNoToken
	case !slices.Contains(scopes, p.access.Scope):
		return nil, &problem{
			status: http.StatusForbidden, title: "The token may only read", text: "Make one " + which + ", at " + s.opts.PublicURL + "/tokens.",
		}
	}
	return p, nil
}

// caller tells who asks below /api/v1/: the owner of the token that came with the request. Cookies count for nothing
// there, so that no page elsewhere can ask in somebody's name.
func (s *Server) caller(c echo.Context) (*person, error) {
	r := c.Request()
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		if s.opts.Viewer == nil && s.opts.OpenToLocal && s.fromHere(r) {
			return &person{local: true}, nil
		}
		return nil, errNoToken
	}
	scheme, text, _ := strings.Cut(header[0], " ")
	if len(header) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return nil, errNoToken
	}
	peer, key := peerOf(r), tokenKey(sha256.Sum256([]byte(text)))
	if wait := s.gate.closed(peer, key); wait > 0 {
		c.Response().Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		return nil, &problem{status: http.StatusTooManyRequests, title: "Too many failed attempts", text: "Too many tokens from your address were not valid. Wait, then use a valid one."}
	}
	t, err := s.tokenOf(r.Context(), text)
	if errors.Is(err, errBadToken) {
		s.gate.failed(peer, key)
	}
	if err != nil {
		return nil, err
	}
	s.gate.passed(key)
	if err := allowed(t.Scope, c.Path()); err != nil {
		return nil, err
	}
	return &person{user: t.Owner, access: t}, nil
}

// errNoToken: no token came with the request.
var errNoToken = errors.New("no token")

// tokenOf returns the record of a token that opens, and notes that it was used.
func (s *Server) tokenOf(ctx context.Context, text string) (*store.AccessToken, error) {
	id, secret, ok := parseToken(text)
	if !ok {
		return nil, errBadToken
	}
	var t store.AccessToken
	err := s.opts.Store.Read(ctx, func(tx *store.Tx) (err error) {
		t, err = tx.AccessToken(ctx, id)
		return ignoreMissing(err)
	})
	if err != nil {
		return nil, err
	}
	now := s.opts.Now()
	if !opens(t, secret, now) {
		return nil, errBadToken
	}
	if now.Sub(t.UsedAt) >= usedEvery {
		err = s.opts.Store.Write(ctx, func(tx *store.Tx) error { return tx.AccessTokenUsed(ctx, t.ID, now) })
	}
	return &t, err
}
