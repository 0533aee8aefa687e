package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/event"
)

func packed(ctx context.Context, id string) *parcel {
	p := newParcel()
	p.pack(ctx, event.Delivery{ID: id})
	return p
}

// A parcel is taken or withdrawn, never both, and not taken when its sender will not wait for a transaction.
func TestParcelIsTakenOrWithdrawn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	taken, withdrawn, late := packed(ctx, "a"), packed(ctx, "b"), packed(ctx, "c")
	now := time.Now()
	if !taken.take(now) || taken.withdraw() || taken.take(now) {
		t.Error("what was taken was withdrawn, or taken twice")
	}
	if !withdrawn.withdraw() || withdrawn.take(now) {
		t.Error("what was withdrawn was taken")
	}
	if late.take(now.Add(time.Hour-time.Second)) || !late.take(now.Add(time.Hour-3*time.Second)) {
		t.Error("it is taken with a second left, or not with three")
	}
	if end := endOf([]*parcel{taken, packed(t.Context(), "d")}, now); end != now.Add(commitTimeout) {
		t.Errorf("the transaction of senders with time ends after %v", end.Sub(now))
	}
	if end := endOf([]*parcel{taken}, now.Add(time.Hour-2*time.Second)); end != taken.until {
		t.Errorf("a hurried sender does not end its transaction: %v, want %v", end, taken.until)
	}
}

// After which errors of Postgres nobody knows whether a batch is stored, and that a later attempt does not hide it.
func TestUnknownEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		unsure bool
	}{
		"committed":             {nil, false},
		"disk full":             {&pgconn.PgError{Code: "53100"}, false},
		"called off by server":  {&pgconn.PgError{Code: "57014"}, false},
		"rolled back":           {pgx.ErrTxCommitRollback, false},
		"server goes down":      {&pgconn.PgError{Code: "57P01"}, true},
		"connection broke":      {io.ErrUnexpectedEOF, true},
		"answer came too late":  {context.DeadlineExceeded, true},
		"connection refused it": {&pgconn.PgError{Code: "08006"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			err := ended(tc.err)
			if got := errors.Is(err, event.ErrUnsure); got != tc.unsure || !errors.Is(err, tc.err) {
				t.Errorf("unsure is %v: %v", got, err)
			}
			refused := fmt.Errorf("connect: %w", io.EOF)
			if again := stillUnsure(refused, err); errors.Is(again, event.ErrUnsure) != tc.unsure || !errors.Is(again, refused) {
				t.Errorf("after another attempt: %v", again)
			}
		})
	}
}
