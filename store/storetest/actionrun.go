package storetest

import (
	"context"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/store"
)

// actionRunWriters: the lane asks for a stop while the action's job notes what it started. Both read the whole record and
// write it whole, at the same moment, and neither takes back what the other wrote.
func actionRunWriters(t *testing.T, s suite) {
	const rounds = 20
	for range rounds {
		s.write(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.SaveActionRun(ctx, store.ActionRun{ID: "a", ExecutionID: "e", RepoID: 1})
		})
		var both sync.WaitGroup
		for _, change := range []func(*store.ActionRun){
			func(r *store.ActionRun) { r.Stop = true },
			func(r *store.ActionRun) { r.Handle = "build 7" },
		} {
			both.Go(func() {
				err := s.Write(t.Context(), func(tx *store.Tx) error {
					r, err := tx.ActionRun(t.Context(), "a")
					if err != nil {
						return err
					}
					change(&r)
					return tx.SaveActionRun(t.Context(), r)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		s.read(t, func(ctx context.Context, tx *store.Tx) error {
			r, err := tx.ActionRun(ctx, "a")
			if err == nil && (!r.Stop || r.Handle == "") {
				t.Fatalf("stop %v, handle %q: one writer undid the other", r.Stop, r.Handle)
			}
			return err
		})
	}
}
