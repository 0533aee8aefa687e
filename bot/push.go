package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// pushed handles a push. The event is a hint: what counts is where the branch is now. Of several pushes in a row the
// first to be handled sees the newest head, and the others find nothing left to do.
func (s *session) pushed(ctx context.Context, e event.Push) error {
	if e.Tag != "" {
		return s.tagPushed(ctx, e)
	}
	if e.Branch == "" {
		return nil
	}
	if err := s.notePush(ctx, e.Branch, e.Before, e.After, e.Sender); err != nil {
		return err
	}
	return s.branchMoved(ctx, e.Branch, &e)
}

// notePush records who pushed to a branch on which somebody approves something: who takes part in a change does not approve it.
func (s *session) notePush(ctx context.Context, branch, before, after string, by forge.User) error {
	kind := s.classify(branch).Kind
	if after == "" || !kind.Ships() && !s.asksApproval(string(kind)) {
		return nil
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		return tx.AddPush(ctx, store.Push{RepoID: s.repo.ID, Branch: branch, Before: before, SHA: after, Pusher: by, At: s.b.Now()})
	})
}

// branchMoved brings a branch up to where it is on GitHub. e is the push that told us, nil when nobody did.
func (s *session) branchMoved(ctx context.Context, name string, e *event.Push) error {
	var was store.Branch
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		was, err = tx.Branch(ctx, s.repo.ID, name)
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	now, err := s.head(ctx, name)
	if err != nil {
		return fmt.Errorf("head of %s: %w", name, err)
	}
	if now == was.SHA {
		return nil
	}
	branch := s.classify(name)
	if now == "" {
		if back, err := s.restored(ctx, branch, was.SHA, e); err != nil || back {
			return err
		}
		return s.branchGone(ctx, branch, was.SHA, e)
	}
	if name == s.repo.DefaultBranch {
		if err := s.refreshConfig(ctx); err != nil {
			return err
		}
		if err := s.secretsReconsidered(ctx); err != nil {
			return err
		}
	}
	if err := s.react(ctx, branch, was.SHA, now, e); err != nil {
		return err
	}
	s.showEarly(ctx, name, now)
	scan, err := s.scanOfPush(ctx, branch, was.SHA, now)
	if err != nil {
		return err
	}
	if err := s.baseMoved(ctx, name, now); err != nil {
		return err
	}
	// Recorded last: a crash before this handles the push again, and every part of it finds itself done. The search for
	// credentials begins here and not before, so that it takes nothing from what the checks wait for.
	return s.b.Store.WriteDelayed(ctx, func(tx *store.Tx) error {
		if err := s.beginScan(ctx, tx, scan); err != nil {
			return err
		}
		return tx.SaveBranch(ctx, store.Branch{RepoID: s.repo.ID, Name: name, SHA: now, UpdatedAt: s.b.Now()})
	})
}

// showEarly reports the checks of what a new head has brought about so far, ahead of all that they do not say. What cannot be
// reported is reported at the end of the handling, which tells what is in the way: the push is not handled again for it.
func (s *session) showEarly(ctx context.Context, branch, head string) {
	s.arriving[branch] = head
	defer delete(s.arriving, branch)
	dirty := maps.Clone(s.dirty)
	if err := s.reportChecks(ctx); err != nil {
		maps.Copy(s.dirty, dirty)
	}
}

// react does what follows from a new head.
func (s *session) react(ctx context.Context, branch gitflow.Branch, was, now string, e *event.Push) error {
	if branch.Kind == gitflow.KindIgnored {
		return s.groupThere(ctx, branch.Name, now, sender(e))
	}
	if err := s.reportPush(ctx, branch, was, now, e); err != nil {
		return err
	}
	return s.build(ctx, branch, was, now, e)
}

// build starts what a new head starts.
func (s *session) build(ctx context.Context, branch gitflow.Branch, was, now string, e *event.Push) error {
	switch branch.Kind {
	case gitflow.KindProduction:
		s.touchAll = true
		return nil // production is deployed by promotions and rollbacks, never by a push
	case gitflow.KindBackmerge, gitflow.KindFinish:
		s.touchAll = true
		return nil
	case gitflow.KindSupport:
		return s.in(branch.Component).supportPushed(ctx, startRequest{
			kind: pipeline.KindSupport, branch: branch, sha: now, previous: was, by: sender(e), origin: originPush + now,
		})
	case gitflow.KindRelease, gitflow.KindHotfix:
		return s.candidatePushed(ctx, branch, was, now, e)
	case gitflow.KindDevelopment:
		s.touchAll = true
	}
	return s.startEach(ctx, startRequest{kind: string(branch.Kind), branch: branch, sha: now, previous: was, by: sender(e), origin: originPush + now})
}

// candidatePushed handles a new head of a release or hotfix branch: the release learns of it, earlier approvals fall,
// and the candidate's pipeline starts. A branch that a person made by hand becomes a release like any other.
func (s *session) candidatePushed(ctx context.Context, branch gitflow.Branch, was, now string, e *event.Push) error {
	s = s.in(branch.Component)
	r, err := s.releaseOf(ctx, branch, now, e)
	if err != nil || r == nil {
		return err
	}
	s.touch(r.ID)
	if r.Status != store.ReleaseOpen && !(r.Status == store.ReleaseFailed && r.ProductionDigest == "") {
		// The promotion goes on with what was approved; later commits are reported as not in it.
		return s.updateRelease(ctx, r, func(r *store.Release) { r.HeadSHA = now })
	}
	err = s.updateRelease(ctx, r, func(r *store.Release) {
		r.HeadSHA, r.Status, r.Problem = now, store.ReleaseOpen, ""
		if was != "" && was != now {
			r.PromoteBy = forge.User{}   // /promote was said of another candidate
			r.ProductionExecutionID = "" // and what failed to be deployed was that one
		}
	})
	if err != nil {
		return err
	}
	if was != "" && was != now {
		reason := fmt.Sprintf("the head moved from %s to %s", short(was), short(now))
		if err := s.voidApprovals(ctx, r, reason); err != nil {
			return err
		}
		if err := s.cancelSchedule(ctx, r, forge.User{}, "the branch has moved to "+short(now), nothingElse); err != nil {
			return err
		}
		s.mark(was)
	}
	if err := s.renumber(ctx, r, now); err != nil {
		return err
	}
	if branch.Kind != gitflow.KindHotfix || now != r.CutSHA { // else nothing is fixed yet: there is nothing to build
		if _, err = s.start(ctx, startRequest{
			kind: string(branch.Kind), branch: branch, sha: now, previous: headBefore(r, was, now), release: r, by: sender(e), origin: originPush + now,
		}); err != nil {
			return err
		}
	}
	if was == "" || was == now {
		return nil
	}
	return s.headSeen(ctx, r.Pull, now)
}

// headSeen brings the record of a release's pull request to a head that a push told of. GitHub tells of the pull request too, but that
// word may come late or never, and until then what people say of the head they are shown would be taken for said of the old one.
func (s *session) headSeen(ctx context.Context, number int, now string) error {
	var known store.Pull
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.Pull(ctx, s.repo.ID, number)
		return ignoreMissing(err)
	})
	if err != nil || !known.Open || known.HeadSHA == now {
		return err
	}
	pr, err := s.gh.Pull(ctx, number)
	if err != nil || pr.Head.SHA != now {
		return ignoreNotFound(err)
	}
	return s.judge(ctx, pr)
}

// headBefore is the head that a release's branch had before this one. was is the head seen before, empty when none was: then
// commits came before anybody looked at the new branch, which began where it was cut.
func headBefore(r *store.Release, was, now string) string {
	if was == "" && r.CutSHA != now {
		return r.CutSHA
	}
	return was
}

// branchGone handles the end of a branch: nothing more is done for it.
func (s *session) branchGone(ctx context.Context, branch gitflow.Branch, was string, e *event.Push) error {
	over, err := s.over(ctx, branch)
	if err != nil {
		return err
	}
	if !over {
		if err := s.reportPush(ctx, branch, was, "", e); err != nil {
			return err
		}
	}
	var active []store.Execution
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		active, err = tx.ActiveExecutions(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	for _, x := range active {
		if x.Branch == branch.Name && !x.State.Promoting() && x.Kind != pipeline.KindProduction {
			fact := pipeline.CancelRequested{At: s.b.Now(), Reason: "the branch was deleted"}
			if err := s.advance(ctx, x.ID, fact); err != nil && !refused(err) {
				return err
			}
		}
	}
	s.mark(was)
	s.touchAll = s.touchAll || branch.Kind.Ships() || branch.Kind == gitflow.KindBackmerge
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := s.groupGone(ctx, tx, branch.Name, was); err != nil {
			return err
		}
		return tx.DeleteBranch(ctx, s.repo.ID, branch.Name)
	})
}

// tagPushed adopts a release tag that somebody else made, so that no version is used twice, and reports it. A release tag
// that was moved or deleted is reported too; the release log stays at the commit that was released.
func (s *session) tagPushed(ctx context.Context, e event.Push) error {
	v, component, err := releaseTag(s.whole, e.Tag)
	if err != nil {
		return nil //nolint:nilerr // not a release tag: none of our business
	}
	s = s.in(component)
	var was store.Tag
	var open store.Release
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if was, err = tx.Tag(ctx, s.repo.ID, e.Tag); ignoreMissing(err) != nil {
			return err
		}
		open, err = tx.ReleaseByVersion(ctx, s.repo.ID, s.component(), v.String())
		return ignoreMissing(err)
	})
	if err != nil {
		return err
	}
	now, err := s.gh.Tag(ctx, e.Tag)
	if ignoreNotFound(err) != nil {
		return err
	}
	if now.SHA == was.SHA {
		_, err := s.isPutBack(ctx, e.Tag, e.Before, was.SHA)
		return err
	}
	facts := gitflow.PushFacts{
		Tag: e.Tag, Before: was.SHA, After: now.SHA, Created: was.SHA == "", Deleted: now.SHA == "", By: e.Sender.Login,
		ByBot: e.Sender.ID == s.us.UserID, ReleaseTag: true, TagVersion: v.String(), TagWas: was.SHA,
		TagObject: e.After,
	}
	if was.SHA == "" {
		err = s.b.Store.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.SaveTag(ctx, store.Tag{RepoID: s.repo.ID, Name: now.Name, SHA: now.SHA, SeenAt: s.b.Now()})
			return err
		})
		if err != nil {
			return err
		}
	}
	if !open.Finished {
		s.touch(open.ID)
		s.mark(open.HeadSHA)
		if facts.PutBack, err = s.unadopted(ctx, e.Tag, was.SHA, now.SHA); err != nil {
			return err
		}
	}
	report := gitflow.CheckPush(s.names(), facts)
	if len(report.Violations) == 0 {
		return nil
	}
	evidence := map[string]any{"before": was.SHA, "after": now.SHA, "version": v.String()}
	return s.reportViolations(ctx, cmp.Or(now.SHA, was.SHA), e.Tag, e.Sender, report.Violations, evidence)
}

// releaseTag is the version that a tag is for, and the component it is of; an error: it is no release's.
func releaseTag(whole *config.Repo, tag string) (v tagging.Version, component string, err error) {
	if v, err = whole.Versioning.Tag.Parse(tag); err == nil {
		return v, "", nil
	}
	for _, name := range whole.Names.Components {
		if v, err := whole.Component(name).Versioning.Tag.Parse(tag); err == nil {
			return v, name, nil
		}
	}
	return tagging.Version{}, "", err
}

// unadopted forgets a release tag that somebody made by hand and deleted again, as the report of it asks where it was a mistake.
func (s *session) unadopted(ctx context.Context, tag, was, now string) (bool, error) {
	if was == "" || now != "" {
		return false, nil
	}
	byHand, err := s.mend(ctx, was, func(v gitflow.Violation) bool { return v.Ref == tag && v.Rule == gitflow.RuleTagByHand })
	if err != nil || !byHand {
		return false, err
	}
	return true, s.b.Store.Write(ctx, func(tx *store.Tx) error { return tx.ForgetTag(ctx, s.repo.ID, tag) })
}

// sender is who pushed, where somebody told us.
func sender(e *event.Push) forge.User {
	if e == nil {
		return forge.User{}
	}
	return e.Sender
}
