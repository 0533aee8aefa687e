package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
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

// uninstalled is a GitHub on which the App is installed nowhere any more: no access token is to be had.
type uninstalled struct{ *FakeApp }

func (w uninstalled) lacks() error {
	return fmt.Errorf("GET /x: %w", &forge.RefusedError{Status: 404, Permission: true, Message: "it was removed"})
}

func (w uninstalled) Repos(context.Context, int64) ([]forge.Repo, error) { return nil, w.lacks() }

func (w uninstalled) InstallationOf(context.Context, string, string) (int64, error) {
	return 0, forge.ErrNotFound
}

func (w uninstalled) Repo(int64, int64, string, string) GitHub { return closed{err: w.lacks()} }

// closed is a repository that refuses what it is asked.
type closed struct {
	GitHub
	err error
}

func (c closed) Info(context.Context) (forge.Repo, error) { return forge.Repo{}, c.err }

func (c closed) React(context.Context, int64, string) error { return c.err }

func (c closed) Branch(context.Context, string) (forge.Branch, error) { return forge.Branch{}, c.err }

func (c closed) Changes(context.Context, string, string) ([]forge.FileChange, bool, error) {
	return nil, false, c.err
}

// refusing is an executor that GitHub refuses to answer.
type refusing struct {
	counting
	err error
}

func (r *refusing) Status(context.Context, executor.Request, string) (executor.Report, error) {
	return executor.Report{}, executor.Permanent(r.err)
}

// What waits for its turn when the App is taken off ends without being worked on, whichever of it comes first and although nobody
// has told yet: nothing is given up, and what was under way stays as it is.
func TestCase26RemovedWhileWaiting(t *testing.T) {
	work := func(kind, key string, payload any) queue.Job {
		raw, err := json.Marshal(payload)
		must(t, err)
		return queue.Job{Kind: kind, Key: key, Payload: json.RawMessage(raw)}
	}
	told := func(b *Bot, e event.Event) queue.Outcome {
		b.Translate = func(event.Delivery) ([]event.Event, error) { return []event.Event{e}, nil }
		return b.handle(t.Context(), queue.Item{Lane: laneOf(42), Kind: itemDelivery, Delivery: &event.Delivery{ID: "d1", Name: "push"}})
	}
	here := event.Origin{Repo: forge.Repo{ID: 42, Owner: "acme", Name: "shop"}, Installation: 7}
	waiting := map[string]func(*lab) queue.Outcome{
		"a look at everything": func(l *lab) queue.Outcome {
			return l.b.handle(t.Context(), queue.Item{Lane: laneOf(42), Kind: itemReconcile})
		},
		"a command": func(l *lab) queue.Outcome { return told(l.b, event.Comment{Origin: here, Body: "/status"}) },
		"a push":    func(l *lab) queue.Outcome { return told(l.b, event.Push{Origin: here, Branch: "feature/x"}) },
		"the installation": func(l *lab) queue.Outcome {
			return told(l.b, event.Installation{Origin: here, Activity: event.Created})
		},
		"the removal": func(l *lab) queue.Outcome {
			return told(l.b, event.Installation{Origin: here, Activity: event.Deleted})
		},
		"an action that waits at GitHub": func(l *lab) queue.Outcome {
			return l.b.workAction(t.Context(), work(jobAction, "a", actionFact{ActionID: "a"}))
		},
		"a search for secrets": func(l *lab) queue.Outcome {
			return l.b.workSecrets(t.Context(), work(jobSecrets, "s", secretsPayload{RepoID: 42, SHA: head, Base: "development"}))
		},
	}
	for name, do := range waiting {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			w := uninstalled{l.app}
			l.b.App, l.b.Secrets = w, wordScanner{}
			l.at("master", cut)
			l.at("development", cut)
			l.b.Executors = executor.NewRegistry(map[string]executor.Executor{"checks": &refusing{err: w.lacks()}})
			raw, err := json.Marshal(executor.Request{Uses: "checks", RepoID: 42})
			must(t, err)
			l.write(func(tx *store.Tx) error {
				return errors.Join(
					tx.SaveActionRun(t.Context(), store.ActionRun{ID: "a", ExecutionID: "x1", RepoID: 42, Request: raw, Intended: true, Handle: "since noon"}),
					tx.SaveSecretScan(t.Context(), store.SecretScan{RepoID: 42, SHA: head, Base: "development", BaseSHA: cut}))
			})
			if got := do(l); got.String() != "done" {
				t.Errorf("%s", got)
			}
			var r store.Repo
			var runs []store.ActionRun
			var scans []store.SecretScan
			must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) (err error) {
				r, err = tx.Repo(t.Context(), 42)
				must(t, err)
				runs, err = tx.OpenActionRuns(t.Context(), 42)
				must(t, err)
				scans, err = tx.OpenSecretScans(t.Context(), 42)
				return err
			}))
			if r.Gone == "" || len(runs) != 1 || len(scans) != 1 {
				t.Errorf("gone: %q, %d actions and %d searches under way, want a reason and one of each", r.Gone, len(runs), len(scans))
			}
		})
	}
	t.Run("a repository that was never met", func(t *testing.T) {
		l := newLab(t, "")
		l.b.App = uninstalled{l.app}
		new := event.Origin{Repo: forge.Repo{ID: 43, Owner: "acme", Name: "new"}, Installation: 7}
		if got := told(l.b, event.Push{Origin: new, Branch: "feature/x", Created: true}); got.String() != "done" {
			t.Errorf("%s", got)
		}
	})
}

// An event that is late takes nothing from an installation that works again.
func TestCase26SuspensionToldLate(t *testing.T) {
	for _, activity := range []event.Activity{event.Suspended, event.Deleted} {
		l := newLab(t, "")
		l.app.Installed = []int64{7}
		must(t, l.b.installationChanged(t.Context(), event.Installation{Origin: event.Origin{Installation: 7}, Activity: activity}))
		must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) error {
			r, err := tx.Repo(t.Context(), 42)
			if diff := cmp.Diff("", r.Gone); diff != "" {
				t.Errorf("%s: %s", activity, diff)
			}
			return err
		}))
	}
}

// What was under way goes on when the repository is looked at again.
func TestCase26GoesOn(t *testing.T) {
	l := newLab(t, "")
	l.write(func(tx *store.Tx) error {
		return errors.Join(
			tx.SaveActionRun(t.Context(), store.ActionRun{ID: "a", ExecutionID: "x1", RepoID: 42, Intended: true}),
			tx.SaveSecretScan(t.Context(), store.SecretScan{RepoID: 42, SHA: head, Base: "development"}))
	})
	must(t, l.driveOpen(t.Context()))
	for _, lane := range []string{"action:a", "secrets:42/" + head + "/development"} {
		_, next, err := l.b.Store.ClaimLane(t.Context(), store.JobLane+lane, "somebody", store.Turn{Now: noon.AddDate(1, 0, 0), Lease: time.Minute})
		must(t, err)
		if next.Item == nil {
			t.Errorf("%s is not begun anew", lane)
		}
	}
}
