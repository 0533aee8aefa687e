package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
)

// worker works on a lane by hand.
type worker struct {
	suite
	owner, lane string
	held        store.Claim
	next        store.Next
}

func (w *worker) turn() store.Turn { return store.Turn{Now: w.clock.now, Lease: time.Minute} }

func (w *worker) claim(t *testing.T) {
	t.Helper()
	var err error
	if w.held, w.next, err = w.ClaimLane(t.Context(), w.lane, w.owner, w.turn()); err != nil {
		t.Fatal(err)
	}
}

func (w *worker) settle(t *testing.T, end store.Settlement) {
	t.Helper()
	if w.next.Item == nil {
		t.Fatalf("%s has nothing to settle in %s", w.owner, w.lane)
	}
	end.Item = *w.next.Item
	var err error
	if w.next, err = w.Settle(t.Context(), w.held, end, w.turn()); err != nil {
		t.Fatal(err)
	}
}

// what is the item handed out, in a word.
func (w *worker) what() string {
	switch i := w.next.Item; {
	case i != nil && i.DeliveryID != "":
		return i.DeliveryID
	case i != nil:
		return fmt.Sprintf("%s/%d", i.Payload, i.Attempts)
	case w.next.DueAt.IsZero():
		return "nothing"
	}
	return "in " + w.next.DueAt.Sub(w.clock.now).String()
}

func (s suite) post(t *testing.T, items ...store.LaneItem) {
	t.Helper()
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		for _, i := range items {
			if i.Kind == "" {
				i.Kind = "fact"
			}
			if err := tx.PostItem(ctx, i); err != nil {
				return err
			}
		}
		return nil
	})
}

func fact(payload string) store.LaneItem {
	return store.LaneItem{Lane: "repo:1", Payload: []byte(payload)}
}

func laneOrder(t *testing.T, s suite) {
	deliver := func(id string) {
		if got, err := s.Accept(t.Context(), event.Delivery{ID: id, RepoID: 1}); err != nil || got != store.Accepted {
			t.Fatal(got, err)
		}
	}
	s.post(t, fact("a"))
	deliver("b")
	s.post(t, fact("c"), store.LaneItem{Lane: "repo:2", Payload: []byte("elsewhere")})
	deliver("d")
	w := worker{suite: s, owner: "me", lane: "repo:1"}
	var got []string
	for w.claim(t); w.next.Item != nil; w.settle(t, store.Settlement{Result: store.ItemDone}) {
		got = append(got, w.what())
		if len(got) == 2 {
			s.post(t, fact("e")) // while the lane is claimed
		}
	}
	if diff := cmp.Diff([]string{"a/0", "b", "c/0", "d", "e/0"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		due, err := tx.DueLanes(ctx, "me", s.clock.now, 10)
		if diff := cmp.Diff([]string{"repo:2"}, due); diff != "" {
			t.Errorf("due lanes (-want +got):\n%s", diff)
		}
		d, err2 := tx.Delivery(ctx, "b")
		if d.State != store.DeliveryDone || !d.HandledAt.Equal(s.clock.now) || d.Attempts != 1 {
			t.Errorf("delivery %+v", d)
		}
		return errors.Join(err, err2)
	})
}

func claims(t *testing.T, s suite) {
	s.post(t, fact("a"), fact("b"))
	first, second := worker{suite: s, owner: "first", lane: "repo:1"}, worker{suite: s, owner: "second", lane: "repo:1"}
	first.claim(t)
	second.claim(t)
	if first.what() != "a/0" || second.what() != "nothing" {
		t.Errorf("first has %s, second %s", first.what(), second.what())
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		mine, err := tx.DueLanes(ctx, "first", s.clock.now, 10)
		others, err2 := tx.DueLanes(ctx, "second", s.clock.now, 10)
		if len(mine) != 1 || len(others) != 0 {
			t.Errorf("due for the owner: %v, for another: %v", mine, others)
		}
		return errors.Join(err, err2)
	})
	// The first one's lease runs out: it was stopped for longer than that.
	if err := s.RenewClaims(t.Context(), "first", -time.Second); err != nil {
		t.Fatal(err)
	}
	second.claim(t)
	if second.what() != "a/0" {
		t.Errorf("second took over %s", second.what())
	}
	late := store.Settlement{Item: *first.next.Item, Result: store.ItemDone}
	if _, err := s.Settle(t.Context(), first.held, late, first.turn()); !errors.Is(err, store.ErrStale) {
		t.Errorf("the late one settled: %v", err)
	}
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.SetSetting(t.Context(), "late", "yes"), tx.FinishItem(t.Context(), first.held, *first.next.Item))
	})
	if !errors.Is(err, store.ErrStale) {
		t.Errorf("the late one finished the item: %v", err)
	}
	if err := s.ReleaseClaims(t.Context(), "first"); err != nil { // takes nothing from the second
		t.Fatal(err)
	}
	second.settle(t, store.Settlement{Result: store.ItemDone})
	if second.what() != "b/0" {
		t.Errorf("then %s", second.what())
	}
	if err := s.ReleaseClaims(t.Context(), "second"); err != nil {
		t.Fatal(err)
	}
	first.claim(t)
	if first.what() != "b/0" {
		t.Errorf("given back: %s", first.what())
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Setting(ctx, "late")
		if got != "" {
			t.Error("the late one's transaction was committed")
		}
		return err
	})
	if strings.HasPrefix(s.url, "postgres") {
		return
	}
	// On SQLite the lock on the folder says that the process before is gone: no lease is waited for.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := suite{Store: Open(t, s.url, store.Options{}), url: s.url, clock: s.clock}
	next := worker{suite: again, owner: "next process", lane: "repo:1"}
	next.claim(t)
	if next.what() != "b/0" {
		t.Errorf("the next process has %s", next.what())
	}
}

func itemEnds(t *testing.T, s suite) {
	if _, err := s.Accept(t.Context(), event.Delivery{ID: "d", RepoID: 1}); err != nil {
		t.Fatal(err)
	}
	later := fact("later")
	later.DueAt = s.clock.now.Add(time.Hour)
	s.post(t, later, fact("x"))
	w := worker{suite: s, owner: "me", lane: "repo:1"}
	var got []string
	note := func() { got = append(got, w.what()) }
	w.claim(t)
	note()
	w.settle(t, store.Settlement{Result: store.ItemRetry, DueAt: s.clock.now.Add(time.Minute), Problem: "no answer"})
	note() // the lane waits for it
	waits(t, s, store.LaneWait{Until: s.clock.now.Add(time.Minute), Why: "no answer"})
	s.post(t, fact("y"))
	w.claim(t)
	note() // what came since does not get in front
	s.clock.now = s.clock.now.Add(time.Minute)
	w.claim(t)
	if w.next.Item.Attempts != 1 || w.next.Item.Problem != "no answer" {
		t.Errorf("second attempt %+v", w.next.Item)
	}
	waits(t, s, store.LaneWait{}) // it is handed out
	w.settle(t, store.Settlement{Result: store.ItemDead, Problem: "still no answer"})
	note()
	w.settle(t, store.Settlement{Result: store.ItemRetry, DueAt: s.clock.now})
	note()
	w.settle(t, store.Settlement{Result: store.ItemLater, DueAt: s.clock.now})
	note() // to say "later" is no failure
	w.settle(t, store.Settlement{Result: store.ItemDone})
	note()
	w.settle(t, store.Settlement{Result: store.ItemDone})
	note()
	if diff := cmp.Diff([]string{"d", "in 1m0s", "in 1m0s", "x/0", "x/1", "x/0", "y/0", "in 59m0s"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		dead, err := tx.DeadItems(ctx, 10)
		if len(dead) != 1 || dead[0].DeliveryID != "d" || dead[0].Problem != "still no answer" || dead[0].Attempts != 2 || !dead[0].DeadAt.Equal(s.clock.now) {
			t.Errorf("dead items %+v", dead)
		}
		d, err2 := tx.Deliveries(ctx, store.DeliveryDead, 10)
		if len(d) != 1 || d[0].Problem != "still no answer" || d[0].Attempts != 2 {
			t.Errorf("dead deliveries %+v", d)
		}
		next, err3 := tx.NextDue(ctx, s.clock.now)
		if !next.Equal(s.clock.now.Add(59 * time.Minute)) {
			t.Errorf("next due %v", next)
		}
		open, err4 := tx.OpenLanes(ctx, s.clock.now)
		if open != 0 {
			t.Errorf("%d lanes have something due", open)
		}
		return errors.Join(err, err2, err3, err4)
	})
	s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.ReplayItem(ctx, "repo:1", 1) })
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.ReplayItem(t.Context(), "repo:1", 1) }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("replayed twice: %v", err)
	}
	w.claim(t)
	if w.what() != "d" || w.next.Item.Attempts != 0 {
		t.Errorf("replayed: %s, attempts %d", w.what(), w.next.Item.Attempts)
	}
}

// waits looks at what holds the lane up.
func waits(t *testing.T, s suite, want store.LaneWait) {
	t.Helper()
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Waits(ctx, "repo:1", s.clock.now)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what holds the lane up (-want +got):\n%s", diff)
		}
		return err
	})
}

func itemKeys(t *testing.T, s suite) {
	keyed := func(payload string, in time.Duration) store.LaneItem {
		i := fact(payload)
		i.Key, i.DueAt = "k", s.clock.now.Add(in)
		return i
	}
	w := worker{suite: s, owner: "me", lane: "repo:1"}
	var got []string
	note := func() { got = append(got, w.what()) }
	s.post(t, keyed("old", 2*time.Hour), keyed("new", time.Hour), keyed("newest", 3*time.Hour))
	w.claim(t)
	note()
	w.next = store.Next{}
	s.clock.now = s.clock.now.Add(time.Hour)
	w.claim(t)
	note()
	s.post(t, keyed("meanwhile", 0)) // the one handed out does not stand for its key any more
	w.settle(t, store.Settlement{Result: store.ItemDone})
	note()
	s.post(t, keyed("folded", 30*time.Minute))
	w.settle(t, store.Settlement{Result: store.ItemLater, DueAt: s.clock.now.Add(time.Hour)})
	note() // earlier, since somebody asked
	s.post(t, keyed("now", 0))
	w.claim(t)
	note()
	w.settle(t, store.Settlement{Result: store.ItemRetry, DueAt: s.clock.now.Add(time.Minute)})
	s.post(t, keyed("impatient", 0))
	w.claim(t)
	note() // one that failed keeps its pause
	s.clock.now = s.clock.now.Add(time.Minute)
	w.claim(t)
	note()
	w.settle(t, store.Settlement{Result: store.ItemDone})
	note()
	want := []string{"nothing", "newest/0", "meanwhile/0", "in 30m0s", "now/0", "in 1m0s", "impatient/1", "nothing"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func finishing(t *testing.T, s suite) {
	s.post(t, fact("a"), fact("b"))
	w := worker{suite: s, owner: "me", lane: "repo:1"}
	w.claim(t)
	finish := func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(tx.SetSetting(ctx, "said", "yes"), tx.FinishItem(ctx, w.held, *w.next.Item))
	}
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return errors.Join(finish(t.Context(), tx), errGivenUp) }); !errors.Is(err, errGivenUp) {
		t.Fatal(err)
	}
	s.write(t, finish) // it was not finished by the transaction before
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return finish(t.Context(), tx) }); !errors.Is(err, store.ErrStale) {
		t.Errorf("finished twice: %v", err)
	}
	w.settle(t, store.Settlement{Result: store.ItemGone})
	if w.what() != "b/0" {
		t.Errorf("then %s", w.what())
	}
}

func replays(t *testing.T, s suite) {
	for _, id := range []string{"done", "dead", "waiting"} {
		if _, err := s.Accept(t.Context(), event.Delivery{ID: id, RepoID: 1, Body: []byte(id)}); err != nil {
			t.Fatal(err)
		}
	}
	w := worker{suite: s, owner: "me", lane: "repo:1"}
	w.claim(t)
	w.settle(t, store.Settlement{Result: store.ItemDone})
	w.settle(t, store.Settlement{Result: store.ItemDead, Problem: "gone"})
	for _, id := range []string{"done", "dead", "waiting", "dead"} {
		s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.ReplayDelivery(ctx, id) })
	}
	var got []string
	for w.next.Item != nil {
		got = append(got, w.what()+" "+string(w.next.Item.Delivery.Body))
		w.settle(t, store.Settlement{Result: store.ItemDone})
	}
	if diff := cmp.Diff([]string{"waiting waiting", "dead dead", "done done"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
