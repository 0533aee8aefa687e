package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

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
	// Full: too many deliveries wait for the disk. Nothing was stored; the sender may try again.
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

// parcel is a delivery on its way to the disk.
type parcel struct {
	event.Delivery
	lane   string
	packed []byte   // the body, s2-compressed
	hash   [32]byte // of the body
	// outcome is set by the engine; answer is told once the commit is done.
	outcome Outcome
	answer  chan error
}

// Accept stores a delivery and raises its lane. It returns once they are on disk, or with Full and nothing stored. An
// error means that it is not known to be stored; the same delivery may be handed in again. A zero ReceivedAt is now.
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
	p := &parcel{Delivery: d, lane: d.Lane(), packed: s2.Encode(nil, d.Body), hash: sha256.Sum256(d.Body), answer: make(chan error, 1)}
	if ok, err := s.intake.hand(ctx, p); !ok {
		return Full, err
	}
	select {
	case err := <-p.answer:
		if err != nil {
			return 0, fmt.Errorf("store delivery %s: %w", d.ID, err)
		}
		return p.outcome, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("store delivery %s: gave up waiting for the disk: %w", d.ID, ctx.Err())
	}
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

// commitTimeout is how long a batch may take: a webhook must be answered within ten seconds.
const commitTimeout = 8 * time.Second
