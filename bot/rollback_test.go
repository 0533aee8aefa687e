package bot

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

func TestRollbackTarget(t *testing.T) {
	for args, want := range map[string]string{
		"":                      "production/",
		"production":            "production/",
		"staging":               "staging/",
		"to 1.3.0":              "production/1.3.0",
		"staging to 1.3.0":      "staging/1.3.0",
		"to":                    "refused",
		"staging to":            "refused",
		"staging 1.3.0":         "refused",
		"staging from 1.3.0":    "refused",
		"to 1.3.0 and":          "refused",
		"production to 1.3.0 x": "refused",
	} {
		environment, version, err := rollbackTarget(strings.Fields(args))
		got := environment + "/" + version
		var no *userError
		if errors.As(err, &no) {
			got = "refused"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", args, got, want)
		}
	}
}

// shipped writes what was deployed to production, oldest first: "1.3.0", "1.4.0 Failed", "1.3.0 back" for a rollback.
func (l *lab) shipped(deployments ...string) {
	l.t.Helper()
	l.write(func(tx *store.Tx) error {
		for i, text := range deployments {
			version, how, _ := strings.Cut(text, " ")
			how, rolledBack := strings.CutPrefix(how, "back")
			status, release := pipeline.Succeeded, "r"+version
			if rolledBack {
				release = ""
			}
			if how = strings.TrimSpace(how); how != "" {
				status = pipeline.Status(how)
			}
			d := store.Deployment{
				ID: fmt.Sprintf("d%d", i), RepoID: 42, Environment: "production", Version: version, Digest: "sha256:" + version, SHA: head,
				Image: "prod.test/shop:" + version, ReleaseID: release, ExecutionID: "x", Status: status, StartedAt: noon.Add(time.Duration(i) * time.Hour),
			}
			if err := tx.SaveDeployment(l.t.Context(), d); err != nil {
				return err
			}
			if status == pipeline.Succeeded {
				env := store.Environment{RepoID: 42, Name: "production", Version: version, Digest: d.Digest, ReleaseID: release}
				if err := tx.SaveEnvironment(l.t.Context(), env); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func TestEarlier(t *testing.T) {
	for name, c := range map[string]struct {
		history []string
		version string
		want    string // from, its release, to
	}{
		"the one before":                         {[]string{"1.2.0", "1.3.0", "1.4.0"}, "", "1.4.0 r1.4.0 -> 1.3.0"},
		"not one that was rolled back":           {[]string{"1.2.0", "1.3.0-bad", "1.4.0"}, "", "1.4.0 r1.4.0 -> 1.2.0"},
		"a named one":                            {[]string{"1.2.0", "1.3.0", "1.4.0"}, "1.2.0", "1.4.0 r1.4.0 -> 1.2.0"},
		"after a failed deployment, what ran":    {[]string{"1.3.0", "1.4.0", "1.5.0 Failed"}, "", "1.5.0 r1.5.0 -> 1.4.0"},
		"while one is deployed, what ran":        {[]string{"1.3.0", "1.4.0", "1.5.0 InProgress"}, "", "1.5.0 r1.5.0 -> 1.4.0"},
		"after a rollback that failed, the same": {[]string{"1.3.0", "1.4.0", "1.5.0 Failed", "1.4.0 back Failed"}, "", "1.5.0 r1.5.0 -> 1.4.0"},
		"what a rollback brought":                {[]string{"1.2.0", "1.3.0", "1.4.0-bad", "1.3.0 back"}, "", "1.3.0 r1.3.0 -> 1.2.0"},
		"nothing":                                {nil, "", "There is no earlier good version"},
		"the first":                              {[]string{"1.2.0"}, "", "There is no earlier good version"},
		"what runs":                              {[]string{"1.2.0", "1.3.0"}, "1.3.0", "runs `1.3.0` already. These can be gone back to: `1.2.0`."},
		"never deployed":                         {[]string{"1.2.0", "1.3.0"}, "1.1.0", "was never deployed to `production` successfully. These"},
		"rolled back itself":                     {[]string{"1.2.0", "1.3.0-bad", "1.4.0"}, "1.3.0-bad", "was rolled back itself"},
		"no longer in the registry":              {[]string{"gone", "1.4.0"}, "", "no longer in the registry"},
		"another image under the tag":            {[]string{"moved", "1.4.0"}, "", "is `sha256:other` now"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			images := FakeImages{"prod.test/shop:moved": "sha256:other"}
			l.b.Images = images
			for _, text := range c.history {
				version, _, _ := strings.Cut(text, " ")
				if version != "gone" && version != "moved" {
					images["prod.test/shop:"+version] = "sha256:" + version
				}
				l.write(func(tx *store.Tx) error {
					return tx.SaveRelease(t.Context(), store.Release{
						ID: "r" + version, RepoID: 42, Version: version, Bad: strings.HasSuffix(version, "-bad"), Status: store.ReleaseReleased,
					})
				})
			}
			l.shipped(c.history...)
			way, to, err := l.earlier(t.Context(), "production", c.version)
			var no *userError
			switch {
			case errors.As(err, &no):
				if !strings.Contains(no.text, c.want) {
					t.Errorf("refused: %s, want %s", no.text, c.want)
				}
			case err != nil:
				t.Fatal(err)
			default:
				got := fmt.Sprintf("%s %s -> %s", way.FromVersion, way.FromRelease, to.Version)
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

// What a rollback decided stands, however the world looks when it is repeated.
func TestRetreatIsRemembered(t *testing.T) {
	l := newLab(t, "")
	l.shipped("1.3.0", "1.4.0")
	l.write(func(tx *store.Tx) error {
		return tx.SaveRelease(t.Context(), store.Release{ID: "r1.4.0", RepoID: 42, Version: "1.4.0", Status: store.ReleaseReleased})
	})
	l.b.Images = FakeImages{"prod.test/shop:1.3.0": "sha256:1.3.0"}
	way, to, err := l.earlier(t.Context(), "production", "")
	must(t, err)
	d := decision{environment: "production", origin: "rollback comment 1:1", by: person(1, "rm"), reason: "slow"}
	must(t, l.decideRetreat(t.Context(), d, way, to))
	l.shipped("1.3.0", "1.4.0", "1.3.0 back")
	again, there, err := l.decidedRetreat(t.Context(), "rollback comment 1:1")
	must(t, err)
	if diff := cmp.Diff(way, again); diff != "" || there == nil || there.Version != "1.3.0" {
		t.Errorf("(-first +again):\n%s%+v", diff, there)
	}
	if _, other, err := l.decidedRetreat(t.Context(), "rollback comment 2:1"); err != nil || other != nil {
		t.Errorf("another rollback: %+v, %v", other, err)
	}
	bad, err := l.release(t.Context(), "r1.4.0")
	must(t, err)
	if !bad.Bad || bad.Status != store.ReleaseRolledBack || bad.Reason != "slow" {
		t.Errorf("the release that was left: %+v", bad)
	}
}

// A hold keeps everything but a rollback out, and what it turned away does not come in by itself when it is lifted.
func TestHoldTurnsAway(t *testing.T) {
	l := newLab(t, "")
	def := pipeline.Definition{Kind: pipeline.KindProduction, Mode: pipeline.ModeQueued, Stages: []pipeline.Stage{{
		Name: "Deploy", Actions: []pipeline.Action{{Name: "production", Uses: "process", Environment: "production", Deploys: true}},
	}}}
	state, commands := pipeline.Start(pipeline.Input{ID: "x1", Definition: def, SHA: head, Bundle: "sha256:b"}, noon)
	x := store.Execution{ID: "x1", RepoID: 42, Kind: pipeline.KindProduction, Branch: "master", SHA: head, State: state, Status: state.Status, CreatedAt: noon}
	l.b.Allow.LocalExecutors = func(string, string) bool { return true }
	l.write(func(tx *store.Tx) error {
		if err := tx.CreateExecution(t.Context(), &x); err != nil {
			return err
		}
		if _, _, err := tx.LockEnvironment(t.Context(), 42, "production", "x0"); err != nil {
			return err
		}
		_, err := l.carryOut(t.Context(), tx, &x, commands) // waits: x0 has the place
		return err
	})
	l.write(func(tx *store.Tx) error {
		if err := tx.UnlockEnvironment(t.Context(), 42, "production", "x0"); err != nil {
			return err
		}
		return tx.SaveEnvironment(t.Context(), store.Environment{RepoID: 42, Name: "production", Hold: "rolled back"})
	})
	must(t, l.dispatchWaiting(t.Context()))
	l.write(func(tx *store.Tx) (err error) {
		if x, err = tx.Execution(t.Context(), "x1"); err != nil {
			return err
		}
		return tx.SaveEnvironment(t.Context(), store.Environment{RepoID: 42, Name: "production"})
	})
	if x.Status != pipeline.Failed || !strings.Contains(x.State.Reason, "is held") {
		t.Fatalf("held: %s, %s", x.Status, x.State.Reason)
	}
	must(t, l.dispatchWaiting(t.Context()))
	must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) error {
		runs, err := tx.ActionRuns(t.Context(), "x1")
		if err != nil {
			return err
		}
		env, err := tx.Environment(t.Context(), 42, "production")
		if env.LockedBy != "" || len(runs) != 1 || runs[0].Intended || !runs[0].Final {
			t.Errorf("after the hold: locked by %q, %+v", env.LockedBy, runs)
		}
		return err
	}))
}

func TestRedeliver(t *testing.T) {
	l := newLab(t, "")
	at := func(d time.Duration) time.Time { return noon.Add(-d) }
	l.app.Log = []forge.HookDelivery{
		{ID: 1, GUID: "arrived", DeliveredAt: at(time.Hour), StatusCode: 202},
		{ID: 2, GUID: "lost", DeliveredAt: at(2 * time.Hour), StatusCode: 502},
		{ID: 3, GUID: "lost", DeliveredAt: at(time.Hour), StatusCode: 0},
		{ID: 4, GUID: "came the second time", DeliveredAt: at(time.Hour), StatusCode: 500},
		{ID: 5, GUID: "came the second time", DeliveredAt: at(time.Minute), StatusCode: 202, Redelivery: true},
		{ID: 6, GUID: "under way", DeliveredAt: at(5 * time.Second), StatusCode: 0},
	}
	for i := range maxRedeliveries + 1 {
		l.app.Log = append(l.app.Log, forge.HookDelivery{ID: int64(10 + i), GUID: "hopeless", DeliveredAt: at(time.Hour), StatusCode: 409})
	}
	must(t, l.b.Redeliver(t.Context()))
	if diff := cmp.Diff([]int64{3}, l.app.Redelivered); diff != "" {
		t.Errorf("asked for again (-want +got):\n%s", diff)
	}
}
