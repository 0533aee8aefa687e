package fakegithub

import (
	"fmt"
	"net/http"
	"slices"
)

func (s *Server) statusShape(r *repository, x *Status) obj {
	var avatar any
	if a := s.account(x.Author); a != nil {
		avatar = s.user(a)["avatar_url"]
	}
	return obj{"url": r.url("/statuses/%s", x.SHA), "id": x.ID, "node_id": node("SC", x.ID), "state": x.State, "description": textOrNil(x.Description),
		"target_url": textOrNil(x.TargetURL), "context": x.Context, "created_at": ts(x.CreatedAt), "updated_at": ts(x.CreatedAt), "avatar_url": avatar,
		"creator": s.userOrNil(x.Author)}
}

// latestStatuses are the newest of each context at a commit, newest first.
func (r *repository) latestStatuses(sha string) []*Status {
	var out []*Status
	for _, x := range slices.Backward(r.statuses) {
		if x.SHA == sha && !slices.ContainsFunc(out, func(y *Status) bool { return x.Context == y.Context }) {
			out = append(out, x)
		}
	}
	return out
}

func (s *Server) createStatus(c *call) (*answer, error) {
	var in struct {
		State, Context, Description string
		TargetURL                   string `json:"target_url"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Context == "" {
		in.Context = "default"
	}
	switch {
	case !slices.Contains([]string{"error", "failure", "pending", "success"}, in.State):
		return nil, invalid("Status", "state", "custom", "state is not included in the list")
	case len([]rune(in.Description)) > 140:
		return nil, invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	if _, err := c.repo.git.Commit(c.params["sha"]); err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", c.params["sha"])
	}
	x := &Status{ID: s.id(), SHA: c.params["sha"], State: in.State, Context: in.Context, Description: in.Description, TargetURL: in.TargetURL,
		Author: c.who.account.Login, CreatedAt: s.now()}
	c.repo.statuses = append(c.repo.statuses, x)
	branches := []obj{}
	for _, ref := range c.repo.git.Refs("refs/heads/") {
		if ref.SHA == x.SHA {
			branches = append(branches, obj{"name": ref.Name[len("refs/heads/"):], "commit": obj{"sha": ref.SHA, "url": c.repo.url("/commits/%s", ref.SHA)}, "protected": false})
		}
	}
	s.emit(c.repo, "status", "", c.who.account, obj{"id": x.ID, "sha": x.SHA, "name": c.repo.fullName(), "target_url": textOrNil(x.TargetURL), "avatar_url": nil,
		"context": x.Context, "description": textOrNil(x.Description), "state": x.State, "commit": c.repo.commitShape(x.SHA), "branches": branches,
		"created_at": ts(x.CreatedAt), "updated_at": ts(x.CreatedAt)})
	return created(s.statusShape(c.repo, x))
}

func (s *Server) combinedStatus(c *call) (*answer, error) {
	sha, err := c.sha()
	if err != nil {
		return nil, &notFound
	}
	all := c.repo.latestStatuses(sha)
	state := "success"
	for _, x := range all {
		switch {
		case x.State == "error" || x.State == "failure":
			state = "failure"
		case x.State == "pending" && state == "success":
			state = "pending"
		}
	}
	if len(all) == 0 {
		state = "pending"
	}
	return ok(obj{"state": state, "sha": sha, "total_count": len(all), "repository": c.repo.shape(), "commit_url": c.repo.url("/commits/%s", sha),
		"url":      c.repo.url("/commits/%s/status", sha),
		"statuses": shapes(page(c, all), func(x *Status) obj { o := s.statusShape(c.repo, x); delete(o, "creator"); return o })})
}

func (s *Server) listStatuses(c *call) (*answer, error) {
	sha, err := c.sha()
	if err != nil {
		return nil, &notFound
	}
	var all []*Status
	for _, x := range slices.Backward(c.repo.statuses) {
		if x.SHA == sha {
			all = append(all, x)
		}
	}
	return ok(shapes(page(c, all), func(x *Status) obj { return s.statusShape(c.repo, x) }))
}

// failing names a context that is not green at a commit, for deployments. Contexts empty: all that reported.
func (s *Server) failing(r *repository, sha string, contexts []string) string {
	if contexts == nil {
		for _, x := range r.latestStatuses(sha) {
			contexts = append(contexts, x.Context)
		}
		for _, x := range latestChecks(r.checksAt[sha]) {
			contexts = append(contexts, x.Name)
		}
	}
	for _, name := range contexts {
		if s.checkState(r, sha, requiredCheck{context: name}) != "success" {
			return name
		}
	}
	return ""
}

func conflictf(format string, args ...any) error {
	return &refusal{status: http.StatusConflict, message: fmt.Sprintf(format, args...)}
}
