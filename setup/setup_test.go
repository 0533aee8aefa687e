package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/fakegithubtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a set-up whose pages are served, beside a stand-in GitHub.
type world struct {
	t   *testing.T
	s   *Server
	hub *fakegithub.Server
	dir string
	url string
	// now is moved by tests.
	now time.Time
	mu  sync.Mutex
	// said is what the console got.
	said  []string
	ended chan error
	app   App
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, hub: fakegithubtest.New(t, fakegithub.Options{}), dir: filepath.Join(t.TempDir(), "data"), now: time.Now(), ended: make(chan error, 1)}
	w.hub.AddOrg("acme", "boss")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.url = "http://" + l.Addr().String()
	o := Options{
		PublicURL: "https://sluice.example.com", Origins: []string{w.url}, GitHubURL: w.hub.URL() + "/", APIURL: w.hub.URL() + "/", Organization: "acme",
		Permissions: []Permission{{Name: "checks", Access: "write", Why: "Reports `four` checks."}, {Name: "workflows", Access: "write", Optional: true, Why: "Merges."}},
		Events:      []Event{{"push", "A new head."}}, Dir: w.dir, Env: []string{"SLUICE_DATA=" + w.dir},
		Say: func(line string) { w.mu.Lock(); defer w.mu.Unlock(); w.said = append(w.said, line) },
		Now: func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now },
	}
	if change != nil {
		change(&o)
	}
	if w.s, err = New(o); err != nil {
		t.Fatal(err)
	}
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: w.s, ReadHeaderTimeout: time.Minute}}
	srv.Start()
	t.Cleanup(srv.Close)
	return w
}

// run waits for the end of the set-up, as the command does. It listens at another port too, which nobody uses.
func (w *world) run() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		app, err := w.s.Run(ctx, l)
		w.app = app
		w.ended <- err
	}()
	w.t.Cleanup(func() { cancel(); <-done })
}

func (w *world) pass(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.now = w.now.Add(d) }

func (w *world) console() string { w.mu.Lock(); defer w.mu.Unlock(); return strings.Join(w.said, "\n") }

// browser is one, with its own cookies.
func (w *world) browser() *http.Client {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Transport: &http.Transport{}}
	w.t.Cleanup(c.CloseIdleConnections)
	return c
}

func (w *world) get(c *http.Client, address string) (int, string) {
	w.t.Helper()
	res, err := c.Get(address)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.read(res)
}

func (w *world) read(res *http.Response) (int, string) {
	w.t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

var hiddenManifest = regexp.MustCompile(`(?s)action="([^"]+)".*name="manifest" value="([^"]+)"`)

// form opens the link and returns what the button would send, and where.
func (w *world) form(c *http.Client, path string) (action, manifest string) {
	w.t.Helper()
	status, body := w.get(c, w.url+path)
	m := hiddenManifest.FindStringSubmatch(body)
	if status != http.StatusOK || m == nil {
		w.t.Fatalf("%s: %d %s", path, status, body)
	}
	return html.UnescapeString(m[1]), html.UnescapeString(m[2])
}

func (w *world) path() string { return strings.TrimPrefix(w.s.Links()[0], w.url) }

// agree presses the button on GitHub's page and returns where GitHub sends the browser.
func (w *world) agree(c *http.Client, action, manifest string) string {
	w.t.Helper()
	stop := *c
	stop.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := stop.PostForm(action, url.Values{"manifest": {manifest}, "agreed": {"yes"}})
	if err != nil {
		w.t.Fatal(err)
	}
	if status, body := w.read(res); status != http.StatusFound {
		w.t.Fatalf("GitHub: %d %s", status, body)
	}
	return res.Header.Get("Location")
}

// files maps what is in the folder to its mode.
func (w *world) files() map[string]string {
	out := map[string]string{}
	_ = filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, _ error) error {
		if info, err := d.Info(); err == nil && !d.IsDir() {
			out[filepath.Base(path)] = fmt.Sprintf("%04o", info.Mode().Perm())
		}
		return nil
	})
	return out
}

func (w *world) file(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func TestAppIsMade(t *testing.T) {
	w := newWorld(t, nil)
	w.run()
	c := w.browser()
	action, manifest := w.form(c, w.path())
	if !strings.HasPrefix(action, w.hub.URL()+"/organizations/acme/settings/apps/new?state=") {
		t.Errorf("the form goes to %s", action)
	}
	var have map[string]any
	if err := json.Unmarshal([]byte(manifest), &have); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"name": "Sluice acme", "url": "https://sluice.example.com", "description": have["description"], "public": false,
		"hook_attributes": map[string]any{"url": "https://sluice.example.com/webhooks/github", "active": true},
		"redirect_url":    w.url + "/setup/callback", "callback_urls": []any{"https://sluice.example.com/login/callback"},
		"default_permissions": map[string]any{"checks": "write"}, "default_events": []any{"push"},
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	back := w.agree(c, action, manifest)
	status, body := w.get(c, back)
	if status != http.StatusOK || !strings.Contains(body, w.hub.URL()+"/apps/sluice-acme/installations/new") {
		t.Fatalf("%d %s", status, body)
	}
	if err := <-w.ended; err != nil {
		t.Fatal(err)
	}
	want2 := map[string]string{KeyFile: "0600", WebhookSecretFile: "0600", ClientSecretFile: "0600", EnvFile: "0600"}
	if diff := cmp.Diff(want2, w.files()); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	for _, secret := range []string{w.file(KeyFile)[40:80], strings.TrimSpace(w.file(WebhookSecretFile)), strings.TrimSpace(w.file(ClientSecretFile))} {
		if strings.Contains(body+w.console()+w.file(EnvFile)+fmt.Sprint(w.app), secret) {
			t.Errorf("a secret is shown")
		}
	}
	if w.app.Owner != "acme" || w.app.ID == 0 || !strings.Contains(w.file(EnvFile), fmt.Sprintf("SLUICE_GITHUB_APP_ID=%d\n", w.app.ID)) {
		t.Errorf("%+v\n%s", w.app, w.file(EnvFile))
	}
}

func TestOptionalPermission(t *testing.T) {
	w := newWorld(t, nil)
	c := w.browser()
	w.form(c, w.path())
	_, manifest := w.form(c, "/setup?optional=yes")
	if !strings.Contains(manifest, `"default_permissions":{"checks":"write","workflows":"write"}`) {
		t.Error(manifest)
	}
}

// Who is refused, and that nothing is written then.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*world) (int, string)
		want int
		says string
	}{
		"nobody's token": {func(w *world) (int, string) { return w.get(w.browser(), w.url+"/setup?token=guessed") }, 403, "Not with this link"},
		"no token":       {func(w *world) (int, string) { return w.get(w.browser(), w.url+"/setup") }, 403, "Not with this link"},
		"second caller": {func(w *world) (int, string) {
			w.form(w.browser(), w.path())
			return w.get(w.browser(), w.s.Links()[0])
		}, 403, "used already"},
		"expired token": {func(w *world) (int, string) {
			w.pass(15 * time.Minute)
			return w.get(w.browser(), w.s.Links()[0])
		}, 403, "The time is over"},
		"opened, then too late": {func(w *world) (int, string) {
			b := w.browser()
			w.form(b, w.path())
			w.pass(15 * time.Minute)
			return w.get(b, w.url+"/setup")
		}, 403, "The time is over"},
		"back from GitHub too late": {func(w *world) (int, string) {
			b := w.browser()
			back := w.agree(b, first(w.form(b, w.path())), second(w.form(b, "/setup")))
			w.pass(15 * time.Minute)
			return w.get(b, back)
		}, 403, "The time is over"},
		"another browser back from GitHub": {func(w *world) (int, string) {
			b := w.browser()
			back := w.agree(b, first(w.form(b, w.path())), second(w.form(b, "/setup")))
			return w.get(w.browser(), back)
		}, 403, "Not with this link"},
		"a code before anything was begun": {func(w *world) (int, string) {
			return w.get(w.browser(), w.url+"/setup/callback?code=abc&state=")
		}, 403, "Not with this link"},
		"another state": {func(w *world) (int, string) {
			b := w.browser()
			w.form(b, w.path())
			return w.get(b, w.url+"/setup/callback?code=abc&state=guessed")
		}, 403, "not begun here"},
		"no state": {func(w *world) (int, string) {
			b := w.browser()
			w.form(b, w.path())
			return w.get(b, w.url+"/setup/callback?code=abc")
		}, 403, "not begun here"},
		"unknown code": {func(w *world) (int, string) {
			b := w.browser()
			action, _ := w.form(b, w.path())
			u, _ := url.Parse(action)
			return w.get(b, w.url+"/setup/callback?code=thecode&state="+u.Query().Get("state"))
		}, 502, "answered 404"},
		"hostile code": {func(w *world) (int, string) {
			b := w.browser()
			action, _ := w.form(b, w.path())
			u, _ := url.Parse(action)
			return w.get(b, w.url+"/setup/callback?code=../../user&state="+u.Query().Get("state"))
		}, 502, "no code that can be one"},
		"another host name": {func(w *world) (int, string) {
			return w.send(http.MethodGet, w.path(), "evil.example")
		}, 421, "not reached under this name"},
		"POST":    {func(w *world) (int, string) { return w.send(http.MethodPost, w.path(), "") }, 405, "Use GET"},
		"no page": {func(w *world) (int, string) { return w.get(w.browser(), w.url+"/github-app.pem") }, 404, "no such page"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			status, body := c.do(w)
			if status != c.want || !strings.Contains(body, c.says) {
				t.Errorf("%d, want %d with %q:\n%s", status, c.want, c.says, body)
			}
			if strings.Contains(body+w.console(), "thecode") {
				t.Error("the code is shown")
			}
			if diff := cmp.Diff(map[string]string{}, w.files()); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			for _, v := range w.hub.Violations() {
				t.Error(v)
			}
		})
	}
}

func first(a, _ string) string  { return a }
func second(_, b string) string { return b }

func (w *world) send(method, path, host string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Host = host
	res, err := w.browser().Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.read(res)
}

// HEAD, as link previews send it, and requests under other names do not use the link up; the browser that used it may go
// back to it.
func TestLinkIsUsedByGetAlone(t *testing.T) {
	w := newWorld(t, nil)
	w.send(http.MethodHead, w.path(), "")
	w.send(http.MethodGet, w.path(), "evil.example")
	c := w.browser()
	w.form(c, w.path())
	w.form(c, w.path())
}

// A code comes back once: reloading the last page exchanges nothing again.
func TestReplayedWayBack(t *testing.T) {
	w := newWorld(t, nil)
	c := w.browser()
	w.form(c, w.path())
	rec := func(address string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
		u, _ := url.Parse(w.url + "/setup")
		for _, cookie := range c.Jar.Cookies(u) {
			r.AddCookie(cookie)
		}
		out := httptest.NewRecorder()
		w.s.ServeHTTP(out, r)
		return out.Code
	}
	action, manifest := w.form(c, "/setup")
	back := w.agree(c, action, manifest)
	if have := []int{rec(back), rec(back), rec(w.url + "/setup")}; !cmp.Equal(have, []int{200, 410, 410}) {
		t.Errorf("answers %v", have)
	}
}

// After a failure the same browser may try again, with another state.
func TestAnotherTry(t *testing.T) {
	w := newWorld(t, nil)
	c := w.browser()
	action, _ := w.form(c, w.path())
	u, _ := url.Parse(action)
	if status, _ := w.get(c, w.url+"/setup/callback?code=abc&state="+u.Query().Get("state")); status != http.StatusBadGateway {
		t.Fatal(status)
	}
	again, manifest := w.form(c, "/setup")
	if again == action {
		t.Error("the state is the same")
	}
	if status, body := w.get(c, w.agree(c, again, manifest)); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
}

// Every answer has the headers, whatever it says.
func TestHeaders(t *testing.T) {
	w := newWorld(t, nil)
	for _, path := range []string{"/setup", "/nothing", w.path(), "/setup/callback"} {
		res, err := w.browser().Get(w.url + path)
		if err != nil {
			t.Fatal(err)
		}
		w.read(res)
		policy := res.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "form-action "+w.hub.URL()+";") {
			t.Errorf("%s: policy %q", path, policy)
		}
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
			if res.Header.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, res.Header.Get(name))
			}
		}
	}
}

func TestEnds(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Lifetime, o.Now = time.Millisecond, nil })
	w.run()
	if err := <-w.ended; !errors.Is(err, ErrExpired) {
		t.Errorf("ended with %v", err)
	}
}

// With Renewed a set-up whose time is over goes on with another link: the old one and the browser that it let in are let go of.
func TestRenews(t *testing.T) {
	renewed := make(chan []string, 2)
	w := newWorld(t, func(o *Options) { o.Lifetime, o.Renewed = time.Hour, func([]string) {} })
	before := w.s.Links()[0]
	b := w.browser()
	w.form(b, w.path())
	w.pass(time.Hour)
	if !w.s.renew() {
		t.Fatal("it is not renewed")
	}
	after := w.s.Links()[0]
	if after == before {
		t.Fatal("the link is the old one")
	}
	if status, _ := w.get(b, w.url+"/setup"); status != http.StatusForbidden {
		t.Errorf("the old browser: %d", status)
	}
	if status, page := w.get(w.browser(), before); status != http.StatusForbidden || !strings.Contains(page, "newest link") {
		t.Errorf("the old link: %d %s", status, page)
	}
	if status, _ := w.get(w.browser(), after); status != http.StatusOK {
		t.Errorf("the new link: %d", status)
	}
	// While a code is exchanged nothing is renewed.
	w.s.takeState(w.s.state)
	if w.s.renew() || w.s.left() != exchanging {
		t.Errorf("it is renewed while GitHub is asked, %s are left", w.s.left())
	}

	short := newWorld(t, func(o *Options) {
		o.Lifetime, o.Now, o.Renewed = time.Millisecond, nil, func(links []string) {
			select {
			case renewed <- links:
			default: // two are enough, and a set-up that waits here does not end
			}
		}
	})
	short.run()
	first, second := <-renewed, <-renewed
	if cmp.Equal(first, second) {
		t.Errorf("the same link again: %s", first)
	}
	select {
	case err := <-short.ended:
		t.Errorf("it ended with %v", err)
	default:
	}
}
