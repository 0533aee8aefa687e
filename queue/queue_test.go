package queue_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

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
		ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
		defer cancel()
		if err := q.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return q
}

func timeout(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
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
