package executor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/executortest"
	"github.com/sluicehq/sluice/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPermanent(t *testing.T) {
	cause := errors.New("no such project")
	err := fmt.Errorf("start: %w", executor.Permanent(cause))
	if !executor.IsPermanent(err) || !errors.Is(err, cause) || err.Error() != "start: no such project" {
		t.Errorf("%v", err)
	}
	if executor.IsPermanent(cause) || executor.IsPermanent(nil) || executor.Permanent(nil) != nil {
		t.Error("what is not marked is permanent")
	}
}

func TestRegistry(t *testing.T) {
	byUses := map[string]executor.Executor{"deploy": executor.RecordOnly{}}
	r := executor.NewRegistry(byUses)
	byUses["other"] = nil
	if _, err := r.Lookup("deploy"); err != nil {
		t.Error(err)
	}
	_, err := r.Lookup("other")
	if !executor.IsPermanent(err) || err.Error() != `uses: "other" is not known here; known: deploy` {
		t.Errorf("%v", err)
	}
	if err := r.Check("deploy", map[string]any{"environment": "staging"}); err != nil {
		t.Error(err)
	}
	err = r.Check("deploy", map[string]any{"cluster": "x"})
	if err == nil || err.Error() != "uses: deploy: with.cluster is not known; known: environment" {
		t.Errorf("%v", err)
	}
}

func TestRecordOnly(t *testing.T) {
	executortest.Run(t, executortest.Harness{
		Instant: true,
		Wrong:   map[string]map[string]any{"with.cluster": {"cluster": "x"}},
		World: func(*testing.T) *executortest.World {
			fails := map[string]bool{}
			return &executortest.World{
				Executor: func(*executor.Bell) executor.Executor { return recordOnly{fails: fails} },
				Request: func(s executortest.Scenario, id string) executor.Request {
					fails[id] = s != executortest.Succeeds
					return executor.Request{ID: id, Environment: "staging", With: map[string]any{"environment": "staging"}}
				},
				Starts: func(string) int { return 1 }, // nothing is started
			}
		},
	})
}

// recordOnly adds what RecordOnly never does: to fail.
type recordOnly struct {
	executor.RecordOnly
	fails map[string]bool
}

func (r recordOnly) Start(ctx context.Context, q executor.Request) (string, error) {
	if r.fails[q.ID] {
		return "", executor.Permanentf("told to fail")
	}
	return r.RecordOnly.Start(ctx, q)
}

func TestBellTellsWhoRang(t *testing.T) {
	b := executor.NewBell()
	for _, id := range []string{"b", "a", "b"} {
		b.Ring(id)
	}
	ids, err := b.Wait(t.Context())
	if diff := cmp.Diff([]string{"a", "b"}, ids); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if ids, err := b.Wait(ctx); !errors.Is(err, context.Canceled) || len(ids) > 0 {
		t.Errorf("nobody rang, but %v, %v", ids, err)
	}
}

func TestBellLosesNobodyWhoRingsAtOnce(t *testing.T) {
	b := executor.NewBell()
	const n = 100
	var ringing sync.WaitGroup
	for i := range n {
		ringing.Go(func() { b.Ring(fmt.Sprint(i)) })
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	heard := map[string]bool{}
	for len(heard) < n {
		ids, err := b.Wait(ctx)
		if err != nil {
			t.Fatalf("heard %d of %d: %v", len(heard), n, err)
		}
		for _, id := range ids {
			heard[id] = true
		}
	}
	ringing.Wait()
}

func TestParams(t *testing.T) {
	var with map[string]any
	text := `{"s": "x", "n": 1000000, "b": true, "d": "90s", "l": ["a", "b"], "one": "a", "m": {"k": 2500000, "t": "v"}, "ref": "#{a.b}"}`
	if err := json.Unmarshal([]byte(text), &with); err != nil {
		t.Fatal(err)
	}
	p := executor.Read(with)
	got := []any{p.Required("s"), p.String("n"), p.Int("n"), p.Bool("b"), p.Duration("d"), p.Strings("l"), p.Strings("one"),
		p.Map("m"), p.Int("ref"), p.Bool("ref"), p.Duration("ref"), p.String("absent"), p.Has("absent")}
	want := []any{"x", "1000000", int64(1000000), true, 90 * time.Second, []string{"a", "b"}, []string{"a"},
		map[string]string{"k": "2500000", "t": "v"}, int64(0), false, time.Duration(0), "", false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := p.Err(); err != nil {
		t.Error(err)
	}
}

func TestParamsNamesEveryWrongKey(t *testing.T) {
	p := executor.Read(map[string]any{"text": []any{}, "number": "x", "whole": 1.5, "truth": "yes", "time": "soon", "back": "-1s",
		"list": 3, "mixed": []any{"a", 1}, "map": "x", "deep": map[string]any{"k": []any{}}, "extra": 1, "empty": ""})
	p.String("text")
	p.Int("number")
	p.Int("whole")
	p.Bool("truth")
	p.Duration("time")
	p.Duration("back")
	p.Strings("list")
	p.Strings("mixed")
	p.Map("map")
	p.Map("deep")
	p.Required("empty")
	p.Required("gone")
	err := p.Err()
	if !executor.IsPermanent(err) {
		t.Fatalf("%v is not permanent", err)
	}
	for _, key := range []string{"text", "number", "whole", "truth", "time", "back", "list", "mixed", "map", "deep.k", "extra is not known",
		"empty is required", "gone is required"} {
		if !strings.Contains(err.Error(), "with."+key) {
			t.Errorf("%q does not name with.%s", err, key)
		}
	}
}

func TestRequestSurvivesJSON(t *testing.T) {
	r := executor.Request{
		ID: "ex-1-1-1", Uses: "x", With: map[string]any{"k": []any{"v", true}}, Env: map[string]string{"A": "b"},
		Inputs:  map[string]pipeline.Artifact{"app": {Name: "app", Digest: "sha256:0", Size: 1, Location: "/x"}},
		Timeout: time.Minute, Attempt: 2, RequestedAt: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back executor.Request
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back); diff != "" {
		t.Errorf("(-stored +read):\n%s", diff)
	}
}
