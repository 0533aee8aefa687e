package rehearse_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/rehearse"
)

// atOnce is an executor that does everything before Start returns, which is when its two lines have been read.
type atOnce struct{ read chan struct{} }

func (e atOnce) Check(map[string]any) error { return nil }

func (e atOnce) Start(ctx context.Context, r executor.Request) (string, error) {
	select {
	case <-e.read:
	case <-ctx.Done():
	}
	return r.ID, ctx.Err()
}

func (e atOnce) ReadLog(_ context.Context, _ executor.Request, from executor.LogPlace, _ int) (executor.LogPart, error) {
	switch from.Offset {
	case 0:
		return executor.LogPart{Text: []byte("one\n"), Next: executor.LogPlace{Section: 1, Offset: 4}}, nil
	case 4:
		return executor.LogPart{Text: []byte("two\n"), Next: executor.LogPlace{Section: 1, Offset: 8}}, nil
	}
	select {
	case <-e.read:
	default:
		close(e.read)
	}
	return executor.LogPart{Next: from}, nil
}

func (e atOnce) Status(context.Context, executor.Request, string) (executor.Report, error) {
	return executor.Report{Status: pipeline.Succeeded, Log: "one\ntwo\nthree\n"}, nil
}

func (e atOnce) Stop(context.Context, executor.Request, string) error { return nil }

// What an action writes before Start returns is shown meanwhile, and that it has begun.
func TestWhatIsWrittenWhileItBegins(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var shown []string
	began := false
	state, err := rehearse.Run(ctx, pipeline.Input{
		ID: "x", SHA: strings.Repeat("1", 40), Definition: pipeline.Definition{
			Kind: pipeline.KindFeature, Mode: pipeline.ModeParallel, Stages: []pipeline.Stage{stage("A", pipeline.Action{Name: "a", Uses: "atonce"})},
		},
	}, rehearse.Options{
		Executors: executor.NewRegistry(map[string]executor.Executor{"atonce": atOnce{make(chan struct{})}}), Bell: executor.NewBell(),
		Request: func(c pipeline.StartAction) executor.Request { return executor.Request{ID: c.ID, Uses: c.Uses} },
		Changed: func(s pipeline.State) { began = began || s.Stages[0].Actions[0].Status == pipeline.InProgress },
		Reported: func(_ string, r executor.Report) {
			shown = append(shown, string(r.Status)+" "+r.Log)
		},
		Now: time.Now, Poll: time.Millisecond,
	})
	if err != nil || state.Status != pipeline.Succeeded || !began {
		t.Errorf("%s, %v; begun: %v", state.Status, err, began)
	}
	if diff := cmp.Diff([]string{"InProgress one\n", "InProgress one\ntwo\n", "Succeeded one\ntwo\nthree\n"}, shown); diff != "" {
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
