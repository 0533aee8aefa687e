package buildspec

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/executor/actiondir"
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
			map[string]any{"sarif": []any{"out/a.sarif"}, "sarif_max": 1}, pipeline.Succeeded, "1 phase in", "failure main.go:7 lint: R1",
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

// What tools write about a build is without the secrets of its action, wherever it is cut.
func TestReportsAndResultsAreMasked(t *testing.T) {
	const password, word = `pass"word\and'more`, "leaf-of-a-secret"
	long := strings.Repeat("x", 1995) // of 2000 that are kept
	marshal := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	files := spec(`env: {secrets-manager: {ALL: shop/registry}, parameter-store: {P: /p}}`,
		"phases: {build: {commands: [cp files/* ., 'false']}}", "reports: {unit: {files: [report.xml]}, other: {files: ['$P/none']}}")
	escape := strings.NewReplacer("&", "&amp;", `"`, "&quot;").Replace
	files["files/report.xml"] = `<testsuite name="` + word + `"><testcase name="` + escape(password) + " " + strings.Repeat("y", 355) + word + `"><failure message="` +
		long + escape(password) + `">` + strings.Repeat("z", 16<<10-4) + word + `</failure></testcase></testsuite>`
	result := func(text string) any {
		return map[string]any{"ruleId": word, "level": "error", "message": map[string]any{"text": text, "arguments": []string{password}},
			"locations": []any{map[string]any{"physicalLocation": map[string]any{"artifactLocation": map[string]any{"uri": word + "/none.go"}}}}}
	}
	files["files/found.sarif"] = marshal(map[string]any{"version": "2.1.0", "runs": []any{map[string]any{
		"tool":    map[string]any{"driver": map[string]any{"name": strings.Repeat("t", 70) + word}},
		"results": []any{result("{0} is wrong"), result(long + word), result(long + "{0}")},
	}}})
	w := newWorld(t, files)
	e := w.executor(withVault(vault{"/p": word, "shop/registry": marshal(map[string]any{"user": word, "password": password})}))
	r := request("ex-1-1-1")
	r.With = map[string]any{"sarif": "found.sarif"}
	got := w.run(e, r)
	if len(got.Findings) != 1 || len(got.Tests) != 2 || len(got.Tests[0].Failures) != 1 || len(got.Annotations) < 3 {
		t.Errorf("%+v", got)
	}
	all := marshal(got)
	results, err := filepath.Glob(filepath.Join(w.dir, "builds", "*", "*", "result.json"))
	if err != nil || len(results) != 1 {
		t.Fatalf("%v, %v", results, err)
	}
	var written struct{ Output []byte }
	if ok, err := actiondir.ReadJSON(results[0], &written); !ok || err != nil {
		t.Fatal(err)
	}
	all += string(written.Output)
	for _, piece := range []string{"leaf", `pass"`, `pass\\"`, "pas…", "pass…", "le…", "word"} {
		if i := strings.Index(all, piece); i >= 0 {
			t.Errorf("%q is in …%.400s", piece, all[max(0, i-100):])
		}
	}
}
