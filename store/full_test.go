package store_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/store/storetest"
	"github.com/sluicehq/sluice/webhooks"
)

const hookSecret = "of the tests"

// answered is what a sender of a delivery was told.
type answered struct {
	id, body   string
	status     int
	retryAfter string
}

// deliver posts a delivery as GitHub does.
func deliver(t *testing.T, url, id string) answered {
	const payload = `{"action":"created","installation":{"id":7},"repository":{"id":42}}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+webhooks.Path, strings.NewReader(payload))
	if err != nil {
		t.Error(err)
		return answered{id: id}
	}
	mac := hmac.New(sha256.New, []byte(hookSecret))
	_, _ = io.WriteString(mac, payload)
	for name, value := range map[string]string{
		"Content-Type": "application/json", "X-GitHub-Event": "issue_comment", "X-GitHub-Delivery": id,
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil)),
	} {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return answered{id: id}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return answered{id, string(body), res.StatusCode, res.Header.Get("Retry-After")}
}

// With all places taken, senders wait for one for a bounded time and are then told 503, while the database still takes nothing. What
// they were told stays true: when it takes something again, what was answered 202 is stored, and of what was answered 503 nothing,
// which is taken when it comes again.
func TestFullOverHTTP(t *testing.T) {
	t.Parallel()
	for name, database := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			s := storetest.Open(t, url, store.Options{AcceptQueue: 4, AcceptWait: 300 * time.Millisecond})
			hooks, err := webhooks.New(webhooks.Config{Secrets: []webhooks.Secret{webhooks.Secret(hookSecret)}, Acceptor: &bot.Bot{Store: s}, Registerer: prometheus.NewRegistry()})
			if err != nil {
				t.Fatal(err)
			}
			e := echo.New()
			hooks.Register(e)
			server := httptest.NewServer(e)
			defer server.Close()
			defer http.DefaultClient.CloseIdleConnections()

			release := lockAll(t, url, s)
			const senders = 100
			answers := make(chan answered, senders)
			for n := range senders {
				go func() { answers <- deliver(t, server.URL, fmt.Sprintf("00000000-0000-4000-8000-%012d", n)) }()
			}
			var got []answered
			for len(got) < senders/2 { // there are places for a few
				got = append(got, <-answers)
				if a := got[len(got)-1]; a.status == http.StatusAccepted {
					t.Errorf("%s is said to be stored, while nothing can be", a.id)
				}
			}
			release()
			for len(got) < senders {
				got = append(got, <-answers)
			}
			var kept, refused, unsure []string
			for _, a := range got {
				switch {
				case a.status == http.StatusAccepted:
					kept = append(kept, a.id)
				case a.status != http.StatusServiceUnavailable || a.retryAfter != "10":
					t.Errorf("%s: %d %s, Retry-After %q", a.id, a.status, a.body, a.retryAfter)
				case strings.Contains(a.body, "not known to be stored"): // a slow machine, on which the lock was held for long
					unsure = append(unsure, a.id)
				default:
					refused = append(refused, a.id)
				}
			}
			if !strings.Contains(got[0].body, "not stored in time; redeliver later") {
				t.Errorf("the first to give up is told %s", got[0].body)
			}
			stored := slices.DeleteFunc(deliveries(t, s), func(id string) bool { return slices.Contains(unsure, id) })
			slices.Sort(kept)
			slices.Sort(stored)
			if diff := cmp.Diff(kept, stored); diff != "" {
				t.Errorf("stored, beside what was answered 202 (-want +got):\n%s", diff)
			}
			for _, id := range refused[:3] {
				if a := deliver(t, server.URL, id); a.status != http.StatusAccepted || !strings.Contains(a.body, "accepted") {
					t.Errorf("%s again: %d %s", id, a.status, a.body)
				}
			}
		})
	}
}
