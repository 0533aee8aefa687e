package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// goneError ends what was to be done in a repository in which nothing may be done any more: the App was suspended or taken off it,
// or it is archived. It is an errInactive, and no failure: once the App is back, the reconciliation looks at everything.
type goneError struct {
	repo         string // owner/name
	installation int64
	why          string
}

func (e *goneError) Error() string { return e.repo + ": " + e.why }

// Is makes it an errInactive.
func (e *goneError) Is(target error) bool { return target == errInactive }

func goneFrom(r store.Repo, why string) *goneError {
	return &goneError{repo: r.Owner + "/" + r.Name, installation: r.InstallationID, why: why}
}

// leftUndone says in the log that an item has ended without being worked on, and why.
func (b *Bot) leftUndone(ctx context.Context, item queue.Item, err error) {
	var gone *goneError
	if !errors.As(err, &gone) {
		return
	}
	delivery, name := "", ""
	if item.Delivery != nil {
		delivery, name = item.Delivery.ID, item.Delivery.Name
	}
	b.Log.InfoContext(ctx, "left undone", "repo", gone.repo, "installation", gone.installation, "kind", item.Kind, "delivery", delivery, "event", name, "reason", gone.why)
}

// whetherCovered judges an error that GitHub answered with. Where no installation of the App covers the repository any more,
// though nobody has told us yet, that is kept, and the error is a *goneError: repeating would not help, and nobody here can mend
// it. Where another installation covers it now, it is tried again from there. Any other error comes back as it is.
func (b *Bot) whetherCovered(ctx context.Context, r store.Repo, err error) error {
	var refused *forge.RefusedError
	barred := errors.As(err, &refused) && refused.Permission
	if r.Owner == "" || !barred && !errors.Is(err, forge.ErrNotFound) {
		return err
	}
	now, lost := b.find(ctx, r.ID, r.Owner, r.Name)
	switch {
	case errors.Is(lost, forge.ErrNotFound):
		return errors.Join(goneFrom(r, unseen), b.setGone(ctx, r.ID, unseen))
	case lost != nil || now.InstallationID == r.InstallationID:
		return err
	}
	return errors.Join(&forge.TemporaryError{Err: errors.New(err.Error())}, b.meet(ctx, now))
}

// whetherAway judges an error that a job outside of the lane ended with, and tells whether it came because nothing may be done in
// the repository any more.
func (b *Bot) whetherAway(ctx context.Context, repoID int64, err error) (away bool, _ error) {
	var refused *forge.RefusedError
	if !errors.As(err, &refused) && !errors.Is(err, forge.ErrNotFound) {
		return false, err
	}
	var r store.Repo
	readErr := b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		r, err = tx.Repo(ctx, repoID)
		return ignoreMissing(err)
	})
	if readErr != nil {
		return false, readErr
	}
	if r.Gone == "" {
		err = b.whetherCovered(ctx, r, err)
	}
	return r.Gone != "" || errors.Is(err, errInactive), err
}

// installed tells whether GitHub lists an installation among those that work.
func (b *Bot) installed(ctx context.Context, id int64) (bool, error) {
	all, err := b.App.Installations(ctx)
	if err != nil {
		return false, fmt.Errorf("installations: %w", err)
	}
	return slices.Contains(all, id), nil
}
