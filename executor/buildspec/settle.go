package buildspec

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// settle decides what the end of a try means.
func (e *Executor) settle(ctx context.Context, w workspace, n int, r executor.Request, result supervise.Result) (executor.Report, error) {
	var out outcome
	if len(result.Output) > 0 {
		if err := json.Unmarshal(result.Output, &out); err != nil {
			return executor.Report{}, fmt.Errorf("outcome of the build: %w", err)
		}
	}
	report := executor.Report{Status: pipeline.Failed}
	switch result.Reason {
	case supervise.Stopped:
		report.Status, report.Summary = pipeline.Stopped, "stopped"
		return e.close(w, n, report)
	case supervise.TimedOut:
		report.Summary = fmt.Sprintf("timed out after %s%s", result.Finished.Sub(result.Started).Round(time.Second), during(out))
		return e.close(w, n, report)
	case supervise.Terminated:
		report.Summary = "interrupted: this host went down" + during(out) + "; retry it"
		return e.close(w, n, report)
	case supervise.OverLimit:
		report.Summary = "ended" + during(out) + ": " + result.Error
		return e.close(w, n, report)
	case supervise.NotStarted:
		report.Summary = "the build could not be run: " + result.Error
		return e.close(w, n, report)
	}
	p, err := readParams(r.With)
	file := p.file
	if err != nil {
		file = DefaultFile
	}
	if out.Retry {
		return e.again(ctx, w, n, r)
	}
	if f := out.failed(); f != nil {
		report.Summary = fmt.Sprintf("phase %s failed: %s", f.Name, f.Message)
		report.Annotations = append(report.Annotations, executor.FailureAt(file, f.Line, "Phase "+f.Name+" failed", f.Message))
	} else {
		report.Status = pipeline.Succeeded
		report.Summary = fmt.Sprintf("%s in %s", counted(len(out.Phases), "phase"), result.Finished.Sub(result.Started).Round(100*time.Millisecond))
	}
	report.Variables, report.Tests = out.Exported, out.Tests
	report.Annotations = append(report.Annotations, testAnnotations(out.Tests)...)
	for _, t := range out.Tests {
		if t.Problem != "" {
			report.Log += fmt.Sprintf("[sluice] reports.%s: %s\n", t.Group, executor.OneLine(t.Problem))
		}
	}
	if out.Upload && len(r.Outputs) > 0 {
		if err := e.upload(ctx, ending{w, n, r, out, file}, &report); err != nil {
			return executor.Report{}, err
		}
	}
	if len(p.sarif) > 0 {
		out.Analysis.judge(&report)
	}
	return e.close(w, n, report)
}

// counted is a number of things.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// during says in which phase a build was ended.
func during(out outcome) string {
	if f := out.failed(); f != nil {
		return " in phase " + f.Name
	}
	return ""
}

// again starts the next try, from a fresh clone.
func (e *Executor) again(ctx context.Context, w workspace, n int, r executor.Request) (executor.Report, error) {
	p, err := readParams(r.With)
	if err != nil {
		return executor.Report{}, err
	}
	if err := w.clear(); err != nil {
		return executor.Report{}, err
	}
	if err := e.prepareAndLaunch(ctx, w, n+1, r, p); err != nil {
		return executor.Report{}, err
	}
	if report, done, err := w.Report(); done || err != nil {
		return report, err
	}
	return executor.Report{
		Status: pipeline.InProgress, Summary: fmt.Sprintf("try %d", n+1), PollAfter: pollAfter,
	}, nil
}

// ending is a try that has come to its end.
type ending struct {
	w    workspace
	n    int
	r    executor.Request
	out  outcome
	file string
}

// upload stores the artifacts that the action hands on, and adds them and what is to be said of them to the report.
func (e *Executor) upload(ctx context.Context, end ending, report *executor.Report) error {
	spec, err := end.w.spec(end.n)
	if err != nil {
		return err
	}
	specs, err := chosen(spec, end.r.Outputs)
	if err != nil {
		return err
	}
	src := filepath.Join(end.w.work(end.n), srcFolder)
	for name, a := range specs {
		if specs[name], err = a.expanded(end.out.Values, src); err != nil {
			problem := &collectError{name: name, line: a.Line, err: err}
			if report.Status == pipeline.Succeeded {
				report.Status, report.Summary = pipeline.Failed, executor.OneLine(problem.Error())
			}
			report.Annotations = append(report.Annotations, executor.FailureAt(end.file, a.Line, "Artifacts", problem.Error()))
			return nil
		}
	}
	tree, err := artifact.OpenTree(src, e.owners()...)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrNotExist) {
		report.Status, report.Summary = pipeline.Failed, "the build has removed the folder of its source, so there are no artifacts"
		return nil
	}
	if err != nil {
		return err
	}
	defer tree.Close()
	artifacts, remarks, err := collect(ctx, e.o.Artifacts, tree, specs, end.r.CommitTime)
	var missing *collectError
	switch {
	case errors.As(err, &missing):
		if report.Status == pipeline.Succeeded {
			report.Status, report.Summary = pipeline.Failed, missing.Error()
		}
		report.Annotations = append(report.Annotations, executor.FailureAt(end.file, missing.line, "Artifacts", missing.Error()))
		return nil
	case err != nil:
		return err
	}
	report.Artifacts = artifacts
	for _, name := range end.r.Outputs {
		if _, made := artifacts[name]; !made {
			remarks = append(remarks, fmt.Sprintf("the buildspec has no artifacts, so output %s is not made", name))
		}
	}
	for _, remark := range remarks {
		report.Log += "[sluice] " + remark + "\n"
	}
	for id, name := range end.out.Names {
		a := spec.Primary
		if id != "" {
			a = spec.Secondary[id]
		}
		if a.Prefix != "" {
			name = path.Join(a.Prefix, end.r.ID, name)
		}
		report.Log += fmt.Sprintf("[sluice] artifact %s is named %s\n", cmp.Or(id, "(primary)"), executor.OneLine(name))
	}
	return nil
}
