package fakegithub

import (
	"fmt"
	"maps"
)

// stub is how installation events name a repository.
func (r *repository) stub() obj {
	return obj{"id": r.id, "node_id": node("R", r.id), "name": r.name, "full_name": r.fullName(), "private": r.private}
}

func (s *Server) installedShapes(i *Installation) []any {
	out := []any{}
	for _, r := range s.installedRepos(i) {
		out = append(out, r.stub())
	}
	return out
}

// url is an address of the REST API below the repository.
func (r *repository) url(format string, args ...any) string {
	return r.s.baseURL + "/repos/" + r.fullName() + fmt.Sprintf(format, args...)
}

// html is the address of a page below the repository.
func (r *repository) html(format string, args ...any) string {
	return r.s.baseURL + "/" + r.fullName() + fmt.Sprintf(format, args...)
}

var repoURLs = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}", "branches_url": "/branches{/branch}",
	"collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}",
	"compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
	"downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}",
	"git_tags_url": "/git/tags{/sha}", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}", "languages_url": "/languages", "merges_url": "/merges",
	"milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}", "pulls_url": "/pulls{/number}",
	"releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}", "subscribers_url": "/subscribers",
	"subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}", "hooks_url": "/hooks",
}

// shape is the repository as lists, events and pull requests contain it.
func (r *repository) shape() obj {
	s := r.s
	base := r.url("")
	o := make(obj, 90)
	for k, v := range repoURLs {
		o[k] = base + v
	}
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	open := 0
	for _, i := range r.issues {
		if i.Open {
			open++
		}
	}
	forks := 0
	for _, x := range s.repos {
		if x.parent == r.id {
			forks++
		}
	}
	maps.Copy(o, obj{
		"id": r.id, "node_id": node("R", r.id), "name": r.name, "full_name": r.fullName(), "owner": s.user(s.account(r.owner)), "private": r.private,
		"html_url": r.html(""), "description": textOrNil(r.description), "fork": r.parent != 0, "url": base, "homepage": nil, "size": 1, "stargazers_count": 0,
		"watchers_count": 0, "language": nil, "forks_count": forks, "open_issues_count": open, "default_branch": r.defaultBranch, "is_template": false, "topics": []string{},
		"has_issues": true, "has_projects": true, "has_wiki": false, "has_pages": false, "has_downloads": true, "has_discussions": false, "archived": r.archived,
		"disabled": false, "visibility": visibility, "pushed_at": ts(r.pushed), "created_at": ts(r.created), "updated_at": ts(r.pushed), "license": nil,
		"forks": forks, "open_issues": open, "watchers": 0, "allow_forking": true, "web_commit_signoff_required": false, "mirror_url": nil,
		"git_url": "git://" + r.html(".git")[len("http://"):], "ssh_url": "git@github.test:" + r.fullName() + ".git", "clone_url": r.html(".git"), "svn_url": r.html(""),
	})
	return o
}

// fullShape is what GET /repos/{owner}/{repo} gives; the merge settings only to those who may push.
func (r *repository) fullShape(a *actor) obj {
	o := r.shape()
	o["subscribers_count"], o["network_count"] = 0, 0
	if owner := r.s.account(r.owner); owner.Type == "Organization" {
		o["organization"] = r.s.user(owner)
	}
	role := r.s.roleOf(accountOf(a), r)
	if a.isApp() && a.install != nil {
		role = RoleRead
		if r.s.tokenCovers(a, r) && (a.permits("contents", "write") || a.permits("administration", "read")) {
			role = RoleWrite
		}
	}
	o["permissions"] = obj{"admin": role.atLeast(RoleAdmin), "maintain": role.atLeast(RoleMaintain), "push": role.atLeast(RoleWrite), "triage": role.atLeast(RoleTriage), "pull": true}
	if role.atLeast(RoleWrite) {
		maps.Copy(o, obj{"allow_squash_merge": r.squash, "allow_merge_commit": r.mergeCommits, "allow_rebase_merge": r.rebase, "allow_auto_merge": r.autoMerge,
			"delete_branch_on_merge": r.deleteOnMerge, "allow_update_branch": true, "use_squash_pr_title_as_default": false,
			"squash_merge_commit_title": "COMMIT_OR_PR_TITLE", "squash_merge_commit_message": "COMMIT_MESSAGES", "merge_commit_title": "MERGE_MESSAGE",
			"merge_commit_message": "PR_TITLE"})
	}
	if p := r.s.repos[r.parent]; p != nil {
		o["parent"], o["source"] = p.shape(), p.shape()
	}
	return o
}
