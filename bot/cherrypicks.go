package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
)

// pick is one change that is to be brought to another branch: what a commit changed against one of its parents.
type pick struct {
	forge.Commit
	// Parent is what the change is counted from. Mainline is 1 where the commit is a merge, as git's -m has it.
	Parent   string
	Mainline int
	// Author is the commit whose author the new commit has.
	Author string
	// Note is added to the message.
	Note string
}

// maxPicks is how many commits /cherrypick brings over one by one: each takes some calls, and the lane waits.
const maxPicks = 20

// picksOf are the changes that a merged pull request brought, oldest first, however it was merged.
func (s *session) picksOf(ctx context.Context, pr forge.PullRequest) ([]pick, error) {
	merge, err := s.gh.Commit(ctx, pr.MergeSHA)
	if err != nil {
		return nil, notThere(err, fmt.Sprintf("GitHub has no commit %s any more, by which this pull request was merged.", short(pr.MergeSHA)))
	}
	var picks []pick
	switch len(merge.Parents) {
	case 2:
		picks, err = s.picksOfMerge(ctx, pr, merge)
	case 1:
		picks, err = s.picksOfLine(ctx, pr, merge)
	default:
		err = &userError{fmt.Sprintf("The commit %s has %d parents; pick it by hand.", short(merge.SHA), len(merge.Parents))}
	}
	if err == nil && len(picks) > maxPicks {
		err = &userError{fmt.Sprintf("This pull request has more than %d commits, which are not picked here one by one.", maxPicks)}
	}
	return picks, err
}

// picksOfMerge are the commits of a pull request that was merged with two parents. Where its branch merged others in, the
// whole merge is one change: its commits do not stand for themselves then.
func (s *session) picksOfMerge(ctx context.Context, pr forge.PullRequest, merge forge.Commit) ([]pick, error) {
	own, err := s.compare(ctx, merge.Parents[0], merge.Parents[1])
	if err != nil {
		return nil, err
	}
	if own.Truncated || slices.ContainsFunc(own.Commits, func(c forge.Commit) bool { return len(c.Parents) != 1 }) {
		whole := pick{Commit: merge, Parent: merge.Parents[0], Mainline: 1, Author: merge.SHA}
		whole.Message = fmt.Sprintf("%s (#%d)", pr.Title, pr.Number)
		for _, c := range own.Commits {
			if len(c.Parents) == 1 {
				whole.Author = c.SHA // the last who wrote something
			}
		}
		for _, c := range own.Commits {
			by := fmt.Sprintf("\nCo-authored-by: %s <%s>", c.AuthorName, c.AuthorEmail)
			if len(c.Parents) == 1 && c.SHA != whole.Author && !strings.Contains(whole.Note, by) {
				whole.Note += by
			}
		}
		return []pick{whole}, nil
	}
	var picks []pick
	for _, c := range own.Commits {
		picks = append(picks, pick{Commit: c, Parent: c.Parents[0], Author: c.SHA})
	}
	return picks, nil
}

// picksOfLine are the commits of a pull request that left one line: one that was squashed, or several that were rebased,
// which have the messages of the pull request's own.
func (s *session) picksOfLine(ctx context.Context, pr forge.PullRequest, last forge.Commit) ([]pick, error) {
	own, complete, err := s.gh.PullCommits(ctx, pr.Number)
	if err != nil {
		return nil, err
	}
	if !complete {
		return nil, &userError{fmt.Sprintf("GitHub lists only %d commits of this pull request, so it cannot be told whether it was squashed or rebased.", len(own))}
	}
	own = slices.DeleteFunc(own, func(c forge.Commit) bool { return len(c.Parents) > 1 }) // a rebase leaves merges out
	squashed := []pick{{Commit: last, Parent: last.Parents[0], Author: last.SHA}}
	var picks []pick
	at := last
	for i := len(own) - 1; i >= 0; i-- {
		if len(at.Parents) != 1 || strings.TrimSpace(at.Message) != strings.TrimSpace(own[i].Message) {
			return squashed, nil
		}
		picks = append(picks, pick{Commit: at, Parent: at.Parents[0], Author: at.SHA})
		if len(picks) > maxPicks {
			return picks, nil // more than are picked: not squashed, that is enough to know
		}
		if i > 0 {
			if at, err = s.gh.Commit(ctx, at.Parents[0]); err != nil {
				return nil, err
			}
		}
	}
	if len(picks) == 0 {
		return squashed, nil
	}
	slices.Reverse(picks)
	return picks, nil
}

// firstLine is the first line of a commit's message.
func firstLine(message string) string {
	first, _, _ := strings.Cut(message, "\n")
	return first
}
