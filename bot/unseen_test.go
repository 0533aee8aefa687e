package bot

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
)

// What waits at the head of monorepo does so since noon. What was said before that does not mean it, whichever way it was said and
// whatever our clock shows; a rejection means it all the same.
func TestApprovalOfWhatWaited(t *testing.T) {
	before, after := noon.Add(-time.Second), noon.Add(time.Second)
	comment := func(line string, at time.Time) func(*testing.T, *lab) {
		return func(t *testing.T, l *lab) {
			t.Helper()
			must(t, newSession(l).commented(t.Context(), event.Comment{
				Origin: event.Origin{Sender: l.gh.Users["quinn"]}, Activity: event.Created, ID: 9, Number: 8, IsPullRequest: true, Open: true,
				Body: line, Author: l.gh.Users["quinn"], CreatedAt: at,
			}))
		}
	}
	button := func(identifier string) func(*testing.T, *lab) {
		return func(t *testing.T, l *lab) {
			t.Helper()
			must(t, newSession(l).buttonPressed(t.Context(), buttonOf(l, "quinn", strings.Repeat("8", 40), identifier)))
		}
	}
	page := func(at time.Time) func(*testing.T, *lab) {
		return func(t *testing.T, l *lab) {
			t.Helper()
			o := store.Operation{ID: store.NewID(), RepoID: 42, By: l.gh.Users["quinn"], Command: "/approve", ExecutionID: "x-api", Via: "dashboard", Status: store.OperationWaiting, CreatedAt: at}
			l.write(func(tx *store.Tx) error { _, err := tx.CreateOperation(t.Context(), o); return err })
			must(t, newSession(l).operate(t.Context(), o.ID))
		}
	}
	all := map[string]string{"api": "approve x-api;", "orders": "approve x-orders;"}
	for name, c := range map[string]struct {
		say    func(*testing.T, *lab)
		ahead  time.Duration // of GitHub's clock
		spoken map[string]string
	}{
		"a comment after it":                           {say: comment("/approve", after), spoken: all},
		"a comment in the same second":                 {say: comment("/approve", noon), spoken: all},
		"a comment before it":                          {say: comment("/approve", before), spoken: map[string]string{}},
		"a comment before it, by name":                 {say: comment("/approve --component api", before), spoken: map[string]string{}},
		"a comment before it, our clock is behind":     {say: comment("/approve", noon.Add(10*time.Minute-time.Second)), ahead: 10 * time.Minute, spoken: map[string]string{}},
		"a comment after it, our clock is ahead":       {say: comment("/approve", noon.Add(time.Second-10*time.Minute)), ahead: -10 * time.Minute, spoken: all},
		"a rejection before it":                        {say: comment("/reject slow", before), spoken: map[string]string{"api": "reject x-api;", "orders": "reject x-orders;"}},
		"a page after it":                              {say: page(noon), spoken: map[string]string{"api": "approve x-api;"}},
		"a page before it":                             {say: page(before), spoken: map[string]string{}},
		"the button of a check that told of it":        {say: button(judging(noon)[0].Identifier), spoken: all},
		"the button of a check from before it":         {say: button(judging(before)[0].Identifier), spoken: map[string]string{}},
		"the button to reject of a check from before":  {say: button(judging(before)[1].Identifier), spoken: map[string]string{"api": "reject x-api;", "orders": "reject x-orders;"}},
		"the button of a check, with a mark of no use": {say: button("approve-?"), spoken: all},
	} {
		t.Run(name, func(t *testing.T) {
			l := monorepo(t)
			l.b.Ahead = func() time.Duration { return c.ahead }
			c.say(t, l)
			if diff := cmp.Diff(c.spoken, l.spoken(t)); diff != "" {
				t.Errorf("the audit log (-want +got):\n%s", diff)
			}
		})
	}
}

// Of several that wait at a head, those are meant that waited.
func TestApprovalOfSomeThatWaited(t *testing.T) {
	l := monorepo(t)
	l.write(func(tx *store.Tx) error {
		x, err := tx.Execution(t.Context(), "x-orders")
		if err != nil {
			return err
		}
		x.State.Stages[0].Actions[0].Approval.OpenedAt = noon.Add(time.Minute)
		return tx.SaveExecution(t.Context(), &x)
	})
	line, _, _ := parseLine("/approve", "", false)
	q := &request{Command: line, by: l.gh.Users["quinn"], issue: 8, pull: true, via: "comment", comment: 1, known: noon, done: func(*store.Tx) error { return nil }}
	reply, ok, err := newSession(l).carry(t.Context(), q)
	must(t, err)
	if want := "- `orders`: `orders/development` began to wait for an approval at 2026-"; !ok || !strings.Contains(reply, want) {
		t.Errorf("%t, %s\nwant %q", ok, reply, want)
	}
	if diff := cmp.Diff(map[string]string{"api": "approve x-api;"}, l.spoken(t)); diff != "" {
		t.Errorf("the audit log (-want +got):\n%s", diff)
	}
}

// A /promote and an emergency are as good as an approval only for a candidate that waited.
func TestPromotionOfWhatWaited(t *testing.T) {
	const yaml = "version: 1\nenvironments: { production: { approve: { users: [quinn] }, promote: { users: [quinn], auto: false }, emergency: { users: [quinn] } } }\n"
	for name, c := range map[string]struct {
		line  string
		known time.Time
		said  []store.Verdict
	}{
		"asked after it":              {"/promote", noon.Add(time.Hour), []store.Verdict{store.VerdictApproved}},
		"asked before it":             {"/promote", noon.Add(-time.Hour), nil},
		"in an emergency":             {"/promote --emergency --reason fire", noon.Add(time.Hour), []store.Verdict{store.VerdictEmergency}},
		"in an emergency, before it":  {"/promote --emergency --reason fire", noon.Add(-time.Hour), nil},
		"an approval":                 {"/approve", noon.Add(time.Hour), []store.Verdict{store.VerdictApproved}},
		"an approval, from before it": {"/approve", noon.Add(-time.Hour), nil},
	} {
		t.Run(name, func(t *testing.T) {
			l, r, x := candidate(t, yaml)
			l.world(r)
			line, wrong, _ := parseLine(c.line, "", false)
			if wrong != nil {
				t.Fatal(wrong)
			}
			q := &request{Command: line, by: l.gh.Users["quinn"], issue: r.Pull, pull: true, via: "comment", comment: 1, known: c.known, done: func(*store.Tx) error { return nil }}
			reply, _, err := newSession(l).carry(t.Context(), q)
			must(t, err)
			said, err := l.said(t.Context(), r, x)
			must(t, err)
			var got []store.Verdict
			for _, a := range said {
				got = append(got, a.Verdict)
			}
			if diff := cmp.Diff(c.said, got); diff != "" {
				t.Errorf("said (-want +got):\n%s\n%s", diff, reply)
			}
		})
	}
}
