package webhooks_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-github/v62/github"
	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/webhooks"
)

// payload is a push of about 25 KB, the size of the deliveries GitHub sends most.
func payload() []byte {
	commit := fmt.Sprintf(`{"id":"%s","tree_id":"%s","distinct":true,"message":"feat: count \"things\"\n\nas agreed","timestamp":"2026-01-02T03:04:05Z","url":"https://github.com/acme/shop/commit/%s","author":{"name":"Ann","email":"ann@example.com","username":"ann"},"committer":{"name":"GitHub","email":"noreply@github.com","username":"web-flow"},"added":["cmd/shop/main.go"],"removed":[],"modified":["README.md"]}`, sha1, sha2, sha1)
	commits := strings.TrimSuffix(strings.Repeat(commit+",", 45), ",")
	return []byte(`{"ref":"refs/heads/development","before":"` + sha1 + `","after":"` + sha2 + `",` + common + `,"commits":[` + commits + `],"head_commit":` + commit + `}`)
}

func BenchmarkVerify(b *testing.B) {
	body := payload()
	signature := sign(body, secret)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if err := github.ValidateSignature(signature, body, []byte(secret)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	body := payload()
	b.Run("scan", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := webhooks.Scan(body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json.Valid", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if !json.Valid(body) {
				b.Fatal("not valid")
			}
		}
	})
}

func BenchmarkTranslate(b *testing.B) {
	d := delivery(b, "push", string(payload()))
	b.ReportAllocs()
	for b.Loop() {
		if events, err := webhooks.Translate(d); err != nil || len(events) != 1 {
			b.Fatal(err)
		}
	}
}

type discard struct{}

func (discard) Accept(context.Context, event.Delivery) error { return nil }

// BenchmarkAck compares the endpoint, with nothing behind it, with the least that could be called a webhook receiver:
// read, HMAC, 202.
func BenchmarkAck(b *testing.B) {
	bare := echo.New()
	bare.POST(webhooks.Path, func(c echo.Context) error {
		body, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		m := hmac.New(sha256.New, []byte(secret))
		m.Write(body)
		want, err := hex.DecodeString(strings.TrimPrefix(c.Request().Header.Get("X-Hub-Signature-256"), "sha256="))
		if err != nil || !hmac.Equal(want, m.Sum(nil)) {
			return c.NoContent(http.StatusUnauthorized)
		}
		return c.NoContent(http.StatusAccepted)
	})
	handlers := []struct {
		name string
		http.Handler
	}{{"bare", bare}, {"sluice", serve(b, webhooks.Config{Acceptor: discard{}})}}
	for _, h := range handlers {
		b.Run("handler/"+h.name, func(b *testing.B) { ackHandler(b, h) })
	}
	for _, connections := range []int{1, 8, 64} {
		for _, h := range handlers {
			b.Run(fmt.Sprintf("connections=%d/%s", connections, h.name), func(b *testing.B) { ackServer(b, h, connections) })
		}
	}
}

func ackHandler(b *testing.B, h http.Handler) {
	body := payload()
	header := request("push", nil, sign(body, secret)).Header
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, webhooks.Path, bytes.NewReader(body))
		r.Header = header
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusAccepted {
			b.Fatal(w.Code)
		}
	}
}

func ackServer(b *testing.B, h http.Handler, connections int) {
	server := httptest.NewServer(h)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	body := payload()
	header := request("push", nil, sign(body, secret)).Header
	var left atomic.Int64
	left.Store(int64(b.N))
	var wait sync.WaitGroup
	b.ResetTimer()
	for range connections {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				if err := send(b.Context(), client, server.URL, header, body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acks/s")
}

func send(ctx context.Context, client *http.Client, url string, header http.Header, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+webhooks.Path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = header
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusAccepted {
		return errors.New(res.Status)
	}
	return nil
}
