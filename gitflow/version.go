package gitflow

import (
	"cmp"
	"math"
	"strings"
)

// The holes of the name templates.
const (
	versionHole = "{version}"
	idHole      = "{id}"
	lineHole    = "{major}.{minor}"
)

// version is major.minor.patch, for ordering release branches. Package tagging knows everything else about versions.
type version [3]int64

// parseVersion reads major.minor.patch: three decimal numbers without leading zeros that fit 63 bits, nothing else.
func parseVersion(s string) (version, bool) {
	var v version
	for i := range v {
		number, rest, more := strings.Cut(s, ".")
		if more == (i == len(v)-1) {
			return version{}, false
		}
		var ok bool
		if v[i], ok = parseNumber(number); !ok {
			return version{}, false
		}
		s = rest
	}
	return v, true
}

func parseNumber(s string) (int64, bool) {
	if s == "" || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		d := int64(s[i]) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

func validLine(s string) bool {
	major, minor, found := strings.Cut(s, ".")
	_, majorOK := parseNumber(major)
	_, minorOK := parseNumber(minor)
	return found && majorOK && minorOK
}

func compareVersions(a, b version) int {
	for i := range a {
		if c := cmp.Compare(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}

// fill returns what stands in the hole of a template, and whether the name has the template's form.
func fill(template, hole, name string) (string, bool) {
	prefix, suffix, found := strings.Cut(template, hole)
	if !found || len(name) <= len(prefix)+len(suffix) || !strings.HasPrefix(name, prefix) || !strings.HasSuffix(name, suffix) {
		return "", false
	}
	return name[len(prefix) : len(name)-len(suffix)], true
}
