// Package dashboard is what people see of Sluice in a browser: the board of an organization, repositories, executions,
// releases, and what waits for an approval; and the same as JSON below /api/v1/.
//
// Pages are rendered on the server and work without scripts. One small script, which only reloads a page when something
// changed, is served from here too; the Content-Security-Policy allows nothing else. Names of branches, logs and URLs
// come from strangers: html/template escapes them, characters that turn the direction of writing are shown as escapes,
// and a link is made only of an http or https address.
//
// People sign in with GitHub (Viewer) and see the repositories that their own token may read at GitHub, asked anew
// every minute. Below /api/v1/ cookies count for nothing: who asks there comes with a token of Sluice, made on the page
// /tokens, and sees what its owner may read at GitHub now (Rights). Where sign-in is not configured, nothing is shown, except on the machine itself where Options.OpenToLocal
// says so. Buttons hand a command to the Actor, which decides with the same function as for comments; a page proves
// with a token of the session that the form was its own.
//
// Everything shown is read from the store in one transaction per page. Nothing is kept in the process but answers of
// GitHub for a minute, so any replica can answer any request; sessions are in the store.
package dashboard

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/store"
)

// Options are the settings of New.
type Options struct {
	// Store has everything that is shown, and the sessions. Required.
	Store *store.Store
	// Viewer signs people in and says what they may read. Nil: sign-in is not configured.
	Viewer Viewer
	// Rights says what owners of tokens may. Nil: no token lets anybody in.
	Rights Rights
	// Actor carries out what buttons and the API ask for. Nil: there are no buttons, and no commands.
	Actor Actor
	// Recorder has the evidence of releases. Nil: there is none.
	Recorder Recorder
	// Logs has what actions have written. Nil: there are no logs but their ends.
	Logs Logs
	// Examiner looks how the App stands, for admins. Nil: there is no such page.
	Examiner Examiner
	// PublicURL is where browsers reach the dashboard, without a slash at the end. Required. With a Viewer it is https,
	// or http on a loopback address.
	PublicURL string
	// GitHubURL is the start of links to GitHub's pages. Default https://github.com.
	GitHubURL string
	// OpenToLocal shows everything, without buttons, to whoever connects from this machine, while there is no Viewer.
	// For a server that listens on loopback only.
	OpenToLocal bool
	// Streams is how many pages may wait for events at the same time. Default 256.
	Streams int
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Log gets what went wrong behind a page. Default: discarded.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.GitHubURL == "" {
		o.GitHubURL = "https://github.com"
	}
	o.GitHubURL = strings.TrimSuffix(o.GitHubURL, "/")
	o.PublicURL = strings.TrimSuffix(o.PublicURL, "/")
	if o.Streams == 0 {
		o.Streams = 256
	}
	return o
}

// Server is the dashboard. Its methods may be called concurrently.
type Server struct {
	opts      Options
	public    *url.URL
	pages     map[string]*template.Template
	sessions  *scs.SessionManager
	access    *access
	crossSite *http.CrossOriginProtection
	gate      *gate
	hub       *hub
	close     func()
}

// New checks the options and returns the dashboard. Close it. The error names every wrong option.
func New(o Options) (*Server, error) {
	o = o.withDefaults()
	public, err := o.check()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, public: public, hub: newHub(o.Streams), crossSite: http.NewCrossOriginProtection()}
	if err := s.crossSite.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
		return nil, fmt.Errorf("dashboard: public URL: %w", err)
	}
	if s.pages, err = s.parsePages(); err != nil {
		return nil, err
	}
	s.sessions = newSessions(&sessionStore{store: o.Store, now: o.Now}, public)
	s.access = &access{viewer: o.Viewer, rights: o.Rights, now: o.Now, people: map[tokenKey]*known{}, roles: map[roleKey]roleKnown{}}
	s.gate = &gate{now: o.Now, failures: map[netip.Prefix]*failure{}, good: map[tokenKey]bool{}}
	forget := o.Store.OnRaised(s.hub.raised)
	s.close = sync.OnceFunc(func() {
		forget()
		s.hub.close()
	})
	return s, nil
}

// Close ends the streams of events, so that a server that shuts down need not wait for them. Pages still work.
func (s *Server) Close() { s.close() }

func (o Options) check() (*url.URL, error) {
	var errs []error
	if o.Store == nil {
		errs = append(errs, errors.New("dashboard: Store is missing"))
	}
	public, err := url.Parse(o.PublicURL)
	switch {
	case err != nil || public.Host == "" || public.Scheme != "http" && public.Scheme != "https":
		errs = append(errs, fmt.Errorf("dashboard: public URL %q: want http or https and a host", o.PublicURL))
	case public.Path != "" || public.RawQuery != "" || public.User != nil:
		errs = append(errs, fmt.Errorf("dashboard: public URL %q: want scheme and host alone", public.Redacted()))
	case o.Viewer != nil && public.Scheme == "http" && !loopback(public.Hostname()):
		errs = append(errs, fmt.Errorf("dashboard: sign-in needs https: set --public-url to the https address people use, not %s", o.PublicURL))
	}
	if !webURL(o.GitHubURL) {
		errs = append(errs, fmt.Errorf("dashboard: GitHub URL %q: want http or https and a host", o.GitHubURL))
	}
	return public, errors.Join(errs...)
}

// loopback tells whether a host name means this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Register puts the pages on e. Routes of others that are more exact, such as /webhooks/github, come first whatever the
// order. What is under no route is answered by a page, or JSON below /api/.
func (s *Server) Register(e *echo.Echo) {
	e.Any("/-/:file", s.get(s.asset))
	e.Any("/events", s.get(s.events))
	e.Any("/login", s.get(s.login))
	e.Any("/login/callback", s.get(s.callback))
	e.Any("/logout", s.post(s.logout))
	e.Any("/:owner/:repo/executions/:id/act", s.post(s.act))
	e.Any("/:owner/:repo/executions/:id/log/events", s.get(s.logEvents(s.visitor)))
	e.Any("/api/v1/repos/:owner/:repo/executions/:id/log/events", s.get(s.logEvents(s.caller)))
	e.Any("/setup", s.get(s.page(route{page: "setup", read: s.health})))
	e.Any("/tokens", s.get(s.tokensPage))
	e.POST("/tokens", s.post(s.changeTokens))
	e.Any("/api/v1/openapi.json", s.get(s.description))
	e.Any("/api/v1/user", s.get(s.tokenOwner))
	e.Any("/api/v1/repos/:owner/:repo/commands", s.command())
	e.Any("/api/v1/alarms", s.alarm())
	e.Any("/:owner/:repo/releases/:version/evidence.json", s.get(s.download))
	for _, r := range s.routes() {
		if r.page != "" {
			e.Any(r.path, s.get(s.page(r)))
		}
		e.Any(r.api, s.get(s.data(r)))
	}
	e.RouteNotFound("/*", s.guard(func(c echo.Context) error { return notFound("There is no such page.") }))
}

// route is something that can be read, as a page and as JSON.
type route struct {
	path, page string // the page and its template; empty: there is only JSON
	api        string
	read       reading
}

func (s *Server) routes() []route {
	return []route{
		{"/", "board", "/api/v1/repos", s.board},
		{"/approvals", "approvals", "/api/v1/approvals", s.approvals},
		{"/:owner/:repo", "repo", "/api/v1/repos/:owner/:repo", s.repo},
		{"/:owner/:repo/executions/:id", "execution", "/api/v1/repos/:owner/:repo/executions/:id", s.execution},
		{"/:owner/:repo/executions/:id/log", "log", "/api/v1/repos/:owner/:repo/executions/:id/log", s.actionLog},
		{"/:owner/:repo/releases/:version", "release", "/api/v1/repos/:owner/:repo/releases/:version", s.release},
		{"", "", "/api/v1/repos/:owner/:repo/releases/:version/evidence", s.evidence},
		{"", "", "/api/v1/repos/:owner/:repo/executions", s.executions},
		{"", "", "/api/v1/repos/:owner/:repo/releases", s.releases},
		{"", "", "/api/v1/repos/:owner/:repo/environments", s.environments},
		{"", "", "/api/v1/repos/:owner/:repo/audit", s.audit},
		{"", "", "/api/v1/repos/:owner/:repo/operations/:id", s.operation},
	}
}
