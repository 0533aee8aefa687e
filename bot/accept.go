package bot

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
)

// Accept stores a delivery with its job, in one transaction with whatever else waits, before GitHub is answered. No call
// is made and nothing is decided. The errors to tell apart are event.ErrDuplicate, ErrConflict, ErrFull, ErrUnavailable and
// ErrUnsure.
func (b *Bot) Accept(ctx context.Context, d event.Delivery) error {
	outcome, err := b.Store.Accept(ctx, d)
	if err != nil {
		return fmt.Errorf("delivery %s: %w", d.ID, err)
	}
	switch outcome {
	case store.Duplicate:
		return event.ErrDuplicate
	case store.Conflict:
		return event.ErrConflict
	case store.Full:
		return event.ErrFull
	}
	return nil
}
