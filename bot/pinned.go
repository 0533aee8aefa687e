package bot

import (
	"context"
	"fmt"
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
	if pr.Head.SHA == q.pr.HeadSHA && !q.at.Before(q.pr.HeadAt) && (q.sha == "" || q.sha == pr.Head.SHA) {
		return nil
	}
	if pr.Head.SHA != q.pr.HeadSHA { // the next time it is known
		if err := s.judge(ctx, pr); err != nil {
			return err
		}
	}
	return &userError{fmt.Sprintf("%s was said before Sluice saw the head %s of this pull request, and %s concerns the head. "+
		"Look at %s, then say it again.", code(q.String()), code(short(pr.Head.SHA)), code("/"+q.Name), code(pr.Head.SHA))}
}
