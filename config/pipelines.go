package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
	"github.com/sluicehq/sluice/pipeline"
)

// executorsBuilt are the executors of this version; executorsLater are understood and refused.
func executorsBuilt() []string {
	return []string{"checks", "buildspec", "image", "appspec", "github-actions"}
}

func executorsLater() []string {
	return []string{"codebuild", "codepipeline", "codedeploy", "ecs", "lambda", "s3", "cloudformation",
		"elasticbeanstalk", "stepfunctions", "jenkins", "http"}
}

// pipelines reads the configured pipelines, which stand at base, by kind, and checks each as it will run, completed.
func (d *decoder) pipelines(all *node, base string, r *Repo) map[string]pipeline.Definition {
	var found map[string]pipeline.Definition
	for _, kind := range pipelineKinds() {
		n := d.find(all, kind)
		if n == nil || n.kind != mapNode {
			if base == "pipelines" && kind != pipeline.KindBugfix && kind != pipeline.KindSupport { // those are as another kind
				d.validateDefault(kind, r)
			}
			continue
		}
		stages := d.find(n, "stages")
		if stages == nil || stages.kind != listNode {
			continue
		}
		def := pipeline.Definition{Kind: kind, Mode: pipeline.Mode(d.text(n, "", "mode"))}
		given := d.find(n, "variables")
		def.Variables = d.variables(given)
		d.holes = d.within(stages) || given != nil && d.within(given) // a definition with holes is not worth validating
		for i, s := range stages.items {
			def.Stages = append(def.Stages, d.stage(s, fmt.Sprintf("%s.%s.stages[%d]", base, kind, i), r))
		}
		if !d.holes {
			d.validate(def, base+"."+kind, r)
		}
		if found == nil {
			found = map[string]pipeline.Definition{}
		}
		found[kind] = def
	}
	return found
}

func (d *decoder) stage(n *node, path string, r *Repo) pipeline.Stage {
	s := pipeline.Stage{
		Name: d.text(n, "", "name"), BeforeEntry: d.condition(d.find(n, "before_entry")), OnSuccess: d.condition(d.find(n, "on_success")),
	}
	if again := d.text(n, "", "on_failure"); again != "fail" {
		s.OnFailure = pipeline.StageFailure(again)
	}
	if actions := d.find(n, "actions"); actions != nil {
		for i, a := range actions.items {
			s.Actions = append(s.Actions, d.action(a, fmt.Sprintf("%s.actions[%d]", path, i), r))
		}
	}
	return s
}

// variables reads those that a pipeline declares, sorted by name.
func (d *decoder) variables(n *node) (out []pipeline.Variable) {
	if n == nil || n.kind != mapNode {
		return nil
	}
	for _, p := range n.pairs {
		out = append(out, pipeline.Variable{
			Name: p.key, Default: d.text(p.value, "", "default"), Description: d.text(p.value, "", "description"),
		})
	}
	slices.SortFunc(out, func(a, b pipeline.Variable) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// condition reads what is asked before or after a stage.
func (d *decoder) condition(n *node) *pipeline.Condition {
	if n == nil || n.kind != mapNode {
		return nil
	}
	c := &pipeline.Condition{Else: pipeline.Otherwise(d.text(n, string(pipeline.OtherwiseFail), "else"))}
	if rules := d.find(n, "if"); rules != nil {
		for _, rule := range rules.items {
			for _, o := range operators() {
				if d.find(rule, string(o)) != nil {
					c.Rules = append(c.Rules, pipeline.Rule{Variable: d.text(rule, "", "variable"), Operator: o, Value: d.text(rule, "", string(o))})
				}
			}
		}
	}
	return c
}

// operators are the keys of a rule that compare.
func operators() []pipeline.Operator {
	return []pipeline.Operator{pipeline.OperatorEquals, pipeline.OperatorNot, pipeline.OperatorMatches}
}

func (d *decoder) action(n *node, path string, r *Repo) pipeline.Action {
	a := pipeline.Action{
		Name:      d.text(n, "", "name"),
		Uses:      d.text(n, "", "uses"),
		With:      d.anyMap(d.find(n, "with")),
		RunOrder:  d.integer(n, 1, "run_order"),
		Inputs:    d.texts(n, nil, "inputs"),
		Outputs:   d.texts(n, nil, "outputs"),
		Namespace: d.text(n, "", "namespace"),
		Timeout:   d.duration(n, 0, "timeout"),
	}
	if env := d.find(n, "env"); env != nil && env.kind == mapNode {
		a.Env = make(map[string]string, len(env.pairs))
		for _, p := range env.pairs {
			if !d.bad[p.value] && p.value.kind == scalarNode {
				a.Env[p.key] = p.value.text
			}
		}
	}
	a.OnFailure, a.Retries = onFailure(d.text(n, "fail", "on_failure"))
	switch a.Uses {
	case "":
	case pipeline.UsesApproval, pipeline.UsesPromote, pipeline.UsesDeploy:
		before := len(d.errs)
		d.engine(&a, d.text(n, "", "with", "environment"), path, r)
		d.holes = d.holes || len(d.errs) > before
	default:
		d.executor(a.Uses, a.With, path)
	}
	return a
}

// engine gives an action that no executor carries out its environment: of deploy the one that is named, else production.
func (d *decoder) engine(a *pipeline.Action, environment, path string, r *Repo) {
	with := a.With
	a.With = nil
	if environment == "" {
		if a.Uses == pipeline.UsesDeploy {
			return // reported
		}
		environment = pipeline.EnvironmentProduction
	}
	a.Environment = environment
	if _, ok := r.Environments[environment]; !ok {
		d.failAt(path+".with.environment", fmt.Sprintf("no environment %q", clip(environment)), suggest(environment, slices.Collect(maps.Keys(r.Environments))))
		return
	}
	if a.Uses == pipeline.UsesDeploy {
		d.deploy(a, with, path, r)
	} else if e := r.Environments[environment]; a.IsApproval() && e.Approve != nil {
		setTimes(a, e.Approve)
	}
}

// deploy adds parameters of an action to those of its environment's executor.
func (d *decoder) deploy(a *pipeline.Action, with map[string]any, path string, r *Repo) {
	delete(with, "environment")
	if len(with) == 0 {
		return
	}
	deploy := r.Environments[a.Environment].Deploy
	if deploy.Uses == "" {
		d.failAt(path+".with", fmt.Sprintf("environment %q has no executor that would take parameters", a.Environment),
			"set environments."+a.Environment+".deploy")
		return
	}
	a.With = with
	merged := map[string]any{}
	for _, m := range []map[string]any{deploy.With, with} {
		for k, v := range m {
			merged[k] = v
		}
	}
	d.executor(deploy.Uses, merged, path)
}

// setTimes gives an approval the times of its environment, unless it has its own.
func setTimes(a *pipeline.Action, approve *Approve) {
	if a.Timeout == 0 {
		a.Timeout = approve.Expires
	}
	switch {
	case approve.Remind == 0:
		a.Remind = -1
	case approve.Remind < a.Timeout:
		a.Remind = approve.Remind
	default:
		a.Remind = a.Timeout / 2
	}
	if approve.Escalate.After < a.Timeout {
		a.Escalate = approve.Escalate.After
	}
}

// onFailure takes fail, continue and retry(n) apart.
func onFailure(s string) (pipeline.OnFailure, int) {
	if n, ok := strings.CutPrefix(s, "retry("); ok {
		retries, err := strconv.Atoi(strings.TrimSuffix(n, ")"))
		if err == nil {
			return pipeline.OnFailureRetry, retries
		}
	}
	return pipeline.OnFailure(s), 0
}

var withKeyRE = lazyregexp.New(`^with((?:\.[A-Za-z0-9_-]+|\[[0-9]+\])+):? ?`)

// executor asks an executor whether it takes the parameters. path is of what has the uses.
func (d *decoder) executor(uses string, with map[string]any, path string) {
	if d.context.Check == nil || !slices.Contains(executorsBuilt(), uses) && !slices.Contains(d.context.Executors, uses) {
		return
	}
	err := d.context.Check(uses, with)
	if err == nil {
		return
	}
	text := strings.TrimPrefix(err.Error(), "uses: "+uses+": ")
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" {
			continue
		}
		field := path + ".with"
		if m := withKeyRE.FindStringSubmatch(line); m != nil {
			field, line = path+".with"+m[1], line[len(m[0]):]
		}
		d.failAt(field, line, "")
	}
}

// unknownExecutor says what to do about an executor that there is not.
func unknownExecutor(uses string, known []string) refusal {
	if slices.Contains(executorsLater(), uses) {
		return refusal{fmt.Sprintf("%q is %s", uses, notYet), "there is: " + strings.Join(executorsBuilt(), ", ")}
	}
	return refusal{fmt.Sprintf("no executor %q", clip(uses)), suggest(uses, known)}
}

// validate reports what is wrong with a definition as a whole. path is where it stands.
func (d *decoder) validate(def pipeline.Definition, path string, r *Repo) {
	complete := pipeline.Complete(def, r.options(Revision{}))
	for _, p := range complete.Validate() {
		at := path
		if p.StageIndex >= 0 && p.StageIndex < len(def.Stages) {
			at += fmt.Sprintf(".stages[%d]", p.StageIndex)
			if p.ActionIndex >= 0 && p.ActionIndex < len(def.Stages[p.StageIndex].Actions) {
				at += fmt.Sprintf(".actions[%d]", p.ActionIndex)
			}
		}
		d.failAt(join(at, p.Field), p.Text, "")
	}
}

// validateDefault reports references in an environment's deploy that nothing in the default pipeline exports.
func (d *decoder) validateDefault(kind string, r *Repo) {
	def, ok := pipeline.Default(kind, r.options(Revision{Buildspec: "buildspec.yml"}))
	if !ok {
		return
	}
	for _, p := range def.Validate() {
		if p.StageIndex < 0 || p.ActionIndex < 0 {
			continue // the default is sound; only what is put into it may not be
		}
		a := def.Stages[p.StageIndex].Actions[p.ActionIndex]
		d.failAt("environments."+a.Environment+".deploy."+p.Field, p.Text, "")
	}
}
