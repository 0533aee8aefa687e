package bot

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// isPutBack tells whether a move of a branch or tag from one commit to another does what was asked after an earlier move, and marks what
// was reported as mended. A move was reported on the commit that it led to, a deletion on the last one: that is asked when from is empty,
// and then alone, else taking back later work would pass for restoring. What was found stays found when the server dies before the move
// is recorded.
func (s *session) isPutBack(ctx context.Context, ref, from, to string) (bool, error) {
	if to == "" {
		return false, nil
	}
	return s.mend(ctx, cmp.Or(from, to), func(v gitflow.Violation) bool { return v.Ref == ref && v.Back == to })
}

// mend marks violations that were reported on a commit as mended; false: there are none of them.
func (s *session) mend(ctx context.Context, sha string, which func(gitflow.Violation) bool) (found bool, err error) {
	var violations []gitflow.Violation
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		violations, err = s.reported(ctx, tx, sha)
		return err
	})
	if err != nil {
		return false, err
	}
	for i := range violations {
		if which(violations[i]) {
			violations[i].Mended, found = true, true
		}
	}
	if !found {
		return false, nil
	}
	s.mark(sha)
	return true, s.b.Store.Write(ctx, func(tx *store.Tx) error { return s.setReported(ctx, tx, sha, violations) })
}

// reported is what was reported of pushes on a commit, what was mended since included.
func (s *session) reported(ctx context.Context, tx *store.Tx, sha string) (violations []gitflow.Violation, err error) {
	raw, err := tx.Setting(ctx, store.NotePush.Key(s.repo.ID, sha))
	if err != nil || raw == "" {
		return nil, err
	}
	if err := json.Unmarshal([]byte(raw), &violations); err != nil {
		return nil, fmt.Errorf("what was reported on %s: %w", short(sha), err)
	}
	return violations, nil
}

func (s *session) setReported(ctx context.Context, tx *store.Tx, sha string, violations []gitflow.Violation) error {
	raw, err := json.Marshal(violations)
	if err != nil {
		return err
	}
	return tx.SetSetting(ctx, store.NotePush.Key(s.repo.ID, sha), string(raw))
}
