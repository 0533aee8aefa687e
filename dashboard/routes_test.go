package dashboard

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/store"
)

// routesRead says what each route answers who only looks: somebody who shows nothing, one with rights elsewhere, one who may write
// in the repository and is asked for there when evidence is, and one who maintains it; below /api/v1 with tokens that may read, and
// then also with one of monitoring.
const routesRead = `
/                                                      401 200 200 200
/-/:file                                               404 404 404 404
/:owner/:repo                                          401 404 200 200
/:owner/:repo/executions/:id                           401 404 200 200
/:owner/:repo/executions/:id/act                       405 405 405 405
/:owner/:repo/executions/:id/log                       401 404 200 200
/:owner/:repo/executions/:id/log/events                401 404 200 200
/:owner/:repo/releases/:version                        401 404 200 200
/:owner/:repo/releases/:version/evidence.json          401 404 200 403
/api/v1/alarms                                         405 405 405 405 405
/api/v1/approvals                                      401 200 200 200 403
/api/v1/openapi.json                                   200 200 200 200 200
/api/v1/repos                                          401 200 200 200 403
/api/v1/repos/:owner/:repo                             401 404 200 200 403
/api/v1/repos/:owner/:repo/audit                       401 404 403 200 403
/api/v1/repos/:owner/:repo/commands                    405 405 405 405 405
/api/v1/repos/:owner/:repo/environments                401 404 200 200 403
/api/v1/repos/:owner/:repo/executions                  401 404 200 200 403
/api/v1/repos/:owner/:repo/executions/:id              401 404 200 200 403
/api/v1/repos/:owner/:repo/executions/:id/log          401 404 200 200 403
/api/v1/repos/:owner/:repo/executions/:id/log/events   401 404 200 200 403
/api/v1/repos/:owner/:repo/operations/:id              401 404 200 404 200
/api/v1/repos/:owner/:repo/releases                    401 404 200 200 403
/api/v1/repos/:owner/:repo/releases/:version           401 404 200 200 403
/api/v1/repos/:owner/:repo/releases/:version/evidence  401 404 200 403 403
/api/v1/user                                           401 200 200 200 200
/approvals                                             401 200 200 200
/events                                                401 200 200 200
/login                                                 303 303 303 303
/login/callback                                        400 400 400 400
/logout                                                405 405 405 405
/setup                                                 401 403 403 403
/tokens                                                401 200 200 200
`

// glance gets a path, and of a stream that goes on nothing but its beginning.
func (w *world) glance(b *http.Client, path, token string) reply {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := b.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return reply{status: res.StatusCode}
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(body)}
}

// Every route answers each of them as it is written down, and shows nothing of a repository to who may not read it.
func TestRoutesRead(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Recorder, o.Examiner = archive{"qa"}, examined{} })
	w.viewer.people["rm"], w.viewer.readable["rm"] = 9, []int64{shopID}
	o := store.Operation{ID: "op1", RepoID: shopID, By: w.owner("qa"), Command: "/status", Status: store.OperationWaiting, CreatedAt: noon}
	if err := w.store.Write(t.Context(), func(tx *store.Tx) error { _, err := tx.CreateOperation(t.Context(), o); return err }); err != nil {
		t.Fatal(err)
	}
	browsers := []*http.Client{w.browser(), w.signedIn("mallory"), w.signedIn("qa"), w.signedIn("rm")}
	tokens := []string{"", w.token("mallory", store.ScopeAct), w.token("qa", store.ScopeRead), w.token("rm", store.ScopeRead), w.token("qa", store.ScopeAlarms)}
	e := echo.New()
	w.server.Register(e)
	var paths []string
	for _, r := range e.Routes() {
		if r.Path != "/*" && !slices.Contains(paths, r.Path) {
			paths = append(paths, r.Path)
		}
	}
	slices.Sort(paths)
	var got strings.Builder
	for _, path := range paths {
		fmt.Fprintf(&got, "%-54s", path)
		at := strings.NewReplacer(":owner", "acme", ":repo", "shop", "executions/:id", "executions/excand", "operations/:id", "operations/op1", ":version", "1.4.0", ":file", "none").Replace(path)
		if strings.HasSuffix(at, "/log/events") {
			at += "?action=Build/build"
		}
		var answers []reply
		if strings.HasPrefix(at, "/api/v1") {
			for _, token := range tokens {
				answers = append(answers, w.glance(w.browser(), at, token))
			}
		} else {
			for _, b := range browsers {
				answers = append(answers, w.glance(b, at, ""))
			}
		}
		for i, r := range answers {
			fmt.Fprintf(&got, " %d", r.status)
			if i < 2 && path != "/api/v1/openapi.json" && (strings.Contains(r.body, "acme/shop/") || strings.Contains(r.body, digest("c"))) {
				t.Errorf("%s shows somebody who may not read the repository:\n%s", path, r.body)
			}
		}
		got.WriteByte('\n')
	}
	if diff := cmp.Diff(strings.TrimLeft(routesRead, "\n"), got.String()); diff != "" {
		t.Errorf("who may read what (-written down +answered):\n%s", diff)
	}
}
