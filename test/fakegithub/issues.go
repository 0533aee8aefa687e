package fakegithub

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

func (s *Server) newIssue(r *repository, author *Account, title, body string) *Issue {
	r.number++
	i := &Issue{ID: s.id(), Number: r.number, Title: title, Body: body, Author: author.Login, Open: true, CreatedAt: s.now(), UpdatedAt: s.now()}
	r.issues[i.Number] = i
	return i
}

func (c *call) issue() (*Issue, error) {
	i := c.repo.issues[atoi(c.params["issue_number"])]
	if i == nil {
		return nil, &notFound
	}
	return i, nil
}

// mayWriteIssue asks an App for the permission that fits: pull requests may be commented with either.
func (c *call) mayWriteIssue(i *Issue) error {
	if c.who.isApp() && i.Pull == nil && !c.who.permits("issues", "write") {
		return refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	return nil
}

func (s *Server) listIssues(c *call) (*answer, error) {
	state := c.query.Get("state")
	if state == "" {
		state = "open"
	}
	var labels []string
	if l := c.query.Get("labels"); l != "" {
		labels = strings.Split(l, ",")
	}
	var all []*Issue
	for _, i := range c.repo.sortedIssues() {
		if state != "all" && (state == "open") != i.Open || c.query.Get("creator") != "" && !strings.EqualFold(c.query.Get("creator"), i.Author) {
			continue
		}
		if !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(i.Labels, l) }) {
			all = append(all, i)
		}
	}
	if c.query.Get("direction") != "asc" {
		slices.Reverse(all)
	}
	return ok(shapes(page(c, all), func(i *Issue) obj { return s.issueShape(c.repo, i) }))
}

func (s *Server) getIssue(c *call) (*answer, error) {
	i, err := c.issue()
	if err != nil {
		return nil, err
	}
	return ok(s.issueShape(c.repo, i))
}

type issueOrder struct {
	Title, Body, State *string
	Reason             string            `json:"state_reason"`
	Labels             []json.RawMessage // names, or objects with names
	Assignees          []string
}

func (o issueOrder) labels() []string {
	out := []string{}
	for _, raw := range o.Labels {
		var name string
		var l struct{ Name string }
		if json.Unmarshal(raw, &name) != nil && json.Unmarshal(raw, &l) == nil {
			name = l.Name
		}
		out = append(out, name)
	}
	return out
}

func (s *Server) createIssue(c *call) (*answer, error) {
	var in issueOrder
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Title == nil || *in.Title == "" {
		return nil, invalid("Issue", "title", "missing_field", "")
	}
	body := ""
	if in.Body != nil {
		body = *in.Body
	}
	i := s.newIssue(c.repo, c.who.account, *in.Title, body)
	if c.who.isApp() || s.roleOf(c.who.account, c.repo).atLeast(RoleTriage) { // others' labels are dropped in silence
		i.Labels, i.Assignees = in.labels(), in.Assignees
	}
	s.emitIssue(c.repo, i, "opened", c.who.account, obj{})
	return created(s.issueShape(c.repo, i))
}

func (s *Server) emitIssue(r *repository, i *Issue, action string, sender *Account, more obj) {
	more["issue"] = s.issueShape(r, i)
	s.emit(r, "issues", action, sender, more)
}

func (s *Server) updateIssue(c *call) (*answer, error) {
	i, err := c.issue()
	if err != nil {
		return nil, err
	}
	if err := c.mayEdit(i); err != nil {
		return nil, err
	}
	var in issueOrder
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	changes := obj{}
	i.edit(in.Title, in.Body, changes)
	if c.has("labels") {
		i.Labels = in.labels()
	}
	if c.has("assignees") {
		i.Assignees = in.Assignees
	}
	i.UpdatedAt = s.now()
	if len(changes) > 0 {
		s.emitEither(c, i, "edited", obj{"changes": changes})
	}
	switch {
	case in.State == nil:
	case i.Pull != nil && *in.State == "closed" && i.Open:
		s.closePull(c.repo, i, c.who.account)
	case i.Pull != nil && *in.State == "open" && !i.Open:
		if err := s.reopenPull(c, i); err != nil {
			return nil, err
		}
	case *in.State == "closed" && i.Open:
		if i.Reason = in.Reason; i.Reason == "" {
			i.Reason = "completed"
		}
		i.Open, i.ClosedAt, i.ClosedBy = false, s.now(), c.who.account.Login
		s.emitIssue(c.repo, i, "closed", c.who.account, obj{})
	case *in.State == "open" && !i.Open:
		i.Open, i.ClosedAt, i.ClosedBy, i.Reason = true, time.Time{}, "", "reopened"
		s.emitIssue(c.repo, i, "reopened", c.who.account, obj{})
	}
	return ok(s.issueShape(c.repo, i))
}

// emitEither tells of a change to an issue, or to a pull request seen as one.
func (s *Server) emitEither(c *call, i *Issue, action string, more obj) {
	if i.Pull != nil {
		s.emitPull(c.repo, i, action, c.who.account, more)
		return
	}
	s.emitIssue(c.repo, i, action, c.who.account, more)
}

func (s *Server) listLabels(c *call) (*answer, error) {
	i, err := c.issue()
	if err != nil {
		return nil, err
	}
	return ok(shapes(page(c, i.Labels), c.repo.labelShape))
}

func (s *Server) addLabels(c *call) (*answer, error) { return s.setLabels(c, true) }

func (s *Server) replaceLabels(c *call) (*answer, error) { return s.setLabels(c, false) }

func (s *Server) setLabels(c *call, keep bool) (*answer, error) {
	i, err := c.issue()
	if err != nil {
		return nil, err
	}
	if err := c.mayWriteIssue(i); err != nil {
		return nil, err
	}
	var in issueOrder
	if strings.HasPrefix(strings.TrimSpace(string(c.body)), "[") {
		err = c.decode(&in.Labels)
	} else {
		err = c.decode(&in)
	}
	if err != nil {
		return nil, err
	}
	before := i.Labels
	if !keep {
		i.Labels = nil
	}
	for _, l := range in.labels() {
		if !slices.Contains(i.Labels, l) {
			i.Labels = append(slices.Clone(i.Labels), l)
		}
	}
	i.UpdatedAt = s.now()
	for _, l := range i.Labels {
		if !slices.Contains(before, l) {
			s.emitEither(c, i, "labeled", obj{"label": c.repo.labelShape(l)})
		}
	}
	for _, l := range before {
		if !slices.Contains(i.Labels, l) {
			s.emitEither(c, i, "unlabeled", obj{"label": c.repo.labelShape(l)})
		}
	}
	return ok(shapes(i.Labels, c.repo.labelShape))
}

func (s *Server) removeLabel(c *call) (*answer, error) {
	i, err := c.issue()
	if err != nil {
		return nil, err
	}
	at := slices.Index(i.Labels, c.params["name"])
	if at < 0 {
		return nil, refuse(http.StatusNotFound, "Label does not exist")
	}
	i.Labels = slices.Delete(slices.Clone(i.Labels), at, at+1)
	s.emitEither(c, i, "unlabeled", obj{"label": c.repo.labelShape(c.params["name"])})
	return ok(shapes(i.Labels, c.repo.labelShape))
}

func (s *Server) repoLabels(c *call) (*answer, error) {
	var names []string
	for _, l := range c.repo.labels {
		names = append(names, l.Name)
	}
	slices.Sort(names)
	return ok(shapes(page(c, names), c.repo.labelShape))
}

func (s *Server) createLabel(c *call) (*answer, error) {
	var in struct{ Name, Color, Description string }
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if c.repo.labels[strings.ToLower(in.Name)] != nil {
		return nil, invalid("Label", "name", "already_exists", "")
	}
	if in.Color == "" {
		in.Color = "ededed"
	}
	c.repo.makeLabel(in.Name, in.Color, in.Description)
	return created(c.repo.labelShape(in.Name))
}

func (s *Server) addAssignees(c *call) (*answer, error) {
	i, err := c.issue()
	if err != nil {
		return nil, err
	}
	var in issueOrder
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	for _, l := range in.Assignees {
		a := s.account(l) // who cannot be assigned is dropped in silence
		if a != nil && s.roleOf(a, c.repo).atLeast(RoleTriage) && !slices.Contains(i.Assignees, a.Login) {
			i.Assignees = append(slices.Clone(i.Assignees), a.Login)
			s.emitEither(c, i, "assigned", obj{"assignee": s.user(a)})
		}
	}
	return created(s.issueShape(c.repo, i))
}

func (s *Server) removeAssignees(c *call) (*answer, error) {
	i, err := c.issue()
	if err != nil {
		return nil, err
	}
	var in issueOrder
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	i.Assignees = slices.DeleteFunc(slices.Clone(i.Assignees), func(l string) bool { return slices.Contains(in.Assignees, l) })
	return ok(s.issueShape(c.repo, i))
}
