package bot

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// A workflow run wakes the action that started it and no other, whatever commit it runs at: many run at one commit, and a
// workflow that deploys runs where its branch is.
func TestWorkflowRunWakes(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  forge.WorkflowRun
		want []string
	}{
		{"its own name", forge.WorkflowRun{Name: "deploy x1-1-1-1", SHA: head}, []string{"x1-1-1-1"}},
		{"its own name at another commit", forge.WorkflowRun{Name: "deploy (x1-1-1-1)", SHA: cut}, []string{"x1-1-1-1"}},
		{"another action of the same commit", forge.WorkflowRun{Name: "x1-2-1-1 load", SHA: head}, []string{"x1-2-1-1"}},
		{"the second attempt of an action that has ended", forge.WorkflowRun{Name: "deploy x1-3-1-1", SHA: head}, nil},
		{"an action that has not begun", forge.WorkflowRun{Name: "deploy x1-4-1-1", SHA: head}, nil},
		{"an action of another repository", forge.WorkflowRun{Name: "deploy y1-1-1-1", SHA: head}, nil},
		{"a longer ID", forge.WorkflowRun{Name: "deploy x1-1-1-12", SHA: head}, nil},
		{"somebody's workflow at the same commit", forge.WorkflowRun{Name: "ci: test", SHA: head}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, "")
			l.built("x1", "feature/x", head, begun())
			l.write(func(tx *store.Tx) error {
				for _, run := range []store.ActionRun{
					{ID: "x1-1-1-1", ExecutionID: "x1", RepoID: 42, Intended: true}, {ID: "x1-2-1-1", ExecutionID: "x1", RepoID: 42, Intended: true},
					{ID: "x1-3-1-1", ExecutionID: "x1", RepoID: 42, Intended: true, Final: true}, {ID: "x1-4-1-1", ExecutionID: "x1", RepoID: 42},
					{ID: "y1-1-1-1", ExecutionID: "y1", RepoID: 43, Intended: true},
				} {
					if err := tx.SaveActionRun(t.Context(), run); err != nil {
						return err
					}
				}
				return nil
			})
			must(t, l.workflowRunChanged(t.Context(), event.WorkflowRun{Activity: event.Completed, Attempt: 1, Run: tt.run}))
			var want, got []string
			for _, id := range tt.want {
				want = append(want, fmt.Sprintf("%s%s:%s", store.JobLane, actionJob(id).Kind, actionJob(id).Key))
			}
			must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) (err error) {
				got, err = tx.DueLanes(t.Context(), "test", l.now, 10)
				return err
			}))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("asked at once (-want +got):\n%s", diff)
			}
		})
	}
}
