package bot

import (
	"context"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// verdict is what somebody says about the candidate that waits.
type verdict struct {
	store.Verdict
	by      forge.User
	reason  string
	via     string
	comment int64
	review  int64 // the review it was said in; 0: in none
}

// verdict is what a request says.
func (q *request) verdict(v store.Verdict, reason string) verdict {
	return verdict{Verdict: v, by: q.by, reason: reason, via: q.via, comment: q.comment}
}

// id is that of the record of a verdict. An approval and a rejection of one person replace each other.
func (v verdict) id(approval string) string {
	id := fmt.Sprintf("%s/%d", approval, v.by.ID)
	switch {
	case v.review != 0:
		id += fmt.Sprintf("/review-%d", v.review)
	case v.Verdict == store.VerdictEmergency:
		id += "/emergency"
	}
	return id
}

// byReview tells whether something was said in a review on GitHub, where alone it is taken back.
func byReview(a store.Approval) bool { return strings.Contains(a.ID, "/review-") }

// subject names what is judged, for the audit log: the release's version, else the branch.
func subject(r *store.Release, x *store.Execution) string {
	if r != nil {
		return r.Version
	}
	return x.Branch
}

// nothingWaits is the answer to a verdict on an execution that asks for none now.
func (s *session) nothingWaits(x *store.Execution) error {
	return &userError{fmt.Sprintf("Nothing waits for an approval here: %s", prose(lowerFirst(pipeline.Why(x.State, s.b.Now()))))}
}

// sayVerdict records somebody's word on the candidate that waits. The second time changes nothing. r is nil for an
// execution that belongs to no release. done is the record of the command, in the same transaction.
func (s *session) sayVerdict(ctx context.Context, r *store.Release, x *store.Execution, v verdict, done func(*store.Tx) error) error {
	action, state, ok := x.State.OpenApproval()
	if !ok {
		return s.nothingWaits(x)
	}
	a := store.Approval{
		ID: v.id(state.ID), RepoID: s.repo.ID, ExecutionID: x.ID,
		Environment: action.Environment, SHA: state.Approval.SHA, Digest: state.Approval.Digest, ConfigHash: state.Approval.ConfigHash,
		By: v.by, Verdict: v.Verdict, Reason: v.reason, CommentID: v.comment, Via: v.via, At: s.b.Now(),
	}
	if r != nil {
		a.ReleaseID = r.ID
	}
	evidence := map[string]any{
		"execution": x.ID, "environment": a.Environment, "sha": a.SHA, "digest": a.Digest, "config": a.ConfigHash, "via": v.via, "comment": v.comment,
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		before, err := tx.Approvals(ctx, x.ID)
		if err != nil {
			return err
		}
		for _, b := range before {
			if b.ID == a.ID && b.VoidedAt.IsZero() && b.Verdict == v.Verdict {
				return done(tx)
			}
		}
		if err := tx.SaveApproval(ctx, a); err != nil {
			return err
		}
		if err := s.auditIn(ctx, tx, v.by, strings.TrimSuffix(string(v.Verdict), "d"), subject(r, x), v.reason, evidence); err != nil {
			return err
		}
		return done(tx)
	})
}

// reject tells the pipeline that its candidate was rejected. Changes requested in a review keep the candidate waiting, as
// they do on GitHub, and do not end it.
func (s *session) reject(ctx context.Context, r *store.Release, x *store.Execution) (moved bool, err error) {
	action, state, open := x.State.OpenApproval()
	if !open {
		return false, nil
	}
	said, err := s.said(ctx, r, x)
	if err != nil {
		return false, err
	}
	for _, a := range said {
		if a.Verdict == store.VerdictRejected && a.VoidedAt.IsZero() && !byReview(a) && binds(a, state, x, action.Environment) {
			return true, s.advance(ctx, x.ID, pipeline.Rejected{At: s.b.Now(), ID: state.ID, By: actor(a.By), Reason: a.Reason})
		}
	}
	return false, nil
}

// void takes back what was said, with the reason.
func (s *session) void(ctx context.Context, tx *store.Tx, a store.Approval, by forge.User, reason string) error {
	a.VoidedAt, a.VoidReason = s.b.Now(), reason
	if err := tx.SaveApproval(ctx, a); err != nil {
		return err
	}
	evidence := map[string]any{"approval": a.ID, "by": a.By.Login, "verdict": a.Verdict, "sha": a.SHA, "digest": a.Digest}
	return s.auditIn(ctx, tx, by, "approval.withdrawn", a.ExecutionID, reason, evidence)
}

// changedKey is the key of the record that a comment was edited or deleted.
func (s *session) changedKey(comment int64) string {
	return fmt.Sprintf("%d/command/%d:changed", s.repo.ID, comment)
}

// commentChanged withdraws what was said in a comment which was edited or deleted since. Where that is heard of before the
// comment itself, its commands will do nothing.
func (s *session) commentChanged(ctx context.Context, e event.Comment, what string) error {
	if e.Author.Bot || e.Author.ID == s.us.UserID {
		return nil // they are never commands
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		key := s.changedKey(e.ID)
		_, err := tx.Intend(ctx, store.Effect{Key: key, RepoID: s.repo.ID, Kind: commandRecord, Intent: []byte(fmt.Sprintf("%q", what))})
		if err != nil {
			return err
		}
		if err := tx.EffectDone(ctx, key, nil); err != nil {
			return err
		}
		said, err := tx.ApprovalsByComment(ctx, s.repo.ID, e.ID)
		if err != nil {
			return err
		}
		for _, a := range said {
			if !a.VoidedAt.IsZero() {
				continue
			}
			if err := s.void(ctx, tx, a, a.By, "the comment it was given in was "+what); err != nil {
				return err
			}
			s.touch(a.ReleaseID)
			s.mark(a.SHA)
		}
		return nil
	})
}

// takeBack is /approve cancel: whoever said something about the candidate says it no longer.
func (s *session) takeBack(ctx context.Context, q *request, r *store.Release, x *store.Execution) (string, error) {
	return s.withdraw(ctx, q, r, x, withdrawal{
		mine:    func(a store.Approval) bool { return a.By.ID == q.by.ID },
		nothing: "You have said nothing about this candidate that could be taken back.",
		reason:  fmt.Sprintf("%s took it back", q.by.Login),
	})
}

// liftVeto is /reject cancel: an approver lifts the rejection of this candidate, their own or a colleague's.
func (s *session) liftVeto(ctx context.Context, q *request, r *store.Release, x *store.Execution) (string, error) {
	return s.withdraw(ctx, q, r, x, withdrawal{
		mine:    func(a store.Approval) bool { return a.Verdict == store.VerdictRejected },
		nothing: "Nobody has rejected this candidate.",
		reason:  fmt.Sprintf("%s lifted it", q.by.Login),
	})
}

// withdrawal is what is taken back.
type withdrawal struct {
	mine            func(store.Approval) bool
	nothing, reason string
}

// withdraw takes back what was said about a candidate. Where that was the rejection which ended it, the approval is asked
// for anew.
func (s *session) withdraw(ctx context.Context, q *request, r *store.Release, x *store.Execution, w withdrawal) (string, error) {
	if x.State.Promoting() {
		return "", &userError{"The promotion has begun; what was said before can no longer be taken back."}
	}
	said, err := s.said(ctx, r, x)
	if err != nil {
		return "", err
	}
	environment := s.judged(x)
	asked := approvalOf(x.State, environment)
	var taken []store.Approval
	lifted := false
	for _, a := range said {
		if !a.VoidedAt.IsZero() || !w.mine(a) || !binds(a, asked, x, environment) {
			continue
		}
		if byReview(a) {
			return "", &userError{fmt.Sprintf("%s said it in a review; there it is taken back: by another review, or by dismissing that one.", code(a.By.Login))}
		}
		taken, lifted = append(taken, a), lifted || a.Verdict == store.VerdictRejected
	}
	switch {
	case len(taken) == 0:
		return "", &userError{w.nothing}
	case q.DryRun:
		return s.dry(ctx, q, fmt.Sprintf("%d word(s) on this candidate would be taken back.", len(taken)))
	}
	record := func(tx *store.Tx) error {
		for _, a := range taken {
			if err := s.void(ctx, tx, a, q.by, w.reason); err != nil {
				return err
			}
		}
		return q.done(tx)
	}
	s.mark(x.SHA)
	if r != nil {
		s.touch(r.ID)
	}
	if !lifted || !x.Status.Final() {
		return "", s.b.Store.Write(ctx, record)
	}
	q.said = "The approval is asked for anew; approvals given before the rejection have to be said again."
	key := fmt.Sprintf("%s %d:%d", q.via, q.comment, q.Line)
	err = s.advanceWith(ctx, x.ID, record, pipeline.RetryRequested{At: s.b.Now(), By: actor(q.by), Scope: pipeline.RetryFailed, Key: key})
	if err != nil {
		return "", err
	}
	return q.said, s.schedule(ctx, *x)
}

// judged is the environment whose approval of an execution was decided last, or is asked for now; else production.
func (s *session) judged(x *store.Execution) string {
	environment := pipeline.EnvironmentProduction
	for i, stage := range x.State.Stages {
		for j, a := range stage.Actions {
			d := x.State.Definition.Stages[i].Actions[j]
			if d.IsApproval() && a.Number > 0 && a.Status != pipeline.Succeeded {
				return d.Environment
			}
			if d.IsApproval() && x.ReleaseID == "" {
				environment = d.Environment
			}
		}
	}
	return environment
}
