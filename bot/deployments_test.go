package bot

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// recorder is a GitHub that notes what it is told of deployments. That of d7 is number 107.
type recorder struct {
	*FakeGitHub
	refuses map[string]error // by the deployment; "": any
	said    []string
}

func (r *recorder) note(id int64, what string) error {
	for _, d := range []string{"", fmt.Sprintf("d%d", id-100)} {
		if err := r.refuses[d]; err != nil {
			return err
		}
	}
	r.said = append(r.said, fmt.Sprintf("d%d %s", id-100, what))
	return nil
}

func (r *recorder) CreateDeployment(_ context.Context, _, _, _, payload string, _ bool) (int64, error) {
	var id int64
	if _, err := fmt.Sscanf(payload, "d%d", &id); err != nil {
		return 0, err
	}
	return id + 100, r.note(id+100, "created")
}

func (r *recorder) SetDeploymentState(_ context.Context, id int64, state forge.DeploymentState, _, _, _ string) error {
	return r.note(id, string(state))
}

// tellingLab is a lab whose lane is worked, with one environment.
type tellingLab struct {
	*lab
	gh      *recorder
	walks   int // that were posted
	settled int // of what was said
}

func newTellingLab(t *testing.T) *tellingLab {
	t.Helper()
	h := &tellingLab{lab: newLab(t, "")}
	h.gh = &recorder{FakeGitHub: h.lab.gh, refuses: map[string]error{}}
	h.session.gh = h.gh
	h.write(func(tx *store.Tx) error {
		return tx.SaveEnvironment(t.Context(), store.Environment{RepoID: 42, Name: "production"})
	})
	h.b.Queue.Handle(func(ctx context.Context, _ queue.Item) queue.Outcome {
		h.walks++
		return outcome(newSession(h.lab).reportDeployments(ctx), h.now)
	})
	must(t, h.b.Queue.Start(t.Context()))
	t.Cleanup(func() { must(t, h.b.Queue.Stop(context.Background())) })
	return h
}

// has writes down how a deployment, d7 is the seventh, stands; recorded: GitHub has a record of it.
func (h *tellingLab) has(n int, status pipeline.Status, recorded bool) {
	h.t.Helper()
	h.write(func(tx *store.Tx) error {
		id := fmt.Sprintf("d%d", n)
		d, err := tx.Deployment(h.t.Context(), id)
		if ignoreMissing(err) != nil {
			return err
		}
		if recorded {
			d.GitHubID = int64(100 + n)
		}
		d.ID, d.RepoID, d.Environment, d.SHA, d.Status, d.StartedAt = id, 42, "production", head, status, noon.Add(time.Duration(n)*time.Minute)
		return tx.SaveDeployment(h.t.Context(), d)
	})
}

// says compares what GitHub is told by one handling, and by what that has the lane go on with.
func (h *tellingLab) says(want ...string) {
	h.t.Helper()
	must(h.t, newSession(h.lab).reportDeployments(h.t.Context()))
	must(h.t, h.b.Queue.Idle(h.t.Context()))
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(h.gh.said[h.settled:], "\n")); diff != "" {
		h.t.Errorf("GitHub was told (-want +got):\n%s", diff)
	}
	h.settled = len(h.gh.said)
}

// More deployments than one handling reports come to their end without another event, and only the newest that succeeded is ever said to
// run. What never got a record gets none after it was replaced.
func TestManyUntoldDeployments(t *testing.T) {
	for name, recorded := range map[string]bool{"that have records": true, "that have none": false} {
		t.Run(name, func(t *testing.T) {
			h := newTellingLab(t)
			h.has(0, pipeline.Succeeded, false)
			h.says("d0 created", "d0 success")
			h.gh.refuses[""] = &forge.RefusedError{Status: 403, Permission: true}
			for n := 1; n <= 25; n++ {
				h.has(n, pipeline.Succeeded, recorded)
				h.says()
			}
			delete(h.gh.refuses, "")
			want := []string{"d0 inactive"}
			if recorded {
				for n := 1; n < 25; n++ {
					want = append(want, fmt.Sprintf("d%d inactive", n))
				}
			} else {
				want = append(want, "d25 created")
			}
			h.says(append(want, "d25 success")...)
			if h.walks != 1 {
				t.Errorf("the lane went on %d times", h.walks)
			}
			h.says()
			h.has(26, pipeline.Failed, false)
			h.says("d26 created", "d26 failure")
			h.has(27, pipeline.InProgress, false)
			h.says("d27 created", "d27 in_progress")
			h.has(27, pipeline.Succeeded, false)
			h.says("d25 inactive", "d27 success")
			if h.walks != 1 {
				t.Errorf("the lane went on %d times", h.walks)
			}
		})
	}
}

// Where nothing is noted, old deployments are not brought up again: the newest three are told, and what stood before them.
func TestFirstToldDeployments(t *testing.T) {
	h := newTellingLab(t)
	for n := range 30 {
		h.has(n, pipeline.Failed, false)
	}
	h.has(12, pipeline.Succeeded, true)
	h.has(28, pipeline.Succeeded, true)
	h.has(29, pipeline.Failed, false)
	h.says("d12 inactive", "d28 success", "d29 created", "d29 failure")
	h.says()
	if h.walks != 0 {
		t.Errorf("the lane went on %d times", h.walks)
	}
}

// A record is not made late, below which GitHub has newer ones already, but of what runs.
func TestNoLateRecords(t *testing.T) {
	h := newTellingLab(t)
	h.has(0, pipeline.Succeeded, true)
	h.has(1, pipeline.Failed, false)
	h.has(2, pipeline.Failed, true)
	h.says("d0 success", "d2 failure")

	h = newTellingLab(t)
	h.has(0, pipeline.Succeeded, true)
	h.has(1, pipeline.Succeeded, false)
	h.has(2, pipeline.Failed, true)
	h.says("d0 inactive", "d1 created", "d1 success", "d2 failure")

	h = newTellingLab(t)
	h.gh.refuses["d0"] = &forge.RefusedError{Status: 422, Message: "No ref found"}
	h.has(0, pipeline.Failed, false)
	h.has(1, pipeline.Failed, false)
	h.says("d1 created", "d1 failure")
	delete(h.gh.refuses, "d0")
	h.says()
}

// What never ends keeps nothing newer from being told, and is told itself when it ends after all.
func TestToldPastTheOneThatNeverEnds(t *testing.T) {
	h := newTellingLab(t)
	h.has(0, pipeline.InProgress, false)
	h.says("d0 created", "d0 in_progress")
	for n := 1; n <= 45; n++ {
		h.has(n, pipeline.Failed, false)
		h.says(fmt.Sprintf("d%d created", n), fmt.Sprintf("d%d failure", n))
	}
	h.has(0, pipeline.Stopped, false)
	h.says("d0 failure")
	h.says()
}

// Deployments to an environment begin one after the other in its history, though a clock is set back between them.
func TestDeploymentBeginsAfterTheLast(t *testing.T) {
	h := newTellingLab(t)
	h.has(0, pipeline.Succeeded, false)
	h.says("d0 created", "d0 success")
	def := pipeline.Definition{Kind: pipeline.KindProduction, Mode: pipeline.ModeQueued, Stages: []pipeline.Stage{{
		Name: "Deploy", Actions: []pipeline.Action{{Name: "production", Uses: "process", Environment: "production", Deploys: true}},
	}}}
	h.b.Allow.LocalExecutors = func(string, string) bool { return true }
	h.now = noon.Add(-time.Hour)
	state, commands := pipeline.Start(pipeline.Input{ID: "x1", Definition: def, SHA: head, Bundle: "sha256:b"}, h.now)
	x := store.Execution{ID: "x1", RepoID: 42, Kind: pipeline.KindProduction, Branch: "master", SHA: head, State: state, Status: state.Status, CreatedAt: h.now}
	var all []store.Deployment
	h.write(func(tx *store.Tx) error {
		if err := tx.CreateExecution(t.Context(), &x); err != nil {
			return err
		}
		if _, err := h.carryOut(t.Context(), tx, &x, commands); err != nil {
			return err
		}
		last, err := tx.Deployment(t.Context(), "d0")
		if err != nil {
			return err
		}
		all, err = tx.DeploymentsAfter(t.Context(), 42, "production", last, 9)
		return err
	})
	if len(all) != 1 || all[0].ExecutionID != "x1" || !all[0].StartedAt.Equal(noon.Add(time.Microsecond)) {
		t.Errorf("after the last: %+v", all)
	}
}
