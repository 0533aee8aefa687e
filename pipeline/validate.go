package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Problem is something wrong with a definition.
type Problem struct {
	// StageIndex and ActionIndex count from 0; -1: the definition, or the stage, as a whole.
	StageIndex, ActionIndex int
	Stage, Action           string // their names, for messages
	Field                   string // name, uses, inputs, run_order, …
	Text                    string // what is wrong, and the remedy
}

func (p Problem) Error() string {
	switch {
	case p.StageIndex < 0:
		return fmt.Sprintf("%s: %s", p.Field, p.Text)
	case p.ActionIndex < 0:
		return fmt.Sprintf("stage %q: %s: %s", p.Stage, p.Field, p.Text)
	}
	return fmt.Sprintf("stage %q, action %q: %s: %s", p.Stage, p.Action, p.Field, p.Text)
}

// Limits of a definition.
const (
	MaxStages   = 50
	MaxActions  = 50 // in a stage
	MaxRetries  = 10
	MaxTimeout  = 24 * time.Hour      // of an action
	MaxApproval = 60 * 24 * time.Hour // of an approval
	maxName     = 100
)

var (
	stageNameRE  = lazyregexp.New(`\A[A-Za-z0-9][A-Za-z0-9 ._-]*\z`)
	actionNameRE = lazyregexp.New(`\A[A-Za-z0-9][A-Za-z0-9_-]*\z`)
	envNameRE    = lazyregexp.New(`\A[A-Za-z_][A-Za-z0-9_]*\z`)
	// envTakenRE are variables by which a configuration would take over the shell, the loader or Sluice's own values.
	envTakenRE = lazyregexp.New(`\A(?:PATH|IFS|ENV|BASH_ENV|BASH_FUNC_.*|SHELLOPTS|BASHOPTS|NODE_OPTIONS|HOME|LD_.*|DYLD_.*|GIT_.*|PYTHON.*|PERL5.*|RUBYOPT|SLUICE_.*)\z`)
)

// Validate finds everything that is wrong with the definition. Parameters in With are the executors' to check.
func (d Definition) Validate() []Problem {
	v := validation{d: d, made: map[string]place{}, spoken: map[string][]place{}}
	v.definition()
	v.variables()
	v.collect()
	for i := range d.Stages {
		v.stage(i)
		v.conditions(i)
		for j := range d.Stages[i].Actions {
			v.action(i, j)
		}
	}
	v.productionBehindApproval()
	return v.problems
}

// place is where an action stands. One is before another in an earlier stage, or by a lower run order.
type place struct{ stage, action, order int }

func (p place) before(q place) bool {
	return p.stage < q.stage || p.stage == q.stage && p.order < q.order
}

type validation struct {
	d        Definition
	made     map[string]place   // who makes an artifact
	spoken   map[string][]place // who exports to a namespace
	problems []Problem
}

func (v *validation) report(i, j int, field, format string, args ...any) {
	p := Problem{StageIndex: i, ActionIndex: j, Field: field, Text: fmt.Sprintf(format, args...)}
	if i >= 0 {
		p.Stage = v.d.Stages[i].Name
	}
	if i >= 0 && j >= 0 {
		p.Action = v.d.Stages[i].Actions[j].Name
	}
	v.problems = append(v.problems, p)
}

func (v *validation) definition() {
	kinds := []string{KindFeature, KindBugfix, KindDevelopment, KindRelease, KindHotfix, KindProduction, KindSupport}
	if !slices.Contains(kinds, v.d.Kind) {
		v.report(-1, -1, "kind", "%q has no pipeline; there are %s", v.d.Kind, strings.Join(kinds, ", "))
	}
	switch v.d.Mode {
	case ModeSuperseded, ModeQueued, ModeParallel:
	default:
		v.report(-1, -1, "mode", "%q is not a mode; use superseded, queued or parallel", v.d.Mode)
	}
	if n := len(v.d.Stages); n == 0 || n > MaxStages {
		v.report(-1, -1, "stages", "there are %d; a pipeline has 1 to %d", n, MaxStages)
	}
}

// collect notes who makes which artifact and exports which variables, and finds what two make.
func (v *validation) collect() {
	for i, stage := range v.d.Stages {
		for j, a := range stage.Actions {
			at := place{i, j, a.order()}
			v.spoken[a.namespace()] = append(v.spoken[a.namespace()], at)
			for _, name := range a.Outputs {
				if other, ok := v.made[name]; ok {
					v.report(i, j, "outputs", "artifact %q is made by action %q already; every artifact has one maker",
						name, v.d.Stages[other.stage].Actions[other.action].Name)
					continue
				}
				v.made[name] = at
			}
		}
	}
}

func (v *validation) stage(i int) {
	st := v.d.Stages[i]
	if len(st.Name) > maxName || !stageNameRE.MatchString(st.Name) {
		v.report(i, -1, "name", "%q: use letters, digits, blanks, dots, dashes and underscores, %d at most", st.Name, maxName)
	}
	for k := range i {
		if strings.EqualFold(v.d.Stages[k].Name, st.Name) {
			v.report(i, -1, "name", "%q is the name of stage %d already", st.Name, k+1)
			break
		}
	}
	if n := len(st.Actions); n == 0 || n > MaxActions {
		v.report(i, -1, "actions", "there are %d; a stage has 1 to %d", n, MaxActions)
	}
}

func (v *validation) action(i, j int) {
	a := v.d.Stages[i].Actions[j]
	v.names(i, j, a)
	v.times(i, j, a)
	v.artifacts(i, j, a)
	v.environment(i, j, a)
	v.references(i, j, a)
	if a.IsPromote() && !slices.Contains(EngineUses(v.d.Kind), UsesPromote) {
		v.report(i, j, "uses", "a %s pipeline cannot promote; only release, hotfix and support do", v.d.Kind)
	}
	if a.Manual && a.IsApproval() {
		v.report(i, j, "manual", "an approval waits for people anyway; leave it out")
	}
}

func (v *validation) names(i, j int, a Action) {
	if len(a.Name) > maxName || !actionNameRE.MatchString(a.Name) {
		v.report(i, j, "name", "%q: use letters, digits, dashes and underscores, %d at most", a.Name, maxName)
	}
	for k := range j {
		if strings.EqualFold(v.d.Stages[i].Actions[k].Name, a.Name) {
			v.report(i, j, "name", "%q is the name of action %d of this stage already", a.Name, k+1)
			break
		}
	}
	if a.Uses == "" {
		v.report(i, j, "uses", "is missing; name an executor, approval, deploy or promote")
	}
	if a.RunOrder < 0 {
		v.report(i, j, "run_order", "%d: count from 1", a.RunOrder)
	}
	if a.namespace() == VariablesNamespace {
		v.report(i, j, "namespace", "%q is for the pipeline's own variables; give the action another", VariablesNamespace)
		return
	}
	if a.Namespace == "" {
		return
	}
	if len(a.Namespace) > maxName || !actionNameRE.MatchString(a.Namespace) || a.Namespace == OwnNamespace {
		v.report(i, j, "namespace", "%q: use letters, digits, dashes and underscores; %q is Sluice's own", a.Namespace, OwnNamespace)
	}
	if len(v.spoken[a.Namespace]) > 1 {
		v.report(i, j, "namespace", "%q is used by another action too", a.Namespace)
	}
}

// OwnNamespace is the namespace of variables that Input brings; no action may have it.
const OwnNamespace = "sluice"

func (v *validation) times(i, j int, a Action) {
	limit := MaxTimeout
	if a.IsApproval() {
		limit = MaxApproval
	}
	if a.Timeout < 0 || a.Timeout > limit {
		v.report(i, j, "timeout", "%s: at most %s", a.Timeout, span(limit))
	}
	switch a.OnFailure {
	case "", OnFailureFail:
	case OnFailureContinue, OnFailureRetry:
		if a.IsApproval() {
			v.report(i, j, "on_failure", "an approval that is refused always fails; leave on_failure out")
		}
		if a.IsPromote() && a.OnFailure == OnFailureContinue {
			v.report(i, j, "on_failure", "nothing may go on behind a promotion that failed; use fail or retry(n)")
		}
	default:
		v.report(i, j, "on_failure", "%q: use fail, continue or retry(n)", a.OnFailure)
	}
	if retry := a.OnFailure == OnFailureRetry; retry && (a.Retries < 1 || a.Retries > MaxRetries) || !retry && a.Retries != 0 {
		v.report(i, j, "on_failure", "retry(n) takes 1 to %d", MaxRetries)
	}
}

func (v *validation) artifacts(i, j int, a Action) {
	at := place{i, j, a.order()}
	for _, name := range a.Inputs {
		maker, ok := v.made[name]
		switch {
		case !ok && len(v.made) == 0:
			v.report(i, j, "inputs", "nothing makes artifact %q; name it in the outputs of an earlier action", name)
		case !ok:
			v.report(i, j, "inputs", "nothing makes artifact %q; there are %s", name,
				strings.Join(slices.Sorted(maps.Keys(v.made)), ", "))
		case !maker.before(at):
			v.report(i, j, "inputs", "artifact %q is made by action %q, which does not run before; raise run_order or move it",
				name, v.d.Stages[maker.stage].Actions[maker.action].Name)
		}
	}
	for _, name := range a.Outputs {
		if len(name) > maxName || !actionNameRE.MatchString(name) {
			v.report(i, j, "outputs", "%q: use letters, digits, dashes and underscores, %d at most", name, maxName)
		}
	}
	if a.IsApproval() && len(a.Inputs)+len(a.Outputs) > 0 {
		v.report(i, j, "inputs", "an approval takes and makes no artifacts; leave inputs and outputs out")
	}
}

func (v *validation) environment(i, j int, a Action) {
	if a.Environment == "" && (a.NeedsDigest() || a.Uses == UsesDeploy) {
		v.report(i, j, "environment", "is missing; say which environment is entered")
	}
	if a.IsApproval() && a.Deploys {
		v.report(i, j, "environment", "an approval deploys nothing")
	}
	for _, name := range slices.Sorted(maps.Keys(a.Env)) {
		switch {
		case !envNameRE.MatchString(name):
			v.report(i, j, "env", "%q is not a name for an environment variable", name)
		case envTakenRE.MatchString(strings.ToUpper(name)):
			v.report(i, j, "env", "%s cannot be set here; it would change how programs are found or what Sluice tells them", name)
		}
	}
}

// references checks that what "#{namespace.name}" refers to is exported before, by one action, and that in parameters
// it is the whole value.
func (v *validation) references(i, j int, a Action) {
	at := place{i, j, a.order()}
	refer := func(field, variable string) {
		namespace, _, _ := strings.Cut(variable, ".")
		speakers := v.spoken[namespace]
		switch {
		case namespace == OwnNamespace, v.d.declares(variable):
		case namespace == VariablesNamespace:
			v.report(i, j, field, "#{%s}: the pipeline declares no such variable; name it in variables", variable)
		case len(speakers) == 0:
			v.report(i, j, field, "#{%s}: no action has the namespace %q", variable, namespace)
		case len(speakers) > 1:
			v.report(i, j, field, "#{%s}: %d actions have the namespace %q; give one of them its own", variable, len(speakers), namespace)
		case !speakers[0].before(at):
			v.report(i, j, field, "#{%s}: that action does not run before this one", variable)
		}
	}
	eachText(a.With, "with", func(path, text string) {
		if variable, ok := wholeReference(text); ok {
			refer(path, variable)
		} else if problem := CheckParameter(text); problem != "" {
			v.report(i, j, path, "%s", problem)
		}
	})
	for _, name := range slices.Sorted(maps.Keys(a.Env)) {
		for _, m := range referenceRE.FindAllString(a.Env[name], -1) {
			refer("env."+name, m[2:len(m)-1])
		}
	}
}

// eachText calls do for every text in a tree of parameters, in order.
func eachText(v any, path string, do func(path, text string)) {
	switch v := v.(type) {
	case string:
		do(path, v)
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			eachText(v[k], path+"."+k, do)
		}
	case []any:
		for n, e := range v {
			eachText(e, fmt.Sprintf("%s[%d]", path, n), do)
		}
	}
}

// productionBehindApproval: what changes production comes after an approval. The production pipeline itself is only
// ever started by a promotion or a rollback, which have theirs.
func (v *validation) productionBehindApproval() {
	if v.d.Kind == KindProduction {
		return
	}
	var approvals []place
	for i, stage := range v.d.Stages {
		for j, a := range stage.Actions {
			if a.IsApproval() && a.Environment == EnvironmentProduction {
				approvals = append(approvals, place{i, j, a.order()})
			}
		}
	}
	for i, stage := range v.d.Stages {
		for j, a := range stage.Actions {
			enters := a.production() || a.Uses == UsesDeploy && a.Environment == EnvironmentProduction
			at := place{i, j, a.order()}
			if enters && !slices.ContainsFunc(approvals, func(p place) bool { return p.before(at) }) {
				v.report(i, j, "uses", "production is always behind an approval; put an action with uses: approval and environment: production before it")
			}
		}
	}
}
