package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/rehearse"
	"github.com/sluicehq/sluice/tagging"
)

// rehearsal is a run that was prepared.
type rehearsal struct {
	source  source
	data    string // folder of what is kept between runs
	whole   pipeline.Definition
	input   pipeline.Input
	left    []rehearse.Left
	subject executor.Subject
	owner   string
	name    string
	env     map[string]string // of --env
	notes   []string          // how it differs from the server's run, as sentences
	title   string
}

// prepare finds out what is to be run.
func (c *runCmd) prepare(e *env) (*rehearsal, error) {
	r := &rehearsal{env: map[string]string{}}
	for _, v := range c.Env {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--env %s: want NAME=VALUE", v)
		}
		if problem := config.DeniedEnv(name); problem != "" {
			return nil, fmt.Errorf("--env: %s", problem)
		}
		r.env[name] = value
	}
	for _, v := range c.Var {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--var %s: want NAME=VALUE", v)
		}
		if r.input.Given == nil {
			r.input.Given = map[string]string{}
		}
		r.input.Given[name] = value
	}
	if c.Batch && c.Buildspec == "" {
		return nil, errors.New("--batch needs --buildspec: in a pipeline the action says it, with batch: true")
	}
	if c.Batch && c.Output != "" {
		return nil, errors.New("--output takes the artifacts of one build; leave out --batch, or name the file of the build")
	}
	if c.Push && !c.Committed {
		return nil, errors.New("--push needs --committed: the tag of an image says which commit it is of")
	}
	var err error
	if r.source, err = openSource(e.ctx, c); err != nil {
		return nil, err
	}
	if r.data, err = runFolder(e.getenv, r.source.root); err != nil {
		return nil, err
	}
	r.owner, r.name = r.source.owner, r.source.name
	r.input.ID, r.input.SHA = fmt.Sprintf("local-%s-%d", time.Now().UTC().Format("20060102T150405"), os.Getpid()), r.source.sha
	r.subject = executor.Subject{App: r.name, Branch: r.source.branch, SHA: r.source.sha, ExecutionID: r.input.ID}
	only := slices.Clone(c.Only)
	if c.Buildspec != "" {
		if c.What != "" {
			return nil, errors.New("--buildspec runs one file; leave out what else to run")
		}
		err = r.ofBuildspec(c)
	} else {
		only, err = r.ofPipeline(e, c, only)
	}
	if err != nil {
		return nil, err
	}
	if err := pipeline.CheckVariables(r.whole.Variables, r.input.Given); err != nil {
		return nil, fmt.Errorf("--var: %w", err)
	}
	chosen, left, err := rehearse.Choose(r.whole, rehearse.Choice{
		Only: only, Until: c.Until, Deploy: c.Deploy, Push: c.Push, Approve: c.Approve,
		Unable: map[string]string{
			"checks": "it waits for checks at GitHub", "github-actions": "it runs at GitHub", pipeline.UsesDeploy: "the server only records it",
		},
	})
	if err != nil {
		return nil, err
	}
	r.input.Definition, r.left = chosen, left
	r.note(e, c)
	return r, r.recall()
}

// ofPipeline takes the pipeline of a kind of branch from the configuration, as it is in the folder now. It returns what of it
// is asked for.
func (r *rehearsal) ofPipeline(e *env, c *runCmd, only []string) ([]string, error) {
	cfg, err := r.config(e, c)
	if err != nil {
		return nil, err
	}
	branch := cfg.Names.Classify(r.source.branch)
	component := cmp.Or(c.Component, branch.Component)
	if component != "" && !slices.Contains(cfg.Names.Components, component) {
		return nil, fmt.Errorf("--component: there is no component %q; there are: %s", component, cmp.Or(strings.Join(cfg.Names.Components, ", "), "none"))
	}
	if component == "" && len(cfg.Names.Components) > 0 {
		r.notes = append(r.notes, fmt.Sprintf("No component is run for; --component names one of %s.", strings.Join(cfg.Names.Components, ", ")))
	}
	r.subject.Component = component
	r.version(e, cfg)
	cfg = cfg.Component(component)
	kind, rest, _ := strings.Cut(c.What, "/")
	if _, known := cfg.Pipeline(kind, config.Revision{}); !known {
		kind, rest = string(branch.Kind), c.What
		if r.source.branch == "" {
			return nil, errors.New("no branch is checked out; say which pipeline to run: sluice run feature")
		}
	}
	if rest != "" {
		only = append(only, rest)
	}
	var rev config.Revision
	for _, path := range cfg.Buildspecs() {
		if _, err := r.source.read(path); err == nil {
			rev.Buildspec = path
			break
		}
	}
	def, ok := cfg.Pipeline(kind, rev)
	if !ok {
		return nil, fmt.Errorf("branch %s is of kind %s, which has no pipeline; say which to run: sluice run feature", r.source.branch, kind)
	}
	r.whole = def
	r.subject.App, r.subject.BranchKind = cfg.App, kind
	r.title = kind + " pipeline"
	r.input.ConfigHash = cfg.ApprovalHash(kind)
	r.input.Image.Reference = r.subject.Image
	r.input.Variables = map[string]string{"sluice.version": r.subject.Version, "sluice.sha": r.source.sha, "sluice.branch": r.source.branch}
	return only, nil
}

// config reads the configuration that lies in the folder.
func (r *rehearsal) config(e *env, c *runCmd) (*config.Repo, error) {
	data, err := r.source.read(config.FileName)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = nil, nil
		r.notes = append(r.notes, "There is no "+config.FileName+" here: the pipelines are the default ones.")
	}
	if err != nil {
		return nil, err
	}
	in := contextHere(e.ctx)
	in.Check, in.LocalExecutors = checkOnly().Check, true
	if c.Organization != "" {
		if in.Organization, err = organizationIn(c.Organization, data); err != nil {
			return nil, err
		}
	}
	cfg, problems := config.Load(data, in)
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w\nrun \"sluice lint\" for the places", config.Join(problems))
	}
	return cfg, nil
}

// version finds version and image of the branch at the commit, by the whole configuration; where there is none a note says
// why.
func (r *rehearsal) version(e *env, cfg *config.Repo) {
	revision, err := tagging.Revision(r.source.sha, cfg.Versioning.RevisionLength)
	if err != nil {
		return
	}
	r.subject.Revision = revision
	repo, err := openClone(e.ctx, r.source.root, e.getenv)
	if err == nil {
		repo.config = cfg
		t := &tagger{branch: cfg.Names.Classify(r.source.branch), revision: revision, sha: r.source.sha, component: r.subject.Component, clone: repo}
		var tag tagging.ImageTag
		if tag, err = t.tag(); err == nil {
			r.subject.ImageTag = tag.String()
			if !t.version.IsZero() {
				r.subject.Version = t.version.String()
			}
			if to := cfg.Component(r.subject.Component).Registries.Development; to != "" {
				r.subject.Image = tagging.Reference(to, tag)
			}
			return
		}
	}
	r.notes = append(r.notes, fmt.Sprintf("SLUICE_VERSION and SLUICE_IMAGE are not set: %v.", err))
}

// ofBuildspec makes a pipeline of one action that runs a buildspec.
func (r *rehearsal) ofBuildspec(c *runCmd) error {
	outputs, err := r.source.outputs(c)
	if err != nil {
		return err
	}
	r.title = r.source.buildspec
	with := map[string]any{"file": r.source.buildspec}
	if c.Batch {
		with["batch"] = true
	}
	r.whole = pipeline.Definition{Kind: pipeline.KindFeature, Mode: pipeline.ModeParallel, Stages: []pipeline.Stage{{Name: "Build", Actions: []pipeline.Action{{
		Name: "build", Uses: "buildspec", With: with, Outputs: outputs,
	}}}}}
	return nil
}

// request is what an executor is told, as the server tells it.
func (r *rehearsal) request(c pipeline.StartAction) executor.Request {
	configured := maps.Clone(c.Env)
	if configured == nil {
		configured = map[string]string{}
	}
	maps.Copy(configured, r.env)
	return executor.Request{
		ID: c.ID, ExecutionID: r.input.ID, Uses: c.Uses, Stage: c.Stage, Name: c.Name, Environment: c.Environment, Owner: r.owner, Repo: r.name,
		CloneURL: r.source.url, Branch: r.source.branch, BranchKind: r.subject.BranchKind, SHA: r.source.sha, CommitTime: r.source.time,
		With: c.With, Env: r.subject.Variables(configured, c.Environment, c.Image.Digest), Inputs: c.Inputs, Outputs: c.Outputs, Digest: c.Digest,
		Timeout: c.Timeout, Attempt: c.Attempt,
	}
}

// note says how the run differs from the server's.
func (r *rehearsal) note(e *env, c *runCmd) {
	switch {
	case r.source.tree == nil:
		r.notes = append(r.notes, fmt.Sprintf("The files are those of %s as they are now; the server runs a commit.", r.source.root))
	case len(r.source.changed) > 0:
		files := fmt.Sprintf("%d files are as they are", len(r.source.changed))
		if len(r.source.changed) == 1 {
			files = "1 file is as it is"
		}
		r.notes = append(r.notes, fmt.Sprintf("%s in this folder, not as in commit %.7s: %s. --committed runs the commit.", files, r.source.sha, few(r.source.changed)))
	}
	if c.Buildspec == "" {
		r.notes = append(r.notes, "The configuration is the one in this folder; the server goes by that of the default branch.")
	}
	r.notes = append(r.notes, "Programs are found by your PATH and run as you, without a sandbox or limits; nothing is reported to GitHub, and no environment is locked.")
	if e.getenv("PATH") == "" {
		r.notes = append(r.notes, "There is no PATH; the server's default is taken.")
	}
	if len(c.Deploy) > 0 {
		r.notes = append(r.notes, fmt.Sprintf("Hosts are folders below %s.", filepath.Join(r.data, "hosts")))
	}
	for _, l := range r.left {
		r.notes = append(r.notes, fmt.Sprintf("%s/%s is left out: %s.", l.Stage, l.Action, l.Why))
	}
}

// few lists the first of many names.
func few(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + " and others"
	}
	return strings.Join(names, ", ")
}
