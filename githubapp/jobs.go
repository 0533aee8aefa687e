package githubapp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// maxJobLog is how much of the log of a job is read at most, in bytes, to find its end.
const maxJobLog = 32 << 20

// workflowStep is a step of a job as the API has it, workflowJob a job.
type workflowStep struct {
	Number     int       `json:"number"`
	Name       string    `json:"name"`
	Status     string    `json:"status"`
	Conclusion string    `json:"conclusion"`
	Started    time.Time `json:"started_at"`
	Completed  time.Time `json:"completed_at"`
}

type workflowJob struct {
	ID         int64          `json:"id"`
	Name       string         `json:"name"`
	Status     string         `json:"status"`
	Conclusion string         `json:"conclusion"`
	HTMLURL    string         `json:"html_url"`
	Started    time.Time      `json:"started_at"`
	Completed  time.Time      `json:"completed_at"`
	Steps      []workflowStep `json:"steps"`
}

// WorkflowJobs are the jobs of the last attempt of a run, the first hundred.
func (r *Repo) WorkflowJobs(ctx context.Context, run int64) ([]forge.WorkflowJob, error) {
	var answer struct {
		Jobs []workflowJob `json:"jobs"`
	}
	if _, err := r.call(ctx, "GET", page(r.path("actions", "runs", itoa(run), "jobs"), 1), nil, &answer); err != nil {
		return nil, err
	}
	var out []forge.WorkflowJob
	for _, j := range answer.Jobs {
		job := forge.WorkflowJob{
			ID: j.ID, Name: j.Name, Status: j.Status, Conclusion: j.Conclusion, HTMLURL: j.HTMLURL, Started: j.Started, Completed: j.Completed,
		}
		for _, s := range j.Steps {
			job.Steps = append(job.Steps, forge.WorkflowStep(s))
		}
		out = append(out, job)
	}
	return out, nil
}

// JobLog is the end of the log of a job that has completed, most bytes at most; of a very long log the end of its beginning.
// forge.ErrNotFound where GitHub has none, or none any more.
func (r *Repo) JobLog(ctx context.Context, job int64, most int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	log, err := r.elsewhere(ctx, r.path("actions", "jobs", itoa(job), "logs"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	return lastOf(io.LimitReader(log, maxJobLog), most)
}

// lastOf reads everything and keeps the last bytes.
func lastOf(r io.Reader, most int) ([]byte, error) {
	var kept []byte
	chunk := make([]byte, 64<<10)
	for {
		n, err := r.Read(chunk)
		kept = append(kept, chunk[:n]...)
		if over := len(kept) - most; over > most || over > 0 && err != nil {
			kept = append(kept[:0], kept[over:]...)
		}
		switch {
		case errors.Is(err, io.EOF):
			return kept, nil
		case err != nil:
			return nil, fmt.Errorf("read the log: %w", err)
		}
	}
}
