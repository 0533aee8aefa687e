package fakegithub

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// grant is a code on its way from the sign-in page to the token endpoint.
type grant struct {
	login, client, redirect, challenge string
	expires                            time.Time
}

// userTokenLifetime is how long user tokens of Apps live.
const userTokenLifetime = 8 * time.Hour

// serveOAuth is the web flow: /login/oauth/authorize, where somebody is chosen, and /login/oauth/access_token.
func (s *Server) serveOAuth(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch r.URL.Path {
	case "/login/oauth/authorize":
		s.authorize(w, r)
	case "/login/oauth/access_token":
		s.exchange(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) client(id string) *App {
	for _, a := range s.apps {
		if id != "" && a.ClientID == id {
			return a
		}
	}
	return nil
}

// allowed tells whether a redirect target is one of the App's.
func (a *App) allowed(target string) bool {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return false
	}
	return len(a.callbacks) == 0 || slices.ContainsFunc(a.callbacks, func(c string) bool { return strings.HasPrefix(target, c) })
}

// authorize shows who could sign in; with the parameter login (of a user) it goes on at once, for tests.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.Form
	app := s.client(q.Get("client_id"))
	target := q.Get("redirect_uri")
	if app != nil && target == "" && len(app.callbacks) > 0 {
		target = app.callbacks[0]
	}
	if app == nil || !app.allowed(target) {
		http.Error(w, "The client_id or redirect_uri is not one of a registered App.", http.StatusBadRequest)
		return
	}
	if method := q.Get("code_challenge_method"); q.Get("code_challenge") != "" && method != "S256" {
		http.Error(w, "code_challenge_method must be S256", http.StatusBadRequest)
		return
	}
	login := q.Get("login")
	if login == "" {
		s.chooseUser(w, app, r.URL.Query())
		return
	}
	a := s.account(login)
	if a == nil || a.Type != "User" {
		http.Error(w, "There is no user "+login+".", http.StatusBadRequest)
		return
	}
	code := s.secret("", login)[:20]
	s.oauth[code] = grant{login: a.Login, client: app.ClientID, redirect: target, challenge: q.Get("code_challenge"), expires: s.opts.Now().Add(10 * time.Minute)}
	u, _ := url.Parse(target) // parsed by allowed already
	back := u.Query()
	back.Set("code", code)
	if q.Has("state") {
		back.Set("state", q.Get("state"))
	}
	u.RawQuery = back.Encode()
	http.Redirect(w, r, u.String(), http.StatusFound)
}

var chooseTemplate = template.Must(template.New("choose").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sign in</title><style>` + pageStyle + `</style><main><h1>Sign in to {{.App}}</h1><p>This is a stand-in for GitHub. Who are you?</p><ul class="list">
{{range .Users}}<li><a href="{{.Link}}">{{.Login}}</a></li>{{end}}</ul></main></html>`))

func (s *Server) chooseUser(w http.ResponseWriter, app *App, q url.Values) {
	type user struct {
		Login string
		Link  template.URL // encoded by package net/url
	}
	var users []user
	for _, a := range s.sortedAccounts() {
		if a.Type == "User" {
			q.Set("login", a.Login)
			users = append(users, user{a.Login, template.URL("?" + q.Encode())})
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = chooseTemplate.Execute(w, map[string]any{"App": app.Slug, "Users": users}) // the browser went away
}

// exchange trades a code for a user token. GitHub answers its refusals with 200.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.Form
	reply := func(v url.Values) {
		if strings.Contains(r.Header.Get("Accept"), "json") {
			o := obj{}
			for k := range v {
				o[k] = v.Get(k)
			}
			if v.Has("expires_in") {
				o["expires_in"] = int(userTokenLifetime.Seconds())
			}
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			_, _ = w.Write(encode(o)) // the client went away
			return
		}
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		_, _ = w.Write([]byte(v.Encode()))
	}
	fail := func(code, text string) { reply(url.Values{"error": {code}, "error_description": {text}}) }
	if r.Method != http.MethodPost {
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	id, secret := q.Get("client_id"), q.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok { // as RFC 6749 prefers
		id, secret = user, pass
	}
	app, g := s.client(id), s.oauth[q.Get("code")]
	verifier := sha256.Sum256([]byte(q.Get("code_verifier")))
	switch {
	case app == nil || subtle.ConstantTimeCompare([]byte(secret), []byte(app.ClientSecret)) != 1:
		fail("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
		return
	case g.login == "" || g.client != app.ClientID || s.opts.Now().After(g.expires):
		fail("bad_verification_code", "The code passed is incorrect or expired.")
		return
	case q.Has("redirect_uri") && q.Get("redirect_uri") != g.redirect:
		fail("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application.")
		return
	case g.challenge != "" && g.challenge != base64.RawURLEncoding.EncodeToString(verifier[:]):
		fail("bad_verification_code", "The code_verifier does not fit the code_challenge.")
		return
	}
	delete(s.oauth, q.Get("code")) // codes are good once
	t := s.secret("ghu_", g.login)
	s.tokens[t] = token{login: g.login, expires: s.opts.Now().Add(userTokenLifetime).Unix()}
	reply(url.Values{"access_token": {t}, "token_type": {"bearer"}, "scope": {""}, "expires_in": {"28800"}})
}
