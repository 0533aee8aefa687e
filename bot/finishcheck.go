package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// finishOf is the release whose end a branch of Sluice's own is for, or for whose repair; ErrNotFound.
func (s *session) finishOf(ctx context.Context, tx *store.Tx, branch string) (store.Release, error) {
	component, v, is := s.names().FinishOf(branch)
	if !is {
		return store.Release{}, store.ErrNotFound
	}
	r, err := tx.ReleaseByVersion(ctx, s.repo.ID, component, v)
	if repaired, is := strings.CutSuffix(v, gitflow.RepairBranch("")); is && errors.Is(err, store.ErrNotFound) {
		return tx.ReleaseByVersion(ctx, s.repo.ID, component, repaired)
	}
	return r, err
}

// finishCheck reports on the promotion where pull requests of Sluice's own bring the end of a release into production, at a head that
// is not the approved commit itself. It succeeds where the plan is to merge that very head, made by Sluice of the approved commit
// without changing a file, whatever else is open there: a check is of a commit. Any other head is what nobody approved, and it says
// what to do. is tells whether any of the pull requests is of that sort.
func (s *session) finishCheck(ctx context.Context, run forge.CheckRun, at *atSHA) (out forge.CheckRun, is bool, err error) {
	for i := range at.pulls {
		p := &at.pulls[i]
		if p.BaseBranch != s.names().Production || !s.ownHead(p) {
			continue
		}
		var r store.Release
		err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
			r, err = s.finishOf(ctx, tx, p.HeadBranch)
			return err
		})
		if ignoreMissing(err) != nil {
			return out, true, err
		}
		if err != nil || r.Status != store.ReleaseReleased && r.Status != store.ReleasePromoting {
			continue
		}
		one, err := s.in(r.Component).mergeCheck(ctx, run, &r, p)
		if err != nil || one.Conclusion == forge.Success {
			return one, true, err
		}
		out, is = one, true
	}
	return out, is, nil
}

// mergeCheck is finishCheck for one pull request, in the session's view of the release's component.
func (s *session) mergeCheck(ctx context.Context, run forge.CheckRun, r *store.Release, p *store.Pull) (forge.CheckRun, error) {
	w, err := s.facts(ctx, r, phaseFinish)
	if err != nil {
		return run, err
	}
	run.DetailsURL = fmt.Sprintf("%s/%s/%s/releases/%s", s.b.PublicURL, s.repo.Owner, s.repo.Name, r.Key())
	step, _ := planOf(r, w).Step("merge:production")
	if !step.Done && step.Pull == p.Number && step.SHA == run.SHA && w.RepairSound == run.SHA {
		run.Title = fmt.Sprintf("%s is approved, and this head changes no file", r.Key())
		run.Summary = fmt.Sprintf("The merge of the approved commit %s was squashed or rebased; this gives production its commits as ancestors.\n", short(r.SHA))
		return completed(run, forge.Success), nil
	}
	run.Title = fmt.Sprintf("%s is not the approved commit of %s", short(run.SHA), r.Key())
	run.Summary = fmt.Sprintf("Approved is %s, and nobody approved what this head adds to it. ", short(r.SHA))
	if step.Pull != p.Number || step.Blocked == "" {
		run.Summary += fmt.Sprintf("The end of %s does not need pull request #%d: close it.\n", r.Key(), p.Number)
		return completed(run, forge.Failure), nil
	}
	run.Summary += step.Blocked.Markdown(code) + "\n"
	if len(step.Commands) > 0 {
		run.Summary += "\n" + codeBlock("sh", strings.Join(step.Commands, "\n")) + "\n"
	}
	return completed(run, forge.Failure), nil
}
