package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

func executionRevisions(t *testing.T, s suite) {
	mine := store.Execution{ID: "e", RepoID: 1, Rev: 7}
	s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.CreateExecution(ctx, &mine) })
	if mine.Rev != 1 {
		t.Errorf("created with revision %d", mine.Rev)
	}
	err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateExecution(t.Context(), &store.Execution{ID: "e"}) })
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("created twice: %v", err)
	}
	theirs := mine
	theirs.Status, mine.Status = "Succeeded", "Failed"
	s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.SaveExecution(ctx, &theirs) })
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveExecution(t.Context(), &mine) }); !errors.Is(err, store.ErrStale) {
		t.Errorf("a write over another: %v", err)
	}
	if mine.Rev != 1 {
		t.Errorf("a refused write counted the revision up to %d", mine.Rev)
	}
	s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.SaveExecution(ctx, &theirs) })
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Execution(ctx, "e")
		if got.Rev != 3 || got.Status != pipeline.Status("Succeeded") {
			t.Errorf("stored %s at revision %d", got.Status, got.Rev)
		}
		return err
	})
}

func tagsNeverMove(t *testing.T, s suite) {
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		for _, name := range []string{"v1.0.0", "v1.10.0", "v1.2.0", "v1.10.0"} {
			got, err := tx.SaveTag(ctx, store.Tag{RepoID: 1, Name: name, SHA: "of " + name, Seq: 99})
			if err != nil {
				return err
			}
			if name == "v1.10.0" && got.Seq != 2 {
				t.Errorf("%s has place %d in the log, want 2", name, got.Seq)
			}
		}
		_, err := tx.SaveTag(ctx, store.Tag{RepoID: 2, Name: "v1.0.0", SHA: "elsewhere"})
		return err
	})
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.SaveTag(t.Context(), store.Tag{RepoID: 1, Name: "v1.0.0", SHA: "moved"})
		return err
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("a tag moved: %v", err)
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		tags, err := tx.Tags(ctx, 1)
		var got []string
		for _, tag := range tags {
			got = append(got, tag.Name+" "+tag.SHA)
		}
		if diff := cmp.Diff([]string{"v1.0.0 of v1.0.0", "v1.10.0 of v1.10.0", "v1.2.0 of v1.2.0"}, got); diff != "" {
			t.Errorf("release log (-want +got):\n%s", diff)
		}
		return err
	})
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		for _, name := range []string{"v1.2.0", "v9.9.9"} { // the second was never there
			if err := tx.ForgetTag(ctx, 1, name); err != nil {
				return err
			}
		}
		return nil
	})
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		if tag, err := tx.Tag(ctx, 1, "v1.2.0"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a tag that was forgotten: %+v, %v", tag, err)
		}
		_, err := tx.Tag(ctx, 1, "v1.10.0")
		return err
	})
}

func effects(t *testing.T, s suite) {
	began := s.clock.now
	first := store.Effect{Key: "1/tag/v1.0.0", RepoID: 1, Kind: "tag", Intent: []byte(`{"sha":"a"}`)}
	second := first
	second.Intent = []byte(`{"sha":"b"}`)
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Intend(ctx, first)
		want := first
		want.Attempts, want.CreatedAt, want.UpdatedAt = 1, began, began
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("intended (-want +got):\n%s", diff)
		}
		return err
	})
	s.clock.now = began.Add(time.Minute)
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Intend(ctx, second)
		want := first
		want.Attempts, want.CreatedAt, want.UpdatedAt = 2, began, s.clock.now
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("intended again (-want +got):\n%s", diff)
		}
		return err
	})
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(tx.EffectDone(ctx, first.Key, []byte("created")), tx.EffectDone(ctx, first.Key, []byte("again")))
	})
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Intend(ctx, second)
		if !got.Done || string(got.Result) != "created" || got.Attempts != 2 {
			t.Errorf("intended after it was done: %+v", got)
		}
		return err
	})
}

func approvals(t *testing.T, s suite) {
	at := s.clock.now
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(
			tx.SaveApproval(ctx, store.Approval{ID: "1", RepoID: 1, ExecutionID: "e", ReleaseID: "r", VoidedAt: at, VoidReason: "before"}),
			tx.SaveApproval(ctx, store.Approval{ID: "2", RepoID: 1, ExecutionID: "e", ReleaseID: "r", Verdict: store.VerdictApproved}),
			tx.SaveApproval(ctx, store.Approval{ID: "3", RepoID: 1, ExecutionID: "f", ReleaseID: "r"}),
			tx.SaveApproval(ctx, store.Approval{ID: "4", RepoID: 1, ExecutionID: "g", ReleaseID: "other"}))
	})
	var counts []int
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		for _, void := range []func() (int, error){
			func() (int, error) { return tx.VoidApprovals(ctx, "e", "a new head", at.Add(time.Hour)) },
			func() (int, error) {
				return tx.VoidApprovalsOfRelease(ctx, "r", "a new configuration", at.Add(2*time.Hour))
			},
			func() (int, error) { return tx.VoidApprovalsOfRelease(ctx, "r", "once more", at.Add(3*time.Hour)) },
		} {
			n, err := void()
			if err != nil {
				return err
			}
			counts = append(counts, n)
		}
		return nil
	})
	if diff := cmp.Diff([]int{1, 1, 0}, counts); diff != "" {
		t.Errorf("voided (-want +got):\n%s", diff)
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		got := map[string]string{}
		for _, release := range []string{"r", "other"} {
			found, err := tx.ApprovalsByRelease(ctx, release)
			if err != nil {
				return err
			}
			for _, a := range found {
				got[a.ID] = a.VoidReason
			}
		}
		if diff := cmp.Diff(map[string]string{"1": "before", "2": "a new head", "3": "a new configuration", "4": ""}, got); diff != "" {
			t.Errorf("why they are void (-want +got):\n%s", diff)
		}
		return nil
	})
}

func environmentLock(t *testing.T, s suite) {
	type result struct {
		Fence int64
		OK    bool
	}
	lock := func(name, execution string) (r result) {
		s.write(t, func(ctx context.Context, tx *store.Tx) (err error) {
			r.Fence, r.OK, err = tx.LockEnvironment(ctx, 1, name, execution)
			return err
		})
		return r
	}
	unlock := func(name, execution string) {
		s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.UnlockEnvironment(ctx, 1, name, execution) })
	}
	got := []result{lock("staging", "a"), lock("staging", "b"), lock("staging", "a"), lock("production", "b")}
	unlock("staging", "b")                                     // not b's: nothing happens
	s.write(t, func(ctx context.Context, tx *store.Tx) error { // saving what runs there does not touch the lock
		return tx.SaveEnvironment(ctx, store.Environment{RepoID: 1, Name: "staging", Version: "1.0.0"})
	})
	got = append(got, lock("staging", "b"))
	unlock("staging", "a")
	got = append(got, lock("staging", "b"))
	want := []result{{1, true}, {0, false}, {1, true}, {1, true}, {0, false}, {2, true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a, b, a, b elsewhere, b, b after a (-want +got):\n%s", diff)
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		e, err := tx.Environment(ctx, 1, "staging")
		if e.LockedBy != "b" || e.Fence != 2 || e.Version != "1.0.0" {
			t.Errorf("stored %+v", e)
		}
		return err
	})
	if err := s.Write(t.Context(), func(tx *store.Tx) error { _, _, err := tx.LockEnvironment(t.Context(), 1, "staging", ""); return err }); err == nil {
		t.Error("nobody locked an environment")
	}
}

func auditChain(t *testing.T, s suite) {
	var want []store.AuditEntry
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		for n := range 5 {
			e, err := tx.Audit(ctx, store.AuditEntry{RepoID: 1, At: s.clock.now.Add(time.Duration(n)*time.Second + 7), Actor: forge.User{ID: 5, Login: "qa"},
				Action: "approve", Subject: fmt.Sprint("release 1.", n), Reason: "tested", Evidence: []byte(`{"digest":"sha256:x"}`)})
			if err != nil {
				return err
			}
			want = append(want, e)
		}
		_, err := tx.Audit(ctx, store.AuditEntry{Action: "server.start"})
		return err
	})
	var log []store.AuditEntry
	s.read(t, func(ctx context.Context, tx *store.Tx) (err error) {
		if log, err = tx.AuditLog(ctx, 1, 0, 100); err != nil {
			return err
		}
		page, err := tx.AuditLog(ctx, 1, 2, 2)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(log[2:4], page); diff != "" {
			t.Errorf("page (-want +got):\n%s", diff)
		}
		if err := store.VerifyAudit(log[1], page); err != nil {
			t.Errorf("a page alone: %v", err)
		}
		repos, err := tx.AuditRepos(ctx)
		if diff := cmp.Diff([]int64{0, 1}, repos); diff != "" {
			t.Errorf("repositories with a log (-want +got):\n%s", diff)
		}
		return err
	})
	if diff := cmp.Diff(want, log); diff != "" {
		t.Errorf("log (-written +read):\n%s", diff)
	}
	if err := store.VerifyAudit(store.AuditEntry{}, log); err != nil {
		t.Errorf("as written: %v", err)
	}
	for what, tamper := range map[string]func([]store.AuditEntry) []store.AuditEntry{
		"actor":      func(l []store.AuditEntry) []store.AuditEntry { l[2].Actor.ID = 6; return l },
		"login":      func(l []store.AuditEntry) []store.AuditEntry { l[2].Actor.Login = "dev"; return l },
		"time":       func(l []store.AuditEntry) []store.AuditEntry { l[2].At = l[2].At.Add(time.Microsecond); return l },
		"evidence":   func(l []store.AuditEntry) []store.AuditEntry { l[2].Evidence = nil; return l },
		"reason":     func(l []store.AuditEntry) []store.AuditEntry { l[4].Reason = ""; return l },
		"repository": func(l []store.AuditEntry) []store.AuditEntry { l[0].RepoID = 2; return l },
		"boundary": func(l []store.AuditEntry) []store.AuditEntry {
			l[1].Action, l[1].Subject = "approver", "elease 1.1"
			return l
		},
		"removed":   func(l []store.AuditEntry) []store.AuditEntry { return slices.Delete(l, 1, 2) },
		"beginning": func(l []store.AuditEntry) []store.AuditEntry { return l[1:] },
		"swapped":   func(l []store.AuditEntry) []store.AuditEntry { l[1], l[2] = l[2], l[1]; return l },
		"renumbered": func(l []store.AuditEntry) []store.AuditEntry {
			l = slices.Delete(l, 1, 2)
			l[1].Seq, l[2].Seq, l[3].Seq = 2, 3, 4
			return l
		},
	} {
		if err := store.VerifyAudit(store.AuditEntry{}, tamper(slices.Clone(log))); err == nil {
			t.Errorf("%s: it was not noticed", what)
		}
	}
}

func openApprovals(t *testing.T, s suite) {
	at := func(n int) time.Time { return time.Date(2026, 3, 2, 12, n, 0, 0, time.UTC) }
	def := pipeline.Definition{Kind: pipeline.KindFeature, Mode: pipeline.ModeParallel, Stages: []pipeline.Stage{
		{Name: "Approval", Actions: []pipeline.Action{{Name: "approval", Uses: pipeline.UsesApproval, Environment: "staging"}}},
		{Name: "Deploy", Actions: []pipeline.Action{{Name: "staging", Uses: "x", Environment: "staging"}}},
	}}
	state, _ := pipeline.Start(pipeline.Input{ID: "e1", Definition: def, SHA: "a", ConfigHash: "h"}, at(1))
	x := store.Execution{ID: "e1", RepoID: 1, State: state, Status: state.Status, CreatedAt: at(1)}
	other := store.Execution{ID: "e2", RepoID: 1, State: pipeline.New(pipeline.Input{ID: "e2", Definition: def}, at(1)), CreatedAt: at(2)}
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(tx.CreateExecution(ctx, &x), tx.CreateExecution(ctx, &other))
	})
	open := func() (ids []string) {
		s.read(t, func(ctx context.Context, tx *store.Tx) error {
			list, err := tx.ApprovalsOpen(ctx, 1)
			for _, e := range list {
				ids = append(ids, e.ID)
			}
			return err
		})
		return ids
	}
	if got := open(); !slices.Equal(got, []string{"e1"}) {
		t.Errorf("approvals are open in %v, want e1", got)
	}
	given, _, err := pipeline.Advance(x.State, pipeline.Approved{At: at(2), ID: "e1-1-1-1", By: []pipeline.Actor{{ID: 1}}, SHA: "a", ConfigHash: "h"})
	if err != nil {
		t.Fatal(err)
	}
	x.State = given
	s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.SaveExecution(ctx, &x) })
	if got := open(); len(got) > 0 {
		t.Errorf("approvals are open in %v, and it was given", got)
	}
}

func deleteRepository(t *testing.T, s suite) {
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		for _, repo := range []int64{1, 2} {
			_, errTag := tx.SaveTag(ctx, store.Tag{RepoID: repo, Name: "v1.0.0"})
			_, errAudit := tx.Audit(ctx, store.AuditEntry{RepoID: repo, Action: "approve"})
			if err := errors.Join(tx.SaveRepo(ctx, store.Repo{ID: repo}), tx.SaveBranch(ctx, store.Branch{RepoID: repo, Name: "master"}), errTag, errAudit,
				tx.CreateExecution(ctx, &store.Execution{ID: fmt.Sprint("e", repo), RepoID: repo})); err != nil {
				return err
			}
		}
		return tx.DeleteRepo(ctx, 1)
	})
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		for repo, want := range map[int64]int{1: 0, 2: 1} {
			branches, err1 := tx.Branches(ctx, repo)
			tags, err2 := tx.Tags(ctx, repo)
			active, err3 := tx.ActiveExecutions(ctx, repo)
			log, err4 := tx.AuditLog(ctx, repo, 0, 9)
			if err := errors.Join(err1, err2, err3, err4); err != nil {
				return err
			}
			if len(branches) != want || len(tags) != want || len(active) != want || len(log) != 1 {
				t.Errorf("repository %d has %d branches, %d tags, %d executions, %d audit entries", repo, len(branches), len(tags), len(active), len(log))
			}
		}
		if _, err := tx.Repo(ctx, 1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the repository itself: %v", err)
		}
		return nil
	})
}

func pruning(t *testing.T, s suite) {
	day := 24 * time.Hour
	now := s.clock.now
	for _, d := range []struct {
		id  string
		age time.Duration
	}{{"ancient", 40 * day}, {"old", 10 * day}, {"new", day}, {"ancient-waiting", 40 * day}} {
		if got, err := s.Accept(t.Context(), event.Delivery{ID: d.id, RepoID: 1, Body: []byte("{}"), ReceivedAt: now.Add(-d.age)}); err != nil || got != store.Accepted {
			t.Fatal(got, err)
		}
	}
	w := worker{suite: s, owner: "me", lane: "repo:1"}
	w.claim(t)
	for range 3 {
		w.settle(t, store.Settlement{Result: store.ItemDone})
	}
	w.settle(t, store.Settlement{Result: store.ItemLater, DueAt: now.Add(time.Hour)})
	n, err := s.Prune(t.Context(), now.Add(-5*day))
	if err != nil || n != 2 {
		t.Errorf("pruned %d, %v; want 2: a row and a body", n, err)
	}
	got := map[string]string{}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		all, err := tx.Deliveries(ctx, "", 10)
		for _, d := range all {
			full, err := tx.Delivery(ctx, d.ID)
			if err != nil {
				return err
			}
			got[d.ID] = string(d.State) + " " + string(full.Body)
		}
		return err
	})
	want := map[string]string{"ancient-waiting": "waiting {}", "old": "done ", "new": "done {}"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	for id, want := range map[string]store.Outcome{"old": store.Duplicate, "ancient": store.Accepted} {
		if got, err := s.Accept(t.Context(), event.Delivery{ID: id, RepoID: 1, Body: []byte("{}")}); err != nil || got != want {
			t.Errorf("%s once more: %v, %v; want %v", id, got, err, want)
		}
	}
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.ReplayDelivery(t.Context(), "old") }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("replay of a delivery without its body: %v", err)
	}
}

// owedReviews: what was not reviewed is listed, oldest first, for its own repository alone.
func owedReviews(t *testing.T, s suite) {
	ctx := t.Context()
	at := s.clock.Now()
	err := s.Write(ctx, func(tx *store.Tx) error {
		return errors.Join(
			tx.SaveEmergency(ctx, store.Emergency{ID: "2", RepoID: 1, ReleaseID: "r", At: at.Add(time.Hour)}),
			tx.SaveEmergency(ctx, store.Emergency{ID: "1", RepoID: 1, ReleaseID: "r", At: at}),
			tx.SaveEmergency(ctx, store.Emergency{ID: "3", RepoID: 1, ReleaseID: "r", At: at, ReviewedAt: at}),
			tx.SaveEmergency(ctx, store.Emergency{ID: "4", RepoID: 2, ReleaseID: "s", At: at}))
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Read(ctx, func(tx *store.Tx) error {
		owed, err := tx.OwedReviews(ctx, 1)
		if err != nil {
			return err
		}
		if len(owed) != 2 || owed[0].ID != "1" || owed[1].ID != "2" {
			t.Errorf("owed: %+v", owed)
		}
		newest, err := tx.EmergencyByRelease(ctx, "r")
		if newest.ID != "2" {
			t.Errorf("newest of the release: %+v", newest)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
