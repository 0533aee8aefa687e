package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
)

// mergedPick is what came of merging a commit into its temporary branch.
type mergedPick struct {
	SHA      string `json:"sha,omitempty"`
	Conflict bool   `json:"conflict,omitempty"`
}

// applied is a commit with the files that the target has once a commit was applied to it. forge.ErrConflict.
func (s *session) applied(ctx context.Context, pr forge.PullRequest, target, onto string, p pick) (string, error) {
	side, err := s.createCommit(ctx, pickKey(pr, target, onto, p)+":side", newCommit{
		Message: fmt.Sprintf("The files of %s, beside %s", target, short(p.SHA)), TreeOf: onto, Parents: []string{p.Parent},
	})
	if err != nil {
		return "", err
	}
	temporary := fmt.Sprintf("%s%d-%s-%s", gitflow.TemporaryPrefix, pr.Number, short(onto), short(p.SHA))
	key, err := s.temporaryKey(ctx, temporary+"@"+side)
	if err != nil {
		return "", err
	}
	merged, err := s.mergeBeside(ctx, key, temporary, side, p.SHA)
	if err != nil && !personal(err) {
		return "", err // tried again, and then it goes on from here
	}
	if gone := s.dropTemporary(ctx, key, temporary, side); err != nil || gone != nil {
		return "", errors.Join(err, gone)
	}
	if merged.Conflict {
		return "", forge.ErrConflict
	}
	return merged.SHA, nil
}

// temporaryKey is the key of the effects on a temporary branch. Where the merge was refused the branch was deleted without
// one, and whoever asks again gets another.
func (s *session) temporaryKey(ctx context.Context, name string) (string, error) {
	for n := 0; ; n++ {
		key := fmt.Sprintf("%s#%d", name, n)
		merged, err := s.wasDone(ctx, effectMerge, key)
		if err != nil || merged {
			return key, err
		}
		if over, err := s.wasDone(ctx, effectDeleteBranch, key); err != nil || !over {
			return key, err
		}
	}
}

// mergeBeside makes a temporary branch at side and merges a commit into it.
func (s *session) mergeBeside(ctx context.Context, key, temporary, side, sha string) (mergedPick, error) {
	if err := s.makeBranch(ctx, key, branchIntent{Branch: temporary, SHA: side}); err != nil {
		return mergedPick{}, err
	}
	return do(ctx, s, effect[mergedPick]{
		kind: effectMerge, key: key, intent: sha,
		probe: func(ctx context.Context) (mergedPick, bool, error) {
			head, err := s.head(ctx, temporary)
			return mergedPick{SHA: head}, head != "" && head != side, err
		},
		act: func(ctx context.Context) (mergedPick, error) {
			merged, err := s.gh.Merge(ctx, temporary, sha, "Apply "+short(sha))
			switch {
			case errors.Is(err, forge.ErrConflict):
				return mergedPick{Conflict: true}, nil
			case errors.Is(err, forge.ErrUpToDate):
				return mergedPick{SHA: side}, nil
			}
			return mergedPick{SHA: merged}, err
		},
	})
}

// dropTemporary deletes a temporary branch.
func (s *session) dropTemporary(ctx context.Context, key, temporary, side string) error {
	_, err := do(ctx, s, effect[nothing]{
		kind: effectDeleteBranch, key: key, intent: side,
		blind: "the branch is of this command alone, and what is gone cannot be deleted again",
		act: func(ctx context.Context) (nothing, error) {
			return nothing{}, ignoreNotFound(s.gh.DeleteBranch(ctx, temporary))
		},
	})
	return err
}
