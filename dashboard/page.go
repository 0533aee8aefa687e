package dashboard

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/store"
)

//go:embed templates static
var files embed.FS

// page is what every template is given.
type page struct {
	Title   string
	Section string // of the head: board, approvals, or empty
	Person  *person
	View    any
	Now     time.Time
	Live    bool // the page reloads when something changes
	Follows bool // the page shows a log that grows
	SignIn  bool // there is sign-in
	// Examined: there is a page that shows how the App stands.
	Examined bool
	// Message is shown once, after a button was pressed.
	Message   string
	MessageOK bool
}

// Login is who is signed in; empty: nobody.
func (p page) Login() string {
	if p.Person.signedIn() {
		return p.Person.user.Login
	}
	return ""
}

// CSRF is the token of the session, for forms.
func (p page) CSRF() string {
	if p.Person == nil {
		return ""
	}
	return p.Person.csrf
}

// Open tells whether the person sees pages at all.
func (p page) Open() bool { return p.Person != nil }

// errorView is what the error page shows.
type errorView struct {
	Title, Text string
	SignIn      string // path to return to; empty: signing in would not help
	Setup       bool
	Callback    string
}

// parsePages reads the templates: each page with the layout around it.
func (s *Server) parsePages() (map[string]*template.Template, error) {
	pages := map[string]*template.Template{}
	for _, name := range []string{"board", "repo", "execution", "log", "release", "approvals", "tokens", "setup", "error"} {
		t, err := template.New("layout.html").Funcs(s.functions()).
			ParseFS(files, "templates/layout.html", "templates/parts.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("dashboard: %w", err)
		}
		pages[name] = t
	}
	return pages, nil
}

func (s *Server) functions() template.FuncMap {
	return template.FuncMap{
		"ago": func(t time.Time) string { return ago(t, s.opts.Now()) },
		"at":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"iso": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"tone": func(status any) string {
			return map[string]string{
				"Succeeded": "good", "released": "good", "approved": "good", "Failed": "bad", "failed": "bad", "rejected": "bad", "rolled-back": "bad",
				"InProgress": "busy", "promoting": "busy", "open": "busy", "ok": "good", "problem": "bad", "warning": "ask",
			}[fmt.Sprint(status)]
		},
		"words": func(status any) string {
			text := fmt.Sprint(status)
			if w := map[string]string{"InProgress": "in progress", "rolled-back": "rolled back", "RolledBack": "rolled back"}[text]; w != "" {
				return w
			}
			return strings.ToLower(text)
		},
		"stopped": func(kind store.StopKind) string {
			return map[store.StopKind]string{
				store.StopHold: "On hold", store.StopFreeze: "Frozen", store.StopLock: "Locked", store.StopAlarm: "Alarm", store.StopSchedule: "Promotion put off", store.StopTransition: "Transition disabled",
			}[kind]
		},
		"short": short, "took": took, "pieces": pieces, "asset": assetPath,
		"title": func(s string) string { return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):] },
		"add":   func(a, b int) int { return a + b },
	}
}

// page answers with a page. It is rendered before the first byte goes out.
func (s *Server) page(r route) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, err := s.loadSession(c.Request())
		if err != nil {
			return err
		}
		p, err := s.who(ctx, c.Request())
		if err != nil {
			return err
		}
		view, err := r.read(ctx, s.visit(c, p))
		if err != nil {
			return err
		}
		out := page{Title: titleOf(view), Section: r.page, Person: p, View: view, Live: true}
		if _, is := view.(Health); is {
			out.Live = false // nothing of it changes in the store
		}
		if log, ok := view.(ActionLog); ok {
			out.Live, out.Follows = false, !log.Ended // it grows by itself
		}
		if err := s.takeMessage(ctx, c, &out); err != nil {
			return err
		}
		return s.render(c, http.StatusOK, r.page, out)
	}
}

// takeMessage puts the message that was left for the next page on it.
func (s *Server) takeMessage(ctx context.Context, c echo.Context, out *page) error {
	if out.Message = s.sessions.GetString(ctx, keyMessage); out.Message == "" {
		return nil
	}
	out.MessageOK = s.sessions.GetBool(ctx, keyMessageOK)
	s.sessions.Remove(ctx, keyMessage)
	return s.saveSession(ctx, c.Response())
}

// data answers with JSON.
func (s *Server) data(r route) echo.HandlerFunc {
	return func(c echo.Context) error {
		p, err := s.caller(c)
		if err != nil {
			return err
		}
		view, err := r.read(c.Request().Context(), s.visit(c, p))
		if err != nil {
			return err
		}
		return s.writeJSON(c, http.StatusOK, view)
	}
}

func (s *Server) visit(c echo.Context, p *person) *visit {
	return &visit{person: p, param: c.Param, query: c.QueryParams(), now: s.opts.Now()}
}

func titleOf(view any) string {
	switch v := view.(type) {
	case Health:
		return "The App"
	case Repo:
		return v.Owner + "/" + v.Name
	case Execution:
		return v.Branch + " · " + v.Repo
	case ActionLog:
		return v.Action + " · " + v.Branch + " · " + v.Repo
	case Release:
		return v.Version + " · " + v.Repo
	case Approvals:
		return "Approvals"
	}
	return "Board"
}

func (s *Server) render(c echo.Context, status int, name string, p page) error {
	p.Now, p.SignIn, p.Examined = s.opts.Now(), s.opts.Viewer != nil, s.opts.Examiner != nil
	var b bytes.Buffer
	if err := s.pages[name].Execute(&b, p); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	return c.HTMLBlob(status, []byte(plain(b.String())))
}

// assets are what pages load, with their types.
func assetType(name string) string {
	return map[string]string{
		"style.css": "text/css; charset=utf-8", "refresh.js": "text/javascript; charset=utf-8", "log.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	}[name]
}

// assetPath is the address of an asset. It changes with the content, so that browsers may keep it.
func assetPath(name string) (string, error) {
	b, err := files.ReadFile("static/" + name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return "/-/" + name + "?v=" + hex.EncodeToString(sum[:6]), nil
}

// asset serves style sheet, script and icon, to anybody.
func (s *Server) asset(c echo.Context) error {
	kind := assetType(c.Param("file"))
	if kind == "" {
		return notFound("There is no such file.")
	}
	b, err := files.ReadFile("static/" + c.Param("file"))
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	return c.Blob(http.StatusOK, kind, b)
}

// readable returns a test of what a person may see of repositories, by ID.
func (s *Server) readable(ctx context.Context, p *person) (func(repo int64) bool, error) {
	if p.local {
		return func(int64) bool { return true }, nil
	}
	may, err := s.access.readable(ctx, p.token)
	return func(id int64) bool { return may[id] }, err
}
