package pipeline

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: commands (-want +got):\n%s", what, diff)
	}
}

func TestReleaseFromStartToPromotion(t *testing.T) {
	d, got := begin(t, release(Options{}), Image{Reference: testRef})
	wantLines(t, "started", got, "start Test/checks#1")
	wantLines(t, "checks green", d.settle("Test/checks", Succeeded), "resolve "+testRef)
	wantLines(t, "another tag's digest", d.fact(ImageResolved{At: d.now, Reference: "other:1", Digest: digestB}))
	wantLines(t, "digest known", d.fact(ImageResolved{At: d.now, Reference: testRef, Digest: digestA}), "start Deploy/staging#1")
	if got := d.s.BeforeApproval(); got != InProgress {
		t.Errorf("before approval: %s while staging is deployed", got)
	}
	wantLines(t, "deployed", d.settle("Deploy/staging", Succeeded), "open Approval/approval for production")
	if got := d.s.BeforeApproval(); got != Succeeded {
		t.Errorf("before approval: %s, but the approval is open", got)
	}
	wantLines(t, "approved", d.approve("Approval/approval"), "start Promote/promote#1")
	wantLines(t, "promoted", d.settle("Promote/promote", Succeeded), "settled Succeeded")
	if d.s.Status != Succeeded || d.s.Image.Digest != digestA || !d.s.WakeAt.IsZero() {
		t.Errorf("ended as %s with %q, wake at %v", d.s.Status, d.s.Image.Digest, d.s.WakeAt)
	}
}

func TestStartActionCarriesEverything(t *testing.T) {
	def := Definition{Kind: KindFeature, Mode: ModeSuperseded, Stages: []Stage{
		{Name: "Build", Actions: []Action{{Name: "b", Uses: "buildspec", Namespace: "build", Outputs: []string{"app"}}}},
		{Name: "Deploy", Actions: []Action{{
			Name: "d", Uses: "ecs", Environment: "development", Deploys: true, Inputs: []string{"app"}, Timeout: time.Minute,
			With: map[string]any{"task": "#{build.task}", "list": []any{"#{build.task}", 3}, "text": "a #{build.task}"},
			Env:  map[string]string{"LABEL": "v#{build.version}-#{sluice.kind}"},
		}}},
	}}
	s, _ := Start(Input{ID: "ex", Definition: def, SHA: testSHA, Variables: map[string]string{"sluice.kind": "feature"}}, noon)
	app := Artifact{Digest: digestB, Size: 3, Location: "/data/app"}
	_, commands, err := Advance(s, ActionSettled{At: noon, ID: "ex-1-1-1", Status: Succeeded,
		Variables: map[string]string{"task": "arn:1", "version": "1.2.3"},
		Artifacts: map[string]Artifact{"app": app, "not-declared": {}},
		Image:     Image{Reference: testRef, Digest: digestA}})
	if err != nil {
		t.Fatal(err)
	}
	app.Name = "app"
	want := StartAction{
		ID: "ex-2-1-1", StageNumber: 2, Number: 1, Attempt: 1, Stage: "Deploy", Name: "d", Uses: "ecs",
		Environment: "development", Deploys: true,
		With:   map[string]any{"task": "arn:1", "list": []any{"arn:1", 3}, "text": "a #{build.task}"},
		Env:    map[string]string{"LABEL": "v1.2.3-feature"},
		Inputs: map[string]Artifact{"app": app}, Image: Image{Reference: testRef, Digest: digestA}, Digest: digestA,
		Timeout: time.Minute,
	}
	if diff := cmp.Diff(want, commands[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRunOrder(t *testing.T) {
	d, got := begin(t, single(
		Action{Name: "last", Uses: "x", RunOrder: 2},
		Action{Name: "a", Uses: "x"},
		Action{Name: "b", Uses: "x", RunOrder: 1},
	), Image{})
	wantLines(t, "started", got, "start S/a#1", "start S/b#1")
	wantLines(t, "one of two done", d.settle("S/b", Succeeded))
	wantLines(t, "both done", d.settle("S/a", Succeeded), "start S/last#1")
	wantLines(t, "all done", d.settle("S/last", Succeeded), "settled Succeeded")
}

func TestFailureWaitsForWhatRuns(t *testing.T) {
	d, _ := begin(t, Definition{Kind: KindFeature, Stages: []Stage{
		{Name: "S", Actions: []Action{{Name: "a", Uses: "x"}, {Name: "b", Uses: "x"}, {Name: "c", Uses: "x", RunOrder: 2}}},
		{Name: "T", Actions: []Action{{Name: "d", Uses: "x"}}},
	}}, Image{})
	wantLines(t, "one failed", d.settle("S/a", Failed))
	wantLines(t, "the other done", d.settle("S/b", Succeeded), "settled Failed")
	want := []string{"S/a Failed", "S/b Succeeded", "S/c Skipped", "T/d Skipped"}
	if diff := cmp.Diff(want, d.statuses()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.s.Stages[0].Status != Failed || d.s.Stages[1].Status != Skipped || d.s.Reason != "S/a: Failed" {
		t.Errorf("stages %s, %s, reason %q", d.s.Stages[0].Status, d.s.Stages[1].Status, d.s.Reason)
	}
}

func TestOnFailure(t *testing.T) {
	t.Run("continue", func(t *testing.T) {
		d, _ := begin(t, single(Action{Name: "a", Uses: "x", OnFailure: OnFailureContinue},
			Action{Name: "b", Uses: "x", RunOrder: 2}), Image{})
		wantLines(t, "failed", d.settle("S/a", Failed), "start S/b#1")
		wantLines(t, "done", d.settle("S/b", Succeeded), "settled Succeeded")
		if d.at("S/a").Status != Failed {
			t.Error("the failure was forgotten")
		}
	})
	t.Run("retry", func(t *testing.T) {
		d, _ := begin(t, single(Action{Name: "a", Uses: "x", OnFailure: OnFailureRetry, Retries: 2}), Image{})
		first := d.id("S/a")
		wantLines(t, "failed once", d.settle("S/a", Failed), "start S/a#2")
		wantLines(t, "told again of the first", d.fact(ActionSettled{At: d.now, ID: first, Status: Failed}))
		wantLines(t, "failed twice", d.settle("S/a", Failed), "start S/a#3")
		wantLines(t, "failed for good", d.settle("S/a", Failed), "settled Failed")
		if n := len(d.at("S/a").Earlier); n != 2 {
			t.Errorf("%d earlier attempts kept, want 2", n)
		}
	})
	t.Run("stopped from outside is not retried", func(t *testing.T) {
		d, _ := begin(t, single(Action{Name: "a", Uses: "x", OnFailure: OnFailureRetry, Retries: 2}), Image{})
		wantLines(t, "stopped", d.settle("S/a", Stopped), "settled Failed")
	})
}

func TestMissingInputsFailTheAction(t *testing.T) {
	for name, tc := range map[string]struct {
		action Action
		want   string
	}{
		"artifact": {Action{Name: "b", Uses: "x", RunOrder: 2, Inputs: []string{"app"}}, `S/b: artifact "app" was not produced`},
		"variable": {Action{Name: "b", Uses: "x", RunOrder: 2, With: map[string]any{"k": "#{a.gone}"}},
			"S/b: variable #{a.gone} is not set; exported: a.other"},
		"environment": {Action{Name: "b", Uses: "x", RunOrder: 2, Env: map[string]string{"K": "x#{z.gone}"}},
			"S/b: variable #{z.gone} is not set: nothing was exported to z"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.action.OnFailure, tc.action.Retries = OnFailureRetry, 3 // what is missing does not come by repeating
			d, _ := begin(t, single(Action{Name: "a", Uses: "x", Outputs: []string{"app"}}, tc.action), Image{})
			got := d.fact(ActionSettled{At: noon, ID: d.id("S/a"), Status: Succeeded, Variables: map[string]string{"other": "1"}})
			wantLines(t, "a done", got, "settled Failed")
			if d.s.Reason != tc.want {
				t.Errorf("reason %q, want %q", d.s.Reason, tc.want)
			}
		})
	}
}

func TestImageDigestNeverChanges(t *testing.T) {
	d, _ := begin(t, single(Action{Name: "a", Uses: "x"}, Action{Name: "b", Uses: "x", RunOrder: 2}), Image{Reference: testRef})
	d.fact(ActionSettled{At: noon, ID: d.id("S/a"), Status: Succeeded, Image: Image{Digest: digestA}})
	d.fact(ActionSettled{At: noon, ID: d.id("S/b"), Status: Succeeded, Image: Image{Digest: digestB}})
	if d.s.Status != Failed || d.s.Image.Digest != digestA || !strings.Contains(d.s.Reason, digestA) || !strings.Contains(d.s.Reason, digestB) {
		t.Errorf("%s with %s: %s", d.s.Status, d.s.Image.Digest, d.s.Reason)
	}
}

func TestBadDigestFails(t *testing.T) {
	d, _ := begin(t, single(Action{Name: "a", Uses: "x"}), Image{})
	d.fact(ActionSettled{At: noon, ID: d.id("S/a"), Status: Succeeded, Image: Image{Digest: "sha256:latest"}})
	if d.s.Status != Failed || d.s.Image.Digest != "" {
		t.Errorf("%s with %q", d.s.Status, d.s.Image.Digest)
	}
}

func TestImageThatIsNotThere(t *testing.T) {
	unresolved := func(d *drive) []string {
		return d.fact(ImageUnresolved{At: d.now, Reference: testRef, Reason: "not found"})
	}
	late := func(d *drive) []string { return d.after(ResolveTimeout).tick() }
	for name, missing := range map[string]func(*drive) []string{"not found": unresolved, "no answer": late} {
		t.Run(name, func(t *testing.T) {
			d, _ := begin(t, release(Options{}), Image{Reference: testRef})
			d.settle("Test/checks", Succeeded)
			wantLines(t, "missing", missing(d), "settled Failed")
			if d.s.Stages[1].Status != Failed || d.s.BeforeApproval() != Failed {
				t.Errorf("stage %s, before approval %s", d.s.Stages[1].Status, d.s.BeforeApproval())
			}
			got := d.fact(RetryRequested{At: d.now, By: quinn})
			wantLines(t, "retried", got, "resolve "+testRef)
			wantLines(t, "there now", d.fact(ImageResolved{At: d.now, Reference: testRef, Digest: digestA}), "start Deploy/staging#1")
		})
	}
}

func TestTimeout(t *testing.T) {
	def := single(Action{Name: "a", Uses: "x", Timeout: 10 * time.Minute, OnFailure: OnFailureRetry, Retries: 1})
	t.Run("stopped in time and tried again", func(t *testing.T) {
		d, _ := begin(t, def, Image{})
		d.after(8 * time.Minute).fact(ActionStarted{At: d.now, ID: d.id("S/a"), ExternalID: "42"})
		wantLines(t, "the wait does not count", d.after(9*time.Minute).tick())
		first := d.id("S/a")
		wantLines(t, "over", d.after(time.Minute).tick(), "stop "+first+": timed out after 10m")
		wantLines(t, "not settled: no second attempt", d.after(time.Minute).tick())
		wantLines(t, "settled", d.settle("S/a", Stopped), "start S/a#2")
		if e := d.at("S/a").Earlier[0]; e.Status != Failed || e.Summary != "timed out after 10m" || e.ExternalID != "42" {
			t.Errorf("first attempt: %+v", e)
		}
	})
	t.Run("never settled: given up, not repeated", func(t *testing.T) {
		d, _ := begin(t, def, Image{})
		d.after(10 * time.Minute).tick()
		wantLines(t, "grace over", d.after(StopGrace).tick(), "settled Failed")
		if !d.at("S/a").Lost || !strings.Contains(d.s.Reason, "unknown") {
			t.Errorf("lost %v, reason %q", d.at("S/a").Lost, d.s.Reason)
		}
		wantLines(t, "late", d.settle("S/a", Succeeded))
		wantLines(t, "a person may", d.fact(RetryRequested{At: d.now, By: quinn}), "start S/a#2")
	})
	t.Run("done just before it was stopped", func(t *testing.T) {
		d, _ := begin(t, def, Image{})
		d.after(10 * time.Minute).tick()
		wantLines(t, "done", d.settle("S/a", Succeeded), "settled Succeeded")
	})
}

func TestEarlyTickSetsTheTimerAgain(t *testing.T) {
	d, _ := begin(t, single(Action{Name: "a", Uses: "x"}), Image{})
	_, commands, _ := Advance(d.s, Ticked{At: noon.Add(time.Second)})
	if diff := cmp.Diff([]Command{WakeAt{At: noon.Add(time.Hour)}}, commands); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestImpossibleFacts(t *testing.T) {
	d, _ := begin(t, release(Options{}), Image{})
	for _, id := range []string{"", "ex-1", "ex-1-1-1-9", "ex-1-9-1-1", "ex-1-1-9-1", "ex-2-1-1-1", "ex-1-0-0-0", "ex-1-3-1-1", "💥"} {
		wantLines(t, id, d.fact(ActionStarted{At: noon, ID: id}))
		wantLines(t, id, d.fact(ActionProgress{At: noon, ID: id, Summary: "x"}))
		wantLines(t, id, d.fact(ActionSettled{At: noon, ID: id, Status: Succeeded}))
		d.refused(Approved{At: noon, ID: id}, "there is no approval")
		d.refused(Rejected{At: noon, ID: id}, "there is no approval")
		d.refused(ApprovalVoided{At: noon, ID: id}, "there is no approval")
		d.refused(PromotionRequested{At: noon, ID: id}, "not an action that waits")
	}
	d.refused(ActionSettled{At: noon, ID: d.id("Test/checks"), Status: InProgress}, "cannot settle")
	d.refused(nil, "not a fact")
	d.refused(&Ticked{}, "not a fact")
	if _, _, err := Advance(State{Status: InProgress, Stages: make([]StageState, 1)}, Ticked{}); err == nil {
		t.Error("a state without definition was advanced")
	}
}

func TestProgressIsKept(t *testing.T) {
	d, _ := begin(t, release(Options{}), Image{})
	d.fact(ActionProgress{At: noon, ID: d.id("Test/checks"), Summary: "2 of 3", URL: "https://ci.test/1"})
	if a := d.at("Test/checks"); a.Summary != "2 of 3" || a.URL != "https://ci.test/1" || a.Status != InProgress {
		t.Errorf("%+v", a)
	}
}

func TestStateSurvivesJSON(t *testing.T) {
	d, _ := begin(t, release(Options{ManualPromotion: true}), Image{Reference: testRef})
	d.settle("Test/checks", Succeeded)
	d.fact(ImageResolved{At: d.now, Reference: testRef, Digest: digestA})
	d.settle("Deploy/staging", Succeeded)
	d.approve("Approval/approval")
	d.fact(Held{At: d.now, By: rita, Reason: "freeze"})
	data, err := json.Marshal(d.s)
	if err != nil {
		t.Fatal(err)
	}
	var back State
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.s, back); diff != "" {
		t.Errorf("(-stored +read):\n%s", diff)
	}
}

func TestEmptyDefinitionSucceeds(t *testing.T) {
	s, commands := Start(Input{ID: "e"}, noon)
	wantLines(t, "start", lines(commands), "settled Succeeded")
	if s.Status != Succeeded {
		t.Errorf("status %s", s.Status)
	}
}

// TestRunOrderWithGaps: what has the next number there is begins once all of the lower one is done, however far apart they are.
func TestRunOrderWithGaps(t *testing.T) {
	d, got := begin(t, single(Action{Name: "late", Uses: "x", RunOrder: 7}, Action{Name: "a", Uses: "x", RunOrder: 3},
		Action{Name: "b", Uses: "x", RunOrder: 3}, Action{Name: "last", Uses: "x", RunOrder: 999}), Image{})
	if problems := d.s.Definition.Validate(); len(problems) > 0 {
		t.Fatalf("refused: %v", problems)
	}
	wantLines(t, "begin", got, "start S/a#1", "start S/b#1")
	wantLines(t, "a done", d.settle("S/a", Succeeded))
	wantLines(t, "b done", d.settle("S/b", Succeeded), "start S/late#1")
	wantLines(t, "late done", d.settle("S/late", Succeeded), "start S/last#1")
	wantLines(t, "last done", d.settle("S/last", Succeeded), "settled Succeeded")
}
