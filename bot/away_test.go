package bot

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// counting is an executor that counts how often it was started.
type counting struct{ started int }

func (c *counting) Check(map[string]any) error { return nil }

func (c *counting) Start(context.Context, executor.Request) (string, error) {
	c.started++
	return "handle", nil
}

func (c *counting) Status(context.Context, executor.Request, string) (executor.Report, error) {
	return executor.Report{Status: pipeline.Succeeded}, nil
}

func (c *counting) Stop(context.Context, executor.Request, string) error { return nil }

// What was approved before the App was suspended does not begin while it is; it does once the App is back.
func TestCase26SuspendedBeforeExecution(t *testing.T) {
	l := newLab(t, "")
	x := &counting{}
	l.b.Executors = executor.NewRegistry(map[string]executor.Executor{"promote": x})
	raw, err := json.Marshal(executor.Request{Uses: "promote", RepoID: 42})
	must(t, err)
	l.write(func(tx *store.Tx) error {
		return tx.SaveActionRun(t.Context(), store.ActionRun{ID: "x1-3-1-1", ExecutionID: "x1", RepoID: 42, Request: raw, Intended: true})
	})
	job := queue.Job{Kind: jobAction, Payload: json.RawMessage(`{"action":"x1-3-1-1"}`)}
	must(t, l.b.installationChanged(t.Context(), event.Installation{Origin: event.Origin{Installation: 7}, Activity: event.Suspended}))
	for range 2 {
		_ = l.b.workAction(t.Context(), job)
	}
	if x.started != 0 {
		t.Fatal("it began while the App was suspended")
	}
	l.write(func(tx *store.Tx) error {
		r, err := tx.Repo(t.Context(), 42)
		r.Gone = ""
		if err != nil {
			return err
		}
		return tx.SaveRepo(t.Context(), r)
	})
	_ = l.b.workAction(t.Context(), job)
	if x.started != 1 {
		t.Errorf("started %d times once the App was back", x.started)
	}
}
