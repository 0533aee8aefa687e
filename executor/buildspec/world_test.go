package buildspec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
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

const sha = "0123456789abcdef0123456789abcdef01234567"

var commit = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// source is a Cloner of files that the test wrote down.
type source struct {
	mu     sync.Mutex
	files  map[string]string
	err    error
	clones int
	during func() // is called in each clone
}

func (s *source) Clone(_ context.Context, c Clone) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.during != nil {
		s.during()
	}
	if c.SHA != sha || c.Owner != "acme" {
		return errors.New("asked for another revision")
	}
	s.clones++
	for name, body := range s.files {
		path := filepath.Join(c.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if to, ok := strings.CutPrefix(body, "->"); ok {
			if err := os.Symlink(to, path); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			return err
		}
	}
	return nil
}

type world struct {
	t     *testing.T
	dir   string
	src   *source
	store *artifact.Store
	bell  *executor.Bell
}

func newWorld(t *testing.T, files map[string]string) *world {
	t.Helper()
	dir := t.TempDir()
	store, err := artifact.Open(t.Context(), artifact.Options{URL: filepath.Join(dir, "artifacts")})
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, dir: dir, src: &source{files: files}, store: store, bell: executor.NewBell()}
}

func (w *world) executor(change ...func(*Options)) *Executor {
	w.t.Helper()
	o := Options{
		Dir: filepath.Join(w.dir, "builds"), Cloner: w.src, Artifacts: w.store, Ring: w.bell.Ring,
		Allowed: func(owner, repo string) bool { return owner == "acme" && repo == "shop" },
		Secrets: []string{"hunter2-and-more"},
	}
	for _, c := range change {
		c(&o)
	}
	e, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = e.Close() })
	return e
}

func request(id string) executor.Request {
	return executor.Request{
		ID: id, ExecutionID: "ex", Uses: "buildspec", Stage: "Build", Name: "build", Owner: "acme", Repo: "shop", RepoID: 7,
		CloneURL: "https://github.com/acme/shop.git", Branch: "release/1.4.0", SHA: sha, CommitTime: commit,
		Env:     map[string]string{"SLUICE_VERSION": "1.4.0", "SLUICE_BRANCH": "release/1.4.0; touch /tmp/never"},
		Timeout: time.Minute, Attempt: 1,
	}
}

// run runs an action to its end.
func (w *world) run(e *Executor, r executor.Request) executor.Report {
	w.t.Helper()
	handle, err := e.Start(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.end(e, r, handle)
}

func (w *world) end(e *Executor, r executor.Request, handle string) executor.Report {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 90*time.Second)
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

// spec writes a buildspec of phases.
func spec(lines ...string) map[string]string {
	return map[string]string{"buildspec.yml": "version: 0.2\n" + strings.Join(lines, "\n") + "\n"}
}

// said are the lines of a log that commands wrote themselves.
func said(log string) []string {
	var out []string
	for line := range strings.SplitSeq(strings.TrimSpace(log), "\n") {
		if line != "" && !strings.HasPrefix(line, "[sluice]") {
			out = append(out, line)
		}
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

func nobody() *supervise.User { return &supervise.User{UID: 65534, GID: 65534} }
