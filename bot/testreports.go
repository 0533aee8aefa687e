package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/store"
)

// maxFailuresShown is how many failed tests a check lists, over all groups.
const maxFailuresShown = 30

// keepTests writes down what the tests of an action that has ended came to, for the trend of its branch.
func (b *Bot) keepTests(ctx context.Context, tx *store.Tx, run store.ActionRun, tests []executor.TestReport) error {
	if len(tests) == 0 {
		return nil
	}
	var req executor.Request
	if err := json.Unmarshal(run.Request, &req); err != nil {
		return fmt.Errorf("request of %s: %w", run.ID, err)
	}
	for _, t := range tests {
		if t.Problem != "" {
			continue
		}
		err := tx.SaveTestTotals(ctx, store.TestTotals{
			ActionID: run.ID, Name: t.Group, RepoID: run.RepoID, ExecutionID: run.ExecutionID, Branch: req.Branch, SHA: req.SHA, Format: t.Format,
			Tests: int64(t.Tests), Passed: int64(t.Passed), Failed: int64(t.Failed), Errored: int64(t.Errored), Skipped: int64(t.Skipped),
			Duration: t.Duration, Files: int64(t.Files), Lines: int64(t.Lines), Covered: int64(t.Covered), Branches: int64(t.Branches),
			Branched: int64(t.Branched), At: b.Now(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// testsTable shows what tests and coverage came to, and what failed; empty where there are none.
func testsTable(tests []executor.TestReport) string {
	var results, coverage, failures, problems strings.Builder
	cell := func(s string) string { return strings.ReplaceAll(code(s), "|", "\\|") }
	shown, failed := 0, 0
	for _, t := range tests {
		switch {
		case t.Problem != "":
			fmt.Fprintf(&problems, "- reports %s: %s\n", code(t.Group), prose(t.Problem))
		case t.Lines > 0 || t.Files > 0:
			fmt.Fprintf(&coverage, "| %s | %s | %s | %d |\n", cell(t.Group), percent(t.Covered, t.Lines), percent(t.Branched, t.Branches), t.Files)
		default:
			fmt.Fprintf(&results, "| %s | %d | %d | %d | %d | %s |\n", cell(t.Group), t.Tests, t.Passed, t.Failed+t.Errored, t.Skipped,
				t.Duration.Round(time.Millisecond))
		}
		failed += t.Failed + t.Errored
		for _, f := range t.Failures {
			if shown == maxFailuresShown {
				break
			}
			shown++
			message, _, _ := strings.Cut(f.Message, "\n")
			fmt.Fprintf(&failures, "- %s: %s", code(f.Title), prose(message))
			if f.Path != "" {
				fmt.Fprintf(&failures, " (%s)", code(fmt.Sprintf("%s:%d", f.Path, f.Line)))
			}
			failures.WriteString("\n")
		}
	}
	if failed > shown {
		fmt.Fprintf(&failures, "- and %d more\n", failed-shown)
	}
	var b strings.Builder
	for _, part := range []struct{ head, rows string }{
		{"| Tests | All | Passed | Failed | Skipped | Took |\n|---|---|---|---|---|---|\n", results.String()},
		{"", failures.String()},
		{"| Coverage | Lines | Branches | Files |\n|---|---|---|---|\n", coverage.String()},
		{"", problems.String()},
	} {
		if part.rows != "" {
			b.WriteString(part.head + part.rows + "\n")
		}
	}
	return b.String()
}

// percent is a part in words: 81.5 % (163 of 200); a dash where there is nothing to count.
func percent(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %% (%d of %d)", 100*float64(part)/float64(whole), part, whole)
}
