package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/store"
)

func alarms(t *testing.T, s suite) {
	now := s.clock.Now()
	slow := store.Alarm{RepoID: 1, Environment: "production", Source: "arn:slow", Name: "slow", Raised: true, Reason: "p99", ChangedAt: now}
	errs := store.Alarm{RepoID: 1, Environment: "production", Source: "arn:errors", Name: "errors", Raised: true, ActionID: "a", ChangedAt: now}
	staging := store.Alarm{RepoID: 1, Environment: "staging", Source: "arn:slow", Name: "slow", Raised: true, ChangedAt: now}
	other := store.Alarm{RepoID: 2, Environment: "production", Source: "arn:slow", Name: "slow", Raised: true, ChangedAt: now}
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		for _, a := range []store.Alarm{slow, errs, staging, other} {
			if err := tx.SaveAlarm(ctx, a); err != nil {
				return err
			}
		}
		return nil
	})
	raised := func() (found []store.Alarm) {
		s.read(t, func(ctx context.Context, tx *store.Tx) (err error) {
			found, err = tx.RaisedAlarms(ctx, 1)
			return err
		})
		return found
	}
	if diff := cmp.Diff([]store.Alarm{errs, slow, staging}, raised()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	slow.Raised, slow.Reason, slow.ChangedAt = false, "", now.Add(time.Minute)
	s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.SaveAlarm(ctx, slow) })
	if diff := cmp.Diff([]store.Alarm{errs, staging}, raised()); diff != "" {
		t.Errorf("after one was cleared: -want +got\n%s", diff)
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		a, err := tx.Alarm(ctx, 1, "production", "arn:slow")
		if diff := cmp.Diff(slow, a); diff != "" || err != nil {
			t.Errorf("the cleared one: %v -want +got\n%s", err, diff)
		}
		if _, err := tx.Alarm(ctx, 1, "production", "arn:none"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("one that nobody knows: %v", err)
		}
		return nil
	})
}
