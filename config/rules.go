package config

import (
	"fmt"
	"strings"
)

// readRules reads a comma separated list. read makes a rule of one item, or says what is wrong with it; every bad item is an
// error (Problem and Hint only).
func readRules[R any](list, hint string, read func(item string) (rule R, problem string)) ([]R, []*Error) {
	var rules []R
	var errs []*Error
	for _, item := range splitList(list) {
		rule, problem := read(item)
		if problem != "" {
			errs = append(errs, &Error{Problem: problem, Hint: hint})
			continue
		}
		rules = append(rules, rule)
	}
	return rules, errs
}

// repoRule takes a rule of the form owner/repo=what apart: the glob of repositories in lower case, and what it says of them.
func repoRule(item string) (repo, what, problem string) {
	repo, what, ok := strings.Cut(item, "=")
	repo, what = strings.TrimSpace(repo), strings.TrimSpace(what)
	if !ok {
		return "", "", fmt.Sprintf("%.80q has no =", item)
	}
	return strings.ToLower(repo), what, badRepoGlob(repo)
}

// rules reads a setting that is such a list; every bad item is an error of the setting.
func rules[T any](r *resolver, field string, parse func(list string) (T, []*Error)) T {
	parsed, errs := parse(r.text(field))
	for _, err := range errs {
		r.wrong(field, err.Problem, err.Hint)
	}
	return parsed
}

// splitList takes a comma separated list apart. Commas in braces belong to a glob.
func splitList(list string) []string {
	var items []string
	depth, start := 0, 0
	add := func(end int) {
		if item := strings.TrimSpace(list[start:end]); item != "" {
			items = append(items, item)
		}
		start = end + 1
	}
	for i, c := range list {
		switch {
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case c == ',' && depth == 0:
			add(i)
		}
	}
	if start <= len(list) {
		add(len(list))
	}
	return items
}
