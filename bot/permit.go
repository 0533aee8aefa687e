package bot

import (
	"context"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// What a permit can be for, besides the names of checks.
const (
	permitOrder = "order"      // a version may ship before a lower one that is open
	permitFork  = "ok-to-test" // the head of a fork may be tested
)

// holds tells whether a permit is for a pull request as it was judged last. That its base did not move is seen to by
// endPermits, which ends it then.
func holds(p store.Permit, pull store.Pull) bool {
	return p.EndedAt.IsZero() && p.HeadSHA == pull.HeadSHA && (p.BaseBranch == "" || p.BaseBranch == pull.BaseBranch)
}

// permit is the newest permit of a name that holds for a pull request; nil: there is none.
func permit(all []store.Permit, name string, pull store.Pull) *store.Permit {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Name == name && all[i].Pull == pull.Number && holds(all[i], pull) {
			return &all[i]
		}
	}
	return nil
}

// permitOf is permit, read from the store.
func (s *session) permitOf(ctx context.Context, name string, pull store.Pull) (*store.Permit, error) {
	var all []store.Permit
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Permits(ctx, s.repo.ID, pull.Number)
		return err
	})
	return permit(all, name, pull), err
}

// give records a permit with the end of the command that gave it, and has what may have waited for it looked at.
func (s *session) give(ctx context.Context, q *request, p store.Permit, action string) error {
	p.ID = s.permitID(q)
	p.RepoID, p.By, p.CommentID, p.At = s.repo.ID, q.by, q.comment, s.b.Now()
	s.mark(p.HeadSHA)
	if err := s.awaited(ctx, p.Pull); err != nil {
		return err
	}
	evidence := map[string]any{"name": p.Name, "head": p.HeadSHA, "base": p.BaseBranch, "base_sha": p.BaseSHA, "via": q.via, "comment": q.comment}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SavePermit(ctx, p); err != nil {
			return err
		}
		if err := s.auditIn(ctx, tx, q.by, action, fmt.Sprintf("#%d", p.Pull), p.Reason, evidence); err != nil {
			return err
		}
		return q.done(tx)
	})
}

// permitID names the permit that a command gives.
func (s *session) permitID(q *request) string {
	return fmt.Sprintf("%d/%s/%d:%d", s.repo.ID, q.via, q.comment, q.Line)
}

// endPermits ends the permits of a pull request that are not for what it is now.
func (s *session) endPermits(ctx context.Context, pull store.Pull) error {
	var all []store.Permit
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Permits(ctx, s.repo.ID, pull.Number)
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range all {
		why := ""
		switch {
		case !p.EndedAt.IsZero():
		case !pull.Open:
			why = "the pull request was closed"
		case p.HeadSHA != pull.HeadSHA:
			why = fmt.Sprintf("the head moved to %s", short(pull.HeadSHA))
		case p.BaseBranch != "" && p.BaseBranch != pull.BaseBranch:
			why = "the base was changed"
		}
		if why == "" {
			continue
		}
		if err := s.endPermit(ctx, p, forge.User{}, why); err != nil {
			return err
		}
	}
	return nil
}

// baseMoved ends the permits that were given for another head of a base branch.
func (s *session) baseMoved(ctx context.Context, branch, sha string) error {
	var all []store.Permit
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.PermitsOnBase(ctx, s.repo.ID, branch)
		return err
	})
	for _, p := range all {
		if err == nil && p.BaseSHA != sha {
			err = s.endPermit(ctx, p, forge.User{}, fmt.Sprintf("%s moved to %s", branch, short(sha)))
		}
	}
	return err
}

// endPermit ends a permit, and what was begun by it alone.
func (s *session) endPermit(ctx context.Context, p store.Permit, by forge.User, why string) error {
	return s.endPermitWith(ctx, p, by, why, nothingElse)
}

// endPermitWith is endPermit with what else belongs into its transaction.
func (s *session) endPermitWith(ctx context.Context, p store.Permit, by forge.User, why string, also func(*store.Tx) error) error {
	p.EndedAt, p.EndReason = s.b.Now(), why
	s.mark(p.HeadSHA)
	s.pullCockpits[p.Pull] = true
	end := func(tx *store.Tx) error {
		r, err := tx.ReleaseByPull(ctx, s.repo.ID, p.Pull)
		if ignoreMissing(err) != nil {
			return err
		}
		s.touch(r.ID)
		if err := tx.SavePermit(ctx, p); err != nil {
			return err
		}
		if err := s.auditIn(ctx, tx, by, p.Name+".ended", fmt.Sprintf("#%d", p.Pull), why, map[string]any{"head": p.HeadSHA}); err != nil {
			return err
		}
		return also(tx)
	}
	if p.Name == permitFork {
		return s.stopFork(ctx, p, by, end)
	}
	return s.b.Store.Write(ctx, end)
}

// stopFork stops what runs for the head of a fork. The permit ends in the transaction of the last stop: what is stopped and
// its end are one.
func (s *session) stopFork(ctx context.Context, p store.Permit, by forge.User, end func(*store.Tx) error) error {
	var active []store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		active, err = tx.ActiveExecutions(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	active = slices.DeleteFunc(active, func(x store.Execution) bool { return x.Branch != forkLine(p.Pull) || x.SHA != p.HeadSHA })
	for i, x := range active {
		record := nothingElse
		if i == len(active)-1 {
			record = end
		}
		err := s.advanceWith(ctx, x.ID, record, pipeline.CancelRequested{At: s.b.Now(), By: actor(by), Reason: p.EndReason})
		switch {
		case refused(err) && i == len(active)-1: // it ended meanwhile
			return s.b.Store.Write(ctx, end)
		case err != nil && !refused(err):
			return err
		}
	}
	if len(active) == 0 {
		return s.b.Store.Write(ctx, end)
	}
	return nil
}

// overriding is the permit by which a check passes for a pull request all the same.
func (at *atSHA) overriding(check string, pull store.Pull) *store.Permit {
	return permit(at.permits, check, pull)
}

// overridingLine is overriding for the pull requests whose pipelines run under a name.
func (s *session) overridingLine(at *atSHA, line string) *store.Permit {
	i := slices.IndexFunc(at.pulls, func(p store.Pull) bool { return s.line(&p) == line })
	if i < 0 {
		return nil
	}
	return at.overriding(CheckPipeline, at.pulls[i])
}

// overriddenText tells of a permit in a check and in /why.
func overriddenText(p *store.Permit) string {
	text := fmt.Sprintf("**Overridden** by %s for exactly this head", code(p.By.Login))
	if p.BaseBranch != "" {
		text += fmt.Sprintf(" and %s at %s", code(p.BaseBranch), short(p.BaseSHA))
	}
	return text + ": " + code(p.Reason) + ". It ends when either moves.\n\n"
}
