package bot

import (
	"slices"
	"testing"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// boss is who cancels.
func boss() pipeline.Actor { return pipeline.Actor{ID: 1, Login: "boss"} }

// approves has two people approve a story's candidate, which begins its promotion.
func (s *story) approves() {
	s.t.Helper()
	for i, login := range []string{"quinn", "uma"} {
		who, id := s.gh.Users[login], int64(i+1)
		s.gh.Everywhere = append(slices.Clone(s.gh.Everywhere), forge.Comment{ID: id, Issue: 5, Pull: true, Author: who, Body: "/approve", CreatedAt: s.now, UpdatedAt: s.now})
		must(s.t, newSession(s.lab).commented(s.t.Context(), event.Comment{
			Origin: event.Origin{Sender: who}, Activity: event.Created, ID: id, Number: 5, IsPullRequest: true, Open: true, Body: "/approve", Author: who, CreatedAt: s.now,
		}))
	}
	s.walks()
	if s.r.Status != store.ReleasePromoting {
		s.t.Fatalf("approved, the release is %s: %s", s.r.Status, s.r.Problem)
	}
}

// walks takes the release as far as it goes.
func (s *story) walks() {
	s.t.Helper()
	must(s.t, newSession(s.lab).walk(s.t.Context(), s.r.ID))
	s.reread()
}

// A copy that was abandoned, or lost, may come to its end all the same: production is deployed only by a promotion that succeeded.
func TestALateCopyDeploysNothing(t *testing.T) {
	for name, ends := range map[string]func(s *story, x *store.Execution, copying string){
		"abandoned": func(s *story, x *store.Execution, _ string) {
			must(t, newSession(s.lab).advance(t.Context(), x.ID, pipeline.CancelRequested{At: s.now, By: boss(), Halt: pipeline.HaltAbandon}))
		},
		"lost": func(s *story, x *store.Execution, _ string) {
			must(t, newSession(s.lab).advance(t.Context(), x.ID, pipeline.CancelRequested{At: s.now, By: boss()}))
			s.now = s.now.Add(pipeline.StopGrace)
			must(t, newSession(s.lab).tick(t.Context(), x.ID))
		},
		"failed": func(s *story, x *store.Execution, copying string) {
			must(t, newSession(s.lab).advance(t.Context(), x.ID, pipeline.ActionSettled{At: s.now, ID: copying, Status: pipeline.Failed}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t, 5)
			s.approves()
			x := s.candidateOf(s.r)
			copying := func(attempt int) string {
				t.Helper()
				for i, stage := range x.State.Stages {
					for j := range stage.Actions {
						if x.State.Definition.Stages[i].Actions[j].Uses == pipeline.UsesPromote {
							return pipeline.ActionID(x.ID, i+1, j+1, attempt)
						}
					}
				}
				t.Fatal("nothing copies")
				return ""
			}
			ends(s, x, copying(1))
			s.walks()
			s.images[s.productionImage(s.r)] = digest // the copy has ended
			s.walks()
			if s.r.Status != store.ReleaseFailed || s.r.ProductionExecutionID != "" {
				t.Fatalf("the copy ended late: the release is %s, and production is deployed by %q", s.r.Status, s.r.ProductionExecutionID)
			}

			must(t, newSession(s.lab).advance(t.Context(), x.ID, pipeline.RetryRequested{At: s.now}))
			s.walks()
			if s.r.ProductionExecutionID != "" {
				t.Fatalf("while it is tried again, production is deployed by %q", s.r.ProductionExecutionID)
			}
			must(t, newSession(s.lab).advance(t.Context(), x.ID, pipeline.ActionSettled{At: s.now, ID: copying(2), Status: pipeline.Succeeded}))
			s.walks()
			if s.r.Status != store.ReleasePromoting || s.r.ProductionExecutionID == "" {
				t.Errorf("tried again, it succeeded: the release is %s, and production is deployed by %q", s.r.Status, s.r.ProductionExecutionID)
			}
		})
	}
}

// Where nothing is built there is no copy to wait for: a promotion that was called off is not gone on without either.
func TestWhatWasCalledOffIsNotGoneOnWithout(t *testing.T) {
	s := newStory(t, 5)
	s.approves()
	x := s.candidateOf(s.r)
	must(t, newSession(s.lab).advance(t.Context(), x.ID, pipeline.CancelRequested{At: s.now, By: boss(), Halt: pipeline.HaltAbandon}))
	s.walks()
	one := newSession(s.lab)
	w, err := one.look(t.Context(), s.r, phasePromote)
	must(t, err)
	for _, kind := range []gitflow.StepKind{gitflow.StepDeploy, gitflow.StepTag} {
		again, err := one.perform(t.Context(), s.r, w, gitflow.Step{Kind: kind, Tag: s.r.Tag, SHA: s.r.SHA})
		must(t, err)
		s.reread()
		if again || s.r.ProductionExecutionID != "" || len(s.hub.tags) > 0 {
			t.Errorf("%s was done: production is deployed by %q, tags are %v", kind, s.r.ProductionExecutionID, s.hub.tags)
		}
	}
}
