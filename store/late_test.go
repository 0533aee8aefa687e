package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/store/storetest"
)

// lockAll keeps every writer of the database waiting, as another program would, until release is called.
func lockAll(t *testing.T, url string, s *store.Store) (release func()) {
	t.Helper()
	var tx interface{ Rollback() error }
	if pool := s.Handles().Postgres; pool != nil {
		db := stdlib.OpenDBFromPool(pool)
		t.Cleanup(func() { _ = db.Close() })
		other, err := db.Begin()
		if err == nil {
			_, err = other.Exec("LOCK TABLE deliveries, lanes, settings IN EXCLUSIVE MODE")
		}
		if err != nil {
			t.Fatal(err)
		}
		tx = other
	} else {
		db, err := sql.Open("sqlite", "file:"+file(url)+"?_txlock=exclusive")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		if tx, err = db.Begin(); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

// Another program keeps the lock for longer than senders wait: they are told in time, and what they were told stays true.
func TestLockedForLong(t *testing.T) {
	t.Parallel()
	for name, database := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			s := storetest.Open(t, url, store.Options{})
			release := lockAll(t, url, s)
			const patience = 6 * time.Second
			began := time.Now()
			var unsure sync.Map // on a slow machine the last attempt may be called off, and Postgres has not said that it ended it
			var senders sync.WaitGroup
			for n := range 20 { // the first is in a transaction at once, the others wait for it and are withdrawn
				senders.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					id := fmt.Sprint("told to come again ", n)
					got, err := s.Accept(ctx, event.Delivery{ID: id, RepoID: 1})
					if name == "Postgres" && errors.Is(err, event.ErrUnsure) {
						unsure.Store(id, true)
						return
					}
					if got != store.Full && !errors.Is(err, event.ErrUnavailable) {
						t.Errorf("%d: %v, %v, want Full or ErrUnavailable", n, got, err)
					}
				})
			}
			senders.Wait()
			if took := time.Since(began); took > patience+3*time.Second {
				t.Errorf("told after %v, want at most %v", took, patience+3*time.Second)
			}
			becomes(t, s, false)
			release()
			if got, err := s.Accept(t.Context(), event.Delivery{ID: "later", RepoID: 1}); err != nil || got != store.Accepted {
				t.Errorf("with the lock gone: %v, %v", got, err)
			}
			stored := slices.DeleteFunc(deliveries(t, s), func(id string) bool {
				_, may := unsure.Load(id)
				return may
			})
			if diff := cmp.Diff([]string{"later"}, stored); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
		})
	}
}

// Whoever has not the time that a transaction may take is not kept waiting for one.
func TestTooLateToStore(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.SQLite(t), store.Options{})
	for range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if got, err := s.Accept(ctx, event.Delivery{ID: "late", RepoID: 1}); err != nil || got != store.Full {
			t.Errorf("with a second left: %v, %v, want Full", got, err)
		}
		cancel()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := s.Accept(ctx, event.Delivery{ID: "gone", RepoID: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, %v", got, err)
	}
	if got := deliveries(t, s); len(got) != 0 {
		t.Errorf("stored: %v", got)
	}
}

// deliveries are the IDs of all that is stored.
func deliveries(t *testing.T, s *store.Store) (ids []string) {
	t.Helper()
	if err := s.Read(t.Context(), func(tx *store.Tx) error {
		all, err := tx.Deliveries(t.Context(), "", 1000)
		ids = nil
		for _, d := range all {
			ids = append(ids, d.ID)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return ids
}
