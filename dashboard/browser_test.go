package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/internal/browsertest"
	"github.com/sluicehq/sluice/store"
)

// signIn gives the browser the cookies of somebody who has signed in.
func (w *world) signIn(ctx context.Context, login string) {
	w.t.Helper()
	b := w.signedIn(login)
	u, err := url.Parse(w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(u) {
		err := chromedp.Do(ctx, browsertest.Call("Network.setCookie", map[string]any{"name": c.Name, "value": c.Value, "url": w.url, "httpOnly": true}))
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	ctx := browsertest.Open(t)
	w := newWorld(t, nil)
	w.someTokens("qa")
	pages := []struct{ name, path, login string }{
		{"signin", "/", ""}, {"board", "/", "qa"}, {"repo", "/acme/shop", "qa"}, {"execution", "/acme/shop/executions/excand", "qa"},
		{"failed", "/acme/shop/executions/exfailed", "qa"}, {"release", "/acme/shop/releases/1.4.0", "qa"}, {"past", "/acme/shop/releases/1.3.0", "qa"},
		{"approvals", "/approvals", "qa"}, {"missing", "/acme/nothing", "qa"}, {"tokens", "/tokens", "qa"},
	}
	signedIn := ""
	for _, p := range pages {
		if p.login != signedIn {
			w.signIn(ctx, p.login)
			signedIn = p.login
		}
		if title := browsertest.Looks(ctx, t, p.name, chromedp.Navigate(w.url+p.path)); title == "owned" {
			t.Errorf("%s runs what others wrote", p.name)
		}
	}
}

// TestBrowserLongNames puts names as long as GitHub allows where there are names: nothing is wider than a phone.
func TestBrowserLongNames(t *testing.T) {
	t.Parallel()
	ctx := browsertest.Open(t)
	w := newWorld(t, nil)
	w.signIn(ctx, "qa")
	const lengthen = `document.querySelectorAll("details").forEach((d) => d.open = true);
document.querySelectorAll("h1, .main, .envs dt, .sub:not(.num *), .lead, .summary, .next, .hold, code:not(.sha)").forEach((e) => { e.textContent = "a-very-long-name".repeat(16); })`
	for _, path := range []string{"/", "/acme/shop", "/acme/shop/executions/excand", "/acme/shop/executions/exfailed", "/acme/shop/releases/1.4.0", "/approvals", "/tokens"} {
		for _, width := range []int64{375, 1280} {
			err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800), chromedp.Navigate(w.url+path), chromedp.WaitReady(chromedp.CSS("main")))
			if err != nil {
				t.Fatal(err)
			}
			browsertest.Fits(ctx, t, fmt.Sprintf("%s in a window of %d", path, width), lengthen)
		}
	}
}

// TestBrowserActs approves in the browser as a person would, and sees the page load itself again.
func TestBrowserActs(t *testing.T) {
	t.Parallel()
	ctx := browsertest.Open(t)
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
	ctx := browsertest.Open(t)
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
	browsertest.Fits(ctx, t, "the page", "")
	browsertest.Shoot(ctx, t, "token-made")
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
	deadline := time.NewTimer(90 * time.Second)
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
