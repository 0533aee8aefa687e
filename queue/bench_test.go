package queue_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// BenchmarkLatency measures the way from a delivery that is on disk to its handler, one at a time.
func BenchmarkLatency(b *testing.B) {
	for name, url := range engines {
		b.Run(name, func(b *testing.B) {
			s := open(b, url(b))
			began := make(chan time.Time, 1)
			q := start(b, s, queue.Options{}, func(q *queue.Queue) {
				q.Handle(func(context.Context, queue.Item) queue.Outcome {
					began <- time.Now()
					return queue.Done()
				})
			})
			took := make([]time.Duration, 0, b.N)
			for n := 0; b.Loop(); n++ {
				accept(b, s, event.Delivery{ID: strconv.Itoa(n), RepoID: int64(n % 20), Body: []byte("{}")})
				stored := time.Now()
				took = append(took, (<-began).Sub(stored))
				idle(b, q)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkDrain measures how fast what waits is worked off: deliveries in 20 lanes, and jobs.
func BenchmarkDrain(b *testing.B) {
	for name, url := range engines {
		for _, what := range []string{"deliveries", "jobs"} {
			b.Run(name+"/"+what, func(b *testing.B) {
				s := open(b, url(b))
				left, done := int64(b.N), make(chan struct{})
				var count atomic.Int64
				end := func() queue.Outcome {
					if count.Add(1) == left {
						close(done)
					}
					return queue.Done()
				}
				poster, err := queue.New(s, queue.Options{})
				if err != nil {
					b.Fatal(err)
				}
				for n := range b.N {
					if what == "deliveries" {
						accept(b, s, event.Delivery{ID: strconv.Itoa(n), RepoID: int64(n % 20), Body: []byte("{}")})
					} else {
						write(b, s, func(tx *store.Tx) error {
							return poster.Enqueue(context.Background(), tx, queue.Job{Kind: "job", Key: strconv.Itoa(n)})
						})
					}
				}
				b.ResetTimer()
				start(b, s, queue.Options{}, func(q *queue.Queue) {
					q.Handle(func(context.Context, queue.Item) queue.Outcome { return end() })
					q.Work("job", 0, func(context.Context, queue.Job) queue.Outcome { return end() })
				})
				<-done
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "items/s")
			})
		}
	}
}

// BenchmarkClaim measures claim, hand out, settle and hand out of an item among 10,000 that wait in 1,000 lanes.
func BenchmarkClaim(b *testing.B) {
	for name, url := range engines {
		b.Run(name, func(b *testing.B) {
			s := open(b, url(b))
			for n := range 100 {
				write(b, s, func(tx *store.Tx) error {
					for i := range 100 {
						if err := tx.PostItem(context.Background(), store.LaneItem{Lane: fmt.Sprint("repo:", n*10+i/10), Kind: "fact"}); err != nil {
							return err
						}
					}
					return nil
				})
			}
			turn := store.Turn{Now: time.Now(), Lease: time.Minute}
			for n := 0; b.Loop(); n++ {
				claim, next, err := s.ClaimLane(context.Background(), fmt.Sprint("repo:", n%1000), "bench", turn)
				if err != nil || next.Item == nil {
					b.Fatal(next, err)
				}
				if _, err := s.Settle(context.Background(), claim, store.Settlement{Item: *next.Item, Result: store.ItemLater, DueAt: turn.Now}, turn); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
