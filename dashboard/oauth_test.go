package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
)

// answering is GitHub's API as a function.
func answering(t *testing.T, h http.HandlerFunc) *GitHub {
	t.Helper()
	ts := httptest.NewServer(h)
	t.Cleanup(ts.Close)
	g, err := NewGitHub(GitHubOptions{ClientID: "id", ClientSecret: "the secret", URL: ts.URL + "/", APIURL: ts.URL + "/", Client: ts.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestMayRead(t *testing.T) {
	kind := func(err error) string {
		var limit *forge.RateLimitError
		var temporary *forge.TemporaryError
		switch {
		case err == nil:
			return ""
		case errors.Is(err, ErrSignedOut):
			return "signed out"
		case errors.As(err, &limit):
			return "limit"
		case errors.As(err, &temporary):
			return "temporary"
		}
		return err.Error()
	}
	for name, c := range map[string]struct {
		status int
		header string
		body   string
		may    bool
		err    string
	}{
		"theirs":                               {200, "", `{"id":1}`, true, ""},
		"the name is somebody else's now":      {200, "", `{"id":2}`, false, ""},
		"not there, or not theirs":             {404, "", `{"message":"Not Found"}`, false, ""},
		"single sign-on was not passed":        {403, "X-GitHub-SSO: required; url=https://github.example", `{}`, false, ""},
		"blocked":                              {451, "", `{}`, false, ""},
		"revoked":                              {401, "", `{}`, false, "signed out"},
		"the limit is reached":                 {403, "X-RateLimit-Remaining: 0", `{}`, false, "limit"},
		"too many at once":                     {403, "Retry-After: 60", `{}`, false, "limit"},
		"GitHub is ill":                        {502, "", `<html>`, false, "temporary"},
		"an answer that is none":               {200, "", `<html>`, false, "temporary"},
		"a redirect that leads nowhere useful": {300, "", ``, false, "temporary"},
	} {
		t.Run(name, func(t *testing.T) {
			g := answering(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/repos/acme/shop" || r.Header.Get("Authorization") != "Bearer token" {
					t.Errorf("asked %s as %q", r.URL.Path, r.Header.Get("Authorization"))
				}
				if k, v, ok := strings.Cut(c.header, ": "); ok {
					w.Header().Set(k, v)
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			may, err := g.MayRead(t.Context(), "token", forge.Repo{ID: 1, Owner: "acme", Name: "shop"})
			if may != c.may || kind(err) != c.err {
				t.Errorf("may read: %t, %v", may, err)
			}
		})
	}
}

func TestReadableTurnsPages(t *testing.T) {
	g := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/user/installations" {
			fmt.Fprint(w, `{"installations":[{"id":5},{"id":6,"suspended_at":"2026-01-01T00:00:00Z"},{"id":7}]}`)
			return
		}
		var ids []string
		switch r.URL.Path + " " + r.URL.Query().Get("page") {
		case "/user/installations/5/repositories 1":
			for i := range pageSize {
				ids = append(ids, fmt.Sprintf(`{"id":%d}`, i+1))
			}
		case "/user/installations/5/repositories 2":
			ids = []string{`{"id":1000}`}
		case "/user/installations/7/repositories 1": // single sign-on
			http.Error(w, `{}`, http.StatusForbidden)
			return
		default:
			t.Errorf("asked for %s", r.URL)
		}
		fmt.Fprintf(w, `{"repositories":[%s]}`, strings.Join(ids, ","))
	})
	got, err := g.Readable(t.Context(), "token")
	if err != nil || len(got) != pageSize+1 || got[pageSize] != 1000 {
		t.Errorf("%d repositories, %v", len(got), err)
	}
}

func TestErrorsOfSigningInHoldNoSecret(t *testing.T) {
	g := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"error":"bad_verification_code","error_description":"the code CODE with the secret"}`)
	})
	_, _, err := g.Login(t.Context(), "CODE", "VERIFIER", "https://sluice.example/login/callback")
	if err == nil {
		t.Fatal("no error")
	}
	for _, secret := range []string{"the secret", "CODE", "VERIFIER"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q is in: %v", secret, err)
		}
	}
	if diff := cmp.Diff("[token] [token] {[token]}", fmt.Sprintf("%v %#v %v", Token{Value: "x"}, Token{Value: "x"}, struct{ T Token }{Token{Value: "x"}})); diff != "" {
		t.Errorf("a token prints itself:\n%s", diff)
	}
}

func TestGitHubDown(t *testing.T) {
	w := newWorld(t, nil)
	b := w.signedIn("qa")
	w.server.access.viewer = down{w.viewer}
	for path, want := range map[string]int{"/": http.StatusBadGateway, "/acme/shop": http.StatusBadGateway, "/events": http.StatusBadGateway} {
		if r := w.get(b, path); r.status != want || strings.Contains(r.body, "1.4.0") {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
}

// down is a GitHub that does not answer questions about repositories.
type down struct{ *viewer }

func (down) Readable(context.Context, string) ([]int64, error) {
	return nil, &forge.TemporaryError{Err: errors.New("connection refused")}
}
