package fakegithub

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// commentLimit is GitHub's, in characters.
const commentLimit = 65536

func (s *Server) commentShape(r *repository, x *Comment) obj {
	u, kind := r.url("/issues/comments/%d", x.ID), "issues"
	if i := r.issues[x.Issue]; i != nil && i.Pull != nil {
		kind = "pull"
	}
	var app any
	if a := s.botsApp(x.Author); a != nil {
		app = s.integration(a)
	}
	return obj{"id": x.ID, "node_id": node("IC", x.ID), "url": u, "html_url": r.html("/%s/%d#issuecomment-%d", kind, x.Issue, x.ID), "body": x.Body,
		"user": s.userOrNil(x.Author), "created_at": ts(x.CreatedAt), "updated_at": ts(x.UpdatedAt), "issue_url": r.url("/issues/%d", x.Issue),
		"author_association": s.association(r, x.Author), "performed_via_github_app": app, "reactions": s.reactionSummary(r, 0, x.ID, u)}
}

// botsApp is the App whose bot an account is.
func (s *Server) botsApp(login string) *App {
	for _, a := range s.apps {
		if a.Bot.Login == login {
			return a
		}
	}
	return nil
}

func (c *call) comment() (*Comment, error) {
	id, err := c.int64("comment_id")
	if err != nil {
		return nil, err
	}
	for _, x := range c.repo.comments {
		if x.ID == id {
			return x, nil
		}
	}
	return nil, &notFound
}

func (s *Server) listComments(c *call) (*answer, error) {
	i, err := c.issue()
	if err != nil {
		return nil, err
	}
	since, _ := time.Parse(time.RFC3339, c.query.Get("since")) // absent or wrong: all
	var all []*Comment
	for _, x := range c.repo.comments {
		if x.Issue == i.Number && !x.UpdatedAt.Before(since) {
			all = append(all, x)
		}
	}
	return ok(shapes(page(c, all), func(x *Comment) obj { return s.commentShape(c.repo, x) }))
}

func (s *Server) repoComments(c *call) (*answer, error) {
	since, _ := time.Parse(time.RFC3339, c.query.Get("since")) // absent or wrong: all
	var all []*Comment
	for _, x := range c.repo.comments {
		if !x.UpdatedAt.Before(since) {
			all = append(all, x)
		}
	}
	switch c.query.Get("sort") { // without it the direction does nothing
	case "created", "updated":
		if c.query.Get("sort") == "updated" {
			slices.SortStableFunc(all, func(a, b *Comment) int { return a.UpdatedAt.Compare(b.UpdatedAt) })
		}
		if c.query.Get("direction") != "asc" {
			slices.Reverse(all)
		}
	}
	return ok(shapes(page(c, all), func(x *Comment) obj { return s.commentShape(c.repo, x) }))
}

func (c *call) commentBody() (string, error) {
	var in struct{ Body string }
	if err := c.decode(&in); err != nil {
		return "", err
	}
	switch {
	case strings.TrimSpace(in.Body) == "":
		return "", invalid("IssueComment", "body", "missing_field", "")
	case utf8.RuneCountInString(in.Body) > commentLimit:
		return "", invalid("IssueComment", "body", "custom", "body is too long (maximum is 65536 characters)")
	}
	return in.Body, nil
}

func (s *Server) createComment(c *call) (*answer, error) {
	i, err := c.issue()
	if err != nil {
		return nil, err
	}
	if err := c.mayWriteIssue(i); err != nil {
		return nil, err
	}
	body, err := c.commentBody()
	if err != nil {
		return nil, err
	}
	x := &Comment{ID: s.id(), Issue: i.Number, Author: c.who.account.Login, Body: body, CreatedAt: s.now(), UpdatedAt: s.now()}
	c.repo.comments = append(c.repo.comments, x)
	i.UpdatedAt = x.CreatedAt
	s.emitComment(c, x, "created", obj{})
	return created(s.commentShape(c.repo, x))
}

func (s *Server) emitComment(c *call, x *Comment, action string, more obj) {
	more["comment"] = s.commentShape(c.repo, x)
	more["issue"] = s.issueShape(c.repo, c.repo.issues[x.Issue])
	s.emit(c.repo, "issue_comment", action, c.who.account, more)
}

func (s *Server) getComment(c *call) (*answer, error) {
	x, err := c.comment()
	if err != nil {
		return nil, err
	}
	return ok(s.commentShape(c.repo, x))
}

// mayChange lets authors and those with write access change a comment.
func (c *call) mayChange(x *Comment) error {
	if strings.EqualFold(c.who.account.Login, x.Author) || c.who.isApp() || c.s.roleOf(c.who.account, c.repo).atLeast(RoleWrite) {
		return nil
	}
	return refuse(http.StatusForbidden, "Must have admin rights to Repository.")
}

func (s *Server) updateComment(c *call) (*answer, error) {
	x, err := c.comment()
	if err != nil {
		return nil, err
	}
	if err := c.mayChange(x); err != nil {
		return nil, err
	}
	body, err := c.commentBody()
	if err != nil {
		return nil, err
	}
	before := x.Body
	x.Body, x.UpdatedAt = body, s.now()
	s.emitComment(c, x, "edited", obj{"changes": obj{"body": obj{"from": before}}})
	return ok(s.commentShape(c.repo, x))
}

func (s *Server) deleteComment(c *call) (*answer, error) {
	x, err := c.comment()
	if err != nil {
		return nil, err
	}
	if err := c.mayChange(x); err != nil {
		return nil, err
	}
	c.repo.comments = slices.DeleteFunc(c.repo.comments, func(y *Comment) bool { return x == y })
	s.emitComment(c, x, "deleted", obj{})
	return noContent()
}

var reactionWords = []string{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}

func (s *Server) reactionSummary(r *repository, issue int, comment int64, u string) obj {
	o := obj{"url": u + "/reactions", "total_count": 0}
	for _, w := range reactionWords {
		o[w] = 0
	}
	for _, x := range r.reactions {
		if x.Issue == issue && x.Comment == comment {
			o[x.Content] = o[x.Content].(int) + 1
			o["total_count"] = o["total_count"].(int) + 1
		}
	}
	return o
}

func (s *Server) reactionShape(x *Reaction) obj {
	return obj{"id": x.ID, "node_id": node("REA", x.ID), "user": s.userOrNil(x.Author), "content": x.Content, "created_at": ts(x.CreatedAt)}
}

// reactTo finds what a path's reactions are about: a comment, or an issue.
func (c *call) reactTo() (issue int, comment int64, err error) {
	if c.params["comment_id"] != "" {
		x, err := c.comment()
		if err != nil {
			return 0, 0, err
		}
		return 0, x.ID, nil
	}
	i, err := c.issue()
	if err != nil {
		return 0, 0, err
	}
	return i.Number, 0, nil
}

func (s *Server) listReactions(c *call) (*answer, error) {
	issue, comment, err := c.reactTo()
	if err != nil {
		return nil, err
	}
	var all []*Reaction
	for _, x := range c.repo.reactions {
		if x.Issue == issue && x.Comment == comment && (c.query.Get("content") == "" || c.query.Get("content") == x.Content) {
			all = append(all, x)
		}
	}
	return ok(shapes(page(c, all), s.reactionShape))
}

// createReaction answers 200 when the same reaction of the same user is there already.
func (s *Server) createReaction(c *call) (*answer, error) {
	issue, comment, err := c.reactTo()
	if err != nil {
		return nil, err
	}
	var in struct{ Content string }
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if !slices.Contains(reactionWords, in.Content) {
		return nil, invalid("Reaction", "content", "invalid", "")
	}
	for _, x := range c.repo.reactions {
		if x.Issue == issue && x.Comment == comment && x.Content == in.Content && x.Author == c.who.account.Login {
			return ok(s.reactionShape(x))
		}
	}
	x := &Reaction{ID: s.id(), Author: c.who.account.Login, Content: in.Content, Issue: issue, Comment: comment, CreatedAt: s.now()}
	c.repo.reactions = append(c.repo.reactions, x)
	return created(s.reactionShape(x))
}

func (s *Server) deleteReaction(c *call) (*answer, error) {
	id, err := c.int64("reaction_id")
	if err != nil {
		return nil, err
	}
	n := len(c.repo.reactions)
	c.repo.reactions = slices.DeleteFunc(c.repo.reactions, func(x *Reaction) bool { return x.ID == id && x.Author == c.who.account.Login })
	if len(c.repo.reactions) == n {
		return nil, &notFound
	}
	return noContent()
}
