package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// place finds what a command is about that was given elsewhere than on a pull request: what it names, else the release
// or hotfix that is open, where there is only one.
func (s *session) place(ctx context.Context, q *request, o store.Operation) error {
	switch {
	case o.ExecutionID != "":
		return s.findByExecution(ctx, q, o.ExecutionID)
	case o.Pull != 0:
		if _, err := s.gh.Pull(ctx, o.Pull); errors.Is(err, forge.ErrNotFound) {
			return &userError{fmt.Sprintf("There is no pull request #%d here.", o.Pull)}
		} else if err != nil {
			return err
		}
		q.issue, q.pull = o.Pull, true
		return nil
	}
	return s.b.Store.Read(ctx, func(tx *store.Tx) error {
		if o.Version != "" {
			component, version := store.SplitReleaseKey(o.Version)
			r, err := tx.ReleaseByVersion(ctx, s.repo.ID, component, version)
			if errors.Is(err, store.ErrNotFound) {
				return &userError{fmt.Sprintf("There is no release or hotfix %s here.", code(o.Version))}
			}
			if err != nil {
				return err
			}
			return aboutRelease(ctx, tx, q, r)
		}
		live, err := tx.LiveReleases(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		// What is done to a component is not guessed from what happens to be open.
		spec := q.spec()
		guess := spec == nil || spec.component == componentNone || spec.component == componentMay && !spec.changes || spec.door == DoorApprove || len(s.names().Components) == 0
		if len(live) == 1 && guess {
			return aboutRelease(ctx, tx, q, live[0])
		}
		q.open = make([]string, 0, len(live))
		for _, r := range live {
			q.open = append(q.open, r.Key())
		}
		return nil
	})
}

// aboutRelease makes a command one about a release; locate looks the rest up where there is a pull request.
func aboutRelease(ctx context.Context, tx *store.Tx, q *request, r store.Release) (err error) {
	q.issue, q.pull, q.release = r.Pull, r.Pull != 0, &r
	q.execution, err = oneExecution(ctx, tx, r.ExecutionID)
	return err
}

// findByExecution finds the pull request and release that a command for an execution is about.
func (s *session) findByExecution(ctx context.Context, q *request, id string) error {
	var x store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if x, err = tx.Execution(ctx, id); err != nil || x.RepoID != s.repo.ID {
			return err
		}
		q.named = &x
		if x.ReleaseID == "" {
			return nil
		}
		r, err := tx.Release(ctx, x.ReleaseID)
		if err != nil {
			return ignoreMissing(err)
		}
		return aboutRelease(ctx, tx, q, r)
	})
	if err != nil || q.named == nil || q.release != nil || isReturn(&x) {
		return ignoreMissing(err)
	}
	q.pr = &store.Pull{RepoID: s.repo.ID, HeadBranch: x.Branch, HeadSHA: x.SHA}
	return s.b.Store.Read(ctx, func(tx *store.Tx) error {
		pulls, err := tx.PullsAt(ctx, s.repo.ID, x.SHA)
		for i, p := range pulls {
			if p.Open && s.line(&p) == x.Branch {
				q.pr, q.issue, q.pull = &pulls[i], p.Number, true
			}
		}
		return err
	})
}
