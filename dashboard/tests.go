package dashboard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// Limits of a trend.
const (
	trendRows   = 200 // totals that are read, over all groups
	trendPoints = 30  // of one group
)

// TestTrend is how the tests or the coverage of one group of reports went on the development branch.
type TestTrend struct {
	Group  string      `json:"group"`
	Branch string      `json:"branch"`
	Points []TestPoint `json:"points"` // oldest first, at most trendPoints
}

// TestPoint is what one build's tests or coverage came to.
type TestPoint struct {
	ExecutionID string    `json:"execution_id"`
	SHA         string    `json:"sha"`
	At          time.Time `json:"at"`
	Tests       int64     `json:"tests"`
	Failed      int64     `json:"failed"` // with those that could not be carried out
	Skipped     int64     `json:"skipped"`
	Lines       int64     `json:"lines"`
	Covered     int64     `json:"covered"`
}

// Rate is the part of the tests that passed, of those that were not skipped, or of the lines that were run; 0 to 1.
func (p TestPoint) Rate() float64 {
	part, whole := p.Tests-p.Skipped-p.Failed, p.Tests-p.Skipped
	if p.Lines > 0 {
		part, whole = p.Covered, p.Lines
	}
	if whole <= 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// Last is the newest point.
func (t TestTrend) Last() TestPoint { return t.Points[len(t.Points)-1] }

// Says is the newest point in words.
func (t TestTrend) Says() string {
	p := t.Last()
	if p.Lines > 0 {
		return fmt.Sprintf("%.1f %% of %d lines", 100*p.Rate(), p.Lines)
	}
	if p.Failed > 0 {
		return fmt.Sprintf("%d of %d failed", p.Failed, p.Tests)
	}
	return fmt.Sprintf("%d passed", p.Tests-p.Skipped)
}

// Bars draws the points as blocks, between the lowest and the highest of them.
func (t TestTrend) Bars() string {
	const blocks = "▁▂▃▄▅▆▇█"
	low, high := 1.0, 0.0
	for _, p := range t.Points {
		low, high = min(low, p.Rate()), max(high, p.Rate())
	}
	steps := []rune(blocks)
	var b strings.Builder
	for _, p := range t.Points {
		i := len(steps) - 1
		if high > low {
			i = int((p.Rate() - low) / (high - low) * float64(len(steps)-1))
		}
		b.WriteRune(steps[i])
	}
	return b.String()
}

// testTrends reads the trends of the development branch, by group.
func testTrends(ctx context.Context, tx *store.Tx, repo int64, rows []ExecutionRow) ([]TestTrend, error) {
	trends := []TestTrend{}
	i := slices.IndexFunc(rows, func(x ExecutionRow) bool { return x.Kind == pipeline.KindDevelopment })
	if i < 0 {
		return trends, nil
	}
	totals, err := tx.TestTrend(ctx, repo, rows[i].Branch, trendRows)
	for _, r := range totals {
		at := slices.IndexFunc(trends, func(t TestTrend) bool { return t.Group == r.Name })
		if at < 0 {
			trends = append(trends, TestTrend{Group: r.Name, Branch: r.Branch})
			at = len(trends) - 1
		}
		if len(trends[at].Points) < trendPoints {
			trends[at].Points = append(trends[at].Points, TestPoint{
				ExecutionID: r.ExecutionID, SHA: r.SHA, At: r.At, Tests: r.Tests, Failed: r.Failed + r.Errored, Skipped: r.Skipped,
				Lines: r.Lines, Covered: r.Covered,
			})
		}
	}
	for _, t := range trends {
		slices.Reverse(t.Points)
	}
	slices.SortFunc(trends, func(a, b TestTrend) int { return strings.Compare(a.Group, b.Group) })
	return trends, err
}
