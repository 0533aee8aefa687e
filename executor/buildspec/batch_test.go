package buildspec

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/executortest"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// A batch is an action like any other: all that holds for one build holds for it.
func TestBatchIsAnExecutor(t *testing.T) {
	executortest.Run(t, executortest.Harness{World: batchWorld, Secrets: []string{"hunter2-and-more"}, Rings: true, Wrong: map[string]map[string]any{
		"batch": {"batch": "perhaps"},
	}})
}

// batchWorld has batches whose first build ends when it is told to, and whose second comes after it.
func batchWorld(t *testing.T) *executortest.World {
	w := newWorld(t, nil)
	gates := t.TempDir()
	gate := gates + "/${CODEBUILD_BUILD_ID%%..*}"
	file := func(end string) string {
		return "version: 0.2\nbatch: {build-graph: [{identifier: first}, {identifier: second, depend-on: [first], buildspec: second.yml}]}\n" +
			"phases: {build: {commands: ['echo x >> " + gate + ".starts', echo hunter2-and-more, 'while ! test -e " + gate + "; do sleep 0.01; done', " + end + "]}}\n"
	}
	w.src.files = map[string]string{
		"good.yml": file("echo ok"), "fails.yml": file("'false'"), "bad.yml": "version: 0.2\nbatch: {build-list: [{identifier: one}]}\n",
		"second.yml": "version: 0.2\nphases: {build: {commands: ['echo made > made.txt']}}\nartifacts: {files: [made.txt]}\n",
	}
	return w.suite(gates, func(s executortest.Scenario, id string) executor.Request {
		r := request(id)
		r.With = map[string]any{"batch": true, "file": map[executortest.Scenario]string{
			executortest.Succeeds: "good.yml", executortest.Fails: "fails.yml", executortest.Impossible: "bad.yml",
		}[s]}
		if s == executortest.Succeeds {
			r.Outputs = []string{"second"}
		}
		return r
	})
}

// Which builds of a batch run, and what comes of the whole.
func TestBatch(t *testing.T) {
	const phases = "phases: {build: {commands: ['echo ran $CODEBUILD_BATCH_BUILD_IDENTIFIER $A $B', 'test \"$CODEBUILD_BATCH_BUILD_IDENTIFIER\" != bad']}}"
	for name, c := range map[string]struct {
		batch   string
		status  pipeline.Status
		summary string   // begins with
		said    []string // of all builds, each after those it waits for
		none    []string // were not run
	}{
		"a list": {"{build-list: [{identifier: one, env: {variables: {A: 1}}}, {identifier: two, buildspec: other.yml}]}",
			pipeline.Succeeded, "2 builds in", []string{"ran one 1 of-the-file", "other"}, nil},
		"a list of which one fails": {"{build-list: [{identifier: bad}, {identifier: two}]}",
			pipeline.Failed, "bad: phase build failed", []string{"ran bad of-the-file", "ran two of-the-file"}, nil},
		"a failure that is ignored": {"{build-graph: [{identifier: bad, ignore-failure: true}, {identifier: two, depend-on: [bad]}]}",
			pipeline.Succeeded, "2 builds in", []string{"ran bad of-the-file", "ran two of-the-file"}, nil},
		"a graph": {"{build-graph: [{identifier: last, depend-on: [one, two]}, {identifier: one}, {identifier: two, depend-on: [one]}]}",
			pipeline.Succeeded, "3 builds in", []string{"ran one of-the-file", "ran two of-the-file", "ran last of-the-file"}, nil},
		"one build":              {"{build-list: [{identifier: one}]}", pipeline.Succeeded, "1 build in", []string{"ran one of-the-file"}, nil},
		"a build that cannot be": {"{build-list: [{identifier: one}, {identifier: two, buildspec: asks.yml}, {identifier: three}]}", pipeline.Failed, "two: asks.yml:", []string{"ran one of-the-file", "ran three of-the-file"}, nil},
		"what depends on a failure": {"{build-graph: [{identifier: end, depend-on: [next]}, {identifier: bad}, {identifier: next, depend-on: [bad]}, {identifier: free}]}",
			pipeline.Failed, "bad: phase build failed", []string{"ran bad of-the-file", "ran free of-the-file"}, []string{"next", "end"}},
		"fast-fail": {"{fast-fail: true, build-graph: [{identifier: slow, buildspec: slow.yml}, {identifier: bad}, {identifier: next, depend-on: [slow]}]}",
			pipeline.Failed, "bad: phase build failed", []string{"ran bad of-the-file"}, []string{"next"}},
		"a matrix": {"{build-matrix: {static: {ignore-failure: false}, dynamic: {env: {variables: {A: [1, 2], B: [x, y]}}}}}",
			pipeline.Succeeded, "4 builds in", []string{"ran build1 1 x", "ran build2 1 y", "ran build3 2 x", "ran build4 2 y"}, nil},
		"a matrix of files": {"{build-matrix: {dynamic: {buildspec: [buildspec.yml, other.yml]}}}",
			pipeline.Succeeded, "2 builds in", []string{"ran build1 of-the-file", "other"}, nil},
		"a fan-out": {"{build-fanout: {parallelism: 3}}", pipeline.Failed, "buildspec.yml:2:1: batch.build-fanout shares tests out", nil, nil},
		"a file that is not there": {"{build-list: [{identifier: one, buildspec: none.yml}]}",
			pipeline.Failed, "none.yml:1:1: the revision has no such file", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{
				"buildspec.yml": "version: 0.2\nbatch: " + c.batch + "\nenv: {variables: {B: of-the-file}}\n" + phases + "\n",
				"other.yml":     "version: 0.2\nphases: {build: {commands: [echo other]}}\n",
				"asks.yml":      "version: 0.2\nenv: {parameter-store: {A: /none}}\nphases: {build: {commands: [echo never]}}\n",
				"slow.yml":      "version: 0.2\nphases: {build: {commands: [sleep 1000]}}\n",
			})
			r := request("ex-1-1-1")
			r.With = map[string]any{"batch": true}
			e := w.executor()
			got := w.run(e, r)
			if got.Status != c.status || !strings.HasPrefix(got.Summary, c.summary) {
				t.Errorf("%s: %s", got.Status, got.Summary)
			}
			if diff := cmp.Diff(c.said, said(got.Log)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for _, none := range c.none {
				if !strings.Contains("\n"+got.Log, "\n[sluice] Build "+none+"\n[sluice] Not run: ") {
					t.Errorf("the log does not say that %s was not run:\n%s", none, got.Log)
				}
			}
			if n := strings.Count(got.Log, "[sluice] Not run: "); n != len(c.none) {
				t.Errorf("%d builds are said not to have been run, want %d:\n%s", n, len(c.none), got.Log)
			}
			if read := readWhole(t, e, r); c.said != nil && read != got.Log {
				t.Errorf("the log is read as (-reported +read)\n%s", cmp.Diff(got.Log, read))
			}
		})
	}
}

// gatedBatch starts a batch of builds that wait for the file gate.
func gatedBatch(t *testing.T, w *world) (e *Executor, r executor.Request, handle, gate string) {
	t.Helper()
	gate = filepath.Join(t.TempDir(), "open")
	r = request("ex-1-1-1")
	r.With = map[string]any{"batch": true, "env": map[string]any{"GATE": gate}}
	e = w.executor()
	handle, err := e.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return e, r, handle, gate
}

// What a batch has written so far is read while it runs, past builds whose turn never comes and before those that wait for others.
func TestLogOfARunningBatch(t *testing.T) {
	w := newWorld(t, spec("batch: {build-graph: [{identifier: last, depend-on: [slow]}, {identifier: bad}, {identifier: never, depend-on: [bad]}, {identifier: slow}]}",
		"phases: {build: {commands: ['echo ran $CODEBUILD_BATCH_BUILD_IDENTIFIER', 'test \"$CODEBUILD_BATCH_BUILD_IDENTIFIER\" != bad', 'while ! test -e $GATE; do sleep 0.01; done']}}"))
	e, r, handle, gate := gatedBatch(t, w)
	log, at := "", executor.LogPlace{}
	until(t, "the slow build's line", func() bool {
		if report, err := e.Status(t.Context(), r, handle); err != nil || report.Status.Final() {
			t.Fatalf("%s: %s, %v; read so far\n%s", report.Status, report.Summary, err, log)
		}
		part, err := e.ReadLog(t.Context(), r, at, 200)
		if err != nil {
			t.Fatal(err)
		}
		log, at = log+string(part.Text), part.Next
		return strings.Contains(log, "\nran slow\n")
	})
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := w.end(e, r, handle)
	if diff := cmp.Diff([]string{"ran bad", "ran slow", "ran last"}, said(got.Log)); diff != "" || got.Log != readWhole(t, e, r) {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// readWhole reads a log to its end, in small pieces.
func readWhole(t *testing.T, e *Executor, r executor.Request) string {
	t.Helper()
	var out strings.Builder
	at := executor.LogPlace{}
	for range 1000 {
		part, err := e.ReadLog(t.Context(), r, at, 200)
		if err != nil {
			t.Fatal(err)
		}
		if len(part.Text) > 200 {
			t.Errorf("%d bytes, more than were asked for", len(part.Text))
		}
		out.Write(part.Text)
		if at = part.Next; part.Ended {
			return out.String()
		}
	}
	t.Fatal("it does not end")
	return ""
}

// A batch hands on what its builds have made: artifacts by the builds' identifiers and by their own names, variables, test
// results and findings with the lines they are about.
func TestWhatABatchMakes(t *testing.T) {
	w := newWorld(t, map[string]string{
		"buildspec.yml": "version: 0.2\nbatch: {build-list: [{identifier: api, buildspec: api.yml}, {identifier: web, buildspec: web.yml}]}\n",
		"api.yml": "version: 0.2\nenv: {exported-variables: [WHO]}\nphases: {build: {commands: [export WHO=$CODEBUILD_BATCH_BUILD_IDENTIFIER, 'echo $WHO > made.txt']}}\n" +
			"artifacts: {files: [made.txt], secondary-artifacts: {notes: {files: [api.yml]}}}\n",
		"web.yml":  "version: 0.2\nphases: {build: {commands: ['echo web > made.txt']}}\nartifacts: {files: [made.txt]}\nreports: {unit: {files: [unit.xml]}}\n",
		"unit.xml": `<testsuite name="s"><testcase classname="s" name="a"/></testsuite>`,
	})
	r := request("ex-1-1-1")
	r.With, r.Outputs = map[string]any{"batch": true}, []string{"notes", "web", "api"}
	got := w.run(w.executor(), r)
	if got.Status != pipeline.Succeeded {
		t.Fatalf("%s: %s\n%s", got.Status, got.Summary, got.Log)
	}
	for name, want := range map[string]map[string]string{"api": {"made.txt": "api\n"}, "web": {"made.txt": "web\n"}, "notes": {"api.yml": w.src.files["api.yml"]}} {
		if diff := cmp.Diff(want, w.extract(got.Artifacts[name])); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(map[string]string{"WHO": "api"}, got.Variables); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(got.Tests) != 1 || got.Tests[0].Group != "web/unit" || got.Tests[0].Passed != 1 {
		t.Errorf("tests %+v", got.Tests)
	}
	r = request("ex-1-2-1")
	r.With, r.Outputs = map[string]any{"batch": true}, []string{"docs"}
	if got := w.run(w.executor(), r); got.Summary != `buildspec.yml:2:1: the action's output "docs" is neither a build of the batch nor a secondary artifact of one` {
		t.Errorf("%s: %s", got.Status, got.Summary)
	}
}

// What bounds a build bounds a batch: its builds have shares, and what is left of its time.
func TestBatchSharesTheLimits(t *testing.T) {
	w := newWorld(t, nil)
	e := w.executor(func(o *Options) {
		o.BatchAtOnce, o.Limits = 2, supervise.Limits{Memory: 4000, Disk: 3001, Output: 500, Processes: 9}
	})
	r := request("ex-1-1-1")
	write := func(builds ...string) {
		t.Helper()
		b := batch{Began: time.Now().Add(-50 * time.Second)}
		for _, name := range builds {
			b.Builds = append(b.Builds, batchBuild{Task: Task{Identifier: name}})
		}
		at := e.workspace(r.ID)
		if err := errors.Join(at.Make(), actiondir.WriteJSON(at.Path(batchFile), b)); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		builds []string
		want   supervise.Limits
	}{
		"three, two at a time": {[]string{"a", "b", "c"}, supervise.Limits{Memory: 2000, Disk: 1501, Output: 250, Processes: 5, DiskDir: "/work"}},
		"one alone":            {[]string{"a"}, supervise.Limits{Memory: 4000, Disk: 3001, Output: 500, Processes: 9, DiskDir: "/work"}},
	} {
		write(c.builds...)
		q := r
		q.ID += batchMark + "a"
		got, err := e.limits(q, "/work")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		timeout, err := e.timeout(q)
		if err != nil || timeout > 10*time.Second || timeout < time.Second {
			t.Errorf("%s: %s, %v", name, timeout, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	if got, err := e.limits(r, "/work"); err != nil || got.Output != 500 {
		t.Errorf("a build that is alone: %+v, %v", got, err)
	}
	if timeout, err := e.timeout(r); err != nil || timeout != time.Minute {
		t.Errorf("a build that is alone: %s, %v", timeout, err)
	}
	if got, err := w.executor().limits(executor.Request{ID: r.ID + batchMark + "a"}, "/work"); err != nil || got != (supervise.Limits{}) {
		t.Errorf("without limits: %+v, %v", got, err)
	}
}

// However many builds a batch has, together they write no more than one may.
func TestBatchWritesWhatABuildMay(t *testing.T) {
	w := newWorld(t, map[string]string{
		"buildspec.yml": "version: 0.2\nbatch: {build-list: [{identifier: one, ignore-failure: true}, {identifier: two, buildspec: two.yml}]}\nphases: {build: {commands: ['head -c 120000 /dev/zero | tr \"\\0\" x']}}\n",
		"two.yml":       "version: 0.2\nphases: {build: {commands: [echo two]}}\n",
	})
	r := request("ex-1-1-1")
	r.With = map[string]any{"batch": true}
	got := w.run(w.executor(func(o *Options) { o.BatchAtOnce, o.Limits.Output = 1, 100_000 }), r)
	if want := "two: the builds of the batch have written all the output that they may together; the operator's --build-limits bound it"; got.Status != pipeline.Failed ||
		!strings.HasPrefix(got.Summary, want) || strings.Contains(got.Log, "\ntwo\n") {
		t.Errorf("%s: %s", got.Status, got.Summary)
	}
}

// No more builds run at once than the host is to bear.
func TestBatchIsBounded(t *testing.T) {
	w := newWorld(t, spec("batch: {build-matrix: {dynamic: {env: {variables: {A: [1, 2, 3, 4, 5, 6]}}}}}",
		"phases: {build: {commands: ['while ! test -e $GATE; do sleep 0.01; done']}}"))
	e, r, handle, gate := gatedBatch(t, w)
	report, err := e.Status(t.Context(), r, handle)
	if err != nil || report.Summary != "0 of 6 builds have ended; build1, build2, build3, build4" {
		t.Errorf("%q, %v", report.Summary, err)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := w.end(e, r, handle); got.Status != pipeline.Succeeded || len(slices.Collect(strings.SplitSeq(got.Log, "[sluice] Build build"))) != 7 {
		t.Errorf("%s: %s\n%s", got.Status, got.Summary, got.Log)
	}
}
