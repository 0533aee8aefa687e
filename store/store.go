// Package store keeps what Sluice knows: deliveries, lanes, releases, executions, approvals, the audit log.
//
// There is one schema, one set of statements and one contract suite (package storetest) for two engines: SQLite, for a
// single process, and Postgres, for several replicas. Open tells them apart by the URL. Everything is read and written
// in a transaction: Write and Read hand a Tx to a function, whose methods are the records' (records.go).
//
// A webhook delivery is taken in by Accept, which returns after the delivery and the wake-up of its lane are on disk.
// Deliveries that arrive at the same time share one transaction and one fsync. What package queue needs to work the
// lanes off is here too (lane.go), because lanes are raised in the same transactions.
//
// Times are whole microseconds in UTC on both engines. Bytes that are empty come back as nil.
package store

import (
	"log/slog"
	"time"
)

// Options are the settings of Open. The zero Options are good for production.
type Options struct {
	// Now is the clock that records are stamped with. Default time.Now. Leases go by the database's own clock.
	Now func() time.Time
	// Log gets what happens behind the calls: migrations, retries, refused batches. Default: discarded.
	Log *slog.Logger
	// AcceptQueue is how many deliveries may wait for the committer. Default 1024.
	AcceptQueue int
	// AcceptWait is how long Accept waits for a place among them before it says Full. Default 2 s.
	AcceptWait time.Duration
	// MaxConns is the size of the pool of connections: for reading on SQLite, for everything but intake on Postgres.
	// Default 8.
	MaxConns int
	// ReadOnly opens a database that another process may be working with, for export and backup: nothing is locked,
	// migrated or written. A schema that is not exactly this version's is refused.
	ReadOnly bool
}
