package appspec

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
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

// Start unpacks the revision, reads its appspec.yml and starts the deployment. The handle is the request's ID.
func (e *Executor) Start(ctx context.Context, r executor.Request) (string, error) {
	if r.ID == "" || r.Environment == "" {
		return "", executor.Permanentf("a revision is deployed to an environment; the action has none")
	}
	if !e.o.Allowed(r.Owner, r.Repo) {
		return "", executor.Permanentf("deployments by this host are not allowed for %s/%s: the operator allows them by "+
			"--local-executors %s/%s", r.Owner, r.Repo, r.Owner, r.Repo)
	}
	p, err := readParams(r.With)
	if err != nil {
		return "", err
	}
	if err := e.reachable(p, r); err != nil {
		return "", err
	}
	from, err := p.input(r)
	if err != nil {
		return "", err
	}
	w := e.workspace(r.ID)
	if err := w.Make(); err != nil {
		return "", fmt.Errorf("folder of the deployment: %w", err)
	}
	err = w.Locked(ctx, func() error { return e.begin(ctx, w, r, p, from) })
	if err != nil {
		return "", err
	}
	return r.ID, nil
}

// Prepares implements executor.Prepares: the revision is unpacked before anything begins.
func (e *Executor) Prepares() {}

// input chooses the artifact that is deployed.
func (p params) input(r executor.Request) (pipeline.Artifact, error) {
	names := slices.Sorted(maps.Keys(r.Inputs))
	switch {
	case p.from != "":
		if a, ok := r.Inputs[p.from]; ok {
			return a, nil
		}
		return pipeline.Artifact{}, executor.Permanentf("with.from: the action has no input %s; it has: %s", p.from, strings.Join(names, ", "))
	case len(names) == 1:
		return r.Inputs[names[0]], nil
	case len(names) == 0:
		return pipeline.Artifact{}, executor.Permanentf("there is no revision to deploy: name the artifact of an earlier action in inputs")
	}
	return pipeline.Artifact{}, executor.Permanentf("there are %d artifacts (%s): say by with.from which of them is deployed", len(names), strings.Join(names, ", "))
}

// begin starts the deployment unless it was started before.
func (e *Executor) begin(ctx context.Context, w workspace, r executor.Request, p params, from pipeline.Artifact) error {
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
	if err := w.SetID(r.ID); err != nil {
		return err
	}
	if w.Stopped() {
		return w.Finish(executor.Report{Status: pipeline.Stopped, Summary: "stopped before it began"})
	}
	plan, err := e.plan(ctx, w, r, p, from)
	var wrong *specError
	if errors.As(err, &wrong) {
		return w.Finish(document.Wrong(FileName, FileName, wrong.err))
	}
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // nobody wants it any more
		return err
	}
	return e.launch(ctx, w, n, plan, r)
}

// specError wraps what is wrong with an appspec.yml.
type specError struct{ err error }

func (e *specError) Error() string { return e.err.Error() }

// plan unpacks the revision, unless that was done, and says what is to be done with it. The error is a *specError when its
// appspec.yml is wrong.
func (e *Executor) plan(ctx context.Context, w workspace, r executor.Request, p params, from pipeline.Artifact) (plan, error) {
	group, id := groupDir(e.o.Dir, r.Owner, r.Repo, r.Environment), actiondir.SafeName(r.ID)
	bundle := filepath.Join(group, "revisions", id)
	if err := e.unpack(ctx, from, bundle); err != nil {
		return plan{}, err
	}
	spec, err := loadSpec(bundle)
	users := e.o.Users(r.Owner, r.Repo)
	if err == nil && p.onFolders() {
		err = spec.mayRunAs(users, r.Owner+"/"+r.Repo)
	}
	if err != nil {
		return plan{}, errors.Join(&specError{err}, os.RemoveAll(bundle))
	}
	return plan{
		ID: id, Dir: string(w.Dir), Group: group, Application: cmp.Or(r.Env["SLUICE_APP"], r.Repo), GroupName: r.Environment,
		GroupID: r.Owner + "/" + r.Repo + "/" + r.Environment,
		Place:   path.Join(actiondir.SafeName(r.Owner), actiondir.SafeName(r.Repo), actiondir.SafeName(r.Environment)),
		SSH:     e.o.SSH, Env: environ(r), Users: users, Traffic: p.traffic,
		Revision: revision{Deployment: id, Digest: from.Digest, Version: r.Env["SLUICE_VERSION"], Commit: r.SHA, Spec: spec},
		Config:   p.config.String(), Kind: p.kind, Hosts: p.hosts, NoRollback: p.noRollback, IgnoreStop: p.ignoreStop, Probe: p.probe, Bake: p.bake,
	}, nil
}

// launch starts a supervisor.
func (e *Executor) launch(ctx context.Context, w workspace, n int, p plan, r executor.Request) error {
	payload, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = e.launcher.Start(ctx, w.Try(n), supervise.Spec{
		Runner: runnerName, Payload: payload, Env: []string{"PATH=" + e.o.Path, "LANG=C.UTF-8", "HOME=/"}, Dir: p.Group,
		Secrets: append(slices.Clone(e.o.Secrets), e.o.SSH.Key), Leave: true,
	})
	return err
}

// environ is the environment of a request, sorted.
func environ(r executor.Request) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(r.Env)) {
		if !strings.ContainsRune(r.Env[name], 0) {
			out = append(out, name+"="+r.Env[name])
		}
	}
	return out
}

// reachable tells whether the operator lets the repository deploy to the machines it names.
func (e *Executor) reachable(p params, r executor.Request) error {
	for _, h := range p.hosts {
		switch {
		case h.SSH == "":
		case !e.o.SSHAllowed(r.Owner, r.Repo, h.SSH):
			return executor.Permanentf("host %s: deployments to %s are not allowed for %s/%s: the operator allows them by --ssh-allow %s/%s=%s",
				h.Name, h.SSH, r.Owner, r.Repo, r.Owner, r.Repo, h.SSH)
		case e.o.SSH.Key == "" || e.o.SSH.KnownHosts == "":
			return executor.Permanentf("host %s: the server has no key or no known hosts for SSH; the operator sets --ssh-key and --ssh-known-hosts", h.Name)
		}
	}
	return nil
}

// unpack brings an artifact to a folder, whole or not at all.
func (e *Executor) unpack(ctx context.Context, a pipeline.Artifact, dir string) error {
	if actiondir.Exists(dir) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil { //nolint:gosec // runas has to pass through
		return err
	}
	tmp := filepath.Join(filepath.Dir(dir), ".new-"+filepath.Base(dir))
	if err := os.RemoveAll(tmp); err != nil { // of an attempt that was cut off
		return err
	}
	err := e.o.Artifacts.Extract(ctx, a, tmp)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, artifact.ErrChanged) {
		return executor.Permanentf("the revision cannot be had: %w", err)
	}
	if err != nil {
		return err
	}
	return actiondir.Place(ctx, tmp, dir)
}

// loadSpec reads the appspec.yml of a bundle: a regular file of a bounded size.
func loadSpec(bundle string) (*Spec, error) {
	root, err := os.OpenRoot(bundle)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	wrong := func(problem string) error {
		return &document.Error{File: FileName, Line: 1, Column: 1, Problem: problem}
	}
	info, err := root.Lstat(FileName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, wrong("the revision has no such file at its root; add it to what the build hands on")
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, wrong("this is no regular file")
	}
	f, err := root.Open(FileName)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, document.MaxSize+1))
	if err != nil {
		return nil, err
	}
	return Parse(FileName, b)
}

// Alarm ends the deployment as failed, also in its bake time, and the hosts that it touched go back.
func (e *Executor) Alarm(_ context.Context, r executor.Request, reason string) error {
	w := e.workspace(r.ID)
	if _, done, err := w.Report(); done || err != nil || !w.Exists() || actiondir.Exists(alarmFile(string(w.Dir))) {
		return err
	}
	return supervise.WriteFile(alarmFile(string(w.Dir)), []byte(reason))
}

// Stop ends the deployment: scripts that run are ended, no further host is touched, and those that were go back. One that has
// not begun never will.
func (e *Executor) Stop(_ context.Context, r executor.Request, _ string) error {
	_, err := e.workspace(r.ID).AskStop()
	return err
}
