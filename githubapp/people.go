package githubapp

import (
	"context"
	"errors"
	"net/url"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// granted is how GitHub says what somebody may do, in the answers that it is a part of.
type granted struct {
	RoleName    string          `json:"role_name"`
	Permissions map[string]bool `json:"permissions"`
}

// ranks are the names of roles in permissions, the highest first.
var ranks = [...]struct {
	name string
	role forge.Role
}{
	{"admin", forge.RoleAdmin}, {"maintain", forge.RoleMaintain}, {"push", forge.RoleWrite}, {"triage", forge.RoleTriage}, {"pull", forge.RoleRead},
}

// role is one of GitHub's own roles; a custom role counts as the one it extends.
func (g granted) role() forge.Role {
	if role := forge.Role(g.RoleName); role.AtLeast(forge.RoleRead) {
		return role
	}
	for _, r := range ranks {
		if g.Permissions[r.name] {
			return r.role
		}
	}
	return forge.RoleNone
}

// Role is what an account may do in the repository, live; RoleNone for an account that does not exist. The field
// permission of GitHub's answer is lossy (maintain reads as write there), so it is only the last resort, for servers that
// say nothing else.
func (r *Repo) Role(ctx context.Context, login string) (forge.Role, error) {
	var answer struct {
		Permission string  `json:"permission"`
		RoleName   string  `json:"role_name"`
		User       granted `json:"user"`
	}
	_, err := r.call(ctx, "GET", r.path("collaborators", login, "permission"), nil, &answer)
	if errors.Is(err, forge.ErrNotFound) {
		return forge.RoleNone, nil
	}
	if err != nil {
		return forge.RoleNone, err
	}
	if role := (granted{RoleName: answer.RoleName, Permissions: answer.User.Permissions}).role(); role != forge.RoleNone {
		return role, nil
	}
	if role := forge.Role(answer.Permission); role.AtLeast(forge.RoleRead) {
		return role, nil
	}
	return forge.RoleNone, nil
}

// Collaborators lists the people with at least a role. GitHub filters by pull, triage, push, maintain and admin.
func (r *Repo) Collaborators(ctx context.Context, role forge.Role) ([]forge.User, error) {
	path := r.path("collaborators")
	for _, rank := range ranks {
		if rank.role == role {
			path += "?permission=" + rank.name
		}
	}
	var out []forge.User
	err := pages(func(n int) (*github.Response, error) {
		var list []struct {
			account
			granted
		}
		resp, err := r.call(ctx, "GET", page(path, n), nil, &list)
		for _, u := range list {
			if u.role().AtLeast(role) {
				out = append(out, u.user())
			}
		}
		return resp, err
	})
	return out, err
}

// account is what GitHub says of a user everywhere.
type account struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Type  string `json:"type"`
}

func (a account) user() forge.User { return forge.User{ID: a.ID, Login: a.Login, Bot: a.Type == "Bot"} }

// team is the API path of a team of the repository's owner.
func (r *Repo) team(slug string) string {
	return "orgs/" + url.PathEscape(r.owner) + "/teams/" + url.PathEscape(slug)
}

// TeamMember tells whether an account is an active member of a team of the repository's owner, or of a team within it.
func (r *Repo) TeamMember(ctx context.Context, team, login string) (bool, error) {
	var m struct {
		State string `json:"state"`
	}
	_, err := r.call(ctx, "GET", r.team(team)+"/memberships/"+url.PathEscape(login), nil, &m)
	if errors.Is(err, forge.ErrNotFound) {
		return false, nil
	}
	return err == nil && m.State == "active", err
}

// TeamMembers lists the members of a team of the repository's owner.
func (r *Repo) TeamMembers(ctx context.Context, team string) ([]forge.User, error) {
	var out []forge.User
	err := pages(func(n int) (*github.Response, error) {
		var list []account
		resp, err := r.call(ctx, "GET", page(r.team(team)+"/members", n), nil, &list)
		for _, a := range list {
			out = append(out, a.user())
		}
		return resp, err
	})
	return out, err
}

// UserByLogin resolves a login; forge.ErrNotFound.
func (r *Repo) UserByLogin(ctx context.Context, login string) (forge.User, error) {
	return r.app.user(ctx, r.gh, login)
}

// UserByID is an account as it is now; forge.ErrNotFound when it is gone.
func (r *Repo) UserByID(ctx context.Context, id int64) (forge.User, error) {
	var u account
	if _, err := r.app.do(ctx, r.gh, "GET", "user/"+itoa(id), nil, &u); err != nil {
		return forge.User{}, err
	}
	return u.user(), nil
}
