package tagging

import (
	"errors"
	"fmt"
	"strings"
)

// versionPlaceholder stands for the version in the pattern of a git tag.
const versionPlaceholder = "{ReleaseVersion}"

// DefaultTagPattern is the pattern of git tags where nothing else is configured.
const DefaultTagPattern = "v" + versionPlaceholder

// TagPattern is how the git tags of releases are written: versioning.tag in .github/sluice.yml, "v{ReleaseVersion}" by
// default, "api/v{ReleaseVersion}" for a component. The zero TagPattern writes the bare version.
type TagPattern struct{ prefix, suffix string }

// ParseTagPattern reads a pattern. It holds {ReleaseVersion} exactly once, and every tag it can write is a name that git
// accepts.
func ParseTagPattern(s string) (TagPattern, error) {
	if n := strings.Count(s, versionPlaceholder); n != 1 {
		return TagPattern{}, fmt.Errorf("tag pattern %q: it holds %s %d times and not once; write it like %q",
			clip(s), versionPlaceholder, n, DefaultTagPattern)
	}
	prefix, suffix, _ := strings.Cut(s, versionPlaceholder)
	if err := checkRefName(prefix + "1.4.0" + suffix); err != nil {
		return TagPattern{}, fmt.Errorf("tag pattern %q: git refuses such a name: %w", clip(s), err)
	}
	return TagPattern{prefix: prefix, suffix: suffix}, nil
}

// String is the pattern as ParseTagPattern reads it.
func (p TagPattern) String() string { return p.prefix + versionPlaceholder + p.suffix }

// Print writes the git tag of v.
func (p TagPattern) Print(v Version) string { return p.prefix + v.String() + p.suffix }

// Parse reads a git tag (its short name) that Print wrote. Any other tag is an error that says what differs: a
// repository may hold tags that are no releases.
func (p TagPattern) Parse(tag string) (Version, error) {
	rest, ok := strings.CutPrefix(tag, p.prefix)
	if ok {
		rest, ok = strings.CutSuffix(rest, p.suffix)
	}
	if !ok {
		return Version{}, fmt.Errorf("git tag %q: want %s", clip(tag), p)
	}
	v, err := ParseVersion(rest)
	if err != nil {
		return Version{}, fmt.Errorf("git tag %q: %w", clip(tag), err)
	}
	return v, nil
}

// checkRefName holds a name against the rules of git-check-ref-format for a tag.
func checkRefName(name string) error {
	for _, r := range name {
		if r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r) {
			return fmt.Errorf("it holds the character %q", r)
		}
	}
	for _, part := range strings.Split(name, "/") {
		switch {
		case part == "":
			return errors.New("it begins or ends with a slash, or has two in a row")
		case part[0] == '.':
			return errors.New("a part begins with a dot")
		case strings.HasSuffix(part, ".lock"):
			return errors.New(`a part ends with ".lock"`)
		}
	}
	switch {
	case name[0] == '-':
		return errors.New("it begins with a dash")
	case strings.HasSuffix(name, "."):
		return errors.New("it ends with a dot")
	case strings.Contains(name, ".."), strings.Contains(name, "@{"):
		return errors.New(`it holds ".." or "@{"`)
	}
	return nil
}
