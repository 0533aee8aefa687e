package buildspec

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/executortest"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

func TestExecutor(t *testing.T) {
	executortest.Run(t, executortest.Harness{
		World:   suiteWorld,
		Secrets: []string{"hunter2-and-more"},
		Rings:   true,
		Wrong: map[string]map[string]any{
			"fiel": {"fiel": "x.yml"}, "file": {"file": "../x.yml"}, "network": {"network": "some"}, "env.LD_PRELOAD": {"env": map[string]any{"LD_PRELOAD": "x"}},
		},
	})
}

func suiteWorld(t *testing.T) *executortest.World {
	w := newWorld(t, nil)
	gates := t.TempDir()
	wait := func(end string) string {
		return "['echo x >> " + gates + "/$CODEBUILD_BUILD_ID.starts', echo hunter2-and-more, 'while ! test -e " + gates +
			"/$CODEBUILD_BUILD_ID; do sleep 0.01; done', " + end + "]"
	}
	w.src.files = map[string]string{
		"buildspec.yml": "version: 0.2\nphases: {build: {commands: " + wait("echo ok") + "}}\nartifacts: {files: [buildspec.yml]}\n",
		"fails.yml":     "version: 0.2\nphases: {build: {commands: " + wait("'false'") + "}}\n",
		"bad.yml":       "version: 0.2\n",
	}
	return w.suite(gates, func(s executortest.Scenario, id string) executor.Request {
		r := request(id)
		r.With = map[string]any{"file": map[executortest.Scenario]string{
			executortest.Succeeds: "buildspec.yml", executortest.Fails: "fails.yml", executortest.Impossible: "bad.yml",
		}[s]}
		if s == executortest.Succeeds {
			r.Outputs = []string{"app"}
		}
		return r
	})
}

// suite is the world of the suite, whose builds write a line to ID.starts in a folder when they begin, and end when there is a file ID.
func (w *world) suite(gates string, request func(s executortest.Scenario, id string) executor.Request) *executortest.World {
	return &executortest.World{
		Executor: func(bell *executor.Bell) executor.Executor {
			return w.executor(func(o *Options) { o.Ring = bell.Ring })
		},
		Request: request,
		Finish: func(id string) {
			if err := os.WriteFile(filepath.Join(gates, "sluice:"+id), nil, 0o600); err != nil {
				w.t.Error(err)
			}
		},
		Starts: func(id string) int {
			path := filepath.Join(gates, "sluice:"+id+".starts")
			b, err := os.ReadFile(path)
			for end := time.Now().Add(90 * time.Second); (errors.Is(err, fs.ErrNotExist) || err == nil && len(b) == 0) && time.Now().Before(end); { // the shell makes the file before it writes
				b, err = os.ReadFile(path)
			}
			return strings.Count(string(b), "x")
		},
		Disturb: func() func() {
			set := func(err error) {
				w.src.mu.Lock()
				defer w.src.mu.Unlock()
				w.src.err = err
			}
			set(errors.New("the network is down"))
			return func() { set(nil) }
		},
	}
}

// A build that is stopped while its revision is cloned ends as one that is stopped later.
func TestStoppedDuringTheClone(t *testing.T) {
	w := newWorld(t, spec("phases: {build: {commands: [sleep 1000]}}"))
	e, r := w.executor(), request("ex-1-1-1")
	w.src.during = func() {
		if err := e.Stop(t.Context(), r, r.ID); err != nil {
			t.Error(err)
		}
	}
	if got := w.run(e, r); got.Status != pipeline.Stopped {
		t.Errorf("%s: %s", got.Status, got.Summary)
	}
}

// Who does not want a build any more while its revision is cloned ends the context: no command runs, and what is told to stop by the
// request alone ends as stopped.
func TestCalledOffBeforeItBegins(t *testing.T) {
	w := newWorld(t, spec("phases: {build: {commands: [touch $SLUICE_TRACE]}}"))
	e, r := w.executor(), request("ex-1-1-1")
	trace := filepath.Join(w.dir, "trace")
	r.Env["SLUICE_TRACE"] = trace
	ctx, cancel := context.WithCancel(t.Context())
	w.src.during = cancel
	if handle, err := e.Start(ctx, r); !errors.Is(err, context.Canceled) || executor.IsPermanent(err) {
		t.Errorf("started as %q: %v", handle, err)
	}
	if err := e.Stop(t.Context(), r, ""); err != nil {
		t.Fatal(err)
	}
	w.src.during = nil
	if got := w.run(e, r); got.Status != pipeline.Stopped {
		t.Errorf("%s: %s", got.Status, got.Summary)
	}
	if _, err := os.Stat(trace); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a command ran: %v", err)
	}
}

// The supervisor is there while the revision is cloned, and gone when that fails; nothing has begun then.
func TestTheSupervisorIsReadyByTheClone(t *testing.T) {
	w := newWorld(t, spec("phases: {build: {commands: [echo built]}}"))
	e, r := w.executor(), request("ex-1-1-1")
	try := e.workspace(r.ID).Try(1)
	look := func(want supervise.State) {
		t.Helper()
		if state, _, err := supervise.Look(try); state != want || err != nil {
			t.Errorf("%s, %v, want %s", state, err, want)
		}
	}
	w.src.during = func() {
		look(supervise.Running)
		w.src.files = nil
	}
	files := w.src.files
	w.src.err = errors.New("the network is down")
	if _, err := e.Start(t.Context(), r); !errors.Is(err, w.src.err) {
		t.Errorf("%v, want the clone's error", err)
	}
	look(supervise.Absent)
	w.src.err = nil
	if got := w.run(e, r); got.Status != pipeline.Failed || !strings.Contains(got.Summary, "no such file") {
		t.Errorf("%s: %s, want no buildspec", got.Status, got.Summary)
	}
	look(supervise.Absent)
	w.src.during, w.src.files = nil, files
	r.ID = "ex-2-1-1"
	if got := w.run(e, r); got.Status != pipeline.Succeeded || !slices.Contains(said(got.Log), "built") {
		t.Errorf("%s: %s", got.Status, got.Summary)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SERVER_SECRET", "x")
	w := newWorld(t, spec("env: {variables: {A: spec, B: spec, C: spec}}", "phases: {build: {commands: ['env | sort > env.txt']}}", "artifacts: {files: [env.txt]}"))
	r := request("ex-1-1-1")
	r.With = map[string]any{"env": map[string]any{"C": "with"}}
	r.Env["B"], r.Env["C"] = "action", "action"
	r.Outputs = []string{"env"}
	got := w.run(w.executor(), r)
	if got.Status != pipeline.Succeeded {
		t.Fatalf("%+v", got)
	}
	out := w.extract(got.Artifacts["env"])
	var names []string
	values := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(out["env.txt"]), "\n") {
		name, value, _ := strings.Cut(line, "=")
		names, values[name] = append(names, name), value
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == "_" || n == "PWD" || n == "OLDPWD" || n == "SHLVL" })
	want := strings.Fields("A AWS_EC2_METADATA_DISABLED B C CODEBUILD_BUILD_ARN CODEBUILD_BUILD_ID CODEBUILD_BUILD_IMAGE CODEBUILD_BUILD_NUMBER CODEBUILD_BUILD_SUCCEEDING " +
		"CODEBUILD_INITIATOR CODEBUILD_LOG_PATH CODEBUILD_RESOLVED_SOURCE_VERSION CODEBUILD_SOURCE_REPO_URL CODEBUILD_SOURCE_VERSION CODEBUILD_SRC_DIR CODEBUILD_START_TIME " +
		"CODEBUILD_WEBHOOK_EVENT CODEBUILD_WEBHOOK_HEAD_REF CODEBUILD_WEBHOOK_TRIGGER HOME LANG PATH SLUICE_BRANCH SLUICE_SUPERVISED SLUICE_VERSION TMPDIR")
	slices.Sort(names)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got)\n%s", diff)
	}
	for name, want := range map[string]string{
		"A": "spec", "B": "action", "C": "with", "PATH": DefaultPath, "CODEBUILD_RESOLVED_SOURCE_VERSION": sha,
		"CODEBUILD_WEBHOOK_TRIGGER": "branch/release/1.4.0", "CODEBUILD_BUILD_ID": "sluice:ex-1-1-1",
	} {
		if values[name] != want {
			t.Errorf("%s is %q, want %q", name, values[name], want)
		}
	}
	if values["HOME"] == os.Getenv("HOME") || values["HOME"] == "" {
		t.Errorf("HOME is %q", values["HOME"])
	}
	r.PreviousSHA, r.ActorID = strings.Repeat("9", 40), 4711
	e := w.executor(func(o *Options) { o.Page = func(executor.Request) string { return "https://sluice.example/x" } })
	env := e.environment(r, params{}, &Spec{}, nil, "/work")
	for name, want := range map[string]string{
		"CODEBUILD_WEBHOOK_PREV_COMMIT": r.PreviousSHA, "CODEBUILD_WEBHOOK_ACTOR_ACCOUNT_ID": "4711", "CODEBUILD_PUBLIC_BUILD_URL": "https://sluice.example/x",
	} {
		if env[name] != want {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
}

// extract unpacks an artifact into a map.
func (w *world) extract(a pipeline.Artifact) map[string]string {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "out")
	if err := w.store.Extract(w.t.Context(), a, dir); err != nil {
		w.t.Fatal(err)
	}
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		if d.Type()&fs.ModeSymlink != 0 {
			name += "@"
		}
		out[name] = string(b)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func TestExportedVariables(t *testing.T) {
	w := newWorld(t, spec("env: {exported-variables: [A, B, MULTI, LATE, UNSET, SHELL_ONLY, HUGE], variables: {A: old}}",
		`phases: {build: {commands: ["export A=new B='b $(c)' MULTI=\"1\n2\"", SHELL_ONLY=x, 'export HUGE=$(head -c 20000 /dev/zero | tr ''\0'' x)']}, post_build: {commands: [export LATE=1]}}`))
	got := w.run(w.executor(), request("ex-1-1-1"))
	want := map[string]string{"A": "new", "B": "b $(c)", "MULTI": "1\n2", "LATE": "1"}
	if diff := cmp.Diff(want, got.Variables); diff != "" || got.Status != pipeline.Succeeded {
		t.Errorf("%s (-want +got)\n%s\n%s", got.Status, diff, got.Log)
	}
}

func TestArtifactsAndInputs(t *testing.T) {
	files := spec("phases:", "  build:", "    commands:",
		"      - mkdir -p out-1/web out-2 && echo a > out-1/a.txt && echo i > out-1/web/i.html && echo m > out-1/web/i.map && echo b > out-2/b.txt",
		"      - ln -s a.txt out-1/link; ln -s /etc/passwd out-1/evil; mkfifo out-1/pipe; echo c > c.bin; cat $CODEBUILD_SRC_DIR_lib_x/l.txt > fromlib",
		"artifacts:", "  name: shop-$(echo 1.4)-\"$SLUICE_VERSION\"", "  base-directory: out-*", "  files: ['**/*']", "  exclude-paths: ['**/*.map']",
		"  secondary-artifacts:", "    flat: {files: ['out-1/**/*.html', c.bin], discard-paths: yes}", "    links: {base-directory: out-1, files: [link, a.txt], enable-symlinks: yes}",
		"    lib: {files: [fromlib, nothing/*]}")
	files[".git/config"] = "secret"
	w := newWorld(t, files)
	libDir := t.TempDir()
	if err := os.WriteFile(filepath.Join(libDir, "l.txt"), []byte("lib\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tree, err := artifact.OpenTree(libDir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	lib, err := w.store.Save(t.Context(), "lib-x", tree, []artifact.File{{Path: "l.txt"}}, commit)
	if err != nil {
		t.Fatal(err)
	}
	r := request("ex-1-1-1")
	r.Inputs = map[string]pipeline.Artifact{"lib-x": lib}
	r.Outputs = []string{"app", "flat", "links", "lib"}
	got := w.run(w.executor(), r)
	if got.Status != pipeline.Succeeded {
		t.Fatalf("%s %s\n%s", got.Status, got.Summary, got.Log)
	}
	for name, want := range map[string]map[string]string{
		"app":   {"a.txt": "a\n", "web/i.html": "i\n", "b.txt": "b\n", "link": "a\n"},
		"flat":  {"i.html": "i\n", "c.bin": "c\n"},
		"links": {"a.txt": "a\n", "link@": "a\n"},
		"lib":   {"fromlib": "lib\n"},
	} {
		if diff := cmp.Diff(want, w.extract(got.Artifacts[name])); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	for _, want := range []string{"artifact app: 2 entries are no regular files", "artifact lib: nothing/* matches no file", `(primary) is named shop-1.4-"1.4.0"`} {
		if !strings.Contains(got.Log, want) {
			t.Errorf("log lacks %q:\n%s", want, got.Log)
		}
	}
	entries, _ := filepath.Glob(filepath.Join(w.dir, "builds", "ex-1-1-1", "work-*"))
	if len(entries) > 0 {
		t.Errorf("the workspace stays: %v", entries)
	}
}

// The same revision gives the same artifact.
func TestArtifactsAreReproducible(t *testing.T) {
	w := newWorld(t, spec("phases: {build: {commands: ['mkdir d; echo $SLUICE_VERSION > d/v; touch d/w']}}", "artifacts: {files: ['d/*']}"))
	e := w.executor()
	var digests []string
	for i := range 2 {
		r := request(fmt.Sprintf("ex-1-1-%d", i+1))
		r.Outputs = []string{"app"}
		digests = append(digests, w.run(e, r).Artifacts["app"].Digest)
	}
	if digests[0] != digests[1] || digests[0] == "" {
		t.Errorf("digests %v", digests)
	}
}

func TestReportsOnWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		files   map[string]string
		outputs []string
		summary string
		line    int
	}{
		"a wrong key":            {spec("phases: {build: {commands: [x]}}", "caches: {}"), nil, "buildspec.yml:3:1: caches is not known", 3},
		"no buildspec":           {map[string]string{"README": ""}, nil, "buildspec.yml:1:1: the revision has no such file", 1},
		"a missing artifact":     {spec("phases: {build: {commands: ['true']}}", "artifacts:", "  files: [dist/*]"), []string{"app"}, "artifact app: no matching artifact paths found: dist/* matches no file", 3},
		"two files of one name":  {spec("phases: {build: {commands: ['mkdir a b; touch a/x b/x']}}", "artifacts: {files: ['*/x'], discard-paths: yes}"), []string{"app"}, "would both be called x", 3},
		"no folder for the base": {spec("phases: {build: {commands: ['true']}}", "artifacts: {files: [x], base-directory: out}"), []string{"app"}, "no folder matches base-directory out", 3},
		"an output nobody makes": {spec("phases: {build: {commands: ['true']}}", "artifacts: {files: [x]}"), []string{"app", "docs"}, `output "docs" needs artifacts.secondary-artifacts.docs`, 1},
		"a command that fails":   {spec("phases:", "  build:", "    commands:", "      - 'true'", "      - 'false'"), nil, "phase build failed: COMMAND_EXECUTION_ERROR", 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tc.files)
			r := request("ex-1-1-1")
			r.Outputs = tc.outputs
			got := w.run(w.executor(), r)
			if got.Status != pipeline.Failed || !strings.Contains(got.Summary, tc.summary) {
				t.Errorf("%s: %s, want %q", got.Status, got.Summary, tc.summary)
			}
			if len(got.Annotations) != 1 || got.Annotations[0].StartLine != tc.line || got.Annotations[0].Path != "buildspec.yml" {
				t.Errorf("annotations %+v, want one on line %d", got.Annotations, tc.line)
			}
		})
	}
}

// A repository whose buildspec only tests has no artifacts: the output of the default pipeline is then not made.
func TestNoArtifactsAtAll(t *testing.T) {
	w := newWorld(t, spec("phases: {build: {commands: ['true']}}"))
	r := request("ex-1-1-1")
	r.Outputs = []string{"app"}
	got := w.run(w.executor(), r)
	if got.Status != pipeline.Succeeded || len(got.Artifacts) != 0 || !strings.Contains(got.Log, "output app is not made") {
		t.Errorf("%+v", got)
	}
}

func TestNothingRunsWhereItIsNotAllowed(t *testing.T) {
	w := newWorld(t, spec("phases: {build: {commands: ['true']}}"))
	r := request("ex-1-1-1")
	r.Repo = "other"
	_, err := w.executor().Start(t.Context(), r)
	if !executor.IsPermanent(err) || !strings.Contains(err.Error(), "--local-executors acme/other") {
		t.Errorf("error %v, want a permanent one that names the flag", err)
	}
	if _, err := w.executor(func(o *Options) { o.Allowed = nil }).Start(t.Context(), request("ex-1-1-2")); !executor.IsPermanent(err) {
		t.Errorf("error %v: without a list nothing is allowed", err)
	}
	if w.src.clones > 0 {
		t.Error("it was cloned")
	}
}

// The supervisor is killed: the build is reported as interrupted, what it started is gone, and nothing runs twice.
func TestInterrupted(t *testing.T) {
	w := newWorld(t, spec("phases: {build: {commands: ['(setsid sleep 1000 &); echo pids $PPID $$', 'sleep 1000']}}"))
	e := w.executor()
	r := request("ex-1-1-1")
	handle, err := e.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var supervisor, shell int
	until(t, "the start", func() bool {
		report, err := e.Status(t.Context(), r, handle)
		i := strings.Index(report.Log, "\npids ")
		if err != nil || i < 0 {
			return false
		}
		n, _ := fmt.Sscanf(report.Log[i:], "\npids %d %d", &supervisor, &shell)
		return n == 2
	})
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	got := w.end(e, r, handle)
	if got.Status != pipeline.Failed || !strings.HasPrefix(got.Summary, "interrupted") {
		t.Errorf("%s: %s", got.Status, got.Summary)
	}
	until(t, "the shell's end", func() bool { return gone(shell) })
	if again, err := e.Start(t.Context(), r); err != nil || again != handle || w.src.clones != 1 {
		t.Errorf("again: %q, %v, %d clones", again, err, w.src.clones)
	}
}

// gone tells whether a process has ended; one that nobody has waited for yet has.
func gone(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(b), ") Z ")
}

// openToAll lets other users through to a test's folder.
func openToAll(t *testing.T, dir string) {
	t.Helper()
	for range 3 {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
		dir = filepath.Dir(dir)
	}
}

func TestAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can run builds as another user")
	}
	w := newWorld(t, spec("phases: {build: {commands: ['id -u; touch here $HOME/h $TMPDIR/t', 'exit 0', 'id -g', 'ls /root >/dev/null 2>&1 || echo closed', 'bash -c \"ulimit -u\"']}}", "artifacts: {files: [here]}"))
	openToAll(t, w.dir)
	e := w.executor(func(o *Options) { o.User = nobody() })
	r := request("ex-1-1-1")
	r.Outputs = []string{"app"}
	got := w.run(e, r)
	if diff := cmp.Diff([]string{"65534", "65534", "closed", "8192"}, said(got.Log)); diff != "" || got.Status != pipeline.Succeeded {
		t.Errorf("%s %s (-want +got)\n%s", got.Status, got.Summary, diff)
	}
}

func TestStopBeforeStart(t *testing.T) {
	w := newWorld(t, spec("phases: {build: {commands: ['true']}}"))
	e := w.executor()
	r := request("ex-1-1-1")
	if err := e.Stop(t.Context(), r, ""); err != nil {
		t.Fatal(err)
	}
	if got := w.run(e, r); got.Status != pipeline.Stopped || w.src.clones != 0 {
		t.Errorf("%s after %d clones, want stopped and none", got.Status, w.src.clones)
	}
}

// The server was killed while it cloned: what was cloned is thrown away.
func TestACloneThatWasCutOff(t *testing.T) {
	w := newWorld(t, spec("phases: {build: {commands: ['test ! -e half']}}"))
	half := filepath.Join(w.dir, "builds", "ex-1-1-1", "work-1", "src", "half")
	if err := os.MkdirAll(half, 0o500); err != nil {
		t.Fatal(err)
	}
	if got := w.run(w.executor(), request("ex-1-1-1")); got.Status != pipeline.Succeeded {
		t.Errorf("%s: %s", got.Status, got.Summary)
	}
}

func TestSecretsStayOutOfTheWholeReport(t *testing.T) {
	w := newWorld(t, spec("env: {exported-variables: [X]}", "phases: {build: {commands: ['export X=a-hunter2-and-more; echo $X']}, post_build: {commands: ['sh -c \"exit 3\" hunter2-and-more']}}"))
	got := w.run(w.executor(), request("ex-1-1-1"))
	if text := fmt.Sprintf("%+v", got); strings.Contains(text, "hunter2") || got.Variables["X"] != "a-***" || got.Status != pipeline.Failed {
		t.Errorf("%s", text)
	}
}

func TestPrune(t *testing.T) {
	w := newWorld(t, spec("phases: {build: {commands: ['true']}}"))
	e := w.executor()
	w.run(e, request("ex-1-1-1"))
	if err := os.MkdirAll(filepath.Join(w.dir, "builds", "ex-2-1-1"), 0o700); err != nil { // under way
		t.Fatal(err)
	}
	for i, before := range []time.Duration{-time.Hour, time.Hour} { // the first is too young
		if n, err := e.Prune(t.Context(), time.Now().Add(before)); n != i || err != nil {
			t.Errorf("%v: %d, %v; want %d", before, n, err, i)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(w.dir, "builds")); len(left) != 1 || left[0].Name() != "ex-2-1-1" {
		t.Errorf("left %v", left)
	}
}
