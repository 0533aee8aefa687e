package bot

import (
	"context"
	"fmt"
	"strings"

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

// action is the verdict in the audit log.
func (v verdict) action() string {
	switch v.Verdict {
	case store.VerdictApproved:
		return "approve"
	case store.VerdictRejected:
		return "reject"
	}
	return string(v.Verdict)
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
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := s.sayIn(ctx, tx, r, x, v); err != nil {
			return err
		}
		return done(tx)
	})
}

// sayIn is sayVerdict within a transaction.
func (s *session) sayIn(ctx context.Context, tx *store.Tx, r *store.Release, x *store.Execution, v verdict) error {
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
	if x.Component != "" {
		evidence["component"] = x.Component
	}
	before, err := tx.Approvals(ctx, x.ID)
	if err != nil {
		return err
	}
	for _, b := range before {
		if b.ID == a.ID && b.VoidedAt.IsZero() && b.Verdict == v.Verdict {
			s.accounted()
			return nil
		}
	}
	if err := tx.SaveApproval(ctx, a); err != nil {
		return err
	}
	return s.auditIn(ctx, tx, v.by, v.action(), subject(r, x), v.reason, evidence)
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

// changedKey is the key of the record that a remark was edited, deleted or dismissed.
func (s *session) changedKey(m remark) string {
	return fmt.Sprintf("%d/command/%s:changed", s.repo.ID, m.key())
}

// remarkChanged withdraws what was said in a remark which was edited, deleted or dismissed since. Where that is heard of before
// the remark itself, its commands will do nothing.
func (s *session) remarkChanged(ctx context.Context, e remark, what string) error {
	if e.Author.Bot || e.Author.ID == s.us.UserID {
		return nil // they are never commands
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		key := s.changedKey(e)
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
			if !a.VoidedAt.IsZero() || a.Via != e.via() {
				continue
			}
			if err := s.void(ctx, tx, a, a.By, fmt.Sprintf("the %s it was given in was %s", e.via(), what)); err != nil {
				return err
			}
			s.touch(a.ReleaseID)
			s.mark(a.SHA)
		}
		return nil
	})
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
