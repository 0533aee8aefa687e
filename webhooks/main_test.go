package webhooks_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/webhooks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	guid   = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
	secret = "It's a Secret to Everybody"
)

var received = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// shelf is an Acceptor in memory. Bodies are copied, as the contract asks.
type shelf struct {
	err error

	mu     sync.Mutex
	stored []event.Delivery
}

func (s *shelf) Accept(_ context.Context, d event.Delivery) error {
	if s.err != nil {
		return s.err
	}
	d.Body = bytes.Clone(d.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored = append(s.stored, d)
	return nil
}

// endpoint is a Server behind echo, with what it writes to.
type endpoint struct {
	http.Handler
	registry *prometheus.Registry
	log      *bytes.Buffer
}

func serve(t testing.TB, c webhooks.Config) endpoint {
	t.Helper()
	e := endpoint{registry: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	if c.Secrets == nil {
		c.Secrets = []webhooks.Secret{webhooks.Secret(secret)}
	}
	if c.Acceptor == nil {
		c.Acceptor = &shelf{}
	}
	c.Registerer = e.registry
	c.Log = slog.New(slog.NewTextHandler(e.log, nil))
	if c.Now == nil {
		c.Now = func() time.Time { return received }
	}
	s, err := webhooks.New(c)
	if err != nil {
		t.Fatal(err)
	}
	router := echo.New()
	s.Register(router)
	e.Handler = router
	return e
}

func (e endpoint) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

// post is a delivery as GitHub sends it.
func post(name, body, key string) *http.Request {
	return request(name, bytes.NewReader([]byte(body)), sign([]byte(body), key))
}

func request(name string, body io.Reader, signature string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, webhooks.Path, body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", name)
	r.Header.Set("X-GitHub-Delivery", guid)
	r.Header.Set("X-Hub-Signature-256", signature)
	return r
}

func sign(body []byte, key string) string {
	m := hmac.New(sha256.New, []byte(key))
	m.Write(body)
	return "sha256=" + hex.EncodeToString(m.Sum(nil))
}

// fixture finds a file below the root of the module. Without it the test is skipped, which counts as a failure where
// everything is known to be installed.
func fixture(t testing.TB, path string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	data, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("not installed, and CI=true: %v", err)
		}
		t.Skipf("not installed (npm ci in the folder test does): %v", err)
	}
	return data
}
