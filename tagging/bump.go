package tagging

import "fmt"

// Bump says which part of a version rises. The values are those of versioning.next in .github/sluice.yml; the zero Bump
// stands for the default where one is configured, and else for none.
type Bump string

// The parts of a version, from the least to the most.
const (
	Patch Bump = "patch"
	Minor Bump = "minor"
	Major Bump = "major"
)

// ParseBump reads the name of a part, as /version bump and versioning.next give it.
func ParseBump(s string) (Bump, error) {
	switch b := Bump(s); b {
	case Patch, Minor, Major:
		return b, nil
	}
	return "", fmt.Errorf("version part %q: want patch, minor or major", clip(s))
}

func (b Bump) rank() int {
	switch b {
	case Patch:
		return 1
	case Minor:
		return 2
	case Major:
		return 3
	}
	return 0
}

// larger is the larger of two bumps.
func larger(a, b Bump) Bump {
	if b.rank() > a.rank() {
		return b
	}
	return a
}

// Bump is v with a part raised by one and the parts behind it set to zero, without a hotfix. It fails where the number
// would grow longer than a version allows.
func (v Version) Bump(part Bump) (Version, error) {
	next := v.Core()
	switch part {
	case Major:
		next = Version{Major: v.Major + 1}
	case Minor:
		next = Version{Major: v.Major, Minor: v.Minor + 1}
	case Patch:
		next.Patch++
	default:
		return Version{}, fmt.Errorf("version %s: %q is no part of a version; want patch, minor or major", v, clip(string(part)))
	}
	if max(next.Major, next.Minor, next.Patch) > maxNumber {
		return Version{}, fmt.Errorf("version %s: its %s number cannot rise further", v, part)
	}
	return next, nil
}
