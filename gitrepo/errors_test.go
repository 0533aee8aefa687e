package gitrepo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/gitrepo"
)

const (
	token  = "ghs_12345_eyJhbGciOiJ.eyJpc3MiOiIx.c2ln"
	absent = "1111111111111111111111111111111111111111"
)

func TestRefusedSources(t *testing.T) {
	sha := strings.Repeat("a", 40)
	for name, from := range map[string]gitrepo.Source{
		"file":                  {URL: "file:///etc", SHA: sha},
		"a path":                {URL: "/etc", SHA: sha},
		"a relative path":       {URL: "repo.git", SHA: sha},
		"ssh":                   {URL: "ssh://git@github.com/acme/shop", SHA: sha},
		"scp's form":            {URL: "git@github.com:acme/shop", SHA: sha},
		"git":                   {URL: "git://github.com/acme/shop", SHA: sha},
		"a command":             {URL: "ext::sh -c touch% /tmp/x", SHA: sha},
		"an option":             {URL: "--upload-pack=touch /tmp/x", SHA: sha},
		"http to another host":  {URL: "http://github.com/acme/shop", SHA: sha},
		"http to a likely host": {URL: "http://127.0.0.1.example.com/acme/shop", SHA: sha},
		"credentials":           {URL: "https://x:" + token + "@github.com/acme/shop", SHA: sha},
		"a user":                {URL: "https://" + token + "@github.com/acme/shop", SHA: sha},
		"malformed":             {URL: "https://x:" + token + "@github.com:port/%zz", SHA: sha},
		"no host":               {URL: "https:///acme/shop", SHA: sha},
		"a query":               {URL: "https://github.com/acme/shop?x=" + token, SHA: sha},
		"nothing":               {SHA: sha},
		"a branch":              {URL: "https://github.com/acme/shop", SHA: "master"},
		"a short SHA":           {URL: "https://github.com/acme/shop", SHA: sha[:7]},
		"a SHA in capitals":     {URL: "https://github.com/acme/shop", SHA: strings.ToUpper(sha)},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "work")
			_, err := gitrepo.Cloner{Transport: unreachable{t}}.Clone(t.Context(), from, dir)
			var e *gitrepo.Error
			if !errors.As(err, &e) || e.Temporary() || strings.Contains(err.Error(), token) {
				t.Errorf("error: %v", err)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("the folder was made")
			}
		})
	}
}

type unreachable struct{ t *testing.T }

func (u unreachable) RoundTrip(r *http.Request) (*http.Response, error) {
	u.t.Errorf("asked %s", r.URL.Host)
	return nil, errors.New("no network")
}

func TestFailures(t *testing.T) {
	w := newWork(t)
	w.write("big", strings.Repeat("all work and no play\n", 1000))
	past := w.commit("one")
	head := w.commit("two")
	status := func(code int, text string) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, code) })
		}
	}
	for name, tc := range map[string]struct {
		wrap      func(http.Handler) http.Handler
		sha       string
		maxBytes  int64
		temporary bool
		says      string
	}{
		"no such commit":                 {nil, absent, 0, false, "allowReachableSHA1InWant"},
		"the server refuses old commits": {nil, past, 0, false, "allowReachableSHA1InWant"},
		"no such repository":             {status(404, "Not Found"), head, 0, false, "Contents: read"},
		"not allowed":                    {status(403, "Resource not accessible"), head, 0, false, "Contents: read"},
		"token expired":                  {status(401, "Bad credentials for "+token), head, 0, false, "token that has not expired"},
		"server down":                    {status(502, "<html>"+strings.Repeat("\x1b[31mBad Gateway", 5000)), head, 0, true, "502"},
		"too many requests":              {status(429, "slow down"), head, 0, true, "429"},
		"nonsense":                       {status(200, "hello"), head, 0, false, "refs"},
		"cut in the middle":              {cut, head, 0, true, "receive the commit"},
		"too large":                      {nil, head, 100, false, "larger than allowed"},
		"redirect to another host":       {redirect("http://localhost.example.com"), head, 0, false, "redirects to another host"},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, w, tc.wrap)
			server.cloner.MaxBytes = tc.maxBytes
			dir := t.TempDir()
			from := server.source(tc.sha)
			from.Token = token
			_, err := server.cloner.Clone(t.Context(), from, dir)
			var e *gitrepo.Error
			if !errors.As(err, &e) {
				t.Fatalf("error: %v", err)
			}
			if e.Temporary() != tc.temporary || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), tc.sha) {
				t.Errorf("temporary is %t: %v", e.Temporary(), err)
			}
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, token) || strings.Contains(text, "\x1b") || len(err.Error()) > 600 {
				t.Errorf("error gives away too much: %.2000s", text)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

// cut ends the connection within the pack.
func cut(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		whole := httptest.NewRecorder()
		next.ServeHTTP(whole, r)
		w.Header().Set("Content-Type", whole.Header().Get("Content-Type"))
		w.Header().Set("Content-Length", fmt.Sprint(whole.Body.Len()))
		_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
}

func redirect(host string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, host+r.URL.RequestURI(), http.StatusMovedPermanently)
		})
	}
}

func TestNobodyListens(t *testing.T) {
	w := newWork(t)
	server := serve(t, w, nil)
	server.Close()
	_, err := server.cloner.Clone(t.Context(), server.source(absent), t.TempDir())
	var e *gitrepo.Error
	if !errors.As(err, &e) || !e.Temporary() {
		t.Errorf("error: %v", err)
	}
}

func TestCloneIsCancelled(t *testing.T) {
	w := newWork(t)
	sha := w.commit("one")
	ctx, cancel := context.WithCancel(t.Context())
	server := serve(t, w, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				_, _ = io.Copy(io.Discard, r.Body) // else the server does not see the client leave
				cancel()
				<-r.Context().Done()
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	_, err := server.cloner.Clone(ctx, server.source(sha), t.TempDir())
	var e *gitrepo.Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || !e.Temporary() {
		t.Errorf("error: %v", err)
	}
}

// A renamed repository is found where the same server says it is now.
func TestRedirectWithinTheHost(t *testing.T) {
	w := newWork(t)
	w.write("f", "x")
	sha := w.commit("one")
	server := serve(t, w, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if rest, ok := strings.CutPrefix(r.URL.Path, "/old/"); ok {
				http.Redirect(w, r, "/"+rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	dir := t.TempDir()
	_, err := server.cloner.Clone(t.Context(), gitrepo.Source{URL: server.URL + "/old/.git", SHA: sha}, dir)
	if err != nil || files(t, dir)["f"] != "- x" {
		t.Errorf("%v %v", files(t, dir), err)
	}
}

// The token is sent as GitHub wants it, and stays nowhere in the clone.
func TestToken(t *testing.T) {
	w := newWork(t)
	w.write("f", "x")
	sha := w.commit("one")
	server := serve(t, w, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "x-access-token" || password != token {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	from := server.source(sha)
	if _, err := server.cloner.Clone(t.Context(), from, t.TempDir()); err == nil {
		t.Error("cloned without a token")
	}
	from.Token = token
	dir := t.TempDir()
	if _, err := server.cloner.Clone(t.Context(), from, dir); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(token)) {
			t.Errorf("the token is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v %s %x", from, from, from, from.Token, from.Token) + string(asJSON); strings.Contains(text, token) {
		t.Errorf("printed: %s", text)
	}
}
