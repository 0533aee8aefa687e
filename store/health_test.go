package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/store/storetest"
)

// engines make a database of each kind.
var engines = map[string]func(testing.TB) string{"SQLite": storetest.SQLite, "Postgres": storetest.Postgres}

// A database that became read only is noticed though no delivery comes, and so is that it is writable again.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	set := map[string]func(t *testing.T, s *store.Store, readOnly string){
		"SQLite": func(t *testing.T, s *store.Store, readOnly string) {
			if _, err := s.Handles().SQLite.Exec("PRAGMA query_only = " + readOnly); err != nil {
				t.Fatal(err)
			}
		},
		"Postgres": func(t *testing.T, s *store.Store, readOnly string) {
			for _, statement := range []string{
				"SET default_transaction_read_only = off",
				"DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = " + readOnly + "', current_database()); END$$",
				"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
			} {
				if _, err := s.Handles().Postgres.Exec(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
		},
	}
	for name, database := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			s := storetest.Open(t, url, store.Options{})
			becomes(t, s, true)
			set[name](t, s, "on")
			becomes(t, s, false)
			if got, err := s.Accept(t.Context(), event.Delivery{ID: "a", RepoID: 1}); !errors.Is(err, event.ErrUnavailable) {
				t.Errorf("accepted into a database that is read only: %v, %v, want ErrUnavailable", got, err)
			}
			set[name](t, s, "off")
			becomes(t, s, true)
			if got, err := s.Accept(t.Context(), event.Delivery{ID: "a", RepoID: 1}); err != nil || got != store.Accepted {
				t.Errorf("writable again: %v, %v", got, err)
			}
		})
	}
}

// becomes waits until the store says that it is ready, or that it is not. What it found out holds for a while.
func becomes(t *testing.T, s *store.Store, ready bool) {
	t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if err = s.Ready(t.Context()); (err == nil) == ready {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
	t.Fatalf("ready never becomes %v: %v", ready, err)
}

// Readiness is asked often, and the database is written to once a second at most.
func TestReadyIsNoFlood(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.SQLite(t), store.Options{})
	writes := func() (n int) {
		t.Helper()
		if err := s.Handles().SQLite.QueryRow("SELECT total_changes()").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before, began := writes(), time.Now()
	var askers sync.WaitGroup
	for range 8 {
		askers.Go(func() {
			for range 50 {
				if err := s.Ready(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	askers.Wait()
	if got, most := writes()-before, int(time.Since(began)/time.Second)+1; got < 1 || got > most {
		t.Errorf("400 questions wrote %d times, want between 1 and %d", got, most)
	}
}
