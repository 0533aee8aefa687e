package rehearse

import (
	"context"
	"fmt"
	"sync"
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
	begun   sync.Once     // tells the engine
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
		report := r.followShown(a, request)
		r.tell(moved{last: true, id: c.ID, report: &report, fact: pipeline.ActionSettled{
			At: r.Now(), ID: c.ID, Status: report.Status, Summary: report.Summary, ExternalID: report.ExternalID, URL: report.URL,
			Variables: report.Variables, Artifacts: report.Artifacts, Image: report.Image,
		}})
	}()
}

// followShown follows an action, and shows all that it writes: some executors do everything before Start returns.
func (r *run) followShown(a *action, q executor.Request) executor.Report {
	e, err := r.Executors.Lookup(q.Uses)
	if err != nil {
		return executor.Report{Status: pipeline.Failed, Summary: err.Error()}
	}
	logged, ok := e.(executor.Logged)
	if !ok {
		return r.follow(a, e, q)
	}
	done, shown := make(chan struct{}), make(chan struct{})
	go func() { defer close(shown); r.show(a, logged, q, done) }()
	defer func() { close(done); <-shown }()
	return r.follow(a, e, q)
}

// follow drives an action to its end: start it, ask how it is, stop it when it is to end.
func (r *run) follow(a *action, e executor.Executor, q executor.Request) executor.Report {
	failed := func(err error) executor.Report { return executor.Report{Status: pipeline.Failed, Summary: err.Error()} }
	handle, err := r.begin(a, e, q)
	if err != nil {
		return failed(err)
	}
	if handle == "" {
		return executor.Report{Status: pipeline.Stopped, Summary: "stopped before it was under way"}
	}
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
			r.tellProgress(a, moved{id: q.ID, report: &report})
		}
		r.pause(a, told)
	}
}

// begin starts an action, and tries again while the executor cannot for now. An empty handle: it is not to begin.
func (r *run) begin(a *action, e executor.Executor, q executor.Request) (string, error) {
	for failures := 1; ; failures++ {
		handle, err := r.startOnce(a, e, q)
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

// startOnce calls Start, and lets go of it when the action is to end and Start would do all of it.
func (r *run) startOnce(a *action, e executor.Executor, q executor.Request) (string, error) {
	ctx := r.work
	if _, ok := e.(executor.AtOnce); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		go func() {
			select {
			case <-a.stopped:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return e.Start(ctx, q)
}

// showAtOnce is how many bytes of a log are read in one go.
const showAtOnce = 64 << 10

// show tells what an action writes, until done is closed and all has been read.
func (r *run) show(a *action, e executor.Logged, q executor.Request, done <-chan struct{}) {
	tick := time.NewTicker(r.Poll)
	defer tick.Stop()
	at, over := executor.LogPlace{}, false
	for {
		select {
		case <-done:
			over = true
		case <-tick.C:
		}
		for {
			part, err := e.ReadLog(r.work, q, at, showAtOnce)
			if err != nil {
				break // it has written nothing yet
			}
			at = part.Next
			if len(part.Text) > 0 {
				r.tellProgress(a, moved{id: q.ID, log: &part})
			}
			if len(part.Text) == 0 || part.Ended {
				break
			}
		}
		if over {
			return
		}
	}
}

// tellProgress tells something about an action that goes on, and the first time that it has begun.
func (r *run) tellProgress(a *action, m moved) {
	a.begun.Do(func() {
		begun := pipeline.ActionStarted{At: r.Now(), ID: m.id}
		if m.report != nil {
			begun.ExternalID, begun.URL = m.report.ExternalID, m.report.URL
		}
		m.fact = begun
	})
	r.tell(m)
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
