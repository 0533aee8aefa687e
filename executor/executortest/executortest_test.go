package executortest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/executortest"
	"github.com/sluicehq/sluice/pipeline"
)

const secret = "hunter2"

// service is an outside that runs jobs.
type service struct {
	mu        sync.Mutex
	jobs      map[string]*job
	disturbed bool
	lose      bool
}

type job struct {
	status   pipeline.Status
	scenario executortest.Scenario
	starts   int
	asked    int
}

// runner is an executor over the service, right or broken in one way.
type runner struct {
	s      *service
	bell   *executor.Bell
	broken string
	known  map[string]bool // what this instance started
}

var errTemporary = errors.New("the service is not there")

func (r *runner) Check(with map[string]any) error {
	p := executor.Read(with)
	p.Required("job")
	if r.broken == "check accepts" {
		return nil
	}
	return p.Err()
}

func (r *runner) Start(ctx context.Context, q executor.Request) (string, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	scenario := executortest.Scenario(q.With["job"].(string))
	switch {
	case ctx.Err() != nil && r.broken != "context":
		return "", ctx.Err()
	case ctx.Err() != nil:
		return "", executor.Permanent(ctx.Err())
	case r.s.disturbed && r.broken == "disturbed for good":
		return "", executor.Permanent(errTemporary)
	case r.s.disturbed && r.broken == "secret":
		return "", fmt.Errorf("GET https://bot:%s@service.test: %w", secret, errTemporary)
	case r.s.disturbed:
		return "", errTemporary
	case scenario == executortest.Impossible && r.broken == "impossible for now":
		return q.ID, nil
	case scenario == executortest.Impossible:
		if r.broken == "begins what it refuses" {
			r.s.jobs[q.ID] = &job{starts: 1}
		}
		return "", executor.Permanent(errors.New("no such job"))
	}
	j, ok := r.s.jobs[q.ID]
	if !ok {
		j = &job{status: pipeline.InProgress, scenario: scenario}
		r.s.jobs[q.ID] = j
	}
	if !ok || r.broken == "starts twice" {
		j.starts++
	}
	r.known[q.ID] = true
	if r.s.lose {
		r.s.lose = false
		if r.broken == "lost answer starts again" {
			delete(r.s.jobs, q.ID)
			r.s.jobs[q.ID] = &job{status: pipeline.InProgress, scenario: scenario, starts: 1}
			r.s.jobs[q.ID].starts++
		}
		return "", errTemporary
	}
	if r.broken == "handle" && ok {
		return q.ID + "'", nil
	}
	return q.ID, nil
}

func (r *runner) OneCall() {}

func (r *runner) Status(ctx context.Context, q executor.Request, _ string) (executor.Report, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	j := r.s.jobs[q.ID]
	switch {
	case ctx.Err() != nil:
		return executor.Report{}, ctx.Err()
	case r.s.disturbed && r.broken == "disturbed fails":
		return executor.Report{Status: pipeline.Failed, Summary: "the service is gone"}, nil
	case r.s.disturbed:
		return executor.Report{}, errTemporary
	case j == nil:
		return executor.Report{Status: pipeline.Succeeded}, nil
	case r.broken == "forgets" && !r.known[q.ID]:
		return executor.Report{Status: pipeline.Failed, Summary: "never heard of it"}, nil
	}
	report := executor.Report{Status: j.status, Summary: "the job is " + string(j.status)}
	switch {
	case r.broken == "log":
		report.Log = strings.Repeat("x", executor.MaxLog+1)
	case r.broken == "no reason":
		report.Summary = ""
	case r.broken == "changes its mind" && j.status.Final():
		j.asked++
		report.Summary = fmt.Sprintf("asked %d times", j.asked)
	}
	return report, nil
}

func (r *runner) Stop(_ context.Context, q executor.Request, _ string) error {
	if r.broken != "does not stop" {
		r.s.settle(q.ID, pipeline.Stopped, r.broken == "stops what has ended")
	}
	r.ring(q.ID)
	return nil
}

func (r *runner) ring(id string) {
	if r.broken != "silent" {
		r.bell.Ring(id)
	}
}

func (s *service) settle(id string, status pipeline.Status, always bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[id]; j != nil && (always || !j.status.Final()) {
		j.status = status
	}
}

func suite(t *testing.T, broken string) {
	executortest.Run(t, executortest.Harness{
		Rings: true, Patience: 2 * time.Second, Secrets: []string{secret}, Wrong: map[string]map[string]any{"with.job": {}, "with.jop": {"job": "x", "jop": "y"}},
		World: func(*testing.T) *executortest.World {
			s := &service{jobs: map[string]*job{}}
			var last *runner
			set := func(v *bool, to bool) {
				s.mu.Lock()
				defer s.mu.Unlock()
				*v = to
			}
			return &executortest.World{
				Executor: func(bell *executor.Bell) executor.Executor {
					last = &runner{s: s, bell: bell, broken: broken, known: map[string]bool{}}
					return last
				},
				Request: func(sc executortest.Scenario, id string) executor.Request {
					return executor.Request{ID: id, With: map[string]any{"job": string(sc)}}
				},
				Finish: func(id string) {
					s.mu.Lock()
					status := pipeline.Succeeded
					if j := s.jobs[id]; j != nil && j.scenario == executortest.Fails {
						status = pipeline.Failed
					}
					s.mu.Unlock()
					s.settle(id, status, false)
					last.ring(id)
				},
				Starts: func(id string) int {
					s.mu.Lock()
					defer s.mu.Unlock()
					if s.jobs[id] == nil {
						return 0
					}
					return s.jobs[id].starts
				},
				Disturb:    func() func() { set(&s.disturbed, true); return func() { set(&s.disturbed, false) } },
				LoseAnswer: func() { set(&s.lose, true) },
				Pass:       func(time.Duration) {},
			}
		},
	})
}

func TestRightExecutorPasses(t *testing.T) { suite(t, "") }

// brokenEnv names the fault of the executor that TestBrokenExecutor runs the suite with, in a process of its own.
const brokenEnv = "EXECUTORTEST_BROKEN"

func TestBrokenExecutor(t *testing.T) {
	if broken := os.Getenv(brokenEnv); broken != "" {
		suite(t, broken)
		return
	}
	for broken, complaint := range map[string]string{
		"check accepts":            "Check accepts",
		"context":                  "cancelled context is a permanent error",
		"disturbed for good":       "a disturbance that passes is a permanent error",
		"disturbed fails":          "while the service was disturbed",
		"secret":                   "tells a secret",
		"impossible for now":       "ended as Succeeded",
		"begins what it refuses":   "that is not OneCall",
		"starts twice":             "was begun 3 times, want 1",
		"lost answer starts again": "was begun 2 times, want 1",
		"handle":                   "returned handle",
		"forgets":                  "Status on a new instance: Failed",
		"log":                      "the log has",
		"no reason":                "a failure without a summary",
		"changes its mind":         "a final report changed",
		"stops what has ended":     "a final report changed",
		"does not stop":            "the action did not end within 2s",
		"silent":                   "the bell did not ring within 2s",
	} {
		t.Run(broken, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestBrokenExecutor$")
			cmd.Env = append(os.Environ(), brokenEnv+"="+broken)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), complaint) {
				t.Errorf("the suite says %v, want a failure with %q:\n%s", err, complaint, out)
			}
		})
	}
}
