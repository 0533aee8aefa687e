// Package bench_test measures what crosses packages: deliveries acknowledged over HTTP with the row and the job on disk,
// beside a receiver that keeps nothing.
package bench_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/internal/pgtest"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/webhooks"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const secret = "of the benchmark"

// repositories is how many repositories the deliveries are for.
const repositories = 25

// body is a push of about 25 KB to a repository. Commit messages differ, so that it does not compress better than life.
func body(repository int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"ref":"refs/heads/development","repository":{"id":%d,"full_name":"acme/shop"},"installation":{"id":3},"commits":[`, repository)
	for i := range 45 {
		if i > 0 {
			b.WriteByte(',')
		}
		id := sha256.Sum256(fmt.Appendf(nil, "commit %d", i))
		fmt.Fprintf(&b, `{"id":"%x","tree_id":"%x","message":"feat: number %d\n\n%x","timestamp":"2026-01-02T03:04:05Z","url":"https://github.com/acme/shop/commit/%x","author":{"name":"Ann","email":"ann@example.com"},"added":["cmd/shop/main_%d.go"],"removed":[],"modified":["README.md"]}`, id[:20], id[12:], i, id, id[:20], i)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

func sign(body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// bare is the least that could be called a receiver: echo, the whole body, the signature, 202. Nothing is kept.
func bare() http.Handler {
	e := echo.New()
	e.POST(webhooks.Path, func(c echo.Context) error {
		b, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		if !hmac.Equal([]byte(sign(b)), []byte(c.Request().Header.Get("X-Hub-Signature-256"))) {
			return c.NoContent(http.StatusUnauthorized)
		}
		return c.JSON(http.StatusAccepted, map[string]string{"status": "accepted"})
	})
	return e
}

// intake is Sluice's endpoint over a store.
func intake(tb testing.TB, st *store.Store) http.Handler {
	hooks, err := webhooks.New(webhooks.Config{Secrets: []webhooks.Secret{webhooks.Secret(secret)}, Acceptor: &bot.Bot{Store: st}})
	if err != nil {
		tb.Fatal(err)
	}
	e := echo.New()
	hooks.Register(e)
	return e
}

// serve starts a server on loopback.
func serve(tb testing.TB, h http.Handler) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() { _ = srv.Serve(l); close(done) }()
	tb.Cleanup(func() { _ = srv.Close(); <-done })
	return "http://" + l.Addr().String() + webhooks.Path
}

// load sends n deliveries over so many connections, each with an ID of its own, and returns how long each took.
func load(tb testing.TB, url string, connections, n int, from uint64) []time.Duration {
	payloads, signatures := make([][]byte, repositories), make([]string, repositories)
	for i := range payloads {
		payloads[i] = body(i + 1)
		signatures[i] = sign(payloads[i])
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	took := make([]time.Duration, n)
	var next atomic.Int64
	var group sync.WaitGroup
	for range connections {
		group.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(n) {
					return
				}
				req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(payloads[i%repositories]))
				if err != nil {
					tb.Error(err)
					return
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("X-GitHub-Event", "push")
				req.Header.Set("X-GitHub-Delivery", fmt.Sprintf("%08x-0000-4000-8000-%012x", from>>32, (from+uint64(i))&0xffffffffffff))
				req.Header.Set("X-Hub-Signature-256", signatures[i%repositories])
				start := time.Now()
				resp, err := client.Do(req)
				if err != nil {
					tb.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				took[i] = time.Since(start)
				if resp.StatusCode != http.StatusAccepted {
					tb.Errorf("status %d", resp.StatusCode)
					return
				}
			}
		})
	}
	group.Wait()
	return took
}

// sqlite opens a store on a file, with the settings of production: WAL and synchronous=FULL.
func sqlite(tb testing.TB) *store.Store {
	return open(tb, "sqlite:"+filepath.Join(tb.TempDir(), "sluice.db"))
}

func postgres(tb testing.TB) *store.Store { return open(tb, pgtest.URL(tb)) }

func open(tb testing.TB, url string) *store.Store {
	st, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = st.Close() })
	return st
}

// BenchmarkIntake measures acknowledged deliveries a second and their latency at 1, 8 and 64 connections. In one
// operation the bare receiver, SQLite and Postgres take turns, so that the ratios hold whatever mood the machine is in.
func BenchmarkIntake(b *testing.B) {
	const batch = 1000
	servers := []struct {
		name string
		url  string
	}{
		{"bare", serve(b, bare())},
		{"sqlite", serve(b, intake(b, sqlite(b)))},
		{"postgres", serve(b, intake(b, postgres(b)))},
	}
	var id uint64 = 1
	for _, connections := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			all := make([][]time.Duration, len(servers))
			wall := make([]time.Duration, len(servers))
			for b.Loop() {
				for i, s := range servers {
					start := time.Now()
					all[i] = append(all[i], load(b, s.url, connections, batch, id)...)
					wall[i] += time.Since(start)
					id += batch
				}
			}
			rate := func(i int) float64 { return float64(len(all[i])) / wall[i].Seconds() }
			for i, s := range servers {
				slices.Sort(all[i])
				b.ReportMetric(rate(i), s.name+"-acks/s")
				b.ReportMetric(float64(all[i][len(all[i])/2].Microseconds())/1000, s.name+"-p50-ms")
				b.ReportMetric(float64(all[i][len(all[i])*99/100].Microseconds())/1000, s.name+"-p99-ms")
				if i > 0 {
					b.ReportMetric(rate(i)/rate(0), s.name+"/bare")
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkBurst sends 24,000 deliveries at once, with the queue working them off, and tells how much memory that took
// above idle, and that none was lost.
func BenchmarkBurst(b *testing.B) {
	const burst = 24_000
	for _, db := range []struct {
		name string
		open func(testing.TB) *store.Store
	}{{"sqlite", sqlite}, {"postgres", postgres}} {
		b.Run(db.name, func(b *testing.B) {
			var id uint64 = 1 << 40
			for b.Loop() {
				st := db.open(b)
				q, err := queue.New(st, queue.Options{})
				if err != nil {
					b.Fatal(err)
				}
				var handled atomic.Int64
				q.Handle(func(context.Context, queue.Item) queue.Outcome {
					handled.Add(1)
					return queue.Done()
				})
				if err := q.Start(context.Background()); err != nil {
					b.Fatal(err)
				}
				url := serve(b, intake(b, st))
				idle, stop := heap(), make(chan struct{})
				peak := make(chan uint64, 1)
				go watchHeap(stop, peak)
				load(b, url, 64, burst, id)
				close(stop)
				id += burst
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
				if err := q.Idle(ctx); err != nil {
					b.Fatal(err)
				}
				if handled.Load() != burst {
					b.Errorf("%d deliveries were handled, want %d", handled.Load(), burst)
				}
				if err := q.Stop(ctx); err != nil {
					b.Fatal(err)
				}
				cancel()
				b.ReportMetric(float64(<-peak-min(idle, 1<<62))/(1<<20), "MiB-above-idle")
			}
			b.ReportMetric(burst, "deliveries/op")
		})
	}
}

// heap is what the program holds of memory, after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// watchHeap notes the most that was held.
func watchHeap(stop <-chan struct{}, peak chan<- uint64) {
	var most uint64
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			peak <- most
			return
		case <-tick.C:
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse+m.StackInuse)
		}
	}
}
