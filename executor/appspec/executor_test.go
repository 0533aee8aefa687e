package appspec

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/executortest"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

func TestExecutor(t *testing.T) {
	executortest.Run(t, executortest.Harness{
		World: suiteWorld, Secrets: []string{secret}, Rings: true,
		Wrong: map[string]map[string]any{
			"with.hosts": {}, "with.hosts[1]": {"hosts": []any{"a", "A"}}, "with.hosts[0]": {"hosts": []any{"../x"}},
			"with.config": {"hosts": []any{"a"}, "config": "TwoAtATime"}, "with.type": {"hosts": []any{"a"}, "type": "canary"},
			"with.probe_http": {"hosts": []any{"a"}, "probe_http": "ftp://x"}, "with.probe_tcp": {"hosts": []any{"a"}, "probe_tcp": "x"},
			"with.traffic_file": {"hosts": []any{"a"}, "traffic_file": "up"}, "with.drain": {"hosts": []any{"a"}, "drain": "5s"},
			"with.zonal_config": {"hosts": []any{"a"}, "zonal_config": map[string]any{"minimumHealthyHostsPerZone": 1}},
			"with.hots":         {"hots": []any{"a"}}, "with.bake": {"hosts": []any{"a"}, "bake": "48h"},
		},
	})
}

func suiteWorld(t *testing.T) *executortest.World {
	w := newWorld(t)
	wait := "test $LIFECYCLE_EVENT = ApplicationStart || exit 0\necho x >> " + w.dir + "/starts-$DEPLOYMENT_ID\necho " + secret +
		"\nwhile ! test -e " + w.dir + "/go-$DEPLOYMENT_ID; do sleep 0.02; done\n"
	revisions := map[executortest.Scenario]pipeline.Artifact{
		executortest.Succeeds: w.hooked("1", wait), executortest.Fails: w.hooked("2", wait+"echo "+secret+"; exit 3"),
		executortest.Impossible: w.save(map[string]string{"appspec.yml": "version: 0.1\nos: linux\n"}),
	}
	return &executortest.World{
		Executor: func(bell *executor.Bell) executor.Executor { return w.executor(bell.Ring) },
		Request: func(s executortest.Scenario, id string) executor.Request {
			r := w.request(id, revisions[s], map[string]any{"hosts": []any{"web-1"}})
			r.Environment = "env-" + id
			return r
		},
		Finish: func(id string) {
			if err := os.WriteFile(filepath.Join(w.dir, "go-"+id), nil, 0o600); err != nil {
				t.Error(err)
			}
		},
		Starts: func(id string) int {
			tries, err := filepath.Glob(filepath.Join(w.dir, "hosts", "deployments", id, "try-*"))
			if err != nil {
				t.Error(err)
			}
			return max(len(tries), strings.Count(w.read(w.dir, "starts-"+id), "x"))
		},
		Disturb: func() func() {
			w.err = errors.New("the disk is not there")
			return func() { w.err = nil }
		},
	}
}

func TestLifecycleInPlace(t *testing.T) {
	w := newWorld(t)
	e := w.executor(w.bell.Ring)
	for i, c := range []struct {
		version string
		want    []string
	}{
		{"1", []string{"BeforeInstall 1 blue", "AfterInstall 1 blue", "ApplicationStart 1 blue", "ValidateService 1 blue"}},
		{"2", []string{"ApplicationStop 1 blue", "BeforeInstall 2 blue", "AfterInstall 2 blue", "ApplicationStart 2 blue", "ValidateService 2 blue"}},
	} {
		got := w.deploy(e, w.request("d-"+c.version, w.hooked(c.version, ""), nil))
		if got.Status != pipeline.Succeeded || !strings.Contains(got.Summary, "on 3 of 3 hosts, deployed in 3 batches") {
			t.Fatalf("deployment %d: %+v", i+1, got)
		}
		for _, h := range []string{"web-1", "web-2", "web-3"} {
			if diff := cmp.Diff(c.want, w.trace(h)); diff != "" {
				t.Errorf("%s of version %s (-want +got)\n%s", h, c.version, diff)
			}
		}
		if got, want := w.versions("web-1", "web-2", "web-3"), strings.Join([]string{c.version, c.version, c.version}, " "); got != want {
			t.Errorf("hosts serve %s, want %s", got, want)
		}
	}
	bundles, _ := filepath.Glob(filepath.Join(w.host("web-1"), "revisions", "*"))
	if len(bundles) != 1 {
		t.Errorf("bundles on the host: %v, want that of the last revision", bundles)
	}
}

func TestLifecycleBlueGreen(t *testing.T) {
	w := newWorld(t)
	e := w.executor(w.bell.Ring)
	with := func() map[string]any { return map[string]any{"type": "blue-green", "hosts": []any{"web-1"}} }
	served := "" // before
	for _, c := range []struct {
		version, script string
		status          pipeline.Status
		live            string
		want            []string
	}{
		{"1", "", pipeline.Succeeded, "1", []string{
			"BeforeInstall 1 green", "AfterInstall 1 green", "ApplicationStart 1 green", "ValidateService 1 green", "BeforeAllowTraffic 1 green", "AfterAllowTraffic 1 green",
		}},
		{"2", "", pipeline.Succeeded, "2", []string{
			"BeforeInstall 2 blue", "AfterInstall 2 blue", "ApplicationStart 2 blue", "ValidateService 2 blue", "BeforeAllowTraffic 2 blue", "AfterAllowTraffic 2 blue",
			"BeforeBlockTraffic 1 green", "AfterBlockTraffic 1 green",
		}},
		{"3", "test $LIFECYCLE_EVENT != ValidateService", pipeline.Failed, "2", []string{
			"ApplicationStop 1 green", "BeforeInstall 3 green", "AfterInstall 3 green", "ApplicationStart 3 green", "ValidateService 3 green",
		}},
		{"4", "test $LIFECYCLE_EVENT != AfterAllowTraffic", pipeline.Failed, "2", []string{
			"ApplicationStop 1 green", "BeforeInstall 4 green", "AfterInstall 4 green", "ApplicationStart 4 green", "ValidateService 4 green",
			"BeforeAllowTraffic 4 green", "AfterAllowTraffic 4 green",
			"BeforeAllowTraffic 2 blue", "AfterAllowTraffic 2 blue", "BeforeBlockTraffic 4 green", "AfterBlockTraffic 4 green",
		}},
	} {
		check := func() {}
		if served != "" {
			check = alwaysServes(t, filepath.Join(w.host("web-1"), "live", "srv", "version"), served, c.version)
		}
		got := w.deploy(e, w.request("d-"+c.version, w.hooked(c.version, c.script), with()))
		check()
		if got.Status != c.status {
			t.Fatalf("version %s: %+v", c.version, got)
		}
		if diff := cmp.Diff(c.want, w.trace("web-1")); diff != "" {
			t.Errorf("version %s (-want +got)\n%s", c.version, diff)
		}
		if served = w.versions("web-1"); served != c.live {
			t.Errorf("after version %s the host serves %s, want %s", c.version, served, c.live)
		}
	}
}

// alwaysServes reads a file over and over until the function that it returns is called: each time one of the texts is to be in it.
func alwaysServes(t *testing.T, file string, texts ...string) (check func()) {
	t.Helper()
	over, ended := make(chan struct{}), make(chan struct{})
	var wrong []string
	reads := 0
	go func() {
		defer close(ended)
		for {
			b, err := os.ReadFile(file)
			switch reads++; {
			case err != nil:
				wrong = append(wrong, err.Error())
			case !slices.Contains(texts, string(b)):
				wrong = append(wrong, string(b))
			}
			select {
			case <-over:
				return
			default:
			}
		}
	}()
	stop := sync.OnceFunc(func() { close(over); <-ended })
	t.Cleanup(stop)
	return func() {
		t.Helper()
		if stop(); len(wrong) > 0 {
			t.Errorf("%d of %d reads found neither of %v, first: %s", len(wrong), reads, texts, wrong[0])
		}
	}
}

// The switch from side to side is one stroke: who reads through the link all the while finds one of the two.
func TestSwitchIsOneStroke(t *testing.T) {
	f := &folder{dir: t.TempDir()}
	if _, err := f.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []sideName{blue, green} {
		if err := os.WriteFile(f.path(string(s), "version"), []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := alwaysServes(t, f.path("live", "version"), string(blue), string(green))
	for range 100 {
		for _, to := range []sideName{green, blue} {
			if err := f.allow(t.Context(), to); err != nil {
				t.Fatal(err)
			}
		}
	}
	check()
}

// A deployment of which a host fails goes back to what was there, and the host that failed comes first in the rollback.
func TestRollback(t *testing.T) {
	w := newWorld(t)
	e := w.executor(w.bell.Ring)
	if got := w.deploy(e, w.request("d-1", w.hooked("1", ""), nil)); got.Status != pipeline.Succeeded {
		t.Fatalf("%+v", got)
	}
	bad := w.hooked("2", "test $LIFECYCLE_EVENT = ValidateService && test $SLUICE_HOST = web-2 && { echo it answers 500; exit 7; }\nexit 0")
	got := w.deploy(e, w.request("d-2", bad, map[string]any{"config": "2"}))
	if got.Status != pipeline.Failed {
		t.Errorf("%+v", got)
	}
	for _, part := range []string{"stopped after 1 of 3 hosts failed", "web-2: ValidateService: run: ScriptFailed: exit status 7: it answers 500", "rolled back to 1.4.0"} {
		if !strings.Contains(got.Summary, part) {
			t.Errorf("the summary is %q, want %q in it", got.Summary, part)
		}
	}
	if diff := cmp.Diff([]string{"deploy: web-1", "deploy: web-2", "rollback: web-2", "rollback: web-1"}, w.rounds("d-2")); diff != "" {
		t.Errorf("batches (-want +got)\n%s", diff)
	}
	if got := w.versions("web-1", "web-2", "web-3"); got != "1 1 1" {
		t.Errorf("hosts serve %s", got)
	}
	wantHosts := []executor.Host{
		{Name: "web-1", Batch: 1, Status: "RolledBack", Event: "ValidateService", Revision: "1.4.0"},
		{Name: "web-2", Batch: 2, Status: "RolledBack", Event: "ValidateService", Revision: "1.4.0", Message: "ValidateService: run: ScriptFailed: exit status 7: it answers 500"},
		{Name: "web-3", Status: "Pending", Revision: "1.4.0"},
	}
	if diff := cmp.Diff(wantHosts, got.Hosts); diff != "" {
		t.Errorf("hosts (-want +got)\n%s", diff)
	}
}

func TestFirstDeploymentHasNothingToGoBackTo(t *testing.T) {
	w := newWorld(t)
	got := w.deploy(w.executor(w.bell.Ring), w.request("d-1", w.hooked("1", "exit 1"), nil))
	if got.Status != pipeline.Failed || !strings.Contains(got.Summary, "nothing to roll back to") {
		t.Errorf("%+v", got)
	}
}

// The server is killed: the deployment goes on under its supervisor. The supervisor is killed: the next one carries on, what
// was done is not done again, and the script that was cut off counts as failed.
func TestKilledSupervisorIsCarriedOn(t *testing.T) {
	w := newWorld(t)
	e := w.executor(w.bell.Ring)
	if got := w.deploy(e, w.request("d-1", w.hooked("1", ""), nil)); got.Status != pipeline.Succeeded {
		t.Fatalf("%+v", got)
	}
	for _, h := range []string{"web-1", "web-2", "web-3"} {
		w.trace(h)
	}
	gate := filepath.Join(w.dir, "gate")
	hang := w.hooked("2", "test $LIFECYCLE_EVENT = ApplicationStart && test $SLUICE_HOST = web-2 || exit 0\necho $$ > "+gate+"\nexec sleep 100")
	r := w.request("d-2", hang, map[string]any{"config": "1", "rollback": false})
	handle, err := e.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the script", func() bool { return strings.TrimSpace(w.read(gate)) != "" })
	script, err := strconv.Atoi(strings.TrimSpace(w.read(gate)))
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the end of web-1", func() bool {
		return strings.Contains(w.read(progressFile(filepath.Join(w.dir, "hosts", "deployments", "d-2"))), `"outcomes":{"deploy":"succeeded"}`)
	})
	killSupervisor(t, script)
	got := w.end(w.executor(w.bell.Ring), r, handle)
	if !strings.Contains(got.Summary, "ApplicationStart: UnknownError") {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff([]string{"ApplicationStop 1 blue", "BeforeInstall 2 blue", "AfterInstall 2 blue", "ApplicationStart 2 blue", "ValidateService 2 blue"}, w.trace("web-1")); diff != "" {
		t.Errorf("web-1 (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ApplicationStop 1 blue", "BeforeInstall 2 blue", "AfterInstall 2 blue", "ApplicationStart 2 blue"}, w.trace("web-2")); diff != "" {
		t.Errorf("web-2 (-want +got)\n%s", diff)
	}
}

// killSupervisor kills the parent of a script.
func killSupervisor(t *testing.T, script int) {
	t.Helper()
	stat := strings.Fields(func() string {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(script) + "/stat")
		if err != nil {
			t.Fatal(err)
		}
		return string(b[strings.LastIndexByte(string(b), ')')+1:])
	}())
	parent, err := strconv.Atoi(stat[1])
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile("/proc/" + stat[1] + "/cmdline"); !strings.Contains(string(b), supervise.Subcommand) {
		t.Fatalf("the script's parent is %q", b)
	}
	if err := syscall.Kill(parent, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// Who does not want a deployment any more while its revision is unpacked ends the context: nothing begins, and what is told to stop by
// the request alone ends as stopped.
func TestCalledOffBeforeItBegins(t *testing.T) {
	w := newWorld(t)
	e, r := w.executor(w.bell.Ring), w.request("ex-1-1-1", w.hooked("1", ""), nil)
	ctx, cancel := context.WithCancel(t.Context())
	w.unpacked = cancel
	if handle, err := e.Start(ctx, r); !errors.Is(err, context.Canceled) || executor.IsPermanent(err) {
		t.Errorf("started as %q: %v", handle, err)
	}
	if tries, err := filepath.Glob(filepath.Join(w.dir, "hosts", "deployments", r.ID, "try-*")); err != nil || len(tries) > 0 {
		t.Errorf("tries: %q, %v", tries, err)
	}
	if err := e.Stop(t.Context(), r, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Status(t.Context(), r, ""); err != nil {
		t.Fatal(err)
	}
	if report, err := e.Status(t.Context(), r, ""); err != nil || report.Status != pipeline.Stopped {
		t.Errorf("%+v, %v, want it stopped", report, err)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "trace-web-1")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a host was touched: %v", err)
	}
}
