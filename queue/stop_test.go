package queue_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

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
