package githubapp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// DispatchWorkflow starts a workflow on a branch or tag. The run's ID is 0 where the server does not tell it.
func (r *Repo) DispatchWorkflow(ctx context.Context, workflow, ref string, inputs map[string]string) (int64, error) {
	var answer struct {
		RunID int64 `json:"workflow_run_id"`
	}
	body := map[string]any{"ref": ref, "return_run_details": true}
	if len(inputs) > 0 {
		body["inputs"] = inputs
	}
	path := r.path("actions", "workflows", workflow, "dispatches")
	_, err := r.call(ctx, "POST", path, body, &answer)
	var refused *forge.RefusedError
	if errors.As(err, &refused) && refused.Status == http.StatusUnprocessableEntity && strings.Contains(refused.Message, "return_run_details") {
		delete(body, "return_run_details") // an older server refused the unknown key and did nothing
		_, err = r.call(ctx, "POST", path, body, nil)
	}
	return answer.RunID, err
}

// WorkflowRuns lists the newest hundred dispatched runs of a workflow created at or after a time, newest first.
func (r *Repo) WorkflowRuns(ctx context.Context, workflow string, since time.Time) ([]forge.WorkflowRun, error) {
	var answer struct {
		Runs []workflowRun `json:"workflow_runs"`
	}
	query := url.Values{"event": {"workflow_dispatch"}, "created": {">=" + since.UTC().Format(time.RFC3339)}}
	if _, err := r.call(ctx, "GET", page(r.path("actions", "workflows", workflow, "runs")+"?"+query.Encode(), 1), nil, &answer); err != nil {
		return nil, err
	}
	var out []forge.WorkflowRun
	for _, w := range answer.Runs {
		out = append(out, runOf(w))
	}
	return out, nil
}

// WorkflowRun gives one run.
func (r *Repo) WorkflowRun(ctx context.Context, id int64) (forge.WorkflowRun, error) {
	var w workflowRun
	if _, err := r.call(ctx, "GET", r.path("actions", "runs", itoa(id)), nil, &w); err != nil {
		return forge.WorkflowRun{}, err
	}
	return runOf(w), nil
}

// CancelWorkflowRun asks GitHub to cancel a run. One that has completed already is no error.
func (r *Repo) CancelWorkflowRun(ctx context.Context, id int64) error {
	_, err := r.call(ctx, "POST", r.path("actions", "runs", itoa(id), "cancel"), nil, nil)
	var refused *forge.RefusedError
	if errors.As(err, &refused) && refused.Status == http.StatusConflict {
		return nil
	}
	return err
}

// workflowRun is a run as the API has it; go-github v62 lacks the path.
type workflowRun struct {
	ID         int64     `json:"id"`
	Title      string    `json:"display_title"`
	Path       string    `json:"path"`
	SHA        string    `json:"head_sha"`
	Branch     string    `json:"head_branch"`
	Status     string    `json:"status"`
	Conclusion string    `json:"conclusion"`
	HTMLURL    string    `json:"html_url"`
	CreatedAt  time.Time `json:"created_at"`
}

func runOf(w workflowRun) forge.WorkflowRun {
	return forge.WorkflowRun{
		ID: w.ID, Name: w.Title, Workflow: w.Path, SHA: w.SHA, Branch: w.Branch, Status: w.Status,
		Conclusion: w.Conclusion, HTMLURL: w.HTMLURL, CreatedAt: w.CreatedAt,
	}
}
