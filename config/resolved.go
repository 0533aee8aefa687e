package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/pipeline"
)

// options are what package pipeline needs to complete a definition.
func (r *Repo) options(rev Revision) pipeline.Options {
	o := pipeline.Options{
		LocalExecutors: r.local,
		Buildspec:      rev.Buildspec,
		SkipDeploy:     rev.SkipDeploy,
		Environments:   make(map[string]pipeline.Deploy, len(r.Environments)),
	}
	for name, e := range r.Environments {
		if e.Deploy.Uses != "" {
			o.Environments[name] = e.Deploy
		}
	}
	production := r.Environment(pipeline.EnvironmentProduction)
	o.ManualPromotion = !production.Promote.Auto
	approval := pipeline.Action{}
	setTimes(&approval, production.Approve)
	o.ApprovalExpires, o.ApprovalRemind, o.ApprovalEscalate = approval.Timeout, approval.Remind, approval.Escalate
	return o
}

// Configures tells whether the file has a pipeline for a kind of branch of its own.
func (r *Repo) Configures(kind string) bool {
	_, ok := r.pipelines[kind]
	return ok
}

// Pipeline is the completed pipeline of a kind of branch (pipeline.KindFeature, …): the configured one, else the
// default; approvals and promotion put in, deploys resolved. An action whose Uses is still pipeline.UsesDeploy has no
// executor: only the deployment is recorded. ok is false for kinds without a pipeline.
func (r *Repo) Pipeline(kind string, rev Revision) (d pipeline.Definition, ok bool) {
	configured, ok := r.pipelines[kind]
	if !ok { // bugfix is as feature, support as release
		switch kind {
		case pipeline.KindBugfix:
			configured, ok = r.pipelines[pipeline.KindFeature]
		case pipeline.KindSupport:
			configured, ok = r.pipelines[pipeline.KindRelease]
		}
		configured.Kind = kind
	}
	if ok {
		d = pipeline.Complete(configured, r.options(rev))
	} else if d, ok = pipeline.Default(kind, r.options(rev)); !ok {
		return pipeline.Definition{}, false
	}
	if rev.SkipDeploy {
		return withoutDeploys(d), true
	}
	return r.withApprovals(d), true
}

// withApprovals puts an approval before whatever first enters an environment that asks for one. Production's stands
// before the promotion already.
func (r *Repo) withApprovals(d pipeline.Definition) pipeline.Definition {
	var stages []pipeline.Stage
	approved := map[string]bool{pipeline.EnvironmentProduction: true}
	for _, s := range d.Stages {
		for _, a := range s.Actions {
			if a.IsApproval() {
				approved[a.Environment] = true
			}
		}
		for _, a := range s.Actions {
			approve := r.Environment(a.Environment).Approve
			if !a.Deploys || approve == nil || approved[a.Environment] {
				continue
			}
			approved[a.Environment] = true
			approval := pipeline.Action{Name: "approval", Uses: pipeline.UsesApproval, Environment: a.Environment}
			setTimes(&approval, approve)
			stages = append(stages, pipeline.Stage{
				Name:    freeStage(d, "Approval "+a.Environment),
				Actions: []pipeline.Action{approval},
			})
		}
		stages = append(stages, s)
	}
	d.Stages = stages
	return d
}

// freeStage is the name, or a variation that no stage has.
func freeStage(d pipeline.Definition, name string) string {
	free := name
	for n := 2; slices.ContainsFunc(d.Stages, func(s pipeline.Stage) bool { return s.Name == free }); n++ {
		free = fmt.Sprintf("%s %d", name, n)
	}
	return free
}

// withoutDeploys leaves out what enters an environment, and stages that are empty then.
func withoutDeploys(d pipeline.Definition) pipeline.Definition {
	var stages []pipeline.Stage
	for _, s := range d.Stages {
		var actions []pipeline.Action
		for _, a := range s.Actions {
			if !a.Deploys && !a.IsApproval() && !a.IsPromote() {
				actions = append(actions, a)
			}
		}
		if len(actions) > 0 {
			s.Actions = actions
			stages = append(stages, s)
		}
	}
	d.Stages = stages
	return d
}

// ApprovalHash is a SHA-256 ("sha256:" and 64 hex digits) over what an approval in a pipeline of that kind rests on:
// approve, promote and deploy of the environments it enters and of production, the registries, the pipeline itself and
// production's, all resolved. Who may use the emergency path is asked when they do. Everything else may change without voiding an approval.
func (r *Repo) ApprovalHash(kind string) string {
	var rests struct {
		Environments []Environment
		Registries   Registries
		Pipelines    []pipeline.Definition
	}
	enters := []string{pipeline.EnvironmentProduction}
	for _, k := range []string{kind, pipeline.KindProduction} {
		d, ok := r.Pipeline(k, Revision{})
		if !ok {
			continue
		}
		rests.Pipelines = append(rests.Pipelines, d)
		for _, s := range d.Stages {
			for _, a := range s.Actions {
				if a.Environment != "" {
					enters = append(enters, a.Environment)
				}
			}
		}
	}
	slices.Sort(enters)
	for _, name := range slices.Compact(enters) {
		e := r.Environment(name)
		e.RollbackOnFailure, e.RollbackOnAlarm, e.Emergency = false, false, People{}
		rests.Environments = append(rests.Environments, e)
	}
	rests.Registries = r.Registries
	canonical, err := json.Marshal(rests) // structs in the order of their fields, mappings sorted by key
	if err != nil {
		panic("config: what was read from a file cannot be written as JSON: " + err.Error())
	}
	sum := sha256.Sum256(canonical)
	return "sha256:" + hex.EncodeToString(sum[:])
}
