package githubapp

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/fakegithub"
)

func TestReadTokenReadsOneRepositoryAndNoMore(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	other, err := w.s.AddRepo("acme/other", fakegithub.RepoConfig{DefaultBranch: "main", Private: true})
	w.must(err)
	_, err = other.Seed("main", "first", map[string]string{"README.md": "x"})
	w.must(err)
	token, err := w.app.ReadToken(t.Context(), w.install, w.repo.ID())
	w.must(err)
	ask := func(method, path, body string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, w.app.o.APIURL+path, strings.NewReader(body))
		w.must(err)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := w.transport.RoundTrip(req)
		w.must(err)
		w.must(resp.Body.Close())
		return resp.StatusCode
	}
	for _, tc := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "repos/acme/shop/contents/README.md", "", http.StatusOK},
		{"POST", "repos/acme/shop/git/refs", `{"ref":"refs/heads/x","sha":"` + w.master + `"}`, http.StatusForbidden},
		{"GET", "repos/acme/shop/pulls", "", http.StatusForbidden},
		{"GET", "repos/acme/other/contents/README.md", "", http.StatusNotFound},
	} {
		if got := ask(tc.method, tc.path, tc.body); got != tc.want {
			t.Errorf("%s %s: %d, want %d", tc.method, tc.path, got, tc.want)
		}
	}
	if _, err := w.app.ReadToken(t.Context(), w.install, 999_999); err == nil {
		t.Error("a token for a repository that is not there")
	}
}
