package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCancel(t *testing.T) {
	cancel := CancelRequested{At: noon, By: quinn, Reason: "wrong branch"}
	t.Run("running", func(t *testing.T) {
		d, _ := begin(t, release(Options{}), Image{})
		wantLines(t, "cancelled", d.fact(cancel), "stop ex-1-1-1-1: cancelled by quinn: wrong branch")
		wantLines(t, "twice", d.fact(cancel))
		wantLines(t, "settled", d.settle("Test/checks", Stopped), "settled Stopped")
		wantLines(t, "told when it has ended", d.fact(cancel))
		if d.s.Reason != "cancelled by quinn: wrong branch" {
			t.Errorf("reason %q", d.s.Reason)
		}
		wantLines(t, "retried", d.fact(RetryRequested{At: noon.Add(time.Hour)}), "start Test/checks#2")
		wantLines(t, "an old cancel", d.fact(cancel))
	})
	t.Run("does not settle", func(t *testing.T) {
		d, _ := begin(t, release(Options{}), Image{})
		d.fact(cancel)
		wantLines(t, "grace over", d.after(StopGrace).tick(), "settled Stopped")
	})
	t.Run("waiting for its turn", func(t *testing.T) {
		s, commands, err := Advance(New(Input{ID: "e", Definition: release(Options{})}, noon), cancel)
		wantLines(t, "cancelled", lines(commands), "settled Stopped")
		if err != nil || s.Stages[0].Status != Skipped {
			t.Errorf("%v, stage %s", err, s.Stages[0].Status)
		}
		s, commands, err = Advance(s, RetryRequested{At: noon})
		if err != nil || s.Status != Waiting || len(lines(commands)) > 0 {
			t.Errorf("retried: %s, %v, %v; want it to wait for its turn", s.Status, commands, err)
		}
	})
	t.Run("open approval", func(t *testing.T) {
		d := atApproval(t, Options{})
		wantLines(t, "cancelled", d.fact(cancel),
			"void "+d.id("Approval/approval")+": cancelled by quinn: wrong branch", "settled Stopped")
		d.refused(d.approval("Approval/approval"), "closed")
	})
	t.Run("succeeded all the same", func(t *testing.T) {
		d, _ := begin(t, single(Action{Name: "a", Uses: "x"}), Image{})
		d.fact(cancel)
		wantLines(t, "done before it was stopped", d.settle("S/a", Succeeded), "settled Succeeded")
		d.refused(cancel, "has ended already")
	})
}

func TestSupersede(t *testing.T) {
	by := SupersededBy{At: noon, ID: "ex-2"}
	t.Run("open approval", func(t *testing.T) {
		d := atApproval(t, Options{})
		wantLines(t, "superseded", d.fact(by), "void "+d.id("Approval/approval")+": superseded by ex-2", "settled Superseded")
		d.refused(d.approval("Approval/approval"), "closed")
		d.refused(RetryRequested{At: noon}, "gave way to ex-2")
	})
	t.Run("a deployment under way is left to its end", func(t *testing.T) {
		d, _ := begin(t, release(Options{}), Image{})
		d.settle("Test/checks", Succeeded)
		d.fact(ActionStarted{At: noon, ID: d.id("Deploy/staging")})
		wantLines(t, "superseded", d.fact(by))
		wantLines(t, "somebody cancels", d.fact(CancelRequested{At: noon, By: rita}), "stop ex-1-2-1-1: cancelled by rita")
		wantLines(t, "done", d.settle("Deploy/staging", Succeeded), "settled Superseded")
	})
	t.Run("a deployment that waits for its turn is stopped", func(t *testing.T) {
		d, _ := begin(t, release(Options{}), Image{})
		d.settle("Test/checks", Succeeded)
		wantLines(t, "superseded", d.fact(by), "stop ex-1-2-1-1: superseded by ex-2")
	})
	t.Run("not once the promotion has started", func(t *testing.T) {
		d := atApproval(t, Options{})
		d.approve("Approval/approval")
		d.refused(by, "its promotion has started")
		wantLines(t, "goes on", d.settle("Promote/promote", Succeeded), "settled Succeeded")
	})
	t.Run("approved, but not asked for", func(t *testing.T) {
		d := atApproval(t, Options{ManualPromotion: true})
		d.approve("Approval/approval")
		wantLines(t, "superseded", d.fact(by), "settled Superseded")
	})
	t.Run("by itself", func(t *testing.T) {
		d := atApproval(t, Options{})
		d.refused(SupersededBy{At: noon, ID: "ex-1"}, "another one")
	})
}

func TestHold(t *testing.T) {
	t.Run("until a window opens", func(t *testing.T) {
		d := atApproval(t, Options{})
		d.fact(Held{At: noon, Reason: "outside the window", Until: noon.Add(time.Hour)})
		wantLines(t, "approved", d.approve("Approval/approval"))
		wantLines(t, "not yet", d.after(time.Minute).tick())
		wantLines(t, "window open", d.after(time.Hour).tick(), "start Promote/promote#1")
	})
	t.Run("by somebody", func(t *testing.T) {
		d, _ := begin(t, release(Options{}), Image{})
		d.fact(Held{At: noon, By: rita, Reason: "demo"})
		wantLines(t, "done", d.settle("Test/checks", Succeeded))
		wantLines(t, "released", d.fact(Unheld{At: noon, By: rita}), "start Deploy/staging#1")
		wantLines(t, "twice", d.fact(Unheld{At: noon, By: rita}))
	})
	t.Run("forgotten", func(t *testing.T) {
		d, _ := begin(t, release(Options{}), Image{})
		d.settle("Test/checks", Succeeded)
		d.settle("Deploy/staging", Succeeded)
		d.fact(Held{At: noon, By: rita, Reason: "demo"})
		d.approve("Approval/approval")
		wantLines(t, "a week later", d.after(ApprovalTimeout).tick(), "settled Failed")
		if !strings.Contains(d.s.Reason, "held by rita (demo)") {
			t.Errorf("reason %q", d.s.Reason)
		}
	})
	t.Run("before its turn, forgotten", func(t *testing.T) {
		s := New(Input{ID: "e", Definition: release(Options{})}, noon)
		s, _, _ = Advance(s, Held{At: noon, By: rita, Reason: "demo"})
		_, commands, _ := Advance(s, Ticked{At: noon.Add(ApprovalTimeout)})
		wantLines(t, "a week later", lines(commands), "settled Failed")
	})
}

func TestTurnThatNeverComes(t *testing.T) {
	s := New(Input{ID: "e", Definition: release(Options{})}, noon)
	if want := noon.Add(QueueTimeout); !s.WakeAt.Equal(want) {
		t.Errorf("wakes at %v, want %v", s.WakeAt, want)
	}
	s, commands, _ := Advance(s, Ticked{At: noon.Add(QueueTimeout)})
	wantLines(t, "two weeks later", lines(commands), "settled Failed")
	if s.Reason != "its turn did not come within 14d" {
		t.Errorf("reason %q", s.Reason)
	}
}

func TestRetry(t *testing.T) {
	def := Definition{Kind: KindFeature, Stages: []Stage{
		{Name: "S", Actions: []Action{
			{Name: "a", Uses: "x"},
			{Name: "b", Uses: "x"},
			{Name: "c", Uses: "x", OnFailure: OnFailureContinue},
			{Name: "d", Uses: "x", RunOrder: 2},
		}},
		{Name: "T", Actions: []Action{{Name: "e", Uses: "x"}}},
	}}
	failed := func(t *testing.T) *drive {
		t.Helper()
		d, _ := begin(t, def, Image{})
		d.settle("S/a", Succeeded)
		d.settle("S/b", Failed)
		wantLines(t, "ended", d.settle("S/c", Failed), "settled Failed")
		return d
	}
	t.Run("failed actions", func(t *testing.T) {
		d := failed(t)
		wantLines(t, "retried", d.fact(RetryRequested{At: noon, By: quinn, Key: "k1"}), "start S/b#2")
		wantLines(t, "same request", d.fact(RetryRequested{At: noon, By: quinn, Key: "k1"}))
		d.refused(RetryRequested{At: noon, By: quinn, Key: "k2"}, "not ended")
		wantLines(t, "done", d.settle("S/b", Succeeded), "start S/d#1")
		d.settle("S/d", Succeeded)
		wantLines(t, "all done", d.settle("T/e", Succeeded), "settled Succeeded")
		d.refused(RetryRequested{At: noon, Key: "k3"}, "nothing to retry")
		want := []string{"S/a Succeeded", "S/b Succeeded", "S/c Failed", "S/d Succeeded", "T/e Succeeded"}
		if diff := cmp.Diff(want, d.statuses()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("the stage", func(t *testing.T) {
		d := failed(t)
		wantLines(t, "retried", d.fact(RetryRequested{At: noon, Scope: RetryStage}), "start S/a#2", "start S/b#2", "start S/c#2")
	})
	t.Run("fails again and is told of the same request", func(t *testing.T) {
		d := failed(t)
		d.fact(RetryRequested{At: noon, Key: "k1"})
		d.settle("S/b", Failed)
		wantLines(t, "same request", d.fact(RetryRequested{At: noon, Key: "k1"}))
		wantLines(t, "another", d.fact(RetryRequested{At: noon, Key: "k2"}), "start S/b#3")
	})
	t.Run("unknown scope", func(t *testing.T) {
		failed(t).refused(RetryRequested{At: noon, Scope: "half"}, "a retry is of")
	})
}

func TestRetryKeepsWhatWasApproved(t *testing.T) {
	def := Definition{Kind: KindRelease, Mode: ModeSuperseded, Stages: []Stage{{Name: "S", Actions: []Action{
		{Name: "build", Uses: "buildspec", Outputs: []string{"app"}},
		{Name: "ok", Uses: UsesApproval, Environment: "production", RunOrder: 2},
		{Name: "promote", Uses: UsesPromote, Environment: "production", RunOrder: 3},
	}}}}
	d, _ := begin(t, def, Image{})
	build := func(digest string) []string {
		return d.fact(ActionSettled{At: noon, ID: d.id("S/build"), Status: Succeeded,
			Artifacts: map[string]Artifact{"app": {Digest: digest}}})
	}
	build(digestA)
	d.approve("S/ok")
	d.settle("S/promote", Failed)
	d.fact(RetryRequested{At: noon, Scope: RetryStage})
	wantLines(t, "built otherwise", build(digestB), "settled Failed")
	if !strings.Contains(d.s.Reason, "never changes") {
		t.Errorf("reason %q", d.s.Reason)
	}
	d.fact(RetryRequested{At: noon})
	wantLines(t, "built the same", build(digestA), "open S/ok for production")
	wantLines(t, "approved", d.approve("S/ok"), "start S/promote#2")
}

func TestCancelAndWait(t *testing.T) {
	wait := CancelRequested{At: noon, By: quinn, Halt: HaltWait}
	def := Definition{Kind: KindFeature, Stages: []Stage{
		{Name: "S", Actions: []Action{{Name: "a", Uses: "x"}, {Name: "d", Uses: "x", Deploys: true, Environment: "staging"}, {Name: "b", Uses: "x", RunOrder: 2}}},
	}}
	d, _ := begin(t, def, Image{})
	d.fact(ActionWaits{At: noon, ID: d.id("S/d"), For: "staging is locked by rita"})
	wantLines(t, "what waits for its environment has not begun", d.fact(wait), "stop "+d.id("S/d")+": cancelled by quinn")
	wantLines(t, "twice", d.fact(wait))
	d.settle("S/d", Stopped)
	if d.s.Status != InProgress || d.at("S/a").StopReason != "" {
		t.Fatalf("%s, and the action that runs is told %q", d.s.Status, d.at("S/a").StopReason)
	}
	wantLines(t, "it runs to its end, and nothing follows", d.settle("S/a", Succeeded), "settled Stopped")

	d, _ = begin(t, def, Image{})
	d.fact(ActionStarted{At: noon, ID: d.id("S/d")})
	wantLines(t, "a deployment under way goes on", d.fact(wait))
	wantLines(t, "somebody cancels after all", d.fact(CancelRequested{At: noon, By: rita}),
		"stop "+d.id("S/a")+": cancelled by rita", "stop "+d.id("S/d")+": cancelled by rita")
	d.refused(CancelRequested{At: noon, Halt: "later"}, `not "later"`)
}

func TestCancelAndAbandon(t *testing.T) {
	abandon := CancelRequested{At: noon, By: quinn, Reason: "it hangs", Halt: HaltAbandon}
	def := Definition{Kind: KindFeature, Stages: []Stage{
		{Name: "S", Actions: []Action{
			{Name: "a", Uses: "x", OnFailure: OnFailureContinue}, {Name: "d", Uses: "x", Deploys: true, Environment: "staging"},
			{Name: "w", Uses: "x", Deploys: true, Environment: "development"}, {Name: "p", Uses: UsesApproval, Environment: "staging"},
		}, OnFailure: StageRetryAll},
		{Name: "T", Actions: []Action{{Name: "e", Uses: "x"}}},
	}}
	d, _ := begin(t, def, Image{})
	d.fact(ActionStarted{At: noon, ID: d.id("S/d"), URL: "https://example.com/7"})
	d.fact(ActionWaits{At: noon, ID: d.id("S/w"), For: "development is locked by rita"})
	a, w, p := d.id("S/a"), d.id("S/w"), d.id("S/p")
	wantLines(t, "abandoned", d.fact(abandon), "void "+p+": cancelled by quinn: it hangs",
		"abandon "+a+": cancelled by quinn: it hangs", "abandon "+d.id("S/d")+": cancelled by quinn: it hangs",
		"abandon "+w+": cancelled by quinn: it hangs", "settled Stopped")
	want := map[string]string{
		"a": "cancelled by quinn: it hangs; it was abandoned, and how it ended is unknown",
		"d": "cancelled by quinn: it hangs; it was abandoned, and how it ended is unknown, as is what staging runs until the next deployment",
		"w": "cancelled by quinn: it hangs", "p": "void: cancelled by quinn: it hangs",
	}
	got, lost := map[string]string{}, map[string]bool{}
	for _, a := range d.s.Stages[0].Actions {
		got[a.Name], lost[a.Name] = a.Summary, a.Lost
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summaries (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]bool{"a": true, "d": true, "w": false, "p": false}, lost); diff != "" {
		t.Errorf("lost (-want +got):\n%s", diff)
	}
	before := d.s
	wantLines(t, "a late end", d.settle("S/a", Succeeded))
	if diff := cmp.Diff(before, d.s); diff != "" {
		t.Errorf("a late end changed (-want +got):\n%s", diff)
	}
	wantLines(t, "twice", d.fact(abandon))

	d, _ = begin(t, def, Image{})
	d.fact(CancelRequested{At: noon, By: rita})
	wantLines(t, "what was told to stop, and does not", d.fact(abandon),
		"abandon "+d.id("S/a")+": cancelled by quinn: it hangs", "abandon "+d.id("S/d")+": cancelled by quinn: it hangs",
		"abandon "+d.id("S/w")+": cancelled by quinn: it hangs", "settled Stopped")
	if want := "cancelled by rita"; d.s.Reason != want {
		t.Errorf("ended because %q, want %q", d.s.Reason, want)
	}
}
