package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// mayAsk tells whether a commit that led to head may ask for a version by a trailer. The head up to which none does is noted, so
// the next one costs a comparison; where one does, or what was noted is not in head, all commits are read.
func (s *session) mayAsk(ctx context.Context, head string) (bool, error) {
	if head == "" {
		return false, nil
	}
	key, noted := fmt.Sprintf("unasked/%d", s.repo.ID), ""
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		noted, err = tx.Setting(ctx, key)
		return ignoreMissing(err)
	})
	if err != nil || noted == head {
		return false, err
	}
	commits, known, err := s.onTop(ctx, noted, head)
	if err == nil && !known {
		commits, _, err = s.led(ctx, head)
	}
	if errors.Is(err, forge.ErrNotFound) || slices.ContainsFunc(commits, asksForVersion) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, s.b.Store.Write(ctx, func(tx *store.Tx) error { return tx.SetSetting(ctx, key, head) })
}

func asksForVersion(c forge.Commit) bool { return len(tagging.ParseChange(c.Message).ReleaseAs) > 0 }

// onTop lists the commits that head has on top of an earlier one; known is false where they are not all that is new in it.
func (s *session) onTop(ctx context.Context, earlier, head string) (commits []forge.Commit, known bool, err error) {
	if earlier == "" {
		return nil, false, nil
	}
	c, err := s.compare(ctx, earlier, head)
	if errors.Is(err, forge.ErrNotFound) {
		return nil, false, nil
	}
	return c.Commits, err == nil && c.BehindBy == 0 && !c.Truncated, err
}

// lineage is what led to a commit: as GitHub.History gives it.
type lineage struct {
	commits  []forge.Commit
	complete bool
}

// led lists the newest commits that led to head, oldest first; complete is false where there are more.
func (s *session) led(ctx context.Context, head string) (commits []forge.Commit, complete bool, err error) {
	if l, ok := s.lineages[head]; ok {
		return l.commits, l.complete, nil
	}
	commits, complete, err = s.gh.History(ctx, head, commitPages)
	if err != nil {
		return nil, false, fmt.Errorf("commits of %s: %w", short(head), err)
	}
	s.lineages[head] = lineage{commits, complete}
	return commits, complete, nil
}
