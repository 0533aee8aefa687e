package pipeline

import (
	"strings"
	"testing"
	"time"
)

func TestTransitions(t *testing.T) {
	audit := map[string]Disabled{"Deploy": {By: rita, Reason: "audit", At: noon}}
	none := Transitions{At: noon}
	t.Run("what comes up to it waits, and goes on when it is enabled", func(t *testing.T) {
		d, _ := begin(t, release(Options{}), Image{})
		wantLines(t, "disabled", d.fact(Transitions{At: noon, Disabled: audit}))
		wantLines(t, "arrived", d.settle("Test/checks", Succeeded))
		why := "It waits: the transition into Deploy is disabled by rita since 2026-11-21 12:00 UTC: audit (until 2026-12-05 12:00 UTC at most)."
		if got := Why(d.s, noon); got != why {
			t.Errorf("why: %q, want %q", got, why)
		}
		if !strings.Contains(Table(d.s, noon), "the transition into Deploy is disabled by rita") {
			t.Errorf("the table does not say so:\n%s", Table(d.s, noon))
		}
		wantLines(t, "enabled", d.fact(none), "start Deploy/staging#1")
		wantLines(t, "disabled too late", d.fact(Transitions{At: noon, Disabled: audit}))
		wantLines(t, "deployed", d.settle("Deploy/staging", Succeeded), "open Approval/approval for production")
	})
	t.Run("from the beginning", func(t *testing.T) {
		s, commands := Start(Input{ID: "ex-1", Definition: release(Options{}), SHA: testSHA, Disabled: map[string]Disabled{"Test": {By: rita, Reason: "audit", At: noon}}}, noon)
		wantLines(t, "start", lines(commands))
		_, commands, _ = Advance(s, none)
		wantLines(t, "enabled", lines(commands), "start Test/checks#1")
	})
	t.Run("a retry is kept out too, of what it has not entered", func(t *testing.T) {
		d, _ := begin(t, release(Options{}), Image{})
		d.settle("Test/checks", Failed)
		d.fact(Transitions{At: noon, Disabled: map[string]Disabled{"Test": audit["Deploy"], "Deploy": audit["Deploy"]}})
		wantLines(t, "retried", d.fact(RetryRequested{At: noon, By: rita}), "start Test/checks#2")
		wantLines(t, "arrived", d.settle("Test/checks", Succeeded))
		wantLines(t, "enabled", d.fact(none), "start Deploy/staging#1")
	})
	t.Run("it can be cancelled and superseded there", func(t *testing.T) {
		for _, f := range []Fact{CancelRequested{At: noon, By: rita}, SupersededBy{At: noon, ID: "ex-2", What: "1.4.1 at abc1234"}} {
			d, _ := begin(t, release(Options{}), Image{})
			d.fact(Transitions{At: noon, Disabled: audit})
			d.settle("Test/checks", Succeeded)
			d.fact(f)
			if !d.s.Status.Final() || d.s.at("Deploy") != Skipped {
				t.Errorf("%T: %s, Deploy %s", f, d.s.Status, d.s.at("Deploy"))
			}
		}
	})
	t.Run("forgotten, it fails visibly", func(t *testing.T) {
		d, _ := begin(t, release(Options{}), Image{})
		d.fact(Transitions{At: noon, Disabled: audit})
		d.settle("Test/checks", Succeeded)
		if want := noon.Add(TransitionTimeout); !d.s.WakeAt.Equal(want) {
			t.Errorf("wakes at %v, want %v", d.s.WakeAt, want)
		}
		wantLines(t, "two weeks later", d.after(TransitionTimeout).tick(), "settled Failed")
		if want := "was not enabled within 14d"; !strings.Contains(d.s.Reason, want) {
			t.Errorf("reason %q, want %q in it", d.s.Reason, want)
		}
		d.fact(none)
		wantLines(t, "retried", d.fact(RetryRequested{At: d.now, By: rita}), "start Deploy/staging#1")
	})
}

// at is where a stage stands.
func (s State) at(stage string) Status {
	for _, st := range s.Stages {
		if st.Name == stage {
			return st.Status
		}
	}
	return ""
}

func TestQueued(t *testing.T) {
	s := New(Input{ID: "e", Definition: release(Options{})}, noon)
	s, commands, err := Advance(s, Queued{At: noon, Number: 2, Behind: "1.4.0 at abc1234"})
	if err != nil || len(commands) > 0 {
		t.Fatalf("commands %v, error %v", commands, err)
	}
	if want, got := "It waits for its turn as number 2 in the queue, behind 1.4.0 at abc1234.", Why(s, noon); got != want {
		t.Errorf("why: %q, want %q", got, want)
	}
	s, _, _ = Advance(s, Started{At: noon.Add(time.Minute)})
	if s.Turn != nil {
		t.Error("it has begun and still says where it stood in the queue")
	}
	s, _, _ = Advance(s, SupersededBy{At: noon, ID: "f", What: "1.4.1 at def5678 (f)"})
	if want := "superseded by 1.4.1 at def5678 (f)"; s.Stopping == nil || s.Stopping.Reason != want || s.SupersededBy != "f" {
		t.Errorf("stopping %+v, superseded by %q; want reason %q", s.Stopping, s.SupersededBy, want)
	}
}
