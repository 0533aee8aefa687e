package bot

import (
	"context"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
)

// itemRights is the lane item that says that somebody's rights may have changed.
const itemRights = "rights"

// membersChanged follows a change of a team, its members or a collaborator: wherever an approval waits that those rights
// may concern, it is counted again. Nothing is remembered about rights beyond one handling, so there is nothing to forget.
func (b *Bot) membersChanged(ctx context.Context, e event.Members) error {
	from := e.From()
	return b.Store.Write(ctx, func(tx *store.Tx) error {
		repos, err := tx.Repos(ctx)
		if err != nil {
			return err
		}
		for _, r := range repos {
			if r.Gone != "" || r.BaselineAt.IsZero() || from.Repo.ID != 0 && r.ID != from.Repo.ID || from.Repo.ID == 0 && r.InstallationID != from.Installation {
				continue
			}
			waits, err := awaitsApproval(ctx, tx, r.ID)
			if err != nil {
				return err
			}
			if waits {
				if err := b.Queue.Post(ctx, tx, laneOf(r.ID), itemRights, struct{}{}, itemRights); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// awaitsApproval tells whether anything in a repository waits for an approval.
func awaitsApproval(ctx context.Context, tx *store.Tx, repo int64) (bool, error) {
	active, err := tx.ActiveExecutions(ctx, repo)
	for _, x := range active {
		if _, _, open := x.State.OpenApproval(); open {
			return true, err
		}
	}
	return false, err
}

// rightsChanged counts again what waits for an approval.
func (s *session) rightsChanged(ctx context.Context) error {
	return s.b.Store.Read(ctx, func(tx *store.Tx) error {
		active, err := tx.ActiveExecutions(ctx, s.repo.ID)
		for _, x := range active {
			if _, _, open := x.State.OpenApproval(); open {
				s.touch(x.ReleaseID)
				s.mark(x.SHA)
			}
		}
		return err
	})
}
