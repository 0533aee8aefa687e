package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
)

// hookLogKept is how long GitHub keeps its delivery log.
const hookLogKept = 72 * time.Hour

// LookBack tells whether the database is older than the world, because a backup of it was restored: then GitHub's log has
// deliveries that Sluice answered and does not know. It belongs before the queue's start; deliveries are taken in since the given time,
// and one that comes a second time meanwhile, because somebody had GitHub send it again, was lost as well. Then, and also while GitHub does not say, no
// effect is believed to be new: every one is looked for before it is done for the first time. Where something is missing each
// repository is reconciled before anything else of it is handled, and what was shipped is taken over from tags, deployments and
// registries. It ends with the first start that finds nothing missing, three days after the restore at the latest.
func (b *Bot) LookBack(ctx context.Context, since time.Time) {
	lost, err := b.lostDelivery(ctx, since)
	switch {
	case err != nil:
		b.Log.WarnContext(ctx, "whether a backup was restored is not known, so everything is looked for before it is done", "err", err)
	case lost != "":
		b.Log.WarnContext(ctx, "the database is older than what GitHub's log has, as after a restored backup; everything is looked for before it is done", "delivery", lost)
	}
	b.doubt.Store(err != nil || lost != "")
	b.behind.Store(lost != "")
}

// lookFirst reconciles a repository before anything else of it is handled, where a backup was restored.
func (b *Bot) lookFirst(ctx context.Context, repo int64) error {
	if _, looked := b.looked.Load(repo); looked || repo == 0 || !b.behind.Load() {
		return nil
	}
	err := b.Store.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.Repo(ctx, repo)
		return err
	})
	if err != nil {
		return ignoreMissing(err) // it is met for the first time
	}
	err = b.roused(ctx, repo, event.Origin{}, func(s *session) error { return s.reconcile(ctx) })
	if err != nil && !errors.Is(err, errInactive) {
		return fmt.Errorf("first look after a restore: %w", err)
	}
	b.looked.Store(repo, true)
	return nil
}

// hookClocks is how far GitHub's clock may be behind this machine's for a delivery to be seen as what came just now.
const hookClocks = time.Minute

// lostDelivery is the GUID of a delivery that was answered before, and is not in the database or only since a time; empty: there is none.
func (b *Bot) lostDelivery(ctx context.Context, since time.Time) (guid string, err error) {
	all, err := b.App.HookDeliveries(ctx, b.Now().Add(-hookLogKept))
	if err != nil {
		return "", fmt.Errorf("delivery log: %w", err)
	}
	err = b.Store.Read(ctx, func(tx *store.Tx) error {
		for _, d := range all {
			if d.StatusCode < 200 || d.StatusCode >= 300 {
				continue
			}
			at, known, err := tx.DeliveryReceived(ctx, strings.ToLower(d.GUID))
			if err != nil || !known || !at.Before(since) && d.DeliveredAt.Before(since.Add(-hookClocks)) {
				guid = d.GUID
				return err
			}
		}
		return nil
	})
	return guid, err
}
