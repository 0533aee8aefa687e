package githubactions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Of how much a log is made.
const (
	maxListed = 16 << 10 // bytes of jobs and steps
	maxLogs   = 4        // jobs whose logs are read
	allLogs   = 28 << 10 // bytes of these together
)

// log tells what a run that has ended did: its jobs and steps, and the ends of the logs of those that failed, else of the first. What
// cannot be read is said, and holds nothing up.
func (e *Executor) log(ctx context.Context, gh GitHub, run int64) string {
	jobs, err := gh.WorkflowJobs(ctx, run)
	if err != nil {
		return "[sluice] the jobs of the run cannot be read: " + executor.OneLine(err.Error()) + "\n"
	}
	var b strings.Builder
	for _, j := range jobs {
		if b.Len() > maxListed {
			b.WriteString("[sluice] … further jobs are on the page of the run\n")
			break
		}
		fmt.Fprintf(&b, "[job] %s: %s%s %s\n", executor.OneLine(j.Name), ended(j.Status, j.Conclusion), lasted(j.Started, j.Completed), j.HTMLURL)
		for _, s := range j.Steps {
			fmt.Fprintf(&b, "  %d %s: %s%s\n", s.Number, executor.OneLine(s.Name), ended(s.Status, s.Conclusion), lasted(s.Started, s.Completed))
		}
	}
	listed := b.String()
	if len(listed) > 2*maxListed { // one job of very many steps
		listed = listed[:strings.LastIndexByte(listed[:2*maxListed], '\n')+1] + "[sluice] … further steps are on the page of the job\n"
	}
	return supervise.Mask(listed+e.logs(ctx, gh, worthReading(jobs)), e.Secrets)
}

// worthReading are the jobs that failed, else the first ones that did anything.
func worthReading(jobs []forge.WorkflowJob) []forge.WorkflowJob {
	var failed, others []forge.WorkflowJob
	for _, j := range jobs {
		switch j.Conclusion {
		case "", "skipped":
		case "success", "neutral":
			others = append(others, j)
		default:
			failed = append(failed, j)
		}
	}
	if len(failed) == 0 {
		failed = others
	}
	return failed[:min(len(failed), maxLogs)]
}

// stampRE is the time before each line of a log at GitHub.
var stampRE = lazyregexp.New(`(?m)^\x{FEFF}?[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z `)

// logs are the ends of the logs of some jobs.
func (e *Executor) logs(ctx context.Context, gh GitHub, jobs []forge.WorkflowJob) string {
	var b strings.Builder
	for _, j := range jobs {
		most := allLogs / len(jobs)
		text, err := gh.JobLog(ctx, j.ID, most)
		fmt.Fprintf(&b, "\n[log] %s\n", executor.OneLine(j.Name))
		switch {
		case errors.Is(err, forge.ErrNotFound):
			b.WriteString("[sluice] GitHub has no log of it\n")
			continue
		case err != nil:
			b.WriteString("[sluice] it cannot be read: " + executor.OneLine(err.Error()) + "\n")
			continue
		}
		if len(text) == most { // it is the end of a longer one: begin with a whole line
			if i := bytes.IndexByte(text, '\n'); i >= 0 {
				text = text[i+1:]
			}
			b.WriteString("[sluice] … the beginning is on the page of the job\n")
		}
		b.WriteString(strings.TrimRight(strings.ToValidUTF8(stampRE.ReplaceAllString(string(text), ""), "\uFFFD"), "\n") + "\n")
	}
	return b.String()
}

// ended is how something ended, or how it stands.
func ended(status, conclusion string) string {
	if conclusion == "" {
		conclusion = status
	}
	return strings.ReplaceAll(conclusion, "_", " ")
}

// lasted is how long something took, where that is known.
func lasted(from, to time.Time) string {
	if from.IsZero() || to.Before(from) {
		return ""
	}
	return " in " + to.Sub(from).Round(time.Second).String()
}
