package buildspec

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/sarif"
	"github.com/sluicehq/sluice/pipeline"
)

// maxAnalyses is how many SARIF files of one build are read.
const maxAnalyses = 20

// judge reads the SARIF files of a build that has ended, and fails it when they hold more than is allowed. One that was to
// be written and is not there fails a build too: nobody has looked.
func (e *Executor) judge(w workspace, n int, p params, report *executor.Report) {
	results, err := analyses(filepath.Join(w.work(n), "src"), p.sarif)
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
func analyses(src string, globs []string) ([]sarif.Result, error) {
	root, err := os.OpenRoot(src)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var names []string
	for _, glob := range globs {
		found, err := doublestar.Glob(root.FS(), glob, doublestar.WithNoFollow(), doublestar.WithFilesOnly())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", glob, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("no file matches %s", glob)
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > maxAnalyses {
		return nil, fmt.Errorf("%d files match, more than %d", len(names), maxAnalyses)
	}
	var out []sarif.Result
	for _, name := range names {
		data, err := readRegular(root, name, sarif.MaxBytes)
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

// readRegular reads a regular file of at most most bytes. Links that stay in the folder are followed; anything that could
// block or lead out of it is refused.
func readRegular(root *os.Root, name string, most int64) ([]byte, error) {
	if info, err := root.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("it is no regular file"))
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("it is larger than %d bytes", most)
	}
	return data, err
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
