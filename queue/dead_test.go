package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

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
