package store

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// OperationStatus is where an operation stands.
type OperationStatus string

// Statuses of an operation.
const (
	OperationWaiting OperationStatus = "waiting" // in the repository's lane
	OperationDone    OperationStatus = "done"
	OperationRefused OperationStatus = "refused" // nothing was changed; Reply says why
)

// Operation is a command that somebody gave on a page or through the API, and what came of it.
type Operation struct {
	ID     string
	RepoID int64
	By     forge.User
	Via    string // dashboard, api
	// TokenID is the access token it was given with; empty for none.
	TokenID string
	Command string // as it would be typed in a comment
	// Pull, Version and ExecutionID say what it is about: a pull request, a release, or an execution's. All empty: the
	// repository, and its open release where there is only one.
	Pull        int
	Version     string
	ExecutionID string
	Status      OperationStatus
	Reply       string // Markdown
	CreatedAt   time.Time
	EndedAt     time.Time
}

func operations() table[Operation] {
	return table[Operation]{"operations", []string{"id"}, func(o *Operation) []column {
		return columns([]column{
			{"id", &o.ID}, {"repo_id", &o.RepoID}, {"via", &o.Via}, {"token_id", &o.TokenID}, {"command", &o.Command}, {"pull", &o.Pull},
			{"version", &o.Version}, {"execution_id", &o.ExecutionID}, {"status", text[OperationStatus]{&o.Status}}, {"reply", &o.Reply},
			{"created_at", micros{&o.CreatedAt}}, {"ended_at", micros{&o.EndedAt}},
		}, user("by", &o.By))
	}}
}

// CreateOperation adds an operation, and tells whether it did: false when one with its ID is there already.
func (tx *Tx) CreateOperation(ctx context.Context, o Operation) (bool, error) {
	return operations().insert(ctx, tx, &o)
}

// Operation returns the operation with the ID.
func (tx *Tx) Operation(ctx context.Context, id string) (Operation, error) {
	return operations().one(ctx, tx, "id = ?", id)
}

// EndOperation writes what came of an operation. How it ended the first time stays; the reply may still be completed.
func (tx *Tx) EndOperation(ctx context.Context, id string, status OperationStatus, reply string, at time.Time) error {
	n, err := tx.exec(ctx, `UPDATE operations SET reply = ?, status = CASE WHEN status = ? THEN ? ELSE status END,
		ended_at = CASE WHEN ended_at = 0 THEN ? ELSE ended_at END WHERE id = ?`, reply, string(OperationWaiting), string(status), toMicros(at), id)
	if err != nil {
		return fmt.Errorf("operation %s: %w", id, err)
	}
	if n == 0 {
		return fmt.Errorf("operation %s: %w", id, ErrNotFound)
	}
	return nil
}
