package bot

import (
	"context"
	"errors"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// installationChanged follows the App being installed, suspended or removed.
func (b *Bot) installationChanged(ctx context.Context, e event.Installation) error {
	switch e.Activity {
	case event.Created, event.Unsuspended, event.NewPermissionsAccepted:
		return b.arrive(ctx, e.From().Installation)
	case event.Deleted:
		return b.leave(ctx, e.From().Installation, "the App was removed")
	case event.Suspended:
		return b.leave(ctx, e.From().Installation, "the App is suspended")
	}
	return nil
}

// arrive meets the repositories of an installation. One that is suspended or was removed meanwhile has none, which is no failure.
func (b *Bot) arrive(ctx context.Context, installation int64) error {
	repos, err := b.App.Repos(ctx, installation)
	var refused *forge.RefusedError
	if errors.As(err, &refused) {
		if here, askErr := b.installed(ctx, installation); askErr != nil || here {
			return errors.Join(err, askErr)
		}
		b.Log.InfoContext(ctx, "left undone", "installation", installation, "reason", refused.Message)
		return b.leaveAll(ctx, installation, unseen)
	}
	if err != nil {
		return err
	}
	for _, r := range repos {
		r.InstallationID = installation
		if err := b.meet(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// leave is leaveAll for an event, which may be late: an installation that works by now is not left.
func (b *Bot) leave(ctx context.Context, installation int64, why string) error {
	here, err := b.installed(ctx, installation)
	if err != nil || here {
		return err
	}
	return b.leaveAll(ctx, installation, why)
}

// leaveAll ends all work in the repositories of an installation.
func (b *Bot) leaveAll(ctx context.Context, installation int64, why string) error {
	return b.Store.Write(ctx, func(tx *store.Tx) error {
		all, err := tx.Repos(ctx)
		if err != nil {
			return err
		}
		for _, r := range all {
			if r.InstallationID != installation {
				continue
			}
			r.Gone = why
			if err := b.keep(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// installationReposChanged follows repositories being added to and taken from an installation.
func (b *Bot) installationReposChanged(ctx context.Context, e event.InstallationRepositories) error {
	for _, r := range e.Added {
		if err := b.added(ctx, r, e.From().Installation); err != nil {
			return err
		}
	}
	for _, r := range e.Removed { // it may have been transferred to where the App is, too
		if err := b.seek(ctx, r.ID, r.Owner, r.Name, "the App was taken off this repository"); err != nil {
			return err
		}
	}
	return nil
}

// added meets a repository that an installation covers now. One that another installation is known to cover is asked for: the
// event may be late.
func (b *Bot) added(ctx context.Context, r forge.Repo, installation int64) error {
	var known store.Repo
	err := b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.Repo(ctx, r.ID)
		return ignoreMissing(err)
	})
	if err != nil {
		return err
	}
	if known.InstallationID != 0 && known.InstallationID != installation {
		return b.seek(ctx, r.ID, r.Owner, r.Name, unseen)
	}
	r.InstallationID = installation
	return b.meet(ctx, r)
}

// setGone ends all work in a repository.
func (b *Bot) setGone(ctx context.Context, id int64, why string) error {
	return b.Store.Write(ctx, func(tx *store.Tx) error {
		r, err := tx.Repo(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		r.Gone = why
		return b.keep(ctx, tx, r)
	})
}

// repositoryChanged follows a repository being renamed, transferred, archived or deleted. Everything is keyed by its ID, and
// where it is now is asked of GitHub.
func (b *Bot) repositoryChanged(ctx context.Context, e event.Repository) error {
	from := e.From()
	if e.Activity == event.Deleted {
		return b.setGone(ctx, from.Repo.ID, "the repository was deleted")
	}
	if from.Installation == 0 {
		return nil
	}
	return b.seek(ctx, from.Repo.ID, from.Repo.Owner, from.Repo.Name, unseen)
}
