package setup

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/sluicehq/sluice/internal/browsertest"
)

// TestBrowser makes the App as a person would. The policy lets the form go to GitHub and come back.
func TestBrowser(t *testing.T) {
	ctx := browsertest.Open(t)
	w := newWorld(t, func(o *Options) {
		o.Permissions = append(o.Permissions, Permission{Name: "pull_requests", Access: "write", Why: "Opens and merges the pull requests of releases, hotfixes and back-merges."})
	})
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	looksWell := func(name, title string) {
		t.Helper()
		if got := browsertest.Looks(ctx, t, name); !strings.HasPrefix(got, title) {
			t.Errorf("%s: title %q", name, got)
		}
	}
	do(chromedp.Navigate(w.url + "/setup"))
	looksWell("refused", "Not with this link")
	do(chromedp.Navigate(w.s.Links()[0]))
	looksWell("form", "Make the GitHub App")
	do(chromedp.Click(chromedp.CSS("button.primary")), chromedp.WaitVisible(chromedp.CSS("input[name=name]")))
	do(chromedp.Click(chromedp.CSS("form button")), chromedp.WaitVisible(chromedp.CSS(".steps")))
	looksWell("done", "The App is made")
	if len(w.files()) != 4 {
		t.Errorf("files %v", w.files())
	}
}
