package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/store"
)

func together(t *testing.T, s suite) {
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		for n := range 4 {
			if err := tx.SaveBranch(ctx, store.Branch{RepoID: 1, Name: fmt.Sprint("b", n), SHA: fmt.Sprint("c", n+1)}); err != nil {
				return err
			}
			if err := tx.SetSetting(ctx, fmt.Sprint("c", n), fmt.Sprint("b", n)); err != nil {
				return err
			}
		}
		return nil
	})
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		got := map[string]string{}
		// walk asks for one thing after the other, each named by the one before.
		walk := func(from string, steps int) func(*store.Tx) error {
			return func(tx *store.Tx) error {
				at := from
				for range steps {
					b, err := tx.Branch(ctx, 1, at)
					if err != nil {
						return err
					}
					next, err := tx.Setting(ctx, b.SHA)
					if err != nil {
						return err
					}
					got[from] += " " + next
					at = next
				}
				return nil
			}
		}
		before, err := tx.Setting(ctx, "c0")
		if before != "b0" || err != nil {
			t.Errorf("before: %q, %v", before, err)
		}
		var all []store.Branch
		err = tx.Together(ctx, walk("b0", 3), func(*store.Tx) error { return nil }, walk("b2", 1), func(tx *store.Tx) (err error) {
			all, err = tx.Branches(ctx, 1)
			return err
		})
		if diff := cmp.Diff(map[string]string{"b0": " b1 b2 b3", "b2": " b3"}, got); diff != "" || len(all) != 4 || err != nil {
			t.Errorf("read together: %d branches, %v (-want +got):\n%s", len(all), err, diff)
		}
		for name, part := range map[string]func(*store.Tx) error{
			"by itself":     func(*store.Tx) error { return errGivenUp },
			"after a read":  func(tx *store.Tx) error { return errors.Join(errOf(tx.Setting(ctx, "c1")), errGivenUp) },
			"after several": func(tx *store.Tx) error { return errors.Join(walk("b1", 1)(tx), errGivenUp) },
		} {
			if err := tx.Together(ctx, walk("b0", 3), part, walk("b2", 1)); !errors.Is(err, errGivenUp) {
				t.Errorf("a part fails %s: %v", name, err)
			}
		}
		if err := tx.Together(ctx, walk("b0", 1), walk("b9", 1)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a part finds nothing: %v", err)
		}
		if after, err := tx.Setting(ctx, "c3"); after != "b3" || err != nil {
			t.Errorf("after failures: %q, %v", after, err)
		}
		return nil
	})
	if err := s.Read(t.Context(), func(tx *store.Tx) error {
		return tx.Together(t.Context(), func(tx *store.Tx) error { return tx.SetSetting(t.Context(), "a", "3") })
	}); err == nil {
		t.Error("a part of a reading transaction wrote")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Read(ctx, func(tx *store.Tx) error {
		return tx.Together(ctx, func(tx *store.Tx) error { return errOf(tx.Setting(ctx, "c0")) })
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("reading together under a context that has ended: %v", err)
	}
}

func errOf(_ string, err error) error { return err }
