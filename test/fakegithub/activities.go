package fakegithub

import (
	"slices"
	"strings"
	"time"
)

// activity is a move of a branch in the repository's activity view.
type activity struct {
	id int64
	change
	kind string
	at   time.Time
}

// activity is the kind of a branch's change in GitHub's words.
func (c change) activity() string {
	switch {
	case c.queue:
		return "merge_queue_merge"
	case c.pull != nil:
		return "pr_merge"
	case c.old == "":
		return "branch_creation"
	case c.new == "":
		return "branch_deletion"
	case c.forced():
		return "force_push"
	}
	return "push"
}

// listActivities is GET /repos/{owner}/{repo}/activity, newest first. Pages go by cursors there; here there is one.
func (s *Server) listActivities(c *call) (*answer, error) {
	ref := c.query.Get("ref")
	if ref != "" && !strings.HasPrefix(ref, "refs/") {
		ref = "refs/heads/" + ref
	}
	var out []*activity
	for _, a := range slices.Backward(c.repo.activities) {
		if ref == "" || a.ref == ref {
			out = append(out, a)
		}
	}
	if c.query.Get("direction") == "asc" {
		slices.Reverse(out)
	}
	return ok(shapes(out[:min(len(out), c.pageSize())], func(a *activity) obj {
		return obj{"id": a.id, "node_id": node("PSH", a.id), "before": zeroIfEmpty(a.old), "after": zeroIfEmpty(a.new), "ref": a.ref, "timestamp": ts(a.at),
			"activity_type": a.kind, "actor": s.user(accountOf(a.by))}
	}))
}
