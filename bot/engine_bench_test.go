package bot

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/pgtest"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// engineLoad is what the database of the benchmark holds.
const (
	engineEnded  = 9_800 // executions that have ended, with their actions, deployments and checks
	engineActive = 200   // executions that run, each on a branch of its own
	engineStages = 10
)

// engine is a lab whose database has seen much.
type engine struct {
	*lab
	running []*store.Execution
	at      []int // the stage that each is in
	made    int
}

func newEngine(b *testing.B, database string) *engine {
	b.Helper()
	e := &engine{lab: newLabOn(b, database, "")}
	ctx := b.Context()
	for from := 0; from < engineEnded; from += 500 {
		e.write(func(tx *store.Tx) error {
			for n := range 500 {
				if n+from >= engineEnded {
					break
				}
				if err := e.past(ctx, tx, from+n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for range engineActive {
		e.running, e.at = append(e.running, e.begin(b)), append(e.at, 0)
	}
	return e
}

// definition is a pipeline of stages with one action each.
func (e *engine) definition() pipeline.Definition {
	d := pipeline.Definition{Kind: pipeline.KindFeature, Mode: pipeline.ModeSuperseded}
	for i := range engineStages {
		d.Stages = append(d.Stages, pipeline.Stage{Name: fmt.Sprintf("Stage%d", i+1), Actions: []pipeline.Action{
			{Name: "work", Uses: "checks", With: map[string]any{"names": "build,test"}, Env: map[string]string{"LEVEL": "debug"}},
		}})
	}
	return d
}

func (e *engine) state(id, sha string, at time.Time) pipeline.State {
	s, _ := pipeline.Start(pipeline.Input{ID: id, Definition: e.definition(), SHA: sha, ConfigHash: "hash"}, at)
	return s
}

// past is an execution that has ended, and what it left.
func (e *engine) past(ctx context.Context, tx *store.Tx, n int) error {
	id, sha, at := fmt.Sprintf("past%05d", n), fmt.Sprintf("%040x", n), noon.Add(-time.Duration(n)*time.Minute)
	s := e.state(id, sha, at)
	for i := range engineStages {
		next, _, err := pipeline.Advance(s, pipeline.ActionSettled{At: at, ID: pipeline.ActionID(id, i+1, 1, 1), Status: pipeline.Succeeded})
		if err != nil {
			return err
		}
		s = next
	}
	x := store.Execution{
		ID: id, RepoID: 42, Kind: pipeline.KindFeature, Branch: fmt.Sprintf("feature/%d", n%400), SHA: sha, State: s, Status: s.Status, CreatedAt: at, EndedAt: s.EndedAt,
	}
	if err := tx.CreateExecution(ctx, &x); err != nil {
		return err
	}
	for i := range 2 {
		run := store.ActionRun{ID: pipeline.ActionID(id, i+1, 1, 1), ExecutionID: id, RepoID: 42, Final: true, Request: []byte(`{"uses":"checks"}`), StartedAt: at}
		if err := tx.SaveActionRun(ctx, run); err != nil {
			return err
		}
	}
	return tx.SaveDeployment(ctx, store.Deployment{ID: pipeline.ActionID(id, 2, 1, 1), RepoID: 42, Environment: "development", ExecutionID: id, SHA: sha, Status: pipeline.Succeeded, StartedAt: at})
}

// begin makes an execution that runs.
func (e *engine) begin(b *testing.B) *store.Execution {
	b.Helper()
	e.made++
	id, sha := fmt.Sprintf("live%06d", e.made), fmt.Sprintf("f%039x", e.made)
	s := e.state(id, sha, noon)
	x := &store.Execution{
		ID: id, RepoID: 42, Kind: pipeline.KindFeature, Branch: fmt.Sprintf("live/%d", e.made), SHA: sha, State: s, Status: s.Status, CreatedAt: noon, Origin: "push " + sha,
	}
	e.write(func(tx *store.Tx) error { return tx.CreateExecution(b.Context(), x) })
	return x
}

// fact is what happens next to the n-th execution that runs: its action has succeeded. The end of one begins another, which
// is not measured.
func (e *engine) fact(b *testing.B, n int) (id string, f pipeline.Fact) {
	b.Helper()
	if e.at[n] == engineStages {
		b.StopTimer()
		e.running[n], e.at[n] = e.begin(b), 0
		b.StartTimer()
	}
	e.at[n]++
	id = e.running[n].ID
	return id, pipeline.ActionSettled{At: noon, ID: pipeline.ActionID(id, e.at[n], 1, 1), Status: pipeline.Succeeded, Summary: "done"}
}

// BenchmarkEngine measures a step of the engine among ten thousand executions of one repository: a fact is told, the state
// stored and the next action handed to its job ("step"); and all that a handling does about it, but GitHub ("handling").
func BenchmarkEngine(b *testing.B) {
	for name, database := range map[string]func(testing.TB) string{
		"SQLite":   func(tb testing.TB) string { return "sqlite:" + filepath.Join(tb.TempDir(), "sluice.db") },
		"Postgres": pgtest.URL,
	} {
		var e *engine
		measure := func(b *testing.B, step func(s *session, id string, f pipeline.Fact) error) {
			b.Helper()
			var took []time.Duration
			n := 0
			for b.Loop() {
				id, f := e.fact(b, n%engineActive)
				n++
				s := e.handling()
				began := time.Now()
				if err := step(s, id, f); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		}
		b.Run(name, func(b *testing.B) {
			e = newEngine(b, database(b))
			b.Run("step", func(b *testing.B) {
				measure(b, func(s *session, id string, f pipeline.Fact) error { return s.advance(b.Context(), id, f) })
			})
			b.Run("handling", func(b *testing.B) {
				measure(b, func(s *session, id string, f pipeline.Fact) error {
					if err := s.advance(b.Context(), id, f); err != nil {
						return err
					}
					return s.settle(b.Context())
				})
			})
		})
	}
}

// handling is a session for one fact.
func (e *engine) handling() *session {
	s := *e.session
	s.turn = newTurn()
	return &s
}
