package buildspec

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/report"
)

// Bounds of what is read of reports, and told of them.
const (
	maxReportFiles = 500       // in one group
	maxReportBytes = 128 << 20 // in one group
	maxFailures    = 50        // in one group
	maxSourceFiles = 200_000   // that failures are looked for in
	maxMessage     = 2000      // characters of a failure's message
)

// sources lists the files of the revision before the build adds to them, so that failures are shown on lines that are
// there. Nil when the build leaves no reports.
func sources(ctx context.Context, s *Spec, tree *artifact.Tree, src string) (*report.Files, error) {
	if len(s.Reports) == 0 {
		return nil, nil //nolint:nilnil // nothing will be looked for
	}
	var paths []string
	err := tree.Walk(ctx, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p == ".git":
			return fs.SkipDir
		case len(paths) == maxSourceFiles:
			return fs.SkipAll
		case d.Type().IsRegular():
			paths = append(paths, p)
		}
		return nil
	})
	return report.NewFiles(src, paths), err
}

// readReports reads what the tools of each group wrote. What is wrong with a group is said in its report: the build has
// ended, and does not fail by it, as in CodeBuild.
func (b *build) readReports(ctx context.Context, sources *report.Files) []executor.TestReport {
	var out []executor.TestReport
	for _, rs := range b.plan.Spec.Reports {
		t := executor.TestReport{Group: rs.Group, Format: string(rs.Format)}
		if err := b.readGroup(ctx, &t, rs, sources); err != nil {
			t = executor.TestReport{Group: rs.Group, Format: string(rs.Format), Problem: err.Error()}
		}
		out = append(out, t)
	}
	return out
}

// readGroup reads the files of one group, all or none.
func (b *build) readGroup(ctx context.Context, t *executor.TestReport, rs ReportSpec, sources *report.Files) error {
	files, err := b.reportFiles(ctx, rs)
	if err != nil {
		return err
	}
	var totals report.Totals
	left := int64(maxReportBytes)
	for _, file := range files {
		data, err := b.src.Read(file, min(left, report.MaxBytes))
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		left -= int64(len(data))
		one, err := report.Parse(rs.Format, data, b.s.Mask)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		totals = totals.Add(one.Totals())
		for _, c := range one.Cases {
			if (c.Status == report.Failed || c.Status == report.Errored) && len(t.Failures) < maxFailures {
				t.Failures = append(t.Failures, b.failure(c, sources))
			}
		}
	}
	t.Tests, t.Passed, t.Failed, t.Errored, t.Skipped = totals.Tests, totals.Passed, totals.Failed, totals.Errored, totals.Skipped
	t.Duration, t.Files, t.Lines, t.Covered = totals.Duration, totals.Files, totals.Lines, totals.Covered
	t.Branches, t.Branched = totals.Branches, totals.Branched
	return nil
}

// failure is a test that failed, on the line where it did.
func (b *build) failure(c report.Case, sources *report.Files) executor.TestFailure {
	f := executor.TestFailure{Title: executor.OneLine(b.s.Mask(c.Title())), Message: c.Message}
	if r := []rune(f.Message); len(r) > maxMessage {
		f.Message = string(r[:maxMessage]) + "…"
	}
	f.Path, f.Line, _ = sources.Locate(c)
	return f
}

// reportFiles lists the files of a group, sorted: patterns are relative to each folder that base-directory matches.
func (b *build) reportFiles(ctx context.Context, rs ReportSpec) ([]string, error) {
	a := &ArtifactSpec{Base: rs.Base, Files: slices.Clone(rs.Files)}
	a, err := a.expanded(b.result.Values, b.plan.path(srcFolder))
	if err != nil {
		return nil, err
	}
	for _, f := range a.Files {
		if !doublestar.ValidatePattern(f.Text) {
			return nil, fmt.Errorf("%q is not a pattern", f.Text)
		}
	}
	matched, _, err := match(ctx, b.src, a)
	if err != nil {
		return nil, err
	}
	if len(matched) > maxReportFiles {
		return nil, fmt.Errorf("%d files match, more than %d", len(matched), maxReportFiles)
	}
	out := make([]string, len(matched))
	for i, f := range matched {
		out[i] = f.Path
	}
	slices.Sort(out)
	return out, nil
}

// testAnnotations shows failures on their lines. One whose line is not known is in the table of the check.
func testAnnotations(tests []executor.TestReport) []executor.Annotation {
	var out []executor.Annotation
	for _, t := range tests {
		for _, f := range t.Failures {
			if f.Path != "" {
				out = append(out, executor.FailureAt(f.Path, f.Line, "Test failed: "+f.Title, f.Message))
			}
		}
	}
	return out
}

// maskTests takes secrets out of reports.
func maskTests(tests []executor.TestReport, mask func(string) string) {
	for i := range tests {
		tests[i].Problem = mask(tests[i].Problem)
		for j, f := range tests[i].Failures {
			tests[i].Failures[j].Title, tests[i].Failures[j].Message = mask(f.Title), mask(f.Message)
		}
	}
}
