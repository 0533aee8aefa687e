package githubapp

import (
	"context"
	"errors"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// Role is what an account may do in the repository, live. role_name is asked for: permission is lossy, maintain reads as
// write there. A custom role counts as the permission it comes with.
func (r *Repo) Role(ctx context.Context, login string) (forge.Role, error) {
	var answer struct {
		Permission string `json:"permission"`
		RoleName   string `json:"role_name"`
	}
	_, err := r.call(ctx, "GET", r.path("collaborators", login, "permission"), nil, &answer)
	if errors.Is(err, forge.ErrNotFound) {
		return forge.RoleNone, nil
	}
	if err != nil {
		return forge.RoleNone, err
	}
	for _, name := range []string{answer.RoleName, answer.Permission} {
		if role := forge.Role(name); role.AtLeast(forge.RoleRead) {
			return role, nil
		}
	}
	return forge.RoleNone, nil
}

// TeamMember tells whether an account is an active member of a team of the repository's owner.
func (r *Repo) TeamMember(ctx context.Context, team, login string) (bool, error) {
	m, resp, err := r.gh.Teams.GetTeamMembershipBySlug(ctx, r.owner, team, login)
	if err != nil {
		err = r.fail(resp, err)
		if errors.Is(err, forge.ErrNotFound) {
			return false, nil
		}
		return false, err
	}
	return m.GetState() == "active", nil
}

// TeamMembers lists the members of a team of the repository's owner.
func (r *Repo) TeamMembers(ctx context.Context, team string) ([]forge.User, error) {
	var out []forge.User
	err := r.pages(func(n int) (*github.Response, error) {
		page, resp, err := r.gh.Teams.ListTeamMembersBySlug(ctx, r.owner, team, &github.TeamListTeamMembersOptions{
			ListOptions: github.ListOptions{Page: n, PerPage: perPage},
		})
		for _, u := range page {
			out = append(out, userOf(u))
		}
		return resp, err
	})
	return out, err
}

// Collaborators lists the people with at least a role. GitHub filters by pull, triage, push, maintain and admin.
func (r *Repo) Collaborators(ctx context.Context, role forge.Role) ([]forge.User, error) {
	permission := map[forge.Role]string{
		forge.RoleRead: "pull", forge.RoleTriage: "triage", forge.RoleWrite: "push", forge.RoleMaintain: "maintain", forge.RoleAdmin: "admin",
	}[role]
	var out []forge.User
	err := r.pages(func(n int) (*github.Response, error) {
		page, resp, err := r.gh.Repositories.ListCollaborators(ctx, r.owner, r.name, &github.ListCollaboratorsOptions{
			Permission: permission, ListOptions: github.ListOptions{Page: n, PerPage: perPage},
		})
		for _, u := range page {
			out = append(out, userOf(u))
		}
		return resp, err
	})
	return out, err
}

// UserByLogin resolves a login.
func (r *Repo) UserByLogin(ctx context.Context, login string) (forge.User, error) {
	u, resp, err := r.gh.Users.Get(ctx, login)
	if err != nil {
		return forge.User{}, r.fail(resp, err)
	}
	return userOf(u), nil
}

// Permissions is what the installation was granted.
func (r *Repo) Permissions(ctx context.Context) (map[string]string, error) {
	var answer struct {
		Permissions map[string]string `json:"permissions"`
	}
	req, err := r.app.self.NewRequest("GET", "app/installations/"+itoa(int(r.installation)), nil)
	if err != nil {
		return nil, err
	}
	resp, err := r.app.self.Do(ctx, req, &answer)
	return answer.Permissions, r.fail(resp, err)
}

// rule is one entry of GET /repos/{owner}/{repo}/rules/branches/{branch}. go-github v62 fails on types it does not know.
type rule struct {
	Type       string `json:"type"`
	Source     string `json:"ruleset_source"`
	RulesetID  int64  `json:"ruleset_id"`
	Parameters struct {
		Checks []struct {
			Context       string `json:"context"`
			IntegrationID int64  `json:"integration_id"`
		} `json:"required_status_checks"`
		Reviews      int      `json:"required_approving_review_count"`
		MergeMethods []string `json:"allowed_merge_methods"`
	} `json:"parameters"`
}

// knownRules are the rule types this version has a word for (REST API, "Get rules for a branch").
const knownRules = " creation update deletion required_linear_history merge_queue required_deployments required_signatures " +
	"pull_request required_status_checks non_fast_forward commit_message_pattern commit_author_email_pattern " +
	"committer_email_pattern branch_name_pattern tag_name_pattern workflows code_scanning "

// Rules lists the active rules of a branch: rulesets first, then classic protection in the same words.
func (r *Repo) Rules(ctx context.Context, branch string) ([]forge.Rule, error) {
	var out []forge.Rule
	for n := 1; n != 0; {
		var rules []rule
		resp, err := r.call(ctx, "GET", page(r.path("rules", "branches", branch), n), nil, &rules)
		if err != nil {
			return nil, err
		}
		for _, x := range rules {
			out = append(out, ruleOf(x))
		}
		n = resp.NextPage
	}
	classic, err := r.classic(ctx, branch)
	return append(out, classic...), err
}

func ruleOf(x rule) forge.Rule {
	out := forge.Rule{
		Type: x.Type, Ruleset: x.Source + " ruleset " + itoa(int(x.RulesetID)), RequiredReviews: x.Parameters.Reviews,
		MergeMethods: x.Parameters.MergeMethods, Known: strings.Contains(knownRules, " "+x.Type+" "),
	}
	for _, c := range x.Parameters.Checks {
		out.RequiredChecks = append(out.RequiredChecks, forge.RequiredCheck{Context: c.Context, AppID: c.IntegrationID})
	}
	return out
}

// classic reads classic branch protection, which needs the permission administration:read. Without it the rules say
// nothing of it, and a refusal is found when the merge is tried.
func (r *Repo) classic(ctx context.Context, branch string) ([]forge.Rule, error) {
	var p struct {
		Checks *struct {
			Checks []struct {
				Context string `json:"context"`
				AppID   int64  `json:"app_id"`
			} `json:"checks"`
		} `json:"required_status_checks"`
		Reviews *struct {
			Count int `json:"required_approving_review_count"`
		} `json:"required_pull_request_reviews"`
		Linear     struct{ Enabled bool } `json:"required_linear_history"`
		Signatures struct{ Enabled bool } `json:"required_signatures"`
	}
	_, err := r.call(ctx, "GET", r.path("branches", branch, "protection"), nil, &p)
	var refused *forge.RefusedError
	if errors.Is(err, forge.ErrNotFound) || errors.As(err, &refused) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	const from = "branch protection"
	var out []forge.Rule
	if p.Checks != nil {
		rule := forge.Rule{Type: "required_status_checks", Ruleset: from, Known: true}
		for _, c := range p.Checks.Checks {
			rule.RequiredChecks = append(rule.RequiredChecks, forge.RequiredCheck{Context: c.Context, AppID: max(c.AppID, 0)})
		}
		out = append(out, rule)
	}
	if p.Reviews != nil {
		out = append(out, forge.Rule{Type: "pull_request", Ruleset: from, RequiredReviews: p.Reviews.Count, Known: true})
	}
	if p.Linear.Enabled {
		out = append(out, forge.Rule{Type: "required_linear_history", Ruleset: from, Known: true})
	}
	if p.Signatures.Enabled {
		out = append(out, forge.Rule{Type: "required_signatures", Ruleset: from, Known: true})
	}
	return out, nil
}
