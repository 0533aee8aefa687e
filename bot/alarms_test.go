package bot

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// What monitoring says becomes a command; nothing in it is taken for a flag.
func TestAlarmBecomesACommand(t *testing.T) {
	for name, c := range map[string]struct {
		a       Alarm
		command string
		problem string
	}{
		"raised":               {Alarm{Environment: "production", Name: "p99", Reason: "above 2 s"}, "/alarm production --name p99 --reason above 2 s", ""},
		"cleared":              {Alarm{Environment: "production", Name: "p99", Cleared: true}, "/alarm clear production --name p99", ""},
		"a name of words":      {Alarm{Environment: "staging", Name: ` "disk  full" `, Reason: "at\n98 %"}, "/alarm staging --name disk full --reason at 98 %", ""},
		"flags in the reason":  {Alarm{Environment: "staging", Name: "x", Reason: "so --name y --dry-run -- --component api"}, "/alarm staging --name x --reason so name y dry-run component api", ""},
		"flags in the name":    {Alarm{Environment: "staging", Name: "--reason", Reason: "so"}, "/alarm staging --name reason --reason so", ""},
		"unknown environment":  {Alarm{Environment: "prod", Name: "x", Reason: "so"}, "", `there is no environment "prod"; there is development, production, staging`},
		"more than a word":     {Alarm{Environment: "production --dry-run", Name: "x", Reason: "so"}, "", `there is no environment "production --dry-run"`},
		"no components":        {Alarm{Environment: "production", Component: "api", Name: "x", Reason: "so"}, "", `there is no component "api"; the repository has no components`},
		"a name of signs only": {Alarm{Environment: "production", Name: "--", Reason: "so"}, "", "the name of the alarm is missing"},
		"no reason":            {Alarm{Environment: "production", Name: "x", Reason: "\n"}, "", "the reason is missing"},
		"a long name":          {Alarm{Environment: "production", Name: strings.Repeat("x", 101), Reason: "so"}, "", "at most 100 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			l := operationLab(t)
			l.b.App = oneRepo{l.app, l.gh}
			l.write(func(tx *store.Tx) error {
				return errors.Join(tx.SaveBranch(t.Context(), store.Branch{RepoID: 42, Name: "master", SHA: cut}), tx.SaveBranch(t.Context(), store.Branch{RepoID: 42, Name: "development", SHA: cut}))
			})
			o, err := l.b.Alarm(t.Context(), store.Operation{RepoID: 42, By: person(1, "rm"), Via: "api"}, c.a)
			var wrong *CommandError
			switch {
			case c.problem != "":
				if !errors.As(err, &wrong) || !strings.Contains(wrong.Problem, c.problem) {
					t.Errorf("%v, want %q", err, c.problem)
				}
			case err != nil || o.Command != c.command || o.Status != store.OperationWaiting:
				t.Errorf("%q, %s, %v; want %q", o.Command, o.Status, err, c.command)
			}
		})
	}
}

// alarms are those that stand, as environment:name.
func (l *lab) alarms() (out []string) {
	l.t.Helper()
	must(l.t, l.b.Store.Read(l.t.Context(), func(tx *store.Tx) error {
		all, err := tx.Stops(l.t.Context(), 42)
		for _, x := range all {
			if environment, name, is := x.Target.Alarm(); is {
				out = append(out, environment+":"+name)
			}
		}
		return err
	}))
	return out
}

// Alarms stand by name until they are cleared; each of it is in the audit log; who may not changes nothing.
func TestAlarmsStand(t *testing.T) {
	l := operationLab(t)
	for i, c := range []struct {
		by      forge.User
		command string
		status  store.OperationStatus
		says    string
		stand   []string
	}{
		{person(2, "dev"), "/alarm production --name p99 --reason slow", store.OperationRefused, "This needs the role maintain", nil},
		{person(1, "rm"), "/alarm production --name p99 --reason slow", store.OperationDone, "The alarm `p99` stands in `production`. Nothing is being deployed to `production` now", []string{"production:p99"}},
		{person(1, "rm"), "/alarm production --name p99 --reason slower", store.OperationDone, "", []string{"production:p99"}},
		{person(1, "rm"), "/alarm production --name http:5xx --reason many", store.OperationDone, "", []string{"production:http:5xx", "production:p99"}},
		{person(1, "rm"), "/alarm staging --reason slow", store.OperationDone, "/alarm clear staging --name by-hand", []string{"production:http:5xx", "production:p99", "staging:by-hand"}},
		{person(2, "dev"), "/alarm clear production --name p99", store.OperationRefused, "This needs the role maintain", []string{"production:http:5xx", "production:p99", "staging:by-hand"}},
		{person(1, "rm"), "/alarm clear production --name p99", store.OperationDone, "Lifted in `production`: `p99` raised by rm: slower", []string{"production:http:5xx", "staging:by-hand"}},
		{person(1, "rm"), "/alarm clear production --name p99", store.OperationDone, "The alarm `p99` does not stand", []string{"production:http:5xx", "staging:by-hand"}},
		{person(1, "rm"), "/alarm clear staging", store.OperationDone, "Lifted in `staging`", []string{"production:http:5xx"}},
		{person(1, "rm"), "/alarm clear staging", store.OperationRefused, "No alarm stands in `staging`", []string{"production:http:5xx"}},
		{person(1, "rm"), "/alarm production --name dry --reason so --dry-run", store.OperationDone, "Dry run", []string{"production:http:5xx"}},
	} {
		id := "op" + string(rune('a'+i))
		_, err := l.b.Post(t.Context(), store.Operation{ID: id, RepoID: 42, By: c.by, Via: "api", Command: c.command})
		must(t, err)
		must(t, l.operate(t.Context(), id))
		if got := l.operationOf(id); got.Status != c.status || !strings.Contains(got.Reply, c.says) {
			t.Errorf("%s by %s: %s %q, want %s %q", c.command, c.by.Login, got.Status, got.Reply, c.status, c.says)
		}
		if diff := cmp.Diff(c.stand, l.alarms()); diff != "" {
			t.Errorf("after %s by %s there stand (-want +got)\n%s", c.command, c.by.Login, diff)
		}
	}
	var log []string
	must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) error {
		all, err := tx.AuditLog(t.Context(), 42, 0, 100)
		for _, e := range all {
			log = append(log, e.Actor.Login+" "+e.Action+" "+e.Subject)
		}
		return err
	}))
	want := []string{
		"dev refused /alarm production --name p99 --reason slow", "rm alarm alarm:production:p99", "rm alarm alarm:production:p99", "rm alarm alarm:production:http:5xx", "rm alarm alarm:staging:by-hand",
		"dev refused /alarm clear production --name p99", "rm unalarm alarm:production:p99", "rm unalarm alarm:staging:by-hand",
	}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Errorf("audit log (-want +got)\n%s", diff)
	}
}

// An alarm of production, or of the environment before it, keeps a release back, and not a hotfix.
func TestAlarmKeepsReleasesBack(t *testing.T) {
	for environment, want := range map[string]string{"production": "p99", "staging": "p99", "development": ""} {
		l, r, x := candidate(t, matrixConfig)
		x.State.Definition.Stages = append([]pipeline.Stage{{Name: "Deploy", Actions: []pipeline.Action{{Name: "staging", Uses: "deploy", Environment: "staging", Deploys: true}}}},
			x.State.Definition.Stages...)
		l.write(func(tx *store.Tx) error {
			return tx.SaveStop(t.Context(), store.Stop{RepoID: 42, Kind: store.StopAlarm, Target: store.StopAlarmOf(environment, "p99"), By: person(1, "rm"), At: noon})
		})
		for _, kind := range []gitflow.Kind{gitflow.KindRelease, gitflow.KindHotfix} {
			r.Kind = string(kind)
			w := &world{execution: x}
			w.Kind = kind
			must(t, l.lookTimes(t.Context(), r, w))
			if w.Alarm.Name != want {
				t.Errorf("alarm in %s: a %s sees %q, want %q", environment, kind, w.Alarm.Name, want)
			}
		}
	}
}
