package buildspec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/pipeline"
)

// analysis is a SARIF file with one result.
func analysis(level, uri string) string {
	return fmt.Sprintf(`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "lint"}}, "results": [{"ruleId": "R1", "level": %q,
		"message": {"text": "found by hunter2-and-more"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": %q}, "region": {"startLine": 7}}}]}]}]}`, level, uri)
}

func TestAnalyses(t *testing.T) {
	const quiet = "phases: {build: {commands: ['true']}}"
	tests := []struct {
		name    string
		files   map[string]string
		spec    string
		with    map[string]any
		status  pipeline.Status
		summary string
		marks   string // annotations
	}{
		{
			"an error fails the action", map[string]string{"out/a.sarif": analysis("error", "main.go")}, quiet,
			map[string]any{"sarif": "out/*.sarif"}, pipeline.Failed, "1 of level error or worse, where 0 are allowed", "failure main.go:7 lint: R1",
		},
		{
			"as many as are allowed pass", map[string]string{"out/a.sarif": analysis("error", "main.go")}, quiet,
			map[string]any{"sarif": []any{"out/a.sarif"}, "sarif_max": 1}, pipeline.Succeeded, "1 phases in", "failure main.go:7 lint: R1",
		},
		{
			"a warning is shown", map[string]string{"a.sarif": analysis("warning", "x/y.go")}, quiet,
			map[string]any{"sarif": "a.sarif"}, pipeline.Succeeded, "analysis: 0 errors, 1 warnings", "warning x/y.go:7 lint: R1",
		},
		{
			"a file that is missing fails the action", nil, quiet, map[string]any{"sarif": "**/*.sarif"}, pipeline.Failed, "no file matches", "",
		},
		{
			"a link out of the workspace is not read", map[string]string{"a.sarif": "->/etc/hostname"}, quiet,
			map[string]any{"sarif": "a.sarif"}, pipeline.Failed, "a.sarif", "",
		},
		{
			"a file that is something else fails the action", map[string]string{"a.sarif": "<xml/>"}, quiet,
			map[string]any{"sarif": "a.sarif"}, pipeline.Failed, "it is not SARIF", "",
		},
		{
			"a build that failed shows what was found", map[string]string{"a.sarif": analysis("note", "main.go")}, "phases: {build: {commands: ['false']}}",
			map[string]any{"sarif": "a.sarif"}, pipeline.Failed, "phase build failed", "notice main.go:7 lint: R1",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := spec(tt.spec)
			for name, text := range tt.files {
				files[name] = text
			}
			w := newWorld(t, files)
			r := request("ex-1-1-1")
			r.With = tt.with
			got := w.run(w.executor(), r)
			if got.Status != tt.status || !strings.Contains(got.Summary, tt.summary) {
				t.Errorf("%s: %s", got.Status, got.Summary)
			}
			var marks []string
			for _, a := range got.Annotations {
				if strings.Contains(a.Message, "hunter2") {
					t.Errorf("a secret is in %+v", a)
				}
				if strings.HasPrefix(a.Title, "lint") {
					marks = append(marks, fmt.Sprintf("%s %s:%d %s", a.Level, a.Path, a.StartLine, a.Title))
				}
			}
			if strings.Join(marks, "; ") != tt.marks {
				t.Errorf("annotations %q, want %q", marks, tt.marks)
			}
		})
	}
}

func TestCheckOfAnalyses(t *testing.T) {
	for _, glob := range []string{"../a.sarif", "/etc/passwd", "a[", ""} {
		if err := (&Executor{}).Check(map[string]any{"sarif": glob}); err == nil {
			t.Errorf("%q was taken", glob)
		}
	}
	if err := (&Executor{}).Check(map[string]any{"sarif": []any{"out/**/*.sarif", "#{build.report}"}, "sarif_fail_on": "note"}); err != nil {
		t.Error(err)
	}
}
