package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/store"
)

func commitNotes(t *testing.T, s suite) {
	keep := map[string]string{}
	note := func(name string, key string, kept bool) {
		s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.SetSetting(ctx, key, name) })
		if kept {
			keep[key] = name
		} else {
			keep[key] = ""
		}
	}
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		err := tx.SaveBranch(ctx, store.Branch{RepoID: 1, Name: "master", SHA: "head", UpdatedAt: s.clock.now})
		if err == nil {
			err = tx.SavePull(ctx, store.Pull{RepoID: 1, Number: 5, HeadSHA: "open", Open: true})
		}
		if err == nil {
			err = tx.SavePull(ctx, store.Pull{RepoID: 1, Number: 6, HeadSHA: "closed"})
		}
		return err
	})
	for _, n := range []store.CommitNote{store.NotePush, store.NoteUnchanged} {
		note("of a head", n.Key(1, "head"), true)
		note("of an open pull request", n.Key(1, "open"), true)
		note("of a closed one", n.Key(1, "closed"), false)
		note("of a commit that was a head", n.Key(1, "gone"), false)
		note("of another repository", n.Key(2, "head"), false)
	}
	note("of no commit", "comments/1", true)
	again := store.NotePush.Key(1, "again")
	note("written again", again, true)
	prune := func() {
		t.Helper()
		if _, err := s.Prune(t.Context(), s.clock.now.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	prune()
	s.clock.now = s.clock.now.Add(store.KeepIDs + time.Hour)
	note("written again", again, true)
	note("new", store.NotePush.Key(1, "new"), true)
	prune()
	got := map[string]string{}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		for key := range keep {
			value, err := tx.Setting(ctx, key)
			if err != nil {
				return err
			}
			got[key] = value
		}
		return nil
	})
	if diff := cmp.Diff(keep, got); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// commitNoteMeanwhile notes something of commits that are no heads yet, as a push's are while it is handled, beside the pruning.
func commitNoteMeanwhile(t *testing.T, s suite) {
	const notes = 200
	done := make(chan error, 1)
	go func() {
		for i := range notes {
			err := s.Write(t.Context(), func(tx *store.Tx) error {
				return tx.SetSetting(t.Context(), store.NotePush.Key(1, fmt.Sprint(i)), "noted")
			})
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for writing := true; writing; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			writing = false
		default:
		}
		if _, err := s.Prune(t.Context(), s.clock.now); err != nil {
			t.Fatal(err)
		}
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		for i := range notes {
			value, err := tx.Setting(ctx, store.NotePush.Key(1, fmt.Sprint(i)))
			if err != nil {
				return err
			}
			if value == "" {
				t.Errorf("what was noted of commit %d is gone", i)
			}
		}
		return nil
	})
}
