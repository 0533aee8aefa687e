package gitflow

import "slices"

// governed tells whether pull requests into branches of this kind are judged. Features and ignored branches are their
// owners' own business, and a back-merge branch is where people merge whatever resolves the conflict.
func governed(base Kind) bool {
	switch base {
	case KindFeature, KindBugfix, KindIgnored, KindBackmerge:
		return false
	}
	return true
}

// mayMerge is the table of the flow: which kind goes into which. Ancestry comes on top. What one component ships is
// nothing to another's release.
func mayMerge(head, base Branch) bool {
	if head.Component != "" && base.Component != "" && head.Component != base.Component {
		return false
	}
	switch head.Kind {
	case KindFeature:
		return base.Kind == KindDevelopment
	case KindBugfix:
		if head.Fork {
			return base.Kind == KindDevelopment || base.Kind == KindRelease
		}
		return base.Kind == KindDevelopment || base.Kind == KindRelease || base.Kind == KindHotfix || base.Kind == KindSupport
	case KindRelease:
		return base.Kind == KindProduction || base.Kind == KindDevelopment || base.Kind == KindSupport && onLine(head.Version, base.Line)
	case KindHotfix:
		return base.Kind == KindProduction || base.Kind == KindDevelopment || base.Kind == KindRelease || base.Kind == KindSupport
	case KindBackmerge:
		return base.Kind == KindDevelopment || base.Kind == KindRelease || base.Kind == KindHotfix || base.Kind == KindSupport
	case KindFinish:
		return base.Kind == KindProduction || base.Kind == KindSupport
	}
	return false
}

// onLine tells whether a version belongs to a support line: 1.4.3 to 1.4.
func onLine(version, line string) bool {
	_, ok := parseVersion(version)
	return ok && line != "" && len(version) > len(line)+1 && version[:len(line)+1] == line+"."
}

// legalBases are the branches that a head may be merged into, best first.
func legalBases(n Names, head Branch, openReleases []string) []string {
	releases := make([]string, 0, len(openReleases))
	n.Component = head.Component
	for _, r := range OpenReleases(n, openReleases) {
		if r.Name != head.Name {
			releases = append(releases, r.Name)
		}
	}
	switch head.Kind {
	case KindFeature:
		return []string{n.Development}
	case KindBugfix, KindBackmerge:
		return slices.Concat([]string{n.Development}, releases)
	case KindRelease:
		return []string{n.Production, n.Development}
	case KindHotfix:
		return slices.Concat([]string{n.Production, n.Development}, releases)
	case KindFinish:
		return []string{n.Production}
	}
	return nil
}
