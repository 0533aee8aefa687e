package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// keepCommit protects a commit that a force push or a deletion took from its branch, so that it can be brought back.
func (s *session) keepCommit(ctx context.Context, sha string) error {
	if sha == "" {
		return nil
	}
	_, err := do(ctx, s, effect[nothing]{
		kind: effectKeep, key: sha, intent: sha,
		blind: "keeping a commit twice is keeping it once",
		act: func(ctx context.Context) (nothing, error) {
			return nothing{}, ignoreNotFound(s.gh.KeepCommit(ctx, sha))
		},
	})
	if personal(err) { // a rule on refs must not keep the rest from being told
		s.log.WarnContext(ctx, "the commit could not be kept", "sha", sha, "err", err)
		return nil
	}
	return err
}

// alarm tells release managers at once that the history of a long-lived branch was changed, in an issue.
func (s *session) alarm(ctx context.Context, branch string, report gitflow.PushReport, now string) error {
	title := report.Violations[0].Problem.Markdown(visible)
	var b strings.Builder
	people, err := s.gh.Collaborators(ctx, forge.RoleMaintain)
	if err != nil {
		return fmt.Errorf("who looks after %s: %w", branch, err)
	}
	var who []string
	for _, u := range people {
		if !u.Bot && len(who) < maxCalled {
			who = append(who, u.Login)
		}
	}
	slices.Sort(who)
	fmt.Fprintf(&b, "%s\n\n", s.call(nil, who))
	writeVerdict(&b, gitflow.Verdict{Violations: report.Violations})
	if report.Keep != "" {
		fmt.Fprintf(&b, "%s was at %s. That commit is kept by a ref of Sluice, so it is not lost.\n", code(branch), code(report.Keep))
	}
	mark := hiddenMark(fmt.Sprintf("alarm-%s-%s", report.Keep, now))
	_, err = do(ctx, s, effect[int]{
		kind: effectIssue, key: fmt.Sprintf("%s:%s-%s", branch, report.Keep, now), intent: title,
		probe: func(ctx context.Context) (int, bool, error) {
			n, err := s.gh.FindIssue(ctx, mark)
			return n, n != 0, err
		},
		act: func(ctx context.Context) (int, error) { return s.gh.CreateIssue(ctx, title, b.String()+"\n"+mark) },
	})
	if personal(err) || errors.Is(err, forge.ErrNotFound) { // issues are switched off: the check and the log say it
		s.log.WarnContext(ctx, "the alarm could not be raised in an issue", "branch", branch, "err", err)
		return nil
	}
	return err
}

// over tells whether a branch belonged to a release that has ended: its deletion is what is expected.
func (s *session) over(ctx context.Context, branch gitflow.Branch) (bool, error) {
	if !branch.Kind.Ships() {
		return false, nil
	}
	var r store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		r, err = tx.ReleaseByBranch(ctx, s.repo.ID, branch.Name)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return true, nil // none of ours
	}
	return r.Finished || r.Status != store.ReleaseOpen && r.Status != store.ReleaseFailed, err
}

// retargeted takes back what was approved while a pull request had another base: it was about going there.
func (s *session) retargeted(ctx context.Context, before store.Pull, pr forge.PullRequest) error {
	reason := fmt.Sprintf("pull request #%d was sent to %s instead of %s", pr.Number, pr.Base.Branch, before.BaseBranch)
	s.log.InfoContext(ctx, "pull request has another base", "pull", pr.Number, "was", before.BaseBranch, "is", pr.Base.Branch)
	var r store.Release
	var at []store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if r, err = tx.ReleaseByPull(ctx, s.repo.ID, pr.Number); ignoreMissing(err) != nil {
			return err
		}
		at, err = tx.ExecutionsAt(ctx, s.repo.ID, pr.Head.SHA)
		return err
	})
	if err != nil {
		return err
	}
	if r.ID != "" && r.Status == store.ReleaseOpen {
		if err := s.voidApprovals(ctx, &r, reason); err != nil {
			return err
		}
		return s.updateRelease(ctx, &r, func(r *store.Release) { r.PromoteBy = forge.User{} })
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		for _, x := range at {
			if x.Branch != pr.Head.Branch || x.ReleaseID != "" || x.Status.Final() {
				continue
			}
			if err := s.voidIn(ctx, tx, &x, reason); err != nil {
				return err
			}
		}
		return nil
	})
}
