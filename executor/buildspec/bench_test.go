package buildspec

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// BenchmarkAction is what Sluice adds to a build of one command that takes no time: parsing, the folders, the supervisor, which
// is the program itself as it is delivered, the shell, the report. What the clone takes is taken off, in the metrics: it is a file
// that is written, at once or after as long as a clone over a network takes at least.
func BenchmarkAction(b *testing.B) {
	program := filepath.Join(b.TempDir(), "sluice")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "github.com/sluicehq/sluice/cmd/sluice")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, said)
	}
	for _, boxed := range []bool{false, true} {
		for _, clone := range []time.Duration{0, 100 * time.Millisecond} {
			b.Run(fmt.Sprintf("sandbox=%v/clone=%v", boxed, clone), func(b *testing.B) { benchmarkAction(b, program, boxed, clone) })
		}
	}
}

// slowly is a Cloner that takes its time.
type slowly struct {
	source
	wait time.Duration
	took time.Duration // by the last clone
}

func (s *slowly) Clone(ctx context.Context, c Clone) error {
	began := time.Now()
	defer func() { s.took = time.Since(began) }()
	if s.wait > 0 {
		select {
		case <-time.After(s.wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.source.Clone(ctx, c)
}

func benchmarkAction(b *testing.B, program string, boxed bool, clone time.Duration) {
	src := &slowly{source: source{files: spec("phases: {build: {commands: ['true']}}")}, wait: clone}
	o := Options{
		Dir: b.TempDir(), Cloner: src,
		Supervisor: []string{program, supervise.Subcommand},
		Allowed:    func(string, string) bool { return true }, Limits: supervise.Limits{Processes: 4096, Memory: 1 << 30, Disk: 1 << 30, Output: 1 << 30},
	}
	if boxed {
		if _, err := supervise.TrySandbox(b.Context(), Bubblewrap, nil); err != nil {
			b.Skip(err)
		}
		o.Sandbox = SandboxAlways
	}
	store, err := artifact.Open(b.Context(), artifact.Options{URL: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	bell := executor.NewBell()
	o.Artifacts, o.Ring = store, bell.Ring
	e, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	var beside []time.Duration
	before := processorTime(b)
	for b.Loop() {
		began := time.Now()
		one(b.Context(), b, e, bell, request(fmt.Sprintf("ex-%d-1-1", len(beside)+1)))
		beside = append(beside, time.Since(began)-src.took)
	}
	b.ReportMetric(inMs(processorTime(b)-before)/float64(len(beside)), "cpu-ms/op")
	slices.Sort(beside)
	b.ReportMetric(inMs(beside[0]), "min-ms")
	b.ReportMetric(inMs(beside[len(beside)/2]), "p50-ms")
}

func inMs(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// processorTime is what this process and those it has waited for have used, whatever else the machine does.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var total time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return total
}

// one runs an action to its end.
func one(ctx context.Context, b *testing.B, e *Executor, bell *executor.Bell, r executor.Request) {
	b.Helper()
	handle, err := e.Start(ctx, r)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		report, err := e.Status(ctx, r, handle)
		if err != nil {
			b.Fatal(err)
		}
		if report.Status == pipeline.Succeeded {
			return
		}
		if report.Status.Final() {
			b.Fatalf("%s: %s", report.Status, report.Summary)
		}
		if _, err := bell.Wait(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
