package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
)

func acceptance(t *testing.T, s suite) {
	var raised []string
	cancel := s.OnRaised(func(lanes []string) { raised = append(raised, lanes...) })
	body := []byte(`{"action":"opened","text":"` + strings.Repeat("much the same ", 2000) + `\u0000ü"}`)
	d := event.Delivery{ID: "guid-1", Name: "pull_request", Body: body, InstallationID: 3, RepoID: 1, ReceivedAt: s.clock.now.Add(-time.Second)}
	other := d
	other.Body = []byte("{}")
	unplaced := event.Delivery{ID: "guid-2", Name: "ping", Body: []byte{}}
	var got []store.Outcome
	for _, d := range []event.Delivery{d, d, other, unplaced} {
		o, err := s.Accept(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o)
	}
	if diff := cmp.Diff([]store.Outcome{store.Accepted, store.Duplicate, store.Conflict, store.Accepted}, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	cancel()
	if _, err := s.Accept(t.Context(), event.Delivery{ID: "guid-3"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"repo:1", "app"}, raised); diff != "" {
		t.Errorf("lanes that were raised (-want +got):\n%s", diff)
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		for id, want := range map[string]bool{"guid-1": true, "guid-2": true, "guid-9": false} {
			at, known, err := tx.DeliveryReceived(ctx, id)
			if err != nil || known != want || at.IsZero() == want {
				t.Errorf("delivery %s is known: %t since %v, %v; want %t", id, known, at, err, want)
			}
		}
		if at, _, err := tx.DeliveryReceived(ctx, "guid-1"); err != nil || !at.Equal(d.ReceivedAt) {
			t.Errorf("guid-1 came at %v, %v; want %v", at, err, d.ReceivedAt)
		}
		got, err := tx.Delivery(ctx, "guid-1")
		if diff := cmp.Diff(store.DeliveryRecord{Delivery: d, State: store.DeliveryWaiting}, got); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		load, err2 := tx.Load(ctx, s.clock.now)
		want := store.LaneLoad{Due: 3, OpenLanes: 2, OldestDelivery: d.ReceivedAt}
		if diff := cmp.Diff(want, load); diff != "" {
			t.Errorf("load (-want +got):\n%s", diff)
		}
		if err == nil {
			err = err2
		}
		return err
	})
	if _, err := s.Accept(t.Context(), event.Delivery{Body: body}); err == nil {
		t.Error("a delivery without ID was accepted")
	}
}

// manySenders hands in each delivery twice, from many goroutines and two handles where the engine allows it.
func manySenders(t *testing.T, s suite) {
	stores := []*store.Store{s.Store}
	if strings.HasPrefix(s.url, "postgres") {
		stores = append(stores, Open(t, s.url, store.Options{}))
	}
	const count = 400
	var next, accepted, repeated atomic.Int64
	var done sync.WaitGroup
	for w := range 16 {
		done.Go(func() {
			for n := next.Add(1); n <= 2*count; n = next.Add(1) {
				id := fmt.Sprintf("%04d", n/2)
				switch got, err := stores[(w+int(n))%len(stores)].Accept(t.Context(), event.Delivery{ID: id, RepoID: n / 2 % 7, Body: []byte(id)}); {
				case err != nil:
					t.Error(err)
				case got == store.Accepted:
					accepted.Add(1)
				case got == store.Duplicate:
					repeated.Add(1)
				default:
					t.Errorf("%s: %v", id, got)
				}
			}
		})
	}
	done.Wait()
	// Number 1 stands alone (0), and so does the last.
	if accepted.Load() != count+1 || repeated.Load() != count-1 {
		t.Errorf("%d accepted, %d repeated", accepted.Load(), repeated.Load())
	}
	items := 0
	for _, lane := range []string{"app", "repo:1", "repo:2", "repo:3", "repo:4", "repo:5", "repo:6"} {
		w := worker{suite: s, owner: "me", lane: lane}
		w.claim(t)
		for ; w.next.Item != nil; w.settle(t, store.Settlement{Result: store.ItemDone}) {
			items++
			if d := w.next.Item.Delivery; d.Lane() != lane || !bytes.Equal(d.Body, []byte(d.ID)) {
				t.Errorf("delivery %s with body %q in lane %s", d.ID, d.Body, lane)
			}
		}
	}
	if items != count+1 {
		t.Errorf("%d items in the lanes, want %d", items, count+1)
	}
}

// writing holds a transaction open until release: what it wrote, or on SQLite the whole database, is locked until then.
func writing(t *testing.T, s *store.Store) (release func()) {
	t.Helper()
	end, held := make(chan struct{}), make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		if err := s.Write(t.Context(), func(tx *store.Tx) error {
			if err := tx.PostItem(t.Context(), store.LaneItem{Lane: "repo:1", Kind: "fact"}); err != nil {
				return err
			}
			close(held)
			<-end
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-held
	return func() {
		close(end)
		writer.Wait()
	}
}

// full keeps the committer from the disk until the queue overflows.
func full(t *testing.T, s suite) {
	small := Open(t, secondURL(t, s), store.Options{AcceptQueue: 1, AcceptWait: time.Millisecond})
	release := writing(t, small)
	outcomes := make(chan string, 1000)
	var senders sync.WaitGroup
	var refused, stored []string
	sent := 0
	for len(refused) == 0 && sent < cap(outcomes) { // the committer takes some in, the queue one more
		id := fmt.Sprint("d", sent)
		sent++
		senders.Go(func() {
			got, err := small.Accept(t.Context(), event.Delivery{ID: id, RepoID: 1, Body: []byte("{}")})
			if err != nil {
				t.Error(err)
			}
			outcomes <- id + " " + got.String()
		})
		select {
		case got := <-outcomes:
			id, outcome, _ := strings.Cut(got, " ")
			if outcome != "full" {
				t.Errorf("%s while the disk is busy", got)
			}
			refused = append(refused, id)
		case <-time.After(2 * time.Millisecond):
		}
	}
	release()
	senders.Wait()
	close(outcomes)
	for got := range outcomes {
		id, outcome, _ := strings.Cut(got, " ")
		if outcome == "full" {
			refused = append(refused, id)
		} else {
			stored = append(stored, id)
		}
	}
	var got []string
	if err := small.Read(t.Context(), func(tx *store.Tx) error {
		all, err := tx.Deliveries(t.Context(), "", 100)
		for _, d := range all {
			got = append(got, d.ID)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(stored)
	if diff := cmp.Diff(stored, got); diff != "" {
		t.Errorf("stored is what was acknowledged (-acknowledged +stored):\n%s", diff)
	}
	if len(refused)+len(stored) != sent {
		t.Errorf("%d refused and %d stored of %d", len(refused), len(stored), sent)
	}
}

// secondURL is a database for a store with other options. SQLite's first one is closed before.
func secondURL(t *testing.T, s suite) string {
	t.Helper()
	if strings.HasPrefix(s.url, "sqlite") {
		return SQLite(t)
	}
	return s.url
}

func closing(t *testing.T, s suite) {
	s2 := Open(t, secondURL(t, s), store.Options{})
	var senders sync.WaitGroup
	began := make(chan struct{}, 64)
	var accepted atomic.Int64
	for n := range 8 {
		senders.Go(func() {
			for i := 0; ; i++ {
				got, err := s2.Accept(t.Context(), event.Delivery{ID: fmt.Sprint(n, "-", i), RepoID: 1})
				if err != nil {
					return // closed
				}
				if got == store.Accepted {
					accepted.Add(1)
				}
				select {
				case began <- struct{}{}:
				default:
				}
			}
		})
	}
	<-began
	if err := s2.Close(); err != nil {
		t.Fatal(err)
	}
	senders.Wait() // everybody was answered
	if accepted.Load() == 0 {
		t.Error("nothing was accepted before")
	}
}
