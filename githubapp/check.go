package githubapp

import (
	"context"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// GitHub's limits for a check run (REST API, "Create a check run").
const (
	maxOutput      = 65535 // characters of summary and text, each
	maxTitle       = 255
	maxAnnotations = 50 // in one request
	maxButtons     = 3
)

// SaveCheckRun creates the run (ID 0) or updates it, and returns its ID.
func (r *Repo) SaveCheckRun(ctx context.Context, run forge.CheckRun) (int64, error) {
	first, rest := run.Annotations, []forge.Annotation(nil)
	if len(first) > maxAnnotations {
		first, rest = first[:maxAnnotations], first[maxAnnotations:]
	}
	opts := github.CreateCheckRunOptions{
		Name: run.Name, HeadSHA: run.SHA, Status: &run.Status, Output: output(run, first), ExternalID: &run.ExternalID,
	}
	if run.DetailsURL != "" {
		opts.DetailsURL = &run.DetailsURL
	}
	if run.Status == "completed" {
		opts.Conclusion = ptr(string(run.Conclusion))
		at := run.CompletedAt
		if at.IsZero() {
			at = r.app.o.Now()
		}
		opts.CompletedAt = &github.Timestamp{Time: at.UTC().Truncate(time.Second)}
	}
	if !run.StartedAt.IsZero() {
		opts.StartedAt = &github.Timestamp{Time: run.StartedAt.UTC().Truncate(time.Second)}
	}
	opts.Actions = []*github.CheckRunAction{}
	for _, b := range run.Buttons[:min(len(run.Buttons), maxButtons)] {
		opts.Actions = append(opts.Actions, &github.CheckRunAction{Label: b.Label, Description: b.Description, Identifier: b.Identifier})
	}
	id, err := r.sendCheck(ctx, run.ID, opts)
	if err != nil {
		return 0, err
	}
	return id, r.annotate(ctx, id, run, rest)
}

func (r *Repo) sendCheck(ctx context.Context, id int64, o github.CreateCheckRunOptions) (int64, error) {
	if id == 0 {
		c, resp, err := r.gh.Checks.CreateCheckRun(ctx, r.owner, r.name, o)
		if err != nil {
			return 0, r.fail(resp, err)
		}
		return c.GetID(), nil
	}
	_, resp, err := r.gh.Checks.UpdateCheckRun(ctx, r.owner, r.name, id, github.UpdateCheckRunOptions{
		Name: o.Name, DetailsURL: o.DetailsURL, ExternalID: o.ExternalID, Status: o.Status, Conclusion: o.Conclusion,
		CompletedAt: o.CompletedAt, Output: o.Output, Actions: o.Actions,
	})
	return id, r.fail(resp, err)
}

// annotate sends the annotations that did not fit into the first request; each request adds to those before.
func (r *Repo) annotate(ctx context.Context, id int64, run forge.CheckRun, rest []forge.Annotation) error {
	for len(rest) > 0 {
		n := min(len(rest), maxAnnotations)
		_, resp, err := r.gh.Checks.UpdateCheckRun(ctx, r.owner, r.name, id, github.UpdateCheckRunOptions{
			Name: run.Name, Output: output(run, rest[:n]),
		})
		if err != nil {
			return r.fail(resp, err)
		}
		rest = rest[n:]
	}
	return nil
}

func output(run forge.CheckRun, annotations []forge.Annotation) *github.CheckRunOutput {
	o := &github.CheckRunOutput{Title: ptr(cutEnd(run.Title, maxTitle)), Summary: ptr(cutEnd(run.Summary, maxOutput))}
	if run.Text != "" {
		o.Text = ptr(cutEnd(run.Text, maxOutput))
	}
	for _, a := range annotations {
		out := &github.CheckRunAnnotation{
			Path: ptr(a.Path), StartLine: ptr(a.StartLine), EndLine: ptr(max(a.EndLine, a.StartLine)),
			AnnotationLevel: ptr(a.Level), Message: ptr(cutEnd(a.Message, 16000)),
		}
		if a.Title != "" {
			out.Title = ptr(cutEnd(a.Title, maxTitle))
		}
		o.Annotations = append(o.Annotations, out)
	}
	return o
}

// cutMark says that a text was cut.
const cutMark = "\n\n(The rest was cut: GitHub takes no more. The whole is on Sluice's page.)"

// cutEnd cuts a text to a number of characters, and says so.
func cutEnd(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	runes := []rune(s)
	if limit <= 2*len(cutMark) {
		return string(runes[:limit-1]) + "…"
	}
	return string(runes[:limit-utf8.RuneCountInString(cutMark)]) + cutMark
}

func itoa(n int) string { return strconv.Itoa(n) }
