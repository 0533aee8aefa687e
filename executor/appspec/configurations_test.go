package appspec

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/appspec/rollout"
	"github.com/sluicehq/sluice/pipeline"
)

// The rules of CodeDeploy's configurations, row by row, by deployments to folders: which hosts are deployed to at once, where
// the deployment stops, whether it succeeds, and which hosts serve the new revision. Numbers are hosts, from 1.
func TestConfigurations(t *testing.T) {
	for _, c := range []struct {
		hosts   int
		config  string
		fail    []int
		batches string
		ok      bool
	}{
		{1, "AllAtOnce", nil, "1", true},
		{1, "AllAtOnce", []int{1}, "1", false},
		{1, "HalfAtATime", nil, "", false}, // one host must stay healthy, so none may be touched
		{1, "OneAtATime", nil, "1", true},
		{1, "OneAtATime", []int{1}, "1", false}, // with one host it must succeed
		{1, "1", nil, "", false},
		{1, "0", nil, "1", true},
		{1, "0", []int{1}, "1", false}, // one at least has to have the revision
		{1, "0%", nil, "1", true},
		{1, "1%", nil, "", false},

		{2, "AllAtOnce", []int{1}, "1 2", true}, // one suffices
		{2, "AllAtOnce", []int{1, 2}, "1 2", false},
		{2, "HalfAtATime", nil, "1, 2", true},
		{2, "HalfAtATime", []int{1}, "1", false},
		{2, "HalfAtATime", []int{2}, "1, 2", true},
		{2, "OneAtATime", []int{1}, "1", false},
		{2, "OneAtATime", []int{2}, "1, 2", true}, // the last one may fail
		{2, "1", nil, "1, 2", true},
		{2, "1", []int{1}, "1", false},
		{2, "2", nil, "", false},
		{2, "50%", nil, "1, 2", true},
		{2, "51%", nil, "", false}, // ceil(1.02)

		{3, "AllAtOnce", []int{1, 3}, "1 2 3", true},
		{3, "AllAtOnce", []int{1, 2, 3}, "1 2 3", false},
		{3, "HalfAtATime", nil, "1, 2, 3", true},
		{3, "HalfAtATime", []int{1}, "1", false},
		{3, "HalfAtATime", []int{3}, "1, 2, 3", true},
		{3, "OneAtATime", []int{1}, "1", false},
		{3, "OneAtATime", []int{2}, "1, 2", false},
		{3, "OneAtATime", []int{3}, "1, 2, 3", true},
		{3, "1", nil, "1 2, 3", true},
		{3, "1", []int{1}, "1 2, 3", true},
		{3, "1", []int{1, 2}, "1 2", false},
		{3, "2", []int{3}, "1, 2, 3", true},
		{3, "3", nil, "", false},
		{3, "33%", nil, "1 2, 3", true},  // ceil(0.99) stay healthy
		{3, "34%", nil, "1, 2, 3", true}, // ceil(1.02)
		{3, "34%", []int{2}, "1, 2", false},
		{3, "67%", nil, "", false}, // ceil(2.01)

		{9, "AllAtOnce", []int{1, 2, 3, 4, 5, 6, 7, 8}, "1 2 3 4 5 6 7 8 9", true},
		{9, "HalfAtATime", nil, "1 2 3 4, 5 6 7 8, 9", true}, // 4 at once, 5 needed
		{9, "HalfAtATime", []int{1, 2, 3, 4}, "1 2 3 4", false},
		{9, "HalfAtATime", []int{2, 5}, "1 2 3 4, 5 6 7, 8 9", true},
		{9, "HalfAtATime", []int{1, 5, 8, 9}, "1 2 3 4, 5 6 7, 8 9", true},
		{9, "OneAtATime", []int{9}, "1, 2, 3, 4, 5, 6, 7, 8, 9", true},
		{9, "OneAtATime", []int{8}, "1, 2, 3, 4, 5, 6, 7, 8", false},
		{9, "6", nil, "1 2 3, 4 5 6, 7 8 9", true},
		{9, "6", []int{1, 2, 3}, "1 2 3", false},
		{9, "6", []int{7, 8, 9}, "1 2 3, 4 5 6, 7 8 9", true},
		{9, "40%", nil, "1 2 3 4 5, 6 7 8 9", true},
		{9, "40%", []int{1, 2, 3, 4, 5}, "1 2 3 4 5", false},
		{9, "40%", []int{1, 2}, "1 2 3 4 5, 6 7 8, 9", true},
		{9, "6", []int{1}, "1 2 3, 4 5, 6 7, 8 9", true},
		{9, "9", nil, "", false},
		{9, "AllAtOnce", []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, "1 2 3 4 5 6 7 8 9", false},

		{10, "HalfAtATime", nil, "1 2 3 4 5, 6 7 8 9 10", true},
		{10, "HalfAtATime", []int{1, 2, 3, 4, 5}, "1 2 3 4 5", false},
		{10, "HalfAtATime", []int{6, 7, 8, 9, 10}, "1 2 3 4 5, 6 7 8 9 10", true},
		{10, "95%", nil, "", false},                    // all ten must stay healthy
		{10, "6", nil, "1 2 3 4, 5 6 7 8, 9 10", true}, // 4 at once, 6 needed
		{10, "6", []int{1, 2}, "1 2 3 4, 5 6, 7 8, 9 10", true},
		{10, "6", []int{5, 6, 7, 8}, "1 2 3 4, 5 6 7 8", false},
		{10, "10", nil, "", false},
		{10, "40%", nil, "1 2 3 4 5 6, 7 8 9 10", true},
		{10, "40%", []int{1, 2, 3, 4, 5, 6}, "1 2 3 4 5 6", false},
		{10, "OneAtATime", []int{1}, "1", false},
		{10, "OneAtATime", []int{10}, "1, 2, 3, 4, 5, 6, 7, 8, 9, 10", true},
		{10, "AllAtOnce", []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, "1 2 3 4 5 6 7 8 9 10", true},
		{10, "AllAtOnce", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, "1 2 3 4 5 6 7 8 9 10", false},
	} {
		t.Run(fmt.Sprintf("%d hosts %s fail %v", c.hosts, c.config, c.fail), func(t *testing.T) {
			t.Parallel()
			want := strings.Split(c.batches, ", ")
			if c.batches == "" {
				want = nil
			}
			batches, ok, served := realRollout(t, c.hosts, c.config, c.fail)
			if diff := cmp.Diff(want, batches); diff != "" || ok != c.ok {
				t.Errorf("succeeded %v, want %v; batches (-want +got)\n%s", ok, c.ok, diff)
			}
			tried := strings.Fields(strings.ReplaceAll(c.batches, ",", ""))
			if diff := cmp.Diff(tried, served); diff != "" && len(tried)+len(served) > 0 {
				t.Errorf("hosts with the new files (-want +got)\n%s", diff)
			}
			if got := simulated(t, c.hosts, c.config, c.fail); !slices.Equal(got, want) {
				t.Errorf("the simulation has batches %q, want %q", got, want)
			}
		})
	}
}

// realRollout deploys a revision whose ValidateService fails on some hosts.
func realRollout(t *testing.T, n int, config string, fail []int) (batches []string, ok bool, served []string) {
	t.Helper()
	w := newWorld(t)
	var hosts []any
	var bad []string
	for i := range n {
		hosts = append(hosts, fmt.Sprint(i+1))
		if slices.Contains(fail, i+1) {
			bad = append(bad, fmt.Sprint(i+1))
		}
	}
	a := w.save(map[string]string{
		"appspec.yml": "version: 0.0\nos: linux\nfiles: [{source: app, destination: /srv}]\nhooks: {ValidateService: [{location: check}]}\n",
		"app/version": "2", "check": "#!/bin/sh\nfor bad in " + strings.Join(bad, " ") + "; do test $SLUICE_HOST != $bad || exit 1; done\n",
	})
	e := w.executor(w.bell.Ring)
	got := w.deploy(e, w.request("d", a, map[string]any{"hosts": hosts, "config": config, "rollback": false}))
	for _, r := range w.rounds("d") {
		batches = append(batches, strings.TrimPrefix(r, "deploy: "))
	}
	for i := range n {
		if actiondir.Exists(filepath.Join(w.host(fmt.Sprint(i+1)), "live", "srv", "version")) {
			served = append(served, fmt.Sprint(i+1))
		}
	}
	return batches, got.Status == pipeline.Succeeded, served
}

func simulated(t *testing.T, n int, config string, fail []int) (out []string) {
	t.Helper()
	c, err := rollout.Parse(config)
	if err != nil {
		t.Fatal(err)
	}
	fleet := make([]rollout.Host, n)
	for i := range fleet {
		fleet[i].Name = fmt.Sprint(i + 1)
	}
	batches, _ := rollout.Simulate(c, fleet, func(h rollout.Host) bool {
		return slices.ContainsFunc(fail, func(i int) bool { return fmt.Sprint(i) == h.Name })
	})
	for _, b := range batches {
		var names []string
		for _, i := range b {
			names = append(names, fleet[i].Name)
		}
		out = append(out, strings.Join(names, " "))
	}
	return out
}

// Hosts on which the last deployment failed come first, then those that have nothing, then those with an older revision, then
// those that have the new one.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	e := w.executor(w.bell.Ring)
	one, two := w.hooked("1", ""), w.hooked("2", "")
	deploy := func(id string, hosts ...any) {
		t.Helper()
		a := one
		if id != "d-1" {
			a = two
		}
		if got := w.deploy(e, w.request(id, a, map[string]any{"hosts": hosts, "rollback": false})); got.Status != pipeline.Succeeded {
			t.Fatalf("%s: %+v", id, got)
		}
	}
	deploy("d-1", "old", "current", "failed")
	deploy("d-2", "current")
	broken := w.hooked("3", "exit 1")
	if got := w.deploy(e, w.request("d-3", broken, map[string]any{"hosts": []any{"failed"}, "rollback": false, "ignore_stop_failures": true})); got.Status != pipeline.Failed {
		t.Fatalf("%+v", got)
	}
	deploy("d-4", "current", "old", "new", "failed")
	if diff := cmp.Diff([]string{"deploy: failed", "deploy: new", "deploy: old", "deploy: current"}, w.rounds("d-4")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
