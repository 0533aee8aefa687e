package bot

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

const berlinWindows = `version: 1
environments:
  production:
    windows: { allow: ["Mon-Fri 09:00-16:00"], timezone: Europe/Berlin, hotfix: always }
    freeze: { hotfix: always }
`

// What keeps an execution out of an environment, and until when: freezes, locks and windows, for releases, hotfixes,
// rollbacks and the owner of a lock, on days around which the clocks are changed.
func TestBarred(t *testing.T) {
	utc := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		must(t, err)
		return at
	}
	freeze := store.Stop{Kind: store.StopFreeze, Target: store.StopEnvironment("production"), By: person(4, "rm"), Reason: "sale"}
	lock := store.Stop{Kind: store.StopLock, Target: store.StopEnvironment("production"), By: person(5, "dev"), Reason: "data are moved"}
	ends := func(x store.Stop, at time.Time) store.Stop { x.Until = at; return x }
	open, night := utc("2026-03-30T07:00:00Z"), utc("2026-03-27T20:00:00Z") // on either side of 2026-03-29, when clocks go forward
	for name, c := range map[string]struct {
		at     time.Time
		kind   string // of the release
		origin string
		by     forge.User
		stop   store.Stop
		why    string
		until  time.Time
		passed []string
	}{
		"nothing is in the way":                  {at: open},
		"an hour before, by the old clock":       {at: open.Add(-time.Minute), why: "the windows of production are closed, outside \"Mon-Fri 09:00-16:00\"; they open Mon 2026-03-30 09:00 Europe/Berlin", until: open},
		"a window opens on the other side":       {at: night, why: "the windows of production are closed, outside \"Mon-Fri 09:00-16:00\"; they open Mon 2026-03-30 09:00 Europe/Berlin", until: open},
		"a hotfix needs no window":               {at: night, kind: "hotfix", passed: []string{"the windows are closed, outside \"Mon-Fri 09:00-16:00\""}},
		"a rollback needs no window":             {at: night, origin: "rollback comment 3"},
		"frozen":                                 {at: open, stop: freeze, why: "production is frozen by rm: sale"},
		"frozen until a time":                    {at: open, stop: ends(freeze, open.Add(time.Hour)), why: "production is frozen by rm until Mon 2026-03-30 10:00 Europe/Berlin: sale", until: open.Add(time.Hour)},
		"a freeze that has ended":                {at: open, stop: ends(freeze, open)},
		"a hotfix passes the freeze, on record":  {at: open, stop: freeze, kind: "hotfix", passed: []string{"frozen by rm: sale"}},
		"a rollback passes the freeze":           {at: open, stop: freeze, origin: "rollback comment 3"},
		"locked":                                 {at: open, stop: lock, why: "production is locked by dev: data are moved"},
		"locked, even for a hotfix":              {at: open, stop: lock, kind: "hotfix", why: "production is locked by dev: data are moved"},
		"locked, even for a rollback":            {at: open, stop: lock, origin: "rollback comment 3", why: "production is locked by dev: data are moved"},
		"not for whose lock it is":               {at: open, stop: lock, by: person(5, "renamed")},
		"nor for what lets out who was let in":   {at: open, stop: lock, origin: "rollback after 9"},
		"a lock of one login is not of an equal": {at: open, stop: lock, by: person(6, "dev"), why: "production is locked by dev: data are moved"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, berlinWindows)
			l.now = c.at
			release := store.Release{ID: "r", RepoID: 42, Kind: c.kind, Version: "1.4.0", Branch: "release/1.4.0", Status: store.ReleaseOpen, StartedAt: noon}
			x := store.Execution{ID: "x", RepoID: 42, Kind: pipeline.KindProduction, ReleaseID: "r", Origin: c.origin, StartedBy: c.by}
			var got barrier
			l.write(func(tx *store.Tx) error {
				must(t, tx.SaveRelease(t.Context(), release))
				if c.stop.Kind != "" {
					c.stop.RepoID, c.stop.At = 42, noon
					must(t, tx.SaveStop(t.Context(), c.stop))
				}
				var err error
				got, err = l.barred(t.Context(), tx, &x, "production")
				return err
			})
			want := barrier{why: c.why, until: c.until, passed: c.passed}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(barrier{}), cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Errorf("barred (-want +got):\n%s", diff)
			}
		})
	}
}

// How long a build has soaked: interruptions do not count and do not begin anew, failures of its own do.
func TestSoaked(t *testing.T) {
	deployed := func(sha string, hours int, status pipeline.Status) store.Deployment {
		at := noon.Add(time.Duration(hours) * time.Hour)
		return store.Deployment{SHA: sha, Digest: "d" + sha, Status: status, StartedAt: at, EndedAt: at}
	}
	for name, c := range map[string]struct {
		history []store.Deployment // oldest first
		ran     time.Duration
		runs    bool
	}{
		"never there":                      {nil, 0, false},
		"since it was deployed":            {[]store.Deployment{deployed("a", 0, pipeline.Succeeded)}, 24 * time.Hour, true},
		"not from another build":           {[]store.Deployment{deployed("b", 0, pipeline.Succeeded)}, 0, false},
		"deployed again counts on":         {[]store.Deployment{deployed("a", 0, pipeline.Succeeded), deployed("a", 5, pipeline.Succeeded)}, 24 * time.Hour, true},
		"somebody borrows the place":       {[]store.Deployment{deployed("a", 0, pipeline.Succeeded), deployed("b", 10, pipeline.Succeeded)}, 10 * time.Hour, false},
		"and gives it back":                {[]store.Deployment{deployed("a", 0, pipeline.Succeeded), deployed("b", 10, pipeline.Succeeded), deployed("a", 12, pipeline.Succeeded)}, 22 * time.Hour, true},
		"a borrower that failed":           {[]store.Deployment{deployed("a", 0, pipeline.Succeeded), deployed("b", 10, pipeline.Failed)}, 24 * time.Hour, true},
		"its own failure begins anew":      {[]store.Deployment{deployed("a", 0, pipeline.Succeeded), deployed("a", 10, pipeline.Failed), deployed("a", 20, pipeline.Succeeded)}, 4 * time.Hour, true},
		"somebody is just being let in":    {[]store.Deployment{deployed("a", 0, pipeline.Succeeded), deployed("b", 23, pipeline.InProgress)}, 23 * time.Hour, false},
		"being deployed is not having run": {[]store.Deployment{deployed("a", 0, pipeline.InProgress)}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			slices.Reverse(c.history)
			ran, runs := soaked(c.history, "a", "da", noon.Add(24*time.Hour))
			if ran != c.ran || runs != c.runs {
				t.Errorf("soaked = %v, %v; want %v, %v", ran, runs, c.ran, c.runs)
			}
		})
	}
}

// What keeps a pull request from being merged: holds of it and freezes of its base; what brings back what was shipped
// passes.
func TestStopped(t *testing.T) {
	hold := store.Stop{Kind: store.StopHold, Target: store.StopPull(5), By: person(4, "rm"), Reason: "wait for the docs."}
	freeze := store.Stop{Kind: store.StopFreeze, Target: store.StopBranch("development"), By: person(4, "rm"), Reason: "sale", Until: noon.Add(24 * time.Hour)}
	for name, c := range map[string]struct {
		list stopList
		head string
		repo int64 // of the head
		want []string
	}{
		"nothing":                        {nil, "issue-1", 42, nil},
		"on hold":                        {stopList{hold}, "issue-1", 42, []string{"It is on hold by rm: wait for the docs; /unhold lifts it."}},
		"another one is":                 {stopList{{Kind: store.StopHold, Target: store.StopPull(6), By: person(4, "rm")}}, "issue-1", 42, nil},
		"into a frozen branch":           {stopList{freeze}, "issue-1", 42, []string{"development is frozen by rm until Tue 2026-03-03 12:00 UTC: sale; /unfreeze development lifts it."}},
		"a back-merge goes on":           {stopList{freeze}, "backmerge/production-5d1e7b0", 42, nil},
		"but not one that a fork claims": {stopList{freeze}, "backmerge/production-5d1e7b0", 99, []string{"development is frozen by rm until Tue 2026-03-03 12:00 UTC: sale; /unfreeze development lifts it."}},
		"a hotfix waits":                 {stopList{freeze}, "hotfix/17", 42, []string{"development is frozen by rm until Tue 2026-03-03 12:00 UTC: sale; /unfreeze development lifts it."}},
		"both are said":                  {stopList{hold, freeze}, "issue-1", 42, []string{"It is on hold by rm: wait for the docs; /unhold lifts it.", "development is frozen by rm until Tue 2026-03-03 12:00 UTC: sale; /unfreeze development lifts it."}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			got := l.stopped(c.list, *pullOf(c.head, c.repo), "development")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("stopped (-want +got):\n%s", diff)
			}
		})
	}
}

// A time that was asked for with /promote --at is told and reckoned in production's zone, and ends with the candidate.
func TestSchedule(t *testing.T) {
	l := newLab(t, berlinWindows)
	l.now = time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC) // clocks go back on the 25th at 3:00
	for text, want := range map[string]string{
		"Mon 10:00":            "Mon 2026-10-26 10:00 Europe/Berlin",
		"Sun 02:30":            "Sun 2026-10-25 02:30 CET (Europe/Berlin)", // the later one
		"2026-10-25T00:30:00Z": "Sun 2026-10-25 02:30 CEST (Europe/Berlin)",
		"13:00":                "Sun 2026-10-25 13:00 Europe/Berlin",
	} {
		q := &request{by: person(4, "rm")}
		q.Flags = map[string]string{"at": text}
		at, err := l.promoteAt(q)
		must(t, err)
		if diff := cmp.Diff(gitflow.Schedule{By: "rm", At: want}, l.scheduledBy(q, at)); diff != "" {
			t.Errorf("/promote --at %s (-want +got):\n%s", text, diff)
		}
	}
}

// Stops that have ended are taken away, recorded, and everything is looked at that waited for them.
func TestEndStops(t *testing.T) {
	l := newLab(t, "")
	l.write(func(tx *store.Tx) error {
		for _, x := range []store.Stop{
			{RepoID: 42, Kind: store.StopFreeze, Target: store.StopEnvironment("production"), By: person(4, "rm"), Until: noon},
			{RepoID: 42, Kind: store.StopLock, Target: store.StopEnvironment("staging"), By: person(4, "rm"), Until: noon.Add(time.Hour)},
			{RepoID: 42, Kind: store.StopHold, Target: store.StopRelease("r"), By: person(4, "rm")},
		} {
			must(t, tx.SaveStop(t.Context(), x))
		}
		return nil
	})
	must(t, l.endStops(t.Context()))
	must(t, l.endStops(t.Context())) // twice is once
	var left []string
	var recorded []string
	l.write(func(tx *store.Tx) error {
		all, err := tx.Stops(t.Context(), 42)
		for _, x := range all {
			left = append(left, string(x.Kind)+" "+string(x.Target))
		}
		must(t, err)
		entries, err := tx.AuditLog(t.Context(), 42, 0, 10)
		for _, e := range entries {
			recorded = append(recorded, e.Action+" "+e.Subject)
		}
		return err
	})
	if diff := cmp.Diff([]string{"hold release:r", "lock environment:staging"}, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"freeze.ended environment:production"}, recorded); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	if !l.touchAll {
		t.Error("what waited for production is not looked at")
	}
}
