package bot

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// queuePrefix is how the branches begin that GitHub makes for merge queues' groups.
const queuePrefix = "gh-readonly-queue/"

// groupThere answers a merge queue's group whose branch is there, for the case that the event which asks for its checks got lost:
// the queue would wait for them in vain. That it is one says GitHub's queue and not the branch's name, which anybody may give to a
// branch to get somebody else's checks onto a commit. A group that was answered has its checks brought up to date.
func (s *session) groupThere(ctx context.Context, branch, sha string, by forge.User) error {
	rest, ok := strings.CutPrefix(branch, queuePrefix)
	last := strings.LastIndex(rest, "/pr-")
	if !ok || last < 0 {
		return nil
	}
	var known *groupFacts
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		known, err = s.group(ctx, tx, sha)
		return err
	})
	if err != nil {
		return err
	}
	if known != nil {
		s.mark(sha)
		return nil
	}
	base := rest[:last]
	entries, err := s.gh.QueueEntries(ctx, base)
	var refused *forge.RefusedError
	if errors.As(err, &refused) {
		s.log.WarnContext(ctx, "a merge queue cannot be read", "branch", base, "err", err)
		return nil // without the permission there are no events of queues either
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.HeadSHA != sha {
			continue
		}
		return s.mergeGroup(ctx, event.MergeGroup{
			Origin: event.Origin{Sender: by}, Activity: event.ChecksRequested, SHA: sha, BaseSHA: e.BaseSHA,
			HeadRef: "refs/heads/" + branch, BaseRef: "refs/heads/" + base,
		})
	}
	return nil
}

// groupGone forgets the group whose branch a merge queue has taken away: it was merged, and has checks of its own as a commit of its base,
// or the queue makes another in its place.
func (s *session) groupGone(ctx context.Context, tx *store.Tx, branch, sha string) error {
	if !strings.HasPrefix(branch, queuePrefix) {
		return nil
	}
	g, err := s.group(ctx, tx, sha)
	if err != nil || g == nil {
		return err
	}
	for _, followed := range []string{g.Head, g.Base} {
		if followed == "" {
			continue
		}
		groups, err := s.followers(ctx, tx, followed)
		if err != nil {
			return err
		}
		if groups = slices.DeleteFunc(groups, func(group string) bool { return group == sha }); len(groups) > 0 {
			err = s.setFollowers(ctx, tx, followed, groups)
		} else {
			err = tx.DeleteSetting(ctx, s.followersKey(followed))
		}
		if err != nil {
			return err
		}
	}
	return tx.DeleteSetting(ctx, s.groupKey(sha))
}
