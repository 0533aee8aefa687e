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
	rules, errs := readRules(list, "write it like acme/shop=www-data", func(item string) (userRule, string) {
		repo, user, problem := repoRule(item)
		switch {
		case problem != "":
		case user == "":
			problem = fmt.Sprintf("%.80q is not owner/repo=user", item)
		case strings.ContainsAny(user, "*?[]{} :/\t"):
			problem = fmt.Sprintf("%.40q is not the name of a user", user)
		}
		return userRule{repo, user}, problem
	})
	return UserRules{rules}, errs
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
