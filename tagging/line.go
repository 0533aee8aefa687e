package tagging

import (
	"fmt"
	"strings"
)

// Line is a line of versions: Trunk, which development and releases from it continue, or the line of a support
// branch, in which only the patch number rises.
type Line struct {
	// Support is true for the line of a support branch; Major and Minor are its numbers.
	Support      bool
	Major, Minor uint64
}

// Trunk is the line of the development branch. Its highest version is the highest of all.
func Trunk() Line { return Line{} }

// ParseLine reads the line of a support branch, "1.4" of support/1.4.
func ParseLine(s string) (Line, error) {
	v, err := parseCore(s + ".0")
	if err != nil || strings.Count(s, ".") != 1 {
		return Line{}, fmt.Errorf("support line %q: want major.minor, like 1.4", clip(s))
	}
	return Line{Support: true, Major: v.Major, Minor: v.Minor}, nil
}

// Holds tells whether v is on the line. Trunk holds every version.
func (l Line) Holds(v Version) bool {
	return !l.Support || v.Major == l.Major && v.Minor == l.Minor
}

// String is "trunk", or "support line 1.4".
func (l Line) String() string {
	if !l.Support {
		return "trunk"
	}
	return fmt.Sprintf("support line %d.%d", l.Major, l.Minor)
}
