package store_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/internal/pgtest"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/store/storetest"
)

// Replicas that start together do not migrate together.
func TestReplicasStartTogether(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t) // empty
	var done sync.WaitGroup
	for range 3 {
		done.Go(func() {
			s, err := store.Open(t.Context(), url, store.Options{MaxConns: 3})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if got, err := s.Accept(t.Context(), event.Delivery{ID: "the same", RepoID: 1}); err != nil || got == store.Conflict {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	done.Wait()
}

// Work that holds all connections keeps no delivery waiting.
func TestIntakeHasConnectionsOfItsOwn(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.Postgres(t), store.Options{MaxConns: 2})
	release, busy := make(chan struct{}), make(chan struct{})
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			if err := s.Read(t.Context(), func(*store.Tx) error {
				busy <- struct{}{}
				<-release
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	for range 4 {
		<-busy
	}
	if got, err := s.Accept(t.Context(), event.Delivery{ID: "a", RepoID: 1}); err != nil || got != store.Accepted {
		t.Errorf("%v, %v", got, err)
	}
	close(release)
	workers.Wait()
}

// A statement that nobody waits for fails its transaction all the same, whatever comes behind it.
func TestStatementFailsLater(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.Postgres(t), store.Options{})
	const refused = "a\x00b" // Postgres takes no such text
	for name, behind := range map[string]func(*store.Tx) error{
		"the commit": func(*store.Tx) error { return nil },
		"a read":     func(tx *store.Tx) error { _, err := tx.Setting(t.Context(), "before"); return err },
		"a write":    func(tx *store.Tx) error { return tx.SetSetting(t.Context(), "behind", "1") },
		"an answer":  func(tx *store.Tx) error { _, err := tx.Intend(t.Context(), store.Effect{Key: "k"}); return err },
		"a raised lane": func(tx *store.Tx) error {
			return tx.PostItem(t.Context(), store.LaneItem{Lane: "repo:1", Kind: "fact"})
		},
		"a read whose error is passed over": func(tx *store.Tx) error { _, _ = tx.Setting(t.Context(), "before"); return nil },
	} {
		err := s.Write(t.Context(), func(tx *store.Tx) error {
			return errors.Join(tx.SetSetting(t.Context(), "before", "1"), tx.SetSetting(t.Context(), refused, "1"), behind(tx))
		})
		if err == nil {
			t.Errorf("before %s: it was committed", name)
		} else if !strings.Contains(err.Error(), "write setting a") && name != "a read whose error is passed over" {
			t.Errorf("before %s: %v", name, err)
		}
	}
	if err := s.Read(t.Context(), func(tx *store.Tx) error {
		for _, name := range []string{"before", "behind"} {
			if got, err := tx.Setting(t.Context(), name); got != "" || err != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		load, err := tx.Load(t.Context(), time.Now())
		if load.Due != 0 {
			t.Errorf("%d items were posted", load.Due)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// Connections are cut while deliveries come: nobody is told, and none is lost.
func TestConnectionsAreCut(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	s, other := storetest.Open(t, url, store.Options{}), storetest.Open(t, url, store.Options{})
	var accepted []string
	for n := range 60 {
		if n%10 == 5 {
			if _, err := other.Handles().Postgres.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
				t.Fatal(err)
			}
		}
		id := string(rune('A'+n/26)) + string(rune('a'+n%26))
		if got, err := s.Accept(t.Context(), event.Delivery{ID: id, RepoID: 1}); err != nil || got == store.Conflict {
			t.Errorf("%s: %v, %v", id, got, err)
		}
		accepted = append(accepted, id)
	}
	for _, id := range accepted {
		if got, err := s.Accept(t.Context(), event.Delivery{ID: id, RepoID: 1}); err != nil || got != store.Duplicate {
			t.Errorf("%s: %v, %v", id, got, err)
		}
	}
}
