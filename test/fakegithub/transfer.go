package fakegithub

import (
	"net/http"
	"strconv"
	"strings"
)

// transferRepo is POST /repos/{owner}/{repo}/transfer. GitHub asks a user to accept; an organization has it at once.
func (s *Server) transferRepo(c *call) (*answer, error) {
	var in struct {
		Owner string  `json:"new_owner"`
		Name  *string `json:"new_name"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	r, to := c.repo, s.account(in.Owner)
	if to == nil || strings.EqualFold(to.Login, r.owner) {
		return nil, invalid("Repository", "new_owner", "invalid", "new_owner is invalid")
	}
	name := r.name
	if in.Name != nil {
		name = *in.Name
	}
	full := strings.ToLower(to.Login + "/" + name)
	if other := s.repos[s.names[full]]; other != nil && strings.EqualFold(other.fullName(), full) {
		return nil, invalid("Repository", "name", "custom", "name already exists on this account")
	}
	before, was := r.fullName(), s.account(r.owner)
	had := map[int64]bool{}
	for _, i := range s.installations() {
		had[i.ID] = s.covers(i, r)
	}
	r.owner, r.name, r.teams = to.Login, name, map[string]Role{}
	s.names[full] = r.id
	s.followHeads(before, r)
	for _, i := range s.installations() {
		if had[i.ID] && !s.covers(i, r) {
			s.emitInstallation(i, "installation_repositories", "removed", obj{"repositories_added": []any{}, "repositories_removed": []any{r.stub()},
				"repository_selection": i.selection(), "requester": nil})
		}
	}
	// Only who owns it now hears of the transfer itself.
	from := obj{"user": s.user(was)}
	if was.Type == "Organization" {
		from = obj{"organization": s.org(was)}
	}
	s.emit(r, "repository", "transferred", c.who.account, obj{"changes": obj{"owner": obj{"from": from}}})
	for _, i := range s.installations() {
		if !had[i.ID] && s.covers(i, r) {
			s.emitInstallation(i, "installation_repositories", "added", obj{"repositories_added": []any{r.stub()}, "repositories_removed": []any{},
				"repository_selection": i.selection(), "requester": nil})
		}
	}
	return accepted(r.shape())
}

// selection is "all" or "selected", as installations spell what they cover.
func (i *Installation) selection() string {
	if i.Repos == nil {
		return "all"
	}
	return "selected"
}

// followHeads gives the pull requests from a repository its new name.
func (s *Server) followHeads(before string, r *repository) {
	for _, x := range s.repos {
		for _, i := range x.issues {
			if i.Pull != nil && i.Pull.HeadRepo == before {
				i.Pull.HeadRepo = r.fullName()
			}
		}
	}
}

// renameBranch is POST /repos/{owner}/{repo}/branches/{branch}/rename: the ref, the default branch and what open pull requests
// go into follow; pull requests from it are closed, as those from a deleted branch are.
func (s *Server) renameBranch(c *call) (*answer, error) {
	var in struct {
		Name string `json:"new_name"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	r, old := c.repo, c.params["branch"]
	sha := r.git.Ref("refs/heads/" + old)
	switch {
	case sha == "":
		return nil, refuse(http.StatusNotFound, "Branch not found")
	case r.git.Ref("refs/heads/"+in.Name) != "":
		return nil, invalid("Branch", "name", "custom", "Branch with new name already exists")
	}
	if err := s.change(r, change{ref: "refs/heads/" + in.Name, new: sha, by: c.who}); err != nil {
		return nil, refError(err, http.StatusUnprocessableEntity)
	}
	if r.defaultBranch == old {
		r.defaultBranch = in.Name
		if err := r.git.SetHead(in.Name); err != nil {
			return nil, err
		}
		s.emit(r, "repository", "edited", c.who.account, obj{"changes": obj{"default_branch": obj{"from": old}}})
	}
	for _, i := range r.openPulls(func(i *Issue) bool { return i.Pull.BaseRef == old }) {
		changes := obj{"base": obj{"ref": obj{"from": old}, "sha": obj{"from": i.Pull.BaseSHA}}}
		i.Pull.BaseRef, i.Pull.BaseSHA, i.UpdatedAt = in.Name, sha, s.now()
		s.emitPull(r, i, "edited", c.who.account, obj{"changes": changes})
	}
	if err := s.change(r, change{ref: "refs/heads/" + old, old: sha, by: c.who}); err != nil {
		return nil, refError(err, http.StatusUnprocessableEntity)
	}
	c.params["branch"] = in.Name
	a, err := s.getBranch(c)
	if err == nil {
		a.status = http.StatusCreated
	}
	return a, err
}

// byID turns the path of something in a repository that is named by its ID, to which GitHub redirects from former names,
// into the path by its name now.
func (s *Server) byID(path string) string {
	rest, ok := strings.CutPrefix(path, "/repositories/")
	id, below, deeper := strings.Cut(rest, "/")
	n, err := strconv.ParseInt(id, 10, 64)
	if !ok || !deeper || err != nil {
		return path
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.repos[n]; r != nil {
		return "/repos/" + r.fullName() + "/" + below
	}
	return path
}
