package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
)

// in opens a session, runs fn in it, and settles what follows: releases are walked, waiting actions started, checks and
// comments reported.
//
// A handling that stops half-way (GitHub's limit, a cut connection) is repeated, but what it had decided may be written
// already, and then the repetition finds nothing new. So a note is left that this repository is not settled, and the next
// handling, whatever it is about, settles everything that is open. After a crash the reconciliation at start does that.
func (b *Bot) in(ctx context.Context, repoID int64, from event.Origin, fn func(*session) error) error {
	s, err := b.open(ctx, repoID, from)
	if err != nil {
		return err
	}
	unsettled := s.unsettled
	if unsettled {
		if err := s.everything(ctx); err != nil {
			return err
		}
	}
	err = fn(s)
	if err == nil {
		err = s.settle(ctx)
	}
	err = s.whetherThere(ctx, err)
	if (err != nil) == unsettled {
		return err
	}
	return errors.Join(err, s.noteUnsettled(context.WithoutCancel(ctx), err != nil))
}

func unsettledKey(repoID int64) string { return fmt.Sprintf("unsettled/%d", repoID) }

func (s *session) noteUnsettled(ctx context.Context, yes bool) error {
	v := ""
	if yes {
		v = "yes"
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error { return tx.SetSetting(ctx, unsettledKey(s.repo.ID), v) })
}

// everything marks all that is open: releases, pull requests, executions.
func (s *session) everything(ctx context.Context) error {
	s.touchAll = true
	return s.b.Store.Read(ctx, func(tx *store.Tx) error {
		pulls, err := tx.OpenPulls(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		for _, p := range pulls {
			s.mark(p.HeadSHA)
			if p.Cockpit {
				s.pullCockpits[p.Number] = true
			}
		}
		active, err := tx.ActiveExecutions(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		for _, x := range active {
			s.mark(x.SHA)
		}
		ended, err := tx.RecentExecutions(ctx, recentExecutions)
		for _, x := range ended {
			if x.RepoID == s.repo.ID {
				s.mark(x.SHA)
			}
		}
		return err
	})
}

// recentExecutions is how many of the newest executions are reported again after a handling that stopped half-way.
const recentExecutions = 50
