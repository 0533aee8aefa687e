package bot

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/store"
)

// mayNotBorrow says why an execution does not take the place of another release's candidate, though it comes first: it leads to
// nothing as long as its pull request breaks a rule of the flow, and the candidate would make room for nothing. Empty: it may.
func (s *session) mayNotBorrow(ctx context.Context, tx *store.Tx, x *store.Execution) (string, error) {
	r, err := tx.Release(ctx, x.ReleaseID)
	if err != nil {
		return "", err
	}
	if r.Pull == 0 {
		return fmt.Sprintf("%s has no pull request yet", r.Branch), nil
	}
	p, err := tx.Pull(ctx, s.repo.ID, r.Pull)
	if ignoreMissing(err) != nil {
		return "", err
	}
	switch {
	case p.HeadSHA != x.SHA || p.Open && len(p.Verdict) == 0:
		return fmt.Sprintf("pull request #%d is not judged at %s yet", r.Pull, short(x.SHA)), nil
	case !p.Open:
		return fmt.Sprintf("pull request #%d is closed", r.Pull), nil
	}
	f, err := findingOf(p)
	if err != nil {
		return "", err
	}
	broken, _ := f.broken()
	if broken == "" {
		return "", nil
	}
	given, err := tx.Permits(ctx, s.repo.ID, r.Pull)
	if permit(given, CheckBranch, p) != nil {
		return "", err
	}
	return fmt.Sprintf("pull request #%d breaks a rule: %s", r.Pull, broken), err
}
