// Package rehearse runs a pipeline outside of a server: on the machine of somebody who wants to know what it does. The
// engine and the executors are the server's. What differs is told: nothing is reported to GitHub, no environment is locked,
// and actions that the outside would notice are left out unless they are asked for (Choose).
//
// An execution lives as long as the call of Run, and its state is in memory only. When the context ends, the actions under
// way are stopped and waited for.
package rehearse

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// Options are what a run needs.
type Options struct {
	// Executors carry out the actions.
	Executors *executor.Registry
	// Bell is rung by executors when an action has moved, so that nobody waits for the poll.
	Bell *executor.Bell
	// Request makes of the engine's wish what the executor is told.
	Request func(pipeline.StartAction) executor.Request
	// Resolve finds the digest of an image; empty: there is none.
	Resolve func(ctx context.Context, reference string) (digest string, err error)
	// Approver gives the approvals that were not left out.
	Approver pipeline.Actor
	// Changed is called after each change of the state, Reported after each look at an action that runs, and Wrote with each part of
	// what an action writes whose executor is executor.Logged: all of it, before the last report. They are called by one goroutine.
	Changed  func(pipeline.State)
	Reported func(id string, r executor.Report)
	Wrote    func(id string, part executor.LogPart)
	Now      func() time.Time
	// Poll is how often a running action is looked at when nobody rings. Defaults to 500 ms.
	Poll time.Duration
}

// stopGrace is how long stopped actions are waited for.
const stopGrace = 30 * time.Second

// ErrInterrupted says that the context ended the run.
var ErrInterrupted = errors.New("interrupted")

// moved is what a goroutine tells the run.
type moved struct {
	fact   pipeline.Fact
	id     string
	log    *executor.LogPart
	report *executor.Report
	last   bool // the goroutine has nothing more to tell
}

// run is one Run under way. Only the goroutine of Run touches it, apart from the channel.
type run struct {
	Options
	work    context.Context //nolint:containedctx // executors must be told to stop after the caller's context has ended
	state   pipeline.State
	news    chan moved
	actions map[string]*action // under way, by ID
	pending int                // goroutines that will still tell something
	wake    *time.Timer
}

// Run runs a pipeline to its end and returns the state it ended in, whatever that is. The error is ErrInterrupted, or says
// that the engine could not go on.
func Run(ctx context.Context, in pipeline.Input, o Options) (pipeline.State, error) {
	if o.Poll <= 0 {
		o.Poll = 500 * time.Millisecond
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	r := &run{Options: o, work: work, state: pipeline.New(in, o.Now()), news: make(chan moved), actions: map[string]*action{}, wake: time.NewTimer(time.Hour)}
	defer r.wake.Stop()
	ringing := make(chan struct{})
	go func() { defer close(ringing); r.listen(work) }()
	defer func() { cancel(); <-ringing }()

	err := r.take(pipeline.Started{At: o.Now()})
	stop, grace := ctx.Done(), (<-chan time.Time)(nil)
	for err == nil && (!r.state.Status.Final() || r.pending > 0) {
		select {
		case m := <-r.news:
			err = r.hear(m)
		case <-r.wake.C:
			err = r.take(pipeline.Ticked{At: o.Now()})
		case <-stop:
			stop, grace = nil, time.After(stopGrace)
			if !r.state.Status.Final() {
				err = r.take(pipeline.CancelRequested{At: o.Now(), By: o.Approver, Reason: ErrInterrupted.Error()})
			}
		case <-grace:
			err = errors.New("an action did not stop")
		}
	}
	cancel()
	for r.pending > 0 { // their context has ended
		if m := <-r.news; m.last {
			r.pending--
		}
	}
	switch {
	case err != nil:
		return r.state, err
	case ctx.Err() != nil && r.state.Status != pipeline.Succeeded:
		return r.state, ErrInterrupted
	}
	return r.state, nil
}

// listen wakes the goroutines of actions whose executor rang. Their own poll finds out anyway.
func (r *run) listen(ctx context.Context) {
	for {
		ids, err := r.Bell.Wait(ctx)
		if err != nil {
			return
		}
		for _, id := range ids {
			select {
			case r.news <- moved{id: id}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// hear takes in what a goroutine told.
func (r *run) hear(m moved) error {
	if m.last {
		r.pending--
		delete(r.actions, m.id)
	}
	if m.log != nil {
		r.Wrote(m.id, *m.log)
	}
	if m.report != nil {
		r.Reported(m.id, *m.report)
	}
	if m.fact != nil {
		return r.take(m.fact)
	}
	if a := r.actions[m.id]; a != nil && m.log == nil && m.report == nil {
		a.ring()
	}
	return nil
}

// take tells the engine a fact and does what follows.
func (r *run) take(fact pipeline.Fact) error {
	for facts := []pipeline.Fact{fact}; len(facts) > 0; facts = facts[1:] {
		state, commands, err := pipeline.Advance(r.state, facts[0])
		if err != nil {
			return fmt.Errorf("%T: %w", facts[0], err)
		}
		r.state = state
		r.Changed(state)
		for _, c := range commands {
			if more := r.carryOut(c); more != nil {
				facts = append(facts, more)
			}
		}
	}
	return nil
}

// carryOut does what the engine asks for. What is settled at once gives a fact to go on with.
func (r *run) carryOut(c pipeline.Command) pipeline.Fact {
	switch c := c.(type) {
	case pipeline.StartAction:
		r.start(c)
	case pipeline.StopAction:
		if a := r.actions[c.ID]; a != nil {
			a.end()
		}
	case pipeline.ResolveImage:
		r.pending++
		go r.resolve(c.Reference)
	case pipeline.OpenApproval:
		return pipeline.Approved{
			At: r.Now(), ID: c.ID, By: []pipeline.Actor{r.Approver}, SHA: c.SHA, Digest: c.Digest, ConfigHash: c.ConfigHash,
		}
	case pipeline.AwaitRequest:
		return pipeline.PromotionRequested{At: r.Now(), ID: c.ID, By: r.Approver}
	case pipeline.WakeAt:
		r.wake.Reset(c.At.Sub(r.Now()))
	}
	return nil
}

// resolve asks which digest a tag points at.
func (r *run) resolve(reference string) {
	digest, err := r.Resolve(r.work, reference)
	switch {
	case err != nil:
		r.tell(moved{last: true, fact: pipeline.ImageUnresolved{At: r.Now(), Reference: reference, Reason: err.Error()}})
	case digest == "":
		r.tell(moved{last: true, fact: pipeline.ImageUnresolved{At: r.Now(), Reference: reference, Reason: "the pipeline has not pushed " + reference}})
	default:
		r.tell(moved{last: true, fact: pipeline.ImageResolved{At: r.Now(), Reference: reference, Digest: digest}})
	}
}

// tell hands something to the goroutine of Run, which listens until every goroutine has told its last.
func (r *run) tell(m moved) { r.news <- m }
