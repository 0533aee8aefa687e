package appspec

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
)

// A host that stops being well in the bake time fails the deployment, which goes back; one that is well to its end does not.
func TestBake(t *testing.T) {
	w := newWorld(t)
	var asked, from atomic.Int64
	from.Store(1 << 30)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if n := asked.Add(1) - from.Load(); n > 0 && n <= bakeMisses {
			rw.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(srv.Close)
	e := w.executor(w.bell.Ring)
	with := map[string]any{
		"hosts": []any{map[string]any{"name": "web-1", "address": strings.TrimPrefix(srv.URL, "http://")}}, "probe_http": "http://{address}/", "bake": "1s",
	}
	if got := w.deploy(e, w.request("d-1", w.hooked("1", ""), with)); got.Status != pipeline.Succeeded {
		t.Fatalf("%+v", got)
	}
	if asked.Load() < 2 {
		t.Errorf("the host was asked %d times, want ValidateService and the bake time", asked.Load())
	}
	from.Store(asked.Load() + 1) // it is well once more, for ValidateService
	with["bake"] = "1m"
	got := w.deploy(e, w.request("d-2", w.hooked("2", "test $SLUICE_HOST = web-1"), with))
	if got.Status != pipeline.Failed || !strings.Contains(got.Summary, "web-1: not well in the bake time: GET "+srv.URL+"/ answers 500") ||
		!strings.Contains(got.Summary, "rolled back to 1.4.0") {
		t.Errorf("%+v", got)
	}
	if got := w.versions("web-1"); got != "1" {
		t.Errorf("the host serves %s", got)
	}
}

// A host that failed though the deployment succeeded still has what it had, and is named.
func TestOddHostIsNamed(t *testing.T) {
	w := newWorld(t)
	e := w.executor(w.bell.Ring)
	if got := w.deploy(e, w.request("d-1", w.hooked("1", ""), nil)); got.Status != pipeline.Succeeded {
		t.Fatalf("%+v", got)
	}
	r := w.request("d-2", w.hooked("2", "test $LIFECYCLE_EVENT != BeforeInstall || test $SLUICE_HOST != web-3"), nil)
	r.Env["SLUICE_VERSION"] = "1.5.0"
	got := w.deploy(e, r)
	if got.Status != pipeline.Succeeded || !strings.Contains(got.Summary, "web-3 still has 1.4.0") {
		t.Errorf("%+v", got)
	}
}

// A host whose answers are worse than those of its peers is named after a deployment that succeeded.
func TestOddErrorRateIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var hosts []any
	for _, name := range []string{"web-1", "web-2", "web-3"} {
		var asked atomic.Int64
		srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			if n := asked.Add(1); name == "web-2" && n%2 == 0 {
				rw.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		t.Cleanup(srv.Close)
		hosts = append(hosts, map[string]any{"name": name, "address": strings.TrimPrefix(srv.URL, "http://")})
	}
	got := w.deploy(w.executor(w.bell.Ring), w.request("d", w.hooked("1", ""), map[string]any{"hosts": hosts, "probe_http": "http://{address}/", "bake": "8s"}))
	if got.Status != pipeline.Succeeded || !regexp.MustCompile(`web-2 answered (4[0-9]|5[0-9])% of the probes of the bake time with an error, or late, the median of its peers is 0%$`).
		MatchString(got.Summary) {
		t.Errorf("%+v", got)
	}
}

func TestOddRates(t *testing.T) {
	for name, c := range map[string]struct {
		hosts [][2]int // asked, errors
		want  []string
	}{
		"all well":            {[][2]int{{60, 0}, {60, 0}}, nil},
		"nobody was asked":    {[][2]int{{0, 0}, {0, 0}}, nil},
		"all alike":           {[][2]int{{60, 30}, {60, 31}, {60, 29}}, nil},
		"below the threshold": {[][2]int{{100, 9}, {100, 0}, {100, 0}}, nil},
		"at the threshold":    {[][2]int{{100, 10}, {100, 0}, {100, 0}}, []string{"web-1 answered 10% of the probes of the bake time with an error, or late, the median of its peers is 0%"}},
		"above its peers":     {[][2]int{{100, 5}, {100, 30}, {100, 9}}, []string{"web-2 answered 30% of the probes of the bake time with an error, or late, the median of its peers is 7%"}},
		"asked too seldom":    {[][2]int{{9, 9}, {60, 0}}, nil},
		"alone":               {[][2]int{{3, 1}}, []string{"web-1 answered 1 of 3 probes of the bake time with an error, or late"}},
		"alone and well":      {[][2]int{{3, 0}}, nil},
	} {
		var hosts []*hostProgress
		for i, h := range c.hosts {
			hosts = append(hosts, &hostProgress{Name: fmt.Sprintf("web-%d", i+1), Asked: h[0], Errors: h[1]})
		}
		if diff := cmp.Diff(c.want, oddRates(hosts)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// An answer that is no 2xx, comes late or does not come counts as an error; only from 400 on, or without an answer, the host is not well.
func TestProbeAnswers(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			late := time.NewTimer(lateProbe + 100*time.Millisecond)
			defer late.Stop()
			<-late.C
			return
		}
		status, _ := strconv.Atoi(r.URL.Path[1:])
		rw.WriteHeader(status)
	}))
	t.Cleanup(srv.Close)
	for path, want := range map[string][2]bool{ // not well, an error
		"/200": {false, false}, "/204": {false, false}, "/302": {false, true}, "/404": {true, true}, "/503": {true, true}, "/late": {false, true},
	} {
		if got := (probe{HTTP: srv.URL + path}).once(t.Context()); (got.problem != nil) != want[0] || got.errs != want[1] {
			t.Errorf("%s: %+v", path, got)
		}
	}
	gone := probe{TCP: strings.TrimPrefix(srv.URL, "http://")}
	if got := gone.once(t.Context()); got.problem != nil || got.errs {
		t.Errorf("a connection that is taken: %+v", got)
	}
	srv.Close()
	if got := gone.once(t.Context()); got.problem == nil || !got.errs {
		t.Errorf("a connection that is not taken: %+v", got)
	}
}

func TestOddClock(t *testing.T) {
	for ahead, want := range map[time.Duration][]string{
		0: nil, 4 * time.Second: nil, -4 * time.Second: nil,
		40 * time.Second: {"the clock of web-2 is 40s ahead"}, -2 * time.Hour: {"the clock of web-2 is 2h0m0s behind"},
	} {
		if diff := cmp.Diff(want, oddClock("web-2", ahead)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", ahead, diff)
		}
	}
}

// An alarm in the bake time fails the deployment, and it goes back.
func TestAlarm(t *testing.T) {
	w := newWorld(t)
	e := w.executor(w.bell.Ring)
	if got := w.deploy(e, w.request("d-1", w.hooked("1", ""), nil)); got.Status != pipeline.Succeeded {
		t.Fatalf("%+v", got)
	}
	r := w.request("d-2", w.hooked("2", ""), map[string]any{"bake": "1h", "config": "AllAtOnce"})
	handle, err := e.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the bake time", func() bool { return w.versions("web-1", "web-2", "web-3") == "2 2 2" })
	for range 2 {
		if err := e.Alarm(t.Context(), r, "p99 above 2 s"); err != nil {
			t.Fatal(err)
		}
	}
	got := w.end(e, r, handle)
	if got.Status != pipeline.Failed || !strings.Contains(got.Summary, "an alarm was raised: p99 above 2 s; rolled back to 1.4.0") {
		t.Errorf("%+v", got)
	}
	if got := w.versions("web-1", "web-2", "web-3"); got != "1 1 1" {
		t.Errorf("the hosts serve %s", got)
	}
	if err := e.Alarm(t.Context(), r, "late"); err != nil {
		t.Errorf("an alarm after the end: %v", err)
	}
}
