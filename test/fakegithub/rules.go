package fakegithub

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// activeRule is a rule with the ruleset it is from; classic protection has none.
type activeRule struct {
	Rule
	set *Ruleset
	// admins tells, for classic protection, that it does not bind administrators.
	sparesAdmins bool
}

// rulesFor are the rules that hold for a ref, those of rulesets first.
func (s *Server) rulesFor(r *repository, ref string) []activeRule {
	var out []activeRule
	for _, rs := range r.rulesets {
		if rs.Enforcement != "active" || !rs.covers(r, ref) {
			continue
		}
		for _, rule := range rs.Rules {
			out = append(out, activeRule{Rule: rule, set: rs})
		}
	}
	if branch, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		if p := r.protections[branch]; p != nil {
			for _, rule := range p.rules() {
				out = append(out, activeRule{Rule: rule, sparesAdmins: !p.EnforceAdmins})
			}
		}
	}
	return out
}

func (rs *Ruleset) covers(r *repository, ref string) bool {
	prefix := "refs/heads/"
	if rs.Target == "tag" {
		prefix = "refs/tags/"
	}
	if !strings.HasPrefix(ref, prefix) {
		return false
	}
	hit := func(pattern string) bool {
		switch pattern {
		case "~ALL":
			return true
		case "~DEFAULT_BRANCH":
			return ref == "refs/heads/"+r.defaultBranch
		}
		if !strings.HasPrefix(pattern, "refs/") {
			pattern = prefix + pattern
		}
		return fnmatch(pattern, ref)
	}
	return slices.ContainsFunc(rs.Include, hit) && !slices.ContainsFunc(rs.Exclude, hit)
}

// fnmatch is the matching of GitHub's patterns: * within a path part, ** across, ? one character, [a-z] sets.
func fnmatch(pattern, name string) bool {
	var b strings.Builder
	b.WriteString("^")
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case strings.HasPrefix(pattern[i:], "**/"):
			b.WriteString("(?:.*/)?")
			i += 2
		case strings.HasPrefix(pattern[i:], "**"):
			b.WriteString(".*")
			i++
		case c == '*':
			b.WriteString("[^/]*")
		case c == '?':
			b.WriteString("[^/]")
		case c == '[' && strings.IndexByte(pattern[i:], ']') > 0:
			end := i + strings.IndexByte(pattern[i:], ']')
			b.WriteString("[" + strings.Replace(pattern[i+1:end], "!", "^", 1) + "]")
			i = end
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	re, err := regexp.Compile(b.String() + "$")
	return err == nil && re.MatchString(name)
}

// bypasses tells whether a rule does not bind somebody.
func (s *Server) bypasses(r *repository, rule activeRule, a *actor, pull bool) bool {
	role := RoleNone
	if !a.isApp() {
		role = s.roleOf(accountOf(a), r)
	}
	if rule.set == nil {
		return rule.sparesAdmins && role == RoleAdmin
	}
	for _, b := range rule.set.Bypass {
		if b.Mode == "pull_request" && !pull {
			continue
		}
		switch b.Type {
		case "Integration":
			if a.isApp() && a.app.ID == b.ID {
				return true
			}
		case "User":
			if a != nil && !a.isApp() && a.account.ID == b.ID {
				return true
			}
		case "RepositoryRole":
			if want := map[int64]Role{2: RoleMaintain, 4: RoleWrite, 5: RoleAdmin}[b.ID]; want != "" && role.atLeast(want) {
				return true
			}
		case "OrganizationAdmin":
			if role == RoleAdmin {
				return true
			}
		case "Team":
			for _, t := range s.teams {
				if t.ID == b.ID && a != nil && a.account != nil && slices.ContainsFunc(t.Members, func(m string) bool { return strings.EqualFold(m, a.account.Login) }) {
					return true
				}
			}
		}
	}
	return false
}

// ruleProblems are the sentences with which the rules refuse a change.
func (s *Server) ruleProblems(r *repository, c change) []string {
	var out []string
	for _, rule := range s.rulesFor(r, c.ref) {
		if s.bypasses(r, rule, c.by, c.pull != nil) {
			continue
		}
		for _, p := range s.ruleProblem(r, rule.Rule, c) {
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

func (s *Server) ruleProblem(r *repository, rule Rule, c change) []string {
	what := "branch"
	if c.branch() == "" {
		what = "tag"
	}
	updates := c.old != "" && c.new != ""
	switch rule.Type {
	case "creation":
		if c.old == "" {
			return []string{"Cannot create ref due to creations being restricted."}
		}
	case "update":
		if updates {
			return []string{"Cannot update this protected ref."}
		}
	case "deletion":
		if c.new == "" {
			return []string{"Cannot delete this " + what}
		}
	case "non_fast_forward":
		if updates && c.forced() {
			return []string{"Cannot force-push to this " + what}
		}
	case "required_linear_history":
		if updates && s.bringsMerge(c) {
			return []string{"This branch must not contain merge commits."}
		}
	case "pull_request":
		if c.old != "" && c.new != "" && !c.queue {
			return s.reviewProblems(r, rule, c)
		}
	case "required_status_checks":
		if c.new != "" && !(c.old == "" && truth(rule.Parameters["do_not_enforce_on_create"])) {
			return s.checkProblems(r, rule, c)
		}
	case "required_signatures":
		if updates && s.bringsUnsigned(r, c) {
			return []string{"Commits must have verified signatures."}
		}
	case "merge_queue":
		if updates && !c.queue {
			return []string{"Changes must be made through the merge queue"}
		}
	case "branch_name_pattern", "tag_name_pattern":
		if c.old == "" && !namePattern(rule.Parameters, c.ref) {
			return []string{fmt.Sprintf("%s name must match a given pattern", strings.ToUpper(what[:1])+what[1:])}
		}
	}
	return nil
}

func truth(v any) bool { b, _ := v.(bool); return b }

func number(v any) int {
	switch v := v.(type) {
	case float64:
		return int(v)
	case int:
		return v
	case int64:
		return int(v)
	}
	return 0
}

func namePattern(p map[string]any, ref string) bool {
	_, name, _ := strings.Cut(strings.TrimPrefix(ref, "refs/"), "/")
	pattern, _ := p["pattern"].(string)
	var hit bool
	switch p["operator"] {
	case "starts_with":
		hit = strings.HasPrefix(name, pattern)
	case "ends_with":
		hit = strings.HasSuffix(name, pattern)
	case "contains":
		hit = strings.Contains(name, pattern)
	case "regex":
		re, err := regexp.Compile(pattern)
		hit = err == nil && re.MatchString(name)
	}
	return hit != truth(p["negate"])
}

func (s *Server) bringsMerge(c change) bool {
	cmp, err := c.git.Compare(c.old, c.new)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(cmp.Ahead, func(sha string) bool {
		x, err := c.git.Commit(sha)
		return err == nil && len(x.Parents) > 1
	})
}

func (s *Server) bringsUnsigned(r *repository, c change) bool {
	cmp, err := c.git.Compare(c.old, c.new)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(cmp.Ahead, func(sha string) bool {
		x, err := c.git.Commit(sha)
		return err == nil && !r.verified(sha, x)
	})
}

// reviewProblems asks a pull_request rule.
func (s *Server) reviewProblems(r *repository, rule Rule, c change) []string {
	if c.pull == nil {
		return []string{"Changes must be made through a pull request."}
	}
	var out []string
	if allowed, ok := rule.Parameters["allowed_merge_methods"]; ok && c.method != "" && !slices.Contains(texts(allowed), c.method) {
		out = append(out, fmt.Sprintf("%s merges are not allowed on this repository.", strings.ToUpper(c.method[:1])+c.method[1:]))
	}
	need := number(rule.Parameters["required_approving_review_count"])
	approvals := 0
	for login, rv := range s.latestReviews(r, c.pull) {
		writer := s.roleOf(s.account(login), r).atLeast(RoleWrite)
		switch {
		case !writer:
		case rv.State == "CHANGES_REQUESTED":
			return append(out, "Changes were requested by a reviewer with write access.")
		case rv.State == "APPROVED" && (rv.SHA == c.pull.Pull.HeadSHA || !truth(rule.Parameters["dismiss_stale_reviews_on_push"])):
			approvals++
		}
	}
	if approvals < need {
		out = append(out, fmt.Sprintf("At least %d approving review is required by reviewers with write access.", need))
	}
	return out
}

func texts(v any) []string {
	switch v := v.(type) {
	case []string:
		return v
	case []any:
		var out []string
		for _, x := range v {
			if t, ok := x.(string); ok {
				out = append(out, t)
			}
		}
		return out
	}
	return nil
}

// requiredCheck is one entry of required_status_checks.
type requiredCheck struct {
	context string
	appID   int64
}

func requiredChecks(rule Rule) []requiredCheck {
	var out []requiredCheck
	list, _ := rule.Parameters["required_status_checks"].([]any)
	if typed, ok := rule.Parameters["required_status_checks"].([]map[string]any); ok {
		for _, x := range typed {
			list = append(list, x)
		}
	}
	for _, x := range list {
		if m, ok := x.(map[string]any); ok {
			name, _ := m["context"].(string)
			out = append(out, requiredCheck{name, int64(number(m["integration_id"]))})
		}
	}
	return out
}

// checkProblems asks a required_status_checks rule about the commit that would arrive: a pull request's head, a merge
// group, or what is pushed.
func (s *Server) checkProblems(r *repository, rule Rule, c change) []string {
	sha := c.new
	if c.pull != nil && !c.queue {
		sha = c.pull.Pull.HeadSHA
		if truth(rule.Parameters["strict_required_status_checks_policy"]) {
			if up, err := r.git.Contains(sha, c.old); err != nil || !up {
				return []string{"Head branch is behind the base branch: it must be up to date before merging."}
			}
		}
	}
	if sha == bare.Zero {
		return nil
	}
	var missing []string
	for _, want := range requiredChecks(rule) {
		switch s.checkState(r, sha, want) {
		case "success":
		case "":
			missing = append(missing, fmt.Sprintf("Required status check %q is expected.", want.context))
		case "pending":
			missing = append(missing, fmt.Sprintf("Required status check %q is in progress.", want.context))
		default:
			missing = append(missing, fmt.Sprintf("Required status check %q is failing.", want.context))
		}
	}
	return missing
}

// checkState is the state of a check or status at a commit: success, pending, failure, or empty when nobody reported.
func (s *Server) checkState(r *repository, sha string, want requiredCheck) string {
	var newest *CheckRun
	for _, run := range r.checksAt[sha] {
		if run.Name == want.context && (want.appID <= 0 || run.AppID == want.appID) {
			newest = run
		}
	}
	if newest != nil {
		switch {
		case newest.Status != "completed":
			return "pending"
		case newest.Conclusion == "success", newest.Conclusion == "neutral", newest.Conclusion == "skipped":
			return "success"
		}
		return "failure"
	}
	state := ""
	for _, st := range r.statuses {
		if st.SHA == sha && st.Context == want.context && (want.appID <= 0 || s.isAppAccount(st.Author, want.appID)) {
			state = st.State
		}
	}
	return state
}

func (s *Server) isAppAccount(login string, appID int64) bool {
	a := s.apps[appID]
	return a != nil && a.Bot.Login == login
}
