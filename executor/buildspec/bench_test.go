package buildspec

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// BenchmarkAction is what Sluice adds to a build of one command that takes no time: parsing, the folders, the supervisor, which
// is the program itself as it is delivered, the shell, the report. The clone is a file that is written.
func BenchmarkAction(b *testing.B) {
	program := filepath.Join(b.TempDir(), "sluice")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "github.com/sluicehq/sluice/cmd/sluice")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, said)
	}
	for _, boxed := range []bool{false, true} {
		b.Run(fmt.Sprintf("sandbox=%v", boxed), func(b *testing.B) {
			o := Options{
				Dir: b.TempDir(), Cloner: &source{files: spec("phases: {build: {commands: ['true']}}")},
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
			n, before := 0, processorTime(b)
			for b.Loop() {
				n++
				one(b.Context(), b, e, bell, request(fmt.Sprintf("ex-%d-1-1", n)))
			}
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/1000/float64(n), "cpu-ms/op")
		})
	}
}

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
