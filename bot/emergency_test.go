package bot

import (
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

const onCall = `version: 1
environments: { production: { approve: { teams: [qa], users: [uma], count: 2 }, emergency: { users: [carl, dev, uma] } } }
`

// The emergency path takes two people, one of whom took no part, with the rights they have now, for exactly this candidate.
// dev and carl took part; uma did not; quinn and uma may approve.
func TestEmergencyTakesTwo(t *testing.T) {
	asks := func(l *lab, x *store.Execution, login string) {
		l.says(x, login, func(a *store.Approval) {
			a.ID, a.Verdict, a.Reason = a.ID+"/emergency", store.VerdictEmergency, "the shop is down"
		})
	}
	for name, c := range map[string]struct {
		said func(*lab, *store.Execution)
		want string
	}{
		"nobody asks":            {func(*lab, *store.Execution) {}, ""},
		"approvals alone":        {func(l *lab, x *store.Execution) { l.says(x, "uma", nil); l.says(x, "quinn", nil) }, ""},
		"one alone":              {func(l *lab, x *store.Execution) { asks(l, x, "uma") }, ""},
		"one twice":              {func(l *lab, x *store.Execution) { asks(l, x, "uma"); l.says(x, "uma", nil) }, ""},
		"one and an approver":    {func(l *lab, x *store.Execution) { asks(l, x, "carl"); l.says(x, "quinn", nil) }, "carl quinn"},
		"two who may":            {func(l *lab, x *store.Execution) { asks(l, x, "carl"); asks(l, x, "uma") }, "carl uma"},
		"two who both took part": {func(l *lab, x *store.Execution) { asks(l, x, "carl"); asks(l, x, "dev") }, ""},
		"one who may not":        {func(l *lab, x *store.Execution) { asks(l, x, "quinn"); l.says(x, "uma", nil) }, ""},
		"a second who may not":   {func(l *lab, x *store.Execution) { asks(l, x, "uma"); l.says(x, "boss", nil) }, ""},
		"the right is gone": {func(l *lab, x *store.Execution) {
			asks(l, x, "carl")
			l.says(x, "quinn", nil)
			l.gh.Roles["carl"] = forge.RoleNone
		}, ""},
		"of another digest": {func(l *lab, x *store.Execution) {
			l.says(x, "carl", func(a *store.Approval) { a.Verdict, a.Digest = store.VerdictEmergency, "sha256:other" })
			l.says(x, "quinn", nil)
		}, ""},
		"taken back": {func(l *lab, x *store.Execution) {
			l.says(x, "carl", func(a *store.Approval) { a.Verdict, a.VoidedAt = store.VerdictEmergency, noon })
			l.says(x, "quinn", nil)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, r, x := candidate(t, onCall)
			c.said(l, x)
			e, err := l.emergencyOf(t.Context(), r, x)
			must(t, err)
			var who []string
			for _, u := range e.people {
				who = append(who, u.Login)
			}
			if got := strings.Join(who, " "); got != c.want {
				t.Errorf("by %q, want %q", got, c.want)
			}
		})
	}
}

// An emergency is asked for, confirmed, recorded with what it did not wait for, and reviewed afterwards by a third person.
func TestEmergencyFromRequestToReview(t *testing.T) {
	l, r, _ := candidate(t, onCall)
	l.world(r)
	for _, step := range []struct {
		who, line, says string
		ok              bool
	}{
		{"quinn", "/promote --emergency --reason down", "not among those", false},
		{"carl", "/promote --emergency", "--reason", false},
		{"carl", "/promote staging --emergency --reason down", "no emergency path", false},
		{"carl", "/promote --emergency --reason the shop is down --dry-run", "2 approvals needed", true},
		{"carl", "/promote --emergency --reason the shop is down", "second person", true},
		{"dev", "/approve", "takes part in a change", false},
		{"quinn", "/approve", "", true},
	} {
		if reply, ok := l.orders(step.who, step.line, r); ok != step.ok || !strings.Contains(reply, step.says) {
			t.Fatalf("%s %s: %t %q, want %t, %q", step.who, step.line, ok, reply, step.ok, step.says)
		}
	}
	w := &world{execution: l.candidateOf(r), State: gitflow.State{Approvals: gitflow.Approvals{Given: 1, Needed: 2, Eligible: 2, Wanted: true}}}
	must(t, l.lookEmergency(t.Context(), r, w))
	if !w.Emergency {
		t.Fatal("two people ask for it, and it is none")
	}
	_, state, _ := w.execution.State.OpenApproval()
	if moved, err := l.promote(t.Context(), r, w); !moved || err != nil {
		t.Fatalf("promotion: %t %v", moved, err)
	}
	x := l.candidateOf(r)
	if a := approvalOf(x.State, pipeline.EnvironmentProduction); !a.Approval.Approved || len(a.Approval.By) != 2 || a.Approval.By[0].Login != "carl" {
		t.Errorf("approved by %+v", a.Approval.By)
	}
	owed := func() store.Emergency {
		var e store.Emergency
		l.write(func(tx *store.Tx) (err error) {
			e, err = tx.Emergency(t.Context(), state.ID)
			return err
		})
		return e
	}
	if e := owed(); e.Asked.Login != "carl" || e.Second.Login != "quinn" || e.Reason != "the shop is down" || !strings.Contains(e.Skipped, "1 approval needed") || e.Digest != digest {
		t.Fatalf("recorded: %+v", e)
	}
	must(t, l.lookEmergency(t.Context(), r, w))
	if !w.Emergency {
		t.Error("once it is under way, it is no emergency any more")
	}

	must(t, l.callReview(t.Context(), state.ID))
	must(t, l.callReview(t.Context(), state.ID)) // nothing is due yet
	l.now = l.now.Add(25 * time.Hour)
	must(t, l.callReview(t.Context(), state.ID))
	if len(l.gh.Said) != 2 || !strings.Contains(l.gh.Said[0].Body, "@acme/qa @uma") || !strings.Contains(l.gh.Said[0].Body, "the shop is down") ||
		!strings.Contains(l.gh.Said[1].Body, "still owed") {
		t.Fatalf("said %+v", l.gh.Said)
	}
	for _, step := range []struct {
		who, line, says string
		ok              bool
	}{
		{"quinn", "/approve", "somebody else reviews", false},
		{"dev", "/approve", "takes part in a change", false},
		{"uma", "/approve I would have done the same", "reviewed", true},
		{"uma", "/approve", "", false}, // nothing is owed any more
	} {
		if reply, ok := l.orders(step.who, step.line, r); ok != step.ok || !strings.Contains(reply, step.says) {
			t.Errorf("%s %s: %t %q, want %t, %q", step.who, step.line, ok, reply, step.ok, step.says)
		}
	}
	if e := owed(); e.Reviewer.Login != "uma" || !e.Agreed || e.Review != "I would have done the same" {
		t.Errorf("reviewed: %+v", e)
	}
	l.now = l.now.Add(48 * time.Hour)
	must(t, l.callReview(t.Context(), state.ID))
	if len(l.gh.Said) != 2 {
		t.Error("it is asked for again after it was given")
	}
}

// Where nothing was passed over, two people who said emergency made an ordinary promotion.
func TestNoEmergencyWithoutNeed(t *testing.T) {
	l, r, x := candidate(t, onCall)
	w := &world{execution: x, emergency: emergency{people: []forge.User{l.gh.Users["carl"], l.gh.Users["uma"]}}}
	w.Emergency, w.Approvals = true, gitflow.Approvals{Given: 2, Needed: 2, Eligible: 2, Wanted: true}
	l.write(func(tx *store.Tx) error { return l.beginEmergency(t.Context(), tx, r, w, "x1-2-1-1") })
	l.write(func(tx *store.Tx) error {
		owed, err := tx.OwedReviews(t.Context(), 42)
		if len(owed) != 0 {
			t.Errorf("owed: %+v", owed)
		}
		return err
	})
}
