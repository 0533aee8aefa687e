package githubapp

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// maxRunPages is how far back dispatched runs are looked for.
const maxRunPages = 10

// WorkflowRuns lists the dispatched runs of a workflow created at or after a time, to the second, newest first; at most
// the newest thousand.
func (r *Repo) WorkflowRuns(ctx context.Context, workflow string, since time.Time) ([]forge.WorkflowRun, error) {
	path := r.path("actions", "workflows", workflow, "runs") + "?event=workflow_dispatch"
	var out []forge.WorkflowRun
	for n := 1; n != 0 && n <= maxRunPages; {
		var answer struct {
			Runs []workflowRun `json:"workflow_runs"`
		}
		resp, err := r.call(ctx, "GET", page(path, n), nil, &answer)
		if err != nil {
			return nil, err
		}
		for _, w := range answer.Runs {
			if w.CreatedAt.Before(since.Truncate(time.Second)) {
				return out, nil
			}
			out = append(out, runOf(w))
		}
		n = resp.NextPage
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

// RunArtifact gives the archive (zip) of a run's artifact. forge.ErrNotFound: there is none of that name, or it has expired;
// *forge.NotAFileError: it has more than most bytes.
func (r *Repo) RunArtifact(ctx context.Context, run int64, name string, most int64) ([]byte, error) {
	var answer struct {
		Artifacts []struct {
			ID      int64  `json:"id"`
			Name    string `json:"name"`
			Size    int64  `json:"size_in_bytes"`
			Expired bool   `json:"expired"`
		} `json:"artifacts"`
	}
	list := r.path("actions", "runs", itoa(run), "artifacts") + "?name=" + url.QueryEscape(name)
	if _, err := r.call(ctx, "GET", page(list, 1), nil, &answer); err != nil {
		return nil, err
	}
	for _, a := range answer.Artifacts { // the newest first, where a run was run again
		switch {
		case a.Name != name || a.Expired:
			continue
		case a.Size > most:
			return nil, &forge.NotAFileError{Path: name, Type: fmt.Sprintf("archive of %d bytes", a.Size)}
		}
		return r.archive(ctx, a.ID, name, most)
	}
	return nil, fmt.Errorf("artifact %q of run %d: %w", name, run, forge.ErrNotFound)
}

func (r *Repo) archive(ctx context.Context, id int64, name string, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	in, err := r.elsewhere(ctx, r.path("actions", "artifacts", itoa(id), "zip"))
	if err != nil {
		return nil, fmt.Errorf("artifact %q: %w", name, err)
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	switch {
	case err != nil:
		return nil, &forge.TemporaryError{Err: fmt.Errorf("artifact %q was cut off: %w", name, err)}
	case int64(len(data)) > most:
		return nil, &forge.NotAFileError{Path: name, Type: fmt.Sprintf("archive of more than %d bytes", most)}
	}
	return data, nil
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
