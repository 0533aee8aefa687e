package store

import "fmt"

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
