package buildspec

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/sarif"
)

// maxAnalyses is how many SARIF files of one build are read.
const maxAnalyses = 20

// analysed is what the SARIF files of a build come to, or why they could not be read.
type analysed struct {
	Verdict sarif.Verdict `json:"verdict,omitzero"`
	Problem string        `json:"problem,omitempty"`
}

// judge fails a build when its SARIF files hold more than is allowed. One that was to be written and is not there fails a
// build too: nobody has looked.
func (a *analysed) judge(report *executor.Report) {
	if a == nil {
		a = &analysed{Problem: "the files were not read; run it again"}
	}
	if a.Problem != "" {
		sarif.Unread(report, a.Problem)
		return
	}
	a.Verdict.Tell(report)
}

// analyse reads the SARIF files that the action names; nil when it names none.
func (b *build) analyse(ctx context.Context) *analysed {
	if len(b.plan.Sarif) == 0 {
		return nil
	}
	results, err := b.analyses(ctx)
	if err != nil {
		return &analysed{Problem: b.s.Mask(err.Error())}
	}
	a := &analysed{Verdict: sarif.Judge(results, b.plan.Threshold)}
	for i, at := range a.Verdict.Annotations {
		if _, err := b.src.Root().Lstat(at.Path); err != nil { // a file's name is what it is
			a.Verdict.Annotations[i].Path = b.s.Mask(at.Path)
		}
	}
	return a
}

// analyses reads the results in the files that globs name.
func (b *build) analyses(ctx context.Context) ([]sarif.Result, error) {
	var names []string
	for _, pattern := range b.plan.Sarif {
		before := len(names)
		err := glob(ctx, b.src, pattern, func(p string, info fs.FileInfo) {
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
		data, err := b.src.Read(name, sarif.MaxBytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		results, err := sarif.Parse(data, filepath.ToSlash(b.plan.path(srcFolder)), b.s.Mask)
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
