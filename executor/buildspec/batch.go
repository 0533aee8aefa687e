package buildspec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/document"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// batchMark stands between the ID of an action and the identifier of a build of its batch, in that build's own ID.
const batchMark = ".."

// actionID is the ID of the action that a build belongs to: its own, or that of its batch's.
func actionID(id string) string {
	id, _, _ = strings.Cut(id, batchMark)
	return id
}

// batchFile, in the folder of an action that is a batch, says which builds it has. Where each of them stands is in its folder.
const batchFile = "batch.json"

// batch is a batch as it was read at the start.
type batch struct {
	FastFail bool         `json:"fast_fail,omitempty"`
	Builds   []batchBuild `json:"builds"`
	Began    time.Time    `json:"began"`
}

// inTurn are the places of builds in the order of their logs: that of the file, but that each comes after those it waits for.
func (b *batch) inTurn() []int {
	tasks := make([]Task, len(b.Builds))
	for i, t := range b.Builds {
		tasks[i] = t.Task
	}
	return inTurn(tasks)
}

// batchBuild is a build of a batch, and what of the action's outputs it makes.
type batchBuild struct {
	Task
	Outputs []string `json:"outputs,omitempty"`
}

// beginBatch reads the batch of the revision, unless that was done.
func (e *Executor) beginBatch(ctx context.Context, w workspace, r executor.Request, p params) error {
	if _, done, err := w.Report(); done || err != nil || actiondir.Exists(w.Path(batchFile)) {
		return err
	}
	if w.Stopped() {
		return w.Finish(executor.Report{Status: pipeline.Stopped, Summary: "stopped before it began"})
	}
	if err := w.SetID(r.ID); err != nil {
		return err
	}
	src, err := e.source(ctx, w.work(1), r)
	if err != nil {
		return err
	}
	b, err := loadBatch(src, p.file, r.Outputs)
	if err != nil {
		return w.Finish(document.Wrong(p.file, "Buildspec", err))
	}
	b.Began = time.Now()
	if err := w.clear(); err != nil {
		return err
	}
	return actiondir.WriteJSON(w.Path(batchFile), b)
}

// loadBatch reads the batch of a clone, with the files of all its builds, and says which of them makes which output: the one
// that is called like it, else the first with a secondary artifact of that name.
func loadBatch(src, file string, outputs []string) (*batch, error) {
	text, err := readSpec(src, file)
	if err != nil {
		return nil, err
	}
	whole, err := Parse(file, text)
	if err != nil {
		return nil, err
	}
	at := &document.Error{File: file, Line: 1, Column: 1}
	switch s := whole.Batch; {
	case s == nil:
		at.Problem = "the action has batch: true, and the file no batch; write one, or leave that out"
		return nil, at
	case s.Kind == buildFanout:
		at.Line, at.Problem = s.Line, "batch.build-fanout shares tests out by codebuild-tests-run, a program of AWS's images; write a build-list or a build-matrix"
		return nil, at
	}
	b := &batch{FastFail: whole.Batch.FastFail}
	specs := make([]*Spec, len(whole.Batch.Tasks))
	read := map[string]*Spec{} // by file: the builds of a matrix mostly share one
	for i, t := range whole.Batch.Tasks {
		t.Buildspec = cmp.Or(t.Buildspec, file)
		if read[t.Buildspec] == nil {
			if read[t.Buildspec], err = loadSpec(src, t.Buildspec, nil); err != nil {
				return nil, err
			}
		}
		specs[i] = read[t.Buildspec]
		b.Builds = append(b.Builds, batchBuild{Task: t})
	}
	for _, name := range outputs {
		i := slices.IndexFunc(b.Builds, func(t batchBuild) bool { return t.Identifier == name })
		if i >= 0 {
			b.Builds[i].Outputs = append([]string{name}, b.Builds[i].Outputs...)
			continue
		}
		if i = slices.IndexFunc(specs, func(s *Spec) bool { return s.Secondary[name] != nil }); i < 0 {
			at.Line, at.Problem = whole.Batch.Line, fmt.Sprintf("the action's output %q is neither a build of the batch nor a secondary artifact of one", name)
			return nil, at
		}
		b.Builds[i].Outputs = append(b.Builds[i].Outputs, name)
	}
	for i, t := range b.Builds {
		if _, err := chosen(specs[i], t.Outputs); err != nil {
			return nil, &document.Error{File: t.Buildspec, Line: 1, Column: 1, Problem: err.Error()}
		}
	}
	return b, nil
}

// requestOf is what is asked of one build of a batch.
func requestOf(r executor.Request, p params, t batchBuild) executor.Request {
	r.ID += batchMark + t.Identifier
	r.Outputs = t.Outputs
	with := maps.Clone(r.With)
	delete(with, "batch")
	env := map[string]any{}
	for _, from := range []map[string]string{p.env, t.Variables} {
		for name, value := range from {
			env[name] = value
		}
	}
	with["file"], with["env"] = t.Buildspec, env
	r.With = with
	return r
}

// progressOfBatch is where the builds of a batch stand.
type progressOfBatch struct {
	b       *batch
	reports []*executor.Report // nil: has not begun
	skipped []bool             // never will
	over    bool               // nothing more begins
}

// standing asks each build of a batch that has begun where it stands.
func (e *Executor) standing(id string, b *batch, ask func(batchBuild) (executor.Report, error)) (*progressOfBatch, error) {
	s := &progressOfBatch{b: b, reports: make([]*executor.Report, len(b.Builds)), skipped: make([]bool, len(b.Builds))}
	for i, t := range b.Builds {
		if !e.workspace(id + batchMark + t.Identifier).Exists() {
			continue
		}
		report, err := ask(t)
		if err != nil {
			return nil, err
		}
		s.reports[i] = &report
	}
	s.over = e.workspace(id).Stopped() || b.FastFail && s.failed() >= 0
	return s, nil
}

// running is how many builds have begun and not ended.
func (s *progressOfBatch) running() (n int) {
	for _, r := range s.reports {
		if r != nil && !r.Status.Final() {
			n++
		}
	}
	return n
}

func (s *progressOfBatch) final(i int) bool {
	return s.skipped[i] || s.reports[i] != nil && s.reports[i].Status.Final()
}

// passed tells whether what comes after a build may begin.
func (s *progressOfBatch) passed(i int) bool {
	r := s.reports[i]
	return r != nil && (r.Status == pipeline.Succeeded || r.Status == pipeline.Failed && s.b.Builds[i].IgnoreFailure)
}

// failed is the first build that has failed, else the first that was stopped; -1 for none.
func (s *progressOfBatch) failed() int {
	stopped := -1
	for i, r := range s.reports {
		switch {
		case r == nil || !r.Status.Final() || s.passed(i):
		case r.Status == pipeline.Failed:
			return i
		case stopped < 0:
			stopped = i
		}
	}
	return stopped
}

// ready are the builds whose turn has come. Those whose turn can never come are marked as skipped: all that have not begun, once
// the batch is over.
func (s *progressOfBatch) ready() (out []int) {
	index := map[string]int{}
	for i, t := range s.b.Builds {
		index[t.Identifier] = i
	}
	for changed := true; changed; {
		changed = false
		out = nil
		for i, t := range s.b.Builds {
			if s.reports[i] != nil || s.skipped[i] {
				continue
			}
			now := true
			for _, name := range t.After {
				now = now && s.passed(index[name])
				never := s.final(index[name]) && !s.passed(index[name])
				changed, s.skipped[i] = changed || never, s.skipped[i] || never
			}
			if s.over && !s.skipped[i] {
				changed, s.skipped[i] = true, true
			}
			if now && !s.skipped[i] {
				out = append(out, i)
			}
		}
	}
	return out
}

// lookBatch is look for an action that is a batch: it starts the builds whose turn has come.
func (e *Executor) lookBatch(ctx context.Context, w workspace, r executor.Request, p params) (executor.Report, error) {
	for {
		if report, done, err := w.Report(); done || err != nil {
			return report, err
		}
		var b batch
		if found, err := actiondir.ReadJSON(w.Path(batchFile), &b); err != nil {
			return executor.Report{}, err
		} else if !found {
			if err := e.beginBatch(ctx, w, r, p); err != nil {
				return executor.Report{}, err
			}
			continue
		}
		s, err := e.standing(r.ID, &b, func(t batchBuild) (executor.Report, error) {
			return e.build(ctx, requestOf(r, p, t), e.Status)
		})
		if err != nil {
			return executor.Report{}, err
		}
		running, over, begun := s.running(), s.over, false
		for _, i := range s.ready() {
			if running == e.o.BatchAtOnce {
				break
			}
			running, begun = running+1, true
			if _, err := e.build(ctx, requestOf(r, p, b.Builds[i]), func(ctx context.Context, q executor.Request, _ string) (executor.Report, error) {
				_, err := e.Start(ctx, q)
				return executor.Report{}, err
			}); err != nil {
				return executor.Report{}, err
			}
		}
		switch {
		case begun: // some may have ended at once
		case running > 0 && over:
			return s.underWay(), e.stopBatch(ctx, r, &b)
		case running > 0:
			return s.underWay(), nil
		default:
			return e.endBatch(w, s)
		}
	}
}

// build asks something of a build of a batch. What can never be done has failed.
func (e *Executor) build(ctx context.Context, q executor.Request, ask func(context.Context, executor.Request, string) (executor.Report, error)) (executor.Report, error) {
	report, err := ask(ctx, q, q.ID)
	if executor.IsPermanent(err) {
		w := e.workspace(q.ID)
		report = executor.Report{Status: pipeline.Failed, Summary: executor.OneLine(supervise.Mask(err.Error(), e.o.Secrets))}
		report.Log = "[sluice] " + report.Summary + "\n"
		err = errors.Join(w.Remark(report.Log), w.Finish(report))
	}
	return report, err
}

// stopBatch ends the builds that have begun.
func (e *Executor) stopBatch(ctx context.Context, r executor.Request, b *batch) error {
	for _, t := range b.Builds {
		q := r
		q.ID += batchMark + t.Identifier
		if !e.workspace(q.ID).Exists() {
			continue
		}
		if err := e.Stop(ctx, q, q.ID); err != nil {
			return err
		}
	}
	return nil
}

// underWay is the report of a batch that runs.
func (s *progressOfBatch) underWay() executor.Report {
	var running []string
	ended := 0
	for i, t := range s.b.Builds {
		switch {
		case s.final(i):
			ended++
		case s.reports[i] != nil:
			running = append(running, t.Identifier)
		}
	}
	return executor.Report{
		Status: pipeline.InProgress, PollAfter: pollAfter, Log: s.log(),
		Summary: executor.OneLine(fmt.Sprintf("%d of %d builds have ended; %s", ended, len(s.b.Builds), strings.Join(running, ", "))),
	}
}

// endBatch sums up a batch whose builds have all ended.
func (e *Executor) endBatch(w workspace, s *progressOfBatch) (executor.Report, error) {
	out := executor.Report{Status: pipeline.Succeeded, Variables: map[string]string{}, Artifacts: map[string]pipeline.Artifact{}, Log: s.log()}
	var skipped, ignored []string
	for i, t := range s.b.Builds {
		r := s.reports[i]
		if r == nil {
			skipped = append(skipped, t.Identifier)
			continue
		}
		if r.Status != pipeline.Succeeded && s.passed(i) {
			ignored = append(ignored, t.Identifier)
		}
		maps.Copy(out.Variables, r.Variables)
		maps.Copy(out.Artifacts, r.Artifacts)
		out.Annotations = append(out.Annotations, r.Annotations...)
		out.Findings = append(out.Findings, r.Findings...)
		for _, tests := range r.Tests {
			tests.Group = t.Identifier + "/" + tests.Group
			out.Tests = append(out.Tests, tests)
		}
	}
	out.Summary = fmt.Sprintf("%s in %s", counted(len(s.b.Builds), "build"), time.Since(s.b.Began).Round(100*time.Millisecond))
	switch i := s.failed(); {
	case w.Stopped() && (i >= 0 || len(skipped) > 0):
		out.Status, out.Summary = pipeline.Stopped, "stopped"
	case i >= 0:
		out.Status, out.Summary = pipeline.Failed, s.b.Builds[i].Identifier+": "+s.reports[i].Summary
	}
	if len(ignored) > 0 {
		out.Summary += "; failed, and ignored: " + strings.Join(ignored, ", ")
	}
	if len(skipped) > 0 {
		out.Summary += "; not run: " + strings.Join(skipped, ", ")
	}
	out.Summary = executor.OneLine(out.Summary)
	if err := w.Finish(out); err != nil {
		return executor.Report{}, err
	}
	report, _, err := w.Report() // as everybody else will read it
	return report, err
}
