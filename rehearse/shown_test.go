package rehearse_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/rehearse"
)

// writing is an executor that writes two lines before Start returns, which is when they have been read, and more until its end: a
// second attempt, of which not all is kept, and what is only there when it has ended.
type writing struct {
	read  chan struct{}
	ended chan struct{}
}

func (w writing) Check(map[string]any) error { return nil }

func (w writing) Start(ctx context.Context, r executor.Request) (string, error) {
	select {
	case <-w.read:
	case <-ctx.Done():
	}
	return r.ID, ctx.Err()
}

func (w writing) ReadLog(_ context.Context, _ executor.Request, from executor.LogPlace, _ int) (executor.LogPart, error) {
	part := func(text string, leftOut int64, section int, offset int64) (executor.LogPart, error) {
		return executor.LogPart{Text: []byte(text), LeftOut: leftOut, Next: executor.LogPlace{Section: section, Offset: offset}}, nil
	}
	switch from {
	case executor.LogPlace{}:
		return part("one\n", 0, 1, 4)
	case executor.LogPlace{Section: 1, Offset: 4}:
		return part("two\n", 0, 1, 8)
	}
	select {
	case <-w.read:
	default:
		close(w.read)
	}
	select {
	case <-w.ended:
	default:
		return executor.LogPart{Next: from}, nil
	}
	switch from {
	case executor.LogPlace{Section: 1, Offset: 8}:
		return part("three\n", 90, 2, 96)
	case executor.LogPlace{Section: 2, Offset: 96}:
		end, err := part("four\n", 0, 2, 101)
		end.Ended = true
		return end, err
	}
	return executor.LogPart{Next: from, Ended: true}, nil
}

func (w writing) Status(context.Context, executor.Request, string) (executor.Report, error) {
	close(w.ended)
	return executor.Report{Status: pipeline.Succeeded, Log: "four\n"}, nil
}

func (w writing) Stop(context.Context, executor.Request, string) error { return nil }

// All that an action writes is shown, once and before its last report, also what it writes before Start returns; and that it has begun.
func TestWhatIsWritten(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var shown []string
	began := false
	state, err := rehearse.Run(ctx, pipeline.Input{
		ID: "x", SHA: strings.Repeat("1", 40), Definition: pipeline.Definition{
			Kind: pipeline.KindFeature, Mode: pipeline.ModeParallel, Stages: []pipeline.Stage{stage("A", pipeline.Action{Name: "a", Uses: "writing"})},
		},
	}, rehearse.Options{
		Executors: executor.NewRegistry(map[string]executor.Executor{"writing": writing{make(chan struct{}), make(chan struct{})}}), Bell: executor.NewBell(),
		Request:  func(c pipeline.StartAction) executor.Request { return executor.Request{ID: c.ID, Uses: c.Uses} },
		Changed:  func(s pipeline.State) { began = began || s.Stages[0].Actions[0].Status == pipeline.InProgress },
		Reported: func(_ string, r executor.Report) { shown = append(shown, string(r.Status)) },
		Wrote: func(id string, part executor.LogPart) {
			shown = append(shown, fmt.Sprintf("%s: %s after %d", id, strings.TrimSpace(string(part.Text)), part.LeftOut))
		},
		Now: time.Now, Poll: time.Millisecond,
	})
	if err != nil || state.Status != pipeline.Succeeded || !began {
		t.Errorf("%s, %v; begun: %v", state.Status, err, began)
	}
	const id = "x-1-1-1"
	want := []string{id + ": one after 0", id + ": two after 0", id + ": three after 90", id + ": four after 0", "Succeeded"}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// endless is an executor that would do everything before Start returns, and for ever.
type endless struct{ begun func() }

func (e endless) AtOnce()                    {}
func (e endless) Check(map[string]any) error { return nil }

func (e endless) Start(ctx context.Context, _ executor.Request) (string, error) {
	e.begun()
	<-ctx.Done()
	return "", ctx.Err()
}

func (e endless) Status(context.Context, executor.Request, string) (executor.Report, error) {
	return executor.Report{}, errors.New("it never began")
}

func (e endless) Stop(context.Context, executor.Request, string) error { return nil }

// Whoever interrupts what does everything before Start returns does not wait for it.
func TestInterruptedWhileItBegins(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stopped []pipeline.Status
	state, err := rehearse.Run(ctx, pipeline.Input{
		ID: "x", SHA: strings.Repeat("1", 40), Definition: pipeline.Definition{
			Kind: pipeline.KindFeature, Mode: pipeline.ModeParallel, Stages: []pipeline.Stage{stage("A", pipeline.Action{Name: "a", Uses: "endless"})},
		},
	}, rehearse.Options{
		Executors: executor.NewRegistry(map[string]executor.Executor{"endless": endless{cancel}}), Bell: executor.NewBell(),
		Request:  func(c pipeline.StartAction) executor.Request { return executor.Request{ID: c.ID, Uses: c.Uses} },
		Changed:  func(pipeline.State) {},
		Reported: func(_ string, r executor.Report) { stopped = append(stopped, r.Status) },
		Now:      time.Now, Poll: time.Hour,
	})
	if !errors.Is(err, rehearse.ErrInterrupted) || state.Status != pipeline.Stopped || state.Stages[0].Actions[0].Status != pipeline.Stopped {
		t.Errorf("%s, %v", state.Status, err)
	}
	if diff := cmp.Diff([]pipeline.Status{pipeline.Stopped}, stopped); diff != "" {
		t.Errorf("reported: -want +got\n%s", diff)
	}
}
