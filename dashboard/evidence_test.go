package dashboard

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// archive is a Recorder with one version, for one person.
type archive struct{ login string }

func (a archive) Evidence(_ context.Context, repo int64, who forge.User, version string) (any, error) {
	switch {
	case repo != shopID || version != "1.4.0":
		return nil, store.ErrNotFound
	case who.Login != a.login:
		return nil, &RefusedError{Text: "This needs the role write, and yours here is read."}
	}
	empty := []any{}
	return map[string]any{
		"format": 1, "repository": "acme/shop", "version": version, "kind": "release", "status": "released", "commits": map[string]any{},
		"image": map[string]any{}, "approvals": empty, "checks": empty, "executions": empty, "deployments": empty, "secret_scans": empty, "audit": map[string]any{},
	}, nil
}

func TestEvidence(t *testing.T) {
	_, router := describedAPI(t)
	for _, c := range []struct {
		login, version string
		status         int
		text           string
	}{
		{"qa", "1.4.0", http.StatusOK, `"repository": "acme/shop"`},
		{"qa", "9.9.9", http.StatusNotFound, ""},
		{"reader", "1.4.0", http.StatusForbidden, "yours here is read"},
		{"mallory", "1.4.0", http.StatusNotFound, ""},
	} {
		w := newWorld(t, func(o *Options) { o.Recorder = archive{"qa"} })
		w.viewer.people["reader"], w.viewer.readable["reader"] = 12, []int64{shopID}
		page := w.get(w.signedIn(c.login), "/acme/shop/releases/"+c.version+"/evidence.json")
		if page.status != c.status || !strings.Contains(page.body, c.text) {
			t.Errorf("%s %s: %d %s", c.login, c.version, page.status, page.body)
		}
		if name := page.header.Get("Content-Disposition"); c.status == http.StatusOK && name != `attachment; filename="evidence-1.4.0.json"` {
			t.Errorf("it is called %s", name)
		}
		path := "/repos/acme/shop/releases/" + c.version + "/evidence"
		r := w.api(w.token(c.login, store.ScopeRead), http.MethodGet, path, "")
		if r.status != c.status {
			t.Errorf("%s %s over the API: %d %s", c.login, c.version, r.status, r.body)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/api/v1"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.described(router, req, "", r)
	}
	w := newWorld(t, func(o *Options) { o.Recorder = archive{"qa"} })
	if r := w.get(w.browser(), "/acme/shop/releases/1.4.0/evidence.json"); r.status == http.StatusOK || strings.Contains(r.body, "acme/shop\"") {
		t.Errorf("nobody: %d %s", r.status, r.body)
	}
}
