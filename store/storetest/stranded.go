package storetest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

func stranded(t *testing.T, s suite) {
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		for _, x := range []store.Execution{
			{ID: "failed rollback", Status: pipeline.Failed},
			{ID: "stopped rollback", Status: pipeline.Stopped},
			{ID: "rollback", Status: pipeline.InProgress},
			{ID: "good rollback", Status: pipeline.Succeeded},
			{ID: "open", Status: pipeline.Failed, ReleaseID: "open", SHA: "1"},
			{ID: "moved on", Status: pipeline.Failed, ReleaseID: "open", SHA: "0"},
			{ID: "decided", Status: pipeline.Failed, ReleaseID: "decided", SHA: "2"},
		} {
			x.RepoID = 1
			if err := tx.CreateExecution(ctx, &x); err != nil {
				return err
			}
		}
		for _, r := range []store.Release{{ID: "open", Status: store.ReleaseOpen, SHA: "1"}, {ID: "decided", Status: store.ReleasePromoting, SHA: "2"}} {
			r.RepoID = 1
			if err := tx.SaveRelease(ctx, r); err != nil {
				return err
			}
		}
		for name, env := range map[string]store.Environment{
			"a": {ReturnBy: "failed rollback"}, "b": {ReturnBy: "stopped rollback"}, "c": {ReturnBy: "rollback"}, "d": {ReturnBy: "good rollback"},
			"e": {ReturnBy: "open", OccupiedBy: "open"}, "f": {ReturnBy: "open", OccupiedBy: "somebody else"},
			"g": {ReturnBy: "moved on", OccupiedBy: "open"}, "h": {ReturnBy: "decided", OccupiedBy: "decided"}, "i": {}, "j": {ReturnBy: "pruned"},
		} {
			env.RepoID, env.Name = 1, name
			if err := tx.SaveEnvironment(ctx, env); err != nil {
				return err
			}
		}
		return tx.SaveEnvironment(ctx, store.Environment{RepoID: 2, Name: "a", ReturnBy: "failed rollback"})
	})
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		all, err := tx.Stranded(ctx, 1)
		var got []string
		for _, x := range all {
			got = append(got, x.Environment.Name+": "+x.Execution.ID+x.Release.ID)
		}
		if diff := cmp.Diff([]string{"a: failed rollback", "b: stopped rollback", "e: openopen"}, got); diff != "" {
			t.Errorf("what is still to be put back (-want +got):\n%s", diff)
		}
		return err
	})
}
