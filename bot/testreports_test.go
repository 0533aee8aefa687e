package bot

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

func TestTestsTable(t *testing.T) {
	many := executor.TestReport{Group: "many", Failed: 40, Tests: 40}
	for range 40 {
		many.Failures = append(many.Failures, executor.TestFailure{Title: "x", Message: "m"})
	}
	for name, tc := range map[string]struct {
		tests []executor.TestReport
		want  string
	}{
		"none": {nil, ""},
		"tests, coverage, and what could not be read": {[]executor.TestReport{
			{Group: "unit", Tests: 4, Passed: 1, Failed: 1, Errored: 1, Skipped: 1, Duration: 1234567890, Failures: []executor.TestFailure{
				{Title: "a|b `c`", Message: "@ann <b>\nsecond line", Path: "src/a.go", Line: 3}, {Title: "d", Message: "e"},
			}},
			{Group: "cover", Files: 2, Lines: 8, Covered: 5}, {Group: "lost", Problem: "no file matches *.xml"},
		}, "| Tests | All | Passed | Failed | Skipped | Took |\n|---|---|---|---|---|---|\n| `unit` | 4 | 1 | 2 | 1 | 1.235s |\n\n" +
			"- `` a|b `c` ``: @\u200bann &lt;b&gt; (`src/a.go:3`)\n- `d`: e\n\n" +
			"| Coverage | Lines | Branches | Files |\n|---|---|---|---|\n| `cover` | 62.5 % (5 of 8) | – | 2 |\n\n" +
			"- reports `lost`: no file matches \\*.xml\n\n"},
		"no more than a check can show": {[]executor.TestReport{many},
			"| Tests | All | Passed | Failed | Skipped | Took |\n|---|---|---|---|---|---|\n| `many` | 40 | 0 | 40 | 0 | 0s |\n\n" +
				strings.Repeat("- `x`: m\n", 30) + "- and 10 more\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, testsTable(tc.tests)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// tested is an executor whose action succeeds with reports.
type tested struct{ counting }

func (tested) Status(context.Context, executor.Request, string) (executor.Report, error) {
	return executor.Report{Status: pipeline.Succeeded, Tests: []executor.TestReport{
		{Group: "unit", Format: "JUNITXML", Tests: 3, Passed: 1, Failed: 1, Skipped: 1}, {Group: "lost", Problem: "not there"},
	}}, nil
}

func TestTotalsOfTestsAreKept(t *testing.T) {
	l := newLab(t, "")
	l.b.Executors = executor.NewRegistry(map[string]executor.Executor{"buildspec": &tested{}})
	raw, err := json.Marshal(executor.Request{Uses: "buildspec", RepoID: 42, Branch: "development", SHA: "abc"})
	must(t, err)
	l.write(func(tx *store.Tx) error {
		return tx.SaveActionRun(t.Context(), store.ActionRun{ID: "x1-1-1-1", ExecutionID: "x1", RepoID: 42, Request: raw, Intended: true})
	})
	for range 2 { // a job may come twice
		_ = l.b.workAction(t.Context(), queue.Job{Kind: jobAction, Payload: json.RawMessage(`{"action":"x1-1-1-1"}`)})
	}
	want := []store.TestTotals{{
		ActionID: "x1-1-1-1", Name: "unit", RepoID: 42, ExecutionID: "x1", Branch: "development", SHA: "abc", Format: "JUNITXML", Tests: 3, Passed: 1,
		Failed: 1, Skipped: 1, At: l.now,
	}}
	var got []store.TestTotals
	must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) (err error) {
		got, err = tx.TestTrend(t.Context(), 42, "development", 10)
		return err
	}))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
