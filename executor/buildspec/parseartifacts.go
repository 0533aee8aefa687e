package buildspec

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/sluicehq/sluice/executor/document"
)

func (r *reader) artifacts(s *Spec, e document.Entry) {
	s.Primary = r.artifact(e, "artifacts.", s.Secondary)
	if len(s.Primary.Files) == 0 {
		if len(s.Secondary) == 0 {
			r.Failf(e.At, "artifacts.files is missing")
		}
		s.Primary = nil
	}
}

// artifact reads one artifact. Secondary ones go into the map; where it is nil they are not known.
func (r *reader) artifact(e document.Entry, prefix string, secondary map[string]*ArtifactSpec) *ArtifactSpec {
	a := &ArtifactSpec{}
	a.Line, _ = document.Position(e.At)
	for _, k := range r.Mapping(e.Value, strings.TrimSuffix(prefix, ".")) {
		switch {
		case k.Key == "files":
			a.Files = r.List(k, prefix+"files", "")
			for i, f := range a.Files {
				a.Files[i].Text = r.glob(k, prefix+"files", f.Text)
			}
		case k.Key == "exclude-paths":
			for _, x := range r.List(k, prefix+"exclude-paths", "") {
				a.Exclude = append(a.Exclude, r.glob(k, prefix+"exclude-paths", x.Text))
			}
		case k.Key == "base-directory":
			a.Base = r.glob(k, prefix+"base-directory", r.Text(k, prefix+"base-directory"))
		case k.Key == "discard-paths":
			a.Flat = r.Yes(k, prefix+"discard-paths")
		case k.Key == "enable-symlinks":
			a.Symlinks = r.Yes(k, prefix+"enable-symlinks")
		case k.Key == "name":
			a.Name = r.Text(k, prefix+"name")
		case k.Key == "secondary-artifacts" && secondary != nil:
			for _, x := range r.Mapping(k.Value, prefix+"secondary-artifacts") {
				if !identifierRE.MatchString(x.Key) {
					r.Failf(x.At, "%ssecondary-artifacts: %q is not an identifier", prefix, x.Key)
				}
				secondary[x.Key] = r.artifact(x, prefix+"secondary-artifacts."+x.Key+".", nil)
				if len(secondary[x.Key].Files) == 0 {
					r.Failf(x.At, "%ssecondary-artifacts.%s.files is missing", prefix, x.Key)
				}
			}
		default:
			r.unknown(k, prefix, "artifacts."+k.Key, "files", "name", "base-directory", "exclude-paths", "discard-paths",
				"enable-symlinks", "secondary-artifacts")
		}
	}
	return a
}

// glob checks a pattern of paths below the source's root and cleans it.
func (r *reader) glob(e document.Entry, what, pattern string) string {
	err := checkGlob(pattern)
	if err != nil {
		r.Failf(e.At, "%s: %v", what, err)
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
