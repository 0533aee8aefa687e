package githubactions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
)

// Times.
const (
	listed  = 2 * time.Minute  // after which GitHub has surely listed a dispatched run
	appears = 10 * time.Minute // after which a run that is not there never comes
	skew    = 10 * time.Minute // between GitHub's clock and ours
	poll    = 10 * time.Second // workflow_run events come earlier and wake the caller
)

// Check looks at workflow, ref and inputs.
func (e *Executor) Check(with map[string]any) error {
	_, err := read(with)
	return err
}

// Start looks for the run and dispatches the workflow if there is none. The handle is the request's ID, which the run
// carries in its name.
func (e *Executor) Start(ctx context.Context, r executor.Request) (string, error) {
	p, err := read(r.With)
	if err != nil {
		return "", err
	}
	gh := e.Repo(r)
	_, found, err := e.find(ctx, gh, p, r)
	if err != nil || found {
		return handleOf(r, found), err
	}
	if tried := e.memory.tried(r); !tried.IsZero() && e.Now().Before(tried.Add(listed)) {
		return "", fmt.Errorf("%v may have been dispatched already, and its run is not listed yet; looking again until %s",
			p, tried.Add(listed).UTC().Format(time.TimeOnly))
	}
	ref := p.refOr(r.Branch)
	data, err := gh.File(ctx, p.path(), ref)
	if errors.Is(err, forge.ErrNotFound) {
		return "", executor.Permanentf("there is no %s on %s", p.path(), ref)
	}
	if err != nil {
		return "", classify(fmt.Errorf("read %s on %s: %w", p.path(), ref, err))
	}
	w, err := parse(p.workflow, data)
	if err != nil {
		return "", err
	}
	inputs, err := p.fill(r, w)
	if err != nil {
		return "", err
	}
	e.memory.try(r.ID, e.Now())
	id, err := gh.DispatchWorkflow(ctx, p.workflow, ref, inputs)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return "", executor.Permanentf("%v cannot be dispatched on %s: it must be on the default branch too, and the App needs the permission actions: write", p, ref)
	case err != nil:
		return "", classify(fmt.Errorf("dispatch %v on %s: %w", p, ref, err))
	}
	if id != 0 {
		e.memory.learn(r.ID, id, e.Now())
	}
	return r.ID, nil
}

// OneCall implements executor.OneCall: the dispatch is the last that Start does, and one that GitHub refuses begins no run.
func (e *Executor) OneCall() {}

func handleOf(r executor.Request, found bool) string {
	if found {
		return r.ID
	}
	return ""
}

// Status follows the run.
func (e *Executor) Status(ctx context.Context, r executor.Request, handle string) (executor.Report, error) {
	p, err := e.parameters(r, handle)
	if err != nil {
		return executor.Report{}, err
	}
	run, found, err := e.find(ctx, e.Repo(r), p, r)
	if err != nil {
		return executor.Report{}, err
	}
	if !found {
		return e.notYet(p, r), nil
	}
	report := reportOf(run)
	ended := report.Status.Final()
	switch moved := r.Environment == "" && p.ref == "" && r.SHA != "" && run.SHA != "" && run.SHA != r.SHA; {
	case moved:
		report, err = e.wrongRevision(ctx, r, run, report)
	case len(p.sarif) > 0 && (report.Status == pipeline.Succeeded || report.Status == pipeline.Failed):
		err = e.analyse(ctx, &report, p, r, run.ID)
	}
	if err != nil {
		return executor.Report{}, err
	}
	if ended {
		report.Log = executor.LogEnd(e.log(ctx, e.Repo(r), run.ID) + report.Log)
	}
	return report, nil
}

// notYet: the workflow was dispatched, and GitHub does not list the run.
func (e *Executor) notYet(p parameters, r executor.Request) executor.Report {
	since := r.RequestedAt
	if tried := e.memory.tried(r); tried.After(since) {
		since = tried
	}
	if !since.IsZero() && e.Now().After(since.Add(appears)) {
		return executor.Report{Status: pipeline.Failed,
			Summary: fmt.Sprintf("%v was dispatched, but no run with %s in its name has appeared; is it disabled?", p, r.ID)}
	}
	return executor.Report{Status: pipeline.InProgress, Summary: "dispatched", PollAfter: poll}
}

// wrongRevision: the branch moved between push and dispatch, so the run tests something else.
func (e *Executor) wrongRevision(ctx context.Context, r executor.Request, run forge.WorkflowRun, report executor.Report) (executor.Report, error) {
	if !report.Status.Final() {
		if err := e.Repo(r).CancelWorkflowRun(ctx, run.ID); err != nil {
			return executor.Report{}, classify(fmt.Errorf("cancel run %d: %w", run.ID, err))
		}
	}
	report.Status, report.Variables, report.PollAfter = pipeline.Failed, nil, 0
	report.Summary = fmt.Sprintf("branch %s moved to %s before the workflow ran; wanted %s", r.Branch, run.SHA, r.SHA)
	return report, nil
}

// Stop cancels the run. As long as it is unknown whether there is one, that is a temporary error.
func (e *Executor) Stop(ctx context.Context, r executor.Request, handle string) error {
	p, err := e.parameters(r, handle)
	if err != nil {
		return err
	}
	gh := e.Repo(r)
	run, found, err := e.find(ctx, gh, p, r)
	switch {
	case err != nil:
		return err
	case !found && e.notYet(p, r).Status.Final():
		return nil
	case !found:
		return fmt.Errorf("%v was dispatched and its run is not listed yet; it will be cancelled when it is", p)
	case run.Status == "completed":
		return nil
	}
	if err := gh.CancelWorkflowRun(ctx, run.ID); err != nil {
		return classify(fmt.Errorf("cancel run %d: %w", run.ID, err))
	}
	return nil
}

func (e *Executor) parameters(r executor.Request, handle string) (parameters, error) {
	if handle != r.ID {
		return parameters{}, executor.Permanentf("handle %q is not of action %s", handle, r.ID)
	}
	return read(r.With)
}

// find looks for the run of a request: by its ID when it is known, else by the token in its name.
func (e *Executor) find(ctx context.Context, gh GitHub, p parameters, r executor.Request) (forge.WorkflowRun, bool, error) {
	if id := e.memory.run(r.ID); id != 0 {
		run, err := gh.WorkflowRun(ctx, id)
		switch {
		case err == nil:
			return run, true, nil
		case !errors.Is(err, forge.ErrNotFound): // not found: its own page may lag as the list does
			return forge.WorkflowRun{}, false, classify(fmt.Errorf("run %d: %w", id, err))
		}
	}
	since := e.Now().Add(-24 * time.Hour)
	if !r.RequestedAt.IsZero() {
		since = r.RequestedAt
	}
	runs, err := gh.WorkflowRuns(ctx, p.workflow, since.Add(-skew))
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return forge.WorkflowRun{}, false, classify(fmt.Errorf("runs of %v: %w", p, err))
	}
	for _, run := range runs {
		if carries(run.Name, r.ID) {
			e.memory.learn(r.ID, run.ID, e.Now())
			return run, true, nil
		}
	}
	return forge.WorkflowRun{}, false, nil
}

// classify marks what no retry mends.
func classify(err error) error {
	var refused *forge.RefusedError
	if errors.As(err, &refused) {
		return executor.Permanent(err)
	}
	return err
}
