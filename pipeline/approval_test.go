package pipeline

import (
	"strings"
	"testing"
	"time"
)

// atApproval is a release that waits for its approval.
func atApproval(t *testing.T, o Options) *drive {
	t.Helper()
	d, _ := begin(t, release(o), Image{Reference: testRef, Digest: digestA})
	d.settle("Test/checks", Succeeded)
	wantLines(t, "staging done", d.settle("Deploy/staging", Succeeded), "open Approval/approval for production")
	return d
}

func TestApprovalBindsRevisionDigestAndConfiguration(t *testing.T) {
	for want, change := range map[string]func(*Approved){
		"the revision approved":      func(a *Approved) { a.SHA = "f" },
		"the digest approved":        func(a *Approved) { a.Digest = digestB },
		"the configuration approved": func(a *Approved) { a.ConfigHash = "cfg2" },
		"must say who":               func(a *Approved) { a.By = nil },
		"has expired":                func(a *Approved) { a.At = noon.Add(ApprovalTimeout) },
		"there is no approval":       func(a *Approved) { a.ID = "ex-1-1-1-1" },
	} {
		t.Run(want, func(t *testing.T) {
			d := atApproval(t, Options{})
			a := d.approval("Approval/approval")
			change(&a)
			d.refused(a, want)
			if d.at("Promote/promote").Number != 0 {
				t.Error("the promotion started")
			}
		})
	}
}

func TestApprovalOfArtifactsWithoutImage(t *testing.T) {
	def := release(Options{LocalExecutors: true, Buildspec: "buildspec.yml"})
	d, _ := begin(t, def, Image{})
	app := map[string]Artifact{"app": {Name: "app", Digest: digestB}}
	d.fact(ActionSettled{At: noon, ID: d.id("Build/build"), Status: Succeeded, Artifacts: app})
	d.settle("Deploy/staging", Succeeded)
	bundle := BundleDigest(app)
	if d.s.Bundle != bundle || d.at("Approval/approval").Approval.Digest != bundle {
		t.Errorf("bundle %q, approval for %q, want %q", d.s.Bundle, d.at("Approval/approval").Approval.Digest, bundle)
	}
	_, commands, err := Advance(d.s, d.approval("Approval/approval"))
	if err != nil {
		t.Fatal(err)
	}
	promote, ok := commands[0].(StartAction)
	if !ok || promote.Digest != bundle || promote.Inputs["app"].Digest != digestB {
		t.Errorf("promotion: %+v", commands[0])
	}
}

func TestApprovedTwiceIsOnce(t *testing.T) {
	d := atApproval(t, Options{})
	a := d.approval("Approval/approval")
	wantLines(t, "first", d.fact(a), "start Promote/promote#1")
	a.At, a.By = noon.Add(time.Minute), []Actor{rita}
	wantLines(t, "again", d.fact(a))
	if by := d.at("Approval/approval").Approval.By; by[0] != quinn {
		t.Errorf("approved by %v", by)
	}
}

func TestRejectedThenRetried(t *testing.T) {
	d := atApproval(t, Options{})
	reject := Rejected{At: noon, ID: d.id("Approval/approval"), By: quinn, Reason: "typo on page 1"}
	wantLines(t, "rejected", d.fact(reject), "settled Failed")
	wantLines(t, "told twice", d.fact(reject))
	if d.s.Reason != "Approval/approval: rejected by quinn: typo on page 1" || d.s.BeforeApproval() != Succeeded {
		t.Errorf("reason %q, before approval %s", d.s.Reason, d.s.BeforeApproval())
	}
	old := d.approval("Approval/approval")
	d.refused(old, "the approval is closed: rejected by quinn")
	wantLines(t, "retried", d.fact(RetryRequested{At: noon, By: rita}), "open Approval/approval for production")
	d.refused(old, "opened anew")
	wantLines(t, "approved", d.approve("Approval/approval"), "start Promote/promote#1")
}

func TestApprovalRemindsOnceAndExpires(t *testing.T) {
	d := atApproval(t, Options{})
	id := d.id("Approval/approval")
	if want := noon.Add(ApprovalRemind); !d.s.WakeAt.Equal(want) {
		t.Errorf("wakes at %v, want the reminder %v", d.s.WakeAt, want)
	}
	wantLines(t, "after a day", d.after(ApprovalRemind).tick(), "remind "+id)
	wantLines(t, "once", d.after(ApprovalRemind).tick())
	wantLines(t, "after a week", d.after(5*24*time.Hour).tick(),
		"void "+id+": nobody decided within 7d; /retry opens it again", "settled Failed")
}

func TestApprovalExpiresAsConfigured(t *testing.T) {
	d := atApproval(t, Options{ApprovalExpires: time.Hour, ApprovalRemind: -1})
	if want := noon.Add(time.Hour); !d.s.WakeAt.Equal(want) {
		t.Errorf("wakes at %v, want %v", d.s.WakeAt, want)
	}
}

// An approval is escalated once, whether it was called to mind before or not, and not after it was decided.
func TestApprovalEscalatesOnce(t *testing.T) {
	d := atApproval(t, Options{ApprovalEscalate: 36 * time.Hour})
	id := d.id("Approval/approval")
	wantLines(t, "after a day", d.after(ApprovalRemind).tick(), "remind "+id)
	if want := noon.Add(36 * time.Hour); !d.s.WakeAt.Equal(want) {
		t.Errorf("wakes at %v, want %v", d.s.WakeAt, want)
	}
	wantLines(t, "after another half", d.after(12*time.Hour).tick(), "escalate "+id+" for production")
	wantLines(t, "once", d.after(12*time.Hour).tick())

	d = atApproval(t, Options{ApprovalEscalate: time.Hour})
	d.approve("Approval/approval")
	wantLines(t, "decided", d.after(2*time.Hour).tick(), "stop "+d.id("Promote/promote")+": timed out after 1h")

	d = atApproval(t, Options{ApprovalEscalate: 36 * time.Hour})
	wantLines(t, "late", d.after(40*time.Hour).tick(), "remind "+id, "escalate "+id+" for production")
}

func TestApprovalVoided(t *testing.T) {
	void := func(d *drive) ApprovalVoided {
		return ApprovalVoided{At: d.now, ID: d.id("Approval/approval"), Reason: "the configuration changed"}
	}
	t.Run("open", func(t *testing.T) {
		d := atApproval(t, Options{})
		wantLines(t, "void", d.fact(void(d)), "void "+d.id("Approval/approval")+": the configuration changed", "settled Failed")
	})
	t.Run("given, promotion not asked for", func(t *testing.T) {
		d := atApproval(t, Options{ManualPromotion: true})
		wantLines(t, "approved", d.approve("Approval/approval"), "await Promote/promote")
		wantLines(t, "void", d.fact(void(d)), "settled Failed")
		if d.s.Stages[2].Status != Failed || d.s.Stages[3].Status != Skipped {
			t.Errorf("stages %s, %s", d.s.Stages[2].Status, d.s.Stages[3].Status)
		}
		wantLines(t, "retried", d.fact(RetryRequested{At: noon}), "open Approval/approval for production")
		wantLines(t, "approved anew", d.approve("Approval/approval"), "await Promote/promote")
	})
	t.Run("acted upon", func(t *testing.T) {
		d := atApproval(t, Options{})
		d.approve("Approval/approval")
		d.refused(void(d), "acted upon")
	})
}

func TestManualPromotion(t *testing.T) {
	d := atApproval(t, Options{ManualPromotion: true})
	ask := PromotionRequested{At: noon, ID: "ex-1-4-1-1", By: rita}
	d.refused(ask, "does not wait")
	wantLines(t, "approved", d.approve("Approval/approval"), "await Promote/promote")
	if !d.s.AwaitsPeople() {
		t.Error("nobody seems to be awaited")
	}
	wantLines(t, "asked", d.fact(ask), "start Promote/promote#1")
	wantLines(t, "asked twice", d.fact(ask))
	wantLines(t, "failed", d.settle("Promote/promote", Failed), "settled Failed")
	wantLines(t, "retried: it was asked for", d.fact(RetryRequested{At: noon}), "start Promote/promote#2")
}

func TestManualPromotionNobodyAsksFor(t *testing.T) {
	d := atApproval(t, Options{ManualPromotion: true})
	d.approve("Approval/approval")
	wantLines(t, "a week later", d.after(ApprovalTimeout).tick(), "settled Failed")
	if !strings.Contains(d.s.Reason, "nobody asked for it within 7d") {
		t.Errorf("reason %q", d.s.Reason)
	}
	wantLines(t, "retried", d.fact(RetryRequested{At: d.now}), "await Promote/promote")
}

// A state put together by other hands does not get past an approval either.
func TestForgedApprovalDoesNotCount(t *testing.T) {
	for name, forge := range map[string]func(*ActionState){
		"other digest": func(a *ActionState) { a.Approval.Digest = digestB },
		"not approved": func(a *ActionState) { a.Approval.Approved = false },
		"no record":    func(a *ActionState) { a.Approval = nil },
	} {
		t.Run(name, func(t *testing.T) {
			d := atApproval(t, Options{ManualPromotion: true})
			d.approve("Approval/approval")
			forge(&d.s.Stages[2].Actions[0])
			wantLines(t, "asked", d.fact(PromotionRequested{At: noon, ID: "ex-1-4-1-1", By: rita}), "settled Failed")
			if !strings.Contains(d.s.Reason, "was not given") {
				t.Errorf("reason %q", d.s.Reason)
			}
		})
	}
}
