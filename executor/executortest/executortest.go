// Package executortest defines what a correct executor is: Run is the suite that every executor passes. A new one
// starts with a test of a few lines that describes its World.
//
// The suite plays the caller that Sluice is: it repeats calls as after a crash, on new instances, with requests that
// went through JSON; it loses answers and disturbs the service; and it looks at every report, error and handle for
// secrets.
package executortest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// Scenario says how an action is to end.
type Scenario string

// Scenarios that a World makes requests for.
const (
	Succeeds   Scenario = "succeeds"   // runs until Finish, then succeeds
	Fails      Scenario = "fails"      // runs until Finish, then fails
	Impossible Scenario = "impossible" // cannot be started, and repeating does not help
)

// Harness describes an executor to the suite.
type Harness struct {
	// World makes a fresh outside for one test. It registers its own clean-up.
	World func(t *testing.T) *World
	// Wrong has parameters that Check must refuse, by the key that the error must name.
	Wrong map[string]map[string]any
	// Secrets must appear nowhere: no report, error, handle.
	Secrets []string
	// Instant executors do everything in Start: nothing runs that could be stopped or found running.
	Instant bool
	// Rings says that the executor rings the bell when an action has ended.
	Rings bool
	// Patience is how long the suite waits for something that must happen; 0: 30 seconds.
	Patience time.Duration
}

// World is everything outside of the executor: the service, its files, the time. Functions said to be optional may be
// nil; what needs them is then left out.
type World struct {
	// Executor makes a new instance over the same outside, as after a restart of Sluice. It rings the bell, if it rings.
	Executor func(bell *executor.Bell) executor.Executor
	// Request makes a request for a scenario. IDs differ from call to call of the suite.
	Request func(s Scenario, id string) executor.Request
	// Finish lets the action with this ID end as its scenario says. Optional: actions end by themselves, but not before
	// two Status calls had the time to find them running.
	Finish func(id string)
	// Starts counts how often the outside really began the action with this ID.
	Starts func(id string) int
	// Disturb makes the outside fail in a way that passes. Optional.
	Disturb func() (restore func())
	// LoseAnswer lets the outside begin the next action, and then the answer is lost. Optional.
	LoseAnswer func()
	// Pass lets time pass. Optional: real time passes.
	Pass func(time.Duration)
	// Now is the executor's clock. Optional: time.Now.
	Now func() time.Time
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Helper()
	if h.Patience == 0 {
		h.Patience = 30 * time.Second
	}
	for _, test := range []struct {
		name    string
		running bool // needs an action that runs for a while
		run     func(*suite)
	}{
		{"check accepts and refuses", false, (*suite).check},
		{"succeeds", false, func(s *suite) { s.ends(Succeeds, pipeline.Succeeded) }},
		{"fails", false, func(s *suite) { s.ends(Fails, pipeline.Failed) }},
		{"impossible is permanent", false, (*suite).impossible},
		{"start twice starts once", false, (*suite).startTwice},
		{"start after the end starts nothing", false, (*suite).startAfterEnd},
		{"status after a restart", true, (*suite).restart},
		{"final stays final", false, (*suite).finalStays},
		{"stop", true, (*suite).stop},
		{"stop after the end", false, (*suite).stopAfterEnd},
		{"two at once", true, (*suite).twoAtOnce},
		{"disturbance passes", false, (*suite).disturbance},
		{"lost answer", false, (*suite).lostAnswer},
		{"rings", true, (*suite).rings},
		{"cancelled context", false, (*suite).cancelled},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.running && h.Instant {
				return // by design: nothing of it ever runs
			}
			s := &suite{t: t, h: h, w: h.World(t), bell: executor.NewBell()}
			s.e = s.instance()
			test.run(s)
		})
	}
}

type suite struct {
	t    *testing.T
	h    Harness
	w    *World
	bell *executor.Bell
	e    executor.Executor
}

func (s *suite) instance() executor.Executor {
	return &watched{t: s.t, secrets: s.h.Secrets, starts: s.w.Starts, e: s.w.Executor(s.bell)}
}

// request makes a request and sends it through JSON, as the store does.
func (s *suite) request(scenario Scenario, id string) executor.Request {
	s.t.Helper()
	r := s.w.Request(scenario, id)
	if r.ID != id {
		s.t.Fatalf("the world made a request with ID %q, want %q", r.ID, id)
	}
	data, err := json.Marshal(r)
	if err != nil {
		s.t.Fatalf("request is not JSON: %v", err)
	}
	var back executor.Request
	if err := json.Unmarshal(data, &back); err != nil {
		s.t.Fatal(err)
	}
	return back
}

func (s *suite) start(r executor.Request) string {
	s.t.Helper()
	handle, err := s.e.Start(s.t.Context(), r)
	if err != nil {
		s.t.Fatalf("Start: %v", err)
	}
	if handle == "" {
		s.t.Fatal("Start returned no handle")
	}
	return handle
}

func (s *suite) finish(r executor.Request) {
	if s.w.Finish != nil {
		s.w.Finish(r.ID)
	}
}

func (s *suite) now() time.Time {
	if s.w.Now != nil {
		return s.w.Now()
	}
	return time.Now()
}

// again is the request as in a call after one that may have got lost.
func (s *suite) again(r executor.Request) executor.Request {
	r.StartTried = s.now()
	return r
}

// wait asks until the action has ended. Temporary errors are asked over.
func (s *suite) wait(e executor.Executor, r executor.Request, handle string) executor.Report {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), s.h.Patience)
	defer cancel()
	for {
		report, err := e.Status(ctx, r, handle)
		switch {
		case executor.IsPermanent(err):
			return executor.Report{Status: pipeline.Failed, Summary: err.Error()}
		case err == nil && report.Status.Final():
			return report
		}
		s.pass(ctx, report.PollAfter, "the action did not end", err)
	}
}

// pass lets the time between two calls pass, in the world's time or a little of the real one.
func (s *suite) pass(ctx context.Context, d time.Duration, what string, err error) {
	s.t.Helper()
	if d <= 0 {
		d = executor.DefaultPoll
	}
	real := 5 * time.Millisecond
	if s.w.Pass != nil {
		s.w.Pass(d)
		real = 0
	}
	select {
	case <-ctx.Done():
		s.t.Fatalf("%s within %v; last error: %v", what, s.h.Patience, err)
	case <-time.After(real):
	}
}

func (s *suite) wantStarts(id string, want int) {
	s.t.Helper()
	if got := s.w.Starts(id); got != want {
		s.t.Errorf("%s was begun %d times, want %d", id, got, want)
	}
}

func (s *suite) wantStatus(r executor.Report, want pipeline.Status) {
	s.t.Helper()
	if r.Status != want {
		s.t.Errorf("ended as %s (%s), want %s", r.Status, r.Summary, want)
	}
}

func (s *suite) wantSame(before, after executor.Report) {
	s.t.Helper()
	if diff := cmp.Diff(before, after); diff != "" {
		s.t.Errorf("a final report changed (-before +after):\n%s", diff)
	}
}
