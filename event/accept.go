package event

import "errors"

// What becomes of a delivery that was not simply stored. Whoever accepts deliveries returns them, wrapped or not; the
// webhook endpoint turns them into GitHub's answer.
var (
	// ErrDuplicate: a delivery with this ID and this body is stored already. Nothing was added, and nothing is wrong.
	ErrDuplicate = errors.New("delivery is stored already")
	// ErrConflict: a delivery with this ID and another body is stored already. Nothing was added; somebody should look.
	ErrConflict = errors.New("delivery ID is taken by a delivery with another body")
	// ErrFull: there was no room within the time allowed. Nothing was stored; the sender may try again later.
	ErrFull = errors.New("intake is full, try again later")
	// ErrUnavailable: what it is to be stored in does not take it now: a full disk, an error of the disk, a database out of
	// reach. Nothing was stored; the sender may try again later.
	ErrUnavailable = errors.New("cannot be stored now, try again later")
	// ErrUnsure: whether it is stored is not known: the answer to the commit did not come. The sender may try again; if it
	// was stored, that is a duplicate.
	ErrUnsure = errors.New("not known to be stored")
)
