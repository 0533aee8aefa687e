package githubapp

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// GitHub's limits for a check run (REST API, "Create a check run"), in characters and in numbers.
const (
	maxOutput            = 65535 // summary and text, each
	maxTitle             = 255
	maxAnnotationMessage = 16000 // 64 KB; a character has four bytes at most
	maxAnnotations       = 50    // in one request
	maxButtons           = 3
	maxLabel             = 20
	maxButtonText        = 40
)

// maxShown is how many annotations of a run are sent at all: ten requests' worth.
const maxShown = 500

// checkRun is the body that creates or updates a run. Fields that are absent stay as they are, so buttons are always
// there: those of an earlier state must vanish.
type checkRun struct {
	Name        string                   `json:"name"`
	HeadSHA     string                   `json:"head_sha,omitempty"`
	DetailsURL  string                   `json:"details_url,omitempty"`
	ExternalID  string                   `json:"external_id"`
	Status      string                   `json:"status"`
	Conclusion  forge.Conclusion         `json:"conclusion,omitempty"`
	StartedAt   string                   `json:"started_at,omitempty"`
	CompletedAt string                   `json:"completed_at,omitempty"`
	Output      *github.CheckRunOutput   `json:"output,omitempty"`
	Actions     []*github.CheckRunAction `json:"actions"`
}

// CheckRuns lists the latest run of each check on a commit.
func (r *Repo) CheckRuns(ctx context.Context, sha string) ([]forge.CheckRun, error) {
	var out []forge.CheckRun
	err := pages(func(n int) (*github.Response, error) {
		var list github.ListCheckRunsResults
		resp, err := r.call(ctx, "GET", page(r.path("commits", sha, "check-runs"), n), nil, &list)
		for _, c := range list.CheckRuns {
			out = append(out, checkOf(c))
		}
		return resp, err
	})
	return out, err
}

// Statuses lists the latest status of each context on a commit.
func (r *Repo) Statuses(ctx context.Context, sha string) ([]forge.CommitStatus, error) {
	var out []forge.CommitStatus
	err := pages(func(n int) (*github.Response, error) {
		var list github.CombinedStatus
		resp, err := r.call(ctx, "GET", page(r.path("commits", sha, "status"), n), nil, &list)
		for _, s := range list.Statuses {
			out = append(out, forge.CommitStatus{Context: s.GetContext(), State: s.GetState()})
		}
		return resp, err
	})
	return out, err
}

// SaveCheckRun creates the run (ID 0) or updates it, and returns its ID; it returns the ID of a new run even when sending
// its annotations failed. Long texts are cut. Annotations are sent fifty at a time, at most 500; since GitHub adds them to
// those it has, only new ones are.
func (r *Repo) SaveCheckRun(ctx context.Context, run forge.CheckRun) (int64, error) {
	if n := len(run.Annotations) - maxShown; n > 0 {
		run.Annotations = run.Annotations[:maxShown]
		run.Summary = cutEnd(run.Summary, maxOutput-100) + fmt.Sprintf("\n\n(%d more remarks are not shown.)", n)
	}
	notes, err := r.newAnnotations(ctx, run)
	if err != nil {
		return 0, err
	}
	now := notes[:min(len(notes), maxAnnotations)]
	body := checkRun{
		Name: run.Name, DetailsURL: run.DetailsURL, ExternalID: run.ExternalID, Status: run.Status,
		StartedAt: stamp(run.StartedAt), Output: output(run, now), Actions: actions(run.Buttons),
	}
	if run.Status == "completed" {
		if run.CompletedAt.IsZero() {
			run.CompletedAt = r.app.o.Now()
		}
		body.Conclusion, body.CompletedAt = run.Conclusion, stamp(run.CompletedAt)
	}
	id := run.ID
	if id == 0 {
		body.HeadSHA = run.SHA
		var made github.CheckRun
		if _, err := r.call(ctx, "POST", r.path("check-runs"), body, &made); err != nil {
			return 0, err
		}
		id = made.GetID()
	} else if _, err := r.call(ctx, "PATCH", r.path("check-runs", itoa(id)), body, nil); err != nil {
		return 0, err
	}
	for rest := notes[len(now):]; len(rest) > 0; {
		n := min(len(rest), maxAnnotations)
		if _, err := r.call(ctx, "PATCH", r.path("check-runs", itoa(id)), map[string]any{"output": output(run, rest[:n])}, nil); err != nil {
			return id, err
		}
		rest = rest[n:]
	}
	return id, nil
}

// newAnnotations are those of a run, in GitHub's form and without those that it has already.
func (r *Repo) newAnnotations(ctx context.Context, run forge.CheckRun) ([]*github.CheckRunAnnotation, error) {
	has := map[string]bool{}
	if run.ID != 0 && len(run.Annotations) > 0 {
		err := pages(func(n int) (*github.Response, error) {
			var list []*github.CheckRunAnnotation
			resp, err := r.call(ctx, "GET", page(r.path("check-runs", itoa(run.ID), "annotations"), n), nil, &list)
			for _, a := range list {
				has[keyOf(a)] = true
			}
			return resp, err
		})
		if err != nil {
			return nil, err
		}
	}
	var out []*github.CheckRunAnnotation
	for _, a := range run.Annotations {
		note := annotation(a)
		if !has[keyOf(note)] {
			out = append(out, note)
		}
		has[keyOf(note)] = true
	}
	return out, nil
}

func keyOf(a *github.CheckRunAnnotation) string {
	return fmt.Sprintf("%s:%d-%d %s %q %q", a.GetPath(), a.GetStartLine(), a.GetEndLine(), a.GetAnnotationLevel(), a.GetTitle(), a.GetMessage())
}

func annotation(a forge.Annotation) *github.CheckRunAnnotation {
	start := max(a.StartLine, 1)
	out := &github.CheckRunAnnotation{
		Path: ptr(a.Path), StartLine: ptr(start), EndLine: ptr(max(a.EndLine, start)),
		AnnotationLevel: ptr(a.Level), Message: ptr(cutEnd(a.Message, maxAnnotationMessage)),
	}
	if a.Level == "" {
		out.AnnotationLevel = ptr("notice")
	}
	if a.Title != "" {
		out.Title = ptr(cutEnd(a.Title, maxTitle))
	}
	return out
}

// output is what the run's page shows. GitHub wants a title and a summary.
func output(run forge.CheckRun, notes []*github.CheckRunAnnotation) *github.CheckRunOutput {
	if run.Title == "" && run.Summary == "" && run.Text == "" && len(notes) == 0 {
		return nil
	}
	title := run.Title
	if title == "" {
		title = run.Name
	}
	summary := run.Summary
	if summary == "" {
		summary = title
	}
	o := &github.CheckRunOutput{Title: ptr(cutEnd(title, maxTitle)), Summary: ptr(cutEnd(summary, maxOutput)), Annotations: notes}
	if run.Text != "" {
		o.Text = ptr(cutEnd(run.Text, maxOutput))
	}
	return o
}

func actions(buttons []forge.Button) []*github.CheckRunAction {
	out := []*github.CheckRunAction{}
	for _, b := range buttons[:min(len(buttons), maxButtons)] {
		out = append(out, &github.CheckRunAction{Label: cutEnd(b.Label, maxLabel), Description: cutEnd(b.Description, maxButtonText), Identifier: b.Identifier})
	}
	return out
}

// stamp is a time as GitHub takes it, empty for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
