package buildspec

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// pollAfter is how soon a running build is asked about again; the bell comes before it.
const pollAfter = 2 * time.Second

// Status tells where the build stands. When it has ended its artifacts are stored first, and the report is written, so
// that it stays what it is.
func (e *Executor) Status(ctx context.Context, r executor.Request, _ string) (executor.Report, error) {
	w := e.workspace(r.ID)
	if report, done, err := w.Report(); done || err != nil {
		_ = w.tidy(ctx) // Prune tells why it cannot be done
		return report, err
	}
	if !w.Exists() {
		return executor.Report{}, fmt.Errorf("the workspace of %s is not on this host: a build is followed by the server that "+
			"started it, or by one that shares its data folder", r.ID)
	}
	var report executor.Report
	err := w.Locked(ctx, func() (err error) {
		report, err = e.look(ctx, w, r)
		return err
	})
	return report, err
}

// look is Status under the workspace's lock.
func (e *Executor) look(ctx context.Context, w workspace, r executor.Request) (executor.Report, error) {
	if report, done, err := w.Report(); done || err != nil {
		return report, err
	}
	p, wrong := readParams(r.With)
	if wrong == nil && p.batch {
		return e.lookBatch(ctx, w, r, p)
	}
	n := max(w.Current(), 1)
	state, result, err := supervise.Look(w.Try(n))
	if err != nil {
		return executor.Report{}, err
	}
	switch state {
	case supervise.Running:
		e.launcher.Watch(w.Try(n))
		if p.network != "none" {
			e.keepRefused(w, n)
		}
		return w.underWay(n), nil
	case supervise.Absent: // the supervisor ended before it began: begin again
		if wrong != nil {
			return executor.Report{}, wrong
		}
		return executor.Report{Status: pipeline.InProgress, PollAfter: pollAfter}, e.begin(ctx, w, r, p)
	case supervise.Interrupted:
		supervise.Sweep(w.Try(n))
		return e.close(w, n, executor.Report{
			Status: pipeline.Failed, Summary: "interrupted: the build was killed from outside, so its end is not known; retry it",
		})
	}
	return e.settle(ctx, w, n, r, result)
}

// underWay is the report of a build that runs.
func (w workspace) underWay(n int) executor.Report {
	progress, err := os.ReadFile(filepath.Join(w.Try(n), progressFile))
	if err != nil || len(progress) == 0 {
		progress = []byte("begins")
	}
	report := executor.Report{Status: pipeline.InProgress, Summary: string(progress), PollAfter: pollAfter}
	report.Log, _ = supervise.Log(w.Try(n), logSize)
	return report
}

// logSize is how much of a log is reported. Replacing bytes that are no text makes it longer, at most threefold.
const logSize = executor.MaxLog / 3

// close writes the final report. What comes of the build is without its secrets already; the server's own are in nothing else
// either.
func (e *Executor) close(w workspace, n int, report executor.Report) (executor.Report, error) {
	log, err := supervise.Log(w.Try(n), logSize)
	if err != nil {
		return executor.Report{}, err
	}
	report.Log = supervise.Mask(report.Log, e.o.Secrets)
	if err := w.Remark(report.Log); err != nil {
		return executor.Report{}, err
	}
	report.Log = executor.LogEnd(log + report.Log)
	mask := supervise.Masking(e.o.Secrets)
	report.Summary = executor.OneLine(mask(report.Summary))
	for i, a := range report.Annotations {
		report.Annotations[i].Message, report.Annotations[i].Title = mask(a.Message), mask(a.Title)
	}
	for i, f := range report.Findings {
		report.Findings[i].Tool, report.Findings[i].Rule = mask(f.Tool), mask(f.Rule)
	}
	for k, v := range report.Variables {
		report.Variables[k] = mask(v)
	}
	if err := w.Finish(report); err != nil {
		return executor.Report{}, err
	}
	report, _, err = w.Report() // as everybody else will read it
	return report, err
}
