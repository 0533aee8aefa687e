package fakegithub

import (
	"context"
	"fmt"
	"maps"
	"strings"
)

func (r *repository) labelShape(name string) obj {
	l := r.labels[strings.ToLower(name)]
	if l == nil {
		l = r.makeLabel(name, "ededed", "")
	}
	return obj{"id": l.ID, "node_id": node("LA", l.ID), "url": r.url("/labels/%s", l.Name), "name": l.Name, "color": l.Color, "default": false, "description": l.Description}
}

func (r *repository) makeLabel(name, color, description string) *label {
	l := &label{ID: r.s.id(), Name: name, Color: color, Description: description}
	r.labels[strings.ToLower(name)] = l
	return l
}

func (s *Server) users(logins []string) []obj {
	out := []obj{}
	for _, l := range logins {
		if a := s.account(l); a != nil {
			out = append(out, s.user(a))
		}
	}
	return out
}

// simplePull is a pull request as lists contain it.
func (s *Server) simplePull(r *repository, i *Issue) obj {
	p := i.Pull
	u, html := r.url("/pulls/%d", i.Number), r.html("/pull/%d", i.Number)
	issue := r.url("/issues/%d", i.Number)
	state := "closed"
	if i.Open {
		state = "open"
	}
	var assignee any
	if len(i.Assignees) > 0 {
		assignee = s.userOrNil(i.Assignees[0])
	}
	var head obj
	headOwner, _, _ := strings.Cut(p.HeadRepo, "/")
	if hr := s.headRepo(i); hr != nil {
		head = hr.shape()
		headOwner = hr.owner
	}
	statuses := r.url("/statuses/%s", p.HeadSHA)
	link := func(href string) obj { return obj{"href": href} }
	mergeSHA := textOrNil(p.MergeSHA)
	o := obj{"url": u, "id": p.ID, "node_id": node("PR", p.ID), "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch", "issue_url": issue,
		"commits_url": u + "/commits", "review_comments_url": u + "/comments", "review_comment_url": r.url("/pulls/comments{/number}"), "comments_url": issue + "/comments",
		"statuses_url": statuses, "number": i.Number, "state": state, "locked": false, "title": i.Title, "user": s.userOrNil(i.Author), "body": textOrNil(i.Body),
		"labels": shapes(i.Labels, r.labelShape), "milestone": nil, "active_lock_reason": nil, "created_at": ts(i.CreatedAt), "updated_at": ts(i.UpdatedAt),
		"closed_at": tsOrNil(i.ClosedAt), "merged_at": tsOrNil(p.MergedAt), "merge_commit_sha": mergeSHA, "assignee": assignee, "assignees": s.users(i.Assignees),
		"requested_reviewers": s.users(p.RequestedReviewers), "requested_teams": []obj{}, "draft": p.Draft, "author_association": s.association(r, i.Author), "auto_merge": nil,
		"head": obj{"label": headOwner + ":" + p.HeadRef, "ref": p.HeadRef, "sha": p.HeadSHA, "user": s.userOrNil(headOwner), "repo": head},
		"base": obj{"label": r.owner + ":" + p.BaseRef, "ref": p.BaseRef, "sha": p.BaseSHA, "user": s.userOrNil(r.owner), "repo": r.shape()},
		"_links": obj{"self": link(u), "html": link(html), "issue": link(issue), "comments": link(issue + "/comments"), "review_comments": link(u + "/comments"),
			"review_comment": link(r.url("/pulls/comments{/number}")), "commits": link(u + "/commits"), "statuses": link(statuses)}}
	if head == nil {
		o["head"].(obj)["repo"] = nil
	}
	return o
}

// pullShape is a pull request as GET and events have it.
func (s *Server) pullShape(r *repository, i *Issue) obj {
	p := i.Pull
	o := s.simplePull(r, i)
	mergeable, state := s.mergeability(r, i)
	commits, add, del, files := s.pullNumbers(r, i)
	comments := 0
	for _, c := range r.comments {
		if c.Issue == i.Number {
			comments++
		}
	}
	maps.Copy(o, obj{"merged": p.Merged, "mergeable": mergeable, "mergeable_state": state, "rebaseable": mergeable, "merged_by": s.userOrNil(p.MergedBy), "comments": comments,
		"review_comments": 0, "maintainer_can_modify": false, "commits": commits, "additions": add, "deletions": del, "changed_files": files})
	return o
}

func (s *Server) pullNumbers(r *repository, i *Issue) (commits, additions, deletions, files int) {
	from := i.Pull.BaseSHA
	if i.Open {
		if tip := r.git.Ref("refs/heads/" + i.Pull.BaseRef); tip != "" {
			from = tip
		}
	}
	cmp, err := r.git.Compare(from, i.Pull.HeadSHA)
	if err != nil || cmp.MergeBase == "" {
		return 0, 0, 0, 0
	}
	a, errA := r.git.Commit(cmp.MergeBase)
	b, errB := r.git.Commit(i.Pull.HeadSHA)
	if errA != nil || errB != nil {
		return len(cmp.Ahead), 0, 0, 0
	}
	changed, err := r.git.Diff(context.Background(), a.Tree, b.Tree)
	if err != nil {
		return len(cmp.Ahead), 0, 0, 0
	}
	additions, deletions = sum(changed)
	return len(cmp.Ahead), additions, deletions, len(changed)
}

// issueShape is an issue, or a pull request seen as one.
func (s *Server) issueShape(r *repository, i *Issue) obj {
	u, html := r.url("/issues/%d", i.Number), r.html("/issues/%d", i.Number)
	state := "closed"
	if i.Open {
		state = "open"
	}
	comments := 0
	for _, c := range r.comments {
		if c.Issue == i.Number {
			comments++
		}
	}
	var assignee any
	if len(i.Assignees) > 0 {
		assignee = s.userOrNil(i.Assignees[0])
	}
	o := obj{"id": i.ID, "node_id": node("I", i.ID), "url": u, "repository_url": r.url(""), "labels_url": u + "/labels{/name}", "comments_url": u + "/comments",
		"events_url": u + "/events", "timeline_url": u + "/timeline", "html_url": html, "number": i.Number, "state": state, "state_reason": textOrNil(i.Reason), "title": i.Title,
		"user": s.userOrNil(i.Author), "body": textOrNil(i.Body), "labels": shapes(i.Labels, r.labelShape), "assignee": assignee, "assignees": s.users(i.Assignees),
		"milestone": nil, "locked": false, "active_lock_reason": nil, "comments": comments, "closed_at": tsOrNil(i.ClosedAt), "created_at": ts(i.CreatedAt),
		"updated_at": ts(i.UpdatedAt), "author_association": s.association(r, i.Author), "performed_via_github_app": nil, "reactions": s.reactionSummary(r, i.Number, 0, u)}
	if i.Pull != nil {
		o["html_url"] = r.html("/pull/%d", i.Number)
		o["draft"] = i.Pull.Draft
		o["pull_request"] = obj{"url": r.url("/pulls/%d", i.Number), "html_url": o["html_url"], "diff_url": fmt.Sprint(o["html_url"], ".diff"),
			"patch_url": fmt.Sprint(o["html_url"], ".patch"), "merged_at": tsOrNil(i.Pull.MergedAt)}
	}
	return o
}
