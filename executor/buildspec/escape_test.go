package buildspec

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// marked is in every file that no build may get, and so in no report, artifact or cache.
const marked = "of-the-server"

// ways are those in which builds are kept from the host. Kept tells whether anything is promised against a malicious build.
var ways = map[string]struct {
	change func(t *testing.T) func(*Options)
	kept   bool
}{
	"sandbox":               {func(t *testing.T) func(*Options) { t.Helper(); return sandboxed(t) }, true},
	"user":                  {asNobody, true},
	"user and sandbox":      {userAndSandbox, true},
	"the server's own user": {func(*testing.T) func(*Options) { return func(*Options) {} }, false},
}

func asNobody(t *testing.T) func(*Options) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	return func(o *Options) { o.User = nobody() }
}

func userAndSandbox(t *testing.T) func(*Options) {
	t.Helper()
	boxed, other := sandboxed(t), asNobody(t)
	return func(o *Options) { boxed(o); other(o) }
}

// treasure is a folder of the server's, with files that a build would like to have read for it.
type treasure struct{ dir string }

func newTreasure(t *testing.T) treasure {
	t.Helper()
	v := treasure{t.TempDir()}
	for name, text := range map[string]string{
		"secret": marked, "file": marked,
		"report.xml":  `<testsuite name="s"><testcase name="` + marked + `"><failure message="` + marked + `"/></testcase></testsuite>`,
		"found.sarif": `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"ruleId":"` + marked + `","level":"note","message":{"text":"` + marked + `"}}]}]}`,
	} {
		if err := os.WriteFile(filepath.Join(v.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// state is what is in it, with what could be changed about it.
func (v treasure) state(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := []byte("-")
		if info.Mode().IsRegular() {
			text, err = os.ReadFile(path)
		}
		s := info.Sys().(*syscall.Stat_t)
		out[path] = fmt.Sprintf("%s %d:%d %s %s", info.Mode(), s.Uid, s.Gid, info.ModTime(), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// handedOn is everything that left a build: its report, what is in its artifacts, and what is in caches.
func (w *world) handedOn(got executor.Report) string {
	w.t.Helper()
	b, err := json.Marshal(got)
	if err != nil {
		w.t.Fatal(err)
	}
	all := bytes.NewBuffer(b)
	archives, err := filepath.Glob(filepath.Join(w.dir, "caches", "*", "*", "*.tgz"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, a := range got.Artifacts {
		archives = append(archives, filepath.Join(w.dir, "artifacts", a.Location))
	}
	for _, path := range archives {
		f, err := os.Open(path)
		if err != nil {
			w.t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			w.t.Fatal(err)
		}
		for archive := tar.NewReader(z); ; {
			h, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				w.t.Fatal(err)
			}
			fmt.Fprintf(all, "\n%s: ", h.Name)
			if _, err := io.Copy(all, archive); err != nil {
				w.t.Fatal(err)
			}
		}
		_ = f.Close()
	}
	return all.String()
}

// Whatever a build makes of its folders, nothing beside them is read or written for it, and nobody waits for it.
func TestNoBuildLeavesItsFolders(t *testing.T) {
	const file = `
env: {exported-variables: [GIVEN]}
phases:
  build: {commands: ['. ./attack.sh']}
artifacts: {files: [app.txt, 'more/**/*']}
reports: {unit: {files: ['report.xml']}}
cache: {paths: ['kept/**/*', '$HOME/**/*']}
`
	// As the server's own user a build does these itself, and needs nobody for it.
	itself := map[string]bool{"out becomes a link": true, "an artifact is a hard link": true, "an exported value is a link": true}
	for name, attack := range map[string]string{
		"nothing":                         `mkdir more kept; echo text > app.txt`,
		"src becomes a link":              `echo text > app.txt; cd /; take src`,
		"home becomes a link":             `echo text > app.txt; take home`,
		"state becomes a link":            `echo text > app.txt; take state`,
		"out becomes a link":              `echo text > app.txt; take out; export GIVEN=overwritten`,
		"tmp becomes a link":              `echo text > app.txt; take tmp`,
		"the folder of all becomes one":   `echo text > app.txt; cd /; mv "$work" "$work.moved" 2>/dev/null && { echo MOVED all; mkdir "$work"; ln -s "$vault" "$work/src"; }`,
		"an artifact is a link":           `ln -s "$vault/secret" app.txt; ln -s "$vault" more`,
		"an artifact is a link upwards":   `ln -s ../../../../../../../../../../../../"$vault/secret" app.txt`,
		"an artifact's folder is a link":  `echo text > app.txt; ln -s "$vault" more; ln -s "$vault" kept`,
		"an artifact is a hard link":      `ln "$vault/secret" app.txt 2>/dev/null || echo text > app.txt; ln "$vault/secret" ~/hard 2>/dev/null`,
		"an artifact is a pipe":           `mkfifo app.txt; mkdir more kept; mkfifo more/p kept/p`,
		"a report is a link":              `echo text > app.txt; ln -s "$vault/report.xml" report.xml`,
		"a report is a pipe":              `echo text > app.txt; mkfifo report.xml`,
		"a report is a link to a pipe":    `echo text > app.txt; mkfifo pipe; ln -s pipe report.xml`,
		"a report is a link to itself":    `echo text > app.txt; ln -s report.xml report.xml`,
		"results are a link":              `echo text > app.txt; ln -s "$vault/found.sarif" found.sarif`,
		"results are a pipe":              `echo text > app.txt; mkfifo found.sarif`,
		"results are a device":            `echo text > app.txt; ln -s /dev/zero found.sarif`,
		"a cached folder is a link":       `echo text > app.txt; ln -s "$vault" kept; ln -s "$vault" ~/kept`,
		"a cached file is a link":         `echo text > app.txt; mkdir kept; ln -s "$vault/secret" kept/a; ln -s "$vault/secret" ~/b`,
		"an exported value is a link":     `echo text > app.txt; export GIVEN=overwritten; rm -f "$work/out/variable-GIVEN"; ln -s "$vault/secret" "$work/out/variable-GIVEN" 2>/dev/null`,
		"an exported value is a folder":   `echo text > app.txt; export GIVEN=given; mkdir "$work/out/variable-GIVEN"`,
		"an exported value is very large": `echo text > app.txt; export GIVEN=$(head -c 100000 /dev/zero | tr '\0' x)`,
		"a command that will be read":     `echo text > app.txt; for i in 2 3 4 5; do ln -sf "$vault/secret" "$work/state/command-000$i" 2>/dev/null; done; rm -f "$work/state/driver" 2>/dev/null && echo MOVED driver`,
		"a tree without end":              `echo text > app.txt; p=d; for i in 1 2 3 4 5 6 7 8 9; do p=$p/$p; done; mkdir more; for i in 1 2 3 4 5 6 7 8; do mkdir -p n/$p; mv more n/$p/ && mv n more || exit; done; echo DEEP`,
		"all of it changes all the time":  `mkdir more; (trap "" TERM HUP; while :; do ln -sfn "$vault/secret" app.txt; ln -sfn "$vault" more; rm -f app.txt more report.xml found.sarif; mkfifo app.txt report.xml found.sarif; rm -f report.xml; ln -s "$vault/report.xml" report.xml; rm -f app.txt; mkdir -p more; echo text > app.txt; rm -rf more; done) >/dev/null 2>&1 &`,
	} {
		for way, with := range ways {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Parallel()
				change, v := with.change(t), newTreasure(t)
				files := spec(strings.TrimPrefix(file, "\n"))
				files["attack.sh"] = "vault=" + v.dir + "\nwork=${CODEBUILD_SRC_DIR%/src}\n" +
					"take() { mv \"$work/$1\" \"$work/$1.moved\" 2>/dev/null && { echo MOVED $1; ln -s \"$vault\" \"$work/$1\"; }; }\n" + attack + "\n:\n"
				w := newWorld(t, files)
				openToAll(t, w.dir)
				before := v.state(t)
				r := request("ex-1-1-1")
				r.Outputs = []string{"app"}
				r.With = map[string]any{"sarif": "found.sarif", "sarif_fail_on": "none"}
				got := w.run(w.executor(change, func(o *Options) { o.Caches = filepath.Join(w.dir, "caches") }), r)
				if name == "nothing" && got.Status != pipeline.Failed { // for want of results
					t.Errorf("%s %s", got.Status, got.Summary)
				}
				if name == "nothing" && got.Artifacts["app"].Size == 0 {
					t.Errorf("no artifact: %s\n%s", got.Summary, got.Log)
				}
				if !with.kept && itself[name] {
					return
				}
				if name == "a tree without end" && !strings.Contains(got.Log, "\nDEEP\n") {
					t.Errorf("the tree was not made\n%s", got.Log)
				}
				if all := w.handedOn(got); strings.Contains(all, marked) {
					t.Errorf("handed on:\n%s", all)
				}
				if diff := cmp.Diff(before, v.state(t)); diff != "" {
					t.Errorf("changed (-before +after)\n%s", diff)
				}
				// The folder of all that a sandbox shows is none of the host's.
				if with.kept && strings.Contains(got.Log, "\nMOVED") && !(strings.Contains(way, "sandbox") && strings.Contains(got.Log, "\nMOVED all")) {
					t.Errorf("a folder was replaced\n%s", got.Log)
				}
				if left, err := filepath.Glob(filepath.Join(w.dir, "builds", "*", "work-*")); err != nil || len(left) > 0 {
					t.Errorf("left behind: %v, %v", left, err)
				}
			})
		}
	}
}

// What a repository or an earlier build has linked to does not lead a cache out of the source either.
func TestACacheIsRestoredIntoTheSource(t *testing.T) {
	const file = "phases: {build: {commands: ['mkdir -p kept; echo new > kept/file; echo new > kept/other']}}\ncache: {paths: ['kept/**/*']}"
	for way, with := range ways {
		t.Run(way, func(t *testing.T) {
			v := newTreasure(t)
			w := newWorld(t, spec(file))
			openToAll(t, w.dir)
			e := w.executor(with.change(t), func(o *Options) { o.Caches = filepath.Join(w.dir, "caches") })
			if got := w.run(e, request("ex-1-1-1")); !strings.Contains(got.Log, "2 files saved") {
				t.Fatalf("%s %s\n%s", got.Status, got.Summary, got.Log)
			}
			before := v.state(t)
			w.src.files = maps.Clone(w.src.files)
			w.src.files["kept"] = "->" + v.dir
			w.src.files["buildspec.yml"] = strings.ReplaceAll(w.src.files["buildspec.yml"], "mkdir -p kept; echo new > kept/file; echo new > kept/other", "true")
			if got := w.run(e, request("ex-2-1-1")); !strings.Contains(got.Log, "Cache: 0 files restored, then:") || got.Status != pipeline.Succeeded {
				t.Errorf("%s %s\n%s", got.Status, got.Summary, got.Log)
			}
			if diff := cmp.Diff(before, v.state(t)); diff != "" {
				t.Errorf("changed (-before +after)\n%s", diff)
			}
		})
	}
}

// What cannot be an artifact fails the build, and is not tried again for ever.
func TestWhatCannotBeAnArtifact(t *testing.T) {
	for name, tc := range map[string]struct {
		spec, want string
		limits     artifact.Limits
	}{
		"a link that leads out": {"phases: {build: {commands: ['ln -s ../../x out']}}\nartifacts: {files: [out], enable-symlinks: yes}", `artifact app: out: the link leads to "../../x"`, artifact.Limits{}},
		"too many bytes":        {"phases: {build: {commands: ['echo text > a']}}\nartifacts: {files: [a]}", "artifact app: a: the artifact is larger than is allowed", artifact.Limits{Bytes: 4}},
		"too many files":        {"phases: {build: {commands: ['touch a b c']}}\nartifacts: {files: [a, b, c]}", "artifact app: 3 files; at most 2 are packed", artifact.Limits{Entries: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, spec(tc.spec))
			store, err := artifact.Open(t.Context(), artifact.Options{URL: t.TempDir(), Limits: tc.limits})
			if err != nil {
				t.Fatal(err)
			}
			r := request("ex-1-1-1")
			r.Outputs = []string{"app"}
			got := w.run(w.executor(func(o *Options) { o.Artifacts = store }), r)
			if got.Status != pipeline.Failed || !strings.HasPrefix(got.Summary, tc.want) || len(got.Annotations) != 1 {
				t.Errorf("%s %q %+v", got.Status, got.Summary, got.Annotations)
			}
		})
	}
}
