package tagging

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxDigits bounds each number of a version. Twelve digits hold a date with its time (202611211130), and three such
// numbers leave an image tag enough room for a hotfix ID and a full revision.
const maxDigits = 12

// maxNumber is the largest number that maxDigits can write.
const maxNumber = 999_999_999_999

// hotfixMark stands between a version and the ID of a hotfix, in versions and in image tags.
const hotfixMark = "-hotfix-"

// First is the version of the first release of a repository that has none: 0.1.0.
func First() Version { return Version{Minor: 1} }

// Version is the version of a release: major.minor.patch, and for a hotfix that keeps its release's numbers
// (HotfixSuffix) the ID of that hotfix. The zero Version means that there is none. Versions are comparable with ==;
// which of two came later, only a Log can say.
type Version struct {
	Major, Minor, Patch uint64
	// Hotfix is the ID of the hotfix as HotfixID made it; empty for every version that is not a suffixed hotfix.
	Hotfix string
}

// ParseVersion reads "1.4.0" and "1.4.0-hotfix-17", and nothing that String would not print: no leading "v", no
// leading zeros, exactly three numbers of at most twelve digits.
func ParseVersion(s string) (Version, error) {
	core, id, suffixed := strings.Cut(s, hotfixMark)
	v, err := parseCore(core)
	if err != nil {
		return Version{}, fmt.Errorf("version %q: %w", clip(s), err)
	}
	if !suffixed {
		return v, nil
	}
	if err := checkID(id, maxHotfixID); err != nil {
		return Version{}, fmt.Errorf("version %q: hotfix %w", clip(s), err)
	}
	v.Hotfix = id
	return v, nil
}

// ParseReleaseVersion reads major.minor.patch only, for where a person names the version of a release: a flag, a
// command, the name of a release branch, a Release-As trailer.
func ParseReleaseVersion(s string) (Version, error) {
	v, err := parseCore(s)
	if err != nil {
		return Version{}, fmt.Errorf("version %q: %w", clip(s), err)
	}
	return v, nil
}

// parseCore reads major.minor.patch. Its errors say what is wrong and what is wanted, without the text itself.
func parseCore(s string) (Version, error) {
	const want = "want major.minor.patch, like 1.4.0"
	if s == "" {
		return Version{}, errors.New("it is empty; " + want)
	}
	if s[0] == 'v' || s[0] == 'V' {
		return Version{}, errors.New("it begins with a \"v\", which only git tags have; " + want)
	}
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return Version{}, fmt.Errorf("it has %s and not three; %s", count(len(parts), "part"), want)
	}
	var n [3]uint64
	for i, part := range parts {
		var err error
		if n[i], err = parseNumber(part); err != nil {
			return Version{}, fmt.Errorf("%w; %s", err, want)
		}
	}
	return Version{Major: n[0], Minor: n[1], Patch: n[2]}, nil
}

func parseNumber(s string) (uint64, error) {
	switch {
	case s == "":
		return 0, errors.New("a number is missing")
	case strings.Trim(s, "0123456789") != "":
		return 0, fmt.Errorf("%q is not a number", clip(s))
	case len(s) > 1 && s[0] == '0':
		return 0, fmt.Errorf("%q has a leading zero", clip(s))
	case len(s) > maxDigits:
		return 0, fmt.Errorf("%q is too large, a number has at most %d digits", clip(s), maxDigits)
	}
	return strconv.ParseUint(s, 10, 64)
}

// String prints the version as ParseVersion reads it.
func (v Version) String() string {
	b := make([]byte, 0, 24)
	b = v.appendCore(b)
	if v.Hotfix != "" {
		b = append(b, hotfixMark...)
		b = append(b, v.Hotfix...)
	}
	return string(b)
}

func (v Version) appendCore(b []byte) []byte {
	b = strconv.AppendUint(b, v.Major, 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, v.Minor, 10)
	b = append(b, '.')
	return strconv.AppendUint(b, v.Patch, 10)
}

// IsZero tells whether v is no version at all. 0.0.0 is none: the first version is First.
func (v Version) IsZero() bool { return v == Version{} }

// Core is v without its hotfix: 1.4.0 of 1.4.0-hotfix-17.
func (v Version) Core() Version { return Version{Major: v.Major, Minor: v.Minor, Patch: v.Patch} }

// CompareCore compares major, minor and patch: -1 when v is lower, 0 when they are the same, 1 when v is higher.
// Hotfixes of one release compare as the same; Log.Compare tells them apart.
func (v Version) CompareCore(w Version) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch))
}

// MarshalText prints the version; the zero Version is empty.
func (v Version) MarshalText() ([]byte, error) {
	if v.IsZero() {
		return nil, nil
	}
	return []byte(v.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (v *Version) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*v = Version{}
		return nil
	}
	parsed, err := ParseVersion(string(text))
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}
