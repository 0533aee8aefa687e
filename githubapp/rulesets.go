package githubapp

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// ruleset is what GET /repos/{owner}/{repo}/rulesets/{id} says of it. Who may bypass it is told to admins only; whether
// who asks may, is told to everybody.
type ruleset struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Target      string `json:"target"`
	Source      string `json:"source"`
	Enforcement string `json:"enforcement"`
	CanBypass   string `json:"current_user_can_bypass"` // always, pull_requests_only, exempt, never
	Conditions  struct {
		Ref struct {
			Include []string `json:"include"`
			Exclude []string `json:"exclude"`
		} `json:"ref_name"`
	} `json:"conditions"`
	Rules []rule `json:"rules"`
}

// String names a ruleset for people: what it is called, and where to find it.
func (s ruleset) String() string {
	where := "ID " + itoa(s.ID) + " of " + s.Source
	if s.Name == "" {
		return where
	}
	return s.Name + ", " + where
}

func (s ruleset) bypass() forge.Bypass {
	switch s.CanBypass {
	case "always", "exempt":
		return forge.BypassAlways
	case "pull_requests_only":
		return forge.BypassPulls
	}
	return forge.BypassNever
}

// ruleset reads a ruleset. One of an organization that the App may not read is known by its ID only, and binds.
func (r *Repo) ruleset(ctx context.Context, id int64) (ruleset, error) {
	var s ruleset
	_, err := r.call(ctx, "GET", r.path("rulesets", itoa(id)), nil, &s)
	var refused *forge.RefusedError
	if errors.Is(err, forge.ErrNotFound) || errors.As(err, &refused) && refused.Permission {
		return ruleset{ID: id}, nil
	}
	return s, err
}

// TagRules lists the active rules of a tag, which need not exist. GitHub has no route that does.
func (r *Repo) TagRules(ctx context.Context, tag string) ([]forge.Rule, error) {
	var all []ruleset
	err := pages(func(n int) (*github.Response, error) {
		var list []ruleset
		resp, err := r.call(ctx, "GET", page(r.path("rulesets")+"?targets=tag", n), nil, &list)
		all = append(all, list...)
		return resp, err
	})
	if noRules(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []forge.Rule
	for _, known := range all {
		if known.Target != "tag" || known.Enforcement != "active" {
			continue
		}
		set, err := r.ruleset(ctx, known.ID)
		if err != nil {
			return nil, err
		}
		if !set.covers(refsTags + tag) {
			continue
		}
		for _, x := range set.Rules {
			out = append(out, ruleOf(x, set))
		}
	}
	return out, nil
}

const refsTags = "refs/tags/"

// covers tells whether a ruleset's conditions take a ref in.
func (s ruleset) covers(ref string) bool {
	hit := func(pattern string) bool { return pattern == "~ALL" || refMatches(pattern, ref) }
	return slices.ContainsFunc(s.Conditions.Ref.Include, hit) && !slices.ContainsFunc(s.Conditions.Ref.Exclude, hit)
}

// refMatches matches a full ref as GitHub does (Ruby's File.fnmatch with FNM_PATHNAME): * and ? stay within a part of the
// path, **/ takes any parts. A pattern that cannot be read matches nothing.
func refMatches(pattern, ref string) bool {
	if !strings.HasPrefix(pattern, "refs/") {
		pattern = refsTags + pattern
	}
	var b strings.Builder
	b.WriteString("^")
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case strings.HasPrefix(pattern[i:], "**/"):
			b.WriteString("(?:[^/]+/)*")
			i += 2
		case c == '*':
			b.WriteString("[^/]*")
			for i+1 < len(pattern) && pattern[i+1] == '*' {
				i++
			}
		case c == '?':
			b.WriteString("[^/]")
		case c == '[' && strings.IndexByte(pattern[i:], ']') > 1:
			end := i + strings.IndexByte(pattern[i:], ']')
			set, negated := strings.CutPrefix(pattern[i+1:end], "!")
			set = strings.NewReplacer(`\`, `\\`, `[`, `\[`, `^`, `\^`).Replace(set)
			if negated {
				set = "^" + set
			}
			b.WriteString("[" + set + "]")
			i = end
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	re, err := regexp.Compile(b.String() + "$")
	return err == nil && re.MatchString(ref)
}
