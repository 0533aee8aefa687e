package dashboard

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/internal/browsertest"
)

// TestBrowserWithoutScripts looks at every page in a browser that runs none: it says what is to be done instead. nemo may read
// nothing, as everybody in an organization that has just installed the App.
func TestBrowserWithoutScripts(t *testing.T) {
	t.Parallel()
	ctx := browsertest.Open(t)
	g := &growing{text: "the first line\n"}
	w := newWorld(t, func(o *Options) {
		o.Logs, o.Examiner, o.Rights = g, examined{{Status: "warning", What: "public URL", Says: "is not encrypted", Remedy: "put a proxy before it"}}, owning{"qa": forge.RoleAdmin}
	})
	w.viewer.people["nemo"] = 9
	if err := chromedp.Do(ctx, browsertest.Call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true})); err != nil {
		t.Fatal(err)
	}
	signedIn := ""
	const stays = "Without JavaScript this page stays as it is. Load it again"
	for _, p := range []struct{ name, path, login, says string }{
		{"signin", "/", "", "Sign in with GitHub"}, {"board-empty", "/", "nemo", "Somebody who administers one installs the App there"},
		{"approvals-empty", "/approvals", "nemo", "Nothing waits for an approval."}, {"tokens-empty", "/tokens", "nemo", "You have no tokens."},
		{"setup-refused", "/setup", "nemo", "This is for admins"}, {"setup", "/setup", "qa", "put a proxy before it"},
		{"board", "/", "qa", stays}, {"board-app", "/", "qa", "How the App stands, for admins"}, {"repo", "/acme/shop", "qa", stays},
		{"execution", "/acme/shop/executions/excand", "qa", stays}, {"release", "/acme/shop/releases/1.4.0", "qa", stays},
		{"log", "/acme/shop/executions/exfailed/log", "qa", "Without JavaScript it does not grow here. What comes next"},
	} {
		if p.login != signedIn {
			w.signIn(ctx, p.login)
			signedIn = p.login
		}
		for _, width := range []int64{375, 1280} {
			err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800), chromedp.Navigate(w.url+p.path), chromedp.WaitReady(chromedp.CSS("main")))
			if err != nil {
				t.Fatal(err)
			}
			name := p.name + "-plain-wide"
			if width < 1000 {
				name = p.name + "-plain-narrow"
			}
			browsertest.Fits(ctx, t, name, "")
			text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("main")))
			if err != nil || !strings.Contains(text, p.says) {
				t.Errorf("%s does not say %q: %v %s", p.name, p.says, err, text)
			}
			browsertest.Shoot(ctx, t, name)
		}
	}
}
