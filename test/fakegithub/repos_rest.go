package fakegithub

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

func (s *Server) getRepo(c *call) (*answer, error) { return ok(c.repo.fullShape(c.who)) }

// repoByID is GET /repositories/{repository_id}.
func (s *Server) repoByID(c *call) (*answer, error) {
	id, err := c.int64("repository_id")
	if err != nil {
		return nil, err
	}
	r := s.repos[id]
	if r == nil {
		return nil, &notFound
	}
	if err := s.admit(c.who, reads("metadata"), r); err != nil {
		return nil, err
	}
	return ok(r.fullShape(c.who))
}

func (s *Server) updateRepo(c *call) (*answer, error) {
	var in struct {
		Name, Description *string
		DefaultBranch     *string `json:"default_branch"`
		Archived, Private *bool
		Merge             *bool `json:"allow_merge_commit"`
		Squash            *bool `json:"allow_squash_merge"`
		Rebase            *bool `json:"allow_rebase_merge"`
		AutoMerge         *bool `json:"allow_auto_merge"`
		DeleteOnMerge     *bool `json:"delete_branch_on_merge"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	r := c.repo
	if r.archived && (in.Archived == nil || *in.Archived) {
		return nil, refuse(http.StatusForbidden, "Repository was archived so is read-only.")
	}
	for to, from := range map[*bool]*bool{&r.private: in.Private, &r.mergeCommits: in.Merge, &r.squash: in.Squash, &r.rebase: in.Rebase, &r.autoMerge: in.AutoMerge, &r.deleteOnMerge: in.DeleteOnMerge} {
		if from != nil {
			*to = *from
		}
	}
	if !r.mergeCommits && !r.squash && !r.rebase {
		r.mergeCommits = true
		return nil, refuse(http.StatusUnprocessableEntity, "Sorry, you need to allow at least one merge strategy. (no_merge_method)")
	}
	if in.Description != nil {
		r.description = *in.Description
	}
	changes := obj{}
	if in.DefaultBranch != nil && *in.DefaultBranch != r.defaultBranch {
		if r.git.Ref("refs/heads/"+*in.DefaultBranch) == "" {
			return nil, invalid("Repository", "default_branch", "invalid", "The branch "+*in.DefaultBranch+" was not found.")
		}
		changes["default_branch"] = obj{"from": r.defaultBranch}
		r.defaultBranch = *in.DefaultBranch
		if err := r.git.SetHead(r.defaultBranch); err != nil {
			return nil, err
		}
		s.emit(r, "repository", "edited", c.who.account, obj{"changes": changes})
	}
	if in.Archived != nil && *in.Archived != r.archived {
		r.archived = *in.Archived
		s.emit(r, "repository", map[bool]string{true: "archived", false: "unarchived"}[r.archived], c.who.account, obj{})
	}
	if in.Name != nil && *in.Name != r.name {
		if err := s.rename(r, *in.Name, c.who.account); err != nil {
			return nil, err
		}
	}
	return ok(r.fullShape(c.who))
}

// rename gives a repository another name; the old one leads there until something else takes it.
func (s *Server) rename(r *repository, name string, sender *Account) error {
	full := strings.ToLower(r.owner + "/" + name)
	if other := s.repos[s.names[full]]; other != nil && strings.EqualFold(other.fullName(), full) && other != r {
		return invalid("Repository", "name", "custom", "name already exists on this account")
	}
	old := r.name
	before := r.fullName()
	r.name = name
	s.names[full] = r.id
	s.followHeads(before, r)
	s.emit(r, "repository", "renamed", sender, obj{"changes": obj{"repository": obj{"name": obj{"from": old}}}})
	return nil
}

func (s *Server) deleteRepo(c *call) (*answer, error) {
	s.emit(c.repo, "repository", "deleted", c.who.account, obj{})
	delete(s.repos, c.repo.id)
	return noContent()
}

// visible are the repositories of an owner (all when empty) that somebody may see.
func (s *Server) visible(a *actor, owner string) []*repository {
	var out []*repository
	for _, r := range s.sortedRepos() {
		if (owner == "" || strings.EqualFold(owner, r.owner)) && s.admit(a, reads("metadata"), r) == nil {
			out = append(out, r)
		}
	}
	return out
}

func (s *Server) orgRepos(c *call) (*answer, error) {
	if s.account(c.params["org"]) == nil {
		return nil, &notFound
	}
	return ok(shapes(page(c, s.visible(c.who, c.params["org"])), func(r *repository) obj { return r.shape() }))
}

func (s *Server) userRepos(c *call) (*answer, error) {
	if s.account(c.params["username"]) == nil {
		return nil, &notFound
	}
	return ok(shapes(page(c, s.visible(c.who, c.params["username"])), func(r *repository) obj { return r.shape() }))
}

func (s *Server) ownRepos(c *call) (*answer, error) {
	all := slices.DeleteFunc(s.visible(c.who, ""), func(r *repository) bool {
		return r.roles[strings.ToLower(c.who.account.Login)] == "" && !strings.EqualFold(r.owner, c.who.account.Login) && !slices.Contains(s.members[strings.ToLower(r.owner)], strings.ToLower(c.who.account.Login))
	})
	return ok(shapes(page(c, all), func(r *repository) obj { return r.shape() }))
}

// collaboratorPermission is how an App asks what somebody may do: permission knows four words, role_name all.
func (s *Server) collaboratorPermission(c *call) (*answer, error) {
	a := s.account(c.params["username"])
	if a == nil || a.Type == "Organization" {
		return nil, refuse(http.StatusNotFound, "%s is not a user", c.params["username"])
	}
	role := s.roleOf(a, c.repo)
	u := s.user(a)
	u["role_name"] = string(role)
	u["permissions"] = obj{"admin": role.atLeast(RoleAdmin), "maintain": role.atLeast(RoleMaintain), "push": role.atLeast(RoleWrite), "triage": role.atLeast(RoleTriage), "pull": role.atLeast(RoleRead)}
	return ok(obj{"permission": lossy(role), "role_name": string(role), "user": u})
}

func (s *Server) isCollaborator(c *call) (*answer, error) {
	a := s.account(c.params["username"])
	if a == nil || !s.roleOf(a, c.repo).atLeast(RoleRead) {
		return nil, &notFound
	}
	return noContent()
}

func (s *Server) listCollaborators(c *call) (*answer, error) {
	var all []*Account
	for _, a := range s.accounts {
		if a.Type == "User" && s.roleOf(a, c.repo) != RoleNone && (c.repo.private || s.roleOf(a, c.repo) != RoleRead || c.repo.roles[strings.ToLower(a.Login)] != "") {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b *Account) int { return cmp.Compare(a.ID, b.ID) })
	return ok(shapes(page(c, all), func(a *Account) obj {
		role := s.roleOf(a, c.repo)
		u := s.user(a)
		u["role_name"] = string(role)
		u["permissions"] = obj{"admin": role.atLeast(RoleAdmin), "maintain": role.atLeast(RoleMaintain), "push": role.atLeast(RoleWrite), "triage": role.atLeast(RoleTriage), "pull": true}
		return u
	}))
}

func (s *Server) getUser(c *call) (*answer, error) {
	a := s.account(c.params["username"])
	if a == nil {
		return nil, &notFound
	}
	return ok(s.publicUser(a))
}

func (s *Server) userByID(c *call) (*answer, error) {
	for _, a := range s.accounts {
		if a.ID == int64(atoi(c.params["account_id"])) {
			return ok(s.publicUser(a))
		}
	}
	return nil, &notFound
}

// self is GET /user; installation tokens have no user.
func (s *Server) self(c *call) (*answer, error) {
	if c.who.isApp() {
		return nil, refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	return ok(s.publicUser(c.who.account))
}

func (s *Server) getOrg(c *call) (*answer, error) {
	a := s.account(c.params["org"])
	if a == nil || a.Type != "Organization" {
		return nil, &notFound
	}
	return ok(s.fullOrg(a))
}

// team finds the team of a path. Apps need the permission members for it.
func (c *call) team() (*Team, error) {
	if c.who.isApp() && (!c.who.permits("members", "read") || !strings.EqualFold(c.who.install.Account, c.params["org"])) {
		return nil, refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	if !c.who.isApp() && !slices.Contains(c.s.members[strings.ToLower(c.params["org"])], strings.ToLower(c.who.account.Login)) {
		return nil, &notFound
	}
	t := c.s.teams[teamKey(c.params["org"], c.params["team_slug"])]
	if t == nil {
		return nil, &notFound
	}
	return t, nil
}

func (s *Server) getTeam(c *call) (*answer, error) {
	t, err := c.team()
	if err != nil {
		return nil, err
	}
	return ok(s.fullTeam(t))
}

func (s *Server) listTeams(c *call) (*answer, error) {
	if c.who.isApp() && !c.who.permits("members", "read") {
		return nil, refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	var all []*Team
	for _, t := range s.teams {
		if strings.EqualFold(t.Org, c.params["org"]) {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b *Team) int { return cmp.Compare(a.ID, b.ID) })
	return ok(shapes(page(c, all), s.teamShape))
}

func (s *Server) teamMembers(c *call) (*answer, error) {
	t, err := c.team()
	if err != nil {
		return nil, err
	}
	return ok(s.users(page(c, t.Members)))
}

func (s *Server) teamMembership(c *call) (*answer, error) {
	t, err := c.team()
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(t.Members, func(m string) bool { return strings.EqualFold(m, c.params["username"]) }) {
		return nil, &notFound
	}
	return ok(obj{"url": s.baseURL + "/organizations/" + t.Org + "/team/" + t.Slug + "/memberships/" + c.params["username"], "role": "member", "state": "active"})
}

func (s *Server) orgMembers(c *call) (*answer, error) {
	if s.account(c.params["org"]) == nil {
		return nil, &notFound
	}
	return ok(s.users(page(c, s.members[strings.ToLower(c.params["org"])])))
}

func (s *Server) orgMember(c *call) (*answer, error) {
	if !slices.Contains(s.members[strings.ToLower(c.params["org"])], strings.ToLower(c.params["username"])) {
		return nil, &notFound
	}
	return noContent()
}

func (s *Server) orgMembership(c *call) (*answer, error) {
	org, a := s.account(c.params["org"]), s.account(c.params["username"])
	if org == nil || a == nil || !slices.Contains(s.members[strings.ToLower(org.Login)], strings.ToLower(a.Login)) {
		return nil, &notFound
	}
	return ok(obj{"url": s.baseURL + "/orgs/" + org.Login + "/memberships/" + a.Login, "state": "active", "role": "member", "organization_url": s.baseURL + "/orgs/" + org.Login,
		"organization": s.org(org), "user": s.user(a)})
}

func (s *Server) meta(c *call) (*answer, error) {
	return ok(obj{"verifiable_password_authentication": false, "hooks": []string{"127.0.0.0/8"}, "web": []string{}, "api": []string{}, "git": []string{}})
}
