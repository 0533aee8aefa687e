package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/internal/pgtest"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/store/storetest"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(crashURL); url != "" {
		os.Exit(crashChild(url))
	}
	ignore := goleak.IgnoreCurrent()
	status := pgtest.Main(m)
	if err := goleak.Find(ignore); err != nil && status == 0 {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// engines are the databases that every test is run on.
var engines = map[string]func(testing.TB) string{
	"SQLite":   storetest.SQLite,
	"Postgres": storetest.Postgres,
}

func onEach(t *testing.T, test func(t *testing.T, url string)) {
	t.Parallel()
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, url(t))
		})
	}
}

func open(t testing.TB, url string) *store.Store {
	t.Helper()
	return storetest.Open(t, url, store.Options{})
}

// start starts a queue after set was called on it, and stops it when the test ends.
func start(t testing.TB, s *store.Store, opts queue.Options, set func(*queue.Queue)) *queue.Queue {
	t.Helper()
	q, err := queue.New(s, opts)
	if err != nil {
		t.Fatal(err)
	}
	q.Handle(func(context.Context, queue.Item) queue.Outcome { return queue.Done() })
	if set != nil {
		set(q)
	}
	if err := q.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := q.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return q
}

func timeout(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func idle(t testing.TB, q *queue.Queue) {
	t.Helper()
	if err := q.Idle(timeout(t)); err != nil {
		t.Fatal(err)
	}
}

func accept(t testing.TB, s *store.Store, d event.Delivery) {
	t.Helper()
	if d.Body == nil {
		d.Body = []byte("{}")
	}
	got, err := s.Accept(timeout(t), d)
	if err != nil || got != store.Accepted {
		t.Fatalf("accept %s: %v, %v", d.ID, got, err)
	}
}

func write(t testing.TB, s *store.Store, f func(*store.Tx) error) {
	t.Helper()
	if err := s.Write(timeout(t), f); err != nil {
		t.Fatal(err)
	}
}

// diary is what handlers did, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func name(i queue.Item) string {
	if i.Delivery != nil {
		return i.Delivery.ID
	}
	var s string
	if err := i.Decode(&s); err != nil {
		return err.Error()
	}
	return s
}

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

func TestDeadItemIsKeptAndReplayed(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		var d diary
		healed := false
		q := start(t, s, queue.Options{MaxAttempts: 2, Backoff: func(int) time.Duration { return 0 }}, func(q *queue.Queue) {
			q.Handle(func(_ context.Context, i queue.Item) queue.Outcome {
				d.add("%s", name(i))
				switch {
				case name(i) == "panics" && !healed:
					panic("no such thing")
				case name(i) == "hopeless" && !healed:
					return queue.Dead(errors.New("gone"))
				}
				return queue.Done()
			})
		})
		accept(t, s, event.Delivery{ID: "panics", RepoID: 1})
		write(t, s, func(tx *store.Tx) error { return q.Post(t.Context(), tx, "repo:1", "fact", "hopeless", "") })
		accept(t, s, event.Delivery{ID: "good", RepoID: 1})
		idle(t, q)
		if diff := cmp.Diff([]string{"panics", "panics", "hopeless", "good"}, d.read()); diff != "" {
			t.Errorf("before (-want +got):\n%s", diff)
		}
		letters, err := q.DeadLetters(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range letters {
			got = append(got, fmt.Sprintf("%s %s %d %s", l.Kind, l.DeliveryID, l.Attempts, l.Problem))
		}
		slices.Sort(got)
		if diff := cmp.Diff([]string{"delivery panics 2 panic: no such thing", "fact  1 gone"}, got); diff != "" {
			t.Errorf("dead letters (-want +got):\n%s", diff)
		}
		stats, err := q.Stats(t.Context())
		if err != nil || stats.Dead != 2 || stats.Died != 2 || stats.Panicked != 2 || stats.Retried != 1 || stats.Done != 1 {
			t.Errorf("stats %+v, %v", stats, err)
		}
		healed = true
		for _, l := range letters {
			if err := q.Replay(t.Context(), l.Lane, l.Seq); err != nil {
				t.Fatal(err)
			}
		}
		idle(t, q)
		if err := q.ReplayDelivery(t.Context(), "good"); err != nil {
			t.Fatal(err)
		}
		idle(t, q)
		after := d.read()[4:]
		slices.Sort(after)
		if diff := cmp.Diff([]string{"good", "hopeless", "panics"}, after); diff != "" {
			t.Errorf("after the replay (-want +got):\n%s", diff)
		}
		if letters, err = q.DeadLetters(t.Context(), 10); err != nil || len(letters) != 0 {
			t.Errorf("dead letters left: %v, %v", letters, err)
		}
		if err := q.Replay(t.Context(), "repo:1", 99); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("replay of nothing: %v", err)
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
			q.Work("job", func(context.Context, queue.Job) queue.Outcome {
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

func TestJobs(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s, c := open(t, url), newClock()
		var d diary
		var q *queue.Queue
		q = start(t, s, queue.Options{Now: c.Now}, func(q *queue.Queue) {
			polls := 0
			q.Work("poll", func(ctx context.Context, j queue.Job) queue.Outcome {
				var payload string
				if err := j.Decode(&payload); err != nil {
					return queue.Dead(err)
				}
				polls++
				d.add("poll %s %d", payload, polls)
				if polls < 4 {
					return queue.Snooze(time.Minute)
				}
				return queue.Done()
			})
		})
		enqueue := func(payload string) {
			write(t, s, func(tx *store.Tx) error {
				return q.Enqueue(t.Context(), tx, queue.Job{Kind: "poll", Key: "x", Payload: payload})
			})
		}
		enqueue("a")
		idle(t, q)
		c.advance(59 * time.Second)
		idle(t, q)
		d.add("a minute")
		c.advance(time.Second)
		idle(t, q)
		d.add("a notification")
		enqueue("b") // the same job, earlier
		idle(t, q)
		d.add("a minute")
		c.advance(time.Minute)
		idle(t, q)
		c.advance(time.Hour)
		idle(t, q)
		if diff := cmp.Diff(map[string]int{}, riverJobs(t, s)); diff != "" {
			t.Errorf("River's jobs after the last one is done (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"poll a 1", "a minute", "poll a 2", "a notification", "poll b 3", "a minute", "poll b 4"}, d.read()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestJobEnqueuedWhileItRunsRunsAgain(t *testing.T) {
	for _, answer := range []queue.Outcome{queue.Done(), queue.Snooze(time.Hour)} {
		t.Run(answer.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, url string) {
				s := open(t, url)
				var d diary
				q := start(t, s, queue.Options{}, func(q *queue.Queue) {
					q.Work("job", func(ctx context.Context, j queue.Job) queue.Outcome {
						d.add("run")
						if len(d.read()) == 1 {
							if err := s.Write(ctx, func(tx *store.Tx) error { return q.Enqueue(ctx, tx, queue.Job{Kind: "job", Key: "k"}) }); err != nil {
								return queue.Dead(err)
							}
						}
						return answer
					})
				})
				write(t, s, func(tx *store.Tx) error { return q.Enqueue(t.Context(), tx, queue.Job{Kind: "job", Key: "k"}) })
				idle(t, q)
				if diff := cmp.Diff([]string{"run", "run"}, d.read()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestEvery(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s, c := open(t, url), newClock()
		var d diary
		q := start(t, s, queue.Options{Now: c.Now}, func(q *queue.Queue) {
			q.Every("sweep", 5*time.Minute, func(context.Context) error {
				d.add("sweep")
				return errors.New("failures do not stop it")
			})
		})
		idle(t, q)
		for range 4 {
			d.add("+3m")
			c.advance(3 * time.Minute)
			idle(t, q)
		}
		if diff := cmp.Diff([]string{"sweep", "+3m", "+3m", "sweep", "+3m", "+3m", "sweep"}, d.read()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if stats, err := q.Stats(t.Context()); err != nil || stats.PeriodicFailed != 3 {
			t.Errorf("stats %+v, %v", stats, err)
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

func TestStopLetsHandlersFinish(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		began, release := make(chan struct{}), make(chan struct{})
		var d diary
		handler := func(_ context.Context, i queue.Item) queue.Outcome {
			if len(d.read()) == 0 {
				close(began)
				<-release
			}
			d.add("%s", name(i))
			return queue.Done()
		}
		q, err := queue.New(s, queue.Options{})
		if err != nil {
			t.Fatal(err)
		}
		q.Handle(handler)
		if err := q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		accept(t, s, event.Delivery{ID: "a", RepoID: 1})
		accept(t, s, event.Delivery{ID: "b", RepoID: 1})
		<-began
		stopped := make(chan error)
		go func() { stopped <- q.Stop(timeout(t)) }()
		close(release)
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
		if got := d.read(); len(got) == 0 || got[0] != "a" {
			t.Errorf("handled before the stop: %v", got)
		}
		// Another process goes on at once: the claim was given back, not left to run out.
		began2 := time.Now()
		idle(t, start(t, s, queue.Options{}, func(q *queue.Queue) { q.Handle(handler) }))
		if diff := cmp.Diff([]string{"a", "b"}, d.read()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if took := time.Since(began2); took > 10*time.Second {
			t.Errorf("the lane was free after %v only", took)
		}
	})
}

func TestStopCancelsWhatDoesNotFinish(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		began := make(chan struct{})
		q, err := queue.New(s, queue.Options{MaxAttempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		q.Handle(func(ctx context.Context, i queue.Item) queue.Outcome {
			close(began)
			<-ctx.Done()
			return queue.Retry(ctx.Err())
		})
		if err := q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		accept(t, s, event.Delivery{ID: "a", RepoID: 1})
		<-began
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := q.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		// Being interrupted is no failure: one attempt is allowed, and it is still to be made.
		var d diary
		idle(t, start(t, s, queue.Options{MaxAttempts: 1}, func(q *queue.Queue) {
			q.Handle(func(_ context.Context, i queue.Item) queue.Outcome {
				d.add("%s %d", name(i), i.Attempt)
				return queue.Done()
			})
		}))
		if diff := cmp.Diff([]string{"a 1"}, d.read()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// A delivery that cannot be read any more must not stop its lane.
func TestUnreadableDeliveryIsDead(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		for _, id := range []string{"broken", "lost", "good"} {
			accept(t, s, event.Delivery{ID: id, RepoID: 1})
		}
		for _, statement := range []string{
			"UPDATE deliveries SET body = '\\xff' WHERE id = 'broken'", // as text on SQLite, as a byte on Postgres: neither is s2
			"DELETE FROM deliveries WHERE id = 'lost'",
		} {
			var err error
			if h := s.Handles(); h.SQLite != nil {
				_, err = h.SQLite.Exec(statement)
			} else {
				_, err = h.Postgres.Exec(t.Context(), statement)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		var d diary
		q := start(t, s, queue.Options{}, func(q *queue.Queue) {
			q.Handle(func(_ context.Context, i queue.Item) queue.Outcome {
				d.add("%s", name(i))
				return queue.Done()
			})
		})
		idle(t, q)
		if diff := cmp.Diff([]string{"good"}, d.read()); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
		if letters, err := q.DeadLetters(t.Context(), 10); err != nil || len(letters) != 2 {
			t.Errorf("dead letters: %+v, %v", letters, err)
		}
	})
}

func TestBackoff(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s, c := open(t, url), newClock()
		q := start(t, s, queue.Options{Now: c.Now, MaxAttempts: 12}, func(q *queue.Queue) {
			q.Handle(func(context.Context, queue.Item) queue.Outcome { return queue.Retry(errors.New("no")) })
		})
		accept(t, s, event.Delivery{ID: "a", RepoID: 1})
		idle(t, q)
		for n, most := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
			at, ok, err := q.NextDue(t.Context())
			pause, most := at.Sub(c.Now()), most*time.Second
			if err != nil || !ok || pause > most || pause < most/2 {
				t.Fatalf("pause %d is %v, %v, %v; want between %v and %v", n+1, pause, ok, err, most/2, most)
			}
			c.advance(pause)
			idle(t, q)
		}
		if letters, err := q.DeadLetters(t.Context(), 10); err != nil || len(letters) != 1 || letters[0].Attempts != 12 {
			t.Errorf("after twelve attempts: %+v, %v", letters, err)
		}
	})
}

func TestWrongUse(t *testing.T) {
	s := open(t, engines["SQLite"](t))
	if _, err := queue.New(nil, queue.Options{}); err == nil {
		t.Error("a queue without a store was made")
	}
	if _, err := queue.New(s, queue.Options{Lanes: -1, Lease: -1}); err == nil || !strings.Contains(err.Error(), "Lanes") || !strings.Contains(err.Error(), "Lease") {
		t.Errorf("wrong options: %v", err)
	}
	q, err := queue.New(s, queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Start(t.Context()); err == nil {
		t.Error("a queue without a handler was started")
	}
	for what, use := range map[string]func(tx *store.Tx) error{
		"no lane":          func(tx *store.Tx) error { return q.Post(t.Context(), tx, "", "fact", nil, "") },
		"reserved kind":    func(tx *store.Tx) error { return q.Post(t.Context(), tx, "repo:1", queue.KindDelivery, nil, "") },
		"not to be stored": func(tx *store.Tx) error { return q.Post(t.Context(), tx, "repo:1", "fact", func() {}, "") },
		"kind with colon":  func(tx *store.Tx) error { return q.Enqueue(t.Context(), tx, queue.Job{Kind: "a:b"}) },
		"foreign item":     func(tx *store.Tx) error { return queue.Item{Lane: "repo:1", Seq: 1}.Settle(t.Context(), tx) },
		"foreign job":      func(*store.Tx) error { return queue.Job{Payload: 1}.Decode(new(json.RawMessage)) },
	} {
		if err := s.Write(t.Context(), use); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
