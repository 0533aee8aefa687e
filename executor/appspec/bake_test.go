package appspec

import (
	"net/http"
	"net/http/httptest"
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
