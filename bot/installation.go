package bot

import (
	"context"
	"errors"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
)

// installationChanged follows the App being installed, suspended or removed.
func (b *Bot) installationChanged(ctx context.Context, e event.Installation) error {
	switch e.Activity {
	case event.Created, event.Unsuspended, event.NewPermissionsAccepted:
		repos, err := b.App.Repos(ctx, e.From().Installation)
		if err != nil {
			return err
		}
		for _, r := range repos {
			r.InstallationID = e.From().Installation
			if err := b.meet(ctx, r); err != nil {
				return err
			}
		}
		return nil
	case event.Deleted:
		return b.leaveAll(ctx, e.From().Installation, "the App was removed")
	case event.Suspended:
		return b.leaveAll(ctx, e.From().Installation, "the App is suspended")
	}
	return nil
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
			r.Gone, r.UpdatedAt = why, b.Now()
			if err := tx.SaveRepo(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// installationReposChanged follows repositories being added to and taken from an installation.
func (b *Bot) installationReposChanged(ctx context.Context, e event.InstallationRepositories) error {
	for _, r := range e.Added {
		r.InstallationID = e.From().Installation
		if err := b.meet(ctx, r); err != nil {
			return err
		}
	}
	for _, r := range e.Removed {
		if err := b.setGone(ctx, r.ID, "the App was taken off this repository"); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bot) setGone(ctx context.Context, id int64, why string) error {
	return b.Store.Write(ctx, func(tx *store.Tx) error {
		r, err := tx.Repo(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		r.Gone, r.UpdatedAt = why, b.Now()
		return tx.SaveRepo(ctx, r)
	})
}

// repositoryChanged follows a repository being renamed, transferred, archived or deleted. Everything is keyed by its ID.
func (b *Bot) repositoryChanged(ctx context.Context, e event.Repository) error {
	from := e.From()
	switch e.Activity {
	case event.Deleted:
		return b.setGone(ctx, from.Repo.ID, "the repository was deleted")
	case event.Archived:
		return b.setGone(ctx, from.Repo.ID, "archived")
	}
	repo := from.Repo
	repo.InstallationID = from.Installation
	if from.Installation == 0 {
		return nil
	}
	return b.meet(ctx, repo)
}
