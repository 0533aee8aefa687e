package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestValidateNamesEveryProblem(t *testing.T) {
	x := func(name string, order int) Action { return Action{Name: name, Uses: "x", RunOrder: order} }
	feature := func(stages ...Stage) Definition {
		return Definition{Kind: KindFeature, Mode: ModeSuperseded, Stages: stages}
	}
	one := func(actions ...Action) Definition { return feature(Stage{Name: "S", Actions: actions}) }
	with := func(a Action, change func(*Action)) Action {
		change(&a)
		return a
	}
	for name, tc := range map[string]struct {
		d    Definition
		want []string
	}{
		"fine": {one(x("a", 0), x("b", 1), x("c", 2)), nil},
		"no stages": {Definition{Kind: KindFeature, Mode: ModeQueued},
			[]string{"stages: there are 0; a pipeline has 1 to 50"}},
		"unknown kind and mode": {Definition{Kind: "backmerge", Mode: "fast", Stages: one(x("a", 1)).Stages}, []string{
			`kind: "backmerge" has no pipeline; there are feature, bugfix, development, release, hotfix, production, support`,
			`mode: "fast" is not a mode; use superseded, queued or parallel`,
		}},
		"stage without actions": {one(), []string{`stage "S": actions: there are 0; a stage has 1 to 50`}},
		"two stages of one name": {feature(Stage{Name: "Test", Actions: []Action{x("a", 1)}}, Stage{Name: "test", Actions: []Action{x("a", 1)}}),
			[]string{`stage "test": name: "test" is the name of stage 1 already`}},
		"stage name": {feature(Stage{Name: "|", Actions: []Action{x("a", 1)}}),
			[]string{`stage "|": name: "|": use letters, digits, blanks, dots, dashes and underscores, 100 at most`}},
		"two actions of one name": {one(x("a", 1), x("A", 1)),
			[]string{`stage "S", action "A": name: "A" is the name of action 1 of this stage already`}},
		"action name": {one(x("a.b", 1)),
			[]string{`stage "S", action "a.b": name: "a.b": use letters, digits, dashes and underscores, 100 at most`}},
		"run_order with gaps":    {one(x("a", 1), x("b", 7), x("c", 3)), nil},
		"run_order starts late":  {one(x("a", 2)), nil},
		"run_order below":        {one(x("a", -1)), []string{`stage "S", action "a": run_order: -1: count from 1`}},
		"uses missing":           {one(Action{Name: "a"}), []string{`stage "S", action "a": uses: is missing; name an executor, approval, deploy or promote`}},
		"input that nobody made": {one(with(x("a", 1), func(a *Action) { a.Inputs = []string{"app"} })), []string{`stage "S", action "a": inputs: nothing makes artifact "app"; name it in the outputs of an earlier action`}},
		"input misspelt": {one(with(x("a", 1), func(a *Action) { a.Outputs = []string{"app"} }), with(x("b", 2), func(a *Action) { a.Inputs = []string{"ap"} })),
			[]string{`stage "S", action "b": inputs: nothing makes artifact "ap"; there are app`}},
		"input made at the same time": {one(with(x("a", 1), func(a *Action) { a.Outputs = []string{"app"} }), with(x("b", 1), func(a *Action) { a.Inputs = []string{"app"} })),
			[]string{`stage "S", action "b": inputs: artifact "app" is made by action "a", which does not run before; raise run_order or move it`}},
		"output made twice": {one(with(x("a", 1), func(a *Action) { a.Outputs = []string{"app"} }), with(x("b", 1), func(a *Action) { a.Outputs = []string{"app"} })),
			[]string{`stage "S", action "b": outputs: artifact "app" is made by action "a" already; every artifact has one maker`}},
		"timeout":             {one(with(x("a", 1), func(a *Action) { a.Timeout = 48 * time.Hour })), []string{`stage "S", action "a": timeout: 48h0m0s: at most 1d`}},
		"on_failure":          {one(with(x("a", 1), func(a *Action) { a.OnFailure = "ignore" })), []string{`stage "S", action "a": on_failure: "ignore": use fail, continue or retry(n)`}},
		"retry without times": {one(with(x("a", 1), func(a *Action) { a.OnFailure = OnFailureRetry })), []string{`stage "S", action "a": on_failure: retry(n) takes 1 to 10`}},
		"namespaces": {one(with(x("a", 1), func(a *Action) { a.Namespace = "sluice" }), with(x("b", 1), func(a *Action) { a.Namespace = "c" }), x("c", 1)), []string{
			`stage "S", action "a": namespace: "sluice": use letters, digits, dashes and underscores; "sluice" is Sluice's own`,
			`stage "S", action "b": namespace: "c" is used by another action too`,
		}},
		"references": {one(x("a", 1), with(x("b", 2), func(a *Action) {
			a.With = map[string]any{"ok": "#{a.x}", "own": "#{sluice.version}", "run": []any{map[string]any{"text": "echo #{a.x}"}}, "who": "#{nobody.x}", "later": "#{c.x}"}
			a.Env = map[string]string{"OK": "v#{a.x}", "LATER": "v#{c.x}"}
		}), x("c", 3)), []string{
			`stage "S", action "b": with.later: #{c.x}: that action does not run before this one`,
			`stage "S", action "b": with.run[0].text: #{a.x} stands inside other text; a reference must be the whole value, or be put into env`,
			`stage "S", action "b": with.who: #{nobody.x}: no action has the namespace "nobody"`,
			`stage "S", action "b": env.LATER: #{c.x}: that action does not run before this one`,
		}},
		"reference to one of two": {feature(Stage{Name: "S", Actions: []Action{x("a", 1)}}, Stage{Name: "T", Actions: []Action{x("a", 1), with(x("b", 2), func(a *Action) { a.With = map[string]any{"k": "#{a.x}"} })}}),
			[]string{`stage "T", action "b": with.k: #{a.x}: 2 actions have the namespace "a"; give one of them its own`}},
		"environment variables": {one(with(x("a", 1), func(a *Action) {
			a.Env = map[string]string{"OK": "1", "LD_PRELOAD": "x", "path": "x", "SLUICE_SHA": "x", "A-B": "x"}
		})), []string{
			`stage "S", action "a": env: "A-B" is not a name for an environment variable`,
			`stage "S", action "a": env: LD_PRELOAD cannot be set here; it would change how programs are found or what Sluice tells them`,
			`stage "S", action "a": env: SLUICE_SHA cannot be set here; it would change how programs are found or what Sluice tells them`,
			`stage "S", action "a": env: path cannot be set here; it would change how programs are found or what Sluice tells them`,
		}},
		"deploy without environment": {one(Action{Name: "a", Uses: UsesDeploy}), []string{`stage "S", action "a": environment: is missing; say which environment is entered`}},
		"feature promotes": {one(Action{Name: "ok", Uses: UsesApproval, Environment: "production"}, Action{Name: "p", Uses: UsesPromote, Environment: "production", RunOrder: 2}),
			[]string{`stage "S", action "p": uses: a feature pipeline cannot promote; only release, hotfix and support do`}},
		"production without approval": {one(Action{Name: "d", Uses: "ecs", Environment: "production", Deploys: true}),
			[]string{`stage "S", action "d": uses: production is always behind an approval; put an action with uses: approval and environment: production before it`}},
		"production beside its approval": {one(Action{Name: "ok", Uses: UsesApproval, Environment: "production"}, Action{Name: "d", Uses: "ecs", Environment: "production", Deploys: true}),
			[]string{`stage "S", action "d": uses: production is always behind an approval; put an action with uses: approval and environment: production before it`}},
		"production behind another approval": {one(Action{Name: "ok", Uses: UsesApproval, Environment: "staging"}, Action{Name: "d", Uses: UsesDeploy, Environment: "production", RunOrder: 2}),
			[]string{`stage "S", action "d": uses: production is always behind an approval; put an action with uses: approval and environment: production before it`}},
		"production pipeline": {Definition{Kind: KindProduction, Mode: ModeQueued, Stages: one(Action{Name: "d", Uses: UsesDeploy, Environment: "production"}).Stages}, nil},
		"approval with strange fields": {one(Action{Name: "ok", Uses: UsesApproval, Environment: "production", OnFailure: OnFailureContinue, Outputs: []string{"o"}, Manual: true, Deploys: true}), []string{
			`stage "S", action "ok": on_failure: an approval that is refused always fails; leave on_failure out`,
			`stage "S", action "ok": inputs: an approval takes and makes no artifacts; leave inputs and outputs out`,
			`stage "S", action "ok": environment: an approval deploys nothing`,
			`stage "S", action "ok": manual: an approval waits for people anyway; leave it out`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range tc.d.Validate() {
				got = append(got, p.Error())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestProblemTellsThePlace(t *testing.T) {
	d := Definition{Kind: KindFeature, Mode: ModeQueued, Stages: []Stage{
		{Name: "A", Actions: []Action{{Name: "a", Uses: "x"}}},
		{Name: "B", Actions: []Action{{Name: "b", Uses: "x"}, {Name: "c"}}},
	}}
	p := d.Validate()
	if len(p) != 1 || p[0].StageIndex != 1 || p[0].ActionIndex != 1 || p[0].Field != "uses" {
		t.Errorf("%+v", p)
	}
}

func TestHugeDefinitionsAreRefused(t *testing.T) {
	d := Definition{Kind: KindFeature, Mode: ModeQueued, Stages: make([]Stage, MaxStages+1)}
	problems := d.Validate()
	if len(problems) == 0 || !strings.Contains(problems[0].Error(), "there are 51") {
		t.Errorf("%v", problems)
	}
}
