package store_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/internal/pgtest"
	"github.com/sluicehq/sluice/store"
)

// payload is about 24 KB that compress like a pull_request delivery does: about six times.
func payload() []byte {
	random := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString(`{"repository":{"id":1}`)
	for n := 0; b.Len() < 24000; n++ {
		fmt.Fprintf(&b, `,"key_%d_url":"https://api.github.com/repos/acme/shop/things/%x{/other}","node_id_%d":null`, n, random.Uint64(), n)
	}
	b.WriteString("}")
	return b.Bytes()
}

// BenchmarkAccept measures durable acknowledgement: delivery, place in the lane and job are on disk when it returns.
func BenchmarkAccept(b *testing.B) {
	body := payload()
	for name, url := range map[string]func(testing.TB) string{
		"SQLite":   func(b testing.TB) string { return "sqlite:" + filepath.Join(b.TempDir(), "sluice.db") },
		"Postgres": pgtest.URL,
	} {
		for _, senders := range []int{1, 8, 64} {
			b.Run(name+"/"+strconv.Itoa(senders), func(b *testing.B) {
				s, err := store.Open(context.Background(), url(b), store.Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				took := make([]time.Duration, b.N)
				var next atomic.Int64
				var done sync.WaitGroup
				b.SetBytes(int64(len(body)))
				b.ResetTimer()
				for range senders {
					done.Go(func() {
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							began := time.Now()
							got, err := s.Accept(context.Background(), event.Delivery{ID: strconv.FormatInt(n, 10), Name: "pull_request", RepoID: n % 20, Body: body})
							if err != nil || got != store.Accepted {
								b.Errorf("%v, %v", got, err)
								return
							}
							took[n-1] = time.Since(began)
						}
					})
				}
				done.Wait()
				b.StopTimer()
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
			})
		}
	}
}
