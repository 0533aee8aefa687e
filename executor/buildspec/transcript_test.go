package buildspec

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sluicehq/sluice/executor"
)

var update = flag.Bool("update", false, "write the transcripts of testdata/builds anew")

// TestBuilds runs the buildspecs of testdata/builds and compares what came of them with the transcript at their end. Those
// called rule_ are the rules by which CodeBuild runs a build, one each.
func TestBuilds(t *testing.T) {
	files, err := filepath.Glob("testdata/builds/*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	runtimes := t.TempDir()
	program(t, filepath.Join(runtimes, "golang/1.22.5/bin/go"), "go version go1.22.5 linux/amd64")
	program(t, filepath.Join(runtimes, "nodejs/20.19.2/bin/node"), "v20.19.2")
	program(t, filepath.Join(runtimes, "python/3.12.1/bin/python3"), "Python 3.12.1")
	program(t, filepath.Join(runtimes, "java/17.0.9/bin/java"), "17.0.9")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := transcript(t, archive, runtimes)
			last := len(archive.Files) - 1
			if *update {
				if archive.Files[last].Name != "transcript" {
					archive.Files = append(archive.Files, txtar.File{Name: "transcript"})
					last++
				}
				archive.Files[last].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[last].Data), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// transcript runs a build and writes down all that came of it, without what differs from run to run.
func transcript(t *testing.T, archive *txtar.Archive, runtimes string) string {
	t.Helper()
	files := map[string]string{}
	for _, f := range archive.Files {
		if f.Name != "transcript" {
			files[f.Name] = string(f.Data)
		}
	}
	r := request("ex-1-1-1")
	r.BranchKind = "feature"
	for line := range strings.Lines(string(archive.Comment)) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ": "); name {
		case "outputs":
			r.Outputs = strings.Fields(value)
		case "kind":
			r.BranchKind = value
		case "env":
			name, value, _ := strings.Cut(value, "=")
			r.With = map[string]any{"env": map[string]any{name: value}}
		}
	}
	w := newWorld(t, files)
	e := w.executor(withVault(vault{
		"/shop/database-url": "postgres://shop:t0p-secret@db/shop", "shop/registry": `{"user":"ci-builder","password":"pass-of-the-registry"}`,
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/registry-AbCdEf": `{"user":"ci-builder","password":"pass-of-the-registry"}`,
	}), withCaches(filepath.Join(w.dir, "caches")), func(o *Options) { o.Runtimes = runtimes })
	got := w.run(e, r)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n%s", got.Status, got.Summary, wholeLog(t, e, r))
	for _, a := range got.Annotations {
		fmt.Fprintf(&b, "\n%s:%d: %s: %s", a.Path, a.StartLine, a.Title, a.Message)
	}
	for _, name := range slices.Sorted(maps.Keys(got.Variables)) {
		fmt.Fprintf(&b, "\nvariable %s=%s", name, got.Variables[name])
	}
	for _, name := range slices.Sorted(maps.Keys(got.Artifacts)) {
		content := w.extract(got.Artifacts[name])
		for _, path := range slices.Sorted(maps.Keys(content)) {
			fmt.Fprintf(&b, "\nartifact %s: %s: %s", name, path, strings.TrimSpace(content[path]))
		}
	}
	for _, r := range got.Tests {
		fmt.Fprintf(&b, "\nreport %s (%s): %d tests, %d passed, %d failed, %d errors, %d of %d lines %s", r.Group, r.Format, r.Tests, r.Passed, r.Failed, r.Errored, r.Covered, r.Lines, r.Problem)
		for _, f := range r.Failures {
			fmt.Fprintf(&b, "\n  %s: %s at %s:%d", f.Title, f.Message, f.Path, f.Line)
		}
	}
	return normal(b.String(), w.dir, runtimes)
}

// wholeLog is all that an action that has ended wrote, in all its tries.
func wholeLog(t *testing.T, e *Executor, r executor.Request) string {
	t.Helper()
	var log []byte
	for at := (executor.LogPlace{}); ; {
		part, err := e.ReadLog(t.Context(), r, at, 1<<20)
		if err != nil || part.LeftOut > 0 {
			t.Fatalf("%v, %d bytes are missing", err, part.LeftOut)
		}
		log, at = append(log, part.Text...), part.Next
		if part.Ended {
			return string(log)
		}
	}
}

var (
	durationRE = regexp.MustCompile(`\bin [0-9.]+m?s\b`)
	shellRE    = regexp.MustCompile(`(?m)^\$WORK\S*: .*(?:[Ss]yntax error|then).*$`)
)

// normal replaces folders, durations and the shell's own words.
func normal(text, dir, runtimes string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, dir, "$WORK"), runtimes, "$RUNTIMES")
	text = durationRE.ReplaceAllString(text, "in TIME")
	text = shellRE.ReplaceAllString(text, "(the shell says that this is no command)")
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " \t\r")
	}
	return strings.Join(lines, "\n") + "\n"
}
