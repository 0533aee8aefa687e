package appspec

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/pipeline"
)

// In place behind a load balancer: the host is out of traffic from BlockTraffic to AllowTraffic, the scripts around BlockTraffic are
// those of the revision before, and a host that fails stays out of traffic until it has gone back.
func TestInPlaceTraffic(t *testing.T) {
	w := newWorld(t)
	e := w.executor(w.bell.Ring)
	with := func() map[string]any {
		return map[string]any{"hosts": []any{"web-1"}, "traffic_file": "/run/lb/up", "drain": "20ms"}
	}
	file := filepath.Join(w.host("web-1"), "run", "lb", "up")
	state := "test -e " + file + " && up=up || up=down; echo \"$LIFECYCLE_EVENT $up\" >> " + w.dir + "/trace-state\n"
	for _, c := range []struct {
		version, script string
		status          pipeline.Status
		want            []string
	}{
		{"1", "", pipeline.Succeeded, []string{
			"BeforeInstall down", "AfterInstall down", "ApplicationStart down", "ValidateService down", "BeforeAllowTraffic down", "AfterAllowTraffic up",
		}},
		{"2", "", pipeline.Succeeded, []string{
			"BeforeBlockTraffic up", "AfterBlockTraffic down", "ApplicationStop down", "BeforeInstall down", "AfterInstall down", "ApplicationStart down",
			"ValidateService down", "BeforeAllowTraffic down", "AfterAllowTraffic up",
		}},
		{"3", "test $LIFECYCLE_EVENT != ValidateService", pipeline.Failed, []string{
			"BeforeBlockTraffic up", "AfterBlockTraffic down", "ApplicationStop down", "BeforeInstall down", "AfterInstall down", "ApplicationStart down",
			"ValidateService down",
			"BeforeBlockTraffic down", "AfterBlockTraffic down", "ApplicationStop down", "BeforeInstall down", "AfterInstall down", "ApplicationStart down",
			"ValidateService down", "BeforeAllowTraffic down", "AfterAllowTraffic up",
		}},
	} {
		got := w.deploy(e, w.request("d-"+c.version, w.hooked(c.version, state+c.script), with()))
		if got.Status != c.status {
			t.Fatalf("version %s: %+v", c.version, got)
		}
		if diff := cmp.Diff(c.want, w.trace("state")); diff != "" {
			t.Errorf("version %s (-want +got)\n%s", c.version, diff)
		}
		if len(got.Annotations) != 0 {
			t.Errorf("version %s: remarks %+v", c.version, got.Annotations)
		}
		if !actiondir.Exists(file) {
			t.Errorf("after version %s the host has no traffic", c.version)
		}
		w.trace("web-1")
	}
}

func TestSSHTraffic(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	w := newWorld(t)
	file := s.path("root-m-1") + "/up"
	out := filepath.Join(w.dir, "trace-state")
	a := w.save(map[string]string{
		"appspec.yml": "version: 0.0\nos: linux\nhooks: {ApplicationStart: [{location: run}], AfterAllowTraffic: [{location: run}]}\n",
		"run":         "#!/bin/sh\ntest -e " + file + " && up=up || up=down; echo \"$LIFECYCLE_EVENT $up\" >> " + out + "\n",
	})
	got := w.deploy(w.overSSH(s), w.request("d", a, map[string]any{"hosts": s.machines("m-1"), "traffic_file": "/up"}))
	if diff := cmp.Diff([]string{"ApplicationStart down", "AfterAllowTraffic up"}, w.trace("state")); diff != "" || got.Status != pipeline.Succeeded {
		t.Errorf("%+v (-want +got)\n%s", got, diff)
	}
}

// Without a switch the events around traffic do not take place, and each that has scripts is named with its line.
func TestTrafficHooksThatAreNotRunAreNamed(t *testing.T) {
	w := newWorld(t)
	e := w.executor(w.bell.Ring)
	a := w.save(map[string]string{
		"appspec.yml": "version: 0.0\nos: linux\nhooks:\n  BeforeBlockTraffic:\n    - location: run\n  ApplicationStart:\n    - location: run\n  AfterAllowTraffic:\n    - location: run\n",
		"run":         "#!/bin/sh\necho $LIFECYCLE_EVENT >> " + w.dir + "/trace-web-1\n",
	})
	got := w.deploy(e, w.request("d", a, map[string]any{"hosts": []any{"web-1"}}))
	var lines []int
	for _, r := range got.Annotations {
		if lines = append(lines, r.StartLine); r.Level != "warning" || !strings.Contains(r.Message, "with.traffic_file") {
			t.Errorf("%+v", r)
		}
	}
	if diff := cmp.Diff([]int{5, 9}, lines); diff != "" || got.Status != pipeline.Succeeded {
		t.Errorf("%+v (-want +got)\n%s", got, diff)
	}
	if !strings.Contains(got.Log, "appspec.yml:5: hooks.BeforeBlockTraffic is not run") {
		t.Errorf("the log has %s", got.Log)
	}
	if diff := cmp.Diff([]string{"ApplicationStart"}, w.trace("web-1")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What waits for connections to end does not wait when the deployment is stopped.
func TestDrainEndsWithTheDeployment(t *testing.T) {
	w := newWorld(t)
	e := w.executor(w.bell.Ring)
	r := w.request("d", w.hooked("1", ""), map[string]any{"hosts": []any{"web-1"}, "traffic_file": "/up", "drain": "1h"})
	handle, err := e.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "BlockTraffic", func() bool {
		return strings.Contains(w.read(progressFile(filepath.Join(w.dir, "hosts", "deployments", "d"))), `"BlockTraffic","status":"InProgress"`)
	})
	began := time.Now()
	if err := e.Stop(t.Context(), r, handle); err != nil {
		t.Fatal(err)
	}
	if got := w.end(e, r, handle); got.Status != pipeline.Stopped || time.Since(began) > 30*time.Second {
		t.Errorf("after %s: %+v", time.Since(began), got)
	}
}
