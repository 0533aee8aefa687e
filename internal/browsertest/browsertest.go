// Package browsertest shows pages to tests in a real browser, Debian's chromium, and measures them.
//
//	ctx := browsertest.Open(t)
//	title := browsertest.Looks(ctx, t, "board", chromedp.Navigate(url))
package browsertest

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var shots = flag.String("shots", "", "a folder to keep the browser's screenshots in") //nolint:gochecknoglobals // a flag

// watch runs before a page's own scripts: it notes what the page's policy refused and what went wrong.
const watch = `window.seen = [];
document.addEventListener("securitypolicyviolation", (e) => window.seen.push("policy: " + e.violatedDirective + " " + e.blockedURI));
window.addEventListener("error", (e) => window.seen.push("error: " + (e.message || e.target.src || e.target.href)), true);`

const over = `document.documentElement.scrollWidth - document.documentElement.clientWidth`

// look opens whatever can be opened on a page and measures it.
const look = `document.querySelectorAll("details").forEach((d) => d.open = true);
({
  seen: window.seen || ["nobody watched"], title: document.title, over: ` + over + `,
  links: [...document.querySelectorAll("a")].filter((a) => !/^https?:$/.test(a.protocol)).length,
  background: getComputedStyle(document.body).backgroundColor,
})`

// Open starts a browser that ends with the test, or after three minutes. Without one the test is skipped, which is a failure where
// CI=true.
func Open(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program(t)), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute) // the test's own context ends before the browser is closed
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, Call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": watch})); err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("closing chromium: %v", err)
		}
	})
	return ctx
}

func program(t *testing.T) string {
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

// Call sends the browser a command of its protocol (https://chromedevtools.github.io/devtools-protocol/).
func Call(method string, params map[string]any) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error { return target.Call(ctx, method, params, nil) })
}

// Looks shows a page in four ways, wide and narrow, light and dark, each loaded by load, and returns its title. The test fails for
// each way in which the page is wider than the window, breaks its own policy, has an error or links to something else than the web;
// and if its title is not the same in all, or dark is not another colour than light.
func Looks(ctx context.Context, t *testing.T, name string, load ...chromedp.Action[chromedp.Void]) (title string) {
	t.Helper()
	backgrounds, titles := map[string]string{}, map[string]bool{}
	for _, way := range []struct {
		name          string
		width, height int64
		scheme        string
	}{{"wide-light", 1280, 900, "light"}, {"wide-dark", 1280, 900, "dark"}, {"narrow-light", 375, 800, "light"}, {"narrow-dark", 375, 800, "dark"}} {
		t.Run(name+" "+way.name, func(t *testing.T) {
			actions := append([]chromedp.Action[chromedp.Void]{chromedp.EmulateViewport(way.width, way.height),
				Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": way.scheme}}})}, load...)
			if err := chromedp.Do(ctx, append(actions, chromedp.WaitReady(chromedp.CSS("main")))...); err != nil {
				t.Fatal(err)
			}
			found, err := chromedp.Run(ctx, chromedp.Evaluate[struct {
				Seen        []string
				Title       string
				Over, Links int
				Background  string
			}](look))
			if err != nil {
				t.Fatal(err)
			}
			Shoot(ctx, t, name+"-"+way.name)
			title, titles[found.Title], backgrounds[way.scheme] = found.Title, true, found.Background
			if len(found.Seen) > 0 || found.Links > 0 || found.Over > 0 {
				t.Errorf("seen %q, %d links to something else than the web, %d pixels wider than the window", found.Seen, found.Links, found.Over)
			}
		})
	}
	if len(titles) != 1 {
		t.Errorf("%s has several titles: %v", name, titles)
	}
	if backgrounds["light"] == backgrounds["dark"] || backgrounds["light"] == "" {
		t.Errorf("%s: light and dark look the same: %v", name, backgrounds)
	}
	return title
}

// Fits fails the test if the page that is shown, once prepared, is wider than the window. prepare is a script, or nothing.
func Fits(ctx context.Context, t *testing.T, name, prepare string) {
	t.Helper()
	wider, err := chromedp.Run(ctx, chromedp.Evaluate[int](prepare+";\n"+over))
	if err != nil || wider > 0 {
		t.Errorf("%s is %d pixels wider than the window (%v)", name, wider, err)
	}
}

// Shoot keeps a screenshot of the page that is shown, name with .png, in the folder of the flag -shots, if one is given.
func Shoot(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(*shots, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), shot, 0o600); err != nil {
		t.Error(err)
	}
}
