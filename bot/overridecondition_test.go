package bot

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// unmetStages are a stage whose condition finds a variable that nothing exports, and one behind it that enters an environment.
func unmetStages(uses, environment string) []pipeline.Stage {
	return []pipeline.Stage{
		{
			Name:        "Load",
			BeforeEntry: &pipeline.Condition{Rules: []pipeline.Rule{{Variable: "sluice.coverage", Operator: pipeline.OperatorEquals, Value: "100"}}},
			Actions:     []pipeline.Action{{Name: "load", Uses: "checks"}},
		},
		{Name: "Enter", Actions: []pipeline.Action{{Name: "enter", Uses: uses, Environment: environment, Deploys: uses == pipeline.UsesDeploy}}},
	}
}

// unmet is an execution that the condition before its first stage has failed.
func (l *lab) unmet(x store.Execution, stages []pipeline.Stage) store.Execution {
	l.t.Helper()
	x.RepoID, x.CreatedAt = 42, noon
	if x.Kind == "" {
		x.Kind = pipeline.KindFeature
	}
	x.State, _ = pipeline.Start(pipeline.Input{ID: x.ID, Definition: pipeline.Definition{Kind: x.Kind, Mode: pipeline.ModeSuperseded, Stages: stages}, SHA: x.SHA}, noon)
	x.Status, x.EndedAt = x.State.Status, x.State.EndedAt
	if _, _, ok := x.State.Overridable(); !ok {
		l.t.Fatalf("no condition has failed %s: %s", x.ID, pipeline.Why(x.State, noon))
	}
	return x
}

// Who may override a condition: where an approval still stands before production, release managers; where nothing does, those
// who may override a check, whichever way they ask.
func TestWhoOverridesAConditionBeforeProduction(t *testing.T) {
	for name, c := range map[string]struct {
		stages []pipeline.Stage
		want   []string
	}{
		"before an approval": {
			append(unmetStages(pipeline.UsesApproval, pipeline.EnvironmentProduction), pipeline.Stage{Name: "Promote", Actions: []pipeline.Action{{Name: "promote", Uses: pipeline.UsesPromote, Environment: pipeline.EnvironmentProduction}}}),
			[]string{"maintain", "admin"},
		},
		"before production": {unmetStages(pipeline.UsesPromote, pipeline.EnvironmentProduction), []string{"admin"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := matrixLab(t, "release")
			l.write(func(tx *store.Tx) error {
				r, err := tx.Release(t.Context(), "r1")
				if err != nil {
					return err
				}
				x := l.unmet(store.Execution{ID: "x9", Kind: pipeline.KindRelease, Branch: r.Branch, SHA: head, ReleaseID: r.ID}, c.stages)
				if err := tx.CreateExecution(t.Context(), &x); err != nil {
					return err
				}
				r.ExecutionID = x.ID
				return tx.SaveRelease(t.Context(), r)
			})
			for _, who := range matrixPeople() {
				want := slices.Contains(c.want, who.Login)
				for _, way := range l.tries("release", "/override condition load --reason so", who, want) {
					t.Errorf("%s by %s: want it let through %t", way, who.Login, want)
				}
			}
		})
	}
}

// A monorepo's pipelines at one head are told apart by component, and only the newest execution of each is meant.
func TestWhichConditionIsMeant(t *testing.T) {
	l := matrixLab(t, "component")
	at := matrixPlaces["feature"]
	for i, c := range []string{"api", "web", "web"} {
		x := store.Execution{ID: "x" + string(rune('a'+i)), Component: c, Branch: "feature/x", SHA: at.sha}
		stages := unmetStages(pipeline.UsesDeploy, "staging")
		if i == 1 { // another one has been started since
			stages[0].Name = "Old"
		}
		l.write(func(tx *store.Tx) error {
			x := l.unmet(x, stages)
			return tx.CreateExecution(t.Context(), &x)
		})
	}
	for line, want := range map[string]string{
		"/override condition --reason so --dry-run":                 "say which one is meant: `feature/Load --component web`, `feature/Load --component api`.",
		"/override condition Old --reason so --dry-run":             "No condition of a stage `Old` is recorded to have failed",
		"/override condition --component api --reason so --dry-run": "would be overridden in the feature pipeline",
		"/override condition Load --reason so --dry-run":            "say which one is meant",
	} {
		repliesWith(t, l, at.number, line, want)
	}
}

// repliesWith gives a command as the admin and looks for a text in the reply.
func repliesWith(t *testing.T, l *lab, number int, line, want string) {
	t.Helper()
	c, wrong, ours := parseLine(line, "", false)
	if wrong != nil || !ours {
		t.Fatalf("%s: %v", line, wrong)
	}
	q := &request{Command: c, by: l.gh.Users["admin"], issue: number, pull: true, via: "comment", done: nothingElse}
	reply, _, err := newSession(l).carry(t.Context(), q)
	must(t, err)
	if !strings.Contains(reply, want) {
		t.Errorf("%s: %q, want %q in it", line, reply, want)
	}
}

// A release's candidate and its production are told apart by kind, also where their stages are called the same.
func TestWhichConditionOfAReleaseIsMeant(t *testing.T) {
	l := matrixLab(t, "release")
	at := matrixPlaces["release"]
	l.write(func(tx *store.Tx) error {
		r, err := tx.Release(t.Context(), "r1")
		if err != nil {
			return err
		}
		for _, kind := range []string{pipeline.KindRelease, pipeline.KindProduction} {
			x := l.unmet(store.Execution{ID: "x-" + kind, Kind: kind, Branch: r.Branch, SHA: head, ReleaseID: r.ID}, unmetStages(pipeline.UsesDeploy, "staging"))
			if err := tx.CreateExecution(t.Context(), &x); err != nil {
				return err
			}
		}
		r.ExecutionID, r.ProductionExecutionID = "x-release", "x-production"
		return tx.SaveRelease(t.Context(), r)
	})
	for argument, want := range map[string]string{
		"":                "say which one is meant: `production/Load`, `release/Load`.",
		"load":            "say which one is meant",
		"production/load": "would be overridden in the production pipeline",
		"release/Load":    "would be overridden in the release pipeline",
		"hotfix/Load":     "No condition of a stage `hotfix/Load` is recorded",
	} {
		repliesWith(t, l, at.number, "/override condition "+argument+" --reason so --dry-run", want)
	}
}

// What was said before a condition failed a stage was said of something else, as of the condition before the same stage.
func TestAnOverrideIsForWhatItsGiverSaw(t *testing.T) {
	at := matrixPlaces["feature"]
	for name, c := range map[string]struct {
		said time.Time
		want string
		ok   bool
	}{
		"after it":           {noon.Add(time.Minute), "is overridden in the feature pipeline", true},
		"at the same moment": {noon, "is overridden in the feature pipeline", true},
		"before it":          {noon.Add(-time.Second), "after this was said: Load: the condition before it does not hold", false},
	} {
		t.Run(name, func(t *testing.T) {
			l := matrixLab(t, "feature")
			l.write(func(tx *store.Tx) error {
				x := l.unmet(store.Execution{ID: "x9", Branch: "feature/x", SHA: at.sha}, unmetStages(pipeline.UsesDeploy, "staging"))
				return tx.CreateExecution(t.Context(), &x)
			})
			for _, dry := range []string{" --dry-run", ""} {
				line, _, _ := parseLine("/override condition load --reason so"+dry, "", false)
				q := &request{Command: line, by: l.gh.Users["admin"], issue: at.number, pull: true, via: "comment", known: c.said, done: nothingElse}
				reply, ok, err := newSession(l).carry(t.Context(), q)
				must(t, err)
				want := c.want
				if dry != "" {
					want = strings.Replace(want, "is overridden", "would be overridden", 1)
				}
				if ok != c.ok || !strings.Contains(reply, want) {
					t.Errorf("%q: %t, %s\nwant %q", line, ok, reply, want)
				}
			}
			var x store.Execution
			l.write(func(tx *store.Tx) (err error) { x, err = tx.Execution(t.Context(), "x9"); return err })
			if got := len(x.State.Stages[0].Overrides) == 1; got != c.ok {
				t.Errorf("overridden %t, want %t", got, c.ok)
			}
		})
	}
}

// What was abandoned has let go of its environment, and whatever comes of it changes nothing there.
func TestAnAbandonedDeploymentEndsLate(t *testing.T) {
	l := newLab(t, "")
	def := pipeline.Definition{Kind: pipeline.KindFeature, Mode: pipeline.ModeSuperseded, Stages: []pipeline.Stage{
		{Name: "Deploy", Actions: []pipeline.Action{{Name: "staging", Uses: "deploy", Environment: "staging", Deploys: true}}},
	}}
	x := store.Execution{ID: "x1", RepoID: 42, Kind: pipeline.KindFeature, Branch: "feature/x", SHA: head, CreatedAt: noon}
	x.State = pipeline.New(pipeline.Input{ID: x.ID, Definition: def, SHA: head}, noon)
	x.Status = x.State.Status
	l.write(func(tx *store.Tx) error { return tx.CreateExecution(t.Context(), &x) })
	staging := func() (env store.Environment) {
		l.write(func(tx *store.Tx) (err error) {
			env, err = tx.Environment(t.Context(), 42, "staging")
			return err
		})
		return env
	}
	s := newSession(l)
	must(t, s.advance(t.Context(), x.ID, pipeline.Started{At: noon}))
	id := pipeline.ActionID(x.ID, 1, 1, 1)
	if by := staging().LockedBy; by != x.ID {
		t.Fatalf("staging is locked by %q, want the execution", by)
	}
	must(t, s.advance(t.Context(), x.ID, pipeline.CancelRequested{At: noon, By: pipeline.Actor{ID: 1, Login: "boss"}, Halt: pipeline.HaltAbandon}))
	var d store.Deployment
	var run store.ActionRun
	l.write(func(tx *store.Tx) (err error) {
		if x, err = tx.Execution(t.Context(), x.ID); err != nil {
			return err
		}
		if d, err = tx.Deployment(t.Context(), id); err != nil {
			return err
		}
		run, err = tx.ActionRun(t.Context(), id)
		return err
	})
	if x.Status != pipeline.Stopped || d.Status != pipeline.Stopped || !run.Stop || run.Final {
		t.Errorf("execution %s, deployment %s, told to stop %t, over %t; want it stopped at once, and told", x.Status, d.Status, run.Stop, run.Final)
	}
	before := staging()
	if before.LockedBy != "" {
		t.Errorf("staging is still locked by %s", before.LockedBy)
	}
	run.Final, run.Report = true, []byte(`{"status":"Succeeded"}`)
	l.write(func(tx *store.Tx) error { return tx.SaveActionRun(t.Context(), run) })
	records := l.records()
	must(t, s.actionMoved(t.Context(), id))
	if now := l.records(); now != records {
		t.Errorf("a late success changed the records from\n%s\nto\n%s", records, now)
	}
}
