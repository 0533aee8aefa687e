package dashboard

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/fakegithubtest"
)

func TestReturnTo(t *testing.T) {
	for to, want := range map[string]string{
		"":                              "/",
		"/":                             "/",
		"/acme/shop":                    "/acme/shop",
		"/acme/shop/releases/1.4.0":     "/acme/shop/releases/1.4.0",
		"/?q=shop&page=2":               "/?q=shop&page=2",
		"//evil.example":                "/",
		"///evil.example":               "/",
		"////evil.example/..":           "/",
		"/\\evil.example":               "/",
		"\\/evil.example":               "/",
		"\\\\evil.example":              "/",
		"/\t/evil.example":              "/",
		"/\n/evil.example":              "/",
		"/ /evil.example":               "/",
		"https://evil.example":          "/",
		"https:evil.example":            "/",
		"HTTPS:/evil.example":           "/",
		"javascript:alert(1)":           "/",
		"data:text/html,x":              "/",
		"evil.example":                  "/",
		"@evil.example":                 "/",
		"/acme//evil.example":           "/",
		"/%2f/evil.example":             "/",
		"/%5cevil.example":              "/",
		"/./%2fevil.example":            "/",
		"/acme/..//evil.example":        "/",
		"/%2e%2e/evil.example":          "/",
		"/shop\u2028":                   "/",
		"/\uff0fevil.example":           "/",
		"/shop#//evil":                  "/",
		"/login":                        "/",
		"/login/callback?code=x":        "/",
		"/logout":                       "/",
		"/" + strings.Repeat("a", 2000): "/",
		"/%zz":                          "/",
	} {
		if got := localPath(to); got != want {
			t.Errorf("return_to %q leads to %q, want %q", to, got, want)
		}
	}
}

// FuzzReturnTo looks for paths that are let through and lead elsewhere.
func FuzzReturnTo(f *testing.F) {
	for _, s := range []string{"/", "//a", "/\\a", "/a?b=c", "/a#b", "/%2fa"} {
		f.Add(s)
	}
	base := &url.URL{Scheme: "https", Host: "sluice.example"}
	f.Fuzz(func(t *testing.T, s string) {
		got := localPath(s)
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || strings.ContainsAny(got, "\\\t\r\n") || strings.HasPrefix(got, "//") {
			t.Errorf("%q leads to %v (%v)", s, u, err)
		}
		if localPath(got) != got {
			t.Errorf("%q is not let through again", got)
		}
	})
}

func TestSignIn(t *testing.T) {
	w := newWorld(t, nil)
	b := w.browser()
	if r := w.get(b, "/acme/shop"); r.status != http.StatusUnauthorized || !strings.Contains(r.body, "/login?return_to=%2facme%2fshop") || strings.Contains(r.body, "1.4.0") {
		t.Errorf("a stranger sees %d %s", r.status, r.body)
	}
	state := w.beginLogin(b, "/acme/shop")
	r := w.get(b, "/login/callback?code=qa&state="+state)
	if r.status != http.StatusSeeOther || r.header.Get("Location") != "/acme/shop" {
		t.Fatalf("callback: %d to %q", r.status, r.header.Get("Location"))
	}
	for _, c := range r.header.Values("Set-Cookie") {
		if !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") {
			t.Errorf("cookie %q", c)
		}
	}
	if r := w.get(b, "/acme/shop"); r.status != http.StatusOK || !strings.Contains(r.body, "1.4.0") {
		t.Errorf("signed in: %d", r.status)
	}
}

func TestSignInIsBoundToTheBrowser(t *testing.T) {
	w := newWorld(t, nil)
	mallory, victim := w.browser(), w.browser()
	state := w.beginLogin(mallory, "/")
	for name, path := range map[string]string{
		"another browser's state": "/login/callback?code=mallory&state=" + state,
		"no state":                "/login/callback?code=mallory",
		"no state, begun":         "/login/callback?code=mallory&state=",
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(name, "begun") {
				w.beginLogin(victim, "/")
			}
			if r := w.get(victim, path); r.status != http.StatusBadRequest {
				t.Errorf("status %d", r.status)
			}
			if r := w.get(victim, "/"); r.status != http.StatusUnauthorized {
				t.Errorf("the victim is signed in: %d", r.status)
			}
		})
	}
	t.Run("a state is good once", func(t *testing.T) {
		b := w.browser()
		state := w.beginLogin(b, "/")
		w.get(b, "/login/callback?code=nobody&state="+state)
		if r := w.get(b, "/login/callback?code=qa&state="+state); r.status != http.StatusBadRequest {
			t.Errorf("status %d", r.status)
		}
	})
	t.Run("refused at the forge", func(t *testing.T) {
		b := w.browser()
		state := w.beginLogin(b, "/")
		if r := w.get(b, "/login/callback?error=access_denied&state="+state); r.status != http.StatusForbidden {
			t.Errorf("status %d", r.status)
		}
	})
}

func TestSessionIDsAreNew(t *testing.T) {
	w := newWorld(t, nil)
	b := w.browser()
	u, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	planted := strings.Repeat("A", 43)
	b.Jar.SetCookies(u, []*http.Cookie{{Name: "sluice", Value: planted, Path: "/"}})
	session := func() string {
		for _, c := range b.Jar.Cookies(u) {
			if c.Name == "sluice" {
				return c.Value
			}
		}
		return ""
	}
	w.get(b, "/login/callback?code=qa&state="+w.beginLogin(b, "/"))
	first := session()
	if first == planted || len(first) < 40 {
		t.Errorf("the session is %q", first)
	}
	w.get(b, "/login/callback?code=qa&state="+w.beginLogin(b, "/"))
	if second := session(); second == first {
		t.Error("signing in again kept the session")
	}
	old := w.browser()
	old.Jar.SetCookies(u, []*http.Cookie{{Name: "sluice", Value: first, Path: "/"}})
	if r := w.get(old, "/"); r.status != http.StatusUnauthorized {
		t.Errorf("the session before is still good: %d", r.status)
	}
}

func TestSignOut(t *testing.T) {
	w := newWorld(t, nil)
	b := w.signedIn("qa")
	if r := w.send(b, http.MethodPost, "/logout", url.Values{"csrf": {"wrong"}}); r.status != http.StatusForbidden {
		t.Errorf("without the token: %d", r.status)
	}
	if r := w.get(b, "/logout"); r.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", r.status)
	}
	if r := w.send(b, http.MethodPost, "/logout", url.Values{"csrf": {w.csrf(b)}}); r.status != http.StatusSeeOther {
		t.Errorf("sign out: %d", r.status)
	}
	if r := w.get(b, "/"); r.status != http.StatusUnauthorized {
		t.Errorf("after signing out: %d", r.status)
	}
}

// csrf reads the session's token off a page.
func (w *world) csrf(b *http.Client) string {
	w.t.Helper()
	_, rest, ok := strings.Cut(w.get(b, "/").body, `name="csrf" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	if !ok || token == "" {
		w.t.Fatal("the page has no token")
	}
	return token
}

func TestHTTPSCookies(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.PublicURL = "https://sluice.example" })
	r := w.get(w.browser(), "/login")
	if c := r.header.Get("Set-Cookie"); !strings.HasPrefix(c, "__Host-sluice-login=") || !strings.Contains(c, "; Secure") || strings.Contains(c, "Domain") {
		t.Errorf("cookie %q", c)
	}
	if name, c := w.server.sessions.Cookie.Name, w.server.sessions.Cookie; name != "__Host-sluice" || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
		t.Errorf("session cookie %+v", c)
	}
	if r.header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security")
	}
}

func TestWrongOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"no store":                        {PublicURL: "https://sluice.example"},
		"no address":                      {Store: &store.Store{}},
		"sign-in over http, not loopback": {Store: &store.Store{}, PublicURL: "http://sluice.example", Viewer: &viewer{}},
		"a path":                          {Store: &store.Store{}, PublicURL: "https://sluice.example/sluice"},
		"another scheme":                  {Store: &store.Store{}, PublicURL: "javascript://x"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestWithoutSignIn(t *testing.T) {
	closed := newWorld(t, func(o *Options) { o.Viewer = nil })
	for _, path := range []string{"/", "/acme/shop", "/api/v1/repos", "/events", "/login", "/login/callback"} {
		r := closed.get(closed.browser(), path)
		if r.status != http.StatusUnauthorized && r.status != http.StatusNotFound || strings.Contains(r.body, "shop") {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
		if !strings.HasPrefix(path, "/api") && !strings.Contains(r.body, "--github-client-id") {
			t.Errorf("GET %s does not say how to configure sign-in", path)
		}
	}

	open := newWorld(t, func(o *Options) { o.Viewer, o.OpenToLocal = nil, true })
	b := open.browser()
	if r := open.get(b, "/acme/shop/executions/excand"); r.status != http.StatusOK || strings.Contains(r.body, "<form") {
		t.Errorf("on this machine: %d, with a form: %t", r.status, strings.Contains(r.body, "<form"))
	}
	if r := open.send(b, http.MethodPost, "/acme/shop/executions/excand/act", url.Values{"command": {"approve"}, "csrf": {""}, "approval": {"excand-3-1-1"}}); r.status != http.StatusUnauthorized {
		t.Errorf("pressing a button: %d", r.status)
	}
	for name, header := range map[string][]string{
		"a name that resolves to loopback": {"Host", "evil.example"},
		"through a proxy":                  {"X-Forwarded-For", "203.0.113.9"},
		"through another proxy":            {"Forwarded", "for=203.0.113.9"},
	} {
		if r := open.send(b, http.MethodGet, "/", nil, header...); r.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	if len(open.actor.commands()) > 0 {
		t.Error("a command was given without sign-in")
	}
}

// TestGitHub signs in at the stand-in of GitHub.
func TestGitHub(t *testing.T) {
	t.Parallel()
	gh := fakegithubtest.New(t, fakegithub.Options{})
	gh.AddOrg("acme", "ann")
	gh.AddUser("mallory")
	shop, err := gh.AddRepo("acme/shop", fakegithub.RepoConfig{DefaultBranch: "master", Private: true})
	if err != nil {
		t.Fatal(err)
	}
	shop.Grant("ann", fakegithub.RoleWrite)
	var w *world
	app := fakegithub.App{}
	w = newWorld(t, func(o *Options) {
		if app, err = gh.AddApp(fakegithub.AppConfig{CallbackURLs: []string{o.PublicURL + "/login/callback"}}); err != nil {
			t.Fatal(err)
		}
		if _, err = gh.Install(app.ID, "acme"); err != nil {
			t.Fatal(err)
		}
		tr := &http.Transport{}
		t.Cleanup(tr.CloseIdleConnections)
		o.Viewer, err = NewGitHub(GitHubOptions{
			ClientID: app.ClientID, ClientSecret: app.ClientSecret, URL: gh.URL(), APIURL: gh.URL() + "/api/v3", Client: &http.Client{Transport: tr, Timeout: time.Minute},
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	ctx := t.Context()
	if err := w.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteRepo(ctx, shopID); err != nil {
			return err
		}
		return tx.SaveRepo(ctx, store.Repo{ID: shop.ID(), Owner: "acme", Name: "shop"})
	}); err != nil {
		t.Fatal(err)
	}
	// agree follows the way to GitHub and returns where GitHub sends the browser.
	agree := func(t *testing.T, b *http.Client, login string) *url.URL {
		t.Helper()
		to := w.get(b, "/login?return_to=/acme/shop").header.Get("Location")
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, to+"&login="+login, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := b.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		back, err := url.Parse(res.Header.Get("Location"))
		if err != nil || res.StatusCode != http.StatusFound || back.Query().Get("code") == "" {
			t.Fatalf("GitHub answers %d", res.StatusCode)
		}
		return back
	}
	t.Run("a member", func(t *testing.T) {
		b := w.browser()
		back := agree(t, b, "ann")
		if r := w.get(b, back.RequestURI()); r.status != http.StatusSeeOther || r.header.Get("Location") != "/acme/shop" {
			t.Fatalf("callback: %d %s", r.status, r.body)
		}
		if r := w.get(b, "/acme/shop"); r.status != http.StatusOK || !strings.Contains(r.body, "ann") {
			t.Errorf("the repository: %d %s", r.status, r.body)
		}
		if r := w.get(b, "/"); !strings.Contains(r.body, `href="/acme/shop"`) || strings.Contains(r.body, "secret-project") {
			t.Errorf("the board: %s", r.body)
		}
		if r := w.get(w.browser(), back.RequestURI()); r.status != http.StatusBadRequest {
			t.Errorf("the same code in another browser: %d", r.status)
		}
	})
	t.Run("a stranger", func(t *testing.T) {
		b := w.browser()
		w.get(b, agree(t, b, "mallory").RequestURI())
		if r := w.get(b, "/acme/shop"); r.status != http.StatusNotFound {
			t.Errorf("the repository: %d", r.status)
		}
		if r := w.get(b, "/"); r.status != http.StatusOK || strings.Contains(r.body, "acme/") {
			t.Errorf("the board: %d %s", r.status, r.body)
		}
	})
	t.Run("an injected code", func(t *testing.T) {
		// mallory's code, in a sign-in that the victim began: PKCE binds the code to mallory's verifier
		stolen := agree(t, w.browser(), "mallory").Query().Get("code")
		victim := w.browser()
		own := agree(t, victim, "ann").Query()
		if r := w.get(victim, "/login/callback?code="+stolen+"&state="+own.Get("state")); r.status != http.StatusBadGateway {
			t.Errorf("callback: %d", r.status)
		}
		if r := w.get(victim, "/"); r.status != http.StatusUnauthorized {
			t.Errorf("the victim is signed in: %d", r.status)
		}
	})
}
