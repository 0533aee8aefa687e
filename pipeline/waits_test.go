package pipeline

import (
	"strings"
	"testing"
	"time"
)

func TestWaitingIsNotRunning(t *testing.T) {
	def := single(Action{Name: "a", Uses: "x", Environment: EnvironmentStaging, Deploys: true, Timeout: 10 * time.Minute})
	locked := func(d *drive) ActionWaits {
		return ActionWaits{At: d.now, ID: d.id("S/a"), For: "staging is locked by rita"}
	}
	t.Run("it waits longer than it may run, and then has all its time", func(t *testing.T) {
		d, _ := begin(t, def, Image{Reference: testRef, Digest: digestA})
		wantLines(t, "locked", d.fact(locked(d)))
		wantLines(t, "far over its timeout", d.after(5*24*time.Hour).tick())
		if why := Why(d.s, d.now); !strings.Contains(why, "S/a to begin (staging is locked by rita; until 2026-11-28 12:00 UTC at most)") {
			t.Errorf("why: %s", why)
		}
		d.fact(ActionWaits{At: d.now, ID: d.id("S/a")})
		wantLines(t, "nearly its timeout later", d.after(9*time.Minute).tick())
		d.fact(ActionStarted{At: d.now, ID: d.id("S/a")})
		wantLines(t, "its timeout counts from when it began", d.after(9*time.Minute).tick())
		wantLines(t, "over", d.after(time.Minute).tick(), "stop ex-1-1-1-1: timed out after 10m")
	})
	t.Run("the wait has its own end, which new reasons do not move", func(t *testing.T) {
		d, _ := begin(t, def, Image{Reference: testRef, Digest: digestA})
		d.fact(locked(d))
		d.after(6 * 24 * time.Hour).fact(ActionWaits{At: d.now, ID: d.id("S/a"), For: "staging is frozen"})
		wantLines(t, "a week", d.after(24*time.Hour).tick(), "stop ex-1-1-1-1: it could not begin within 7d: staging is frozen")
		wantLines(t, "settled", d.settle("S/a", Stopped), "settled Failed")
		if want := "S/a: it could not begin within 7d: staging is frozen"; d.s.Reason != want {
			t.Errorf("reason %q, want %q", d.s.Reason, want)
		}
	})
	t.Run("one that is not let in and not told about does not wait longer than it may run", func(t *testing.T) {
		d, _ := begin(t, def, Image{Reference: testRef, Digest: digestA})
		wantLines(t, "its timeout", d.after(10*time.Minute).tick(), "stop ex-1-1-1-1: timed out after 10m")
	})
	t.Run("too late to wait", func(t *testing.T) {
		d, _ := begin(t, def, Image{Reference: testRef, Digest: digestA})
		d.fact(ActionStarted{At: d.now, ID: d.id("S/a")})
		d.fact(locked(d))
		if a := d.at("S/a"); a.WaitsFor != "" {
			t.Errorf("it runs and waits for %q", a.WaitsFor)
		}
	})
}
