package fakegithub

import (
	"net/http"
	"slices"
	"strings"
)

// known are the rule types that GitHub's description has; answers with others are not compared with it.
var known = []string{"creation", "update", "deletion", "required_linear_history", "merge_queue", "required_deployments", "required_signatures", "pull_request",
	"required_status_checks", "non_fast_forward", "commit_message_pattern", "commit_author_email_pattern", "committer_email_pattern", "branch_name_pattern", "tag_name_pattern",
	"file_path_restriction", "max_file_path_length", "file_extension_restriction", "max_file_size", "workflows", "code_scanning"}

// complete fills in the parameters that GitHub always gives.
func complete(r Rule) Rule {
	defaults := map[string]map[string]any{
		"pull_request": {"dismiss_stale_reviews_on_push": false, "require_code_owner_review": false, "require_last_push_approval": false, "required_approving_review_count": 0,
			"required_review_thread_resolution": false},
		"required_status_checks": {"required_status_checks": []any{}, "strict_required_status_checks_policy": false},
		"merge_queue": {"check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5, "max_entries_to_merge": 5, "merge_method": "MERGE",
			"min_entries_to_merge": 1, "min_entries_to_merge_wait_minutes": 5},
	}[r.Type]
	if defaults == nil {
		return r
	}
	p := map[string]any{}
	for k, v := range defaults {
		p[k] = v
	}
	for k, v := range r.Parameters {
		p[k] = v
	}
	return Rule{Type: r.Type, Parameters: p}
}

func ruleShape(r Rule) obj {
	r = complete(r)
	o := obj{"type": r.Type}
	if r.Parameters != nil {
		o["parameters"] = r.Parameters
	}
	return o
}

// branchRules lists the active rules of rulesets for a branch; classic protection is not among them. The branch need
// not exist.
func (s *Server) branchRules(c *call) (*answer, error) {
	var all []activeRule
	for _, rule := range s.rulesFor(c.repo, "refs/heads/"+c.params["branch"]) {
		if rule.set != nil {
			all = append(all, rule)
			c.futureRule = c.futureRule || !slices.Contains(known, rule.Type)
		}
	}
	return ok(shapes(page(c, all), func(a activeRule) obj {
		o := ruleShape(a.Rule)
		o["ruleset_source_type"], o["ruleset_source"], o["ruleset_id"] = "Repository", c.repo.fullName(), a.set.ID
		return o
	}))
}

func (s *Server) rulesetShape(c *call, rs *Ruleset, full bool) obj {
	o := obj{"id": rs.ID, "name": rs.Name, "target": rs.Target, "source_type": "Repository", "source": c.repo.fullName(), "enforcement": rs.Enforcement,
		"node_id": node("RRS", rs.ID), "created_at": ts(c.repo.created), "updated_at": ts(c.repo.created),
		"_links": obj{"self": obj{"href": c.repo.url("/rulesets/%d", rs.ID)}, "html": obj{"href": c.repo.html("/rules/%d", rs.ID)}}}
	if !full {
		return o
	}
	for _, r := range rs.Rules {
		c.futureRule = c.futureRule || !slices.Contains(known, r.Type)
	}
	o["rules"] = shapes(rs.Rules, ruleShape)
	o["conditions"] = obj{"ref_name": obj{"include": orEmpty(rs.Include), "exclude": orEmpty(rs.Exclude)}}
	if c.who.isApp() || s.roleOf(accountOf(c.who), c.repo).atLeast(RoleAdmin) {
		bypass := []obj{}
		for _, b := range rs.Bypass {
			bypass = append(bypass, obj{"actor_id": b.ID, "actor_type": b.Type, "bypass_mode": b.Mode})
		}
		if !c.who.isApp() {
			o["bypass_actors"] = bypass
		}
	}
	o["current_user_can_bypass"] = "never"
	for _, r := range rs.Rules {
		rule := activeRule{Rule: r, set: rs}
		switch {
		case s.bypasses(c.repo, rule, c.who, false):
			o["current_user_can_bypass"] = "always"
		case s.bypasses(c.repo, rule, c.who, true):
			o["current_user_can_bypass"] = "pull_requests_only"
		}
	}
	return o
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func (s *Server) listRulesets(c *call) (*answer, error) {
	return ok(shapes(page(c, c.repo.rulesets), func(rs *Ruleset) obj { return s.rulesetShape(c, rs, false) }))
}

func (c *call) ruleset() (*Ruleset, error) {
	id, err := c.int64("ruleset_id")
	if err != nil {
		return nil, err
	}
	for _, rs := range c.repo.rulesets {
		if rs.ID == id {
			return rs, nil
		}
	}
	return nil, &notFound
}

func (s *Server) getRuleset(c *call) (*answer, error) {
	rs, err := c.ruleset()
	if err != nil {
		return nil, err
	}
	return ok(s.rulesetShape(c, rs, true))
}

type rulesetOrder struct {
	Name, Target, Enforcement string
	Bypass                    []BypassActor `json:"bypass_actors"`
	Conditions                struct {
		Ref struct{ Include, Exclude []string } `json:"ref_name"`
	}
	Rules []Rule
}

func (o rulesetOrder) fill(rs *Ruleset) {
	rs.Name, rs.Target, rs.Enforcement, rs.Bypass, rs.Rules = o.Name, o.Target, o.Enforcement, o.Bypass, o.Rules
	rs.Include, rs.Exclude = o.Conditions.Ref.Include, o.Conditions.Ref.Exclude
	rs.defaults()
}

func (rs *Ruleset) defaults() {
	if rs.Target == "" {
		rs.Target = "branch"
	}
	if rs.Enforcement == "" {
		rs.Enforcement = "active"
	}
	for i := range rs.Bypass {
		if rs.Bypass[i].Mode == "" {
			rs.Bypass[i].Mode = "always"
		}
	}
}

func (s *Server) createRuleset(c *call) (*answer, error) {
	var in rulesetOrder
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Name == "" || slices.ContainsFunc(c.repo.rulesets, func(rs *Ruleset) bool { return rs.Name == in.Name }) {
		return nil, refuse(http.StatusUnprocessableEntity, "Name must be unique")
	}
	rs := &Ruleset{ID: s.id()}
	in.fill(rs)
	c.repo.rulesets = append(c.repo.rulesets, rs)
	return created(s.rulesetShape(c, rs, true))
}

func (s *Server) updateRuleset(c *call) (*answer, error) {
	rs, err := c.ruleset()
	if err != nil {
		return nil, err
	}
	in := rulesetOrder{Name: rs.Name, Target: rs.Target, Enforcement: rs.Enforcement, Bypass: rs.Bypass, Rules: rs.Rules}
	in.Conditions.Ref.Include, in.Conditions.Ref.Exclude = rs.Include, rs.Exclude
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	in.fill(rs)
	return ok(s.rulesetShape(c, rs, true))
}

func (s *Server) deleteRuleset(c *call) (*answer, error) {
	rs, err := c.ruleset()
	if err != nil {
		return nil, err
	}
	c.repo.rulesets = slices.DeleteFunc(c.repo.rulesets, func(x *Ruleset) bool { return x == rs })
	return noContent()
}

// protection is classic branch protection.
type protection struct {
	Checks        *protectedChecks
	Reviews       *protectedReviews
	EnforceAdmins bool
	Linear        bool
	ForcePushes   bool
	Deletions     bool
}

type protectedChecks struct {
	Strict   bool
	Contexts []string
	Checks   []struct {
		Context string
		AppID   *int64 `json:"app_id"`
	}
}

type protectedReviews struct {
	Count        int  `json:"required_approving_review_count"`
	DismissStale bool `json:"dismiss_stale_reviews"`
	CodeOwners   bool `json:"require_code_owner_reviews"`
	LastPush     bool `json:"require_last_push_approval"`
}

// rules are a protection in the words of rulesets.
func (p *protection) rules() []Rule {
	var out []Rule
	if !p.Deletions {
		out = append(out, Rule{Type: "deletion"})
	}
	if !p.ForcePushes {
		out = append(out, Rule{Type: "non_fast_forward"})
	}
	if p.Linear {
		out = append(out, Rule{Type: "required_linear_history"})
	}
	if p.Reviews != nil {
		out = append(out, Rule{Type: "pull_request", Parameters: obj{"required_approving_review_count": p.Reviews.Count, "dismiss_stale_reviews_on_push": p.Reviews.DismissStale}})
	}
	if p.Checks != nil {
		list := []any{}
		for _, x := range p.Checks.all() {
			list = append(list, obj{"context": x.context, "integration_id": x.appID})
		}
		out = append(out, Rule{Type: "required_status_checks", Parameters: obj{"strict_required_status_checks_policy": p.Checks.Strict, "required_status_checks": list}})
	}
	return out
}

func (p *protectedChecks) all() []requiredCheck {
	var out []requiredCheck
	for _, x := range p.Checks {
		id := int64(0)
		if x.AppID != nil {
			id = *x.AppID
		}
		out = append(out, requiredCheck{x.Context, id})
	}
	for _, name := range p.Contexts {
		if !slices.ContainsFunc(out, func(x requiredCheck) bool { return x.context == name }) {
			out = append(out, requiredCheck{name, 0})
		}
	}
	return out
}

func (s *Server) protectionShape(c *call, p *protection) obj {
	u := c.repo.url("/branches/%s/protection", strings.ReplaceAll(c.params["branch"], "/", "%2F"))
	on := func(b bool) obj { return obj{"enabled": b} }
	o := obj{"url": u, "enforce_admins": obj{"url": u + "/enforce_admins", "enabled": p.EnforceAdmins}, "required_linear_history": on(p.Linear),
		"allow_force_pushes": on(p.ForcePushes), "allow_deletions": on(p.Deletions), "block_creations": on(false), "required_conversation_resolution": on(false),
		"lock_branch": on(false), "allow_fork_syncing": on(false), "required_signatures": obj{"url": u + "/required_signatures", "enabled": false}}
	if p.Checks != nil {
		contexts, checks := []string{}, []obj{}
		for _, x := range p.Checks.all() {
			contexts = append(contexts, x.context)
			checks = append(checks, obj{"context": x.context, "app_id": appIDOrNil(x.appID)})
		}
		o["required_status_checks"] = obj{"url": u + "/required_status_checks", "strict": p.Checks.Strict, "contexts": contexts, "contexts_url": u + "/required_status_checks/contexts", "checks": checks}
	}
	if r := p.Reviews; r != nil {
		o["required_pull_request_reviews"] = obj{"url": u + "/required_pull_request_reviews", "dismiss_stale_reviews": r.DismissStale, "require_code_owner_reviews": r.CodeOwners,
			"required_approving_review_count": r.Count, "require_last_push_approval": r.LastPush}
	}
	return o
}

func (s *Server) getProtection(c *call) (*answer, error) {
	p := c.repo.protections[c.params["branch"]]
	if c.repo.git.Ref("refs/heads/"+c.params["branch"]) == "" {
		return nil, refuse(http.StatusNotFound, "Branch not found")
	}
	if p == nil {
		return nil, refuse(http.StatusNotFound, "Branch not protected")
	}
	return ok(s.protectionShape(c, p))
}

func (s *Server) putProtection(c *call) (*answer, error) {
	if c.repo.git.Ref("refs/heads/"+c.params["branch"]) == "" {
		return nil, refuse(http.StatusNotFound, "Branch not found")
	}
	var in struct {
		Checks        *protectedChecks  `json:"required_status_checks"`
		Reviews       *protectedReviews `json:"required_pull_request_reviews"`
		EnforceAdmins *bool             `json:"enforce_admins"`
		Linear        bool              `json:"required_linear_history"`
		ForcePushes   *bool             `json:"allow_force_pushes"`
		Deletions     bool              `json:"allow_deletions"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	p := &protection{Checks: in.Checks, Reviews: in.Reviews, EnforceAdmins: in.EnforceAdmins != nil && *in.EnforceAdmins, Linear: in.Linear,
		ForcePushes: in.ForcePushes != nil && *in.ForcePushes, Deletions: in.Deletions}
	c.repo.protections[c.params["branch"]] = p
	return ok(s.protectionShape(c, p))
}

func (s *Server) deleteProtection(c *call) (*answer, error) {
	if c.repo.protections[c.params["branch"]] == nil {
		return nil, refuse(http.StatusNotFound, "Branch not protected")
	}
	delete(c.repo.protections, c.params["branch"])
	return noContent()
}
