// Package githubactions is the executor for `uses: github-actions`: it dispatches a workflow and follows its run.
//
// A dispatch takes no idempotency token, and its answer may get lost, so the token travels in the run's name: the
// workflow declares the input SLUICE_ACTION_ID and carries it there,
//
//	run-name: load test ${{ inputs.SLUICE_ACTION_ID }}
//	on:
//	  workflow_dispatch:
//	    inputs:
//	      SLUICE_ACTION_ID: { required: true }
//
// Start looks for a run of that name before it dispatches. If it was tried before and there is no such run yet, it waits
// until GitHub must have listed it; nothing is dispatched while that is unknown. The workflow file is read first: inputs
// that it does not declare would make GitHub refuse the dispatch, so of the SLUICE_* variables only the declared ones
// are sent.
package githubactions

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
)

// GitHub is what the executor asks of a repository. Errors are those of package forge.
type GitHub interface {
	// File reads a file at a ref (branch or SHA); forge.ErrNotFound.
	File(ctx context.Context, path, ref string) ([]byte, error)
	// DispatchWorkflow starts a workflow (its file name) on a branch or tag, asking for return_run_details. The run's ID
	// is 0 when the server does not tell it.
	DispatchWorkflow(ctx context.Context, workflow, ref string, inputs map[string]string) (runID int64, err error)
	// WorkflowRuns lists the dispatched runs of a workflow created at or after a time, newest first.
	WorkflowRuns(ctx context.Context, workflow string, since time.Time) ([]forge.WorkflowRun, error)
	// WorkflowRun gives one run; forge.ErrNotFound.
	WorkflowRun(ctx context.Context, id int64) (forge.WorkflowRun, error)
	// WorkflowJobs are the jobs of a run with their steps.
	WorkflowJobs(ctx context.Context, run int64) ([]forge.WorkflowJob, error)
	// JobLog is the end of the log of a job that has completed, most bytes at most; forge.ErrNotFound.
	JobLog(ctx context.Context, job int64, most int) ([]byte, error)
	// CancelWorkflowRun asks GitHub to cancel a run. One that has completed already: nil.
	CancelWorkflowRun(ctx context.Context, id int64) error
	// RunArtifact gives the archive (zip) of a run's artifact; forge.ErrNotFound: there is none of that name, or it has expired;
	// *forge.NotAFileError: it is larger than most, in bytes.
	RunArtifact(ctx context.Context, run int64, name string, most int64) ([]byte, error)
}

// Executor dispatches workflows. All fields but Secrets are required.
type Executor struct {
	// Repo is the client for the repository of a request. It makes no call.
	Repo func(executor.Request) GitHub
	Now  func() time.Time
	// Secrets are values that never reach a log, besides those that GitHub masks.
	Secrets []string

	memory memory
}

var (
	_ executor.Executor = (*Executor)(nil)
	_ executor.OneCall  = (*Executor)(nil)
)
