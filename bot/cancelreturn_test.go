package bot

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// putsBack makes an execution that puts something back into an environment, and has entered it: a rollback where its origin says so, else a
// release's candidate that comes back. Beside the deployment may be other actions, and it is the first.
func (l *lab) putsBack(id, environment, origin, release string, others ...pipeline.Action) store.Execution {
	l.t.Helper()
	x := store.Execution{
		ID: id, RepoID: 42, Kind: kindRestore, Branch: "master", SHA: strings.Repeat("7", 40), Version: "1.3.0", Origin: origin, ReleaseID: release, CreatedAt: noon,
	}
	if environment == pipeline.EnvironmentProduction {
		x.Kind = pipeline.KindProduction
	}
	def := pipeline.Definition{Kind: x.Kind, Mode: pipeline.ModeQueued, Stages: []pipeline.Stage{
		{Name: "Deploy", Actions: append([]pipeline.Action{{Name: environment, Uses: "deploy", Environment: environment, Deploys: true}}, others...)},
	}}
	x.State = pipeline.New(pipeline.Input{ID: id, Definition: def, SHA: x.SHA}, noon)
	x.Status = x.State.Status
	l.write(func(tx *store.Tx) error {
		if err := tx.CreateExecution(l.t.Context(), &x); err != nil {
			return err
		}
		return l.notesReturn(l.t.Context(), tx, &x)
	})
	l.facts(id, pipeline.Started{At: noon})
	return x
}

// returnsIn is which return an environment was last to get and has not got, by its record.
func (l *lab) returnsIn(environment string) string {
	l.t.Helper()
	var env store.Environment
	l.write(func(tx *store.Tx) (err error) {
		env, err = tx.Environment(l.t.Context(), 42, environment)
		return err
	})
	return env.ReturnBy
}

// A rollback is cancelled by who may roll that environment back, a candidate's coming back by release managers and who started its release,
// wherever it is said; and /help tells who may only that.
func TestWhoMayCancelWhatIsPutBack(t *testing.T) {
	for _, c := range []struct {
		place, what string
		who         []string
	}{
		{"release", "/cancel", []string{"maintain", "admin", "starter"}}, // the release's own pipeline
		{"release", "/cancel production", []string{"maintain", "admin", "oncall"}},
		{"feature", "/cancel production --abandon", []string{"maintain", "admin", "oncall"}},
		{"rollback", "/cancel", []string{"maintain", "admin", "oncall"}},
		{"release", "/cancel staging", []string{"maintain", "admin", "starter"}},
		{"feature", "/cancel staging", []string{"maintain", "admin", "starter"}},
	} {
		t.Run(c.place+" "+c.what, func(t *testing.T) {
			t.Parallel()
			l := matrixLab(t, c.place)
			l.write(func(tx *store.Tx) error { // the rollback that failed is one that is under way
				x, err := tx.Execution(t.Context(), "x7")
				if err != nil {
					return err
				}
				state, _ := pipeline.Start(pipeline.Input{ID: x.ID, Definition: x.State.Definition, SHA: x.SHA}, noon)
				x.State, x.Status, x.EndedAt = state, state.Status, state.EndedAt
				return tx.SaveExecution(t.Context(), &x)
			})
			if c.place != "rollback" { // there everything is meant that could be
				var r store.Release
				l.write(func(tx *store.Tx) (err error) {
					r, err = tx.ReleaseByPull(t.Context(), 42, 5)
					return err
				})
				l.putsBack("x9", "staging", "restore x5", r.ID)
			}
			var got []string
			for _, u := range matrixPeople() {
				want := slices.Contains(c.who, u.Login)
				if wrong := l.tries(c.place, c.what, u, want); len(wrong) > 0 {
					want = !want
				}
				if want {
					got = append(got, u.Login)
				}
			}
			if diff := cmp.Diff(slices.Sorted(slices.Values(c.who)), slices.Sorted(slices.Values(got))); diff != "" {
				t.Errorf("who gets through (-want +got):\n%s", diff)
			}
			if c.place != "release" {
				return
			}
			line, _, _ := parseLine("/help cancel", "", false)
			q := &request{Command: line, by: l.gh.Users["oncall"], issue: 5, pull: true, via: "test", done: nothingElse}
			text, _, err := newSession(l).carry(t.Context(), q)
			must(t, err)
			if !strings.Contains(text, "as `/cancel production`.") || strings.Contains(text, "`/cancel staging`.") {
				t.Errorf("oncall is told\n%s", text)
			}
		})
	}
}

// What a /cancel keeps from being put back is told by the environment, by the page, or by there being nothing else that it could mean.
func TestWhatIsKeptFromBeingPutBack(t *testing.T) {
	l := newLab(t, "")
	l.putsBack("a1", "production", "rollback comment 1:1", "")
	l.putsBack("a2", "production", "rollback comment 2:1", "")
	lost := l.putsBack("b1", "staging", "rollback comment 3:1", "")
	l.loses(lost.ID)
	for _, c := range []struct {
		line  string
		named string // the execution on whose page it is said
		pr    *store.Pull
		want  []string
	}{
		{line: "/cancel", want: []string{"a1", "a2"}},
		{line: "/cancel", pr: pullOf("feature/x", 42)},
		{line: "/cancel production", pr: pullOf("feature/x", 42), want: []string{"a1", "a2"}},
		{line: "/cancel pipeline"},
		{line: "/cancel promotion"},
		{line: "/cancel staging"},
		{line: "/cancel staging --abandon", want: []string{"b1"}},
		{line: "/cancel --abandon"}, // it could be either
		{line: "/cancel", named: "a2", want: []string{"a2"}},
		{line: "/cancel staging --abandon", named: "a2"},
		{line: "/cancel", named: "b1"}, // that has ended
		{line: "/cancel --abandon", named: "b1", want: []string{"b1"}},
	} {
		line, wrong, _ := parseLine(c.line, "", false)
		if wrong != nil {
			t.Fatal(wrong)
		}
		q := &request{Command: line, by: person(1, "boss"), pr: c.pr}
		if c.named != "" {
			q.named = &store.Execution{ID: c.named}
		}
		found, err := newSession(l).findReturning(t.Context(), q)
		must(t, err)
		var got []string
		if found != nil {
			got = found.ids()
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s on the page %q: (-want +got):\n%s", c.line, c.named, diff)
		}
	}
}

// The names of environments are those of components, too, and which one is meant has to be said.
func TestCancelOfAComponentsReturn(t *testing.T) {
	l := newLab(t, "version: 1\ncomponents: [{ name: api, paths: [\"api/**\"] }, { name: web, paths: [\"web/**\"] }]\n")
	for _, c := range []string{"api", "web"} {
		x := l.putsBack(c, "staging", "rollback comment 1:1 "+c, "")
		l.write(func(tx *store.Tx) error {
			now, err := tx.Execution(t.Context(), x.ID)
			now.Component = c
			if err != nil {
				return err
			}
			return tx.SaveExecution(t.Context(), &now)
		})
	}
	if _, err := l.saidNowhere("/cancel staging"); err == nil || !strings.Contains(err.Error(), "More than one environment is called `staging`. `/cancel api/staging` stops the rollback of `api/staging`") {
		t.Errorf("refused with %v", err)
	}
	reply, err := l.saidNowhere("/cancel web/staging --dry-run")
	must(t, err)
	if want := "The rollback of `web/staging` to `1.3.0` would be stopped"; !strings.Contains(reply, want) {
		t.Errorf("said %q, want %q", reply, want)
	}
}

// saidNowhere carries out a /cancel that is said nowhere in particular.
func (l *lab) saidNowhere(line string) (string, error) {
	l.t.Helper()
	c, wrong, _ := parseLine(line, "", false)
	if wrong != nil {
		l.t.Fatal(wrong)
	}
	s, q := newSession(l), &request{Command: c, by: person(1, "boss"), via: "api", done: nothingElse}
	must(l.t, s.locateFor(l.t.Context(), q))
	return s.cmdCancel(l.t.Context(), q)
}

// A cancelled rollback holds the environment as it was decided, which goes on having what it had by its record; what waits there enters.
func TestACancelledRollback(t *testing.T) {
	l := newLab(t, "")
	x := l.putsBack("x1", "staging", "rollback comment 1:1", "")
	id := pipeline.ActionID(x.ID, 1, 1, 1)
	l.changes(id, func(run *store.ActionRun) { run.TriedAt, run.Handle = noon, "handle" })
	l.write(func(tx *store.Tx) error {
		env, err := tx.Environment(t.Context(), 42, "staging")
		env.Hold, env.Version, env.SHA = "rolled back from 1.4.0", "1.4.0", cut
		if err != nil {
			return err
		}
		return tx.SaveEnvironment(t.Context(), env)
	})
	next := l.putsBack("x2", "staging", "rollback comment 2:1", "")
	reply, err := l.saidNowhere("/cancel staging")
	must(t, err)
	if want := "The rollback of `staging` to `1.3.0` is being stopped. `/retry staging` goes on with it. `staging` stays held until `/unpin staging`"; !strings.Contains(reply, want) {
		t.Errorf("said %q, want %q", reply, want)
	}
	l.changes(id, func(run *store.ActionRun) { run.Final, run.Report = true, []byte(`{"status":"Stopped"}`) })
	must(t, newSession(l).actionMoved(t.Context(), id))
	must(t, newSession(l).dispatchWaiting(t.Context()))
	l.write(func(tx *store.Tx) error {
		env, err := tx.Environment(t.Context(), 42, "staging")
		if err != nil {
			return err
		}
		if env.LockedBy != "" || env.Hold == "" || env.Version != "1.4.0" || env.ReturnBy != next.ID {
			t.Errorf("staging: %+v", env)
		}
		for _, one := range []string{x.ID, next.ID} {
			now, err := tx.Execution(t.Context(), one)
			if err != nil {
				return err
			}
			if now.Status != pipeline.Stopped {
				t.Errorf("%s is %s", one, now.Status)
			}
		}
		all, err := tx.AuditLog(t.Context(), 42, 0, 10)
		if err != nil {
			return err
		}
		if len(all) != 1 || all[0].Action != "cancel" || all[0].Subject != "staging" || !strings.Contains(string(all[0].Evidence), `["x1","x2"]`) {
			t.Errorf("the audit log has %+v", all)
		}
		return nil
	})
}

// What ended well though it was cancelled, or after it was given up, has been put back: nobody is told otherwise.
func TestWhatWasPutBackAllTheSame(t *testing.T) {
	for name, ends := range map[string]func(l *lab, x store.Execution){
		"before it could be stopped": func(l *lab, x store.Execution) { l.facts(x.ID, pipeline.CancelRequested{At: noon, By: boss()}) },
		"after it was lost": func(l *lab, x store.Execution) {
			l.loses(x.ID)
			if l.returnsIn("staging") != x.ID {
				t.Error("before its end is known it counts as put back")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			x := l.putsBack("x1", "staging", "restore x5", "")
			id := pipeline.ActionID(x.ID, 1, 1, 1)
			ends(l, x)
			l.changes(id, func(run *store.ActionRun) {
				run.TriedAt, run.Handle, run.Final, run.Report = noon, "handle", true, []byte(`{"status":"Succeeded"}`)
			})
			must(t, newSession(l).actionMoved(t.Context(), id))
			if by := l.returnsIn("staging"); by != "" {
				t.Errorf("staging is still to get what %s was to bring", by)
			}
			if by, sha := l.staging(); by != "" || sha != x.SHA {
				t.Errorf("staging is locked by %q and runs %q", by, sha)
			}
		})
	}
}

// A rollback that was tried again and then cancelled has put back what it brings only where its last deployment succeeded, and nothing that has
// failed in it was left at that.
func TestACancelledRollbackThatHadFailed(t *testing.T) {
	const deployment, smoke = 1, 2
	type end struct {
		action, attempt int
		status          pipeline.Status
	}
	for name, tc := range map[string]struct {
		before []end // what comes before it is tried again; empty: it is not
		scope  pipeline.Scope
		after  []end // before it is cancelled
		last   end   // that is under way, then
		back   bool
	}{
		"its test has not spoken": {
			after: []end{{deployment, 1, pipeline.Succeeded}}, last: end{smoke, 1, pipeline.Stopped}, back: true},
		"its test had failed": {
			before: []end{{deployment, 1, pipeline.Succeeded}, {smoke, 1, pipeline.Failed}}, scope: pipeline.RetryFailed, last: end{smoke, 2, pipeline.Stopped}},
		"its test had failed, and its second deployment is stopped": {
			before: []end{{deployment, 1, pipeline.Succeeded}, {smoke, 1, pipeline.Failed}}, scope: pipeline.RetryStage, last: end{deployment, 2, pipeline.Stopped}},
		"its test had failed, and its second deployment succeeds": {
			before: []end{{deployment, 1, pipeline.Succeeded}, {smoke, 1, pipeline.Failed}}, scope: pipeline.RetryStage,
			after: []end{{deployment, 2, pipeline.Succeeded}}, last: end{smoke, 2, pipeline.Stopped}},
		"its deployment had failed": {
			before: []end{{deployment, 1, pipeline.Failed}}, scope: pipeline.RetryFailed,
			after: []end{{deployment, 2, pipeline.Succeeded}}, last: end{smoke, 1, pipeline.Stopped}, back: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			x := l.putsBack("x1", "staging", "rollback comment 1:1", "", pipeline.Action{Name: "smoke", Uses: "checks", RunOrder: 2})
			ends := func(all ...end) {
				for _, e := range all {
					id := pipeline.ActionID(x.ID, 1, e.action, e.attempt)
					l.changes(id, func(run *store.ActionRun) {
						run.TriedAt, run.Handle, run.Final, run.Report = noon, "handle", true, fmt.Appendf(nil, `{"status":%q}`, e.status)
					})
					must(t, newSession(l).actionMoved(t.Context(), id))
				}
			}
			if ends(tc.before...); tc.before != nil {
				l.facts(x.ID, pipeline.RetryRequested{At: noon, By: boss(), Scope: tc.scope})
			}
			ends(tc.after...)
			l.facts(x.ID, pipeline.CancelRequested{At: noon, By: boss()})
			ends(tc.last)
			var now store.Execution
			l.write(func(tx *store.Tx) (err error) {
				now, err = tx.Execution(t.Context(), x.ID)
				return err
			})
			if by := l.returnsIn("staging"); now.Status != pipeline.Stopped || (by == "") != tc.back {
				t.Errorf("it is %s, and staging is still to get what %q was to bring, want that told %t", now.Status, by, !tc.back)
			}
		})
	}
}

// Who started a release cancels its candidate's coming back, and no other's that comes back to the same place.
func TestWhoMayCancelTwoThatComeBack(t *testing.T) {
	for _, own := range []bool{true, false} {
		l := matrixLab(t, "feature")
		people := []forge.User{l.gh.Users["starter"], l.gh.Users["author"]}
		var r store.Release
		l.write(func(tx *store.Tx) (err error) {
			if r, err = tx.ReleaseByPull(t.Context(), 42, 5); err != nil {
				return err
			}
			other := r
			other.ID, other.Version, other.Branch, other.Pull = "r9", "1.5.0", "release/1.5.0", 15
			if !own {
				other.StartedBy = people[1]
			}
			return tx.SaveRelease(t.Context(), other)
		})
		l.putsBack("x9", "staging", "restore x5", r.ID)
		l.putsBack("x10", "staging", "restore x6", "r9")
		for _, u := range people {
			want := own && u.Login == "starter"
			if wrong := l.tries("feature", "/cancel staging", u, want); len(wrong) > 0 {
				t.Errorf("all is the starter's %t: that %s may cancel it is not %t by %v", own, u.Login, want, wrong)
			}
		}
	}
}

// A rollback can be stopped when the configuration does not fit the repository any more, as a pipeline can.
func TestCancelOfARollbackWhereTheConfigurationDoesNotFit(t *testing.T) {
	l := operationLab(t)
	l.putsBack("x1", "staging", "rollback comment 1:1", "")
	s := newSession(l)
	s.repo.ConfigMisfit = "there is no branch development"
	line, _, _ := parseLine("/cancel staging", "", false)
	q := &request{Command: line, by: forge.User{ID: 1, Login: "rm"}, via: "api", done: nothingElse}
	reply, ok, err := s.carry(t.Context(), q)
	must(t, err)
	if !ok || !strings.Contains(reply, "is being stopped") {
		t.Errorf("done %t: %q", ok, reply)
	}
}

// Who waits behind a rollback that was lost is told how to give it up, wherever that is said.
func TestWaitingBehindALostRollback(t *testing.T) {
	l := newLab(t, "")
	x := l.putsBack("x1", "staging", "rollback comment 1:1", "")
	l.changes(pipeline.ActionID(x.ID, 1, 1, 1), func(run *store.ActionRun) { run.TriedAt, run.Handle = noon, "handle" })
	l.loses(x.ID)
	l.deploys("x2")
	if why := l.why("x2"); !strings.Contains(why, "/cancel staging --abandon gives it up") {
		t.Errorf("it is told %q", why)
	}
	reply, err := l.saidNowhere("/cancel staging --abandon")
	must(t, err)
	if by, _ := l.staging(); by != "" || !strings.Contains(reply, "Abandoned is `Deploy/staging`") {
		t.Errorf("said %q, and staging is locked by %q", reply, by)
	}
}

// loses tells an execution to stop, which it does not within its grace: what it deploys is lost.
func (l *lab) loses(id string) {
	l.t.Helper()
	l.facts(id, pipeline.CancelRequested{At: noon, By: boss()})
	l.now = noon.Add(pipeline.StopGrace)
	l.facts(id, pipeline.Ticked{At: l.now})
}

// why is what is said of where an execution stands.
func (l *lab) why(id string) (text string) {
	l.t.Helper()
	l.write(func(tx *store.Tx) error {
		x, err := tx.Execution(l.t.Context(), id)
		text = pipeline.Why(x.State, l.now)
		return err
	})
	return text
}
