package buildspec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/document"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// Start clones the revision, reads its buildspec and starts the build. The handle is the request's ID.
func (e *Executor) Start(ctx context.Context, r executor.Request) (string, error) {
	if r.ID == "" {
		return "", executor.Permanentf("the request has no ID")
	}
	if !e.o.Allowed(r.Owner, r.Repo) {
		return "", executor.Permanentf("builds on this host are not allowed for %s/%s: the operator allows them by "+
			"--local-executors %s/%s", r.Owner, r.Repo, r.Owner, r.Repo)
	}
	p, err := readParams(r.With)
	if err != nil {
		return "", err
	}
	for name := range r.Env {
		if own := strings.HasPrefix(name, "SLUICE_") && nameRE.MatchString(name); own {
			continue
		}
		if err := checkVariable(name); err != nil {
			return "", executor.Permanentf("env.%w", err)
		}
	}
	w := e.workspace(r.ID)
	if err := w.Make(); err != nil {
		return "", fmt.Errorf("workspace: %w", err)
	}
	err = w.Locked(ctx, func() error {
		if p.batch {
			_, err := e.lookBatch(ctx, w, r, p)
			return err
		}
		return e.begin(ctx, w, r, p)
	})
	if err != nil {
		return "", err
	}
	return r.ID, nil
}

// Prepares implements executor.Prepares: the revision is cloned, and what earlier actions handed on is unpacked, before anything begins.
func (e *Executor) Prepares() {}

// begin starts the build unless it was started before.
func (e *Executor) begin(ctx context.Context, w workspace, r executor.Request, p params) error {
	if _, done, err := w.Report(); done || err != nil {
		return err
	}
	n := max(w.Current(), 1)
	state, _, err := supervise.Look(w.Try(n))
	if err != nil {
		return err
	}
	if state != supervise.Absent {
		e.launcher.Watch(w.Try(n))
		return nil
	}
	return e.prepareAndLaunch(ctx, w, n, r, p)
}

// source makes the folders of a try anew, of which an attempt that was cut off may have left some, with a clone of the
// revision in them, whose folder it returns.
func (e *Executor) source(ctx context.Context, work string, r executor.Request) (src string, err error) {
	if err := removeAll(work); err != nil {
		return "", err
	}
	if err := makeFolders(work); err != nil {
		return "", err
	}
	src = filepath.Join(work, srcFolder)
	return src, e.clone(ctx, r, src)
}

// prepareAndLaunch makes the folders of a try and starts it. Its supervisor begins first, and is ready by the time that there is a
// clone. What is wrong with the buildspec ends the action with a report; what went wrong around it is an error.
func (e *Executor) prepareAndLaunch(ctx context.Context, w workspace, n int, r executor.Request, p params) error {
	if w.Stopped() {
		return w.Finish(executor.Report{Status: pipeline.Stopped, Summary: "stopped before it began"})
	}
	work := w.work(n)
	limits, err := e.limits(r, work)
	if err != nil {
		return err
	}
	ready, err := e.launcher.Prepare(ctx, w.Try(n), limits)
	if err != nil {
		return err
	}
	defer ready.Discard()
	if err := w.SetID(actionID(r.ID)); err != nil { // who follows a batch hears of its builds
		return err
	}
	src, err := e.source(ctx, work, r)
	if err != nil {
		return err
	}
	spec, err := loadSpec(src, p.file, r.Outputs)
	if err != nil {
		return w.Finish(document.Wrong(p.file, "Buildspec", err))
	}
	looked, wrong, err := e.lookUp(ctx, r, spec)
	if wrong != nil {
		return w.Finish(document.Wrong(p.file, "Buildspec", wrong))
	}
	if err != nil {
		return err
	}
	runAs, phaseUsers, wrong := e.usersOf(spec)
	if wrong != nil {
		return w.Finish(document.Wrong(p.file, "Buildspec", wrong))
	}
	secrets := append(slices.Collect(maps.Values(looked)), e.o.Secrets...)
	switch {
	case spec.GitCredentials && e.o.Rehearsal && e.o.GitToken == nil:
		spec.Remarks = append(spec.Remarks, document.Name{Line: 1, Text: "env.git-credential-helper: here git has no credentials, those of your own neither"})
	case spec.GitCredentials:
		token, err := e.gitCredentials(ctx, r, filepath.Join(work, homeFolder))
		if executor.IsPermanent(err) {
			return w.Finish(document.Wrong(p.file, "Buildspec", &document.Error{File: p.file, Line: 1, Column: 1, Problem: err.Error()}))
		}
		if err != nil {
			return err
		}
		secrets = append(secrets, token)
	}
	if err := e.extractInputs(ctx, r, work); err != nil {
		return err
	}
	if err := handOver(work, runAs, phaseUsers); err != nil {
		return err
	}
	if spec.Batch != nil && actionID(r.ID) == r.ID {
		spec.Remarks = append(spec.Remarks, document.Name{Line: spec.Batch.Line, Text: "batch: this action is one build; with batch: true it runs the batch"})
	}
	kept := w.keepSpec(n, spec)
	defer kept() //nolint:errcheck // asked below, where it counts
	env := e.environment(r, p, spec, looked, work)
	pl := plan{
		Spec: spec, Work: work, Try: n - 1, Owners: e.owners(), Users: phaseUsers, Sarif: p.sarif, Threshold: p.threshold,
		Isolation: e.isolated.says, Cache: cachePlan{Shelves: e.shelves(r), Owner: runAs},
	}
	pl.Runtimes, err = e.useRuntimes(ctx, spec, env)
	if ended := ctx.Err(); ended != nil { // nobody wants it any more
		return ended
	}
	if err != nil {
		return w.Finish(document.Wrong(p.file, "Buildspec", err))
	}
	if p.network != "none" {
		pl.Credentials = e.refuseCredentials(runAs, phaseUsers)
	}
	timeout, err := e.timeout(r)
	if err != nil {
		return err
	}
	payload, err := json.Marshal(pl)
	if err != nil {
		return err
	}
	if err := kept(); err != nil {
		return err
	}
	_, err = ready.Run(supervise.Spec{
		Runner: runnerName, Payload: payload, Env: list(env), Dir: src, Timeout: timeout,
		Secrets: secrets, User: runAs, NoNetwork: p.network == "none", Sandbox: e.sandbox(work),
	})
	if err == nil && w.Stopped() { // meanwhile: Stop may have looked before there was a try
		err = supervise.Stop(w.Try(n))
	}
	return err
}

// extractInputs unpacks what earlier actions handed on.
func (e *Executor) extractInputs(ctx context.Context, r executor.Request, work string) error {
	for name, a := range r.Inputs {
		if !identifierRE.MatchString(name) {
			return executor.Permanentf("input %q: its name cannot be part of a variable's name", name)
		}
		err := e.o.Artifacts.Extract(ctx, a, filepath.Join(work, inputsFolder, name))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, artifact.ErrChanged) {
			return executor.Permanentf("input %s: %w", name, err)
		}
		if err != nil {
			return fmt.Errorf("input %s: %w", name, err)
		}
	}
	return nil
}

func (e *Executor) clone(ctx context.Context, r executor.Request, src string) error {
	err := e.o.Cloner.Clone(ctx, Clone{
		Owner: r.Owner, Repo: r.Repo, RepoID: r.RepoID, InstallationID: r.InstallationID, URL: r.CloneURL, SHA: r.SHA, Dir: src,
	})
	var t interface{ Temporary() bool }
	if err != nil && ctx.Err() == nil && errors.As(err, &t) && !t.Temporary() {
		return executor.Permanent(err)
	}
	return err
}

// loadSpec reads the buildspec of a clone and holds it against the action's outputs.
func loadSpec(src, file string, outputs []string) (*Spec, error) {
	b, err := readSpec(src, file)
	if err != nil {
		return nil, err
	}
	spec, err := Parse(file, b)
	if err != nil {
		return nil, err
	}
	if len(spec.Phases) == 0 {
		return nil, &document.Error{File: file, Line: 1, Column: 1, Problem: "phases is missing"}
	}
	if _, err := chosen(spec, outputs); err != nil {
		return nil, &document.Error{File: file, Line: 1, Column: 1, Problem: err.Error()}
	}
	return spec, nil
}

// Stop ends the build; when it has not begun it never will.
func (e *Executor) Stop(ctx context.Context, r executor.Request, _ string) error {
	w := e.workspace(r.ID)
	asked, err := w.AskStop()
	if !asked || err != nil {
		return err
	}
	var b batch
	found, err := actiondir.ReadJSON(w.Path(batchFile), &b)
	switch {
	case err != nil:
		return err
	case found:
		return e.stopBatch(ctx, r, &b)
	}
	if n := w.Current(); n > 0 {
		return supervise.Stop(w.Try(n))
	}
	return nil
}
