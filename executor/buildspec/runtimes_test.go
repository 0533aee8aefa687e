package buildspec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/pipeline"
)

// program writes a script that says something.
func program(t *testing.T, path, says string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho '"+says+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestRuntimeVersions(t *testing.T) {
	installed, kept := t.TempDir(), t.TempDir()
	program(t, filepath.Join(installed, "node"), "v20.19.2")
	program(t, filepath.Join(installed, "go"), "go version go1.26.8 linux/amd64")
	program(t, filepath.Join(installed, "java"), `openjdk version "17.0.9" 2023-10-17`)
	for _, v := range []string{"18.2.0", "18.10.1", "22.0.0"} {
		program(t, filepath.Join(kept, "nodejs", v, "bin", "node"), "v"+v)
	}
	program(t, filepath.Join(kept, "java", "21.0.2", "bin", "java"), "21.0.2")
	for name, tc := range map[string]struct {
		runtimes, command string
		kept              string
		status            pipeline.Status
		want              string
	}{
		"the newest that is kept and fits":  {"{nodejs: 18}", "node", kept, pipeline.Succeeded, "\nv18.10.1\n"},
		"latest is the newest of all":       {"{nodejs: latest}", "node", kept, pipeline.Succeeded, "\nv22.0.0\n"},
		"what is installed, where it fits":  {"{nodejs: 20.x}", "node", kept, pipeline.Succeeded, "\nv20.19.2\n"},
		"without a folder, too":             {"{go: 1.26, java: corretto17}", "go", "", pipeline.Succeeded, "Runtime java corretto17 is 17.0.9 from this host"},
		"java's home goes with it":          {"{java: openjdk21}", "echo $JAVA_HOME", kept, pipeline.Succeeded, "/java/21.0.2\n"},
		"a variable":                        {"{nodejs: $NODE}", "node", kept, pipeline.Succeeded, "\nv18.2.0\n"},
		"one that is not there":             {"{golang: 1.22}", "go", kept, pipeline.Failed, "runtime-versions: golang 1.22 is wanted, and this host has 1.26.8; the operator puts it into"},
		"1.2 is not 1.26":                   {"{golang: 1.2}", "go", "", pipeline.Failed, "keeps several versions by --build-runtimes"},
		"a language that is not there":      {"{ruby: 3.2}", "ruby", "", pipeline.Failed, "none is installed on this host"},
		"a variable that is not a version":  {"{nodejs: $NOPE}", "node", kept, pipeline.Failed, "which is not a version"},
		"a variable that leads out of here": {"{nodejs: $EVIL}", "node", kept, pipeline.Failed, "which is not a version"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, spec("env: {variables: {NODE: 18.2, EVIL: ../../x}}", "phases:", "  install:", "    runtime-versions: "+tc.runtimes, "  build: {commands: ['"+tc.command+"']}"))
			got := w.run(w.executor(func(o *Options) { o.Runtimes, o.Path = tc.kept, installed+":"+DefaultPath }), request("ex-1-1-1"))
			if got.Status != tc.status || !strings.Contains(got.Summary+"\n"+got.Log, tc.want) {
				t.Errorf("%s %s\n%s\nwant %s %q", got.Status, got.Summary, got.Log, tc.status, tc.want)
			}
			if tc.status == pipeline.Failed && (len(got.Annotations) != 1 || got.Annotations[0].StartLine != 5) {
				t.Errorf("annotations %+v, want line 5", got.Annotations)
			}
		})
	}
}
