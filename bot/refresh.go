package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// cmdRefresh fetches everything about a pull request again: configuration, branches, the pull request itself, its
// release; and reports all its checks anew, whatever GitHub is believed to have.
func (s *session) cmdRefresh(ctx context.Context, q *request) (string, error) {
	if q.pr == nil || q.pr.Number == 0 {
		return "", &userError{"`/refresh` belongs on a pull request."}
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("The configuration, %s and %s would be fetched again, the pull request judged, and its checks reported anew.",
			code(q.pr.HeadBranch), code(q.pr.BaseBranch)))
	}
	if err := s.fetchConfig(ctx); err != nil {
		return "", err
	}
	if err := s.saveRepo(ctx); err != nil {
		return "", err
	}
	if err := s.useConfig(ctx); err != nil {
		return "", err
	}
	pr, err := s.gh.Pull(ctx, q.pr.Number)
	if err != nil {
		return "", notThere(err, "GitHub does not know this pull request any more.")
	}
	if err := s.auditOnce(ctx, q, "refresh", fmt.Sprintf("#%d", pr.Number), map[string]any{"sha": pr.Head.SHA}); err != nil {
		return "", err
	}
	branches := []string{pr.Base.Branch}
	if !pr.Fork() {
		branches = append(branches, pr.Head.Branch)
	}
	for _, name := range branches {
		if err := s.branchMoved(ctx, name, nil); err != nil && !errors.Is(err, forge.ErrNotFound) {
			return "", err
		}
	}
	if err := s.judge(ctx, pr); err != nil {
		return "", err
	}
	if pr.Open && !pr.Fork() {
		if _, err := s.ensureExecution(ctx, pr, q.by); err != nil {
			return "", err
		}
	}
	s.touchPull(ctx, pr)
	if q.release != nil {
		s.touch(q.release.ID)
	}
	return "", s.b.Store.Write(ctx, func(tx *store.Tx) error {
		checks, err := tx.Checks(ctx, s.repo.ID, pr.Head.SHA)
		if err != nil {
			return err
		}
		for _, c := range checks {
			c.Hash = "refreshed"
			if err := tx.SaveCheck(ctx, c); err != nil {
				return err
			}
		}
		return q.done(tx)
	})
}
