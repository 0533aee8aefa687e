package store

import (
	"context"
	"errors"
	"time"

	"github.com/sluicehq/sluice/event"
)

// Store is an open database.
type Store struct{ opts Options }

var errPending = errors.New("being written")

func (s *Store) now() time.Time { return s.opts.Now() }

// Open opens the database at "sqlite:/path/to/file.db" or "postgres://…", brings its schema up to date and starts the
// committer. Close ends both.
func Open(ctx context.Context, url string, opts Options) (*Store, error) { return nil, errPending }

// Close waits for what Accept has taken in, and closes the database.
func (s *Store) Close() error { return errPending }

// Write runs f in a transaction that may write, and commits it if f returns nil. On Postgres f runs again if the
// database asks for it (deadlock, serialization), so it must have no effect but through Tx and what it assigns anew.
func (s *Store) Write(ctx context.Context, f func(*Tx) error) error { return errPending }

// Read runs f in a transaction that sees one state of the database and cannot change it.
func (s *Store) Read(ctx context.Context, f func(*Tx) error) error { return errPending }

// Accept stores a delivery and raises its lane. It returns once they are on disk, or with Full and nothing stored. An
// error means that it is not known to be stored; the same delivery may be handed in again.
func (s *Store) Accept(ctx context.Context, d event.Delivery) (Outcome, error) {
	return 0, errPending
}

// Backup writes a consistent copy of a SQLite database to path, which must not exist. Postgres has its own tools.
func (s *Store) Backup(ctx context.Context, path string) error { return errPending }

// DeliveryState is how far the handling of a delivery has come.
type DeliveryState string

// States of a delivery.
const (
	DeliveryWaiting DeliveryState = "waiting" // stored, not handled yet or being handled
	DeliveryDone    DeliveryState = "done"
	DeliveryDead    DeliveryState = "dead" // given up after the last attempt; Replay starts over
)

// DeliveryRecord is a stored delivery.
type DeliveryRecord struct {
	event.Delivery // without Body in lists, and once it is pruned
	State          DeliveryState
	Attempts       int
	Problem        string // the last error
	HandledAt      time.Time
}

// Delivery returns a delivery with its body.
func (tx *Tx) Delivery(ctx context.Context, id string) (DeliveryRecord, error) {
	return DeliveryRecord{}, errPending
}

// Deliveries returns deliveries without bodies, newest first, at most limit. An empty state is any.
func (tx *Tx) Deliveries(ctx context.Context, state DeliveryState, limit int) ([]DeliveryRecord, error) {
	return nil, errPending
}

// Audit appends a decision to the audit log of its repository and returns it as stored: Seq, PrevHash and Hash are
// set here; a zero At is now.
func (tx *Tx) Audit(ctx context.Context, e AuditEntry) (AuditEntry, error) {
	return AuditEntry{}, errPending
}

// AuditLog returns entries with a Seq above after, in order, at most limit. Repository 0 is what concerns none.
func (tx *Tx) AuditLog(ctx context.Context, repo, after int64, limit int) ([]AuditEntry, error) {
	return nil, errPending
}

// VerifyAudit checks that entries follow one another without a gap and that nothing in them was changed. prev is the
// entry before the first, or the zero entry if the first is the beginning of the log.
func VerifyAudit(prev AuditEntry, entries []AuditEntry) error { return errPending }

// Prune removes what nobody asks for any more: bodies of handled deliveries received before the time, their rows once
// they are older than 30 days too (until then their IDs must be known as duplicates). It returns how many deliveries
// it touched.
func (s *Store) Prune(ctx context.Context, before time.Time) (int, error) { return 0, errPending }
