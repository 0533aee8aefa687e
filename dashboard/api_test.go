package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// shopPaths are all that can be read of a repository.
func shopPaths(repo string) []string {
	var out []string
	for _, p := range []string{"", "/executions", "/executions?page=1", "/executions/excand", "/executions/excand/log", "/executions/exfailed/log?action=Build/build&colors=1", "/releases", "/releases/1.4.0", "/releases/1.3.0", "/environments"} {
		out = append(out, "/repos/"+repo+p)
	}
	return out
}

func TestReadingWithAToken(t *testing.T) {
	_, router := describedAPI(t)
	w := newWorld(t, nil)
	read := w.token("qa", store.ScopeRead)
	look := func(token, path string) reply {
		t.Helper()
		r := w.api(token, http.MethodGet, path, "")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/api/v1"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.described(router, req, "", r)
		return r
	}
	for _, path := range append(shopPaths("acme/shop"), "/repos", "/repos?q=shop", "/approvals", "/user", "/openapi.json") {
		if r := look(read, path); r.status != http.StatusOK {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
	other := w.token("mallory", store.ScopeAct)
	for _, path := range append(shopPaths("acme/shop"), "/repos/acme/shop/audit", "/repos/rival/secret-project/executions/excand", "/repos/acme/nothing") {
		if r := look(other, path); r.status != http.StatusNotFound || strings.Contains(r.body, "1.4.0") {
			t.Errorf("GET %s of somebody else: %d %s", path, r.status, r.body)
		}
	}
	for _, path := range []string{"/repos", "/repos?q=acme", "/approvals"} {
		if r := look(other, path); r.status != http.StatusOK || strings.Contains(r.body, "acme/") {
			t.Errorf("GET %s of somebody else: %d %s", path, r.status, r.body)
		}
	}
	if r := look(other, "/repos/rival/secret-project"); r.status != http.StatusOK {
		t.Errorf("their own: %d %s", r.status, r.body)
	}
	if r := look("", "/repos"); r.status != http.StatusUnauthorized || r.header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a token: %d", r.status)
	}
	w.viewer.mu.Lock()
	asked := w.viewer.roles
	w.viewer.mu.Unlock()
	if asked != 4 { // two people, two repositories
		t.Errorf("GitHub was asked %d times within a minute", asked)
	}
}

func TestReadingWhileGitHubIsDown(t *testing.T) {
	w := newWorld(t, nil)
	token := w.token("qa", store.ScopeAct)
	w.viewer.err = &forge.TemporaryError{Err: fmt.Errorf("connection refused")}
	for _, path := range append(shopPaths("acme/shop"), "/repos", "/approvals", "/repos/acme/shop/audit") {
		if r := w.api(token, http.MethodGet, path, ""); r.status != http.StatusBadGateway || strings.Contains(r.body, "1.4.0") {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
	if r := w.api(token, http.MethodPost, "/repos/acme/shop/commands", `{"command": "status"}`); r.status != http.StatusBadGateway || len(w.actor.commands()) > 0 {
		t.Errorf("a command: %d %s", r.status, r.body)
	}
}

func TestAuditOverAPI(t *testing.T) {
	_, router := describedAPI(t)
	w := newWorld(t, nil)
	w.viewer.people["rm"], w.viewer.readable["rm"] = 11, []int64{shopID}
	manager, writer := w.token("rm", store.ScopeRead), w.token("qa", store.ScopeRead)
	if r := w.api(writer, http.MethodGet, "/repos/acme/shop/audit", ""); r.status != http.StatusForbidden || !strings.Contains(r.body, "yours here is write") {
		t.Errorf("a writer: %d %s", r.status, r.body)
	}
	var seqs []int64
	for after := int64(0); ; {
		path := fmt.Sprintf("/repos/acme/shop/audit?limit=1&after=%d", after)
		r := w.api(manager, http.MethodGet, path, "")
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/api/v1"+path, nil)
		w.described(router, req, "", r)
		var list AuditEntries
		if err := json.Unmarshal([]byte(r.body), &list); err != nil || r.status != http.StatusOK {
			t.Fatalf("%d %v", r.status, err)
		}
		for _, e := range list.Entries {
			seqs = append(seqs, e.Seq)
		}
		if after = list.After; after == 0 {
			break
		}
	}
	var want []int64
	for i := range seqs {
		want = append(want, int64(i+1))
	}
	if diff := cmp.Diff(want, seqs); diff != "" || len(seqs) < 2 {
		t.Errorf("entries, one at a time (-want +got):\n%s", diff)
	}
	for _, query := range []string{"limit=0", "limit=501", "limit=x", "after=-1", "after=x"} {
		if r := w.api(manager, http.MethodGet, "/repos/acme/shop/audit?"+query, ""); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, r.status)
		}
	}
}

func TestCommands(t *testing.T) {
	_, router := describedAPI(t)
	for name, c := range map[string]struct {
		login  string
		scope  store.AccessScope
		body   string
		header []string
		path   string
		status int
		want   []string
		says   string
	}{
		"a command":                      {body: `{"command": "release start", "args": ["1.4.0", "--from", "abc"]}`, status: 202, want: []string{"/release start 1.4.0 --from abc"}, says: `"status": "waiting"`},
		"as typed in a comment":          {body: `{"command": "/status"}`, status: 202, want: []string{"/status"}},
		"about a release, dry":           {body: `{"command": "promote", "release": "1.4.0", "dry_run": true}`, status: 202, want: []string{"1.4.0 /promote --dry-run"}},
		"one that is not there":          {body: `{"command": "frobnicate"}`, status: 422, says: `"usage": "/help"`},
		"two lines":                      {body: `{"command": "status\n/approve"}`, status: 400, says: "one line"},
		"a line separator":               {body: "{\"command\": \"reject\", \"args\": [\"a\u2028/approve\"]}", status: 400, says: "one line"},
		"nothing":                        {body: `{"command": " "}`, status: 400, says: "command is missing"},
		"an unknown field":               {body: `{"command": "status", "pul": 3}`, status: 400, says: "Unknown field"},
		"two values":                     {body: `{"command": "status"} {}`, status: 400, says: "more than one"},
		"no JSON":                        {body: `status`, status: 400},
		"too long":                       {body: `{"command": "reject", "args": ["` + strings.Repeat("x", maxCommand) + `"]}`, status: 400, says: "longer"},
		"far too long":                   {body: `{"command": "` + strings.Repeat("x", maxForm) + `"}`, status: 400},
		"a form, as a page could send":   {body: `{"command": "status"}`, header: []string{"Content-Type", "text/plain"}, status: 415},
		"a pull request and a release":   {body: `{"command": "retry", "pull": 3, "release": "1.4.0"}`, status: 400, says: "not both"},
		"a key that is too long":         {body: `{"command": "status"}`, header: []string{"Idempotency-Key", strings.Repeat("k", maxKey+1)}, status: 400},
		"a token that may read":          {scope: store.ScopeRead, body: `{"command": "status"}`, status: 403, says: "may only read"},
		"a repository that is not seen":  {login: "mallory", body: `{"command": "status"}`, status: 404},
		"a repository that is not there": {path: "/repos/acme/nothing/commands", body: `{"command": "status"}`, status: 404},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			login, scope, path := "qa", store.ScopeAct, "/repos/acme/shop/commands"
			if c.login != "" {
				login = c.login
			}
			if c.scope != "" {
				scope = c.scope
			}
			if c.path != "" {
				path = c.path
			}
			r := w.api(w.token(login, scope), http.MethodPost, path, c.body, c.header...)
			if r.status != c.status || !strings.Contains(r.body, c.says) {
				t.Errorf("%d %s", r.status, r.body)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/api/v1"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			w.described(router, req, c.body, r)
			if diff := cmp.Diff(c.want, w.actor.commands()); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
			if len(c.want) > 0 && w.actor.by.ID != 7 {
				t.Errorf("by %+v", w.actor.by)
			}
		})
	}
}

func TestCommandOnce(t *testing.T) {
	w := newWorld(t, nil)
	qa, other := w.token("qa", store.ScopeAct), w.token("mallory", store.ScopeAct)
	w.viewer.public[shopID] = true
	give := func(token, key, command string) (reply, Operation) {
		t.Helper()
		r := w.api(token, http.MethodPost, "/repos/acme/shop/commands", `{"command": "`+command+`"}`, "Idempotency-Key", key)
		var o Operation
		if err := json.Unmarshal([]byte(r.body), &o); err != nil && r.status == http.StatusAccepted {
			t.Fatal(err)
		}
		return r, o
	}
	_, first := give(qa, "1", "status")
	if _, again := give(qa, "1", "status"); again.ID != first.ID {
		t.Errorf("the same key is another operation: %s, %s", first.ID, again.ID)
	}
	if r, _ := give(qa, "1", "promote"); r.status != http.StatusConflict {
		t.Errorf("the same key for another command: %d", r.status)
	}
	for name, o := range map[string]func() (reply, Operation){
		"another key":      func() (reply, Operation) { return give(qa, "2", "status") },
		"another person's": func() (reply, Operation) { return give(other, "1", "status") },
		"no key":           func() (reply, Operation) { return give(qa, "", "status") },
	} {
		if r, got := o(); r.status != http.StatusAccepted || got.ID == first.ID {
			t.Errorf("%s: %d, the same operation: %t", name, r.status, got.ID == first.ID)
		}
	}
	path := "/repos/acme/shop/operations/" + first.ID
	if r := w.api(qa, http.MethodGet, path, ""); r.status != http.StatusOK || !strings.Contains(r.body, `"waiting"`) {
		t.Errorf("asked for: %d %s", r.status, r.body)
	}
	if r := w.api(other, http.MethodGet, path, ""); r.status != http.StatusNotFound {
		t.Errorf("asked for by somebody else: %d", r.status)
	}
	if r := w.api(qa, http.MethodGet, "/repos/rival/secret-project/operations/"+first.ID, ""); r.status != http.StatusNotFound {
		t.Errorf("asked for in another repository: %d", r.status)
	}
}

// What opens below /api/v1/ is a token that is valid, and nothing else.
func TestBearer(t *testing.T) {
	w := newWorld(t, nil)
	good := w.token("qa", store.ScopeAct)
	change := func(f func(*store.AccessToken)) string {
		text, record := newToken(store.AccessToken{Owner: forge.User{ID: 7, Login: "qa"}, Scope: store.ScopeAct, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)})
		f(&record)
		err := w.store.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateAccessToken(t.Context(), record) })
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	parts := strings.Split(good, "_")
	for name, token := range map[string]string{
		"anything":              "x",
		"a token for GitHub":    "ghu_16C7e42F292c6912E7710c838347Ae178B4a",
		"without the prefix":    strings.TrimPrefix(good, tokenPrefix),
		"cut":                   good[:len(good)-2],
		"longer":                good + "00",
		"another secret":        parts[0] + "_" + parts[1] + "_" + strings.Repeat("0", 2*secretBytes),
		"an ID that is not had": parts[0] + "_" + store.NewID() + "_" + parts[2],
		"expired":               change(func(a *store.AccessToken) { a.ExpiresAt = noon }),
		"revoked":               change(func(a *store.AccessToken) { a.RevokedAt = noon.Add(-time.Hour) }),
		"no hash":               change(func(a *store.AccessToken) { a.SecretHash = nil }),
	} {
		clear(w.server.gate.failures) // nobody asks at the same time
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			path := map[string]string{http.MethodGet: "/user", http.MethodPost: "/repos/acme/shop/commands"}[method]
			if r := w.api(token, method, path, ""); r.status != http.StatusUnauthorized {
				t.Errorf("%s: %s %d", name, method, r.status)
			}
		}
	}
	clear(w.server.gate.failures)
	for name, header := range map[string]string{"basic": "Basic " + good, "no scheme": good, "lower case": "bearer " + good} {
		r := w.api("", http.MethodGet, "/user", "", "Authorization", header)
		if (r.status == http.StatusOK) != (name == "lower case") {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	if r := w.get(w.signedIn("qa"), "/api/v1/user"); r.status != http.StatusUnauthorized {
		t.Errorf("a cookie: %d", r.status)
	}
	for _, path := range []string{"/", "/acme/shop", "/tokens", "/events"} {
		if r := w.send(w.browser(), http.MethodGet, path, nil, "Authorization", "Bearer "+good); r.status != http.StatusUnauthorized {
			t.Errorf("a token on the page %s: %d", path, r.status)
		}
	}
	for _, path := range []string{actPath, "/tokens", "/logout"} {
		if r := w.send(w.browser(), http.MethodPost, path, nil, "Authorization", "Bearer "+good); r.status != http.StatusUnauthorized {
			t.Errorf("a token for the form %s: %d", path, r.status)
		}
	}
}

func TestGuessing(t *testing.T) {
	w := newWorld(t, nil)
	known, other := w.token("qa", store.ScopeRead), w.token("qa", store.ScopeRead)
	if r := w.api(known, http.MethodGet, "/user", ""); r.status != http.StatusOK {
		t.Fatal(r.status)
	}
	var r reply
	for range maxFailures + 1 {
		r = w.api("sluice_guess", http.MethodGet, "/user", "")
	}
	if r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") != "301" {
		t.Errorf("guessing on and on: %d, again after %q", r.status, r.header.Get("Retry-After"))
	}
	if r := w.api(other, http.MethodGet, "/user", ""); r.status != http.StatusTooManyRequests {
		t.Errorf("a token that was not seen yet, from there: %d", r.status)
	}
	if r := w.api(known, http.MethodGet, "/user", ""); r.status != http.StatusOK {
		t.Errorf("a token that was good before: %d", r.status)
	}
	g, now := w.server.gate, noon
	g.now = func() time.Time { return now }
	now = now.Add(failuresFor)
	if r := w.api(other, http.MethodGet, "/user", ""); r.status != http.StatusOK {
		t.Errorf("five minutes later: %d", r.status)
	}
}

func TestPeers(t *testing.T) {
	for from, want := range map[string]netip.Prefix{
		"203.0.113.9:1":          netip.MustParsePrefix("203.0.113.9/32"),
		"[::ffff:203.0.113.9]:1": netip.MustParsePrefix("203.0.113.9/32"),
		"[2001:db8:1:2:3::4]:1":  netip.MustParsePrefix("2001:db8:1:2::/64"),
		"[fe80::1%eth0]:1":       netip.MustParsePrefix("fe80::/64"),
		"@":                      {},
	} {
		if got := peerOf(&http.Request{RemoteAddr: from}); got != want {
			t.Errorf("%s is %v, want %v", from, got, want)
		}
	}
}
