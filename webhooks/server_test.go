package webhooks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/webhooks"
)

const hello = `{"action":"created","installation":{"id":7},"repository":{"id":42}}`

func TestDeliveryIsHandedOverAsItCame(t *testing.T) {
	var s shelf
	e := serve(t, webhooks.Config{Acceptor: &s})
	r := post("issue_comment", hello, secret)
	r.Header.Set("X-GitHub-Delivery", strings.ToUpper(guid))
	w := e.do(r)

	if w.Code != http.StatusAccepted || w.Body.String() != `{"result":"accepted"}` {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	want := []event.Delivery{{
		ID: guid, Name: "issue_comment", Body: []byte(hello), InstallationID: 7, RepoID: 42, ReceivedAt: received,
	}}
	if diff := cmp.Diff(want, s.stored); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestWhatTheAcceptorSays(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		code int
		body string
	}{
		"stored":               {nil, 202, `{"result":"accepted"}`},
		"stored before":        {fmt.Errorf("delivery %s: %w", guid, event.ErrDuplicate), 202, `{"result":"duplicate"}`},
		"ID taken":             {event.ErrConflict, 409, `{"error":"this delivery ID is stored with another body"}`},
		"no room":              {event.ErrFull, 503, `{"error":"not stored in time; redeliver later"}`},
		"disk full":            {fmt.Errorf("%w: disk full at /secret/place", event.ErrUnavailable), 503, `{"error":"not stored: the database takes nothing now; redeliver later"}`},
		"no answer to commit":  {fmt.Errorf("%w: connection reset", event.ErrUnsure), 503, `{"error":"not known to be stored; redeliver it, which is harmless if it was"}`},
		"refused for good":     {errors.New("damaged at /secret/place"), 500, `{"error":"not stored; the operator finds the cause in the log"}`},
		"cancelled from below": {context.Canceled, 500, `{"error":"not stored; the operator finds the cause in the log"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(t, webhooks.Config{Acceptor: &shelf{err: tc.err}}).do(post("push", hello, secret))
			retry := map[bool]string{true: "10"}[tc.code == 503]
			if diff := cmp.Diff([]any{tc.code, tc.body, retry}, []any{w.Code, w.Body.String(), w.Header().Get("Retry-After")}); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// The first twelve of the inputs every receiver meets sooner or later, and their relatives.
func TestHostileRequests(t *testing.T) {
	with := func(header, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(header, value) }
	}
	without := func(header string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Del(header) }
	}
	body := func(body string) func(*http.Request) {
		return func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			r.Header.Set("X-Hub-Signature-256", sign([]byte(body), secret))
		}
	}
	for name, tc := range map[string]struct {
		change func(*http.Request)
		code   int
		stored int
	}{
		"no signature": {without("X-Hub-Signature-256"), 401, 0},
		"SHA-1 only": {func(r *http.Request) {
			r.Header.Del("X-Hub-Signature-256")
			r.Header.Set("X-Hub-Signature", "sha1=1b1c")
		}, 401, 0},
		"signature not hex":               {with("X-Hub-Signature-256", "sha256="+strings.Repeat("z", 64)), 401, 0},
		"announces 26 MB":                 {func(r *http.Request) { r.ContentLength = 26 << 20; r.Body = unread{t} }, 413, 0},
		"more than announced to be":       {func(r *http.Request) { r.ContentLength = -1; r.Body = io.NopCloser(io.LimitReader(zeros{}, 26<<20)) }, 413, 0},
		"cut in the middle":               {body(`{"repository":{"id":42`), 400, 0},
		"null":                            {body(`null`), 400, 0},
		"an array":                        {body(`[]`), 400, 0},
		"two objects":                     {body(`{}{}`), 400, 0},
		"empty":                           {body(``), 400, 0},
		"delivery is no GUID":             {with("X-GitHub-Delivery", "abc"), 400, 0},
		"delivery is a GUID with a brace": {with("X-GitHub-Delivery", "{"+guid[1:]), 400, 0},
		"no delivery":                     {without("X-GitHub-Delivery"), 400, 0},
		"two deliveries":                  {func(r *http.Request) { r.Header.Add("X-GitHub-Delivery", guid) }, 400, 0},
		"no event":                        {without("X-GitHub-Event"), 400, 0},
		"two events":                      {func(r *http.Request) { r.Header.Add("X-GitHub-Event", "push") }, 400, 0},
		"event is no name":                {with("X-GitHub-Event", "push\nX: y"), 400, 0},
		"event nobody knows":              {with("X-GitHub-Event", "marketplace_purchase"), 202, 1},
		"number in quotes":                {body(`{"action":"opened","number":"17","repository":{"id":42}}`), 202, 1},
		"IDs in quotes":                   {body(`{"installation":{"id":"7"},"repository":{"id":"42"}}`), 202, 1},
		"deep":                            {body(`{"a":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`), 400, 0},
		"form":                            {with("Content-Type", "application/x-www-form-urlencoded"), 415, 0},
		"no content type":                 {without("Content-Type"), 415, 0},
		"content type with a parameter":   {with("Content-Type", "Application/JSON; charset=utf-8"), 202, 1},
		"compressed":                      {with("Content-Encoding", "gzip"), 415, 0},
		"GET":                             {func(r *http.Request) { r.Method = http.MethodGet }, 405, 0},
		"PUT":                             {func(r *http.Request) { r.Method = http.MethodPut }, 405, 0},
		"hangs up":                        {func(r *http.Request) { r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), broken{})) }, 400, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var s shelf
			e := serve(t, webhooks.Config{Acceptor: &s})
			r := post("push", hello, secret)
			tc.change(r)
			w := e.do(r)
			if w.Code != tc.code || len(s.stored) != tc.stored {
				t.Errorf("answered %d, want %d; stored %d, want %d", w.Code, tc.code, len(s.stored), tc.stored)
			}
			if got := inFlight(t, e); got != 0 {
				t.Errorf("%v bytes are still held", got)
			}
		})
	}
}

func TestGETIsTold(t *testing.T) {
	w := serve(t, webhooks.Config{}).do(httptest.NewRequest(http.MethodGet, webhooks.Path, nil))
	if w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("answered %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestRegisterOnAGroup(t *testing.T) {
	server, err := webhooks.New(webhooks.Config{Secrets: []webhooks.Secret{webhooks.Secret(secret)}, Acceptor: &shelf{}})
	if err != nil {
		t.Fatal(err)
	}
	router := echo.New()
	server.Register(router.Group("/sluice"))
	r := post("push", hello, secret)
	r.URL.Path = "/sluice" + webhooks.Path
	w := httptest.NewRecorder()
	if router.ServeHTTP(w, r); w.Code != 202 {
		t.Errorf("answered %d", w.Code)
	}
}

// A huge push is stored as it is; what Sluice takes from it is small.
func TestHugePush(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(`{"ref":"refs/heads/development","before":"` + sha1 + `","after":"` + sha2 + `","commits":[`)
	message := strings.Repeat("all work and no play ", 580)
	for i := range 2048 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%040x","message":"%s"}`, i, message)
	}
	b.WriteString(`],"repository":{"id":42,"name":"shop","owner":{"login":"acme"}},"sender":{"id":1,"login":"ann","type":"User"}}`)
	var s shelf
	if w := serve(t, webhooks.Config{Acceptor: &s}).do(post("push", b.String(), secret)); w.Code != 202 {
		t.Fatalf("answered %d", w.Code)
	}
	got, err := webhooks.Translate(s.stored[0])
	if err != nil {
		t.Fatal(err)
	}
	want := []event.Event{event.Push{
		Origin: event.Origin{Repo: repo, Sender: ann}, Ref: "refs/heads/development", Branch: "development", Before: sha1, After: sha2,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestMetrics(t *testing.T) {
	e := serve(t, webhooks.Config{})
	e.do(post("push", hello, secret))
	e.do(post("no_such_event", hello, secret))
	e.do(post("push", hello, "guessed"))
	w := httptest.NewRecorder()
	promhttp.HandlerFor(e.registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`sluice_webhook_requests_total{result="accepted"} 2`,
		`sluice_webhook_requests_total{result="wrong-signature"} 1`,
		`sluice_webhook_events_total{event="push"} 1`,
		`sluice_webhook_events_total{event="other"} 1`,
		`sluice_webhook_signatures_total{secret="1"} 2`,
		`sluice_webhook_seconds_count 3`,
		`sluice_webhook_in_flight_bytes 0`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("no %s in\n%s", want, w.Body)
		}
	}
}

func TestNewNamesEveryWrongField(t *testing.T) {
	_, err := webhooks.New(webhooks.Config{Secrets: []webhooks.Secret{nil}, MaxInFlight: 1, RetryAfter: 1})
	for _, want := range []string{"secret 1 is empty", "no acceptor", "MaxInFlight", "RetryAfter"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("error does not name %q: %v", want, err)
		}
	}
	if _, err := webhooks.New(webhooks.Config{Acceptor: &shelf{}}); !strings.Contains(fmt.Sprint(err), "no secret") {
		t.Errorf("no secret at all: %v", err)
	}
}

// Nothing a stranger sends, and no secret, gets into the log.
func TestLogHoldsNoBody(t *testing.T) {
	e := serve(t, webhooks.Config{Acceptor: &shelf{err: errors.New("disk full")}})
	e.do(post("push", `{"marker-in-body":1}`, secret))
	e.do(post("push", `{"marker-in-body":`, secret))
	e.do(post("push", `{"marker-in-body":1}`, "wrong"))
	if log := e.log.String(); !strings.Contains(log, "disk full") || strings.Contains(log, "marker-in-body") || strings.Contains(log, secret) {
		t.Errorf("log:\n%s", log)
	}
}

type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}
func (unread) Close() error { return nil }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }
