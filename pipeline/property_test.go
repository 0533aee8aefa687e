package pipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// anyDefinition draws a definition that Validate accepts: every shape of stages, orders, approvals and promotions.
func anyDefinition(t *rapid.T) Definition {
	d := Definition{Kind: KindRelease, Mode: ModeSuperseded}
	var artifacts []string
	approved := false
	for i := range rapid.IntRange(1, 4).Draw(t, "stages") {
		st := Stage{Name: fmt.Sprintf("S%d", i)}
		order, approval := 1, false
		var made []string
		for j := range rapid.IntRange(1, 3).Draw(t, "actions") {
			if j > 0 && rapid.Bool().Draw(t, "sequential") {
				order++
				approved, approval = approved || approval, false
				artifacts, made = append(artifacts, made...), nil
			}
			a := Action{Name: fmt.Sprintf("a%d", j), Uses: "x", RunOrder: order}
			kinds := []string{"x", "x", "deploy", "approval"}
			if approved {
				kinds = []string{"x", "approval", "promote", "promote", "promote"}
			}
			switch rapid.SampledFrom(kinds).Draw(t, "kind") {
			case "x":
				a.OnFailure = rapid.SampledFrom([]OnFailure{"", OnFailureContinue, OnFailureRetry}).Draw(t, "on failure")
				if a.OnFailure == OnFailureRetry {
					a.Retries = rapid.IntRange(1, 2).Draw(t, "retries")
				}
				a.Outputs = []string{fmt.Sprintf("o%d-%d", i, j)}
				if len(artifacts) > 0 && rapid.Bool().Draw(t, "takes") {
					a.Inputs = []string{rapid.SampledFrom(artifacts).Draw(t, "input")}
				}
				made = append(made, a.Outputs...)
			case "deploy":
				a.Environment, a.Deploys = EnvironmentStaging, true
			case "approval":
				a.Uses, a.Environment, approval = UsesApproval, EnvironmentProduction, true
			case "promote":
				a.Uses, a.Environment = UsesPromote, EnvironmentProduction
				a.Manual = rapid.Bool().Draw(t, "manual")
			}
			st.Actions = append(st.Actions, a)
		}
		approved = approved || approval
		artifacts = append(artifacts, made...)
		anyConditions(t, &st)
		d.Stages = append(d.Stages, st)
	}
	return d
}

// anyConditions draws conditions and what follows a failure, as far as the stage may have them.
func anyConditions(t *rapid.T, st *Stage) {
	condition := func(words ...Otherwise) *Condition {
		if rapid.IntRange(0, 3).Draw(t, "condition") > 0 {
			return nil
		}
		rule := Rule{Variable: "sluice.v", Operator: OperatorEquals, Value: rapid.SampledFrom([]string{"1", "1", "2"}).Draw(t, "value")}
		return &Condition{Rules: []Rule{rule}, Else: rapid.SampledFrom(words).Draw(t, "else")}
	}
	people := slices.ContainsFunc(st.Actions, func(a Action) bool { return a.IsApproval() || a.IsPromote() })
	if st.BeforeEntry, st.OnSuccess = condition("", OtherwiseFail), condition(""); !people {
		st.OnFailure = rapid.SampledFrom([]StageFailure{"", StageRetryFailed, StageRetryAll}).Draw(t, "stage on failure")
		st.BeforeEntry = condition("", OtherwiseSkip)
	}
}

// model is the world around an execution, which knows only what it was told by commands.
type model struct {
	t       *rapid.T
	s       State
	now     time.Time
	started []string               // action execution IDs of StartAction, in order
	running map[string]bool        // by ID
	opened  map[string]Approval    // by ID, as OpenApproval said
	given   map[string]bool        // accepted Approved facts, by ID
	past    []Fact                 // to be told again
	digest  string                 // of the image, once known
	byHand  bool                   // the fact at hand is a person's: a retry, or an override of a condition
	lost    map[string]bool        // attempts that the engine gave up
	every   map[string]StartAction // all StartAction ever, by ID

	overrides, abandoned int // how often a condition was overridden, and an execution abandoned
}

func (m *model) apply(f Fact) {
	before := snapshot(m.t, m.s)
	s, commands, err := Advance(m.s, f)
	again, commandsAgain, _ := Advance(m.s, f)
	if snapshot(m.t, s) != snapshot(m.t, again) || !reflect.DeepEqual(commands, commandsAgain) {
		m.t.Fatalf("%#v: not deterministic:\n%s", f, cmp.Diff(s, again)+cmp.Diff(commands, commandsAgain))
	}
	if after := snapshot(m.t, m.s); after != before {
		m.t.Fatalf("%#v changed the state handed in:\n%s", f, cmp.Diff(before, after))
	}
	if err != nil && len(commands) > 0 {
		m.t.Fatalf("%#v was refused (%v) with commands %v", f, err, commands)
	}
	repeated, more, _ := Advance(s, f)
	if snapshot(m.t, s) != snapshot(m.t, repeated) {
		m.t.Fatalf("%#v told twice changed something:\n%s", f, cmp.Diff(s, repeated))
	}
	for _, c := range more {
		if _, ok := c.(WakeAt); !ok {
			m.t.Fatalf("%#v told twice has effects: %v", f, more)
		}
	}
	if a, ok := f.(Approved); ok && err == nil {
		bound := m.opened[a.ID]
		if a.SHA != bound.SHA || a.Digest != bound.Digest || a.ConfigHash != bound.ConfigHash {
			m.t.Fatalf("%#v was accepted for an approval of %#v", a, bound)
		}
		if _, was, _ := m.s.Action(a.ID); snapshot(m.t, s) != before && was.Status != InProgress {
			m.t.Fatalf("%#v changed an approval that was %s", a, was.Status)
		}
		m.given[a.ID] = true
	}
	if c, ok := f.(CancelRequested); ok && c.Halt == HaltAbandon && snapshot(m.t, s) != before && !s.Status.Final() {
		m.t.Fatalf("abandoned, and still %s:\n%s", s.Status, Table(s, m.now))
	}
	m.overriddenRightly(f, s, err)
	m.s = s
	m.settle(f)
	if m.byHand && err == nil { // who goes on answers for what may still run
		maps.DeleteFunc(m.running, func(id string, _ bool) bool { return m.lost[id] })
	}
	for _, c := range commands {
		m.carryOut(c)
	}
	m.check()
}

// overriddenRightly is the promise of an override: it takes up again what a condition has failed, and decides nothing else.
func (m *model) overriddenRightly(f Fact, after State, err error) {
	o, ok := f.(ConditionOverridden)
	if !ok || err != nil || len(after.RetryKeys) == len(m.s.RetryKeys) {
		return
	}
	if stage, _, ok := m.s.Overridable(); !ok || stage != o.Stage {
		m.t.Fatalf("%#v was taken, and no condition had failed that stage:\n%s", o, Table(m.s, m.now))
	}
	m.overrides++
	m.s.each(func(i, j int, d *Action, was *ActionState) bool {
		if a := after.Stages[i].Actions[j]; d.IsApproval() && was.Status != Succeeded && a.Status == Succeeded || was.Status == Succeeded && a.Number != was.Number {
			m.t.Fatalf("%#v made %s/%s, which was %s, %s#%d", o, o.Stage, d.Name, was.Status, a.Status, a.Number)
		}
		return true
	})
}

// settle forgets attempts that are over, as the world sees it.
func (m *model) settle(f Fact) {
	if settled, ok := f.(ActionSettled); ok && settled.Status.Final() {
		delete(m.running, settled.ID)
	}
	m.s.each(func(_, _ int, _ *Action, a *ActionState) bool {
		for _, attempt := range append([]Attempt{a.Attempt}, a.Earlier...) {
			if attempt.Lost {
				m.lost[attempt.ID] = true
			}
		}
		return true
	})
}

func (m *model) carryOut(c Command) {
	switch c := c.(type) {
	case StartAction:
		if _, twice := m.every[c.ID]; twice {
			m.t.Fatalf("%s was started twice", c.ID)
		}
		m.every[c.ID] = c
		for id := range m.running {
			_, i, j, _, _ := ParseActionID(id)
			if i == c.StageNumber && j == c.Number {
				m.t.Fatalf("%s starts while %s may still run", c.ID, id)
			}
		}
		m.approvedBefore(c)
		m.started = append(m.started, c.ID)
		m.running[c.ID] = true
	case StopAction:
		if !m.running[c.ID] {
			m.t.Fatalf("%s is told to stop but does not run", c.ID)
		}
	case AbandonAction:
		if !m.running[c.ID] {
			m.t.Fatalf("%s is abandoned but does not run", c.ID)
		}
		m.abandoned++
		if !m.lost[c.ID] { // it has not begun, and never will
			delete(m.running, c.ID)
		}
	case OpenApproval:
		m.opened[c.ID] = Approval{SHA: c.SHA, Digest: c.Digest, ConfigHash: c.ConfigHash}
	}
}

// approvedBefore is the promise: every approval before the action was given, for what the action gets.
func (m *model) approvedBefore(c StartAction) {
	at := place{c.StageNumber - 1, c.Number - 1, m.s.Definition.Stages[c.StageNumber-1].Actions[c.Number-1].order()}
	m.s.each(func(i, j int, d *Action, a *ActionState) bool {
		if d.IsApproval() && (place{i, j, d.order()}).before(at) {
			if !m.given[a.ID] {
				m.t.Fatalf("%s starts, but approval %q was not given", c.ID, a.ID)
			}
			got := c.Digest
			if c.Uses == UsesPromote && c.Image.Digest == "" {
				got = BundleDigest(c.Inputs) // what it really gets, not what it is told
			}
			if approved := m.opened[a.ID].Digest; got != approved && c.Uses == UsesPromote || c.Digest != "" && c.Digest != approved {
				m.t.Fatalf("%s gets %s (%s), but %s was approved", c.ID, c.Digest, got, approved)
			}
		}
		return true
	})
}

func (m *model) check() {
	if m.digest != "" && m.s.Image.Digest != m.digest {
		m.t.Fatalf("the digest changed from %s to %s", m.digest, m.s.Image.Digest)
	}
	m.digest = m.s.Image.Digest
	if !m.s.Status.Final() && m.s.WakeAt.IsZero() {
		m.t.Fatalf("%s, and nothing will ever wake it:\n%s", m.s.Status, Table(m.s, m.now))
	}
	m.s.each(func(i, j int, _ *Action, a *ActionState) bool {
		if want := ActionID("ex", i+1, j+1, a.Number+1); a.AwaitsRequest && a.ID != want {
			m.t.Fatalf("%s awaits a request under %q, want %q", a.Name, a.ID, want)
		}
		return true
	})
	if m.s.Status.Final() {
		m.s.each(func(_, _ int, _ *Action, a *ActionState) bool {
			if !a.Status.Final() || !a.Deadline.IsZero() {
				m.t.Fatalf("ended as %s, but %s is %s", m.s.Status, a.Name, a.Status)
			}
			return true
		})
		for _, st := range m.s.Stages {
			if !st.Status.Final() {
				m.t.Fatalf("ended as %s, but stage %s is %s", m.s.Status, st.Name, st.Status)
			}
		}
	}
	Table(m.s, m.now)
	Why(m.s, m.now)
	TicketOf(m.s)
}

func snapshot(t *rapid.T, s State) string {
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// anyID draws an ID: mostly one that exists, of any attempt.
func (m *model) anyID() string {
	if running := slices.Sorted(maps.Keys(m.running)); len(running) > 0 && rapid.IntRange(0, 3).Draw(m.t, "running") > 0 {
		return rapid.SampledFrom(running).Draw(m.t, "running id")
	}
	ids := append([]string{"", "ex-1", "ex-9-9-9-9"}, m.started...)
	m.s.each(func(i, j int, _ *Action, a *ActionState) bool {
		ids = append(ids, ActionID("ex", i+1, j+1, a.Number), ActionID("ex", i+1, j+1, a.Number+1))
		return true
	})
	return rapid.SampledFrom(ids).Draw(m.t, "id")
}

func (m *model) anyFact() Fact {
	at := m.now.Add(time.Duration(rapid.IntRange(-90, 5).Draw(m.t, "late")) * time.Minute)
	by := rapid.SampledFrom([]Actor{quinn, rita}).Draw(m.t, "by")
	digest := rapid.SampledFrom([]string{digestA, digestA, digestA, digestA, digestA, digestA, digestB, "junk"}).Draw(m.t, "digest")
	switch rapid.IntRange(0, 24).Draw(m.t, "fact") {
	case 23:
		return m.anyOverride(at, by)
	case 24:
		return CancelRequested{At: at, By: by, Halt: rapid.SampledFrom([]Halt{HaltAbandon, HaltWait}).Draw(m.t, "halt")}
	case 21:
		return m.anyTransitions(at, by)
	case 22:
		return Queued{At: at, Number: rapid.IntRange(1, 3).Draw(m.t, "number"), Behind: "abc"}
	case 20:
		return ActionWaits{At: at, ID: m.anyID(), For: rapid.SampledFrom([]string{"", "locked", "frozen"}).Draw(m.t, "for")}
	case 0, 1:
		return ActionStarted{At: at, ID: m.anyID(), ExternalID: "42"}
	case 2:
		return ActionProgress{At: at, ID: m.anyID(), Summary: "half | done @all"}
	case 3, 4, 5, 6, 7:
		f := ActionSettled{At: at, ID: m.anyID(), Status: rapid.SampledFrom([]Status{Succeeded, Succeeded, Succeeded, Succeeded, Succeeded, Failed, Stopped, InProgress}).Draw(m.t, "status")}
		if c, ok := m.every[f.ID]; ok && rapid.Bool().Draw(m.t, "produces") {
			f.Artifacts, f.Variables = map[string]Artifact{}, map[string]string{"digest": digest}
			for _, name := range c.Outputs {
				f.Artifacts[name] = Artifact{Digest: digest}
			}
		}
		if rapid.IntRange(0, 19).Draw(m.t, "pushed") == 0 {
			f.Image = Image{Reference: testRef, Digest: digest}
		}
		return f
	case 8, 9:
		return ImageResolved{At: at, Reference: testRef, Digest: digest}
	case 10:
		if rapid.IntRange(0, 5).Draw(m.t, "rarely") > 0 {
			return Ticked{At: m.now}
		}
		return ImageUnresolved{At: at, Reference: testRef, Reason: "gone"}
	case 11, 12, 13:
		return m.anyApproved(at, by)
	case 14:
		if rapid.Bool().Draw(m.t, "void") {
			return ApprovalVoided{At: at, ID: m.anyID(), Reason: "changed"}
		}
		return Rejected{At: at, ID: m.anyID(), By: by}
	case 15:
		return PromotionRequested{At: at, ID: m.anyID(), By: by}
	case 16:
		if rapid.Bool().Draw(m.t, "not so often") {
			return Ticked{At: m.now}
		}
		if rapid.Bool().Draw(m.t, "superseded") {
			return SupersededBy{At: at, ID: "ex-next"}
		}
		return CancelRequested{At: at, By: by}
	case 17:
		if rapid.Bool().Draw(m.t, "unheld") {
			return Unheld{At: at, By: by}
		}
		h := Held{At: at, By: by, Reason: "freeze"}
		if rapid.Bool().Draw(m.t, "until") {
			h.Until = m.now.Add(time.Hour)
		}
		return h
	case 18:
		return RetryRequested{At: at, By: by, Scope: rapid.SampledFrom([]Scope{"", RetryFailed, RetryStage}).Draw(m.t, "scope"),
			Key: rapid.SampledFrom([]string{"k1", "k2", "k3", "k4", "k5", "k6"}).Draw(m.t, "key")}
	default:
		m.now = m.now.Add(time.Duration(rapid.IntRange(0, 12*60).Draw(m.t, "pass")) * time.Minute)
		return Ticked{At: m.now}
	}
}

// anyOverride draws an override of a condition: mostly of the one that has failed the execution.
func (m *model) anyOverride(at time.Time, by Actor) Fact {
	stage, _, ok := m.s.Overridable()
	if !ok || rapid.IntRange(0, 4).Draw(m.t, "another") == 0 {
		stage = rapid.SampledFrom([]string{"S0", "S1", "S9"}).Draw(m.t, "overridden")
	}
	return ConditionOverridden{At: at, Stage: stage, By: by, Reason: "known", Key: rapid.SampledFrom([]string{"k1", "k2", "k3", "k7", "k8", "k9"}).Draw(m.t, "key")}
}

// anyTransitions disables the transition into some stage, or enables all.
func (m *model) anyTransitions(at time.Time, by Actor) Transitions {
	f := Transitions{At: at, Disabled: map[string]Disabled{}}
	if rapid.IntRange(0, 2).Draw(m.t, "disabled") == 0 {
		name := m.s.Stages[rapid.IntRange(0, len(m.s.Stages)-1).Draw(m.t, "stage")].Name
		f.Disabled[name] = Disabled{By: by, Reason: "audit", At: at}
	}
	return f
}

// anyApproved draws an approval of something: mostly right.
func (m *model) anyApproved(at time.Time, by Actor) Approved {
	f := Approved{At: at, ID: m.anyID(), By: []Actor{by}, SHA: testSHA, Digest: m.s.Digest(), ConfigHash: testConfig}
	if opened := slices.Sorted(maps.Keys(m.opened)); len(opened) > 0 && rapid.IntRange(0, 7).Draw(m.t, "opened") > 0 {
		f.ID = rapid.SampledFrom(opened).Draw(m.t, "opened id")
	}
	switch rapid.IntRange(0, 9).Draw(m.t, "wrong") {
	case 0:
		f.SHA = "other"
	case 1:
		f.Digest = digestB
	case 2:
		f.ConfigHash = "other"
	}
	return f
}

// next is a fact that takes the execution on: what is asked is answered, what runs succeeds, what waits is approved.
func (m *model) next() Fact {
	if stage, at, ok := m.s.Overridable(); ok {
		return ConditionOverridden{At: m.now, Stage: stage, By: rita, Reason: "known", Key: stage + string(at)}
	}
	if !m.s.Resolving.IsZero() {
		return ImageResolved{At: m.now, Reference: testRef, Digest: digestA}
	}
	if running := slices.Sorted(maps.Keys(m.running)); len(running) > 0 {
		return ActionSettled{At: m.now, ID: running[0], Status: Succeeded}
	}
	if _, a, ok := m.s.OpenApproval(); ok {
		return Approved{At: m.now, ID: a.ID, By: []Actor{{ID: 1, Login: "qa"}}, SHA: a.Approval.SHA, Digest: a.Approval.Digest, ConfigHash: a.Approval.ConfigHash}
	}
	for _, stage := range m.s.Stages {
		for _, a := range stage.Actions {
			if a.AwaitsRequest {
				return PromotionRequested{At: m.now, ID: a.ID, By: Actor{ID: 2, Login: "rm"}}
			}
		}
	}
	return Started{At: m.now}
}

func TestAnyInterleavingKeepsThePromises(t *testing.T) {
	promoted, overrides, abandoned := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		d := anyDefinition(t)
		if problems := d.Validate(); len(problems) > 0 {
			t.Fatalf("the test draws a definition that is not valid: %v", problems)
		}
		in := Input{ID: "ex", Definition: d, SHA: testSHA, ConfigHash: testConfig, Variables: map[string]string{"sluice.v": "1"}}
		if rapid.Bool().Draw(t, "image") {
			in.Image.Reference = testRef
		}
		m := &model{t: t, s: New(in, noon), now: noon, running: map[string]bool{}, opened: map[string]Approval{},
			given: map[string]bool{}, lost: map[string]bool{}, every: map[string]StartAction{}}
		if rapid.IntRange(0, 9).Draw(t, "turn") > 0 {
			m.apply(Started{At: noon})
		}
		smooth := rapid.IntRange(0, 2).Draw(t, "smooth") == 0
		for range 100 {
			_, _, failed := m.s.Overridable()
			if !smooth || m.s.Status.Final() && !failed || m.s.Promoting() {
				break // a smooth start reaches what chance alone seldom does
			}
			m.byHand = failed
			m.apply(m.next())
		}
		for range rapid.IntRange(0, 80).Draw(t, "facts") {
			f := m.anyFact()
			if len(m.past) > 0 && rapid.IntRange(0, 5).Draw(t, "repeat") == 0 {
				f = rapid.SampledFrom(m.past).Draw(t, "past")
			}
			switch f.(type) {
			case RetryRequested, ConditionOverridden:
				m.byHand = true
			default:
				m.byHand = false
			}
			m.past = append(m.past, f)
			m.apply(f)
		}
		m.byHand = false
		if rapid.Bool().Draw(t, "abandon") {
			m.apply(CancelRequested{At: m.now, By: rita, Halt: HaltAbandon})
		}
		for ticks := 0; !m.s.Status.Final(); ticks++ {
			if ticks > 1000 {
				t.Fatalf("does not end:\n%s", Table(m.s, m.now))
			}
			m.apply(Ticked{At: m.s.WakeAt})
		}
		if m.s.Promoting() {
			promoted++
		}
		overrides, abandoned = overrides+m.overrides, abandoned+m.abandoned
	})
	for what, n := range map[string]int{"promotion was reached": promoted, "condition was overridden": overrides, "running action was abandoned": abandoned} {
		if n == 0 {
			t.Errorf("no %s ever: the test draws too little", what)
		}
	}
}

func TestActionIDIsInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		execution := rapid.StringMatching(`[a-z0-9-]{1,20}`).Draw(t, "execution")
		n := rapid.SliceOfN(rapid.IntRange(1, 1000), 3, 3).Draw(t, "numbers")
		id := ActionID(execution, n[0], n[1], n[2])
		e, i, j, k, ok := ParseActionID(id)
		if !ok || e != execution || i != n[0] || j != n[1] || k != n[2] {
			t.Fatalf("%q parsed as %q %d %d %d %v", id, e, i, j, k, ok)
		}
	})
}

func FuzzParseActionID(f *testing.F) {
	for _, seed := range []string{"", "a-1-1-1", "-1-1-1", "a-01-1-1", "a-1-1-99999999999999999999", "a-b-1-1-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if e, i, j, k, ok := ParseActionID(id); ok && ActionID(e, i, j, k) != id {
			t.Errorf("%q parsed as %q %d %d %d, which is %q", id, e, i, j, k, ActionID(e, i, j, k))
		}
	})
}
