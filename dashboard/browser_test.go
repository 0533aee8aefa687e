package dashboard

import (
	"context"
	"flag"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

var shots = flag.String("shots", "", "a folder to keep the screenshots in") //nolint:gochecknoglobals // a flag

// watch runs before a page's own: it notes what the policy refused and what went wrong.
const watch = `window.seen = [];
document.addEventListener("securitypolicyviolation", (e) => window.seen.push("policy: " + e.violatedDirective + " " + e.blockedURI));
window.addEventListener("error", (e) => window.seen.push("error: " + (e.message || e.target.src || e.target.href)), true);`

// look opens whatever can be opened on a page and measures it.
const look = `document.querySelectorAll("details").forEach((d) => d.open = true);
({
  seen: window.seen || ["nobody watched"], title: document.title, over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  links: [...document.querySelectorAll("a")].filter((a) => !/^https?:$/.test(a.protocol)).length,
  background: getComputedStyle(document.body).backgroundColor,
})`

// chromium returns the browser's program. Without one the test is skipped, which is a failure where CI=true.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no chromium here (apt-get install chromium): the pages were not looked at")
	}
	t.Skip("no chromium here (apt-get install chromium): the pages were not looked at")
	return ""
}

// openBrowser starts a browser for the test.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute) // the test's own context ends before the browser is closed
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": watch})); err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("closing chromium: %v", err)
		}
	})
	return ctx
}

// call sends the browser a command of its protocol.
func call(method string, params map[string]any) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error { return target.Call(ctx, method, params, nil) })
}

// shoot keeps a screenshot of the page that is shown, where somebody wants to see them (-shots).
func shoot(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), shot, 0o600); err != nil {
		t.Error(err)
	}
}

// fits fails the test when the page that is shown is wider than the window.
func fits(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	over, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
	if err != nil || over > 0 {
		t.Errorf("%s is %d pixels wider than the window (%v)", name, over, err)
	}
}

// signIn gives the browser the cookies of somebody who has signed in.
func (w *world) signIn(ctx context.Context, login string) {
	w.t.Helper()
	b := w.signedIn(login)
	u, err := url.Parse(w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(u) {
		err := chromedp.Do(ctx, call("Network.setCookie", map[string]any{"name": c.Name, "value": c.Value, "url": w.url, "httpOnly": true}))
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	ctx := openBrowser(t)
	w := newWorld(t, nil)
	w.someTokens("qa")
	looks := []struct {
		name          string
		width, height int
		scheme        string
	}{{"wide-light", 1280, 900, "light"}, {"wide-dark", 1280, 900, "dark"}, {"narrow-light", 375, 800, "light"}, {"narrow-dark", 375, 800, "dark"}}
	pages := []struct{ name, path, login string }{
		{"signin", "/", ""}, {"board", "/", "qa"}, {"repo", "/acme/shop", "qa"}, {"execution", "/acme/shop/executions/excand", "qa"},
		{"failed", "/acme/shop/executions/exfailed", "qa"}, {"release", "/acme/shop/releases/1.4.0", "qa"}, {"past", "/acme/shop/releases/1.3.0", "qa"},
		{"approvals", "/approvals", "qa"}, {"missing", "/acme/nothing", "qa"}, {"tokens", "/tokens", "qa"},
	}
	signedIn := ""
	backgrounds := map[string]string{}
	for _, p := range pages {
		if p.login != signedIn {
			w.signIn(ctx, p.login)
			signedIn = p.login
		}
		for _, l := range looks {
			t.Run(p.name+" "+l.name, func(t *testing.T) {
				err := chromedp.Do(ctx,
					chromedp.EmulateViewport(int64(l.width), int64(l.height)),
					call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": l.scheme}}}),
					chromedp.Navigate(w.url+p.path), chromedp.WaitReady(chromedp.CSS("main")),
				)
				if err != nil {
					t.Fatal(err)
				}
				found, err := chromedp.Run(ctx, chromedp.Evaluate[struct {
					Seen       []string
					Title      string
					Over       int
					Links      int
					Background string
				}](look))
				if err != nil {
					t.Fatal(err)
				}
				shoot(ctx, t, p.name+"-"+l.name)
				backgrounds[l.scheme] = found.Background
				if len(found.Seen) > 0 || found.Title == "owned" || found.Links > 0 {
					t.Errorf("seen %q, title %q, %d links to something else than the web", found.Seen, found.Title, found.Links)
				}
				if found.Over > 0 {
					t.Errorf("the page is %d pixels wider than the window", found.Over)
				}
			})
		}
	}
	if backgrounds["light"] == backgrounds["dark"] || backgrounds["light"] == "" {
		t.Errorf("light and dark look the same: %v", backgrounds)
	}
}

// TestBrowserLongNames puts names as long as GitHub allows where there are names: nothing is wider than a phone.
func TestBrowserLongNames(t *testing.T) {
	t.Parallel()
	ctx := openBrowser(t)
	w := newWorld(t, nil)
	w.signIn(ctx, "qa")
	const lengthen = `document.querySelectorAll("details").forEach((d) => d.open = true);
document.querySelectorAll("h1, .main, .envs dt, .sub:not(.num *), .lead, .summary, .next, .hold, code:not(.sha)").forEach((e) => { e.textContent = "a-very-long-name".repeat(16); });
document.documentElement.scrollWidth - document.documentElement.clientWidth`
	for _, path := range []string{"/", "/acme/shop", "/acme/shop/executions/excand", "/acme/shop/executions/exfailed", "/acme/shop/releases/1.4.0", "/approvals", "/tokens"} {
		for _, width := range []int64{375, 1280} {
			err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800), chromedp.Navigate(w.url+path), chromedp.WaitReady(chromedp.CSS("main")))
			if err != nil {
				t.Fatal(err)
			}
			over, err := chromedp.Run(ctx, chromedp.Evaluate[int](lengthen))
			if err != nil || over > 0 {
				t.Errorf("%s is %d pixels wider than a window of %d (%v)", path, over, width, err)
			}
		}
	}
}

// TestBrowserActs approves in the browser as a person would, and sees the page load itself again.
func TestBrowserActs(t *testing.T) {
	t.Parallel()
	ctx := openBrowser(t)
	w := newWorld(t, nil)
	w.signIn(ctx, "qa")
	err := chromedp.Do(ctx,
		chromedp.EmulateViewport(1280, 900),
		chromedp.Navigate(w.url+"/acme/shop/releases/1.4.0"),
		chromedp.Click(chromedp.CSS("#approve summary")), chromedp.Click(chromedp.CSS("#approve form button"), chromedp.NodeVisible),
		chromedp.WaitVisible(chromedp.CSS(".message")),
	)
	if err != nil {
		t.Fatal(err)
	}
	message, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(".message")))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.actor.commands(), ","); got != "excand /approve" || !strings.Contains(message, "1.4.0 is recorded") {
		t.Errorf("commands %q, message %q", got, message)
	}
	// a page whose content changed is replaced when the server says so
	err = chromedp.Do(ctx,
		chromedp.Navigate(w.url+"/acme/shop"), chromedp.WaitReady(chromedp.CSS("main")),
		chromedp.Evaluate[chromedp.Void](`document.querySelector("h1").id = "old"`),
		chromedp.Func(func(context.Context, *chromedp.Target) error { return w.raise() }),
		chromedp.WaitNotPresent(chromedp.CSS("#old")),
	)
	if err != nil {
		t.Errorf("the page was not loaded again: %v", err)
	}
}

// TestBrowserMakesTokens makes a token in the browser, sees it once, and revokes it.
func TestBrowserMakesTokens(t *testing.T) {
	t.Parallel()
	ctx := openBrowser(t)
	w := newWorld(t, nil)
	w.signIn(ctx, "qa")
	err := chromedp.Do(ctx, chromedp.EmulateViewport(375, 800), chromedp.Navigate(w.url+"/tokens"), chromedp.WaitReady(chromedp.CSS("main")),
		chromedp.SendKeys(chromedp.CSS("#name"), "<b>nightly</b>"), chromedp.Click(chromedp.CSS(".make button")), chromedp.WaitVisible(chromedp.CSS("#fresh")))
	if err != nil {
		t.Fatal(err)
	}
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("#fresh")))
	if err != nil {
		t.Fatal(err)
	}
	fits(ctx, t, "the page")
	shoot(ctx, t, "token-made")
	if r := w.api(strings.TrimSpace(text), http.MethodGet, "/user", ""); r.status != http.StatusOK || !strings.Contains(r.body, `"scope": "read"`) {
		t.Errorf("the token: %d %s", r.status, r.body)
	}
	err = chromedp.Do(ctx, chromedp.Navigate(w.url+"/tokens"), chromedp.WaitReady(chromedp.CSS("table")), chromedp.WaitNotPresent(chromedp.CSS("#fresh")),
		chromedp.Click(chromedp.CSS("table button")), chromedp.WaitVisible(chromedp.CSS(".message.good")))
	if err != nil {
		t.Fatal(err)
	}
	if r := w.api(strings.TrimSpace(text), http.MethodGet, "/user", ""); r.status != http.StatusUnauthorized {
		t.Errorf("the revoked token: %d", r.status)
	}
}

// someTokens gives somebody a token of each look.
func (w *world) someTokens(login string) {
	w.t.Helper()
	ctx := context.Background()
	err := w.store.Write(ctx, func(tx *store.Tx) error {
		for i, t := range []store.AccessToken{
			{Name: "laptop", Scope: store.ScopeAct, UsedAt: noon.Add(-time.Hour)},
			{Name: "the nightly job that reports what is deployed where, elsewhere", Scope: store.ScopeRead},
			{Name: "lost", Scope: store.ScopeAct, RevokedAt: noon.Add(-time.Hour)},
			{Name: "old", Scope: store.ScopeRead, ExpiresAt: noon.Add(-time.Hour)},
		} {
			t.ID, t.Owner, t.CreatedAt = store.NewID(), forge.User{ID: w.viewer.people[login], Login: login}, noon.AddDate(0, 0, -10-i)
			if t.ExpiresAt.IsZero() {
				t.ExpiresAt = noon.AddDate(0, 0, 20)
			}
			if err := tx.CreateAccessToken(ctx, t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// raise waits until a page listens and tells of a change.
func (w *world) raise() error {
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		w.server.hub.mu.Lock()
		n := len(w.server.hub.listeners)
		w.server.hub.mu.Unlock()
		if n > 0 {
			w.server.hub.raised([]string{"repo:1"})
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return http.ErrHandlerTimeout
		}
	}
}
