package setup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

//go:embed templates style.css
var files embed.FS

// view is what the templates are given.
type view struct {
	Title string
	Style template.HTML // the element
	// Of the form:
	Organization, AppName, PublicURL, Dir string
	Action, Manifest                      string
	GitHub                                string // its host
	Permissions                           []Permission
	Events                                []Event
	Optional                              []Permission // those that may be left out
	WithOptional                          bool
	Until                                 time.Time
	// Of the others:
	Text   string
	App    App
	Serves bool
}

// parsePages reads the templates. The style stands in the page, so that the last page needs nothing after the server has
// ended; the policy names its hash. Forms may go to GitHub alone.
func (s *Server) parsePages() (err error) {
	s.pages, err = template.New("").Funcs(template.FuncMap{
		"code": markCode, "minute": func(t time.Time) string { return t.UTC().Format("15:04 UTC") },
	}).ParseFS(files, "templates/*.html")
	if err != nil {
		return err
	}
	style, err := files.ReadFile("style.css")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(style)
	s.policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; form-action " +
		s.github.Scheme + "://" + s.github.Host + "; frame-ancestors 'none'; base-uri 'none'"
	return nil
}

// piece is a part of a text; Code are those between backticks.
type piece struct {
	Text string
	Code bool
}

func markCode(text string) []piece {
	var out []piece
	for i, part := range strings.Split(text, "`") {
		if part != "" {
			out = append(out, piece{part, i%2 == 1})
		}
	}
	return out
}

func (s *Server) render(w http.ResponseWriter, status int, name string, v view) {
	style, err := files.ReadFile("style.css")
	var b bytes.Buffer
	if err == nil {
		v.Style = template.HTML("<style>" + string(style) + "</style>") //nolint:gosec // our own file, byte by byte as its hash
		err = s.pages.ExecuteTemplate(&b, name, v)
	}
	if err != nil {
		s.opts.Say(fmt.Sprintf("A page could not be made: %v", err))
		http.Error(w, "something went wrong, see the console", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser went away
}

func (s *Server) problem(w http.ResponseWriter, status int, title, text string) {
	s.render(w, status, "problem.html", view{Title: title, Text: text})
}

// refuse answers who is not welcome.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, v verdict) {
	switch v {
	case used:
		remedy := "end the command on the server with Ctrl-C and start it again"
		if s.opts.Serves {
			remedy = "stop the server and start it again"
		}
		s.opts.Say("The link was tried again, from " + r.RemoteAddr + ", and refused. Was the first one not you? Then " + remedy + ".")
		s.problem(w, http.StatusForbidden, "This link was used already", "It opens the set-up once, in one browser. If that was not you, "+remedy+".")
	case late:
		remedy := "Run sluice setup again for a new link."
		if s.opts.Renewed != nil {
			remedy = "A new link stands in the server's log in a moment."
		}
		s.problem(w, http.StatusForbidden, "The time is over", remedy)
	default:
		s.problem(w, http.StatusForbidden, "Not with this link", "The set-up opens with the newest link on the server's console, in one browser.")
	}
}

// first is /setup: with a token it lets the browser in, without one it shows the form to the browser that was.
func (s *Server) first(w http.ResponseWriter, r *http.Request) {
	origin, _ := s.originOf(r)
	if token := r.URL.Query().Get("token"); token != "" {
		if v := s.known(r); v != welcome { // else: the same browser, going back
			secret, v := s.admit(token)
			if v != welcome {
				s.refuse(w, r, v)
				return
			}
			setCookie(w, origin, secret)
			s.opts.Say("The link was opened, from " + r.RemoteAddr + ".")
		}
		http.Redirect(w, r, "/setup", http.StatusSeeOther) // takes the token out of the address
		return
	}
	if v := s.known(r); v != welcome {
		if v == used {
			s.problem(w, http.StatusGone, "The App is made", "What comes next stands on the server's console.")
			return
		}
		s.refuse(w, r, v)
		return
	}
	s.showForm(w, origin, r.URL.Query())
}

func (s *Server) showForm(w http.ResponseWriter, origin *url.URL, q url.Values) {
	with := q.Get("optional") == "yes"
	action, text, m, err := s.form(origin, with)
	if err != nil {
		s.problem(w, http.StatusInternalServerError, "Something went wrong", err.Error())
		return
	}
	v := view{
		Title: "Make the GitHub App", Organization: s.opts.Organization, AppName: m.Name, PublicURL: s.opts.PublicURL, Dir: s.opts.Dir,
		Action: action, Manifest: text, GitHub: s.github.Host, Events: s.opts.Events, WithOptional: with,
	}
	for _, p := range s.opts.Permissions {
		if p.Optional {
			v.Optional = append(v.Optional, p)
		}
		if with || !p.Optional {
			v.Permissions = append(v.Permissions, p)
		}
	}
	s.mu.Lock()
	v.Until = s.until
	s.mu.Unlock()
	s.render(w, http.StatusOK, "form.html", v)
}

// callback is where GitHub sends the browser once the App is made.
func (s *Server) callback(w http.ResponseWriter, r *http.Request) {
	if v := s.known(r); v != welcome {
		if v == used {
			s.problem(w, http.StatusGone, "The App is made", "What comes next stands on the server's console.")
			return
		}
		s.opts.Say("Somebody came back from GitHub who did not open the link, from " + r.RemoteAddr + ", and was refused.")
		s.refuse(w, r, v)
		return
	}
	q := r.URL.Query()
	if !s.takeState(q.Get("state")) {
		s.problem(w, http.StatusForbidden, "This was not begun here", "The way back from GitHub is not the one this set-up began. Open /setup again and press the button.")
		return
	}
	// A code is good once: what is begun with it is not left half done because a browser goes away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 45*time.Second)
	defer cancel()
	app, err := s.make(ctx, q.Get("code"))
	if err != nil {
		s.newState()
		s.opts.Say("The App could not be taken over: " + err.Error())
		s.problem(w, http.StatusBadGateway, "The App could not be taken over", fmt.Sprintf("%v. If an App was made on %s, delete it there, then open /setup again.", err, s.github.Host))
		return
	}
	s.render(w, http.StatusOK, "done.html", view{Title: "The App is made", App: app, Dir: filepath.Clean(s.opts.Dir), Serves: s.opts.Serves})
	s.done <- app
}

// make exchanges the code and writes the files.
func (s *Server) make(ctx context.Context, code string) (App, error) {
	c, err := s.exchange(ctx, code)
	if err != nil {
		return App{}, err
	}
	env, err := s.save(c)
	if err != nil {
		return App{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made = true
	return App{ID: c.ID, Name: c.Name, Slug: c.Slug, Owner: c.Owner.Login, InstallURL: s.installURL(c), EnvFile: env}, nil
}
