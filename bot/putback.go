package bot

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// isPutBack tells whether a move of a branch or tag to a commit does what was asked after an earlier one, and marks what was reported
// as mended. It was reported on the commit that the ref was at then, or on the one that it is at again. What was found stays found
// when the server dies before the move is recorded.
func (s *session) isPutBack(ctx context.Context, ref, to string, reportedAt ...string) (found bool, err error) {
	for _, sha := range reportedAt {
		back, err := s.mend(ctx, sha, func(v gitflow.Violation) bool { return to != "" && v.Ref == ref && v.Back == to })
		if err != nil {
			return false, err
		}
		found = found || back
	}
	return found, nil
}

// mend marks violations that were reported on a commit as mended; false: there are none of them.
func (s *session) mend(ctx context.Context, sha string, which func(gitflow.Violation) bool) (found bool, err error) {
	if sha == "" {
		return false, nil
	}
	var raw string
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		raw, err = tx.Setting(ctx, s.pushKey(sha))
		return err
	})
	if err != nil || raw == "" {
		return false, err
	}
	var reported []gitflow.Violation
	if err := json.Unmarshal([]byte(raw), &reported); err != nil {
		return false, fmt.Errorf("what was reported on %s: %w", short(sha), err)
	}
	for i := range reported {
		if which(reported[i]) {
			reported[i].Mended, found = true, true
		}
	}
	if !found {
		return false, nil
	}
	out, err := json.Marshal(reported)
	if err != nil {
		return false, err
	}
	s.mark(sha)
	return true, s.b.Store.Write(ctx, func(tx *store.Tx) error { return tx.SetSetting(ctx, s.pushKey(sha), string(out)) })
}
