package fakegithub

import (
	"net/http"
	"slices"
	"strings"
)

func (s *Server) reviewShape(r *repository, rv *Review) obj {
	html, pr := r.html("/pull/%d#pullrequestreview-%d", rv.Pull, rv.ID), r.url("/pulls/%d", rv.Pull)
	o := obj{"id": rv.ID, "node_id": node("PRR", rv.ID), "user": s.userOrNil(rv.Author), "body": rv.Body, "state": rv.State, "html_url": html, "pull_request_url": pr,
		"author_association": s.association(r, rv.Author), "_links": obj{"html": obj{"href": html}, "pull_request": obj{"href": pr}}, "commit_id": rv.SHA}
	if !rv.SubmittedAt.IsZero() {
		o["submitted_at"] = ts(rv.SubmittedAt)
	}
	return o
}

func (s *Server) listReviews(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	var all []*Review
	for _, rv := range c.repo.reviews {
		if rv.Pull == i.Number {
			all = append(all, rv)
		}
	}
	return ok(shapes(page(c, all), func(rv *Review) obj { return s.reviewShape(c.repo, rv) }))
}

func (s *Server) createReview(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	var in struct {
		Event, Body string
		SHA         string `json:"commit_id"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	state, known := map[string]string{"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED", "": "PENDING"}[in.Event]
	own := strings.EqualFold(i.Author, c.who.account.Login)
	switch {
	case !known:
		return nil, refuse(http.StatusUnprocessableEntity, "Variable $event of type PullRequestReviewEvent was provided invalid value")
	case own && state == "APPROVED":
		return nil, &refusal{status: http.StatusUnprocessableEntity, message: "Unprocessable Entity", errors: []any{"Can not approve your own pull request"}}
	case own && state == "CHANGES_REQUESTED":
		return nil, &refusal{status: http.StatusUnprocessableEntity, message: "Unprocessable Entity", errors: []any{"Can not request changes on your own pull request"}}
	case in.Body == "" && (state == "CHANGES_REQUESTED" || state == "COMMENTED"):
		return nil, &refusal{status: http.StatusUnprocessableEntity, message: "Unprocessable Entity", errors: []any{"Body can't be blank"}}
	}
	if in.SHA == "" {
		in.SHA = i.Pull.HeadSHA
	}
	rv := &Review{ID: s.id(), Pull: i.Number, Author: c.who.account.Login, State: state, Body: in.Body, SHA: in.SHA}
	if state != "PENDING" {
		rv.SubmittedAt, i.UpdatedAt = s.now(), s.now()
	}
	c.repo.reviews = append(c.repo.reviews, rv)
	i.Pull.RequestedReviewers = slices.DeleteFunc(i.Pull.RequestedReviewers, func(l string) bool { return strings.EqualFold(l, rv.Author) })
	if state != "PENDING" {
		s.emitReview(c, i, rv, "submitted", obj{})
	}
	return ok(s.reviewShape(c.repo, rv))
}

func (s *Server) emitReview(c *call, i *Issue, rv *Review, action string, more obj) {
	o := s.reviewShape(c.repo, rv)
	o["state"] = strings.ToLower(rv.State)
	more["review"], more["pull_request"] = o, s.simplePull(c.repo, i)
	s.emit(c.repo, "pull_request_review", action, c.who.account, more)
}

// updateReview replaces the text of a review, which its author alone may.
func (s *Server) updateReview(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	var in struct{ Body string }
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	for _, rv := range c.repo.reviews {
		if rv.Pull != i.Number || rv.ID != int64(atoi(c.params["review_id"])) {
			continue
		}
		if !strings.EqualFold(rv.Author, c.who.account.Login) {
			return nil, refuse(http.StatusForbidden, "Must have admin rights to Repository.")
		}
		before := rv.Body
		rv.Body, rv.EditedAt = in.Body, s.now()
		if rv.State != "PENDING" {
			s.emitReview(c, i, rv, "edited", obj{"changes": obj{"body": obj{"from": before}}})
		}
		return ok(s.reviewShape(c.repo, rv))
	}
	return nil, &notFound
}

func (s *Server) dismissReview(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	for _, rv := range c.repo.reviews {
		if rv.Pull == i.Number && rv.ID == int64(atoi(c.params["review_id"])) {
			if rv.State != "APPROVED" && rv.State != "CHANGES_REQUESTED" {
				return nil, refuse(http.StatusUnprocessableEntity, "Can not dismiss a %s pull request review", strings.ToLower(rv.State))
			}
			rv.State = "DISMISSED"
			s.emitReview(c, i, rv, "dismissed", obj{})
			return ok(s.reviewShape(c.repo, rv))
		}
	}
	return nil, &notFound
}

func (s *Server) listReviewers(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	return ok(obj{"users": s.users(i.Pull.RequestedReviewers), "teams": []obj{}})
}

func (s *Server) requestReviewers(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	var in struct{ Reviewers []string }
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	for _, l := range in.Reviewers {
		a := s.account(l)
		if a == nil || !s.roleOf(a, c.repo).atLeast(RoleRead) || strings.EqualFold(l, i.Author) {
			return nil, refuse(http.StatusUnprocessableEntity, "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the %s repository.", c.repo.fullName())
		}
	}
	for _, l := range in.Reviewers {
		if !slices.ContainsFunc(i.Pull.RequestedReviewers, func(x string) bool { return strings.EqualFold(x, l) }) {
			i.Pull.RequestedReviewers = append(i.Pull.RequestedReviewers, l)
			s.emitPull(c.repo, i, "review_requested", c.who.account, obj{"requested_reviewer": s.userOrNil(l)})
		}
	}
	return created(s.simplePull(c.repo, i))
}

func (s *Server) removeReviewers(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	var in struct{ Reviewers []string }
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	i.Pull.RequestedReviewers = slices.DeleteFunc(i.Pull.RequestedReviewers, func(l string) bool {
		return slices.ContainsFunc(in.Reviewers, func(x string) bool { return strings.EqualFold(x, l) })
	})
	return ok(s.simplePull(c.repo, i))
}
