package pipeline

import (
	"maps"
	"slices"
	"time"
)

// Deploy is environments.<name>.deploy.
type Deploy struct {
	Uses string
	With map[string]any
}

// Options say what default and configured definitions build on.
type Options struct {
	// LocalExecutors: the operator lets embedded executors run this repository's code (--local-executors).
	LocalExecutors bool
	// Buildspec is the path of the revision's build specification, buildspec.yml; empty: it has none.
	Buildspec string
	// SkipDeploy leaves out the deployment: branches of other bots.
	SkipDeploy bool
	// Environments are those with a deploy executor; in others the deployment is only recorded.
	Environments map[string]Deploy
	// ApprovalExpires and ApprovalRemind are environments.production.approve.expires and remind; 0: the defaults.
	ApprovalExpires, ApprovalRemind time.Duration
	// ApprovalEscalate is environments.production.approve.escalate.after; 0: never.
	ApprovalEscalate time.Duration
	// ManualPromotion is environments.production.promote.auto: false.
	ManualPromotion bool
}

// Default is the pipeline of a kind of branch that has none configured, complete. ok is false for kinds without a
// pipeline.
//
// Tests and build are the repository's own build specification where the operator lets it run here, else the checks that the
// repository has anyway.
func Default(kind string, o Options) (d Definition, ok bool) {
	d.Kind = kind
	environment := EnvironmentDevelopment
	switch kind {
	case KindFeature, KindBugfix, KindDevelopment:
	case KindRelease, KindHotfix, KindSupport:
		environment = EnvironmentStaging
	case KindProduction:
		d.Stages = []Stage{deployStage(EnvironmentProduction)}
		return Complete(d, o), true
	default:
		return Definition{}, false
	}
	if o.LocalExecutors && o.Buildspec != "" {
		d.Stages = []Stage{{Name: "Build", Actions: []Action{{
			Name: "build", Uses: "buildspec", With: map[string]any{"file": o.Buildspec}, Outputs: []string{"app"},
		}}}}
	} else {
		d.Stages = []Stage{{Name: "Test", Actions: []Action{{Name: "checks", Uses: "checks"}}}}
	}
	if !o.SkipDeploy {
		d.Stages = append(d.Stages, deployStage(environment))
	}
	return Complete(d, o), true
}

func deployStage(environment string) Stage {
	return Stage{Name: "Deploy", Actions: []Action{{Name: environment, Uses: UsesDeploy, Environment: environment}}}
}

// DefaultMode is the mode of a kind's pipeline that names none.
func DefaultMode(kind string) Mode {
	if kind == KindProduction || kind == KindHotfix {
		return ModeQueued
	}
	return ModeSuperseded
}

// Complete finishes a definition as it was configured: the mode of its kind; `uses: deploy` replaced by the
// environment's executor, and whatever enters an environment marked as a deployment; approval and promotion appended to
// release, hotfix and support unless written. The definition handed in is not changed.
func Complete(d Definition, o Options) Definition {
	if d.Mode == "" {
		d.Mode = DefaultMode(d.Kind)
	}
	d.Stages = slices.Clone(d.Stages)
	approves, promotes := false, false
	for i := range d.Stages {
		actions := slices.Clone(d.Stages[i].Actions)
		for j := range actions {
			actions[j] = completeAction(actions[j], o)
			approves = approves || actions[j].IsApproval() && actions[j].Environment == EnvironmentProduction
			promotes = promotes || actions[j].IsPromote()
		}
		d.Stages[i].Actions = actions
	}
	if d.Kind != KindRelease && d.Kind != KindHotfix && d.Kind != KindSupport {
		return d
	}
	if !approves && !promotes {
		d.Stages = append(d.Stages, Stage{Name: freeName(d, "Approval"), Actions: []Action{
			completeAction(Action{Name: "approval", Uses: UsesApproval}, o),
		}})
	}
	if !promotes {
		d.Stages = append(d.Stages, Stage{Name: freeName(d, "Promote"), Actions: []Action{
			completeAction(Action{Name: "promote", Uses: UsesPromote}, o),
		}})
	}
	return d
}

func completeAction(a Action, o Options) Action {
	if name, ok := a.With["environment"].(string); ok && a.Environment == "" && (a.NeedsDigest() || a.Uses == UsesDeploy) {
		a.Environment = name
	}
	switch {
	case a.IsApproval(), a.IsPromote():
		if a.Environment == "" {
			a.Environment = EnvironmentProduction
		}
		if a.Environment != EnvironmentProduction {
			break
		}
		if a.IsApproval() && a.Timeout == 0 {
			a.Timeout = o.ApprovalExpires
		}
		if a.IsApproval() && a.Remind == 0 {
			a.Remind = o.ApprovalRemind
		}
		if a.IsApproval() && a.Escalate == 0 {
			a.Escalate = o.ApprovalEscalate
		}
		a.Manual = a.Manual || a.IsPromote() && o.ManualPromotion
	case a.Uses == UsesDeploy:
		a.Deploys = true
		if deploy, ok := o.Environments[a.Environment]; ok && deploy.Uses != "" {
			with := maps.Clone(deploy.With)
			for k, v := range a.With {
				if k == "environment" {
					continue
				}
				if with == nil {
					with = map[string]any{}
				}
				with[k] = v
			}
			a.Uses, a.With = deploy.Uses, with
		}
	case a.Environment != "":
		a.Deploys = true
	}
	return a
}

// freeName is the name, or a variation that no stage has.
func freeName(d Definition, name string) string {
	for slices.ContainsFunc(d.Stages, func(s Stage) bool { return s.Name == name }) {
		name += " to production"
	}
	return name
}
