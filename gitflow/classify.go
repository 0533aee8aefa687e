package gitflow

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Classify says what a branch of this repository is, by its name.
func (n Names) Classify(branch string) Branch {
	b := n.kind(branch)
	b.Flaws = append(b.Flaws, n.imitations(branch, b.Kind)...)
	b.Flaws = append(b.Flaws, spelling(branch)...)
	return b
}

// ClassifyFork says what a branch of another repository is. It is a feature or bugfix branch, whatever its name.
func (n Names) ClassifyFork(branch string) Branch {
	b := Branch{Name: branch, Kind: KindFeature, Fork: true}
	switch kind := n.kind(branch).Kind; kind {
	case KindFeature, KindIgnored:
	case KindBugfix:
		b.Kind = KindBugfix
	default:
		b.Flaws = append(b.Flaws, Flaw{
			Rule: FlawForkName, Like: branch,
			Text: text("%s is a branch of a fork: it counts as a feature branch, not as this repository's %s branch of that name.", branch, Text(kind)),
		})
	}
	b.Flaws = append(b.Flaws, spelling(branch)...)
	return b
}

// kind goes from the most to the least protected reading, so that no glob takes a branch out of a rule.
func (n Names) kind(branch string) Branch {
	b := Branch{Name: branch}
	switch {
	case branch == n.Production:
		b.Kind, b.Deploys = KindProduction, true
		return b
	case branch == n.Development:
		b.Kind, b.Deploys = KindDevelopment, true
		return b
	case strings.HasPrefix(branch, FinishPrefix):
		b.Kind = KindFinish
		return b
	case strings.HasPrefix(branch, BackmergePrefix):
		b.Kind = KindBackmerge
		return b
	case strings.HasPrefix(branch, TemporaryPrefix):
		b.Kind = KindIgnored
		return b
	case strings.HasPrefix(branch, CherrypickPrefix):
		b.Kind = KindBugfix // tested and built, and deployed where it is merged
		return b
	case matches(n.Ignore, branch):
		b.Kind = KindIgnored
		return b
	}
	if v, ok := fill(n.Release, versionHole, branch); ok {
		b.Kind = KindRelease
		v, ok := n.component(&b, v, n.Release, versionHole)
		if !ok {
			return b
		}
		if _, ok := parseVersion(v); ok {
			b.Version, b.Deploys = v, true
			return b
		}
		b.Flaws = append(b.Flaws, Flaw{Rule: FlawVersion, Like: n.Release, Fatal: true,
			Text: text("%s is named like a release branch, but %s is not a version of the form major.minor.patch.", branch, v)})
		return b
	}
	if id, ok := fill(n.Hotfix, idHole, branch); ok {
		b.Kind = KindHotfix
		b.ID, b.Deploys = n.component(&b, id, n.Hotfix, idHole)
		return b
	}
	if line, ok := fill(n.Support, lineHole, branch); ok {
		b.Kind = KindSupport
		line, ok := n.component(&b, line, n.Support, lineHole)
		if !ok {
			return b
		}
		if validLine(line) {
			b.Line, b.Deploys = line, true
			return b
		}
		b.Flaws = append(b.Flaws, Flaw{Rule: FlawVersion, Like: n.Support, Fatal: true,
			Text: text("%s is named like a support branch, but %s is not a line of the form major.minor.", branch, line)})
		return b
	}
	switch {
	case matches(n.Bugfix, branch):
		b.Kind, b.Deploys = KindBugfix, true
	case matches(n.Bots, branch):
		b.Kind = KindFeature
	default:
		b.Kind, b.Deploys = KindFeature, true
	}
	return b
}

// component takes the component from what fills a hole, and returns the rest. ok is false where the repository has
// components and the branch names none of them: then it has a flaw.
func (n Names) component(b *Branch, filled, template, hole string) (rest string, ok bool) {
	if len(n.Components) == 0 {
		return filled, true
	}
	name, rest, found := strings.Cut(filled, "/")
	if found && slices.Contains(n.Components, name) {
		b.Component = name
		return rest, true
	}
	n.Component = n.Components[0]
	b.Flaws = append(b.Flaws, Flaw{Rule: FlawComponent, Like: template, Fatal: true,
		Text: text("%s names no component of this repository (%s); write it like %s.", b.Name, strings.Join(n.Components, ", "),
			strings.Replace(template, hole, n.hole(map[string]string{versionHole: "1.4.0", idHole: "17", lineHole: "1.4"}[hole]), 1))})
	return "", false
}

// matches tells whether one of the globs matches the whole name. A malformed glob matches nothing; Validate reports it.
func matches(globs []string, name string) bool {
	for _, g := range globs {
		if ok, err := doublestar.Match(g, name); ok && err == nil {
			return true
		}
	}
	return false
}

// OpenReleases picks the release branches with a version from all branches, lowest version first. Where a component is
// spoken of it picks only that one's.
func OpenReleases(n Names, branches []string) []Branch {
	var open []Branch
	for _, name := range branches {
		if b := n.kind(name); b.Kind == KindRelease && b.Version != "" && (n.Component == "" || b.Component == n.Component) {
			open = append(open, b)
		}
	}
	slices.SortFunc(open, func(a, b Branch) int {
		va, _ := parseVersion(a.Version)
		vb, _ := parseVersion(b.Version)
		return cmp.Or(compareVersions(va, vb), cmp.Compare(a.Name, b.Name))
	})
	return open
}
