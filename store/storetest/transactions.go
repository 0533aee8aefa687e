package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/store"
)

var errGivenUp = errors.New("given up")

func transactions(t *testing.T, s suite) {
	told := 0
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		tx.AfterCommit(func() { told++ })
		if err := tx.SetSetting(t.Context(), "a", "1"); err != nil {
			return err
		}
		return errGivenUp
	})
	if !errors.Is(err, errGivenUp) {
		t.Errorf("a transaction that fails: %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.Write(t.Context(), func(tx *store.Tx) error {
			_ = tx.SetSetting(t.Context(), "a", "2")
			panic("while writing")
		})
	}()
	s.write(t, func(ctx context.Context, tx *store.Tx) error { // the panic did not keep the writer
		tx.AfterCommit(func() { told += 10 })
		got, err := tx.Setting(ctx, "a")
		if got != "" {
			t.Errorf("a transaction that was given up wrote %q", got)
		}
		return err
	})
	if told != 10 {
		t.Errorf("told after the commit: %d, want 10", told)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Write(ctx, func(tx *store.Tx) error { return tx.SetSetting(ctx, "a", "3") }); !errors.Is(err, context.Canceled) {
		t.Errorf("writing under a context that has ended: %v", err)
	}
}

func reading(t *testing.T, s suite) {
	s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.SetSetting(ctx, "a", "1") })
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		first, err := tx.Setting(ctx, "a")
		if err != nil {
			return err
		}
		s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.SetSetting(ctx, "a", "2") })
		second, err := tx.Setting(ctx, "a")
		if first != "1" || second != "1" {
			t.Errorf("read %q, then %q in one transaction", first, second)
		}
		return err
	})
	if err := s.Read(t.Context(), func(tx *store.Tx) error { return tx.SetSetting(t.Context(), "a", "3") }); err == nil {
		t.Error("a reading transaction wrote")
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Setting(ctx, "a")
		if got != "2" {
			t.Errorf("read %q, want 2", got)
		}
		return err
	})
}

func settings(t *testing.T, s suite) {
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Setting(ctx, "cursor")
		if got != "" || err != nil {
			t.Errorf("a setting never set: %q, %v", got, err)
		}
		return errors.Join(tx.SetSetting(ctx, "cursor", "v1"), tx.SetSetting(ctx, "cursor", "it's v2?"))
	})
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Setting(ctx, "cursor")
		if got != "it's v2?" {
			t.Errorf("got %q", got)
		}
		return err
	})

	// What is deleted is gone at once and for good, may be set again, and nothing else goes with it.
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		if err := errors.Join(
			tx.SetSetting(ctx, "group/42/a", "1"), tx.SetSetting(ctx, "group/42/ab", "2"), tx.SetSetting(ctx, "group/42/%", "3"),
			tx.DeleteSetting(ctx, "group/42/%"), tx.DeleteSetting(ctx, "group/42/a"), tx.DeleteSetting(ctx, "never set"),
			tx.DeleteSetting(ctx, "cursor"), tx.SetSetting(ctx, "cursor", "v3"),
		); err != nil {
			return err
		}
		wantSettings(ctx, t, tx, map[string]string{"group/42/a": "", "group/42/ab": "2", "group/42/%": "", "cursor": "v3"})
		return nil
	})
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.DeleteSetting(t.Context(), "group/42/ab"), errGivenUp)
	})
	if !errors.Is(err, errGivenUp) {
		t.Error(err)
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		wantSettings(ctx, t, tx, map[string]string{"group/42/a": "", "group/42/ab": "2", "group/42/%": "", "cursor": "v3"})
		return nil
	})
}

func wantSettings(ctx context.Context, t *testing.T, tx *store.Tx, want map[string]string) {
	t.Helper()
	for key, value := range want {
		if got, err := tx.Setting(ctx, key); got != value || err != nil {
			t.Errorf("setting %s: %q, %v; want %q", key, got, err, value)
		}
	}
}

// concurrentWriters has many goroutines append to a few chains, in transactions that would lose an entry if two of them
// read the same end.
func concurrentWriters(t *testing.T, s suite) {
	const writers, each = 4, 6
	var done sync.WaitGroup
	for w := range writers {
		done.Go(func() {
			for n := range each {
				err := s.Write(t.Context(), func(tx *store.Tx) error {
					// Two rows in an order that differs between the writers: they deadlock, and must not fail.
					for _, repo := range []int64{int64(w % 2), int64(1 - w%2)} {
						if _, err := tx.Audit(t.Context(), store.AuditEntry{RepoID: repo, Action: fmt.Sprint(w, " ", n)}); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	done.Wait()
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		for repo := range int64(2) {
			log, err := tx.AuditLog(ctx, repo, 0, 1000)
			if err != nil {
				return err
			}
			if len(log) != writers*each {
				t.Errorf("chain %d has %d entries, want %d", repo, len(log), writers*each)
			}
			if err := store.VerifyAudit(store.AuditEntry{}, log); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
}
