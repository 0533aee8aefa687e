package appspec

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// TestMain lets the test binary be the supervisor, as the real binary would be.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == supervise.Subcommand {
		if err := supervise.Main(os.Args[2], os.Stdin, Runners()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			syscall.Exit(1)
		}
		syscall.Exit(0) // not os.Exit, which sleeps for a second under the race detector
	}
	goleak.VerifyTestMain(m)
}

const secret = "hunter2-and-more"

// world is a store of revisions and a folder of hosts.
type world struct {
	t     *testing.T
	dir   string
	store *artifact.Store
	bell  *executor.Bell
	err   error // of the store
	// unpacked is called when a revision has been unpacked.
	unpacked func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	store, err := artifact.Open(t.Context(), artifact.Options{URL: filepath.Join(dir, "artifacts")})
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, dir: dir, store: store, bell: executor.NewBell()}
}

// Extract lets a test disturb the store.
func (w *world) Extract(ctx context.Context, a pipeline.Artifact, dir string) error {
	if w.err != nil {
		return w.err
	}
	if w.unpacked != nil {
		defer w.unpacked()
	}
	return w.store.Extract(ctx, a, dir)
}

func (w *world) executor(ring func(string)) *Executor {
	w.t.Helper()
	e, err := New(Options{
		Dir: filepath.Join(w.dir, "hosts"), Artifacts: w, Ring: ring, Secrets: []string{secret},
		Allowed: func(owner, repo string) bool { return owner == "acme" && repo == "shop" },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = e.Close() })
	return e
}

// save makes an artifact of files. What begins with #! is executable.
func (w *world) save(files map[string]string) pipeline.Artifact {
	w.t.Helper()
	dir := w.t.TempDir()
	var list []artifact.File
	for name, text := range files {
		path := filepath.Join(dir, name)
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			w.t.Fatal(err)
		}
		list = append(list, artifact.File{Path: name})
	}
	tree, err := artifact.OpenTree(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	defer tree.Close()
	a, err := w.store.Save(w.t.Context(), "app", tree, list, time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// hooked is a revision that installs a file with its version and runs one script for all events, which writes down on the
// host that it ran.
func (w *world) hooked(version, script string) pipeline.Artifact {
	w.t.Helper()
	var hooks strings.Builder
	for _, e := range events() {
		if !e.Fixed() {
			fmt.Fprintf(&hooks, "  %s: [{location: run, timeout: 60}]\n", e)
		}
	}
	return w.save(map[string]string{
		"appspec.yml": "version: 0.0\nos: linux\nfiles: [{source: app, destination: /srv}]\nhooks:\n" + hooks.String(),
		"app/version": version,
		"run": "#!/bin/sh\necho \"$LIFECYCLE_EVENT " + version + " $SLUICE_SIDE\" >> " +
			filepath.Join(w.dir, "trace-$SLUICE_HOST") + "\n" + script + "\n",
	})
}

func (w *world) request(id string, a pipeline.Artifact, with map[string]any) executor.Request {
	if with == nil {
		with = map[string]any{}
	}
	if with["hosts"] == nil {
		with["hosts"] = []any{"web-1", "web-2", "web-3"}
	}
	r := executor.Request{
		ID: id, ExecutionID: "ex", Uses: "appspec", Stage: "Deploy", Name: "staging", Owner: "acme", Repo: "shop", RepoID: 7,
		Environment: "staging", With: with, Inputs: map[string]pipeline.Artifact{"app": a}, Timeout: time.Minute, Attempt: 1,
		Env: map[string]string{"SLUICE_APP": "shop", "SLUICE_VERSION": "1.4.0"},
	}
	data, err := json.Marshal(r)
	if err == nil {
		r = executor.Request{}
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// deploy deploys to the end.
func (w *world) deploy(e *Executor, r executor.Request) executor.Report {
	w.t.Helper()
	handle, err := e.Start(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.end(e, r, handle)
}

func (w *world) end(e *Executor, r executor.Request, handle string) executor.Report {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Minute)
	defer cancel()
	for {
		report, err := e.Status(ctx, r, handle)
		if err != nil {
			w.t.Fatal(err)
		}
		if report.Status != pipeline.InProgress {
			return report
		}
		if _, err := w.bell.Wait(ctx); err != nil {
			w.t.Fatalf("it does not end: %+v", report)
		}
	}
}

// host is the folder of a host.
func (w *world) host(name string) string {
	return filepath.Join(groupDir(filepath.Join(w.dir, "hosts"), "acme", "shop", "staging"), "hosts", name)
}

// read reads a file; "" when there is none.
func (w *world) read(parts ...string) string {
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil && !os.IsNotExist(err) {
		w.t.Error(err)
	}
	return string(b)
}

// trace is what ran on a host since the last call.
func (w *world) trace(name string) []string {
	path := filepath.Join(w.dir, "trace-"+name)
	text := strings.TrimSpace(w.read(path))
	_ = os.Remove(path)
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// versions are what hosts serve, by name.
func (w *world) versions(names ...string) string {
	var out []string
	for _, n := range names {
		out = append(out, w.read(w.host(n), "live", "srv", "version"))
	}
	return strings.Join(out, " ")
}

// rounds are the batches of a deployment.
func (w *world) rounds(id string) []string {
	var p progress
	if _, err := actiondir.ReadJSON(progressFile(filepath.Join(w.dir, "hosts", "deployments", id)), &p); err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, r := range p.Rounds {
		out = append(out, string(r.Phase)+": "+strings.Join(r.Hosts, " "))
	}
	return out
}

// until waits for something that happens in another process.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(90 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s does not happen", what)
		}
	}
}
