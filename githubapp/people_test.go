package githubapp

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

func TestPeople(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.s.AddTeam("acme", "release-managers", "bob", "zoe")
	w.s.AddUser("stranger")
	for login, want := range map[string]forge.Role{
		"ann": forge.RoleWrite, "bob": forge.RoleMaintain, "boss": forge.RoleAdmin, "zoe": forge.RoleRead, "stranger": forge.RoleNone,
		"nobody-at-all": forge.RoleNone, "..": forge.RoleNone, "": forge.RoleNone, "a/b": forge.RoleNone, "ann?x=y": forge.RoleNone,
	} {
		t.Run("role of "+login, func(t *testing.T) {
			got, err := w.gh.Role(w.ctx(), login)
			same(t, err, nil)
			equal(t, want, got)
		})
	}

	for login, want := range map[string]bool{"bob": true, "ann": false, "nobody-at-all": false, "..": false} {
		got, err := w.gh.TeamMember(w.ctx(), "release-managers", login)
		w.must(err)
		equal(t, want, got)
	}
	in, err := w.gh.TeamMember(w.ctx(), "no-such-team", "bob")
	w.must(err)
	equal(t, false, in)

	user := func(login string) forge.User { return forge.User{ID: w.s.AddUser(login).ID, Login: login} }
	byID := cmpopts.SortSlices(func(a, b forge.User) bool { return a.ID < b.ID })
	members, err := w.gh.TeamMembers(w.ctx(), "release-managers")
	w.must(err)
	equal(t, []forge.User{user("bob"), user("zoe")}, members, byID)
	_, err = w.gh.TeamMembers(w.ctx(), "no-such-team")
	w.fails(err, forge.ErrNotFound)
	for role, want := range map[forge.Role][]forge.User{
		forge.RoleMaintain: {user("bob"), user("boss")},
		forge.RoleWrite:    {user("ann"), user("bob"), user("boss")},
	} {
		got, err := w.gh.Collaborators(w.ctx(), role)
		w.must(err)
		equal(t, want, got, byID)
	}

	got, err := w.gh.UserByLogin(w.ctx(), "BOB")
	w.must(err)
	equal(t, user("bob"), got)
	_, err = w.gh.UserByLogin(w.ctx(), "nobody-at-all")
	w.fails(err, forge.ErrNotFound)

	w.must(w.s.SetInstallation(w.install, map[string]string{"metadata": "read"}, nil))
	_, err = w.gh.TeamMember(w.ctx(), "release-managers", "bob") // must not look like "no"
	w.fails(err, &forge.RefusedError{Status: 403, Permission: true, Message: "Resource not accessible by integration"})
}

func TestCustomRoles(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		want   forge.Role
	}{
		"one that extends maintain": {`{"permission":"write","role_name":"captain","user":{"permissions":{"pull":true,"triage":true,"push":true,"maintain":true,"admin":false}}}`, forge.RoleMaintain},
		"one that extends triage":   {`{"permission":"read","role_name":"helper","user":{"permissions":{"pull":true,"triage":true,"push":false}}}`, forge.RoleTriage},
		"maintain is not write":     {`{"permission":"write","role_name":"maintain"}`, forge.RoleMaintain},
		"an old server":             {`{"permission":"write"}`, forge.RoleWrite},
		"none":                      {`{"permission":"none","role_name":"","user":{"permissions":{"pull":false}}}`, forge.RoleNone},
		"a word of the future":      {`{"permission":"owner","role_name":"owner"}`, forge.RoleNone},
		"without a user":            {`{"permission":"none","role_name":"none","user":null}`, forge.RoleNone},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := newScript(t, tc.answer).repo.Role(t.Context(), "x")
			same(t, err, nil)
			equal(t, tc.want, got)
		})
	}
}

func TestRoleWhenGitHubFails(t *testing.T) {
	got, err := newScriptOf(t, Options{}, refusal(403, "Resource not accessible by integration")).repo.Role(t.Context(), "x")
	same(t, err, &forge.RefusedError{Status: 403, Permission: true, Message: "Resource not accessible by integration"})
	equal(t, forge.RoleNone, got)
}

func TestPendingMembershipIsNone(t *testing.T) {
	got, err := newScript(t, `{"state":"pending","role":"member"}`).repo.TeamMember(t.Context(), "qa", "x")
	same(t, err, nil)
	equal(t, false, got)
}

func TestRules(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	id := w.repo.AddRuleset(fakegithub.Ruleset{Name: "main", Include: []string{"refs/heads/release/**"}, Rules: []fakegithub.Rule{
		{Type: "required_status_checks", Parameters: map[string]any{"required_status_checks": []any{
			map[string]any{"context": "ci"}, map[string]any{"context": "sluice/promotion", "integration_id": 7},
		}, "strict_required_status_checks_policy": true}},
		{Type: "pull_request", Parameters: map[string]any{"required_approving_review_count": 2, "allowed_merge_methods": []string{"merge"}}},
		{Type: "required_linear_history"},
		{Type: "moon_phase", Parameters: map[string]any{"required_status_checks": "all", "pattern": 7, "negate": "no", "allowed_merge_methods": map[string]any{"full": true}}},
	}})
	got, err := w.gh.Rules(w.ctx(), "release/1.4.0") // the branch need not exist
	w.must(err)
	from := fmt.Sprintf("main, ID %d of acme/shop", id)
	equal(t, []forge.Rule{
		{Type: "required_status_checks", Ruleset: from, RequiredChecks: []forge.RequiredCheck{{Context: "ci"}, {Context: "sluice/promotion", AppID: 7}}, OnCreate: true, Strict: true, Known: true},
		{Type: "pull_request", Ruleset: from, RequiredReviews: 2, MergeMethods: []string{"merge"}, Known: true},
		{Type: "required_linear_history", Ruleset: from, Known: true},
		{Type: "moon_phase", Ruleset: from},
	}, got)
	got, err = w.gh.Rules(w.ctx(), "development")
	w.must(err)
	equal(t, []forge.Rule(nil), got)
}

// A rule of a known type whose parameters came to have another form is reported as one that is not known, and the others hold.
func TestRulesThatCannotBeRead(t *testing.T) {
	for name, odd := range map[string]string{
		"checks":      `{"type":"required_status_checks","ruleset_id":1,"ruleset_source":"acme","parameters":{"required_status_checks":"all"}}`,
		"reviews":     `{"type":"pull_request","ruleset_id":1,"ruleset_source":"acme","parameters":{"required_approving_review_count":"two"}}`,
		"queue":       `{"type":"merge_queue","ruleset_id":1,"ruleset_source":"acme","parameters":{"merge_method":["MERGE"]}}`,
		"deployments": `{"type":"required_deployments","ruleset_id":1,"ruleset_source":"acme","parameters":{"required_deployment_environments":{"staging":1}}}`,
		"pattern":     `{"type":"branch_name_pattern","ruleset_id":1,"ruleset_source":"acme","parameters":{"pattern":["a"]}}`,
		"none at all": `{"type":"tag_name_pattern","ruleset_id":1,"ruleset_source":"acme","parameters":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			sound := `{"type":"required_linear_history","ruleset_id":1,"ruleset_source":"acme","parameters":null}`
			set := `{"id":1,"name":"main","source":"acme","target":"tag","enforcement":"active","conditions":{"ref_name":{"include":["~ALL"],"exclude":[]}},"rules":[` + odd + "," + sound + `]}`
			from := "main, ID 1 of acme"
			var kind struct{ Type string }
			if err := json.Unmarshal([]byte(odd), &kind); err != nil {
				t.Fatal(err)
			}
			want := []forge.Rule{{Type: kind.Type, Ruleset: from}, {Type: "required_linear_history", Ruleset: from, Known: true}}

			gh := newScriptOf(t, Options{}, reply{status: 200, body: "[" + odd + "," + sound + "]"}, reply{status: 200, body: set}, refusal(404, "Branch not protected")).repo
			got, err := gh.Rules(t.Context(), "main")
			same(t, err, nil)
			equal(t, want, got)

			gh = newScriptOf(t, Options{}, reply{status: 200, body: "[" + set + "]"}, reply{status: 200, body: set}).repo
			got, err = gh.TagRules(t.Context(), "v1.4.0")
			same(t, err, nil)
			equal(t, want, got)
		})
	}
}

func TestClassicProtection(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.boss("PUT", "/repos/acme/shop/branches/master/protection", map[string]any{
		"required_status_checks":        map[string]any{"strict": true, "contexts": []string{}, "checks": []any{map[string]any{"context": "ci"}, map[string]any{"context": "gate", "app_id": 7}}},
		"required_pull_request_reviews": map[string]any{"required_approving_review_count": 1}, "enforce_admins": nil, "restrictions": nil, "required_linear_history": true,
	}, nil)
	checks := forge.Rule{Type: "required_status_checks", Ruleset: "branch protection", RequiredChecks: []forge.RequiredCheck{{Context: "ci"}, {Context: "gate", AppID: 7}}, Strict: true, Known: true}
	got, err := w.gh.Rules(w.ctx(), "master")
	w.must(err)
	equal(t, []forge.Rule{checks, {Type: "pull_request", Ruleset: "branch protection", RequiredReviews: 1, Known: true},
		{Type: "required_linear_history", Ruleset: "branch protection", Known: true}}, got)

	permissions := fakegithub.SluicePermissions()
	delete(permissions, "administration")
	w.must(w.s.SetInstallation(w.install, permissions, nil))
	fresh := w.newApp(Options{}).Repo(w.install, w.repo.ID(), "acme", "shop")
	got, err = fresh.Rules(w.ctx(), "master")
	w.must(err)
	checks.Strict = false
	equal(t, []forge.Rule{checks}, got) // the branch itself tells at least these
	got, err = fresh.Rules(w.ctx(), "development")
	w.must(err)
	equal(t, []forge.Rule(nil), got)
}

func TestRulesWhereThereAreNone(t *testing.T) {
	upgrade := refusal(403, "Upgrade to GitHub Pro or make this repository public to enable this feature.")
	for name, tc := range map[string]struct {
		replies []reply
		want    []forge.Rule
		err     error
	}{
		"a plan without rules":    {[]reply{upgrade, upgrade}, nil, nil},
		"an old server":           {[]reply{refusal(404, "Not Found"), refusal(404, "Branch not protected")}, nil, nil},
		"a locked branch":         {[]reply{{status: 200, body: "[]"}, {status: 200, body: `{"lock_branch":{"enabled":true}}`}}, []forge.Rule{{Type: "update", Ruleset: "branch protection", Known: true}}, nil},
		"contexts only":           {[]reply{{status: 200, body: "[]"}, {status: 200, body: `{"required_status_checks":{"contexts":["ci"]}}`}}, []forge.Rule{{Type: "required_status_checks", Ruleset: "branch protection", RequiredChecks: []forge.RequiredCheck{{Context: "ci"}}, Known: true}}, nil},
		"no right to read rules":  {[]reply{refusal(403, "Resource not accessible by integration")}, nil, &forge.RefusedError{Status: 403, Permission: true, Message: "Resource not accessible by integration"}},
		"a failure is not 'none'": {[]reply{{status: 200, body: "[]"}, {status: 502}}, nil, &forge.TemporaryError{Err: fmt.Errorf("502 Bad Gateway")}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := newScriptOf(t, Options{}, tc.replies...).repo.Rules(t.Context(), "main")
			same(t, err, tc.err)
			if err == nil {
				equal(t, tc.want, got)
			}
		})
	}
}
