package bot

import (
	"errors"
	"testing"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// What was said just now and is not found is asked for again, and counts meanwhile as it did: GitHub answers from copies that lag. What
// is not found later is gone, and no longer counts.
func TestSaidJustNowAndNotFound(t *testing.T) {
	for _, via := range []string{"comment", "review"} {
		t.Run(via, func(t *testing.T) {
			l := newLab(t, "")
			l.b.App = &FakeApp{Others: map[string]*FakeGitHub{"shop": l.gh}}
			m := remark{Comment: event.Comment{ID: 101, Number: 5, Author: person(1, "ann"), Body: "/approve"}, review: via == "review", node: "PRR_101"}
			must(t, l.reactTo(t.Context(), m, reactionSeen))
			said := store.Approval{ID: "a", RepoID: 42, ExecutionID: "x", Environment: "production", By: m.Author, Verdict: store.VerdictApproved, CommentID: 101, Via: via, At: l.now}
			l.write(func(tx *store.Tx) error { return tx.SaveApproval(t.Context(), said) })
			look := func(after time.Duration) (bool, error) {
				t.Helper()
				l.now = noon.Add(after)
				withdrawn, err := l.stillSaid(t.Context(), []store.Approval{said})
				l.write(func(tx *store.Tx) error {
					all, failed := tx.Approvals(t.Context(), "x")
					if voided := !all[0].VoidedAt.IsZero(); voided != withdrawn {
						t.Errorf("after %s: withdrawn: %t, and the record says %t", after, withdrawn, voided)
					}
					return failed
				})
				return withdrawn, err
			}
			said.At = noon
			var early *notYetError
			withdrawn, err := look(3 * time.Second)
			if withdrawn || !errors.As(err, &early) || early.wait != 7*time.Second {
				t.Fatalf("at once: withdrawn: %t, %v", withdrawn, err)
			}
			l.gh.Everywhere = []forge.Comment{{ID: 101, Author: m.Author, Body: m.Body}}
			l.gh.Reviewed = []forge.Review{{ID: 101, Author: m.Author, Body: m.Body, State: "COMMENTED"}}
			if withdrawn, err = look(10 * time.Second); withdrawn || err != nil {
				t.Errorf("it is found now: withdrawn: %t, %v", withdrawn, err)
			}
			l.gh.Everywhere, l.gh.Reviewed = nil, nil
			if withdrawn, err = look(10 * time.Second); !withdrawn || err != nil {
				t.Errorf("it is still not found: withdrawn: %t, %v", withdrawn, err)
			}
		})
	}
}

// A comment that was found by looking, and is not found in its turn, is waited for while it is new; not where the clock was put back far
// since, which would keep the repository waiting.
func TestFoundJustNowAndNotFound(t *testing.T) {
	l := newLab(t, "")
	f := foundRemark{ID: 101, SaidAt: l.now, At: l.now}
	var early *notYetError
	if err := l.remarkFound(t.Context(), f); !errors.As(err, &early) {
		t.Errorf("at once: %v", err)
	}
	for _, moved := range []time.Duration{time.Minute, -time.Hour} {
		l.now = noon.Add(moved)
		if err := l.remarkFound(t.Context(), f); err != nil {
			t.Errorf("after %s: %v", moved, err)
		}
	}
}
