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

// finishNames are the branch names as the release sees them whose end a branch of Sluice's own is for.
func (s *session) finishNames(ctx context.Context, branch string) (gitflow.Names, error) {
	var r store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		r, err = s.finishOf(ctx, tx, branch)
		return ignoreMissing(err)
	})
	return s.namesOf(&r), err
}

// finishCheck reports on the promotion where pull requests of Sluice's own bring the end of a release into production, or into its
// support line, at a head that is not the approved commit itself. It succeeds where the plan is to merge that very head: the approved
// commit and what resolves its conflict, or a merge that changes no file; whatever else is open there: a check is of a commit. Any
// other head is what nobody approved, and it says what to do. is tells whether any of the pull requests is of that sort.
func (s *session) finishCheck(ctx context.Context, run forge.CheckRun, at *atSHA) (out forge.CheckRun, is bool, err error) {
	for i := range at.pulls {
		p := &at.pulls[i]
		if !s.ownHead(p) {
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
		if err != nil || r.Status != store.ReleaseReleased && r.Status != store.ReleasePromoting || p.BaseBranch != s.namesOf(&r).Production {
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
	run.DetailsURL = s.releaseURL(r)
	step, _ := planOf(r, w).Step(mergeStep(r))
	planned := !step.Done && step.Pull == p.Number
	switch {
	case planned && step.SHA == run.SHA && w.RepairSound == run.SHA:
		run.Title = fmt.Sprintf("%s is approved, and this head changes no file", r.Key())
		run.Summary = fmt.Sprintf("The merge of the approved commit %s was squashed or rebased; this gives production its commits as ancestors.\n", short(r.SHA))
		return completed(run, forge.Success), nil
	case planned && w.FinishPull.Number == p.Number && w.FinishSound == run.SHA:
		run.Title = fmt.Sprintf("This head is the approved commit of %s, up to date with %s", r.Key(), p.BaseBranch)
		run.Summary = fmt.Sprintf("%s takes only what is up to date with it: on top of the approved commit %s are merges that Sluice made, and nothing else.\n",
			code(p.BaseBranch), short(r.SHA))
		return completed(run, forge.Success), nil
	case planned && w.FinishPull.Number == p.Number && w.FinishPull.HeadSHA == run.SHA && w.FinishPull.Fault == nil:
		return s.resolvedCheck(run, r, p), nil
	}
	run.Title = fmt.Sprintf("%s is not the approved commit of %s", short(run.SHA), r.Key())
	run.Summary = fmt.Sprintf("Approved is %s, and nobody approved what this head adds to it. ", short(r.SHA))
	if !planned || step.Blocked == "" {
		run.Summary += fmt.Sprintf("The end of %s does not need pull request #%d: close it.\n", r.Key(), p.Number)
		return completed(run, forge.Failure), nil
	}
	var b strings.Builder
	b.WriteString(step.Blocked.Markdown(code) + "\n")
	if len(step.Commands) > 0 {
		b.WriteString("\n" + codeBlock("sh", strings.Join(step.Commands, "\n")) + "\n")
	}
	if fault := w.FinishPull.Fault; fault != nil && w.FinishPull.Number == p.Number {
		writeCommits(&b, fault.Commits)
	}
	run.Summary += b.String()
	return completed(run, forge.Failure), nil
}

// mergeStep is the ID of the step that brings a release into production, or into its support line.
func mergeStep(r *store.Release) string {
	if r.Line != "" {
		return "merge:support"
	}
	return "merge:production"
}

func (s *session) releaseURL(r *store.Release) string {
	return fmt.Sprintf("%s/%s/%s/releases/%s", s.b.PublicURL, s.repo.Owner, s.repo.Name, r.Key())
}

// resolvedCheck says of a head that it is a release's approved commit and what resolves its conflict.
func (s *session) resolvedCheck(run forge.CheckRun, r *store.Release, p *store.Pull) forge.CheckRun {
	run.Title = fmt.Sprintf("This head is the approved commit of %s, and what resolves its conflict with %s", r.Key(), p.BaseBranch)
	run.Summary = fmt.Sprintf("On top of the approved commit %s are merges with %s and nothing else. What comes of them nobody approved: look at the difference, "+
		"and merge pull request #%d with a merge commit.\n", short(r.SHA), code(p.BaseBranch), p.Number)
	return completed(run, forge.Success)
}

// aheadCheck reports on the promotion at a head to which people moved the branch of a release that is on its way into production. It
// succeeds on the pull request of the release where that head resolves the conflict of the approved commit, once the plan has come
// to the merge: by merge-then-deploy that is before production runs it. Other commits are not in the release.
func (s *session) aheadCheck(ctx context.Context, run forge.CheckRun, at *atSHA) (forge.CheckRun, error) {
	r := at.ahead
	run = s.laterCheck(run, r)
	i := slices.IndexFunc(at.pulls, func(p store.Pull) bool {
		return p.Number == r.Pull && p.BaseBranch == s.namesOf(r).Production && s.ownHead(&p)
	})
	if i < 0 || r.Finished || r.Status != store.ReleaseReleased && r.Status != store.ReleasePromoting {
		return run, nil
	}
	p := &at.pulls[i]
	s = s.in(r.Component)
	w, err := s.facts(ctx, r, phaseFinish)
	if errors.Is(err, forge.ErrNotFound) {
		return run, nil // a branch of the release's is gone
	}
	if err != nil || w.Production.HasCandidate || w.Pull.HeadSHA != run.SHA {
		return run, err // it is merged, or the branch has moved on
	}
	pr, err := s.gh.Pull(ctx, p.Number)
	if err != nil {
		return run, fmt.Errorf("pull request #%d: %w", p.Number, err)
	}
	pr.Head.SHA = run.SHA // whatever it has by now: a check is of a commit
	fault, err := s.finishFault(ctx, r, pr)
	if err != nil {
		return run, err
	}
	run.DetailsURL = s.releaseURL(r)
	_, merges := planOf(r, w).Step(mergeStep(r))
	switch {
	case fault != nil:
		var b strings.Builder
		b.WriteString("\n\n")
		writeCommits(&b, fault.Commits)
		run.Summary += b.String()
	case merges:
		return s.resolvedCheck(run, r, p), nil
	default:
		run.Status, run.Conclusion = "in_progress", ""
		run.Title = fmt.Sprintf("This resolves a conflict of %s, whose merge is not due yet", r.Key())
	}
	return run, nil
}

// laterCheck says of a head on the branch of a release that is promoted or over that it is not in that version, and how it ships.
func (s *session) laterCheck(run forge.CheckRun, r *store.Release) forge.CheckRun {
	run.Title = fmt.Sprintf("These commits are not in %s, which is at %s", r.Version, short(r.SHA))
	if r.Status == store.ReleaseReleased || r.Status == store.ReleasePromoting {
		gathers := s.names().Development
		if r.Line != "" {
			gathers = s.supportBranch(r.Line)
		}
		run.Summary = fmt.Sprintf("A version is one commit. Once it is over, these can ship as a hotfix: rename the branch to %s, with an id of its own. "+
			"Or they ship with the next release: merge the branch into %s by a pull request.", code(s.names().Hotfix), code(gathers))
	} else {
		run.Summary = "A version is one commit. `/version bump patch` cuts the next version from this head; a hotfix takes a new id."
	}
	return completed(run, forge.Failure)
}

// strayCheck reports on the promotion at a head whose branch is named as a release or hotfix and is none: its release is over, or its
// version could not be given. is tells whether a pull request into production comes from such a branch.
func (s *session) strayCheck(ctx context.Context, run forge.CheckRun, at *atSHA) (out forge.CheckRun, is bool, err error) {
	for i := range at.pulls {
		p := &at.pulls[i]
		b := s.classify(p.HeadBranch)
		if !s.ownHead(p) || p.BaseBranch != s.names().Production || b.Kind != gitflow.KindRelease && b.Kind != gitflow.KindHotfix || len(b.Flaws) > 0 {
			continue
		}
		var r store.Release
		err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
			r, err = tx.ReleaseByBranch(ctx, s.repo.ID, p.HeadBranch)
			return ignoreMissing(err)
		})
		if err != nil {
			return run, true, err
		}
		if r.Finished {
			return s.laterCheck(run, &r), true, nil
		}
		in := s.in(b.Component)
		r = store.Release{Kind: string(b.Kind), Component: in.component(), HotfixID: b.ID, HeadSHA: at.sha}
		var no *userError
		if err := in.nameRelease(ctx, &r, b); !errors.As(err, &no) {
			if err != nil {
				return run, true, err
			}
			continue // its push is still to be handled
		}
		run.Title = fmt.Sprintf("%s is no %s of Sluice's: it cannot have its version", p.HeadBranch, b.Kind)
		run.Summary = no.text + " Push it under another name; `/release start` and `/hotfix start` find one that is free."
		return completed(run, forge.Failure), true, nil
	}
	return run, false, nil
}
