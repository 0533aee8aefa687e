package dashboard

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// sessionFor is how long a sign-in lasts at most; GitHub ends the token of an App's user after eight hours too.
const sessionFor = 8 * time.Hour

// What a session holds.
const (
	keyUserID    = "user"
	keyLogin     = "login"
	keyToken     = "token"
	keyCSRF      = "csrf"
	keyMessage   = "message"    // shown once, on the next page
	keyMessageOK = "message ok" // whether it is good news
	keyFresh     = "fresh"      // a new token, shown once
)

// newSessions returns the sessions of a dashboard at the public address. The cookie is bound to exactly that host where
// there is https.
func newSessions(kept scs.Store, public *url.URL) *scs.SessionManager {
	return &scs.SessionManager{ // not scs.New, which starts a store of its own in the background
		Store: kept, Lifetime: sessionFor, Codec: scs.GobCodec{},
		Cookie: scs.SessionCookie{
			Name: cookieName(public, "sluice"), Path: "/", HttpOnly: true, Secure: public.Scheme == "https", SameSite: http.SameSiteLaxMode,
			Persist: false, // the store knows when it ends; the browser forgets it when it is closed
		},
	}
}

// cookieName puts the prefix in front by which browsers refuse a cookie that another host, or plain http, has set.
func cookieName(public *url.URL, name string) string {
	if public.Scheme == "https" {
		return "__Host-" + name
	}
	return name
}

// person is who asks.
type person struct {
	user  forge.User // zero for somebody at this machine while there is no sign-in
	token string
	csrf  string
	local bool
	// access is the token of Sluice that somebody came with instead of a sign-in; nil for those who signed in.
	access *store.AccessToken
}

// signedIn tells whether GitHub said who it is.
func (p *person) signedIn() bool { return p != nil && p.user.ID != 0 }

// errNobody: who asks is not signed in.
var errNobody = errors.New("not signed in")

// loadSession returns the request's context with its session, which may be empty.
func (s *Server) loadSession(r *http.Request) (context.Context, error) {
	token := ""
	if c, err := r.Cookie(s.sessions.Cookie.Name); err == nil {
		token = c.Value
	}
	return s.sessions.Load(r.Context(), token)
}

// saveSession writes a changed session and gives the browser its cookie.
func (s *Server) saveSession(ctx context.Context, w http.ResponseWriter) error {
	token, expiry, err := s.sessions.Commit(ctx)
	if err != nil {
		return err
	}
	s.sessions.WriteSessionCookie(ctx, w, token, expiry)
	return nil
}

// endSession forgets a sign-in.
func (s *Server) endSession(ctx context.Context, w http.ResponseWriter) error {
	if token := s.sessions.GetString(ctx, keyToken); token != "" {
		s.access.forget(token)
	}
	if err := s.sessions.Destroy(ctx); err != nil {
		return err
	}
	s.sessions.WriteSessionCookie(ctx, w, "", time.Time{})
	return nil
}

// who tells who asks, or errNobody. ctx is that of loadSession.
func (s *Server) who(ctx context.Context, r *http.Request) (*person, error) {
	if s.opts.Viewer == nil {
		if s.opts.OpenToLocal && s.fromHere(r) {
			return &person{local: true}, nil
		}
		return nil, errNobody
	}
	p := &person{
		user:  forge.User{ID: s.sessions.GetInt64(ctx, keyUserID), Login: s.sessions.GetString(ctx, keyLogin)},
		token: s.sessions.GetString(ctx, keyToken), csrf: s.sessions.GetString(ctx, keyCSRF),
	}
	if p.user.ID == 0 || p.token == "" || p.csrf == "" {
		return nil, errNobody
	}
	return p, nil
}

// fromHere tells whether a browser on this machine asks, under a name that only this machine has: a page elsewhere
// could otherwise reach in by a host name of its own that resolves to loopback. What a proxy forwarded is from elsewhere.
func (s *Server) fromHere(r *http.Request) bool {
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !loopback(peer) {
		return false
	}
	host := (&url.URL{Host: r.Host}).Hostname()
	return loopback(host) || strings.EqualFold(host, s.public.Hostname())
}
