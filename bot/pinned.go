package bot

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/forge"
)

// pinned refuses a command about a head that whoever gave it cannot have seen: the pull request has another head since,
// or got this one only after the comment was made; a review is of the commit that was reviewed. What is refused can be said again of the head there is now.
func (s *session) pinned(ctx context.Context, q *request) error {
	if q.at.IsZero() || q.pr == nil || q.pr.Number == 0 || !q.pr.Open {
		return nil
	}
	pr, err := s.gh.Pull(ctx, q.pr.Number)
	if err != nil {
		return ignoreNotFound(err)
	}
	if pr.Head.SHA == q.pr.HeadSHA && (q.sha == "" || q.sha == pr.Head.SHA) {
		before, err := s.beforeHead(ctx, q, pr)
		if err != nil || !before {
			return err
		}
	}
	if pr.Head.SHA != q.pr.HeadSHA { // the next time it is known
		if err := s.judge(ctx, pr); err != nil {
			return err
		}
	}
	return &userError{fmt.Sprintf("%s was said before Sluice saw the head %s of this pull request, and %s concerns the head. "+
		"Look at %s, then say it again.", code(q.String()), code(short(pr.Head.SHA)), code("/"+q.Name), code(pr.Head.SHA))}
}

// beforeHead tells whether a command was given before its pull request got the head that it has. What is recorded is when that was at
// the latest: where nobody told of the push, the pull request may have been changed since, by the very comment. Then GitHub is asked.
func (s *session) beforeHead(ctx context.Context, q *request, pr forge.PullRequest) (bool, error) {
	if !q.at.Before(q.pr.HeadAt) {
		return false, nil
	}
	if pr.Fork() {
		return true, nil // the App does not see the activity of another repository
	}
	move, err := s.gh.HeadSince(ctx, pr.Head.Branch, pr.Head.SHA)
	if err != nil {
		return false, fmt.Errorf("since when %s is at %s: %w", pr.Head.Branch, short(pr.Head.SHA), err)
	}
	if move.At.IsZero() || q.at.Before(move.At) {
		return true, nil
	}
	if move.By.ID == 0 {
		return false, nil
	}
	return false, s.notePush(ctx, pr.Head.Branch, move.Before, pr.Head.SHA, move.By) // the command may be their own approval
}
