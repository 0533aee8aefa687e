package githubactions

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/executortest"
	"github.com/sluicehq/sluice/forge"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const workflowFile = `
name: load
run-name: load ${{ inputs.SLUICE_ACTION_ID }}
on:
  workflow_dispatch:
    inputs:
      SLUICE_ACTION_ID: { required: true }
      SLUICE_SHA: {}
      users: { required: true, default: "10" }
      target: {}
jobs: {}
`

// lag is how long a run takes to be listed.
const lag = 30 * time.Second

// fake is a repository with GitHub Actions.
type fake struct {
	mu        sync.Mutex
	now       time.Time
	files     map[string]string // by "path@ref"
	head      map[string]string // branch to SHA
	runs      []*forge.WorkflowRun
	inputs    []map[string]string
	jobs      map[int64][]forge.WorkflowJob // by run
	logs      map[int64]string              // by job
	details   bool                          // return_run_details is understood
	artifacts map[string][]byte             // of every run, by name
	listed    int                           // how often jobs were asked for
	disturbed bool
	withheld  bool // artifacts are not handed out
	lose      bool
	refuse    error // answer to a dispatch
}

func newFake(details bool) *fake {
	return &fake{now: noon, details: details, head: map[string]string{"main": "aaa"},
		files: map[string]string{".github/workflows/load.yml@main": workflowFile}}
}

func (f *fake) enter(ctx context.Context) (leave func(), err error) {
	f.mu.Lock()
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case f.disturbed:
		err = &forge.TemporaryError{Err: errors.New("502")}
	}
	return f.mu.Unlock, err
}

func (f *fake) File(ctx context.Context, path, ref string) ([]byte, error) {
	leave, err := f.enter(ctx)
	defer leave()
	data, ok := f.files[path+"@"+ref]
	if err == nil && !ok {
		err = forge.ErrNotFound
	}
	return []byte(data), err
}

func (f *fake) DispatchWorkflow(ctx context.Context, workflow, ref string, inputs map[string]string) (int64, error) {
	leave, err := f.enter(ctx)
	defer leave()
	if err == nil {
		err = f.refuse
	}
	if err != nil {
		return 0, err
	}
	id := int64(len(f.runs) + 100)
	f.inputs = append(f.inputs, inputs)
	f.runs = append(f.runs, &forge.WorkflowRun{ID: id, Name: "load " + inputs[tokenInput], Workflow: workflow,
		SHA: f.head[ref], Branch: ref, Status: "queued", HTMLURL: "https://github.test/runs/1", CreatedAt: f.now})
	if f.lose {
		f.lose = false
		return 0, &forge.TemporaryError{Err: errors.New("connection reset")}
	}
	if !f.details {
		id = 0
	}
	return id, nil
}

func (f *fake) WorkflowRuns(ctx context.Context, workflow string, since time.Time) ([]forge.WorkflowRun, error) {
	leave, err := f.enter(ctx)
	defer leave()
	var runs []forge.WorkflowRun
	for _, run := range f.runs {
		if run.Workflow == workflow && !run.CreatedAt.Before(since) && !f.now.Before(run.CreatedAt.Add(lag)) {
			runs = append(runs, *run)
		}
	}
	return runs, err
}

func (f *fake) WorkflowRun(ctx context.Context, id int64) (forge.WorkflowRun, error) {
	leave, err := f.enter(ctx)
	defer leave()
	for _, run := range f.runs {
		if err == nil && run.ID == id {
			return *run, nil
		}
	}
	if err == nil {
		err = forge.ErrNotFound
	}
	return forge.WorkflowRun{}, err
}

func (f *fake) WorkflowJobs(ctx context.Context, id int64) ([]forge.WorkflowJob, error) {
	leave, err := f.enter(ctx)
	defer leave()
	f.listed++
	return f.jobs[id], err
}

func (f *fake) JobLog(ctx context.Context, id int64, most int) ([]byte, error) {
	leave, err := f.enter(ctx)
	defer leave()
	text, ok := f.logs[id]
	if err == nil && !ok {
		err = forge.ErrNotFound
	}
	return []byte(text[max(0, len(text)-most):]), err
}

func (f *fake) CancelWorkflowRun(ctx context.Context, id int64) error {
	leave, err := f.enter(ctx)
	defer leave()
	for _, run := range f.runs {
		if err == nil && run.ID == id && run.Status != "completed" {
			run.Status, run.Conclusion = "completed", "cancelled"
		}
	}
	return err
}

func (f *fake) RunArtifact(ctx context.Context, run int64, name string, most int64) ([]byte, error) {
	leave, err := f.enter(ctx)
	defer leave()
	data, ok := f.artifacts[name]
	switch {
	case err != nil:
		return nil, err
	case f.withheld:
		return nil, &forge.TemporaryError{Err: errors.New("502")}
	case !ok:
		return nil, forge.ErrNotFound
	case int64(len(data)) > most:
		return nil, &forge.NotAFileError{Path: name, Type: "large archive"}
	}
	return data, nil
}

func (f *fake) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fake) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// end completes the run that has the token in its name.
func (f *fake) end(token, conclusion string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, run := range f.runs {
		if strings.HasSuffix(run.Name, " "+token) && run.Status != "completed" {
			run.Status, run.Conclusion = "completed", conclusion
		}
	}
}

func (f *fake) executor() *Executor {
	return &Executor{Repo: func(executor.Request) GitHub { return f }, Now: f.clock}
}

func (f *fake) request(id string) executor.Request {
	return executor.Request{ID: id, Uses: "github-actions", Branch: "main", SHA: "aaa", RequestedAt: f.clock(),
		With: map[string]any{"workflow": "load.yml"}, Env: map[string]string{"SLUICE_SHA": "aaa", "SLUICE_APP": "shop", "LABEL": "x"}}
}

func TestSuite(t *testing.T) {
	for name, details := range map[string]bool{"with run details": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			executortest.Run(t, executortest.Harness{
				Wrong: map[string]map[string]any{
					"with.workflow": {}, "workflow: \"../x.yml\"": {"workflow": "../x.yml"}, "with.refs": {"workflow": "x.yml", "refs": "main"},
					"with.ref": {"workflow": "x.yml", "ref": "a b"}, "SLUICE_SHA": {"workflow": "x.yml", "inputs": map[string]any{"SLUICE_SHA": "1"}},
					"a b": {"workflow": "x.yml", "inputs": map[string]any{"a b": "1"}},
				},
				World: func(*testing.T) *executortest.World { return world(newFake(details)) },
			})
		})
	}
}

func world(f *fake) *executortest.World {
	conclusions := map[string]string{}
	return &executortest.World{
		Executor: func(*executor.Bell) executor.Executor { return f.executor() },
		Request: func(s executortest.Scenario, id string) executor.Request {
			conclusions[id] = map[executortest.Scenario]string{executortest.Succeeds: "success", executortest.Fails: "failure"}[s]
			r := f.request(id)
			if s == executortest.Impossible {
				r.With["workflow"] = "gone.yml"
			}
			return r
		},
		Finish: func(id string) { f.end(id, conclusions[id]) },
		Starts: func(id string) (n int) {
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, inputs := range f.inputs {
				if inputs[tokenInput] == id {
					n++
				}
			}
			return n
		},
		Disturb: func() func() {
			set := func(v bool) {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.disturbed = v
			}
			set(true)
			return func() { set(false) }
		},
		LoseAnswer: func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.lose = true
		},
		Pass: f.pass,
		Now:  f.clock,
	}
}
