package bot

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
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

// What a command decides before it begins is in the log once, however often it is cut off; given anew after its end, as a button is
// that is pressed again, it is there again.
func TestAuditOnce(t *testing.T) {
	l := newLab(t, "")
	for i, c := range []struct {
		ends    bool
		entries int
	}{{false, 1}, {false, 1}, {true, 1}, {false, 2}, {true, 2}, {true, 3}} {
		q := &request{Command: Command{Name: "retarget"}, by: person(1, "dev"), via: "button 7", done: nothingElse}
		must(t, l.auditOnce(t.Context(), q, "retarget", "5", nil))
		if c.ends {
			l.write(q.done)
		}
		if begun, err := l.begun(t.Context(), q, "retarget", "5"); err != nil || begun == c.ends {
			t.Errorf("%d: begun: %t, %v", i, begun, err)
		}
		if got := l.entriesOf("dev"); len(got) != c.entries {
			t.Errorf("%d: entries %v, want %d", i, got, c.entries)
		}
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
	press := func(login, id string) error {
		return newSession(l).rerun(t.Context(), event.CheckRerequested{Origin: event.Origin{Sender: l.gh.Users[login]}, SHA: at.sha, Name: CheckBranch, AppID: appID, Press: id})
	}
	must(t, press("read", "1"))
	must(t, press("read", "1")) // again after a crash
	if l.refusals() != refused+1 || len(l.entriesOf("read")) > 0 {
		t.Error("a refusal is not in the audit log")
	}
	l.passes(true, func() error { return press("write", "2") })
	l.passes(true, func() error { return press("write", "2") })
	if got := l.entriesOf("write"); !slices.Equal(got, []string{"rerun"}) {
		t.Errorf("entries %v", got)
	}
	l.passes(true, func() error { return press("write", "3") })
	if got := l.entriesOf("write"); !slices.Equal(got, []string{"rerun", "rerun"}) {
		t.Errorf("entries of two presses %v", got)
	}
}

// A press on the re-run button has what failed tried again once, though its handling is cut off and begins anew when that has failed too;
// another press has it tried again. Whoever got the right in between is not taken for refused.
func TestPressTriesAgainOnce(t *testing.T) {
	l := newLab(t, "")
	l.gh.Roles = map[string]forge.Role{}
	l.gh.Users = map[string]forge.User{"read": {ID: 71, Login: "read"}, "write": {ID: 72, Login: "write"}}
	l.at("feature/x", head)
	l.built("x1", "feature/x", head, begun(), settled("x1", pipeline.Failed))
	for i, step := range []struct {
		by, press string
		role      forge.Role
		retries   int
		entries   []string // of the one who presses
	}{
		{"read", "1", forge.RoleRead, 0, nil},
		{"read", "1", forge.RoleWrite, 1, []string{"rerun", "retry"}},
		{"read", "1", forge.RoleWrite, 1, []string{"rerun", "retry"}},
		{"write", "2", forge.RoleWrite, 2, []string{"rerun", "retry"}},
		{"write", "2", forge.RoleWrite, 2, []string{"rerun", "retry"}},
	} {
		l.gh.Roles[step.by] = step.role
		must(t, newSession(l).rerun(t.Context(), event.CheckRerequested{
			Origin: event.Origin{Sender: l.gh.Users[step.by]}, SHA: head, Name: CheckPipeline, AppID: appID, Press: step.press,
		}))
		var x store.Execution
		l.write(func(tx *store.Tx) (err error) {
			x, err = tx.Execution(t.Context(), "x1")
			return err
		})
		if got := len(x.State.RetryKeys); got != step.retries {
			t.Errorf("%d: tried again %d times, want %d", i, got, step.retries)
		}
		if got := l.entriesOf(step.by); !slices.Equal(got, step.entries) {
			t.Errorf("%d: entries %q, want %q", i, got, step.entries)
		}
		if !x.Status.Final() { // and fails again
			run := x.State.Stages[0].Actions[0]
			x = l.told(x, pipeline.ActionSettled{At: noon.Add(75 * time.Second), ID: run.ID, Status: pipeline.Failed})
			l.write(func(tx *store.Tx) error { return tx.SaveExecution(t.Context(), &x) })
		}
	}
}

// Approvals that fall are in the log with their fall, whatever it is that ends them, and once.
func TestVoidedApprovalsAreAudited(t *testing.T) {
	for name, void := range map[string]func(l *lab, r *store.Release, x *store.Execution) error{
		"all of a release": func(l *lab, r *store.Release, _ *store.Execution) error {
			return l.voidApprovals(t.Context(), r, "for a test")
		},
		"by the engine": func(l *lab, _ *store.Release, x *store.Execution) error {
			return l.b.Store.Write(t.Context(), func(tx *store.Tx) error {
				_, err := l.carryOut(t.Context(), tx, x, []pipeline.Command{pipeline.VoidApproval{Reason: "for a test"}})
				return err
			})
		},
		"by another configuration": func(l *lab, _ *store.Release, x *store.Execution) error { return l.anew(t.Context(), x) },
	} {
		t.Run(name, func(t *testing.T) {
			l, r, x := candidate(t, "")
			l.says(x, "quinn", nil)
			for range 2 {
				must(t, void(l, r, x))
			}
			if got := l.entriesOf(""); !slices.Equal(got, []string{"approvals.void"}) {
				t.Errorf("entries %v", got)
			}
			if given, _ := l.counted(r); given != 0 || x.State.Definition.Kind != pipeline.KindRelease {
				t.Errorf("%d approvals count", given)
			}
		})
	}
}
