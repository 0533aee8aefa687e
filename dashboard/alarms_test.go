package dashboard

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/store"
)

const p99 = `{"id": "fp-1", "repository": "acme/shop", "environment": "production", "name": "p99", "state": "raised", "reason": "above 2 s"}`

// alarm posts what monitoring says, and holds request and answer against the description.
func (w *world) alarm(t *testing.T, token, body string) reply {
	t.Helper()
	_, router := describedAPI(t)
	r := w.api(token, http.MethodPost, "/alarms", body)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/api/v1/alarms", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	w.described(router, req, body, r)
	return r
}

// The same alarm twice is one, whatever its reason says by then; raised and cleared, under one id, are two.
func TestAlarms(t *testing.T) {
	w := newWorld(t, nil)
	token := w.token("qa", store.ScopeAlarms)
	var ids []string
	for _, body := range []string{p99, p99, strings.Replace(p99, "2 s", "3 s", 1), strings.Replace(p99, "raised", "cleared", 1), strings.Replace(p99, "fp-1", "fp-2", 1)} {
		r := w.alarm(t, token, body)
		if r.status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", body, r.status, r.body)
		}
		var o Operation
		if err := json.Unmarshal([]byte(r.body), &o); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, o.ID)
		if path := r.header.Get("Location"); path != o.Path {
			t.Errorf("Location is %s, and the operation says %s", path, o.Path)
		}
		if r := w.api(token, http.MethodGet, strings.TrimPrefix(o.Path, "/api/v1"), ""); r.status != http.StatusOK {
			t.Errorf("GET %s: %d %s", o.Path, r.status, r.body)
		}
	}
	if ids[0] != ids[1] || ids[0] != ids[2] || ids[0] == ids[3] || ids[0] == ids[4] || ids[3] == ids[4] {
		t.Errorf("the operations are %v", ids)
	}
	want := []string{"raised production p99 above 2 s", "raised production p99 above 2 s", "raised production p99 above 2 s", "cleared production p99 above 2 s", "raised production p99 above 2 s"}
	if diff := cmp.Diff(want, w.actor.commands()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAlarmRefusals(t *testing.T) {
	w := newWorld(t, nil)
	token := w.token("qa", store.ScopeAlarms)
	change := func(old, with string) string { return strings.Replace(p99, old, with, 1) }
	for name, c := range map[string]struct {
		token, body string
		status      int
		says        string
	}{
		"no token":             {"", p99, http.StatusUnauthorized, ""},
		"a token that reads":   {w.token("qa", store.ScopeRead), p99, http.StatusForbidden, "Make one for alarms"},
		"unknown environment":  {token, change("production", "prod"), http.StatusUnprocessableEntity, "there is production"},
		"unknown repository":   {token, change("acme/shop", "acme/nothing"), http.StatusNotFound, "acme/nothing"},
		"somebody else's":      {w.token("mallory", store.ScopeAlarms), p99, http.StatusNotFound, "acme/shop"},
		"no repository":        {token, change("acme/shop", "shop"), http.StatusBadRequest, "owner/name"},
		"no id":                {token, change("fp-1", ""), http.StatusBadRequest, "id"},
		"no reason":            {token, change("above 2 s", " "), http.StatusBadRequest, "reason"},
		"another state":        {token, change("raised", "firing"), http.StatusBadRequest, "raised or cleared"},
		"a line break in name": {token, change("p99", `p\n99`), http.StatusBadRequest, "control characters"},
		"an unknown field":     {token, change(`"id"`, `"severity": "high", "id"`), http.StatusBadRequest, "severity"},
		"too long":             {token, change("above 2 s", strings.Repeat("x", 1001)), http.StatusBadRequest, "longer than 1000"},
		"twice":                {token, p99 + p99, http.StatusBadRequest, "more than one"},
	} {
		t.Run(name, func(t *testing.T) {
			if r := w.alarm(t, c.token, c.body); r.status != c.status || !strings.Contains(strings.ToLower(r.body), strings.ToLower(c.says)) {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
	if got := w.actor.commands(); len(got) != 0 {
		t.Errorf("handed in were %q", got)
	}
}

// A token of monitoring raises alarms, asks what came of them and whose it is; it reads nothing and gives no commands.
func TestAlarmTokenDoesNothingElse(t *testing.T) {
	w := newWorld(t, nil)
	token := w.token("qa", store.ScopeAlarms)
	for _, path := range append(shopPaths("acme/shop"), "/repos", "/approvals", "/repos/acme/shop/audit") {
		if r := w.api(token, http.MethodGet, path, ""); r.status != http.StatusForbidden || strings.Contains(r.body, "1.4.0") {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
	if r := w.api(token, http.MethodPost, "/repos/acme/shop/commands", `{"command": "status"}`); r.status != http.StatusForbidden {
		t.Errorf("a command: %d %s", r.status, r.body)
	}
	if r := w.api(token, http.MethodGet, "/user", ""); r.status != http.StatusOK || !strings.Contains(r.body, `"alarms"`) {
		t.Errorf("whose it is: %d %s", r.status, r.body)
	}
	if r := w.alarm(t, w.token("qa", store.ScopeAct), p99); r.status != http.StatusAccepted {
		t.Errorf("a token that acts: %d %s", r.status, r.body)
	}
}
