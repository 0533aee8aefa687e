package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// unseen is why nothing is done in a repository that GitHub does not show to the App.
const unseen = "the App no longer sees this repository"

// find asks GitHub where a repository is now, by a name that it has or had: its name, its owner, the installation that covers
// it. forge.ErrNotFound: no installation does, or the name is another repository's.
func (b *Bot) find(ctx context.Context, id int64, owner, name string) (forge.Repo, error) {
	installation, err := b.App.InstallationOf(ctx, owner, name)
	if err != nil {
		return forge.Repo{}, fmt.Errorf("installation of %s/%s: %w", owner, name, err)
	}
	info, err := b.App.Repo(installation, id, owner, name).Info(ctx)
	if err != nil {
		return forge.Repo{}, fmt.Errorf("repository %s/%s: %w", owner, name, err)
	}
	info.ID, info.InstallationID = id, installation
	return info, nil
}

// seek takes over where a repository is now. Where it is nowhere, work in it stops, and gone is why.
func (b *Bot) seek(ctx context.Context, id int64, owner, name, gone string) error {
	info, err := b.find(ctx, id, owner, name)
	if errors.Is(err, forge.ErrNotFound) {
		return b.setGone(ctx, id, gone)
	}
	if err != nil {
		return err
	}
	return b.meet(ctx, info)
}

// follow takes over what an event says about the repository itself. An event may be older than what is known, so where it says
// something else GitHub is asked, and whatever it answers holds.
func (b *Bot) follow(ctx context.Context, r *store.Repo, from event.Origin) (changed bool, err error) {
	told := *r
	if !adopt(&told, from) {
		return false, nil
	}
	if r.Owner == "" || r.InstallationID == 0 {
		*r = told
		return true, nil
	}
	now, err := b.find(ctx, r.ID, told.Owner, told.Name)
	if errors.Is(err, forge.ErrNotFound) {
		return false, nil // of a name or an installation that it had once
	}
	if err != nil {
		return false, err
	}
	return adopt(r, event.Origin{Repo: now, Installation: now.InstallationID}), nil
}

// whetherThere judges what a handling ended with. Where GitHub refused because the repository was archived or given to somebody
// else, and nobody has told us yet, that is found out: what was under way waits, or is tried again from where it is now.
func (s *session) whetherThere(ctx context.Context, err error) error {
	if errors.Is(err, forge.ErrArchived) {
		if err := s.refreshInfo(ctx); err != nil {
			return err
		}
		return s.retire(ctx)
	}
	return s.b.whetherCovered(ctx, s.repo, err)
}

// retire ends a handling in a repository in which nothing may be done any more.
func (s *session) retire(ctx context.Context) error {
	if err := s.saveRepo(ctx); err != nil {
		return err
	}
	return goneFrom(s.repo, s.repo.Gone)
}

// keep stores a repository. That it has another name, that work stops in it and why, and that it goes on stand in the audit log
// and in the server's log, since nothing can be said in a repository that takes no writes.
func (b *Bot) keep(ctx context.Context, tx *store.Tx, r store.Repo) error {
	was, err := tx.Repo(ctx, r.ID)
	known := err == nil
	if ignoreMissing(err) != nil {
		return err
	}
	r.UpdatedAt = b.Now()
	if err := tx.SaveRepo(ctx, r); err != nil || !known {
		return err
	}
	before, now := was.Owner+"/"+was.Name, r.Owner+"/"+r.Name
	note := func(action, reason string) error {
		b.Log.WarnContext(ctx, action, "repo", now, "installation", r.InstallationID, "reason", reason)
		_, err := tx.Audit(ctx, store.AuditEntry{RepoID: r.ID, At: b.Now(), Action: action, Subject: before, Reason: reason})
		return err
	}
	if before != now {
		err = note("repository.rename", "it is "+now+" now")
	}
	switch {
	case was.Gone == r.Gone:
	case r.Gone != "":
		err = errors.Join(err, note("repository.pause", r.Gone))
	default:
		err = errors.Join(err, note("repository.resume", "before: "+was.Gone))
	}
	return err
}
