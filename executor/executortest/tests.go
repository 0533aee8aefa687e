package executortest

import (
	"context"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

func (s *suite) check() {
	if err := s.e.Check(s.request(Succeeds, "ex-1-1-1").With); err != nil {
		s.t.Errorf("Check refuses what works: %v", err)
	}
	for key, with := range s.h.Wrong {
		err := s.e.Check(with)
		switch {
		case err == nil:
			s.t.Errorf("Check accepts %v", with)
		case !strings.Contains(err.Error(), key):
			s.t.Errorf("Check of %v: %q does not name %s", with, err, key)
		}
	}
}

func (s *suite) ends(scenario Scenario, want pipeline.Status) {
	r := s.request(scenario, "ex-1-1-1")
	handle, err := s.e.Start(s.t.Context(), r)
	if s.h.Instant && want == pipeline.Failed && err != nil {
		if !executor.IsPermanent(err) {
			s.t.Errorf("Start: %v is not permanent", err)
		}
		return
	}
	if err != nil {
		s.t.Fatalf("Start: %v", err)
	}
	if !s.h.Instant {
		report, err := s.e.Status(s.t.Context(), r, handle)
		if err == nil && s.w.Finish != nil && report.Status != pipeline.InProgress {
			s.t.Errorf("is %s before it was let finish", report.Status)
		}
	}
	s.finish(r)
	report := s.wait(s.e, r, handle)
	s.wantStatus(report, want)
	s.wantStarts(r.ID, 1)
	if want == pipeline.Failed && report.Summary == "" {
		s.t.Error("a failure without a summary tells nobody anything")
	}
}

func (s *suite) impossible() {
	r := s.request(Impossible, "ex-1-1-1")
	handle, err := s.e.Start(s.t.Context(), r)
	if err != nil {
		if !executor.IsPermanent(err) {
			s.t.Errorf("Start: %v is not permanent, so it would be tried for ever", err)
		}
		return
	}
	s.wantStatus(s.wait(s.e, r, handle), pipeline.Failed)
}

func (s *suite) startTwice() {
	r := s.request(Succeeds, "ex-1-1-1")
	first := s.start(r)
	for name, e := range map[string]executor.Executor{"same instance": s.e, "new instance": s.instance()} {
		if again := s.startUntil(e, s.again(r)); again != first {
			s.t.Errorf("%s: Start again returned handle %q, was %q", name, again, first)
		}
	}
	s.finish(r)
	s.wantStatus(s.wait(s.e, r, first), pipeline.Succeeded)
	s.wantStarts(r.ID, 1)
}

func (s *suite) startAfterEnd() {
	r := s.request(Succeeds, "ex-1-1-1")
	handle := s.start(r)
	s.finish(r)
	s.wantStatus(s.wait(s.e, r, handle), pipeline.Succeeded)
	e := s.instance()
	if again := s.startUntil(e, s.again(r)); again != handle {
		s.t.Errorf("Start after the end returned handle %q, was %q", again, handle)
	}
	s.wantStatus(s.wait(e, r, handle), pipeline.Succeeded)
	s.wantStarts(r.ID, 1)
}

func (s *suite) restart() {
	r := s.request(Succeeds, "ex-1-1-1")
	handle := s.start(r)
	report, err := s.instance().Status(s.t.Context(), r, handle)
	if err != nil || s.w.Finish != nil && report.Status != pipeline.InProgress {
		s.t.Errorf("Status on a new instance: %s, %v; want it to be running", report.Status, err)
	}
	s.finish(r)
	s.wantStatus(s.wait(s.instance(), r, handle), pipeline.Succeeded)
	s.wantStarts(r.ID, 1)
}

func (s *suite) finalStays() {
	for i, scenario := range []Scenario{Succeeds, Fails} {
		r := s.request(scenario, pipeline.ActionID("ex", 1, i+1, 1))
		handle, err := s.e.Start(s.t.Context(), r)
		if err != nil {
			continue // instant executors say it at once; "fails" looks at that
		}
		s.finish(r)
		first := s.wait(s.e, r, handle)
		if s.w.Pass != nil {
			s.w.Pass(24 * time.Hour)
		}
		for range 2 {
			later, err := s.instance().Status(s.t.Context(), r, handle)
			if err != nil {
				s.t.Fatalf("Status after the end: %v", err)
			}
			s.wantSame(first, later)
		}
	}
}

func (s *suite) stop() {
	for i, stopper := range []executor.Executor{s.e, s.instance()} {
		r := s.request(Succeeds, pipeline.ActionID("ex", 1, i+1, 1))
		handle := s.start(r)
		for range 2 {
			s.stopUntil(stopper, r, handle)
		}
		report := s.wait(stopper, r, handle)
		s.wantStatus(report, pipeline.Stopped)
		fresh := s.instance()
		s.stopUntil(fresh, r, handle)
		s.wantSame(report, s.wait(fresh, r, handle))
	}
}

func (s *suite) stopAfterEnd() {
	r := s.request(Succeeds, "ex-1-1-1")
	handle := s.start(r)
	s.finish(r)
	first := s.wait(s.e, r, handle)
	s.stopUntil(s.e, r, handle)
	s.wantSame(first, s.wait(s.instance(), r, handle))
}

func (s *suite) twoAtOnce() {
	one, two := s.request(Succeeds, "ex-1-1-1"), s.request(Succeeds, "ex-1-2-1")
	first, second := s.start(one), s.start(two)
	s.wantStarts(one.ID, 1) // what is stopped before its first command has not begun
	s.stopUntil(s.e, one, first)
	s.finish(two)
	s.wantStatus(s.wait(s.e, two, second), pipeline.Succeeded)
	s.wantStatus(s.wait(s.e, one, first), pipeline.Stopped)
	s.wantStarts(one.ID, 1)
	s.wantStarts(two.ID, 1)
}

func (s *suite) disturbance() {
	if s.w.Disturb == nil {
		return
	}
	r := s.request(Succeeds, "ex-1-1-1")
	restore := s.w.Disturb()
	handle, err := s.e.Start(s.t.Context(), r)
	if err == nil {
		report, statusErr := s.e.Status(s.t.Context(), r, handle)
		if statusErr == nil && report.Status.Final() {
			s.t.Errorf("ended as %s (%s) while the service was disturbed", report.Status, report.Summary)
		}
		err = statusErr
	}
	if executor.IsPermanent(err) {
		s.t.Errorf("a disturbance that passes is a permanent error: %v", err)
	}
	restore()
	if handle == "" {
		handle = s.startUntil(s.instance(), s.again(r))
	}
	restore = s.w.Disturb()
	if report, err := s.e.Status(s.t.Context(), r, handle); executor.IsPermanent(err) || err == nil && report.Status == pipeline.Failed {
		s.t.Errorf("Status while the service was disturbed: %s, %v", report.Status, err)
	}
	restore()
	s.finish(r)
	s.wantStatus(s.wait(s.e, r, handle), pipeline.Succeeded)
	s.wantStarts(r.ID, 1)
}

// stopUntil repeats Stop as the caller does, until it works.
func (s *suite) stopUntil(e executor.Executor, r executor.Request, handle string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), s.h.Patience)
	defer cancel()
	for {
		err := e.Stop(ctx, r, handle)
		if err == nil {
			return
		}
		if executor.IsPermanent(err) {
			s.t.Fatalf("Stop: %v", err)
		}
		s.pass(ctx, 0, "Stop did not work", err)
	}
}

// startUntil repeats Start as the caller does, until it works.
func (s *suite) startUntil(e executor.Executor, r executor.Request) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), s.h.Patience)
	defer cancel()
	for {
		handle, err := e.Start(ctx, r)
		if err == nil {
			return handle
		}
		if executor.IsPermanent(err) {
			s.t.Fatalf("Start: %v", err)
		}
		s.pass(ctx, 0, "Start did not work", err)
	}
}

func (s *suite) lostAnswer() {
	if s.w.LoseAnswer == nil {
		return
	}
	r := s.request(Succeeds, "ex-1-1-1")
	s.w.LoseAnswer()
	if _, err := s.e.Start(s.t.Context(), r); executor.IsPermanent(err) {
		s.t.Fatalf("a lost answer is a permanent error: %v", err)
	}
	handle := s.startUntil(s.instance(), s.again(r))
	s.finish(r)
	s.wantStatus(s.wait(s.e, r, handle), pipeline.Succeeded)
	s.wantStarts(r.ID, 1)
}

func (s *suite) rings() {
	if !s.h.Rings {
		return
	}
	r := s.request(Succeeds, "ex-1-1-1")
	handle := s.start(r)
	s.finish(r)
	ctx, cancel := context.WithTimeout(s.t.Context(), s.h.Patience)
	defer cancel()
	for {
		ids, err := s.bell.Wait(ctx)
		if err != nil {
			s.t.Fatalf("the bell did not ring within %v", s.h.Patience)
		}
		for _, id := range ids {
			if id != r.ID {
				s.t.Errorf("the bell rang for %q", id)
			}
		}
		if report, err := s.e.Status(ctx, r, handle); err == nil && report.Status.Final() {
			s.wantStatus(report, pipeline.Succeeded)
			return
		}
	}
}

// cancelled: a context that has ended says nothing about the action.
func (s *suite) cancelled() {
	r := s.request(Succeeds, "ex-1-1-1")
	ctx, cancel := context.WithCancel(s.t.Context())
	cancel()
	handle, err := s.e.Start(ctx, r)
	if executor.IsPermanent(err) {
		s.t.Errorf("Start with a cancelled context is a permanent error: %v", err)
	}
	if err != nil {
		handle = s.startUntil(s.instance(), s.again(r))
	}
	if _, err := s.e.Status(ctx, r, handle); executor.IsPermanent(err) {
		s.t.Errorf("Status with a cancelled context is a permanent error: %v", err)
	}
	s.finish(r)
	s.wantStatus(s.wait(s.e, r, handle), pipeline.Succeeded)
	s.wantStarts(r.ID, 1)
}
