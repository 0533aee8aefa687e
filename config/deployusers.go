package config

import (
	"fmt"
	"strings"
)

// UserRules say which users of this host the scripts of a repository's deployments may run as. The zero UserRules name none: the
// server's own user is always allowed.
type UserRules struct{ rules []userRule }

type userRule struct{ repo, user string }

// ParseUserRules reads comma separated rules of the form owner/repo=user, the repository a glob. Every bad one is an error (Problem
// and Hint only).
func ParseUserRules(list string) (UserRules, []*Error) {
	var g UserRules
	var errs []*Error
	for _, item := range splitList(list) {
		repo, user, ok := strings.Cut(item, "=")
		repo, user = strings.TrimSpace(repo), strings.TrimSpace(user)
		problem := badRepoGlob(repo)
		switch {
		case problem != "":
		case !ok || user == "":
			problem = fmt.Sprintf("%.80q is not owner/repo=user", item)
		case strings.ContainsAny(user, "*?[]{} :/\t"):
			problem = fmt.Sprintf("%.40q is not the name of a user", user)
		}
		if problem != "" {
			errs = append(errs, &Error{Problem: problem, Hint: "write it like acme/shop=www-data"})
			continue
		}
		g.rules = append(g.rules, userRule{strings.ToLower(repo), user})
	}
	return g, errs
}

// Empty tells that no rule names anybody.
func (g UserRules) Empty() bool { return len(g.rules) == 0 }

// Users are those that scripts of the repository may run as, in the order of the rules.
func (g UserRules) Users(owner, repo string) []string {
	var out []string
	for _, r := range g.rules {
		if matchRepo(r.repo, owner, repo) {
			out = append(out, r.user)
		}
	}
	return out
}

func (r *resolver) userRules(field string) UserRules {
	g, errs := ParseUserRules(r.text(field))
	for _, err := range errs {
		r.wrong(field, err.Problem, err.Hint)
	}
	return g
}
