package githubactions

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
)

// What a run did is told when it has ended: jobs and steps, and what failed in its own words, without secrets.
func TestLogOfARun(t *testing.T) {
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	unit := forge.WorkflowJob{
		ID: 1, Name: "unit", Status: "completed", Conclusion: "failure", HTMLURL: "https://github.test/job/1", Started: at(0), Completed: at(65),
		Steps: []forge.WorkflowStep{
			{Number: 1, Name: "Set up job", Status: "completed", Conclusion: "success", Started: at(0), Completed: at(2)},
			{Number: 2, Name: "Run\nmake test", Status: "completed", Conclusion: "failure", Started: at(2), Completed: at(65)},
			{Number: 3, Name: "Upload", Status: "completed", Conclusion: "skipped"},
		},
	}
	lint := forge.WorkflowJob{ID: 2, Name: "lint", Status: "completed", Conclusion: "success", HTMLURL: "https://github.test/job/2", Started: at(0), Completed: at(5)}
	later := forge.WorkflowJob{ID: 3, Name: "later", Status: "completed", Conclusion: "skipped", HTMLURL: "https://github.test/job/3"}
	jobs := `[job] unit: failure in 1m5s https://github.test/job/1
  1 Set up job: success in 2s
  2 Run make test: failure in 1m3s
  3 Upload: skipped
[job] lint: success in 5s https://github.test/job/2
[job] later: skipped https://github.test/job/3
`
	for name, tc := range map[string]struct {
		jobs []forge.WorkflowJob
		logs map[int64]string
		want string
	}{
		"what failed": {[]forge.WorkflowJob{unit, lint, later}, map[int64]string{
			1: "\ufeff2026-11-21T12:00:00.1234567Z begins\n2026-11-21T12:00:01.1234567Z the token is hush-hush\n2026-11-21T12:00:02.1234567Z FAIL\n", 2: "unread\n",
		}, jobs + "\n[log] unit\nbegins\nthe token is ***\nFAIL\n"},
		"what succeeded":  {[]forge.WorkflowJob{lint}, map[int64]string{2: "fine"}, "[job] lint: success in 5s https://github.test/job/2\n\n[log] lint\nfine\n"},
		"no log any more": {[]forge.WorkflowJob{lint}, nil, "[job] lint: success in 5s https://github.test/job/2\n\n[log] lint\n[sluice] GitHub has no log of it\n"},
		"a log that is long": {[]forge.WorkflowJob{lint}, map[int64]string{2: "first\n" + strings.Repeat("x", allLogs) + "\nlast\n"},
			"[job] lint: success in 5s https://github.test/job/2\n\n[log] lint\n[sluice] … the beginning is on the page of the job\nlast\n"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(true)
			e := f.executor()
			e.Secrets = []string{"hush-hush"}
			r := f.request("ex-1-1-1")
			handle, err := e.Start(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			f.jobs, f.logs = map[int64][]forge.WorkflowJob{f.runs[0].ID: tc.jobs}, tc.logs
			if running, err := e.Status(t.Context(), r, handle); err != nil || running.Log != "" {
				t.Errorf("%v, %q while it runs", err, running.Log)
			}
			f.end(r.ID, "failure")
			got, err := e.Status(t.Context(), r, handle)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.Log); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// However much there is, and whatever it is, the log is no longer than a report's may be.
func TestLogOfAHugeRun(t *testing.T) {
	f := newFake(true)
	e, r := f.executor(), f.request("ex-1-1-1")
	handle, err := e.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	f.logs = map[int64]string{}
	jobs := make([]forge.WorkflowJob, 90)
	for i := range jobs {
		jobs[i] = forge.WorkflowJob{ID: int64(i + 1), Name: strings.Repeat("n", 300), Conclusion: "failure", Steps: make([]forge.WorkflowStep, 8000)}
	}
	f.jobs = map[int64][]forge.WorkflowJob{f.runs[0].ID: jobs}
	f.end(r.ID, "failure")
	for _, said := range []string{"line\n", "x\xff"} { // what is no text takes more room as text
		for _, j := range jobs {
			f.logs[j.ID] = strings.Repeat(said, 1<<20)
		}
		got, err := e.Status(t.Context(), r, handle)
		if err != nil || len(got.Log) > executor.MaxLog || !strings.Contains(got.Log, "further steps") || !strings.Contains(got.Log, "[log]") {
			t.Errorf("%q: %d bytes, %v", said, len(got.Log), err)
		}
	}
	f.disturbed = true
	if log := e.log(t.Context(), f, f.runs[0].ID); !strings.HasPrefix(log, "[sluice] the jobs of the run cannot be read: ") {
		t.Error(log)
	}
}
