package appspec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluicehq/sluice/executor"
)

// step is one event on one side of a host, with the revision whose scripts it runs.
type step struct {
	event    Event
	side     sideName
	revision *revision // nil: the event has none, and is skipped
}

// visit is one pass over a host: a list of events for a revision.
type visit struct {
	d     *deployment
	host  int
	on    host
	state hostState
	phase phase
	to    revision // what is installed
	side  sideName // where
}

// installing are the events that bring a revision to a side: in place also those that take the host out of traffic and let it in
// again, where there is a switch for it.
func (v *visit) installing() []step {
	var out []step
	last := v.state.Sides[v.side].Last
	for _, e := range Lifecycle(v.d.plan.Traffic.set()) {
		r := &v.to
		if e.OfLastRevision() {
			r = last
		}
		out = append(out, step{e, v.side, r})
	}
	return out
}

// switching are the events that let traffic to a side, and then take it from the other: there is nothing to take from a side
// that never had a revision.
func (v *visit) switching(to sideName) []step {
	var out []step
	for _, e := range []Event{BeforeAllowTraffic, AllowTraffic, AfterAllowTraffic} {
		out = append(out, step{e, to, v.state.Sides[to].Last})
	}
	if from := v.state.Sides[to.other()].Last; from != nil {
		for _, e := range []Event{BeforeBlockTraffic, BlockTraffic, AfterBlockTraffic} {
			out = append(out, step{e, to.other(), from})
		}
	}
	return out
}

// walk goes through events until one fails. What was done before, by a supervisor that is gone, is not done again.
func (v *visit) walk(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if before := v.d.notes.done(v.host, v.phase, s.side, s.event); before != nil {
			switch {
			case before.Status == Succeeded || before.Status == Skipped:
				continue
			case before.Status != InProgress:
				return errors.New(before.Message)
			case !s.event.Fixed():
				return v.cutOff(*before)
			}
		}
		if err := v.event(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// cutOff settles an event whose scripts were running when the supervisor was killed: nobody knows what they have done, so
// they are not run again.
func (v *visit) cutOff(r eventResult) error {
	v.on.sweep(v.mark(r.Side, r.Event))
	r.Status, r.Ended = Unknown, time.Now()
	r.Message = fmt.Sprintf("%s: %s was cut off, and whether its scripts did their work is not known", r.Event, UnknownError)
	if err := v.d.notes.note(v.host, r); err != nil {
		return err
	}
	return errors.New(r.Message)
}

// mark is a variable that only the processes of one event have.
func (v *visit) mark(s sideName, e Event) string {
	return fmt.Sprintf("SLUICE_EVENT=%s/%s/%s/%s/%s", v.d.plan.ID, v.phase, v.d.plan.Hosts[v.host].Name, s, e)
}

// event carries out one event and writes down how it went.
func (v *visit) event(ctx context.Context, s step) error {
	r := eventResult{Phase: v.phase, Side: s.side, Event: s.event, Status: InProgress, Started: time.Now()}
	scripts := []Script(nil)
	if s.revision != nil {
		scripts = s.revision.Spec.Hooks[s.event]
	}
	probed := s.event == ValidateService && v.d.plan.Probe.set()
	if !s.event.Fixed() && len(scripts) == 0 && !probed {
		r.Status, r.Ended = Skipped, r.Started
		return v.d.notes.note(v.host, r)
	}
	if err := v.d.notes.note(v.host, r); err != nil {
		return err
	}
	err := v.carryOut(ctx, s, scripts)
	r.Ended, r.Status = time.Now(), Succeeded
	if err != nil && s.event.OfLastRevision() && v.d.plan.IgnoreStop && ctx.Err() == nil {
		v.logf("%s failed and is ignored: %v", s.event, err)
		r.Message, err = "ignored: "+err.Error(), nil
	}
	if err != nil {
		if v.d.ctx.Err() != nil {
			return err // the host goes down: the next supervisor finds the event under way
		}
		r.Status, r.Message = Failed, fmt.Sprintf("%s: %s", s.event, executor.OneLine(err.Error()))
		v.logf("%s", r.Message)
		err = errors.New(r.Message)
	}
	return errors.Join(err, v.d.notes.note(v.host, r))
}

// carryOut does what an event is about.
func (v *visit) carryOut(ctx context.Context, s step, scripts []Script) error {
	switch s.event {
	case DownloadBundle:
		return v.on.download(ctx, s.revision.Deployment, v.d.bundle(s.revision.Deployment))
	case Install:
		return v.install(ctx, s)
	case AllowTraffic, BlockTraffic:
		if v.d.plan.Traffic.set() {
			return v.d.plan.Traffic.turn(ctx, v.on, s.event == AllowTraffic)
		}
		if s.event == BlockTraffic {
			return nil // allowing the other side has taken it
		}
		if err := v.on.allow(ctx, s.side); err != nil {
			return err
		}
		v.state.Live = s.side
		return v.on.save(ctx, v.state)
	}
	left := MaxEventTime
	for _, script := range scripts {
		v.logf("%s: %s", s.event, script.Location)
		began := time.Now()
		if err := v.script(ctx, s, script, min(script.Timeout, left)); err != nil {
			return err
		}
		left = max(left-time.Since(began), time.Second)
	}
	if s.event == ValidateService && v.d.plan.Probe.set() {
		if err := v.d.plan.Probe.of(v.d.plan.Hosts[v.host].Address).await(ctx); err != nil {
			return fmt.Errorf("the probe failed: %w", err)
		}
	}
	return nil
}

func (v *visit) install(ctx context.Context, s step) error {
	return v.on.install(ctx, s.side, *s.revision, v.state.Sides[s.side].Installed, func(all []string) error {
		at := v.state.Sides[s.side]
		at.Installed = all
		v.state.Sides[s.side] = at
		return v.on.save(ctx, v.state)
	})
}

// script runs one script; the last line that it wrote is part of the error, since it mostly says why.
func (v *visit) script(ctx context.Context, s step, script Script, timeout time.Duration) error {
	env := append(slices.Clone(v.d.plan.Env),
		"APPLICATION_NAME="+v.d.plan.Application, "DEPLOYMENT_ID="+v.d.plan.ID,
		"DEPLOYMENT_GROUP_NAME="+v.d.plan.GroupName, "DEPLOYMENT_GROUP_ID="+v.d.plan.GroupID, "LIFECYCLE_EVENT="+string(s.event),
		"BUNDLE_COMMIT="+s.revision.Commit, "SLUICE_HOST="+v.d.plan.Hosts[v.host].Name, "SLUICE_SIDE="+string(s.side), "SLUICE_VERSION="+s.revision.Version,
		v.mark(s.side, s.event))
	last, err := v.on.run(ctx, execution{bundle: s.revision.Deployment, script: script, side: s.side, env: env, timeout: timeout,
		prefix: fmt.Sprintf("[%s] ", v.d.plan.Hosts[v.host].Name)})
	if err == nil || last == "" {
		return wrapScript(script, err)
	}
	return wrapScript(script, fmt.Errorf("%w: %s", err, last))
}

func wrapScript(s Script, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", s.Location, err)
}

func (v *visit) logf(format string, args ...any) {
	_, _ = fmt.Fprintf(v.d.starter.session, "[%s] %s\n", v.d.plan.Hosts[v.host].Name, fmt.Sprintf(format, args...))
}
