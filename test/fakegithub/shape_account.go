package fakegithub

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

// node is a GraphQL node ID.
func node(kind string, id int64) string {
	return kind + "_" + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%012d", id))
}

// user is the short form of an account; nil for none.
func (s *Server) user(a *Account) obj {
	if a == nil {
		return nil
	}
	u := s.baseURL + "/users/" + url.PathEscape(a.Login)
	html := s.baseURL + "/" + a.Login
	if a.Type == "Bot" {
		html = s.baseURL + "/apps/" + strings.TrimSuffix(a.Login, "[bot]")
	}
	return obj{
		"login": a.Login, "id": a.ID, "node_id": node("U", a.ID), "avatar_url": fmt.Sprintf("%s/avatars/%d", s.baseURL, a.ID), "gravatar_id": "",
		"url": u, "html_url": html, "followers_url": u + "/followers", "following_url": u + "/following{/other_user}",
		"gists_url": u + "/gists{/gist_id}", "starred_url": u + "/starred{/owner}{/repo}", "subscriptions_url": u + "/subscriptions",
		"organizations_url": u + "/orgs", "repos_url": u + "/repos", "events_url": u + "/events{/privacy}", "received_events_url": u + "/received_events",
		"type": a.Type, "user_view_type": "public", "site_admin": false,
	}
}

// userOrNil is user for fields that may be null: a nil obj in an interface would be null too, but not compare as nil.
func (s *Server) userOrNil(login string) any {
	if a := s.account(login); a != nil {
		return s.user(a)
	}
	return nil
}

func (s *Server) publicUser(a *Account) obj {
	u := s.user(a)
	more := obj{"name": a.Name, "company": nil, "blog": "", "location": nil, "email": textOrNil(a.Email), "hireable": nil, "bio": nil,
		"public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "created_at": ts(a.CreatedAt), "updated_at": ts(a.CreatedAt)}
	for k, v := range more {
		u[k] = v
	}
	return u
}

func (s *Server) org(a *Account) obj {
	u := s.baseURL + "/orgs/" + a.Login
	return obj{"login": a.Login, "id": a.ID, "node_id": node("O", a.ID), "url": u, "repos_url": u + "/repos", "events_url": u + "/events",
		"hooks_url": u + "/hooks", "issues_url": u + "/issues", "members_url": u + "/members{/member}", "public_members_url": u + "/public_members{/member}",
		"avatar_url": fmt.Sprintf("%s/avatars/%d", s.baseURL, a.ID), "description": ""}
}

func (s *Server) fullOrg(a *Account) obj {
	o := s.org(a)
	more := obj{"name": a.Name, "has_organization_projects": true, "has_repository_projects": true, "public_repos": 0, "public_gists": 0, "followers": 0,
		"following": 0, "html_url": s.baseURL + "/" + a.Login, "type": "Organization", "created_at": ts(a.CreatedAt), "updated_at": ts(a.CreatedAt), "archived_at": nil}
	for k, v := range more {
		o[k] = v
	}
	return o
}

func (s *Server) teamShape(t *Team) obj {
	org := s.account(t.Org)
	orgID := int64(0)
	if org != nil {
		orgID = org.ID
	}
	u := fmt.Sprintf("%s/organizations/%d/team/%d", s.baseURL, orgID, t.ID)
	return obj{"id": t.ID, "node_id": node("T", t.ID), "name": t.Name, "slug": t.Slug, "description": "", "privacy": "closed",
		"notification_setting": "notifications_enabled", "permission": "pull", "url": u, "html_url": fmt.Sprintf("%s/orgs/%s/teams/%s", s.baseURL, t.Org, t.Slug),
		"members_url": u + "/members{/member}", "repositories_url": u + "/repos", "type": "organization", "parent": nil, "organization_id": orgID}
}

func (s *Server) fullTeam(t *Team) obj {
	o := s.teamShape(t)
	repos := 0
	for _, r := range s.repos {
		if strings.EqualFold(r.owner, t.Org) && r.teams[t.Slug] != "" {
			repos++
		}
	}
	o["members_count"], o["repos_count"] = len(t.Members), repos
	if org := s.account(t.Org); org != nil {
		o["organization"] = s.fullOrg(org)
		o["created_at"], o["updated_at"] = ts(org.CreatedAt), ts(org.CreatedAt)
	}
	delete(o, "type")
	o["type"] = "organization"
	return o
}

// integration is an App as it appears in check runs and under /app.
func (s *Server) integration(a *App) obj {
	return obj{"id": a.ID, "slug": a.Slug, "node_id": node("A", a.ID), "client_id": a.ClientID, "owner": s.user(s.account(a.Owner)), "name": a.Slug,
		"description": "", "external_url": "https://example.com", "html_url": s.baseURL + "/apps/" + a.Slug, "created_at": ts(a.CreatedAt),
		"updated_at": ts(a.CreatedAt), "permissions": a.Permissions, "events": a.Events}
}

func (s *Server) installation(i *Installation) obj {
	a, acc := s.apps[i.AppID], s.account(i.Account)
	u := fmt.Sprintf("%s/app/installations/%d", s.baseURL, i.ID)
	selection := "all"
	if i.Repos != nil {
		selection = "selected"
	}
	var suspended any
	if i.Suspended {
		suspended = ts(i.CreatedAt)
	}
	return obj{"id": i.ID, "client_id": a.ClientID, "account": s.user(acc), "repository_selection": selection, "access_tokens_url": u + "/access_tokens",
		"repositories_url": s.baseURL + "/installation/repositories", "html_url": fmt.Sprintf("%s/organizations/%s/settings/installations/%d", s.baseURL, i.Account, i.ID),
		"app_id": a.ID, "app_slug": a.Slug, "target_id": acc.ID, "target_type": acc.Type, "permissions": i.Permissions, "events": a.Events,
		"created_at": ts(i.CreatedAt), "updated_at": ts(i.CreatedAt), "single_file_name": nil, "has_multiple_single_files": false, "single_file_paths": []string{},
		"suspended_by": nil, "suspended_at": suspended}
}
