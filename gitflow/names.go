package gitflow

import (
	"fmt"
	"slices"
	"strings"
)

// Names says which branch names mean what in one repository. The zero value is not usable; start from DefaultNames.
type Names struct {
	Production  string // short name of the production branch
	Development string // short name of the development branch
	// Bugfix are doublestar globs for bugfix branches.
	Bugfix []string
	// Release holds {version} once, Hotfix {id}, Support {major} and {minor}, in that order.
	Release, Hotfix, Support string
	// Ignore are doublestar globs for branches that Sluice keeps out of.
	Ignore []string
	// Bots are doublestar globs for branches of other bots: features that are tested and built but not deployed.
	Bots []string
	// MaxOpenReleases is how many release branches may be open at once, of each component; at least 1.
	MaxOpenReleases int
	// Components are the applications of a monorepo, by name. Where there are any, release, hotfix and support branches name
	// one before what fills the hole: release/api/1.4.0, hotfix/api/17.
	Components []string
	// Component is the one that is spoken of; empty: none, or the repository is one application.
	Component string
}

// NameError says that one of the names cannot be used. Field is the key under "branches" in .github/sluice.yml.
type NameError struct {
	Field   string // "production", "bugfix[1]", …
	Problem string // one sentence without a full stop; untrusted values quoted by %q
	Hint    string // what to write instead
}

// Error is the field, the problem and the hint.
func (e *NameError) Error() string { return e.Field + ": " + e.Problem + "; " + e.Hint }

// DefaultNames is the flow with no configuration for a repository that has these branches: production is master, else
// main; development is development, else develop. Where neither exists the first name is taken, and Active is false.
func DefaultNames(branches []string) Names {
	return Names{
		Production:      prefer(branches, "master", "main"),
		Development:     prefer(branches, "development", "develop"),
		Bugfix:          []string{"bugfix/*", "fix/*"},
		Release:         "release/{version}",
		Hotfix:          "hotfix/{id}",
		Support:         "support/{major}.{minor}",
		Ignore:          []string{"gh-pages", "gh-readonly-queue/**"},
		Bots:            []string{"dependabot/**", "renovate/**"},
		MaxOpenReleases: 1,
	}
}

// prefer is first unless only second exists.
func prefer(branches []string, first, second string) string {
	if !slices.Contains(branches, first) && slices.Contains(branches, second) {
		return second
	}
	return first
}

// Active tells whether both long-lived branches exist among branches. Without a configuration file Sluice does nothing
// in a repository where it is false.
func (n Names) Active(branches []string) bool {
	return n.Production != n.Development &&
		slices.Contains(branches, n.Production) && slices.Contains(branches, n.Development)
}

// ReleaseBranch is the name of the release branch for a version: "release/1.4.0". The version must be major.minor.patch.
func (n Names) ReleaseBranch(version string) (string, error) {
	if _, ok := parseVersion(version); !ok {
		return "", fmt.Errorf("release version %q: want major.minor.patch, numbers without leading zeros, like 1.4.0", version)
	}
	return strings.Replace(n.Release, versionHole, n.hole(version), 1), nil
}

// hole is what fills a hole of a template: for a component its name stands before it.
func (n Names) hole(s string) string {
	if n.Component == "" {
		return s
	}
	return n.Component + "/" + s
}

// HotfixBranch is the name of the hotfix branch for an id: "hotfix/17". The id must be letters, digits, '.', '_' and '-',
// begin with a letter or digit, be at most 64 long, and make a branch name that git accepts.
func (n Names) HotfixBranch(id string) (string, error) {
	if !validID(id) {
		return "", fmt.Errorf("hotfix id %q: want at most 64 letters, digits, '.', '_' or '-', the first a letter or digit", id)
	}
	name := strings.Replace(n.Hotfix, idHole, n.hole(id), 1)
	if problem := refProblem(name); problem != "" {
		return "", fmt.Errorf("hotfix id %q: branch %q %s; choose another id", id, name, problem)
	}
	return name, nil
}

// SupportBranch is the name of the support branch for a line: "support/1.4". The line must be major.minor.
func (n Names) SupportBranch(line string) (string, error) {
	if !validLine(line) {
		return "", fmt.Errorf("support line %q: want major.minor, numbers without leading zeros, like 1.4", line)
	}
	return strings.Replace(n.Support, lineHole, n.hole(line), 1), nil
}

func validID(id string) bool {
	if id == "" || len(id) > 64 || !isAlnum(id[0]) {
		return false
	}
	for i := range len(id) {
		if c := id[i]; !isAlnum(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// BackmergePrefix and FinishPrefix begin the names of the branches that Sluice makes itself. They are not configurable.
const (
	BackmergePrefix = "backmerge/"
	FinishPrefix    = "sluice/finish-"
)

// CherrypickPrefix begins the names of the branches on which Sluice brings commits of a merged pull request to another
// branch; TemporaryPrefix those of branches that it makes and deletes within one command.
const (
	CherrypickPrefix = "cherrypick/"
	TemporaryPrefix  = "sluice/tmp-"
)

// CherrypickBranch is the name of the branch that brings a merged pull request to target: "cherrypick/12-to-release-1.4.0".
func CherrypickBranch(pull int, target string) string {
	return fmt.Sprintf("%s%d-to-%s", CherrypickPrefix, pull, strings.ReplaceAll(target, "/", "-"))
}

// FinishBranch is the name of Sluice's branch at the approved commit of a version: "sluice/finish-1.4.0", of a component
// "sluice/finish-api-1.4.0".
func (n Names) FinishBranch(version string) string {
	if n.Component == "" {
		return FinishPrefix + version
	}
	return FinishPrefix + n.Component + "-" + version
}

// FinishOf takes the name of a FinishBranch apart. ok is false for any other branch.
func (n Names) FinishOf(branch string) (component, version string, ok bool) {
	version, ok = strings.CutPrefix(branch, FinishPrefix)
	for _, c := range n.Components {
		if v, found := strings.CutPrefix(version, c+"-"); ok && found {
			return c, v, true
		}
	}
	return "", version, ok
}

// BackmergeBranch is the name of Sluice's branch that brings a production tip to target: "backmerge/3f9c2ab-to-development".
// One tip and target have one name, so it is found again after a crash.
func BackmergeBranch(tip, target string) string {
	return BackmergePrefix + short(tip) + "-to-" + strings.ReplaceAll(target, "/", "-")
}

// RepairBranch is the name of the branch for a zero-difference repair of what went wrong with another branch of Sluice.
func RepairBranch(branch string) string { return branch + "-repair" }

// short is a SHA as people read it: its first seven digits.
func short(sha string) string {
	if len(sha) > 7 {
		return sha[:7]
	}
	return sha
}
