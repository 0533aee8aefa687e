package setup

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var shots = flag.String("shots", "", "a folder to keep the screenshots in") //nolint:gochecknoglobals // a flag

// watch runs before a page's own: it notes what the policy refused.
const watch = `window.seen = [];
document.addEventListener("securitypolicyviolation", (e) => window.seen.push("policy: " + e.violatedDirective + " " + e.blockedURI));`

// look opens whatever can be opened on a page and measures it.
const look = `document.querySelectorAll("details").forEach((d) => d.open = true);
({
  seen: window.seen || ["nobody watched"], title: document.title, over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  background: getComputedStyle(document.body).backgroundColor,
})`

// openBrowser starts Debian's chromium. Without one the test is skipped, which is a failure where CI=true.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("no chromium here (apt-get install chromium): the pages were not looked at")
	}
	if err != nil {
		t.Skip("no chromium here (apt-get install chromium): the pages were not looked at")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true),
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

// looksWell measures the page that is open, wide and narrow, light and dark, and takes pictures of it.
func looksWell(ctx context.Context, t *testing.T, page, title string) {
	t.Helper()
	dir := t.TempDir()
	if *shots != "" {
		dir = *shots
	}
	backgrounds := map[string]string{}
	for _, l := range []struct {
		name          string
		width, height int64
		scheme        string
	}{{"wide-light", 1280, 900, "light"}, {"wide-dark", 1280, 900, "dark"}, {"narrow-light", 375, 800, "light"}, {"narrow-dark", 375, 800, "dark"}} {
		err := chromedp.Do(ctx, chromedp.EmulateViewport(l.width, l.height),
			call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": l.scheme}}}),
			chromedp.WaitReady(chromedp.CSS("main")))
		if err != nil {
			t.Fatal(err)
		}
		found, err := chromedp.Run(ctx, chromedp.Evaluate[struct {
			Seen       []string
			Title      string
			Over       int
			Background string
		}](look))
		if err != nil {
			t.Fatal(err)
		}
		backgrounds[l.scheme] = found.Background
		if len(found.Seen) > 0 || found.Over > 0 || !strings.HasPrefix(found.Title, title) {
			t.Errorf("%s %s: seen %q, title %q, %d pixels too wide", page, l.name, found.Seen, found.Title, found.Over)
		}
		shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, page+"-"+l.name+".png"), shot, 0o600); err != nil {
			t.Error(err)
		}
	}
	if backgrounds["light"] == backgrounds["dark"] || backgrounds["light"] == "" {
		t.Errorf("%s: light and dark look the same: %v", page, backgrounds)
	}
}

// TestBrowser makes the App as a person would. The policy lets the form go to GitHub and come back.
func TestBrowser(t *testing.T) {
	ctx := openBrowser(t)
	w := newWorld(t, func(o *Options) {
		o.Permissions = append(o.Permissions, Permission{Name: "pull_requests", Access: "write", Why: "Opens and merges the pull requests of releases, hotfixes and back-merges."})
	})
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	do(chromedp.Navigate(w.url + "/setup"))
	looksWell(ctx, t, "refused", "Not with this link")
	do(chromedp.Navigate(w.s.Links()[0]))
	looksWell(ctx, t, "form", "Make the GitHub App")
	do(chromedp.Click(chromedp.CSS("button.primary")), chromedp.WaitVisible(chromedp.CSS("input[name=name]")))
	do(chromedp.Click(chromedp.CSS("form button")), chromedp.WaitVisible(chromedp.CSS(".steps")))
	looksWell(ctx, t, "done", "The App is made")
	if len(w.files()) != 4 {
		t.Errorf("files %v", w.files())
	}
}
