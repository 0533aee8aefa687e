package dashboard

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// policy is the Content-Security-Policy: everything comes from here, nothing stands in the page itself.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'"

// problem is an error that is for the person who asks: a page, or JSON.
type problem struct {
	status int
	title  string
	text   string
	// signIn is the path to return to after signing in, where that would help.
	signIn string
	// setup asks for the explanation how sign-in is configured.
	setup bool
	usage string // of a command that is written wrongly
	cause error  // for the log
}

func (p *problem) Error() string { return p.title }
func (p *problem) Unwrap() error { return p.cause }

func notFound(text string) *problem {
	return &problem{status: http.StatusNotFound, title: "Not found", text: text}
}

// guard sets the headers that hold for every answer, and turns errors and panics into pages or JSON.
func (s *Server) guard(h echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		header := c.Response().Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		header.Set("Vary", "Cookie, Authorization")
		if s.public.Scheme == "https" {
			header.Set("Strict-Transport-Security", "max-age=31536000")
		}
		defer func() {
			switch fault := recover(); fault {
			case nil:
			case http.ErrAbortHandler:
				panic(fault)
			default: // a record that no page can show must not take the others with it
				err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
			}
			if err != nil {
				err = s.fail(c, err)
			}
		}()
		return h(c)
	}
}

// get lets GET and HEAD through.
func (s *Server) get(h echo.HandlerFunc) echo.HandlerFunc {
	return s.guard(func(c echo.Context) error {
		if m := c.Request().Method; m != http.MethodGet && m != http.MethodHead {
			return s.wrongMethod(c, "GET, HEAD")
		}
		return h(c)
	})
}

// maxForm is the size of the largest form, in bytes.
const maxForm = 16 << 10

// post lets a form of the person's own page through: POST, from this site, with the token of the session.
func (s *Server) post(h func(context.Context, echo.Context, *person) error) echo.HandlerFunc {
	return s.guard(func(c echo.Context) error {
		r := c.Request()
		if r.Method != http.MethodPost {
			return s.wrongMethod(c, "POST")
		}
		if err := s.crossSite.Check(r); err != nil {
			return &problem{status: http.StatusForbidden, title: "Refused", text: "The form was sent by another site.", cause: err}
		}
		ctx, err := s.loadSession(r)
		if err != nil {
			return err
		}
		p, err := s.who(ctx, r)
		if err != nil {
			return err
		}
		if !p.signedIn() {
			return errNobody
		}
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			return &problem{status: http.StatusBadRequest, title: "The form could not be read", cause: err}
		}
		if subtle.ConstantTimeCompare([]byte(r.PostForm.Get("csrf")), []byte(p.csrf)) != 1 {
			return &problem{
				status: http.StatusForbidden, title: "Refused",
				text: "The form does not belong to this sign-in. Load the page again and repeat.",
			}
		}
		return h(ctx, c, p)
	})
}

func (s *Server) wrongMethod(c echo.Context, allow string) error {
	c.Response().Header().Set(echo.HeaderAllow, allow)
	return &problem{status: http.StatusMethodNotAllowed, title: "Method not allowed", text: "Use " + allow + "."}
}

// fail answers with an error.
func (s *Server) fail(c echo.Context, err error) error {
	ctx := c.Request().Context()
	p := s.explain(c, err)
	if p.status >= http.StatusInternalServerError && ctx.Err() == nil {
		s.opts.Log.ErrorContext(ctx, "page", "path", c.Request().URL.Path, "err", err)
	}
	if c.Response().Committed {
		return nil
	}
	if strings.HasPrefix(c.Request().URL.Path, "/api/") {
		return s.writeProblem(c, p)
	}
	who, _ := s.visitor(c) // nobody, if that cannot be told
	return s.render(c, p.status, "error", page{Title: p.title, Person: who, View: errorView{
		Title: p.title, Text: p.text, SignIn: p.signIn, Setup: p.setup, Callback: s.redirectURL(),
	}})
}

// visitor is who asks, for the head of an error page.
func (s *Server) visitor(c echo.Context) (*person, error) {
	ctx, err := s.loadSession(c.Request())
	if err != nil {
		return nil, err
	}
	return s.who(ctx, c.Request())
}

// explain turns an error into what the person is told.
func (s *Server) explain(c echo.Context, err error) *problem {
	var p *problem
	var limit *forge.RateLimitError
	var temporary *forge.TemporaryError
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, errNoToken):
		text := "Send a token as \"Authorization: Bearer sluice_…\"; you make one on the dashboard, at " + s.opts.PublicURL + "/tokens."
		return &problem{status: http.StatusUnauthorized, title: "A token is needed", text: text}
	case errors.Is(err, errBadToken):
		text := "It is not one of this server's, it was revoked, or it has expired. Make a new one at " + s.opts.PublicURL + "/tokens."
		return &problem{status: http.StatusUnauthorized, title: "The token is not valid", text: text}
	case errors.Is(err, errNobody) && s.opts.Viewer == nil:
		return &problem{status: http.StatusUnauthorized, title: "Sign-in is not configured", setup: true}
	case errors.Is(err, errNobody):
		back := "/"
		if c.Request().Method == http.MethodGet {
			back = localPath(c.Request().URL.RequestURI())
		}
		return &problem{status: http.StatusUnauthorized, title: "Sign in", text: "You see the repositories that you may read on GitHub.", signIn: back}
	case errors.Is(err, ErrSignedOut):
		if err := s.signedOut(c); err != nil {
			s.opts.Log.WarnContext(c.Request().Context(), "session could not be ended", "err", err)
		}
		return &problem{status: http.StatusUnauthorized, title: "Sign in again", text: "Your sign-in at GitHub has ended.", signIn: "/"}
	case errors.Is(err, store.ErrNotFound):
		return notFound("There is nothing here, or nothing that you may see.")
	case errors.As(err, &limit):
		return &problem{status: http.StatusServiceUnavailable, title: "GitHub's limit is reached", text: "What you may see is asked at GitHub. " + limit.Error() + "."}
	case errors.As(err, &temporary):
		return &problem{status: http.StatusBadGateway, title: "GitHub does not answer", text: "What you may see is asked at GitHub. Try again in a moment."}
	}
	return &problem{status: http.StatusInternalServerError, title: "Something went wrong", text: "The operator finds the reason in the log."}
}

// problemDetails is an error as JSON, in the form of RFC 9457.
type problemDetails struct {
	Type   string `json:"type"` // always about:blank: the status says of what kind it is
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Usage is how the command would be written.
	Usage string `json:"usage,omitempty"`
}

func (s *Server) writeProblem(c echo.Context, p *problem) error {
	if p.status == http.StatusUnauthorized {
		c.Response().Header().Set("WWW-Authenticate", `Bearer realm="sluice"`)
	}
	return s.writeAs(c, p.status, "application/problem+json", problemDetails{
		Type: "about:blank", Title: p.title, Status: p.status, Detail: p.text, Usage: p.usage,
	})
}

// writeJSON answers with JSON.
func (s *Server) writeJSON(c echo.Context, status int, v any) error {
	return s.writeAs(c, status, "application/json; charset=utf-8", v)
}

// writeAs encodes an answer before its first byte goes out.
func (s *Server) writeAs(c echo.Context, status int, kind string, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	return c.Blob(status, kind, b.Bytes())
}
