package webhooks

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/sluicehq/sluice/event"
)

// firstPiece is how much is set aside for a body before any of it has come, and the size of the buffers that are used
// again: nearly every delivery fits in one. Larger bodies get more only as they arrive, so announcing 25 MiB and
// sending nothing takes no more than this.
const firstPiece = 64 << 10

// roomWait is how long a request waits for its first piece.
const roomWait = 2 * time.Second

// storeTime is what is kept of a request's time for storing: two seconds as store.Accept wants, and some for the rest.
const storeTime = 2500 * time.Millisecond

type piece = [firstPiece]byte

// body is a body that was read, and what it holds of the memory that all bodies share.
type body struct {
	bytes  []byte
	pooled *piece // what bytes lies in, if it fits
	held   int64  // of Server.room
}

// abandon leaves the buffer to the garbage collector: somebody may still be reading it.
func (b *body) abandon() { b.pooled = nil }

func (s *Server) release(b body) {
	if b.pooled != nil {
		s.pieces.Put(b.pooled)
	}
	if b.held > 0 {
		s.room.Release(b.held)
		s.metrics.inFlight.Sub(float64(b.held))
	}
}

// read reads the body of r, of at most limit bytes, while there is time left to store it before ctx ends. The error is
// errTooLarge, event.ErrFull, os.ErrDeadlineExceeded or what reading said; the body is to be released in any case.
func (s *Server) read(ctx context.Context, w http.ResponseWriter, r *http.Request, limit int64) (body, error) {
	var b body
	end, err := hurry(ctx, w)
	if err != nil {
		return b, err
	}
	if !s.waitForRoom(ctx, &b, firstPiece) {
		return b, event.ErrFull
	}
	b.pooled = s.pieces.Get().(*piece)
	b.bytes = b.pooled[:0]
	if err := s.readAll(http.MaxBytesReader(w, r.Body, limit), &b, r.ContentLength, limit); err != nil {
		return b, err
	}
	end()
	return b, nil
}

func (s *Server) readAll(from io.Reader, b *body, length, limit int64) error {
	for {
		if len(b.bytes) == cap(b.bytes) {
			if done, err := atEnd(from, b, length); done || err != nil {
				return err
			}
			if err := s.grow(b, length, limit); err != nil {
				return err
			}
		}
		n, err := from.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return readError(err)
		}
	}
}

// hurry sets the deadline of reading. end takes it away when all was read: what comes later on the connection is another
// request. Where connections have no deadlines none is set.
func hurry(ctx context.Context, w http.ResponseWriter) (end func(), err error) {
	due, ok := ctx.Deadline()
	if !ok {
		return func() {}, nil
	}
	c := http.NewResponseController(w)
	if err := c.SetReadDeadline(due.Add(-storeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	return func() { _ = c.SetReadDeadline(time.Time{}) }, nil
}

// atEnd tells whether a full buffer holds the whole body already, which spares a body of exactly that size a larger
// one.
func atEnd(from io.Reader, b *body, length int64) (bool, error) {
	if int64(len(b.bytes)) != length {
		return false, nil
	}
	var none [1]byte
	switch _, err := io.ReadFull(from, none[:]); {
	case errors.Is(err, io.EOF):
		return true, nil
	case err != nil:
		return false, readError(err)
	}
	return false, errTooLong
}

var (
	errTooLarge = errors.New("body is larger than is taken")
	errTooLong  = errors.New("body is longer than announced")
)

// unread is the answer to a body that was not read.
func unread(err error, tooLarge answer) answer {
	switch {
	case errors.Is(err, errTooLarge):
		return tooLarge
	case errors.Is(err, event.ErrFull):
		return noRoom
	case errors.Is(err, os.ErrDeadlineExceeded):
		return tooSlow
	}
	return cutShort
}

func readError(err error) error {
	var tooMuch *http.MaxBytesError
	if errors.As(err, &tooMuch) {
		return errTooLarge
	}
	return err
}

// grow doubles the buffer, but not beyond the length that was announced. It does not wait: whoever holds memory while
// waiting for more could wait for ever.
func (s *Server) grow(b *body, length, limit int64) error {
	size := int64(cap(b.bytes)) * 2
	if length > 0 && size > length {
		size = length
	}
	size = min(size, limit+1)
	if !s.hold(b, size) {
		return event.ErrFull
	}
	larger := make([]byte, len(b.bytes), size)
	copy(larger, b.bytes)
	if b.pooled != nil {
		s.pieces.Put(b.pooled)
		b.pooled = nil
	}
	// What the smaller buffer held until now is free; the larger one is paid for by itself.
	s.room.Release(b.held - size)
	s.metrics.inFlight.Sub(float64(b.held - size))
	b.bytes, b.held = larger, size
	return nil
}

func (s *Server) hold(b *body, n int64) bool {
	if !s.room.TryAcquire(n) {
		return false
	}
	b.held += n
	s.metrics.inFlight.Add(float64(n))
	return true
}

func (s *Server) waitForRoom(ctx context.Context, b *body, n int64) bool {
	if s.hold(b, n) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, roomWait)
	defer cancel()
	if s.room.Acquire(ctx, n) != nil {
		return false
	}
	b.held += n
	s.metrics.inFlight.Add(float64(n))
	return true
}
