package bot

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// pushing is an executor that does all of an action before Start returns, which takes until its context ends, or until it has done
// enough.
type pushing struct {
	counting
	begun  chan struct{}
	enough chan struct{}
}

func (p *pushing) AtOnce() {}

func (p *pushing) Start(ctx context.Context, _ executor.Request) (string, error) {
	close(p.begun)
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-p.enough:
		return "pushed", nil
	case <-time.After(90 * time.Second):
		return "", errors.New("nobody called it off")
	}
}

// preparing is an executor that takes long before anything begins. What it is told to stop has not begun.
type preparing struct {
	*pushing
	stopped bool
}

func (p *preparing) AtOnce(int) {} // it is not executor.AtOnce

func (p *preparing) Prepares() {}

func (p *preparing) Stop(context.Context, executor.Request, string) error {
	p.stopped = true
	return nil
}

func (p *preparing) Status(context.Context, executor.Request, string) (executor.Report, error) {
	if p.stopped {
		return executor.Report{Status: pipeline.Stopped, Summary: "stopped before it began"}, nil
	}
	return executor.Report{Status: pipeline.Succeeded}, nil
}

// An action that is carried out or prepared within Start ends when somebody asks for that, and not when it is done.
func TestStopIsHeardWithinStart(t *testing.T) {
	for name, tc := range map[string]struct {
		prepares, stop bool
		want           executor.Report
	}{
		"somebody asks":               {false, true, executor.Report{Status: pipeline.Stopped, Summary: "stopped while it was under way"}},
		"nobody asks":                 {false, false, executor.Report{Status: pipeline.Succeeded}},
		"somebody asks, before it is": {true, true, executor.Report{Status: pipeline.Stopped, Summary: "stopped before it began"}},
		"nobody asks, before it is":   {true, false, executor.Report{Status: pipeline.Succeeded}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			x := &pushing{begun: make(chan struct{}), enough: make(chan struct{})}
			var e executor.Executor = x
			if tc.prepares {
				e = &preparing{pushing: x}
			}
			l.b.Executors = executor.NewRegistry(map[string]executor.Executor{"image": e})
			raw, err := json.Marshal(executor.Request{Uses: "image", RepoID: 42})
			must(t, err)
			run := store.ActionRun{ID: "x1-1-1-1", ExecutionID: "x1", RepoID: 42, Request: raw, Intended: true}
			l.write(func(tx *store.Tx) error { return tx.SaveActionRun(t.Context(), run) })
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_ = l.b.workAction(t.Context(), queue.Job{Kind: jobAction, Payload: json.RawMessage(`{"action":"x1-1-1-1"}`)})
			}()
			<-x.begun
			if !tc.stop {
				close(x.enough)
			} else {
				l.write(func(tx *store.Tx) error {
					now, err := tx.ActionRun(t.Context(), run.ID)
					now.Stop = true
					if err != nil {
						return err
					}
					return tx.SaveActionRun(t.Context(), now)
				})
			}
			<-ended
			var got executor.Report
			must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) error {
				now, err := tx.ActionRun(t.Context(), run.ID)
				if err != nil {
					return err
				}
				if !now.Final {
					t.Error("the action has not ended")
				}
				return json.Unmarshal(now.Report, &got)
			}))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// refusesToPrepare is an executor that refuses to prepare anything, before anybody could look whether it is still wanted.
type refusesToPrepare struct{ preparing }

func (*refusesToPrepare) Start(context.Context, executor.Request) (string, error) {
	return "", &forge.RefusedError{Status: 422, Message: "not allowed here"}
}

// What was to stop before its preparation was begun is heard to be, however soon that is refused: there is nobody else to end it.
func TestStopIsHeardBeforeARefusal(t *testing.T) {
	l := newLab(t, "")
	for range 20 {
		e := &refusesToPrepare{}
		l.b.Executors = executor.NewRegistry(map[string]executor.Executor{"appspec": e})
		raw, err := json.Marshal(executor.Request{Uses: "appspec", RepoID: 42})
		must(t, err)
		run := store.ActionRun{ID: store.NewID(), ExecutionID: "x1", RepoID: 42, Request: raw, Intended: true, Stop: true, TriedAt: noon}
		l.write(func(tx *store.Tx) error { return tx.SaveActionRun(t.Context(), run) })
		report, err := l.b.drive(t.Context(), &run)
		if err != nil || report.Status != pipeline.Stopped {
			t.Fatalf("it is %s (%v), want it stopped", report.Status, err)
		}
	}
}

// timed is an executor that tells how long its Start may take.
type timed struct {
	counting
	left chan time.Duration
}

func (e *timed) Start(ctx context.Context, _ executor.Request) (string, error) {
	ends, _ := ctx.Deadline()
	e.left <- time.Until(ends)
	return "handle", nil
}

type timedAtOnce struct{ *timed }

func (timedAtOnce) AtOnce() {}

type timedPrepares struct{ *timed }

func (timedPrepares) Prepares() {}

// What is carried out or prepared within Start, such as the copy of a large image, has all the time that an action may be given; from
// others an answer is expected soon.
func TestHowLongStartMayTake(t *testing.T) {
	l := newLab(t, "")
	e := &timed{left: make(chan time.Duration, 1)}
	l.b.Executors = executor.NewRegistry(map[string]executor.Executor{"promote": timedAtOnce{e}, "appspec": timedPrepares{e}, "ecs": e})
	l.b.Register()
	must(t, l.b.Queue.Start(t.Context()))
	defer func() { must(t, l.b.Queue.Stop(context.Background())) }()
	for uses, long := range map[string]bool{"promote": true, "appspec": true, "ecs": false} {
		raw, err := json.Marshal(executor.Request{Uses: uses, RepoID: 42})
		must(t, err)
		l.write(func(tx *store.Tx) error {
			if err := tx.SaveActionRun(t.Context(), store.ActionRun{ID: uses, ExecutionID: "x1", RepoID: 42, Request: raw, Intended: true}); err != nil {
				return err
			}
			return l.b.Queue.Enqueue(t.Context(), tx, actionJob(uses))
		})
		left := <-e.left
		if is := left > pipeline.MaxTimeout; is != long || left > actionLimit || !is && left > answerLimit {
			t.Errorf("%s: Start may take %s", uses, left)
		}
	}
}
