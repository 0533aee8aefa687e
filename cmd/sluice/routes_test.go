package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/config"
)

// changingRoutes are the routes of a server that change something: those that answer a writing method with anything else
// than "not allowed". Each is asked by somebody who shows nothing, and has to refuse.
func changingRoutes(t *testing.T, name string, srv *http.Server) []string {
	t.Helper()
	e, ok := srv.Handler.(*echo.Echo)
	if !ok {
		t.Fatalf("the %s server is a %T: how are its routes listed?", name, srv.Handler)
	}
	var out []string
	for _, r := range e.Routes() {
		if !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, r.Method) {
			continue
		}
		parts := strings.Split(r.Path, "/")
		for i, p := range parts {
			if strings.HasPrefix(p, ":") || p == "*" {
				parts[i] = "x"
			}
		}
		w := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(t.Context(), r.Method, strings.Join(parts, "/"), strings.NewReader(`{"command": "status"}`))
		req.Header.Set("Content-Type", "application/json")
		e.ServeHTTP(w, req)
		if w.Code == http.StatusMethodNotAllowed {
			continue
		}
		if w.Code < 400 || w.Code >= 500 {
			t.Errorf("%s %s %s: %d for somebody who shows nothing", name, r.Method, r.Path, w.Code)
		}
		out = append(out, name+" "+r.Method+" "+r.Path)
	}
	return out
}

// Every route that changes something is written down with who may use it, and refuses whoever shows nothing.
func TestRoutesAreWrittenDown(t *testing.T) {
	f := newFlow(t, "")
	cfg, err := config.ServerFlags{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", PublicURL: "http://127.0.0.1:8080", Data: filepath.Join(f.dir, "routes"),
		GitHubAppID: "1", GitHubWebhookSecret: flowSecret, GitHubAPIURL: f.hub.URL() + "/", GitHubURL: f.hub.URL() + "/", GitHubClientID: "client",
		AWSTopics: flowTopic, AWSEventSecret: flowAWSSecret,
	}.Resolve(func(name string) string {
		return map[string]string{
			"SLUICE_GITHUB_PRIVATE_KEY_FILE": filepath.Join(f.dir, "app.pem"), "SLUICE_GITHUB_CLIENT_SECRET": "a secret of the tests",
		}[name]
	}, config.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := newServer(t.Context(), cfg, slog.New(slog.DiscardHandler), wiring{unpaced: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		srv.pages.Close()
		if err := srv.close(); err != nil {
			t.Error(err)
		}
	}()
	got := append(changingRoutes(t, "public", srv.publicServer()), changingRoutes(t, "admin", srv.adminServer(&health{server: srv}))...)

	text, err := os.ReadFile("testdata/routes.txt")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		route, who, _ := strings.Cut(line, "|")
		if who = strings.TrimSpace(who); !slices.Contains([]string{"commands", "own", "signature", "operator"}, who) {
			t.Errorf("%s: %q is no answer to who may", line, who)
		}
		want = append(want, strings.TrimSpace(route))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes that change something (-testdata/routes.txt +served):\n%s", diff)
	}
}
