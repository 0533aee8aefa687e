package dashboard

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/oauth2"
)

// flowFor is how long a person may take at GitHub.
const flowFor = 10 * time.Minute

// flow is a sign-in under way. It lives in a cookie of the browser that began it, so that nothing is stored for
// strangers and nobody can end a sign-in that another browser began.
type flow struct {
	State    string `json:"s"`
	Verifier string `json:"v"` // of PKCE
	ReturnTo string `json:"r"`
	Until    int64  `json:"u"` // Unix seconds
}

func (s *Server) flowCookie(value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName(s.public, "sluice-login"), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: s.public.Scheme == "https", SameSite: http.SameSiteLaxMode,
	}
}

// redirectURL is where GitHub sends the browser back to, exactly as registered with the App.
func (s *Server) redirectURL() string { return s.opts.PublicURL + "/login/callback" }

// login sends the browser to GitHub.
func (s *Server) login(c echo.Context) error {
	if s.opts.Viewer == nil {
		return &problem{status: http.StatusNotFound, title: "Sign-in is not configured", setup: true}
	}
	f := flow{
		State: randomText(), Verifier: oauth2.GenerateVerifier(), ReturnTo: localPath(c.QueryParam("return_to")),
		Until: s.opts.Now().Add(flowFor).Unix(),
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	c.SetCookie(s.flowCookie(base64.RawURLEncoding.EncodeToString(raw), int(flowFor.Seconds())))
	return c.Redirect(http.StatusSeeOther, s.opts.Viewer.SignInURL(f.State, f.Verifier, s.redirectURL()))
}

// callback takes the browser back from GitHub and begins a session, under a new ID.
func (s *Server) callback(c echo.Context) error {
	if s.opts.Viewer == nil {
		return &problem{status: http.StatusNotFound, title: "Sign-in is not configured", setup: true}
	}
	ctx := c.Request().Context()
	f, ok := s.flowOf(c.Request())
	c.SetCookie(s.flowCookie("", -1))
	if !ok || subtle.ConstantTimeCompare([]byte(f.State), []byte(c.QueryParam("state"))) != 1 {
		return &problem{
			status: http.StatusBadRequest, title: "This sign-in was not begun here",
			text: "It was begun in another browser, or more than ten minutes ago, or it is used already.", signIn: "/",
		}
	}
	code := c.QueryParam("code")
	if code == "" {
		return &problem{status: http.StatusForbidden, title: "You were not signed in", text: "GitHub says that you did not agree.", signIn: f.ReturnTo}
	}
	user, token, err := s.opts.Viewer.Login(ctx, code, f.Verifier, s.redirectURL())
	if err != nil {
		s.opts.Log.WarnContext(ctx, "sign-in failed", "err", err)
		return &problem{status: http.StatusBadGateway, title: "You were not signed in", text: "GitHub did not accept the sign-in.", signIn: f.ReturnTo}
	}
	if err := s.beginSession(c, user.ID, user.Login, token); err != nil {
		return err
	}
	s.opts.Log.InfoContext(ctx, "signed in", "login", user.Login)
	return c.Redirect(http.StatusSeeOther, f.ReturnTo)
}

// beginSession drops the session the browser may have had and begins a new one.
func (s *Server) beginSession(c echo.Context, id int64, login string, token Token) error {
	ctx, err := s.loadSession(c.Request())
	if err != nil {
		return err
	}
	if err := s.sessions.Destroy(ctx); err != nil {
		return err
	}
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.sessions.Put(ctx, keyUserID, id)
	s.sessions.Put(ctx, keyLogin, login)
	s.sessions.Put(ctx, keyToken, token.Value)
	s.sessions.Put(ctx, keyCSRF, randomText())
	end := s.opts.Now().Add(sessionFor)
	if !token.Expires.IsZero() && token.Expires.Before(end) {
		end = token.Expires
	}
	s.sessions.SetDeadline(ctx, end)
	return s.saveSession(ctx, c.Response())
}

// flowOf reads the sign-in that the browser began.
func (s *Server) flowOf(r *http.Request) (flow, bool) {
	var f flow
	c, err := r.Cookie(cookieName(s.public, "sluice-login"))
	if err != nil {
		return f, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || json.Unmarshal(raw, &f) != nil {
		return f, false
	}
	f.ReturnTo = localPath(f.ReturnTo)
	return f, f.State != "" && f.Verifier != "" && s.opts.Now().Unix() < f.Until
}

// logout ends the session.
func (s *Server) logout(ctx context.Context, c echo.Context, _ *person) error {
	if err := s.endSession(ctx, c.Response()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/")
}

// signedOut ends the session of somebody whose token GitHub does not take any more.
func (s *Server) signedOut(c echo.Context) error {
	ctx, err := s.loadSession(c.Request())
	if err != nil {
		return err
	}
	return errors.Join(s.endSession(ctx, c.Response()))
}

// randomText is 256 bits of chance.
func randomText() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}
