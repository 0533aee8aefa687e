package rehearse

import (
	"fmt"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// mostFailures is how often in a row an executor may fail to answer before the action counts as failed. A server asks on
// for hours; somebody who waits would rather know.
const mostFailures = 5

// action is an action under way.
type action struct {
	rung    chan struct{} // holds one ring
	stopped chan struct{} // closed when it is to end
}

func (a *action) ring() {
	select {
	case a.rung <- struct{}{}:
	default:
	}
}

func (a *action) end() {
	select {
	case <-a.stopped:
	default:
		close(a.stopped)
	}
}

// start begins an action in a goroutine that follows it to its end.
func (r *run) start(c pipeline.StartAction) {
	a := &action{rung: make(chan struct{}, 1), stopped: make(chan struct{})}
	r.actions[c.ID] = a
	r.pending++
	request := r.Request(c)
	request.RequestedAt = r.Now()
	go func() {
		report := r.follow(a, request)
		r.tell(moved{last: true, id: c.ID, report: &report, fact: pipeline.ActionSettled{
			At: r.Now(), ID: c.ID, Status: report.Status, Summary: report.Summary, ExternalID: report.ExternalID, URL: report.URL,
			Variables: report.Variables, Artifacts: report.Artifacts, Image: report.Image,
		}})
	}()
}

// follow drives an action to its end: start it, ask how it is, stop it when it is to end.
func (r *run) follow(a *action, q executor.Request) executor.Report {
	failed := func(err error) executor.Report { return executor.Report{Status: pipeline.Failed, Summary: err.Error()} }
	e, err := r.Executors.Lookup(q.Uses)
	if err != nil {
		return failed(err)
	}
	handle, err := r.begin(a, e, q)
	if err != nil {
		return failed(err)
	}
	if handle == "" {
		return executor.Report{Status: pipeline.Stopped, Summary: "stopped before it began"}
	}
	started := false
	told := a.stopped // nil once the executor knows
	for failures := 0; ; {
		select {
		case <-told:
			if err := e.Stop(r.work, q, handle); err == nil {
				told = nil
			}
		default:
		}
		report, err := e.Status(r.work, q, handle)
		switch {
		case executor.IsPermanent(err):
			return failed(err)
		case err != nil:
			if failures++; failures >= mostFailures || r.work.Err() != nil {
				return failed(fmt.Errorf("it does not say how it is: %w", err))
			}
		case report.Status.Final():
			return report
		default:
			failures = 0
			m := moved{id: q.ID, report: &report}
			if !started {
				started, m.fact = true, pipeline.ActionStarted{At: r.Now(), ID: q.ID, ExternalID: report.ExternalID, URL: report.URL}
			}
			r.tell(m)
		}
		r.pause(a, told)
	}
}

// begin starts an action, and tries again while the executor cannot for now. An empty handle: it is not to begin.
func (r *run) begin(a *action, e executor.Executor, q executor.Request) (string, error) {
	for failures := 1; ; failures++ {
		handle, err := e.Start(r.work, q)
		if err == nil || executor.IsPermanent(err) || failures == mostFailures || r.work.Err() != nil {
			return handle, err
		}
		q.StartTried = r.Now()
		r.pause(a, a.stopped)
		select {
		case <-a.stopped:
			return "", nil
		default:
		}
	}
}

// pause waits until there may be something new about an action.
func (r *run) pause(a *action, stopped <-chan struct{}) {
	timer := time.NewTimer(r.Poll)
	defer timer.Stop()
	select {
	case <-a.rung:
	case <-stopped:
	case <-timer.C:
	case <-r.work.Done():
	}
}
