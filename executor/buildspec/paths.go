package buildspec

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/sluicehq/sluice/executor/document"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// variableRE finds what may be a variable in a path.
var variableRE = lazyregexp.New(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))`)

// patternList reads a list of patterns. One by itself may stand for a list of one, as AWS's own examples write it.
func (r *reader) patternList(e document.Entry, what string) []document.Name {
	text, single := document.Scalar(e.Value)
	if !single {
		return r.List(e, what, "")
	}
	line, _ := document.Position(e.Value)
	return []document.Name{{Text: text, Line: line}}
}

// glob checks a pattern of paths below the source's root and cleans it. One with variables is checked as far as it is
// known, and for the rest when it is expanded.
func (r *reader) glob(e document.Entry, what, pattern string) string {
	err := checkTemplate(pattern)
	if err == nil && !strings.Contains(pattern, "$") {
		pattern = path.Clean(pattern)
	}
	if err != nil {
		r.Failf(e.At, "%s: %v", what, err)
		return ""
	}
	return pattern
}

// checkTemplate checks a pattern that may have variables.
func checkTemplate(pattern string) error {
	plain := variableRE.ReplaceAllString(pattern, "x")
	switch {
	case strings.ContainsAny(plain, "$`"):
		return fmt.Errorf("%q: only variables are expanded in paths, written $NAME or ${NAME}", pattern)
	case plain != pattern:
		return checkGlob(strings.TrimLeft(plain, "/"))
	}
	return checkGlob(pattern)
}

func checkGlob(pattern string) error {
	clean := path.Clean(pattern)
	switch {
	case len(pattern) > maxPattern:
		return fmt.Errorf("a pattern is longer than %d bytes", maxPattern)
	case pattern == "" || path.IsAbs(pattern) || !fs.ValidPath(clean) || strings.Contains(pattern, `\`):
		return fmt.Errorf("%q is not a path below the source's root", pattern)
	case !doublestar.ValidatePattern(clean):
		return fmt.Errorf("%q is not a pattern", pattern)
	}
	return nil
}

// variables are the names in a pattern.
func variables(pattern string) []string {
	var out []string
	for _, m := range variableRE.FindAllStringSubmatch(pattern, -1) {
		out = append(out, m[1]+m[2])
	}
	return out
}

// expand puts values into a pattern and makes it relative to the source's root.
func expand(pattern string, values map[string]string, src string) (string, error) {
	if !strings.Contains(pattern, "$") {
		return pattern, nil
	}
	var unset []string
	text := os.Expand(pattern, func(name string) string {
		v, ok := values[name]
		if !ok {
			unset = append(unset, name)
		}
		return v
	})
	if len(unset) > 0 {
		return "", fmt.Errorf("%s: %s is not set in the build's environment, or is too long", pattern, strings.Join(unset, ", "))
	}
	if rel, below := strings.CutPrefix(text, src); below && (rel == "" || rel[0] == '/') {
		text = "." + rel
	}
	if err := checkGlob(text); err != nil {
		return "", fmt.Errorf("%s: %w", pattern, err)
	}
	return path.Clean(text), nil
}

// patterns are all patterns of an artifact.
func (a *ArtifactSpec) patterns() []string {
	if a == nil {
		return nil
	}
	out := append(slices.Clone(a.Exclude), a.Base)
	for _, f := range a.Files {
		out = append(out, f.Text)
	}
	return out
}

// expanded is the artifact with the values put into its patterns.
func (a *ArtifactSpec) expanded(values map[string]string, src string) (*ArtifactSpec, error) {
	out := *a
	var errs []error
	put := func(pattern string) string {
		text, err := expand(pattern, values, src)
		errs = append(errs, err)
		return text
	}
	out.Base = put(a.Base)
	out.Files, out.Exclude = slices.Clone(a.Files), slices.Clone(a.Exclude)
	for i := range out.Files {
		out.Files[i].Text = put(out.Files[i].Text)
	}
	for i := range out.Exclude {
		out.Exclude[i] = put(out.Exclude[i])
	}
	return &out, errors.Join(errs...)
}

// pathVariables are the names of variables in all paths of the file, sorted.
func (s *Spec) pathVariables() []string {
	found := map[string]bool{}
	all := s.Primary.patterns()
	for _, a := range s.Secondary {
		all = append(all, a.patterns()...)
	}
	if s.Cache != nil {
		for _, p := range s.Cache.Paths {
			all = append(all, strings.TrimPrefix(p.Text, "$HOME/"))
		}
	}
	for _, rs := range s.Reports {
		all = append(all, rs.Base)
		for _, f := range rs.Files {
			all = append(all, f.Text)
		}
	}
	for _, p := range all {
		for _, name := range variables(p) {
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
