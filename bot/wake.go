package bot

import (
	"context"
	"strings"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// checksChanged handles a report of another App: actions that wait for checks are asked, releases that were blocked look
// again. Our own reports come back as events too and change nothing.
func (s *session) checksChanged(ctx context.Context, e event.ChecksChanged) error {
	if e.AppID == s.us.AppID {
		return nil
	}
	var at []store.Execution
	err := s.b.Store.Write(ctx, func(tx *store.Tx) (err error) {
		if at, err = tx.ExecutionsAt(ctx, s.repo.ID, e.SHA); err != nil {
			return err
		}
		pulls, err := tx.PullsAt(ctx, s.repo.ID, e.SHA)
		if err != nil {
			return err
		}
		for _, p := range pulls { // a merge that waits for checks
			s.touchAll = s.touchAll || p.Open && ours(s.classify(p.HeadBranch).Kind)
		}
		for _, x := range at {
			runs, err := tx.ActionRuns(ctx, x.ID)
			if err != nil {
				return err
			}
			for _, run := range runs {
				if err := s.wake(ctx, tx, run); err != nil {
					return err
				}
			}
		}
		return nil
	})
	for _, x := range at {
		s.touch(x.ReleaseID)
	}
	return err
}

// workflowRunChanged wakes the actions whose workflow runs these are: a run has the action's ID in its name. Its commit tells
// nothing, since a workflow that deploys runs at the head of a branch and not at what is deployed, and many run at one commit.
func (s *session) workflowRunChanged(ctx context.Context, e event.WorkflowRun) error {
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		for _, id := range actionsNamed(e.Run.Name) {
			run, err := tx.ActionRun(ctx, id)
			if ignoreMissing(err) != nil {
				return err
			}
			if err != nil || run.RepoID != s.repo.ID {
				continue
			}
			if err := s.wake(ctx, tx, run); err != nil {
				return err
			}
		}
		return nil
	})
}

// maxActionsNamed is how many actions the name of one run may wake; people write it.
const maxActionsNamed = 5

// actionsNamed are the words of a run's name that can be IDs of actions.
func actionsNamed(name string) (ids []string) {
	words := strings.FieldsFunc(name, func(c rune) bool {
		return c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
	for _, w := range words {
		if _, _, _, _, ok := pipeline.ParseActionID(w); ok && len(ids) < maxActionsNamed {
			ids = append(ids, w)
		}
	}
	return ids
}

// wake has an action that is under way asked at once how it is.
func (s *session) wake(ctx context.Context, tx *store.Tx, run store.ActionRun) error {
	if run.Final || !run.Intended {
		return nil
	}
	return s.b.Queue.Enqueue(ctx, tx, actionJob(run.ID))
}
