package config

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// badPathGlob says what is wrong with a glob of files; empty: nothing. It begins with a folder or is a file's whole path, so
// that GitHub can be asked for the commits that touch it.
func badPathGlob(glob string) string {
	first, _, _ := strings.Cut(glob, "/")
	switch {
	case badGlob(glob) != "":
		return badGlob(glob)
	case first == "" || first == "." || first == ".." || strings.Contains(glob, "//") || strings.HasSuffix(glob, "/"):
		return fmt.Sprintf("%.80q is no path from the root of the repository", glob)
	case literalPath(glob) == "":
		return fmt.Sprintf("%.80q begins with a wildcard", glob)
	}
	return ""
}

// literalPath is the part of a path before the first wildcard, whole folders only: "api" of "api/**", the path itself of a file.
func literalPath(glob string) string {
	var parts []string
	for part := range strings.SplitSeq(glob, "/") {
		if strings.ContainsAny(part, `*?[{\`) {
			break
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "/")
}

// maxGlob is the length of a pattern at most, in bytes.
const maxGlob = 512

// RepoGlobs match repositories by owner/repo. The zero RepoGlobs match none. Case does not matter, as at GitHub.
type RepoGlobs struct{ globs []string }

// ParseRepoGlobs reads comma separated globs of the form owner/repo. Every bad one is an error (Problem and Hint only).
func ParseRepoGlobs(list string) (RepoGlobs, []*Error) {
	globs, errs := readRules(list, "write it like acme/shop or acme/*", func(item string) (string, string) {
		return strings.ToLower(item), badRepoGlob(item)
	})
	return RepoGlobs{globs}, errs
}

// Match tells whether one of the globs matches.
func (g RepoGlobs) Match(owner, repo string) bool {
	for _, glob := range g.globs {
		if matchRepo(glob, owner, repo) {
			return true
		}
	}
	return false
}

// String is the list as ParseRepoGlobs reads it.
func (g RepoGlobs) String() string { return strings.Join(g.globs, ",") }

// RegistryRules say which image repositories a repository may name. The zero RegistryRules allow none.
type RegistryRules struct{ rules []registryRule }

type registryRule struct{ repo, image string }

// ParseRegistryRules reads comma separated rules of the form owner/repo=host/path, both sides globs. In the path, *
// stays within one part and ** spans several. Every bad one is an error (Problem and Hint only).
func ParseRegistryRules(list string) (RegistryRules, []*Error) {
	rules, errs := readRules(list, "write it like acme/*=registry.example.com/acme/**", func(item string) (registryRule, string) {
		repo, image, problem := repoRule(item)
		return registryRule{repo, strings.ToLower(image)}, cmp.Or(problem, badImageGlob(image))
	})
	return RegistryRules{rules}, errs
}

// Allows tells whether the repository may name the image repository, host/path without tag or digest.
func (g RegistryRules) Allows(owner, repo, image string) bool {
	image = strings.ToLower(image)
	if strings.ContainsAny(image, "@ \t\r\n") || strings.Contains("/"+image+"/", "/../") || strings.Contains("/"+image+"/", "/./") ||
		strings.Contains(image, "//") {
		return false
	}
	for _, rule := range g.rules {
		if matchRepo(rule.repo, owner, repo) && doublestar.MatchUnvalidated(rule.image, image) {
			return true
		}
	}
	return false
}

// String is the list as ParseRegistryRules reads it.
func (g RegistryRules) String() string {
	all := make([]string, len(g.rules))
	for i, r := range g.rules {
		all[i] = r.repo + "=" + r.image
	}
	return strings.Join(all, ",")
}

func badRepoGlob(glob string) string {
	switch {
	case badGlob(glob) != "":
		return badGlob(glob)
	case strings.Count(glob, "/") != 1 || strings.HasPrefix(glob, "/") || strings.HasSuffix(glob, "/"):
		return fmt.Sprintf("%.80q is not owner/repo", glob)
	}
	return ""
}

func badImageGlob(glob string) string {
	host, path, ok := strings.Cut(glob, "/")
	switch {
	case badGlob(glob) != "":
		return badGlob(glob)
	case !ok || host == "" || path == "":
		return fmt.Sprintf("%.80q is not host/path", glob)
	case strings.ContainsAny(host, "*?[{"):
		return fmt.Sprintf("%.80q: the host must be written out", glob)
	}
	return ""
}

// badGlob says what is wrong with a pattern on its own; empty: nothing.
func badGlob(glob string) string {
	switch {
	case glob == "":
		return "the pattern is empty"
	case len(glob) > maxGlob:
		return fmt.Sprintf("the pattern is longer than %d bytes", maxGlob)
	case !doublestar.ValidatePattern(glob):
		return fmt.Sprintf("%.80q is not a valid pattern", glob)
	}
	return ""
}

func matchRepo(glob, owner, repo string) bool {
	if owner == "" || repo == "" || strings.Contains(owner, "/") || strings.Contains(repo, "/") {
		return false
	}
	return doublestar.MatchUnvalidated(glob, strings.ToLower(owner+"/"+repo))
}
