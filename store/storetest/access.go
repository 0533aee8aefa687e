package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

func accessTokens(t *testing.T, s suite) {
	now := s.clock.now
	ann := forge.User{ID: 5, Login: "ann"}
	token := store.AccessToken{ID: "a", Name: "laptop", Owner: ann, Scope: store.ScopeAct, SecretHash: []byte{1}, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		other := token
		other.ID, other.Owner.ID, other.CreatedAt = "b", 6, now.Add(time.Minute)
		newer := token
		newer.ID, newer.CreatedAt = "c", now.Add(time.Minute)
		return errors.Join(tx.CreateAccessToken(ctx, token), tx.CreateAccessToken(ctx, other), tx.CreateAccessToken(ctx, newer))
	})
	err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateAccessToken(t.Context(), token) })
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("created twice: %v", err)
	}
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		for i, want := range []bool{false, true, false} {
			owner := []int64{6, 5, 5}[i]
			if got, err := tx.RevokeAccessToken(ctx, owner, "a", now.Add(time.Duration(i)*time.Minute)); err != nil || got != want {
				t.Errorf("revoked by %d: %t, %v", owner, got, err)
			}
		}
		return errors.Join(tx.AccessTokenUsed(ctx, "c", now.Add(time.Minute)), tx.AccessTokenUsed(ctx, "c", now))
	})
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		all, err := tx.AccessTokens(ctx, 5)
		var got []string
		for _, a := range all {
			got = append(got, a.ID+" used "+a.UsedAt.Sub(now).String()+" valid "+map[bool]string{true: "yes", false: "no"}[a.Valid(now)])
		}
		want := []string{"c used 1m0s valid yes", "a used " + time.Time{}.Sub(now).String() + " valid no"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tokens of 5 (-want +got):\n%s", diff)
		}
		if token.Valid(token.ExpiresAt) {
			t.Error("a token is valid when it has expired")
		}
		return err
	})
}

func operationsEnd(t *testing.T, s suite) {
	now := s.clock.now
	o := store.Operation{ID: "o", RepoID: 1, Command: "/status", Status: store.OperationWaiting, CreatedAt: now.Add(-40 * 24 * time.Hour)}
	waiting := o
	waiting.ID = "w"
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		for _, want := range []bool{true, false} {
			if added, err := tx.CreateOperation(ctx, o); err != nil || added != want {
				t.Errorf("created: %t, %v; want %t", added, err, want)
			}
		}
		_, err := tx.CreateOperation(ctx, waiting)
		return errors.Join(err, tx.EndOperation(ctx, "o", store.OperationDone, "", now),
			tx.EndOperation(ctx, "o", store.OperationRefused, "it runs", now.Add(time.Minute)))
	})
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Operation(ctx, "o")
		if got.Status != store.OperationDone || got.Reply != "it runs" || !got.EndedAt.Equal(now) {
			t.Errorf("ended as %+v", got)
		}
		return err
	})
	err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.EndOperation(t.Context(), "none", store.OperationDone, "", now) })
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("ended one that is not there: %v", err)
	}
	if _, err := s.Prune(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Operation(ctx, "o"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("pruned: %v", err)
		}
		_, err := tx.Operation(ctx, "w")
		return err
	})
}
