package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// entriesOf are the actions of somebody in the audit log, refusals left out.
func (l *lab) entriesOf(login string) (out []string) {
	l.t.Helper()
	must(l.t, l.b.Store.Read(l.t.Context(), func(tx *store.Tx) error {
		all, err := tx.AuditLog(l.t.Context(), 42, 0, 500)
		for _, e := range all {
			if e.Actor.Login == login && e.Action != "refused" {
				out = append(out, e.Action)
			}
		}
		return err
	}))
	return out
}

// Every command that changes something is made to leave an entry: one that ends without it fails, unless it found nothing to change.
func TestCommandsAreAnswerable(t *testing.T) {
	for name, c := range map[string]struct {
		handler func(s *session, q *request) error
		fails   bool
	}{
		"an entry in the same transaction": {func(s *session, q *request) error {
			_, err := s.finishSaid(context.Background(), q, "hold", "x", nil)
			return err
		}, false},
		"no entry": {func(s *session, q *request) error {
			_, err := s.finishWith(context.Background(), q, "done")
			return err
		}, true},
		"an entry of before a crash": {func(s *session, q *request) error {
			s.accounted()
			_, err := s.finishWith(context.Background(), q, "done")
			return err
		}, false},
		"nothing to change": {func(s *session, q *request) error {
			_, err := s.unchanged(context.Background(), q, "it is so already")
			return err
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			ended := false
			q := &request{Command: Command{Name: "hold"}, by: person(1, "dev"), done: func(*store.Tx) error { ended = true; return nil }}
			l.answerable(q)
			err := c.handler(l.session, q)
			if (err != nil) != c.fails || ended == c.fails || err != nil && !strings.Contains(err.Error(), "audit log") {
				t.Errorf("it ended: %t, %v", ended, err)
			}
		})
	}
}

var errCrash = errors.New("a crash")

// What a command changes and its entry in the audit log are one transaction: a crash at the end of it leaves neither.
func TestEntryAndEffectAreOne(t *testing.T) {
	for name, c := range map[string]struct {
		line, who string
		entries   []string
	}{
		"/approve":           {"/approve", "approver", []string{"approve"}},
		"/reject":            {"/reject slow", "approver", []string{"reject"}},
		"/hold":              {"/hold look", "write", []string{"hold"}},
		"/lock":              {"/lock staging --reason test", "write", []string{"lock"}},
		"/freeze":            {"/freeze environment:production --reason audit", "maintain", []string{"freeze"}},
		"/alarm":             {"/alarm production --reason slow", "oncall", []string{"alarm"}},
		"/transition":        {"/transition disable release/Approval --reason audit", "maintain", []string{"transition.disabled"}},
		"/release abandon":   {"/release abandon --reason over", "maintain", []string{"release.abandon"}},
		"/cancel":            {"/cancel", "maintain", []string{"cancel"}},
		"/retry of a step":   {"/retry", "maintain", []string{"retry.step"}},
		"/retry of a return": {"/retry production", "oncall", []string{"retry"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := matrixLab(t, "release")
			l.gh.Heads["master"], l.gh.Heads["development"] = cut, cut
			line, wrong, _ := parseLine(c.line, "")
			if wrong != nil {
				t.Fatal(wrong)
			}
			q := &request{Command: line, by: l.gh.Users[c.who], issue: 5, pull: true, via: "comment", comment: 1, done: func(*store.Tx) error { return errCrash }}
			if _, _, err := newSession(l).carry(t.Context(), q); !errors.Is(err, errCrash) {
				t.Fatalf("the command ended with %v", err)
			}
			if got := l.entriesOf(c.who); len(got) > 0 {
				t.Errorf("a crash left the entries %v", got)
			}
			q = &request{Command: line, by: l.gh.Users[c.who], issue: 5, pull: true, via: "comment", comment: 1, done: func(*store.Tx) error { return nil }}
			reply, ok, err := newSession(l).carry(t.Context(), q)
			must(t, err)
			if diff := cmp.Diff(c.entries, l.entriesOf(c.who)); diff != "" || !ok {
				t.Errorf("%s: entries (-want +got):\n%s", reply, diff)
			}
		})
	}
}

// GitHub's re-run button leaves an entry, and so does who may not press it.
func TestRerunIsAudited(t *testing.T) {
	l := matrixLab(t, "feature")
	at := matrixPlaces["feature"]
	l.write(func(tx *store.Tx) error {
		return tx.SaveCheck(t.Context(), store.Check{RepoID: 42, SHA: at.sha, Name: CheckBranch, RunID: 1, Hash: "said"})
	})
	refused := l.refusals()
	must(t, newSession(l).rerun(t.Context(), l.gh.Users["read"], at.sha, CheckBranch, appID))
	if l.refusals() != refused+1 || len(l.entriesOf("read")) > 0 {
		t.Error("a refusal is not in the audit log")
	}
	l.passes(true, func() error { return newSession(l).rerun(t.Context(), l.gh.Users["write"], at.sha, CheckBranch, appID) })
	if got := l.entriesOf("write"); !slices.Equal(got, []string{"rerun"}) {
		t.Errorf("entries %v", got)
	}
}

// Approvals that fall are in the log with their fall.
func TestVoidedApprovalsAreAudited(t *testing.T) {
	l, r, x := candidate(t, "")
	l.says(x, "quinn", nil)
	must(t, l.voidApprovals(t.Context(), r, "for a test"))
	if got := l.entriesOf(""); !slices.Equal(got, []string{"approvals.void"}) {
		t.Errorf("entries %v", got)
	}
	if given, _ := l.counted(r); given != 0 || x.State.Definition.Kind != pipeline.KindRelease {
		t.Errorf("%d approvals count", given)
	}
}
