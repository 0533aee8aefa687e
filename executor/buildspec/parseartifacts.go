package buildspec

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

func (r *reader) artifacts(s *Spec, e entry) {
	s.Primary = r.artifact(e, "artifacts.", s.Secondary)
	if len(s.Primary.Files) == 0 {
		if len(s.Secondary) == 0 {
			r.failf(e.at, "artifacts.files is missing")
		}
		s.Primary = nil
	}
}

// artifact reads one artifact. Secondary ones go into the map; where it is nil they are not known.
func (r *reader) artifact(e entry, prefix string, secondary map[string]*ArtifactSpec) *ArtifactSpec {
	a := &ArtifactSpec{}
	a.Line, _ = position(e.at)
	for _, k := range r.mapping(e.value, strings.TrimSuffix(prefix, ".")) {
		switch {
		case k.key == "files":
			a.Files = r.list(k, prefix+"files", "")
			for i, f := range a.Files {
				a.Files[i].Text = r.glob(k, prefix+"files", f.Text)
			}
		case k.key == "exclude-paths":
			for _, x := range r.list(k, prefix+"exclude-paths", "") {
				a.Exclude = append(a.Exclude, r.glob(k, prefix+"exclude-paths", x.Text))
			}
		case k.key == "base-directory":
			a.Base = r.glob(k, prefix+"base-directory", r.text(k, prefix+"base-directory"))
		case k.key == "discard-paths":
			a.Flat = r.yes(k, prefix+"discard-paths")
		case k.key == "enable-symlinks":
			a.Symlinks = r.yes(k, prefix+"enable-symlinks")
		case k.key == "name":
			a.Name = r.text(k, prefix+"name")
		case k.key == "secondary-artifacts" && secondary != nil:
			for _, x := range r.mapping(k.value, prefix+"secondary-artifacts") {
				if !identifierRE.MatchString(x.key) {
					r.failf(x.at, "%ssecondary-artifacts: %q is not an identifier", prefix, x.key)
				}
				secondary[x.key] = r.artifact(x, prefix+"secondary-artifacts."+x.key+".", nil)
				if len(secondary[x.key].Files) == 0 {
					r.failf(x.at, "%ssecondary-artifacts.%s.files is missing", prefix, x.key)
				}
			}
		default:
			r.unknown(k, prefix, "artifacts."+k.key, "files", "name", "base-directory", "exclude-paths", "discard-paths",
				"enable-symlinks", "secondary-artifacts")
		}
	}
	return a
}

// glob checks a pattern of paths below the source's root and cleans it.
func (r *reader) glob(e entry, what, pattern string) string {
	err := checkGlob(pattern)
	if err != nil {
		r.failf(e.at, "%s: %v", what, err)
		return ""
	}
	return path.Clean(pattern)
}

func checkGlob(pattern string) error {
	clean := path.Clean(pattern)
	switch {
	case len(pattern) > maxPattern:
		return fmt.Errorf("a pattern is longer than %d bytes", maxPattern)
	case pattern == "" || path.IsAbs(pattern) || !fs.ValidPath(clean) || strings.Contains(pattern, `\`):
		return fmt.Errorf("%q is not a path below the source's root", pattern)
	case strings.ContainsAny(pattern, "$`"):
		return fmt.Errorf("%q: variables are not expanded in paths", pattern)
	case !doublestar.ValidatePattern(clean):
		return fmt.Errorf("%q is not a pattern", pattern)
	}
	return nil
}
