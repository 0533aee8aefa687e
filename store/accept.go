package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"

	"github.com/sluicehq/sluice/event"
)

// Outcome is what became of a delivery that was handed in.
type Outcome int

// What Accept can answer. Accepted and Duplicate mean that the delivery is on disk.
const (
	// Accepted: stored now; it will be handled.
	Accepted Outcome = iota + 1
	// Duplicate: the same delivery was stored before. Nothing was added.
	Duplicate
	// Conflict: a delivery with this ID and another body was stored before. Nothing was added.
	Conflict
	// Full: too many deliveries wait for the disk, or too long. Nothing was stored, and this one will not be; the sender may
	// try again.
	Full
)

// String is the outcome as a word, for logs and metrics.
func (o Outcome) String() string {
	switch o {
	case Accepted:
		return "accepted"
	case Duplicate:
		return "duplicate"
	case Conflict:
		return "conflict"
	case Full:
		return "full"
	}
	return fmt.Sprintf("outcome %d", int(o))
}

// Accept stores a delivery and raises its lane. It returns once they are on disk, or with Full and nothing stored: no later
// than ctx's deadline, before which it wants two seconds. Errors to tell apart: event.ErrUnavailable, when nothing was stored
// and the database may take it later, and event.ErrUnsure. After any other error, and when ctx was cancelled, nothing was
// stored. A zero ReceivedAt is now.
func (s *Store) Accept(ctx context.Context, d event.Delivery) (Outcome, error) {
	if s.intake == nil {
		return 0, errors.New("accept a delivery: the database is open for reading only")
	}
	if d.ID == "" {
		return 0, errors.New("accept a delivery: it has no ID")
	}
	if d.ReceivedAt.IsZero() {
		d.ReceivedAt = s.now()
	}
	p := s.intake.parcels.get()
	p.pack(ctx, d)
	waits := ctx
	if !p.takeBefore.IsZero() {
		var cancel context.CancelFunc
		waits, cancel = context.WithDeadline(ctx, p.takeBefore)
		defer cancel()
	}
	outcome, err := s.intake.send(waits, p)
	if err != nil {
		return 0, fmt.Errorf("store delivery %s: %w", d.ID, err)
	}
	if outcome != Full { // it was answered
		s.intake.parcels.put(p)
	}
	return outcome, nil
}

// unpack is the body of a stored delivery; empty once it was pruned.
func unpack(packed []byte) ([]byte, error) {
	if len(packed) == 0 {
		return nil, nil
	}
	body, err := s2.Decode(nil, packed)
	if err != nil {
		return nil, fmt.Errorf("unpack the body: %w: %w", err, ErrDamaged)
	}
	return body, nil
}
