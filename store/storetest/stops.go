package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/store"
)

func stops(t *testing.T, s suite) {
	now := s.clock.Now()
	freeze := store.Stop{RepoID: 1, Kind: store.StopFreeze, Target: store.StopEnvironment("production"), Reason: "sale", At: now}
	branch := store.Stop{RepoID: 1, Kind: store.StopFreeze, Target: store.StopBranch("production"), At: now}
	lock := store.Stop{RepoID: 1, Kind: store.StopLock, Target: store.StopEnvironment("production"), At: now, Until: now.Add(time.Hour)}
	other := store.Stop{RepoID: 2, Kind: store.StopHold, Target: store.StopPull(7), At: now}
	again := freeze
	again.Reason, again.Until = "a longer sale", now.Add(time.Minute)
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		for _, stop := range []store.Stop{freeze, branch, lock, other, again} {
			if err := tx.SaveStop(ctx, stop); err != nil {
				return err
			}
		}
		return tx.LiftStop(ctx, 1, store.StopFreeze, store.StopRelease("none"))
	})
	all := func(repo int64) (found []store.Stop) {
		s.read(t, func(ctx context.Context, tx *store.Tx) (err error) {
			found, err = tx.Stops(ctx, repo)
			return err
		})
		return found
	}
	if diff := cmp.Diff([]store.Stop{branch, again, lock}, all(1)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.LiftStop(ctx, 1, lock.Kind, lock.Target) })
	if diff := cmp.Diff([]store.Stop{branch, again}, all(1)); diff != "" {
		t.Errorf("after it was lifted: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]store.Stop{other}, all(2)); diff != "" {
		t.Errorf("another repository: -want +got\n%s", diff)
	}
	for at, ended := range map[time.Time]bool{now: false, lock.Until.Add(-time.Microsecond): false, lock.Until: true} {
		if lock.Ended(at) != ended || branch.Ended(at) {
			t.Errorf("at %s: ended %v, one without an end %v", at, lock.Ended(at), branch.Ended(at))
		}
	}
}
