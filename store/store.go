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
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
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

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.AcceptQueue = cmp.Or(o.AcceptQueue, 1024)
	o.AcceptWait = cmp.Or(o.AcceptWait, 2*time.Second)
	o.MaxConns = cmp.Or(o.MaxConns, 8)
	return o
}

// Store is an open database. Its methods are safe for concurrent use.
type Store struct {
	opts   Options
	engine engine
	intake *intake

	readiness readiness

	closing sync.Once
	closed  error

	mu        sync.Mutex
	listeners []*func(lanes []string)
}

// engine is what differs between SQLite and Postgres.
type engine interface {
	// write runs f in a transaction. durable false allows the commit to be lost in a power cut, never to be half there.
	write(ctx context.Context, durable bool, f func(conn) error) error
	read(ctx context.Context, f func(conn) error) error
	// accept stores a batch in one transaction, whose lanes it returns. Unless the error is event.ErrUnsure nothing of it is
	// stored.
	accept(ctx context.Context, batch []*parcel) (lanes []string, err error)
	// insertDrains adds a River job behind each of the lanes and returns its ID.
	insertDrains(ctx context.Context, c conn, lanes []string, at time.Time) (map[string]int64, error)
	// removeDrain removes a River job unless it is running.
	removeDrain(ctx context.Context, c conn, id int64) (ok bool, err error)
	// clock is the SQL expression for the database's time in microseconds.
	clock() string
	// retryable tells whether a transaction failed in a way that may succeed when it is run again.
	retryable(err error) bool
	// lost tells whether a transaction ended with its connection, so that nobody knows whether it was committed.
	lost(err error) bool
	// passing tells whether a transaction failed for a cause that may pass without it being changed: a full disk, a database
	// that is away.
	passing(err error) bool
	// probe writes a value as durably as a delivery is written, and by the same connections.
	probe(ctx context.Context, value string) error
	// undurable is Store.Undurable.
	undurable(ctx context.Context) (string, error)
	backup(ctx context.Context, path string) error
	handles() Handles
	close() error
}

// Open opens the database at "sqlite:/path/to/file.db" or "postgres://…", brings its schema up to date and starts the
// committer. Close ends both. Errors to tell apart: ErrInUse, ErrDamaged, ErrNewerSchema.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	s := &Store{opts: opts.withDefaults()}
	var err error
	switch path, isSQLite := strings.CutPrefix(url, "sqlite:"); {
	case isSQLite:
		s.engine, err = openSQLite(ctx, path, s.opts)
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		s.engine, err = openPostgres(ctx, url, s.opts)
	default:
		scheme, _, _ := strings.Cut(url, ":") // the rest may hold a password
		err = fmt.Errorf("database URL starting with %q: want sqlite:/path/to/file.db or postgres://…", scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if s.opts.ReadOnly {
		return s, nil
	}
	if why, err := s.Undurable(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), s.engine.close())
	} else if why != "" {
		s.opts.Log.WarnContext(ctx, "the database does not keep what it promises", "err", why)
	}
	s.intake = startIntake(s)
	return s, nil
}

// Undurable says why a delivery that was answered may be lost in a power cut; empty: it is not. Sluice sets what a client can set.
func (s *Store) Undurable(ctx context.Context) (string, error) { return s.engine.undurable(ctx) }

// Close waits for what Accept has taken in, and closes the database. A second call returns what the first did.
func (s *Store) Close() error {
	s.closing.Do(func() {
		if s.intake != nil {
			s.intake.stop()
		}
		s.closed = s.engine.close()
	})
	return s.closed
}

// Backup writes a consistent copy of a SQLite database to path, which must not exist. Postgres has its own tools, which
// the error names.
func (s *Store) Backup(ctx context.Context, path string) error { return s.engine.backup(ctx, path) }

// OnRaised has f called after each commit that gave lanes something to do, with their names. f must not block. cancel
// ends that.
func (s *Store) OnRaised(f func(lanes []string)) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(slices.Clone(s.listeners), &f)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.listeners = slices.DeleteFunc(slices.Clone(s.listeners), func(other *func([]string)) bool { return other == &f })
	}
}

func (s *Store) raised(lanes []string) {
	if len(lanes) == 0 {
		return
	}
	s.mu.Lock()
	listeners := s.listeners
	s.mu.Unlock()
	for _, f := range listeners {
		(*f)(lanes)
	}
}

func (s *Store) now() time.Time { return s.opts.Now() }
