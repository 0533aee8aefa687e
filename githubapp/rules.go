package githubapp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// rule is one entry of GET /repos/{owner}/{repo}/rules/branches/{branch}. go-github v62 fails on types it does not know.
type rule struct {
	Type      string `json:"type"`
	Source    string `json:"ruleset_source"`
	RulesetID int64  `json:"ruleset_id"`
	// Parameters are read by type: another one may give a name another meaning, and another form.
	Parameters json.RawMessage `json:"parameters"`
}

// checksRule are the parameters of required_status_checks.
type checksRule struct {
	Checks []struct {
		Context       string `json:"context"`
		IntegrationID int64  `json:"integration_id"`
	} `json:"required_status_checks"`
	NotOnCreate bool `json:"do_not_enforce_on_create"`
	Strict      bool `json:"strict_required_status_checks_policy"`
}

// pullRule are the parameters of pull_request.
type pullRule struct {
	Reviews      int      `json:"required_approving_review_count"`
	MergeMethods []string `json:"allowed_merge_methods"`
}

// queueRule are the parameters of merge_queue: MERGE, SQUASH, REBASE.
type queueRule struct {
	Method string `json:"merge_method"`
}

// deploymentsRule are the parameters of required_deployments.
type deploymentsRule struct {
	Environments []string `json:"required_deployment_environments"`
}

// patternRule are the parameters of patterns: starts_with, ends_with, contains, regex.
type patternRule struct {
	Operator string `json:"operator"`
	Pattern  string `json:"pattern"`
	Negate   bool   `json:"negate"`
}

// knownRule tells whether this version has a word for a rule type (REST API, "Get rules for a branch").
func knownRule(kind string) bool {
	switch kind {
	case "creation", "update", "deletion", "required_linear_history", "merge_queue", "required_deployments",
		"required_signatures", "pull_request", "required_status_checks", "non_fast_forward", "commit_message_pattern",
		"commit_author_email_pattern", "committer_email_pattern", "branch_name_pattern", "tag_name_pattern", "workflows",
		"code_scanning", "code_quality", "file_path_restriction", "max_file_path_length", "file_extension_restriction", "max_file_size",
		"copilot_code_review", "license_compliance_scanning":
		return true
	}
	return false
}

// Rules lists the active rules of a branch: rulesets first, then classic protection in the same words. Where a plan or a
// server has no rulesets there are none.
func (r *Repo) Rules(ctx context.Context, branch string) ([]forge.Rule, error) {
	var found []rule
	err := pages(func(n int) (*github.Response, error) {
		var rules []rule
		resp, err := r.call(ctx, "GET", page(r.path("rules", "branches", branch), n), nil, &rules)
		found = append(found, rules...)
		return resp, err
	})
	if err != nil && !noRules(err) {
		return nil, err
	}
	sets := map[int64]ruleset{}
	var out []forge.Rule
	for _, x := range found {
		set, known := sets[x.RulesetID]
		if !known {
			if set, err = r.ruleset(ctx, x.RulesetID); err != nil {
				return nil, err
			}
			set.Source, sets[x.RulesetID] = x.Source, set
		}
		out = append(out, ruleOf(x, set))
	}
	classic, err := r.classic(ctx, branch)
	return append(out, classic...), err
}

// noRules: a server without rulesets has no such route, and a plan without them says "Upgrade to GitHub Pro or make this
// repository public to enable this feature."
func noRules(err error) bool {
	var refused *forge.RefusedError
	return errors.Is(err, forge.ErrNotFound) ||
		errors.As(err, &refused) && refused.Status == http.StatusForbidden && strings.Contains(refused.Message, "Upgrade to")
}

// ruleOf puts a rule into our words. One of a type that is not known, or whose parameters cannot be read, is not Known.
func ruleOf(x rule, from ruleset) forge.Rule {
	out := forge.Rule{Type: x.Type, Ruleset: from.String(), Bypass: from.bypass(), Known: knownRule(x.Type)}
	if err := x.into(&out); err != nil {
		return forge.Rule{Type: x.Type, Ruleset: out.Ruleset, Bypass: out.Bypass}
	}
	return out
}

// into reads the parameters of a rule that has any of interest.
func (x rule) into(out *forge.Rule) error {
	switch x.Type {
	case "required_status_checks":
		p, err := parameters[checksRule](x)
		out.OnCreate, out.Strict = !p.NotOnCreate, p.Strict
		for _, c := range p.Checks {
			out.RequiredChecks = append(out.RequiredChecks, forge.RequiredCheck{Context: c.Context, AppID: max(c.IntegrationID, 0)})
		}
		return err
	case "pull_request":
		p, err := parameters[pullRule](x)
		out.RequiredReviews, out.MergeMethods = p.Reviews, p.MergeMethods
		return err
	case "merge_queue":
		p, err := parameters[queueRule](x)
		if p.Method != "" {
			out.MergeMethods = []string{strings.ToLower(p.Method)}
		}
		return err
	case "required_deployments":
		p, err := parameters[deploymentsRule](x)
		out.Environments = p.Environments
		return err
	case "commit_message_pattern", "commit_author_email_pattern", "committer_email_pattern", "branch_name_pattern", "tag_name_pattern":
		p, err := parameters[patternRule](x)
		if p.Pattern != "" {
			out.Pattern = forge.Pattern{Operator: p.Operator, Text: p.Pattern, Negate: p.Negate}
		}
		return err
	}
	return nil
}

// parameters reads those of a rule; without any they are zero.
func parameters[P any](x rule) (p P, err error) {
	if len(x.Parameters) > 0 {
		err = json.Unmarshal(x.Parameters, &p)
	}
	return p, err
}

// classicSource is what messages call classic branch protection.
const classicSource = "branch protection"

// protection is classic branch protection.
type protection struct {
	Checks  *classicChecks `json:"required_status_checks"`
	Reviews *struct {
		Count int `json:"required_approving_review_count"`
	} `json:"required_pull_request_reviews"`
	Linear     enabled `json:"required_linear_history"`
	Signatures enabled `json:"required_signatures"`
	Locked     enabled `json:"lock_branch"`
	// Restrictions are who may push or merge; absent: everybody with write access.
	Restrictions *struct {
		Apps []struct {
			ID int64 `json:"id"`
		} `json:"apps"`
	} `json:"restrictions"`
}

type enabled struct {
	Enabled bool `json:"enabled"`
}

type classicChecks struct {
	Strict   bool     `json:"strict"`   // not told by the branch itself
	Contexts []string `json:"contexts"` // older servers have only these
	Checks   []struct {
		Context string `json:"context"`
		AppID   int64  `json:"app_id"` // absent or -1: anybody's
	} `json:"checks"`
}

func (c *classicChecks) rules() []forge.Rule {
	if c == nil {
		return nil
	}
	out := forge.Rule{Type: "required_status_checks", Ruleset: classicSource, Strict: c.Strict, Known: true}
	for _, x := range c.Checks {
		out.RequiredChecks = append(out.RequiredChecks, forge.RequiredCheck{Context: x.Context, AppID: max(x.AppID, 0)})
	}
	for _, name := range c.Contexts {
		if !slices.ContainsFunc(out.RequiredChecks, func(x forge.RequiredCheck) bool { return x.Context == name }) {
			out.RequiredChecks = append(out.RequiredChecks, forge.RequiredCheck{Context: name})
		}
	}
	return []forge.Rule{out}
}

// classic reads classic branch protection, which needs the permission administration:read. Without it only the required
// checks are known, and what else there is shows when a merge is refused.
func (r *Repo) classic(ctx context.Context, branch string) ([]forge.Rule, error) {
	var p protection
	_, err := r.call(ctx, "GET", r.path("branches", branch, "protection"), nil, &p)
	var refused *forge.RefusedError
	switch {
	case noRules(err):
		return nil, nil
	case errors.As(err, &refused) && refused.Permission:
		return r.classicChecks(ctx, branch)
	case err != nil:
		return nil, err
	}
	out := p.Checks.rules()
	add := func(kind string, is bool) {
		if is {
			out = append(out, forge.Rule{Type: kind, Ruleset: classicSource, Known: true})
		}
	}
	if p.Reviews != nil {
		out = append(out, forge.Rule{Type: "pull_request", Ruleset: classicSource, RequiredReviews: p.Reviews.Count, Known: true})
	}
	add("required_linear_history", p.Linear.Enabled)
	add("required_signatures", p.Signatures.Enabled)
	shut := p.Locked.Enabled
	if p.Restrictions != nil {
		shut = true
		for _, a := range p.Restrictions.Apps {
			shut = shut && a.ID != r.app.o.AppID
		}
	}
	add("update", shut || p.Locked.Enabled) // the word of rulesets for a branch that only some may change
	return out, nil
}

// classicChecks reads the required checks of classic branch protection from the branch, which everybody may who may read
// the code.
func (r *Repo) classicChecks(ctx context.Context, branch string) ([]forge.Rule, error) {
	var b struct {
		Protection struct {
			Checks struct {
				classicChecks
				Level string `json:"enforcement_level"`
			} `json:"required_status_checks"`
		} `json:"protection"`
	}
	_, err := r.call(ctx, "GET", r.path("branches", branch), nil, &b)
	if errors.Is(err, forge.ErrNotFound) {
		return nil, nil
	}
	if checks := b.Protection.Checks; err == nil && checks.Level != "" && checks.Level != "off" {
		return checks.rules(), nil
	}
	return nil, err
}
