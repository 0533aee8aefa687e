package gitflow

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// shows answers a probe by the world.
func (w *world) shows(p Probe) bool {
	branch, tag := strings.TrimPrefix(p.Ref, "refs/heads/"), strings.TrimPrefix(p.Ref, "refs/tags/")
	switch p.Kind {
	case ProbeRefIs:
		return w.tags[tag] == p.SHA
	case ProbeRefExists:
		return w.heads[branch] != ""
	case ProbeRefGone:
		return w.heads[branch] == ""
	case ProbeContains:
		return w.contains(w.heads[branch], p.SHA)
	case ProbePullOpen:
		return w.pullOf(p.Head, p.Base).Open
	case ProbePullBase:
		return w.find(p.Pull).Base == p.Base
	case ProbePullClosed:
		return !w.find(p.Pull).Open
	case ProbeImage:
		return w.registry[p.Version] == p.Digest
	case ProbeRuns:
		return w.env.Name == p.Environment && w.env.Runs.Version == p.Version && w.env.Runs.Digest == p.Digest && w.env.Runs.SHA == p.SHA
	case ProbeReleasePage:
		return w.pages[p.Tag]
	case ProbeHeld:
		return w.env.Name == p.Environment && !w.env.Held.none()
	case ProbeMarkedBad:
		return w.bad[p.Version]
	}
	panic(fmt.Sprintf("nobody can look at %+v", p))
}

// look does a step between two looks at the world: its probe shows that it is not done, and then that it is, unless GitHub refused.
func (w *world) look(s Step) {
	if w.shows(s.Probe) {
		panic(fmt.Sprintf("%s: %+v shows that it is done, and the plan would do it", s.ID, s.Probe))
	}
	w.do(s)
	last := w.effects[len(w.effects)-1]
	if refused := strings.HasPrefix(last, "refused: ") || strings.HasPrefix(last, "conflict: "); w.shows(s.Probe) == refused {
		panic(fmt.Sprintf("%s: %q, and then %+v shows %t", s.ID, last, s.Probe, !refused))
	}
}

// probes are what shows that a step of each kind is done.
var probes = map[StepKind][]ProbeKind{
	StepGate:           {ProbeNone},
	StepCutBranch:      {ProbeRefExists},
	StepOpenPull:       {ProbePullOpen},
	StepRetargetPull:   {ProbePullBase},
	StepClosePull:      {ProbePullClosed},
	StepCopyImage:      {ProbeImage, ProbePromoted},
	StepDeploy:         {ProbeRuns},
	StepTag:            {ProbeRefIs},
	StepMergePull:      {ProbeContains, ProbePullClosed},
	StepEnqueue:        {ProbeContains, ProbePullClosed},
	StepMergeSHA:       {ProbeContains},
	StepUpdatePull:     {ProbeContains},
	StepRepair:         {ProbeRefExists},
	StepReleasePage:    {ProbeReleasePage},
	StepDeleteBranch:   {ProbeRefGone},
	StepHold:           {ProbeHeld},
	StepMarkBad:        {ProbeMarkedBad},
	StepStopExecutions: {ProbeNothingRuns},
}

// said holds every step of a plan to saying what must be so before it, and how to see that it is done.
func said(t *testing.T, p Plan, seen map[StepKind]bool) {
	t.Helper()
	for _, s := range p.Steps {
		seen[s.Kind] = true
		if !slices.Contains(probes[s.Kind], s.Probe.Kind) {
			t.Errorf("%s of %s, a %s: it is looked for by %q, want one of %q", s.ID, p.Name, s.Kind, s.Probe.Kind, probes[s.Kind])
		}
		if s.Kind != StepGate && len(s.Before) == 0 {
			t.Errorf("%s of %s does not say what must be so before", s.ID, p.Name)
		}
		for _, b := range s.Before {
			if !strings.HasSuffix(b.String(), ".") {
				t.Errorf("%s of %s: not a sentence: %q", s.ID, p.Name, b)
			}
		}
	}
}

func TestEveryStepSaysItsConditionAndItsProbe(t *testing.T) {
	seen := map[StepKind]bool{}
	walk := func(w *world, plan func(State) Plan) {
		for range 100 {
			p := plan(w.state())
			said(t, p, seen)
			s, ok := p.Next()
			if !ok && !slices.ContainsFunc(p.Blocked(), w.people) {
				return
			}
			if ok {
				w.look(s)
			}
		}
	}
	for name, change := range map[string]func(w *world){
		"undisturbed":         func(*world) {},
		"production refuses":  func(w *world) { w.refuses["master"] = true },
		"development refuses": func(w *world) { w.refuses["development"] = true },
		"a conflict":          func(w *world) { w.conflicts["development"] = true },
		"strict":              func(w *world) { w.refuses["development"], w.strict["development"] = true, true },
		"merged first":        func(w *world) { w.order = MergeThenDeploy },
		"a child":             func(w *world) { w.cut("fix/1", w.branch); w.open("fix/1", w.branch) },
		"squashed":            func(w *world) { w.human(w.pulls[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, make := range []func() *world{approvedRelease, approvedHotfix} {
				w := make()
				change(w)
				walk(w, PlanPromote)
				walk(w, PlanFinish)
				abandoned := make()
				change(abandoned)
				said(t, PlanAbandon(abandoned.state()), seen)
				s := w.state()
				s.Rollback = RollbackFacts{Reason: "wrong"}
				s.Environment.History = append(s.Environment.History, Deployed{Version: "1.3.0", SHA: w.heads["master"], Digest: "sha256:old", Succeeded: true})
				said(t, PlanRollback(s), seen)
			}
		})
	}
	begun := newWorld(KindRelease, "1.4.0", "release/1.4.0")
	begun.from = begun.heads["development"]
	walk(begun, PlanStart)

	line := approvedRelease().state()
	line.Support, line.Undeployed, line.Candidate.Digest = Line{Branch: "support/1.3"}, true, ""
	said(t, PlanPromote(line), seen)
	said(t, PlanStart(line), seen)
	queued := approvedRelease()
	queued.walk(PlanPromote, never)
	queued.refuses["development"] = true
	queued.walk(PlanFinish, func(w *world) bool { return len(w.detours) > 0 && w.pullOf(w.detours[0].Branch, "development").Open })
	s := queued.state()
	s.Development.Queue = true
	said(t, PlanFinish(s), seen)

	for kind := range probes {
		if !seen[kind] {
			t.Errorf("no plan had a step of kind %s", kind)
		}
	}
}
