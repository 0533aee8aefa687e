package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// restored puts the branch of an open release or hotfix back that somebody deleted, at the commit it was at: deleting a
// branch does not give a release up. It does so once for each commit; who deletes it again means it, and is told the command
// that says so. From the promotion on the branch is not needed, since merges name commits.
func (s *session) restored(ctx context.Context, branch gitflow.Branch, was string, e *event.Push) (bool, error) {
	if !branch.Kind.Ships() || was == "" || s.repo.Observe || e != nil && e.Sender.ID == s.us.UserID {
		return false, nil
	}
	var r store.Release
	var earlier []store.Effect
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if r, err = tx.ReleaseByBranch(ctx, s.repo.ID, branch.Name); err != nil {
			return ignoreMissing(err)
		}
		earlier, err = tx.Effects(ctx, s.repo.ID, string(effectCreateBranch))
		return err
	})
	if err != nil || r.ID == "" || r.Status != store.ReleaseOpen {
		return false, err
	}
	key := ownKey(&r, branch.Name, "@"+was+":restored")
	for _, x := range earlier {
		if x.Done && x.Key == effectKey(s.repo.ID, effectCreateBranch, key) {
			return false, nil
		}
	}
	by := sender(e)
	if r.Pull != 0 { // said first: once the branch is there again nobody comes here
		who := "somebody"
		if by.Login != "" {
			who = code(by.Login)
		}
		err := s.say(ctx, r.Pull, "restored-"+short(was), fmt.Sprintf(
			"%s was deleted by %s and is put back at %s, because %s is open. Reopen this pull request to go on, or say `/release abandon --reason …` to give it up.",
			code(branch.Name), who, short(was), code(r.Version)))
		if err != nil {
			return false, err
		}
	}
	_, err = do(ctx, s, effect[nothing]{
		kind: effectCreateBranch, key: key, intent: branchIntent{Branch: branch.Name, SHA: was},
		blind: "a branch that is there is refused",
		act: func(ctx context.Context) (nothing, error) {
			err := s.gh.CreateBranch(ctx, branch.Name, was)
			if errors.Is(err, forge.ErrExists) {
				err = nil // somebody was faster
			}
			return nothing{}, err
		},
	})
	if err != nil {
		return false, err
	}
	s.touch(r.ID)
	return true, s.audit(ctx, by, "branch.restored", branch.Name, "it was deleted while "+r.Version+" is open", map[string]any{"sha": was})
}
