// Package setup makes the GitHub App by GitHub's manifest flow: a page with one button, which sends GitHub the list of
// what the App needs; GitHub asks the person, makes the App and sends the browser back with a code; the code is exchanged
// for the App's key and secrets, which are written to files of the server.
//
// Whoever completes this decides whose App the server will obey, and the answer to the exchange is the App's private key.
// So none of it is reachable while there is an App: it is a server of its own, started by a command or before a server that
// was told to make its App, that ends with the first success. Its page opens only by a link with a random token that is
// printed on the operator's console, is good once and not for long (a server that was told to make its App then logs
// another); the browser that used it gets a cookie, and everybody else is refused, also with the same link. The way back
// from GitHub asks for the cookie and for a state that GitHub carried, which is good once too. Requests under another host
// name than the known ones are refused, so no name that is pointed at this machine gets in. Key and secrets go from
// GitHub's answer into files with mode 0600: no page, header, message or error has them, and what is there already is
// never overwritten.
package setup

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Options are the settings of New.
type Options struct {
	// PublicURL is where GitHub and people will reach the server: scheme and host. Required.
	PublicURL string
	// Origins are where browsers reach the pages of the set-up, as scheme and host. Required.
	Origins []string
	// GitHubURL and APIURL are GitHub's addresses, with a slash at the end. Required.
	GitHubURL, APIURL string
	// Organization will own the App. Empty: the account of whoever presses the button.
	Organization string
	// Permissions and Events are what the App asks for.
	Permissions []Permission
	Events      []Event
	// Dir is the folder the files are written to; it is made. Required.
	Dir string
	// Env are variables of the server that are known already, as NAME=value; they go into the file of variables too.
	Env []string
	// Serves says that the server starts by itself once the App is made.
	Serves bool
	// Lifetime is how long the link can be opened, and how long whoever opened it has then. Default 15 minutes.
	Lifetime time.Duration
	// Renewed is told the links that take the place of those that nobody used, or did not get to an end with, in time. Nil: the
	// set-up ends then.
	Renewed func(links []string)
	// Say is told, in one line each, what happens. Default: nobody is.
	Say func(string)
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Client asks GitHub. Default: one with a timeout. Redirects are not followed.
	Client *http.Client
}

// Permission is one the App asks for.
type Permission struct {
	Name, Access string // GitHub's words: "pull_requests", "write"
	// Optional ones are asked for only when the person says so.
	Optional bool
	Why      string
}

// Event is a webhook event the App subscribes to.
type Event struct{ Name, Why string }

// App is the App that was made, without its secrets.
type App struct {
	ID                int64
	Name, Slug, Owner string
	// InstallURL is the page on which the App is installed; empty when GitHub's answer had none.
	InstallURL string
	// EnvFile is the file of variables to start the server with.
	EnvFile string
}

// Server is one set-up. Its methods may be called concurrently.
type Server struct {
	opts    Options
	origins []*url.URL
	github  *url.URL
	mux     *http.ServeMux
	pages   *template.Template
	policy  string
	done    chan App // takes one

	mu      sync.Mutex
	token   [32]byte // SHA-256 of the links'
	text    string   // the token, for Links
	session [32]byte // SHA-256 of the cookie's; zero until the link was used
	state   string   // what GitHub must bring back; empty while a code is exchanged
	until   time.Time
	made    bool
}

var organizationName = lazyregexp.New(`^[A-Za-z0-9](-?[A-Za-z0-9]){0,38}$`)

// New checks the options and that the files can be written, and makes the link. The error names every wrong option.
func New(o Options) (*Server, error) {
	if o.Lifetime == 0 {
		o.Lifetime = 15 * time.Minute
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	client := http.Client{Timeout: 30 * time.Second}
	if o.Client != nil {
		client = *o.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.Client = &client
	s := &Server{opts: o, done: make(chan App, 1), text: rand.Text()}
	s.token, s.until = sha256.Sum256([]byte(s.text)), o.Now().Add(o.Lifetime)
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := s.parsePages(); err != nil {
		return nil, err
	}
	if err := prepare(o.Dir); err != nil {
		return nil, err
	}
	s.mux = s.routes()
	return s, nil
}

// check looks at the options and reads the addresses.
func (s *Server) check() error {
	var errs []error
	read := func(what, text string) *url.URL {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			errs = append(errs, fmt.Errorf("%s %q: want http or https and a host", what, text))
			return &url.URL{}
		}
		return u
	}
	read("public address", s.opts.PublicURL)
	read("address of GitHub's API", s.opts.APIURL)
	s.github = read("address of GitHub", s.opts.GitHubURL)
	for _, text := range s.opts.Origins {
		s.origins = append(s.origins, read("address of the set-up", text))
	}
	if len(s.origins) == 0 {
		errs = append(errs, errors.New("address of the set-up: missing"))
	}
	if s.opts.Organization != "" && !organizationName.MatchString(s.opts.Organization) {
		errs = append(errs, fmt.Errorf("organization %q: no name of an organization on GitHub", s.opts.Organization))
	}
	return errors.Join(errs...)
}

// Links are the addresses to open, one for each origin, with the token. They are for the operator's console alone.
func (s *Server) Links() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, origin := range s.origins {
		out = append(out, origin.Scheme+"://"+origin.Host+"/setup?token="+s.text)
	}
	return out
}

// ErrExpired says that nobody completed the set-up in time.
var ErrExpired = errors.New("nobody completed the set-up in time: run the command again for a new link")

// Run serves until the App is made, ctx ends, or, without Options.Renewed, the time is over (ErrExpired).
func (s *Server) Run(ctx context.Context, l net.Listener) (App, error) {
	srv := &http.Server{
		Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	app, err := s.wait(ctx, ended)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if stopErr := srv.Shutdown(grace); stopErr != nil { // the last page goes out first
		stopErr = srv.Close()
		err = errors.Join(err, stopErr)
	}
	return app, err
}

// wait waits for the end, whichever it is.
func (s *Server) wait(ctx context.Context, ended <-chan error) (App, error) {
	timer := time.NewTimer(s.left())
	defer timer.Stop()
	for {
		select {
		case app := <-s.done:
			return app, nil
		case err := <-ended:
			return App{}, fmt.Errorf("serve the set-up: %w", err)
		case <-ctx.Done():
			return App{}, fmt.Errorf("no App was made: %w", context.Cause(ctx))
		case <-timer.C:
			left := s.left() // opening the link moved the end
			if left <= 0 && s.opts.Renewed == nil {
				return App{}, ErrExpired
			}
			if left <= 0 && s.renew() {
				s.opts.Renewed(s.Links())
			}
			timer.Reset(max(s.left(), 0))
		}
	}
}

// exchanging is how long a set-up goes on at least whose code from GitHub is being exchanged when its time is over.
const exchanging = time.Minute

// renew makes another link and lets go of the browser that was let in, unless it is just coming to an end.
func (s *Server) renew() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != [32]byte{} && s.state == "" {
		s.until = s.opts.Now().Add(exchanging)
		return false
	}
	s.text, s.session, s.state = rand.Text(), [32]byte{}, ""
	s.token, s.until = sha256.Sum256([]byte(s.text)), s.opts.Now().Add(s.opts.Lifetime)
	return true
}

func (s *Server) left() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.until.Sub(s.opts.Now())
}

// originOf is the origin a request came to, by its Host header; false for a name that is not ours.
func (s *Server) originOf(r *http.Request) (*url.URL, bool) {
	i := slices.IndexFunc(s.origins, func(u *url.URL) bool { return strings.EqualFold(u.Host, r.Host) })
	if i < 0 {
		return nil, false
	}
	return s.origins[i], true
}
