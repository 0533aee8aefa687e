package buildspec

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/sarif"
	"github.com/sluicehq/sluice/pipeline"
)

// maxAnalyses is how many SARIF files of one build are read.
const maxAnalyses = 20

// judge reads the SARIF files of a build that has ended, and fails it when they hold more than is allowed. One that was to
// be written and is not there fails a build too: nobody has looked.
func (e *Executor) judge(ctx context.Context, w workspace, n int, p params, report *executor.Report) {
	results, err := e.analyses(ctx, filepath.Join(w.work(n), srcFolder), p.sarif)
	if err != nil {
		problem := "with.sarif: " + err.Error()
		if report.Status == pipeline.Succeeded {
			report.Status, report.Summary = pipeline.Failed, problem
		}
		report.Log += "[sluice] " + executor.OneLine(problem) + "\n"
		return
	}
	v := sarif.Judge(results, p.threshold)
	report.Findings = v.Findings
	report.Annotations = append(report.Annotations, v.Annotations...)
	report.Summary += "; " + v.Summary
	if v.Over && report.Status == pipeline.Succeeded {
		report.Status, report.Summary = pipeline.Failed, v.Summary
	}
}

// analyses reads the results in the files that globs name in a folder.
func (e *Executor) analyses(ctx context.Context, src string, globs []string) ([]sarif.Result, error) {
	tree, err := artifact.OpenTree(src, e.owners()...)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	var names []string
	for _, pattern := range globs {
		before := len(names)
		err := glob(ctx, tree, pattern, func(p string, info fs.FileInfo) {
			if !info.IsDir() {
				names = append(names, p)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pattern, err)
		}
		if len(names) == before {
			return nil, fmt.Errorf("no file matches %s", pattern)
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > maxAnalyses {
		return nil, fmt.Errorf("%d files match, more than %d", len(names), maxAnalyses)
	}
	var out []sarif.Result
	for _, name := range names {
		data, err := tree.Read(name, sarif.MaxBytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		results, err := sarif.Parse(data, filepath.ToSlash(src))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, results...)
	}
	return out, nil
}

// checkGlobs says which glob is none, or leads out of the repository.
func checkGlobs(globs []string) error {
	for _, g := range globs {
		if !executor.IsReference(g) && (!doublestar.ValidatePattern(g) || !fs.ValidPath(strings.ReplaceAll(g, "**", "x"))) {
			return executor.Permanentf("with.sarif: %q is neither the path of a file in the repository nor a glob", g)
		}
	}
	return nil
}
