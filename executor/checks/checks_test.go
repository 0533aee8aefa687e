package checks

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/executortest"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// fake is a repository on GitHub.
type fake struct {
	mu       sync.Mutex
	now      time.Time
	runs     map[string][]forge.CheckRun // by SHA
	statuses map[string][]forge.CommitStatus
	rules    map[string][]forge.Rule // by branch
	err      error
	refuse   string // a branch whose rules may not be read
}

func (f *fake) CheckRuns(_ context.Context, sha string) ([]forge.CheckRun, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.runs[sha], f.err
}

func (f *fake) Statuses(_ context.Context, sha string) ([]forge.CommitStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.statuses[sha], f.err
}

func (f *fake) Rules(_ context.Context, branch string) ([]forge.Rule, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if branch != "" && branch == f.refuse {
		return nil, &forge.RefusedError{Status: 403, Message: "Resource not accessible by integration"}
	}
	return f.rules[branch], f.err
}

func (f *fake) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func requires(checks ...forge.RequiredCheck) []forge.Rule {
	return []forge.Rule{{Type: "pull_request", Known: true}, {Type: "required_status_checks", RequiredChecks: checks, Known: true}}
}

func TestSuite(t *testing.T) {
	executortest.Run(t, executortest.Harness{
		Wrong: map[string]map[string]any{"name": {"name": "ci"}},
		World: func(*testing.T) *executortest.World {
			f := &fake{now: noon, runs: map[string][]forge.CheckRun{}, refuse: "secret",
				rules: map[string][]forge.Rule{"main": requires(forge.RequiredCheck{Context: "ci"})}}
			conclusion := map[string]forge.Conclusion{}
			return &executortest.World{
				Executor: func(*executor.Bell) executor.Executor {
					return &Executor{Repo: func(executor.Request) GitHub { return f }, Now: f.clock}
				},
				Request: func(s executortest.Scenario, id string) executor.Request {
					f.mu.Lock()
					defer f.mu.Unlock()
					f.runs[id] = []forge.CheckRun{{Name: "ci", Status: "in_progress"}}
					conclusion[id] = map[executortest.Scenario]forge.Conclusion{
						executortest.Succeeds: forge.Success, executortest.Fails: forge.Failure}[s]
					r := executor.Request{ID: id, Uses: "checks", SHA: id, Branch: "main", RequestedAt: f.now}
					if s == executortest.Impossible {
						r.Branch = "secret"
					}
					return r
				},
				Finish: func(id string) {
					f.mu.Lock()
					defer f.mu.Unlock()
					f.runs[id] = []forge.CheckRun{{Name: "ci", Status: "completed", Conclusion: conclusion[id]}}
				},
				Starts: func(string) int { return 1 }, // nothing is ever started
				Disturb: func() func() {
					set := func(err error) {
						f.mu.Lock()
						defer f.mu.Unlock()
						f.err = err
					}
					set(errors.New("502 Bad Gateway"))
					return func() { set(nil) }
				},
				Pass: func(d time.Duration) {
					f.mu.Lock()
					defer f.mu.Unlock()
					f.now = f.now.Add(d)
				},
				Now: f.clock,
			}
		},
	})
}

func TestWhatIsWaitedFor(t *testing.T) {
	run := func(name, status string, c forge.Conclusion, app int64) forge.CheckRun {
		return forge.CheckRun{Name: name, Status: status, Conclusion: c, AppID: app, DetailsURL: "https://ci.test/" + name}
	}
	ok := func(name string) forge.CheckRun { return run(name, "completed", forge.Success, 1) }
	runs := func(name string) forge.CheckRun { return run(name, "in_progress", "", 1) }
	bad := func(name string) forge.CheckRun { return run(name, "completed", forge.Failure, 1) }
	pinned := requires(forge.RequiredCheck{Context: "ci", AppID: 7})
	for name, tc := range map[string]struct {
		rules         []forge.Rule
		here, before  []forge.CheckRun
		statuses      []forge.CommitStatus
		noPrevious    bool
		waited        time.Duration
		status        pipeline.Status
		summary, link string
	}{
		"required, not reported": {rules: requires(forge.RequiredCheck{Context: "ci"}), waited: time.Hour,
			status: pipeline.InProgress, summary: "0 of 1 passed; waits for required ci"},
		"required passed, another one runs": {rules: requires(forge.RequiredCheck{Context: "ci"}), here: []forge.CheckRun{ok("ci"), runs("slow")},
			status: pipeline.Succeeded, summary: "required passed: ci"},
		"required as a status": {rules: requires(forge.RequiredCheck{Context: "ci"}), statuses: []forge.CommitStatus{{Context: "ci", State: "success"}},
			status: pipeline.Succeeded, summary: "required passed: ci"},
		"required failed as a status": {rules: requires(forge.RequiredCheck{Context: "ci"}), statuses: []forge.CommitStatus{{Context: "ci", State: "error"}},
			status: pipeline.Failed, summary: "required failed: ci"},
		"required skipped": {rules: requires(forge.RequiredCheck{Context: "ci"}), here: []forge.CheckRun{run("ci", "completed", "skipped", 1)},
			status: pipeline.Succeeded, summary: "required passed: ci"},
		"required of one App, said by another":  {rules: pinned, here: []forge.CheckRun{ok("ci")}, status: pipeline.InProgress, summary: "0 of 1 passed; waits for required ci"},
		"required of one App, set by anybody":   {rules: pinned, statuses: []forge.CommitStatus{{Context: "ci", State: "success"}}, status: pipeline.InProgress, summary: "0 of 1 passed; waits for required ci"},
		"required of one App, said by it":       {rules: pinned, here: []forge.CheckRun{bad("ci"), run("ci", "completed", forge.Success, 7)}, status: pipeline.Succeeded, summary: "required passed: ci"},
		"required of anybody, one says no":      {rules: requires(forge.RequiredCheck{Context: "ci"}), here: []forge.CheckRun{ok("ci"), run("ci", "completed", forge.Cancelled, 7)}, status: pipeline.Failed, summary: "required failed: ci", link: "https://ci.test/ci"},
		"only ours required":                    {rules: requires(forge.RequiredCheck{Context: "sluice/pipeline"}, forge.RequiredCheck{Context: "gate", AppID: 99}), waited: quiet, status: pipeline.Succeeded, summary: "no other checks report"},
		"as on the previous head":               {before: []forge.CheckRun{ok("ci"), bad("lint"), run("sluice/branch", "completed", forge.Success, 99)}, here: []forge.CheckRun{ok("ci"), runs("lint")}, status: pipeline.InProgress, summary: "1 of 2 passed; waits for lint", link: "https://ci.test/lint"},
		"previous head, not reported yet":       {before: []forge.CheckRun{ok("ci")}, waited: giveUp - time.Second, status: pipeline.InProgress, summary: "0 of 1 passed; waits for ci"},
		"previous head, passed at once":         {before: []forge.CheckRun{ok("ci")}, here: []forge.CheckRun{ok("ci")}, status: pipeline.Succeeded, summary: "passed: ci"},
		"previous head, and a new one":          {before: []forge.CheckRun{ok("ci")}, here: []forge.CheckRun{ok("ci"), bad("new")}, status: pipeline.Failed, summary: "failed: new", link: "https://ci.test/new"},
		"previous head, one is gone":            {before: []forge.CheckRun{ok("ci"), ok("docs")}, here: []forge.CheckRun{ok("ci")}, waited: giveUp, status: pipeline.Succeeded, summary: "passed: ci; reported on the previous head and not on this one: docs"},
		"previous head, one is gone, one runs":  {before: []forge.CheckRun{ok("ci"), ok("docs")}, here: []forge.CheckRun{runs("ci")}, waited: giveUp, status: pipeline.InProgress, summary: "0 of 2 passed; waits for ci, docs", link: "https://ci.test/ci"},
		"nobody yet":                            {waited: quiet - time.Second, status: pipeline.InProgress, summary: "waits for others to report"},
		"nobody":                                {waited: quiet, status: pipeline.Succeeded, summary: "no other checks report"},
		"nobody, a new branch":                  {noPrevious: true, waited: quiet, status: pipeline.Succeeded, summary: "no other checks report"},
		"ours alone":                            {here: []forge.CheckRun{runs("sluice/pipeline"), run("extra", "in_progress", "", 99)}, waited: quiet, status: pipeline.Succeeded, summary: "no other checks report"},
		"somebody, in the first two minutes":    {here: []forge.CheckRun{ok("ci")}, waited: time.Minute, status: pipeline.InProgress, summary: "waits for others to report"},
		"somebody who fails at once":            {here: []forge.CheckRun{bad("ci")}, status: pipeline.Failed, summary: "failed: ci", link: "https://ci.test/ci"},
		"somebody still runs after two minutes": {here: []forge.CheckRun{runs("ci")}, waited: quiet, status: pipeline.InProgress, summary: "0 of 1 passed; waits for ci", link: "https://ci.test/ci"},
		"somebody had passed after two minutes": {here: []forge.CheckRun{ok("ci")}, waited: quiet, status: pipeline.Succeeded, summary: "passed: ci"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{now: noon.Add(tc.waited), rules: map[string][]forge.Rule{"main": tc.rules},
				runs:     map[string][]forge.CheckRun{"here": tc.here, "before": tc.before},
				statuses: map[string][]forge.CommitStatus{"here": tc.statuses}}
			e := &Executor{Repo: func(executor.Request) GitHub { return f }, AppID: 99, Now: f.clock}
			r := executor.Request{ID: "ex-1-1-1", SHA: "here", PreviousSHA: "before", Branch: "main", RequestedAt: noon}
			if tc.noPrevious {
				r.PreviousSHA = ""
			}
			handle, err := e.Start(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := e.Status(t.Context(), r, handle)
			if err != nil {
				t.Fatal(err)
			}
			if got.Status == pipeline.InProgress && got.PollAfter <= 0 {
				t.Error("does not say when to ask again")
			}
			got.PollAfter = 0
			want := executor.Report{Status: tc.status, Summary: tc.summary, URL: tc.link}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPreviousHeadThatIsGone(t *testing.T) {
	f := &gone{fake{now: noon.Add(quiet)}}
	e := &Executor{Repo: func(executor.Request) GitHub { return f }, Now: f.clock}
	r := executor.Request{ID: "a", SHA: "here", PreviousSHA: "before", RequestedAt: noon}
	handle, _ := e.Start(t.Context(), r)
	if got, err := e.Status(t.Context(), r, handle); err != nil || got.Status != pipeline.Succeeded {
		t.Errorf("%+v, %v", got, err)
	}
}

// gone does not know the previous head any more.
type gone struct{ fake }

func (g *gone) CheckRuns(ctx context.Context, sha string) ([]forge.CheckRun, error) {
	if sha == "before" {
		return nil, forge.ErrNotFound
	}
	return g.fake.CheckRuns(ctx, sha)
}

// What cannot be read may require anything: nothing is taken for passed.
func TestRuleThatCannotBeRead(t *testing.T) {
	f := &fake{now: noon.Add(time.Hour), rules: map[string][]forge.Rule{"main": {{Type: "required_status_checks", Ruleset: "main rules"}}}}
	e := &Executor{Repo: func(executor.Request) GitHub { return f }, AppID: 99, Now: f.clock}
	r := executor.Request{ID: "ex-1-1-1", SHA: "here", Branch: "main", RequestedAt: noon}
	report, err := e.Status(t.Context(), r, noon.Format(time.RFC3339Nano))
	if err == nil || !strings.Contains(err.Error(), "(main rules) cannot be read") {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestStrangeHandle(t *testing.T) {
	e := &Executor{Repo: func(executor.Request) GitHub { return &fake{} }, Now: time.Now}
	if _, err := e.Status(t.Context(), executor.Request{}, "yesterday"); !executor.IsPermanent(err) {
		t.Errorf("%v is not permanent", err)
	}
}

func TestStopsAreForgottenAfterADay(t *testing.T) {
	var m marks
	m.add("old", noon)
	m.add("new", noon.Add(25*time.Hour))
	if m.has("old") || !m.has("new") {
		t.Errorf("old %v, new %v", m.has("old"), m.has("new"))
	}
}

func TestLongListsAreCut(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	if got, want := list(names), "a, b, c, d, e, f, g, h and 2 more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
