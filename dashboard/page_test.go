package dashboard

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/store"
)

var update = flag.Bool("update", false, "write the golden files anew") //nolint:gochecknoglobals // a flag

// text is what a person reads on a page: its text without markup, one line for each run of it, the head left out.
// Attributes that could do harm are failures of the test.
func text(t *testing.T, html string) string {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(html))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var b strings.Builder
	depth := 0 // inside <head>
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if e.Name.Local == "head" {
				depth++
			}
			for _, a := range e.Attr {
				name := strings.ToLower(a.Name.Local)
				if strings.HasPrefix(name, "on") || name == "style" {
					t.Errorf("<%s> has the attribute %s=%q", e.Name.Local, name, a.Value)
				}
				if (name == "href" || name == "src" || name == "action") && !strings.HasPrefix(a.Value, "/") &&
					!strings.HasPrefix(a.Value, "#") && !strings.HasPrefix(a.Value, "https://") {
					t.Errorf("<%s> leads to %q", e.Name.Local, a.Value)
				}
				if depth == 0 && (name == "href" || name == "value") && !strings.HasPrefix(a.Value, "/-/") && e.Name.Local != "link" && len(a.Value) < 43 {
					b.WriteString("[" + a.Value + "] ")
				}
			}
			if e.Name.Local == "script" && depth == 0 {
				t.Error("there is a script in the body")
			}
		case xml.EndElement:
			if e.Name.Local == "head" {
				depth--
			}
		case xml.CharData:
			if s := strings.Join(strings.Fields(string(e)), " "); s != "" && depth == 0 {
				b.WriteString(s + "\n")
			}
		}
	}
}

// TestPages compares what each page says with what it said before.
func TestPages(t *testing.T) {
	w := newWorld(t, nil)
	b := w.signedIn("qa")
	for name, path := range map[string]string{
		"board": "/", "repo": "/acme/shop", "candidate": "/acme/shop/executions/excand", "failed": "/acme/shop/executions/exfailed",
		"release": "/acme/shop/releases/1.4.0", "past": "/acme/shop/releases/1.3.0", "approvals": "/approvals",
	} {
		t.Run(name, func(t *testing.T) {
			r := w.get(b, path)
			if r.status != http.StatusOK {
				t.Fatalf("status %d: %s", r.status, r.body)
			}
			got := text(t, r.body)
			file := "testdata/" + name + ".golden"
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func TestHostileTextIsOnlyText(t *testing.T) {
	w := newWorld(t, nil)
	b := w.signedIn("qa")
	for _, path := range []string{"/", "/acme/shop", "/acme/shop/executions/exfailed", "/acme/shop/releases/1.4.0", "/?q=%3Cscript%3Ealert(1)%3C/script%3E", "/acme/%3Cscript%3E"} {
		r := w.get(b, path)
		text(t, r.body) // fails on scripts, event handlers, styles and links elsewhere
		for _, bad := range []string{"<script>", "<img/src=x", "javascript:", "\u202e", "\x1b", "<b>failed"} {
			if strings.Contains(r.body, bad) {
				t.Errorf("%s has %q in it", path, bad)
			}
		}
	}
	said := text(t, w.get(b, "/acme/shop/executions/exfailed").body)
	for _, want := range []string{hostileBranch, "red\nclick\ndone", `\u202egnp.exe`, "a<b>.go:3"} {
		if !strings.Contains(strings.Join(strings.Fields(said), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("the page does not say %q:\n%s", want, said)
		}
	}
}

func TestHeaders(t *testing.T) {
	w := newWorld(t, nil)
	b := w.signedIn("qa")
	for _, path := range []string{"/", "/nothing/here/at/all", "/-/style.css", "/api/v1/repos", "/login"} {
		h := w.get(b, path).header
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "same-origin",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

func TestJSON(t *testing.T) {
	w := newWorld(t, nil)
	token := w.token("qa", store.ScopeRead)
	for _, c := range []struct {
		path   string
		status int
		has    []string
	}{
		{"/api/v1/repos", 200, []string{`"name": "shop"`, `"hold": "rolled back`, `"waiting": 1`}},
		{"/api/v1/repos/acme/shop", 200, []string{`"branches"`, `"past_releases"`}},
		{"/api/v1/repos/ACME/Shop", 200, []string{`"name": "shop"`}},
		{"/api/v1/repos/acme/shop/executions", 200, []string{`"id": "excand"`}},
		{"/api/v1/repos/acme/shop/executions/excand", 200, []string{`"digest": "` + digest("c")}},
		{"/api/v1/repos/acme/shop/releases", 200, []string{`"version": "1.3.0"`}},
		{"/api/v1/repos/acme/shop/releases/1.3.0", 200, []string{`"approvals"`, `"by": "qa"`}},
		{"/api/v1/repos/acme/shop/environments", 200, []string{`"name": "production"`}},
		{"/api/v1/approvals", 200, []string{`"for": "approval"`}},
		{"/api/v1/repos/acme/nothing", 404, []string{`"title": "Not found"`}},
		{"/api/v1/nothing", 404, []string{`"title": "Not found"`}},
		{"/api/v1/repos/acme/shop/executions/exrival", 404, []string{`"title": "Not found"`}},
	} {
		r, kind := w.api(token, http.MethodGet, strings.TrimPrefix(c.path, "/api/v1"), ""), "application/json"
		if c.status >= 400 {
			kind = "application/problem+json"
		}
		if r.status != c.status || !strings.HasPrefix(r.header.Get("Content-Type"), kind) || !json.Valid([]byte(r.body)) {
			t.Errorf("GET %s: %d %s\n%s", c.path, r.status, r.header.Get("Content-Type"), r.body)
		}
		for _, part := range c.has {
			if !strings.Contains(r.body, part) {
				t.Errorf("GET %s lacks %s:\n%s", c.path, part, r.body)
			}
		}
		if strings.Contains(r.body, "csrf") || strings.Contains(r.body, "CSRF") {
			t.Errorf("GET %s gives the token of the session away", c.path)
		}
	}
	if r := w.api(token, http.MethodDelete, "/repos", ""); r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") != "GET, HEAD" || !json.Valid([]byte(r.body)) {
		t.Errorf("DELETE: %d %q %s", r.status, r.header.Get("Allow"), r.body)
	}
	if r := w.get(w.signedIn("qa"), "/api/v1/repos"); r.status != http.StatusUnauthorized || !json.Valid([]byte(r.body)) {
		t.Errorf("with a sign-in instead of a token: %d %s", r.status, r.body)
	}
}

// TestReleaseLinksItsCommits follows the commits that a release page names to GitHub. What a fact says of itself makes no link.
func TestReleaseLinksItsCommits(t *testing.T) {
	w := newWorld(t, nil)
	b := w.signedIn("qa")
	body := w.get(b, "/acme/shop/releases/1.4.0").body + w.get(b, "/acme/shop/releases/1.3.0").body
	for what, commit := range map[string]string{
		"why it has its version": sha("3"), "where it was cut from": sha("1"), "what was approved": sha("9"), "the revision of another": sha("b"),
	} {
		link := fmt.Sprintf(`<a href="https://github.com/acme/shop/commit/%s"><code class="sha" title="%[1]s">%s</code></a>`, commit, commit[:7])
		if !strings.Contains(body, link) {
			t.Errorf("%s is not linked by %s", what, link)
		}
	}
	if strings.Contains(body, "/commit/&lt;") || strings.Contains(body, "/commit/%3c") {
		t.Error("a fact that is no commit is linked as one")
	}
}
