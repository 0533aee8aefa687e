package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

func TestDeliveriesOfARepositoryAreHandledInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		var mu sync.Mutex
		got := map[string][]string{}
		q := start(t, s, queue.Options{}, func(q *queue.Queue) {
			q.Handle(func(_ context.Context, i queue.Item) queue.Outcome {
				mu.Lock()
				defer mu.Unlock()
				got[i.Lane] = append(got[i.Lane], name(i)+" "+string(i.Delivery.Body))
				return queue.Done()
			})
		})
		want := map[string][]string{}
		for n := range 40 {
			repo := int64(n%4 + 1)
			id, lane := fmt.Sprint("d", n), fmt.Sprint("repo:", repo)
			accept(t, s, event.Delivery{ID: id, RepoID: repo, Name: "push", Body: fmt.Appendf(nil, `{"n":%d}`, n)})
			want[lane] = append(want[lane], fmt.Sprintf(`%s {"n":%d}`, id, n))
		}
		idle(t, q)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
	})
}

func TestSlowLaneHoldsNobodyUp(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		release, others := make(chan struct{}), make(chan string, 10)
		q := start(t, s, queue.Options{Lanes: 2}, func(q *queue.Queue) {
			q.Handle(func(_ context.Context, i queue.Item) queue.Outcome {
				if i.Lane == "repo:1" {
					<-release
				} else {
					others <- i.Lane
				}
				return queue.Done()
			})
		})
		for n := range 4 {
			accept(t, s, event.Delivery{ID: fmt.Sprint("a", n), RepoID: 1})
		}
		accept(t, s, event.Delivery{ID: "b", RepoID: 2})
		accept(t, s, event.Delivery{ID: "c", InstallationID: 7})
		accept(t, s, event.Delivery{ID: "d"})
		var got []string
		for range 3 {
			got = append(got, <-others) // would wait for ever behind lane 1
		}
		slices.Sort(got)
		if diff := cmp.Diff([]string{"app", "installation:7", "repo:2"}, got); diff != "" {
			t.Errorf("lanes that went on (-want +got):\n%s", diff)
		}
		close(release)
		idle(t, q)
	})
}

// More lanes that wait for somebody outside than there are workers hold nobody up, up to the number that may be slow; then the next one
// waits until one of them has ended. It is the same again afterwards: no worker is left over, and none is missing.
func TestManySlowLanesHoldNobodyUp(t *testing.T) {
	const workers, slow = 2, 10
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		began, others := make(chan struct{}, 100), make(chan string, 100)
		release := []chan struct{}{make(chan struct{}), make(chan struct{})}
		q := start(t, s, queue.Options{Lanes: workers, SlowLanes: slow, SlowAfter: 50 * time.Millisecond}, func(q *queue.Queue) {
			q.Handle(func(_ context.Context, i queue.Item) queue.Outcome {
				if i.Delivery.RepoID%100 == 0 {
					others <- i.Delivery.ID
					return queue.Done()
				}
				began <- struct{}{}
				<-release[i.Delivery.RepoID/100]
				return queue.Done()
			})
		})
		hang := func(from, to int64) {
			for repo := from; repo <= to; repo++ {
				accept(t, s, event.Delivery{ID: fmt.Sprint("slow", repo), RepoID: repo})
			}
			for range to - from + 1 {
				<-began
			}
		}
		for round, free := range release {
			first, quick, waits := int64(100*round), fmt.Sprint("quick", round), fmt.Sprint("waits", round)
			hang(first+1, first+slow)
			accept(t, s, event.Delivery{ID: quick, RepoID: 1000})
			if got := <-others; got != quick { // would wait for ever behind the slow ones
				t.Errorf("handled: %s, want %s", got, quick)
			}
			hang(first+slow+1, first+slow+workers) // now all places are taken
			accept(t, s, event.Delivery{ID: waits, RepoID: 2000})
			select {
			case got := <-others:
				t.Errorf("%s was handled beside %d that are slow", got, slow+workers)
			case <-time.After(300 * time.Millisecond):
			}
			free <- struct{}{}
			if got := <-others; got != waits {
				t.Errorf("handled: %s, want %s", got, waits)
			}
			close(free)
			idle(t, q)
		}
	})
}

// A lane with more to do than others must not keep them waiting until it is empty.
func TestLongLaneGivesWay(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		for n := range 100 {
			accept(t, s, event.Delivery{ID: fmt.Sprintf("long%02d", n), RepoID: 1})
		}
		accept(t, s, event.Delivery{ID: "short", RepoID: 2})
		var d diary
		q := start(t, s, queue.Options{Lanes: 1}, func(q *queue.Queue) {
			q.Handle(func(_ context.Context, i queue.Item) queue.Outcome {
				d.add("%s", i.Delivery.ID)
				return queue.Done()
			})
		})
		idle(t, q)
		if at := slices.Index(d.read(), "short"); at < 0 || at > 40 {
			t.Errorf("the short lane's delivery was handled as number %d of %d", at, len(d.read()))
		}
	})
}

func TestFailedItemIsRetriedInItsPlace(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s, c := open(t, url), newClock()
		var d diary
		q := start(t, s, queue.Options{Now: c.Now, Backoff: func(n int) time.Duration { return time.Duration(n) * time.Minute }}, func(q *queue.Queue) {
			q.Handle(func(_ context.Context, i queue.Item) queue.Outcome {
				d.add("%s %d", name(i), i.Attempt)
				if name(i) == "first" && i.Attempt < 3 {
					return queue.Retry(errors.New("not yet"))
				}
				return queue.Done()
			})
		})
		accept(t, s, event.Delivery{ID: "first", RepoID: 1})
		accept(t, s, event.Delivery{ID: "second", RepoID: 1})
		idle(t, q)
		accept(t, s, event.Delivery{ID: "third", RepoID: 1}) // must not shorten the pause
		idle(t, q)
		for _, pause := range []time.Duration{30 * time.Second, 30 * time.Second, time.Minute, time.Minute} {
			d.add("+%v", pause)
			c.advance(pause)
			idle(t, q)
		}
		want := []string{"first 1", "+30s", "+30s", "first 2", "+1m0s", "+1m0s", "first 3", "second 1", "third 1"}
		if diff := cmp.Diff(want, d.read()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestPostForLater(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s, c := open(t, url), newClock()
		var d diary
		q := start(t, s, queue.Options{Now: c.Now}, func(q *queue.Queue) {
			q.Handle(func(ctx context.Context, i queue.Item) queue.Outcome {
				d.add("%s", name(i))
				if name(i) == "again" {
					// What is posted under the key of the item being handled is another one.
					if err := s.Write(ctx, func(tx *store.Tx) error {
						return q.PostAt(ctx, tx, i.Lane, "timer", "later", "timer", c.Now().Add(time.Hour))
					}); err != nil {
						return queue.Dead(err)
					}
				}
				return queue.Done()
			})
		})
		post := func(payload, key string, in time.Duration) {
			write(t, s, func(tx *store.Tx) error {
				return q.PostAt(t.Context(), tx, "repo:1", "timer", payload, key, c.Now().Add(in))
			})
		}
		post("in two hours", "", 2*time.Hour)
		post("dropped", "timer", 3*time.Hour)
		post("again", "timer", time.Hour) // same key: one item, the newer payload, the earlier time
		write(t, s, func(tx *store.Tx) error { return q.Post(t.Context(), tx, "repo:1", "fact", "now", "") })
		idle(t, q)
		if at, ok, err := q.NextDue(t.Context()); err != nil || !ok || !at.Equal(c.Now().Add(time.Hour)) {
			t.Errorf("next due %v, %v, %v", at, ok, err)
		}
		for range 4 {
			d.add("+1h")
			c.advance(time.Hour)
			idle(t, q)
		}
		if diff := cmp.Diff([]string{"now", "+1h", "again", "+1h", "in two hours", "later", "+1h", "+1h"}, d.read()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if _, ok, err := q.NextDue(t.Context()); ok || err != nil {
			t.Errorf("something is due still: %v", err)
		}
	})
}

func TestNothingIsPostedByATransactionThatFails(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		var d diary
		q := start(t, s, queue.Options{}, func(q *queue.Queue) {
			q.Handle(func(_ context.Context, i queue.Item) queue.Outcome {
				d.add("%s", name(i))
				return queue.Done()
			})
			q.Work("job", 0, func(context.Context, queue.Job) queue.Outcome {
				d.add("job")
				return queue.Done()
			})
		})
		failed := errors.New("changed my mind")
		if err := s.Write(t.Context(), func(tx *store.Tx) error {
			return errors.Join(q.Post(t.Context(), tx, "repo:1", "fact", "never", ""), q.Enqueue(t.Context(), tx, queue.Job{Kind: "job"}), failed)
		}); !errors.Is(err, failed) {
			t.Fatal(err)
		}
		write(t, s, func(tx *store.Tx) error { return q.Post(t.Context(), tx, "repo:1", "fact", "posted", "") })
		idle(t, q)
		if diff := cmp.Diff([]string{"posted"}, d.read()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// What a handler writes in the transaction that settles its item is there once, even if the process died right after
// the commit and before the queue knew: here the answer is lost.
func TestSettleInTheHandlersTransaction(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		var d diary
		q := start(t, s, queue.Options{Backoff: func(int) time.Duration { return 0 }}, func(q *queue.Queue) {
			q.Handle(func(ctx context.Context, i queue.Item) queue.Outcome {
				d.add("%s %d", name(i), i.Attempt)
				if i.Attempt == 1 && name(i) == "a" {
					return queue.Retry(errors.New("first time"))
				}
				if err := s.Write(ctx, func(tx *store.Tx) error {
					if _, err := tx.Audit(ctx, store.AuditEntry{RepoID: 1, Action: name(i)}); err != nil {
						return err
					}
					return i.Settle(ctx, tx)
				}); err != nil {
					return queue.Dead(err)
				}
				return queue.Retry(errors.New("ignored: it is settled"))
			})
		})
		accept(t, s, event.Delivery{ID: "a", RepoID: 1})
		accept(t, s, event.Delivery{ID: "b", RepoID: 1})
		idle(t, q)
		if diff := cmp.Diff([]string{"a 1", "a 2", "b 1"}, d.read()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if err := s.Read(t.Context(), func(tx *store.Tx) error {
			log, err := tx.AuditLog(t.Context(), 1, 0, 10)
			if len(log) != 2 {
				t.Errorf("%d audit entries, want 2", len(log))
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}
