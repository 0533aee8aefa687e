package store

import (
	"context"
	"fmt"
	"time"
)

func approvals() table[Approval] {
	return table[Approval]{"approvals", []string{"id"}, func(a *Approval) []column {
		return columns([]column{
			{"id", &a.ID}, {"repo_id", &a.RepoID}, {"release_id", &a.ReleaseID}, {"execution_id", &a.ExecutionID},
			{"environment", &a.Environment}, {"sha", &a.SHA}, {"digest", &a.Digest}, {"config_hash", &a.ConfigHash},
			{"verdict", text[Verdict]{&a.Verdict}}, {"reason", &a.Reason}, {"comment_id", &a.CommentID}, {"via", &a.Via},
			{"at", micros{&a.At}}, {"voided_at", micros{&a.VoidedAt}}, {"void_reason", &a.VoidReason},
		}, user("approver", &a.By))
	}}
}

// SaveApproval writes the approval under its ID.
func (tx *Tx) SaveApproval(ctx context.Context, a Approval) error {
	return approvals().put(ctx, tx, &a)
}

// Approvals returns what was said on an execution, void or not, oldest first.
func (tx *Tx) Approvals(ctx context.Context, executionID string) ([]Approval, error) {
	return approvals().list(ctx, tx, "execution_id = ? ORDER BY at, id", executionID)
}

// ApprovalsByRelease returns what was said on all executions of a release, void or not, oldest first.
func (tx *Tx) ApprovalsByRelease(ctx context.Context, releaseID string) ([]Approval, error) {
	return approvals().list(ctx, tx, "release_id = ? ORDER BY at, id", releaseID)
}

// ApprovalsByComment returns what was said in a comment, oldest first.
func (tx *Tx) ApprovalsByComment(ctx context.Context, repo, commentID int64) ([]Approval, error) {
	return approvals().list(ctx, tx, "repo_id = ? AND comment_id = ? ORDER BY at, id", repo, commentID)
}

// VoidApprovals takes back the approvals of an execution that still count, and returns how many those were.
func (tx *Tx) VoidApprovals(ctx context.Context, executionID, reason string, at time.Time) (int, error) {
	return tx.void(ctx, "execution_id", executionID, reason, at)
}

// VoidApprovalsOfRelease takes back the approvals of a release that still count, and returns how many those were.
func (tx *Tx) VoidApprovalsOfRelease(ctx context.Context, releaseID, reason string, at time.Time) (int, error) {
	return tx.void(ctx, "release_id", releaseID, reason, at)
}

func (tx *Tx) void(ctx context.Context, column, id, reason string, at time.Time) (int, error) {
	n, err := tx.exec(ctx, "UPDATE approvals SET voided_at = ?, void_reason = ? WHERE "+column+" = ? AND voided_at = 0",
		toMicros(at), reason, id)
	if err != nil {
		return 0, fmt.Errorf("void approvals of %s: %w", id, err)
	}
	return int(n), nil
}
