package store

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// attempts is how often a transaction is run before the database's wish for another run becomes the caller's error.
const attempts = 10

// Write runs f in a transaction that may write, and commits it if f returns nil: on disk when Write returns. f runs
// again if the database asks for it (deadlock, serialization), so it must have no effect but through Tx and what it
// assigns anew. f must not call Write or Read of the store itself: on SQLite there is one writer.
func (s *Store) Write(ctx context.Context, f func(*Tx) error) error { return s.write(ctx, true, f) }

// WriteDelayed is Write that does not wait for the disk (delayed durability). A power cut may take the commit back, together
// with every later one that was not waited for either; it never takes back what a Write that returned later saw. So it is for
// what is done again when it is lost, and from which nothing outside the database has followed yet: whoever acts outside
// writes down the intent first, by Write, and with it all that stands before.
func (s *Store) WriteDelayed(ctx context.Context, f func(*Tx) error) error {
	return s.write(ctx, false, f)
}

func (s *Store) write(ctx context.Context, durable bool, f func(*Tx) error) error {
	for attempt := 1; ; attempt++ {
		var tx *Tx
		err := s.engine.write(ctx, durable, func(c conn) error {
			tx = &Tx{conn: c, store: s}
			return f(tx)
		})
		if err == nil {
			s.raised(slices.Collect(maps.Keys(tx.raised)))
			for _, after := range tx.after {
				after()
			}
			return nil
		}
		if attempt == attempts || !s.engine.retryable(err) || !pause(ctx, attempt) {
			return err
		}
		s.opts.Log.DebugContext(ctx, "transaction is run again", "attempt", attempt, "err", err)
	}
}

// Read runs f in a transaction that sees one state of the database and cannot change it.
func (s *Store) Read(ctx context.Context, f func(*Tx) error) error {
	return s.engine.read(ctx, func(c conn) error { return f(&Tx{conn: c, store: s}) })
}

// pause waits for a time by chance, longer after each attempt, so that those who met do not meet again. It returns false
// when the context ended.
func pause(ctx context.Context, attempt int) bool {
	timer := time.NewTimer(rand.N(time.Duration(attempt) * 20 * time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
