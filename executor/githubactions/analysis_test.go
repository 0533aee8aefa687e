package githubactions

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/sarif"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
)

// oneResult is a SARIF file with a result in a file.
func oneResult(level, uri string) string {
	return fmt.Sprintf(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"lint"}},"results":[{"ruleId":"r1","level":%q,
		"message":{"text":"look here"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":%q},"region":{"startLine":3}}}]}]}]}`, level, uri)
}

// zipped is an archive; names and contents alternate.
func zipped(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// analysedRun is what becomes of a run with those artifacts that ended so.
func analysedRun(t *testing.T, conclusion string, with map[string]any, artifacts map[string][]byte) executor.Report {
	t.Helper()
	f := newFake(true)
	f.artifacts = artifacts
	r := f.request("ex-1-1-1")
	r.Repo = "shop"
	for name, value := range with {
		r.With[name] = value
	}
	e := f.executor()
	handle, err := e.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	f.end(r.ID, conclusion)
	report, err := e.Status(t.Context(), r, handle)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// What a run's artifacts hold becomes annotations, and fails the action when it is more than is allowed.
func TestAnalysis(t *testing.T) {
	scan := map[string]any{"sarif": []any{"scan"}}
	lax := map[string]any{"sarif": []any{"scan"}, "sarif_fail_on": "none"}
	bad := map[string][]byte{"scan": zipped(t, "a.sarif", oneResult("error", "file:///home/runner/work/shop/shop/main.go"), "readme.txt", "x")}
	want := []executor.Annotation{{Path: "main.go", StartLine: 3, EndLine: 3, Level: "failure", Title: "lint: r1", Message: "look here"}}
	for name, c := range map[string]struct {
		conclusion  string
		with        map[string]any
		artifacts   map[string][]byte
		status      pipeline.Status
		summary     string
		annotations []executor.Annotation
	}{
		"an error fails it":               {"success", scan, bad, pipeline.Failed, "1 of level error or worse, where 0 are allowed", want},
		"a threshold lets it pass":        {"success", lax, bad, pipeline.Succeeded, "the run ended as success; analysis: 1 errors", want},
		"a run that failed tells as well": {"failure", scan, bad, pipeline.Failed, "the run ended as failure; analysis: 1 errors", want},
		"nobody has looked":               {"success", scan, nil, pipeline.Failed, `with.sarif: the run has no artifact "scan"`, nil},
		"nothing is asked for":            {"success", nil, bad, pipeline.Succeeded, "the run ended as success", nil},
		"a cancelled run is not asked":    {"cancelled", scan, nil, pipeline.Stopped, "cancelled", nil},
		"a path out of the repository": {"success", lax, map[string][]byte{"scan": zipped(t, "../../a.sarif", oneResult("error", "../../etc/passwd"))},
			pipeline.Succeeded, "1 errors", nil},
		"no archive": {"success", scan, map[string][]byte{"scan": []byte("hello")}, pipeline.Failed, "it is no zip archive", nil},
		"no SARIF in it": {"success", scan, map[string][]byte{"scan": zipped(t, "a.txt", "x", "dir.sarif/", "")},
			pipeline.Failed, "no file whose name ends in .sarif", nil},
		"something else": {"success", scan, map[string][]byte{"scan": zipped(t, "a.sarif", "<xml/>")}, pipeline.Failed, `"a.sarif": it is not SARIF`, nil},
		"a bomb": {"success", scan, map[string][]byte{"scan": zipped(t, "a.sarif", strings.Repeat(" ", sarif.MaxBytes+1))},
			pipeline.Failed, "more than 10485760", nil},
		"a large archive": {"success", scan, map[string][]byte{"scan": make([]byte, maxArchive+1)}, pipeline.Failed, "an archive of more than 20 MiB", nil},
		"many files": {"success", scan, map[string][]byte{"scan": zipped(t, strings.Split(strings.Repeat("a.sarif\x00"+oneResult("note", "a.go")+"\x00", maxFiles+1), "\x00")[:2*maxFiles+2]...)},
			pipeline.Failed, "one file too many", nil},
		"many bombs": {"success", scan, map[string][]byte{"scan": zipped(t, strings.Split(strings.Repeat("a.sarif\x00"+oneResult("note", "a.go")+strings.Repeat(" ", 9<<20)+"\x00", 6), "\x00")[:12]...)},
			pipeline.Failed, "more than 50 MiB together", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := analysedRun(t, c.conclusion, c.with, c.artifacts)
			if got.Status != c.status || !strings.Contains(got.Summary, c.summary) {
				t.Errorf("%s: %q, want %s: %q", got.Status, got.Summary, c.status, c.summary)
			}
			if diff := cmp.Diff(c.annotations, got.Annotations); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
		})
	}
}

// While GitHub does not hand out an artifact it is not known what was found, nothing is decided, and no log is read.
func TestAnalysisWaitsForGitHub(t *testing.T) {
	f := newFake(true)
	r := f.request("ex-1-1-1")
	r.With["sarif"] = []any{"scan"}
	e := f.executor()
	handle, err := e.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	f.end(r.ID, "success")
	f.withheld = true
	var temporary *forge.TemporaryError
	if got, err := e.Status(t.Context(), r, handle); !errors.As(err, &temporary) || got.Status != "" || f.listed != 0 {
		t.Errorf("%v, %+v; jobs were listed %d times", err, got, f.listed)
	}
}

// What analysers quote is told without the server's secrets.
func TestAnalysisIsMasked(t *testing.T) {
	f := newFake(true)
	f.artifacts = map[string][]byte{"scan": zipped(t, "a.sarif", oneResult("error", "main.go"))}
	e := f.executor()
	e.Secrets = []string{"look here"}
	var report executor.Report
	if err := e.analyse(t.Context(), &report, parameters{sarif: []string{"scan"}}, executor.Request{Repo: "shop"}, 100); err != nil {
		t.Fatal(err)
	}
	if len(report.Annotations) != 1 || report.Annotations[0].Message != "***" {
		t.Errorf("%+v", report.Annotations)
	}
}

// Names that GitHub gives to no artifact are wrong in the configuration.
func TestArtifactNames(t *testing.T) {
	for name, want := range map[string]bool{"scan": true, "my scan 1.2": true, "${build.name}": true, "": false, "a/b": false, "a*": false, "a\nb": false, strings.Repeat("x", 256): false} {
		_, err := read(map[string]any{"workflow": "load.yml", "sarif": []any{name}})
		if (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// FuzzArchive: whatever a run hands on, it is read within bounds or refused in one line.
func FuzzArchive(f *testing.F) {
	f.Add(zipped(f, "a.sarif", oneResult("error", "a.go")))
	f.Add(zipped(f, "a.sarif.json", "{}", "b", "c"))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, data []byte) {
		u := &unpacking{workspace: "/home/runner/work/shop/shop", mask: strings.ToLower}
		results, err := u.archive(data)
		if u.bytes > maxUnpacked+sarif.MaxBytes+1 || err == nil && u.files > maxFiles {
			t.Errorf("%d files, %d bytes", u.files, u.bytes)
		}
		for _, r := range results {
			if strings.HasPrefix(r.Path, "/") || strings.HasPrefix(r.Path, "../") {
				t.Errorf("path %q", r.Path)
			}
		}
	})
}
