package fakegithub

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// jobOfRun is what the ID of a run's job is above the run's own.
const jobOfRun = 2_000_000

// jobLogs is where the logs of jobs are fetched, without a token, as GitHub has them on another host.
const jobLogs = "/_job-logs/"

// listJobs shows one job for each run, with one step.
func (s *Server) listJobs(c *call) (*answer, error) {
	w, err := c.run()
	if err != nil {
		return nil, err
	}
	id := w.ID + jobOfRun
	var conclusion, done any = textOrNil(w.Conclusion), nil
	if w.Status == "completed" {
		done = ts(w.UpdatedAt)
	}
	step := obj{"number": 1, "name": "Run the job", "status": w.Status, "conclusion": conclusion, "started_at": ts(w.CreatedAt), "completed_at": done}
	job := obj{"id": id, "run_id": w.ID, "run_url": c.repo.url("/actions/runs/%d", w.ID), "run_attempt": w.Attempt, "node_id": node("J", id), "head_sha": w.SHA, "head_branch": w.Branch,
		"url": c.repo.url("/actions/jobs/%d", id), "html_url": c.repo.html("/actions/runs/%d/job/%d", w.ID, id), "status": w.Status, "conclusion": conclusion, "created_at": ts(w.CreatedAt),
		"started_at": ts(w.CreatedAt), "completed_at": done, "name": "run", "steps": []obj{step}, "check_run_url": c.repo.url("/check-runs/%d", id), "labels": []string{"ubuntu-latest"},
		"runner_id": nil, "runner_name": nil, "runner_group_id": nil, "runner_group_name": nil, "workflow_name": c.repo.workflowName(w.Workflow)}
	return ok(obj{"total_count": 1, "jobs": []obj{job}})
}

// jobLog sends to where the log is.
func (s *Server) jobLog(c *call) (*answer, error) {
	id, err := c.int64("job_id")
	if err != nil {
		return nil, err
	}
	for _, w := range c.repo.runs {
		if w.ID+jobOfRun == id && w.Log != "" && w.Status == "completed" {
			return &answer{status: http.StatusFound, header: http.Header{"Location": {fmt.Sprintf("%s%s%d/%d", s.baseURL, jobLogs, c.repo.id, w.ID)}}}, nil
		}
	}
	return nil, &notFound
}

// serveJobLog answers to whoever has the address; GitHub's storage refuses a token that is not its own.
func (s *Server) serveJobLog(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		http.Error(w, "the address is all that is needed", http.StatusBadRequest)
		return
	}
	repo, run, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, jobLogs), "/")
	repoID, _ := strconv.ParseInt(repo, 10, 64)
	runID, _ := strconv.ParseInt(run, 10, 64)
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.repos[repoID]; x != nil {
		for _, one := range x.runs {
			if one.ID == runID {
				w.Header().Set("Content-Type", "text/plain")
				_, _ = w.Write([]byte(one.Log))
				return
			}
		}
	}
	http.NotFound(w, r)
}

// SetRunLog gives the job of a workflow run its log.
func (r *Repo) SetRunLog(id int64, text string) error {
	err := fmt.Errorf("%s has no workflow run %d", r.FullName(), id)
	r.with(func(x *repository) {
		for _, w := range x.runs {
			if w.ID == id {
				w.Log, err = text, nil
			}
		}
	})
	return err
}
