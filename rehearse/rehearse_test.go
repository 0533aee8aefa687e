package rehearse_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/rehearse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is an executor whose actions do what their `with: do` says.
type scripted struct {
	bell    *executor.Bell
	mu      sync.Mutex
	began   []string
	env     map[string]map[string]string
	inputs  map[string]map[string]pipeline.Artifact
	asked   map[string]int
	stopped map[string]bool
	waits   func(id string) // called when an action is looked at that waits
}

func (s *scripted) Check(map[string]any) error { return nil }

func (s *scripted) Start(_ context.Context, r executor.Request) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[r.ID]++
	switch r.With["do"] {
	case "refuse":
		return "", executor.Permanentf("no such thing")
	case "hesitate":
		if s.asked[r.ID] < 3 {
			return "", errors.New("not now")
		}
	case "never":
		return "", errors.New("not now")
	}
	s.began = append(s.began, r.Name)
	s.env[r.Name], s.inputs[r.Name] = r.Env, r.Inputs
	return r.ID, nil
}

func (s *scripted) Status(_ context.Context, r executor.Request, _ string) (executor.Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[r.ID]++
	out := executor.Report{Status: pipeline.Succeeded, Summary: "done", Variables: map[string]string{"WORD": r.Name}, Artifacts: map[string]pipeline.Artifact{}}
	for _, name := range r.Outputs {
		out.Artifacts[name] = pipeline.Artifact{Name: name, Digest: "sha256:" + name}
	}
	switch {
	case s.stopped[r.ID]:
		return executor.Report{Status: pipeline.Stopped, Summary: "stopped"}, nil
	case r.With["do"] == "wait":
		s.waits(r.ID)
		return executor.Report{Status: pipeline.InProgress, Log: "waiting\n"}, nil
	case r.With["do"] == "slow" && s.asked[r.ID] < 4:
		s.bell.Ring(r.ID)
		return executor.Report{Status: pipeline.InProgress}, nil
	case r.With["do"] == "fail" || r.With["do"] == "fail once" && r.Attempt == 1:
		return executor.Report{Status: pipeline.Failed, Summary: "broken"}, nil
	}
	return out, nil
}

func (s *scripted) Stop(_ context.Context, r executor.Request, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped[r.ID] = true
	return nil
}

// lab runs pipelines on a scripted executor.
type lab struct {
	*scripted
	changed  []pipeline.State
	reported []string
	poll     time.Duration
}

func newLab() *lab {
	return &lab{scripted: &scripted{
		bell: executor.NewBell(), env: map[string]map[string]string{}, inputs: map[string]map[string]pipeline.Artifact{}, asked: map[string]int{}, stopped: map[string]bool{}, waits: func(string) {},
	}, poll: time.Millisecond}
}

func (l *lab) run(ctx context.Context, stages ...pipeline.Stage) (pipeline.State, error) {
	return rehearse.Run(ctx, pipeline.Input{
		ID: "x", SHA: strings.Repeat("1", 40), Definition: pipeline.Definition{Kind: pipeline.KindFeature, Mode: pipeline.ModeParallel, Stages: stages},
	}, rehearse.Options{
		Executors: executor.NewRegistry(map[string]executor.Executor{"scripted": l.scripted}), Bell: l.bell, Approver: pipeline.Actor{ID: 1, Login: "you"},
		Request: func(c pipeline.StartAction) executor.Request {
			return executor.Request{ID: c.ID, Uses: c.Uses, Name: c.Name, With: c.With, Env: c.Env, Inputs: c.Inputs, Outputs: c.Outputs, Attempt: c.Attempt}
		},
		Resolve: func(_ context.Context, reference string) (string, error) {
			if reference == "none:1" {
				return "", nil
			}
			return "sha256:" + strings.Repeat("a", 64), nil
		},
		Changed:  func(s pipeline.State) { l.changed = append(l.changed, s) },
		Reported: func(id string, r executor.Report) { l.reported = append(l.reported, id+" "+string(r.Status)) },
		Now:      time.Now, Poll: l.poll,
	})
}

func act(name, do string) pipeline.Action {
	return pipeline.Action{Name: name, Uses: "scripted", With: map[string]any{"do": do}}
}

func stage(name string, actions ...pipeline.Action) pipeline.Stage {
	return pipeline.Stage{Name: name, Actions: actions}
}

func TestRun(t *testing.T) {
	twice := act("twice", "fail once")
	twice.OnFailure, twice.Retries = pipeline.OnFailureRetry, 1
	approval := pipeline.Action{Name: "yes", Uses: pipeline.UsesApproval, Environment: "staging"}
	timed := act("timed", "wait")
	timed.Timeout = 20 * time.Millisecond
	for name, c := range map[string]struct {
		stages []pipeline.Stage
		status pipeline.Status
		reason string
		began  []string
	}{
		"one after the other":         {[]pipeline.Stage{stage("A", act("a", "")), stage("B", act("b", "slow"))}, pipeline.Succeeded, "", []string{"a", "b"}},
		"a failure ends it":           {[]pipeline.Stage{stage("A", act("a", "fail")), stage("B", act("b", ""))}, pipeline.Failed, "A/a: broken", []string{"a"}},
		"again":                       {[]pipeline.Stage{stage("A", twice)}, pipeline.Succeeded, "", []string{"twice", "twice"}},
		"refused for good":            {[]pipeline.Stage{stage("A", act("a", "refuse"))}, pipeline.Failed, "A/a: no such thing", nil},
		"refused for now":             {[]pipeline.Stage{stage("A", act("a", "hesitate"))}, pipeline.Succeeded, "", []string{"a"}},
		"refused for too long":        {[]pipeline.Stage{stage("A", act("a", "never"))}, pipeline.Failed, "A/a: not now", nil},
		"an executor that is not":     {[]pipeline.Stage{stage("A", pipeline.Action{Name: "a", Uses: "else"})}, pipeline.Failed, `A/a: uses: "else" is not known here; known: scripted`, nil},
		"an approval is given":        {[]pipeline.Stage{stage("A", act("a", "")), stage("Yes", approval), stage("B", act("b", ""))}, pipeline.Succeeded, "", []string{"a", "b"}},
		"an action that takes a time": {[]pipeline.Stage{stage("A", timed)}, pipeline.Failed, "A/timed: timed out after 0s", []string{"timed"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab()
			state, err := l.run(t.Context(), c.stages...)
			if err != nil {
				t.Fatal(err)
			}
			if state.Status != c.status || state.Reason != c.reason {
				t.Errorf("%s %q, want %s %q", state.Status, state.Reason, c.status, c.reason)
			}
			if diff := cmp.Diff(c.began, l.began); diff != "" {
				t.Errorf("began: -want +got\n%s", diff)
			}
			if n := len(l.changed); n == 0 || l.changed[n-1].Status != c.status {
				t.Error("the end was not shown")
			}
		})
	}
}

func TestArtifactsAndVariablesFlow(t *testing.T) {
	first, second := act("first", ""), act("second", "")
	first.Outputs, second.Inputs = []string{"app"}, []string{"app"}
	second.Env = map[string]string{"SAID": "<#{first.WORD}>"}
	l := newLab()
	if state, err := l.run(t.Context(), stage("A", first), stage("B", second)); err != nil || state.Status != pipeline.Succeeded {
		t.Fatalf("%s %s, %v", state.Status, state.Reason, err)
	}
	if l.env["second"]["SAID"] != "<first>" || l.inputs["second"]["app"].Digest != "sha256:app" {
		t.Errorf("env %v, inputs %v", l.env["second"], l.inputs["second"])
	}
}

// Whoever interrupts a run finds nothing running afterwards.
func TestInterrupted(t *testing.T) {
	l := newLab()
	l.poll = time.Hour // only being told wakes it
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	waiting := map[string]bool{}
	l.waits = func(id string) {
		if waiting[id] = true; len(waiting) == 2 {
			cancel()
		}
	}
	state, err := l.run(ctx, stage("A", act("a", "wait"), act("b", "wait")), stage("B", act("c", "")))
	if !errors.Is(err, rehearse.ErrInterrupted) || state.Status != pipeline.Stopped {
		t.Errorf("%s, %v", state.Status, err)
	}
	if !l.stopped["x-1-1-1"] || !l.stopped["x-1-2-1"] || slices.Contains(l.began, "c") {
		t.Errorf("stopped %v, began %v", l.stopped, l.began)
	}
}
