package store

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/s2"

	"github.com/sluicehq/sluice/event"
)

// The times of a delivery on its way to the disk. GitHub gives up after ten seconds, so whoever answers it must know by
// then, and what is told must stay true.
const (
	// commitTimeout bounds the transaction of a batch, and everything that is tried to get it stored.
	commitTimeout = 8 * time.Second
	// leastCommit is the least that a transaction gets: a delivery whose sender waits for less is not taken into one, so
	// that one in a hurry does not spoil the batch for the others.
	leastCommit = 1500 * time.Millisecond
	// answerTime is what is left of the sender's time once a transaction was called off: for the database to let go of it,
	// and for the answer.
	answerTime = 500 * time.Millisecond
)

// parcel is a delivery on its way to the disk.
type parcel struct {
	event.Delivery
	lane   string
	packed []byte  // the body, s2-compressed
	hash   [8]byte // xxHash64 of the body: it tells repetitions of what was signed apart, not forgeries

	// takeBefore is when it becomes too late to take it into a transaction, until is when that has to end. Zero: its sender
	// waits as long as it takes.
	takeBefore, until time.Time
	state             atomic.Int32

	// outcome is set by the engine; answer is told once the commit is done.
	outcome Outcome
	answer  chan error
}

// States of a parcel. It leaves the first one once: the committer takes it, and answers, or the sender withdraws it, and
// then it is never stored.
const (
	parcelWaiting int32 = iota
	parcelTaken
	parcelWithdrawn
)

// newParcel returns one to be packed.
func newParcel() *parcel { return &parcel{answer: make(chan error, 1)} }

// pack packs a delivery whose sender waits until ctx's deadline.
func (p *parcel) pack(ctx context.Context, d event.Delivery) {
	p.Delivery, p.lane, p.outcome = d, d.Lane(), 0
	p.packed = s2.Encode(p.packed[:cap(p.packed)], d.Body)
	binary.BigEndian.PutUint64(p.hash[:], xxhash.Sum64(d.Body))
	p.until, p.takeBefore = time.Time{}, time.Time{}
	if end, ok := ctx.Deadline(); ok {
		p.until = end.Add(-answerTime)
		p.takeBefore = p.until.Add(-leastCommit)
	}
	p.state.Store(parcelWaiting)
}

// mostKept bounds the buffers that are kept for the next delivery; larger ones are rare.
const mostKept = 128 << 10

// parcels are used again, with their buffers: making them costs more than filling them.
type parcels struct{ pool sync.Pool }

func (ps *parcels) get() *parcel {
	if p, ok := ps.pool.Get().(*parcel); ok {
		return p
	}
	return newParcel()
}

// put takes back a parcel that was answered: nobody else has it any more.
func (ps *parcels) put(p *parcel) {
	if p.Delivery = (event.Delivery{}); cap(p.packed) <= mostKept {
		ps.pool.Put(p)
	}
}

// take takes the parcel into a transaction, unless it is withdrawn or about to be.
func (p *parcel) take(now time.Time) bool {
	return (p.takeBefore.IsZero() || now.Before(p.takeBefore)) && p.state.CompareAndSwap(parcelWaiting, parcelTaken)
}

// withdraw keeps the parcel from being stored. It returns false when it is in a transaction already.
func (p *parcel) withdraw() bool { return p.state.CompareAndSwap(parcelWaiting, parcelWithdrawn) }

// lastWord is when a parcel that was taken by now has its answer, if the database keeps to any time at all.
func (p *parcel) lastWord(now time.Time) time.Time {
	end := now.Add(commitTimeout)
	if !p.until.IsZero() && p.until.Before(end) {
		end = p.until
	}
	return end.Add(answerTime)
}

// endOf is when the transaction of a batch must have ended: its most hurried sender decides.
func endOf(batch []*parcel, now time.Time) time.Time {
	end := now.Add(commitTimeout)
	for _, p := range batch {
		if !p.until.IsZero() && p.until.Before(end) {
			end = p.until
		}
	}
	return end
}
