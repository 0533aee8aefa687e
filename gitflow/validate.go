package gitflow

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// maxPattern is the longest glob or template, in bytes.
const maxPattern = 512

// Validate reports every name that cannot be used, as *NameError, in the order of the fields. Nil: all can.
func (n Names) Validate() []error {
	var errs []error
	report := func(field, hint, problem string, args ...any) {
		errs = append(errs, &NameError{Field: field, Problem: fmt.Sprintf(problem, args...), Hint: hint})
	}

	for _, long := range []struct{ field, name string }{{"production", n.Production}, {"development", n.Development}} {
		if problem := refProblem(long.name); problem != "" {
			report(long.field, "write the short name of a branch, like \"main\"", "%q %s", long.name, problem)
		} else if strings.HasPrefix(long.name, BackmergePrefix) || strings.HasPrefix(long.name, FinishPrefix) {
			report(long.field, "choose a name outside of backmerge/ and sluice/finish-", "%q is a name that Sluice gives to its own branches", long.name)
		}
	}
	if n.Production != "" && strings.EqualFold(n.Production, n.Development) {
		report("development", "name two branches; git-flow needs both", "%q is the production branch too", n.Development)
	}

	templatesOK := true
	for _, t := range []struct {
		field, template string
		kind            Kind
	}{{"release", n.Release, KindRelease}, {"hotfix", n.Hotfix, KindHotfix}, {"support", n.Support, KindSupport}} {
		if t.field == "support" && t.template == "" {
			continue // no support lines
		}
		if problem := CheckTemplate(t.kind, t.template); problem != "" {
			report(t.field, fmt.Sprintf("write a template like %q", templates()[t.kind].example), "%q %s", t.template, problem)
			templatesOK = false
		}
	}

	globsOK := true
	for _, list := range []struct {
		field string
		globs []string
	}{{"bugfix", n.Bugfix}, {"ignore", n.Ignore}, {"bots", n.Bots}} {
		for i, g := range list.globs {
			field := fmt.Sprintf("%s[%d]", list.field, i)
			if g == "" || len(g) > maxPattern || !doublestar.ValidatePattern(g) {
				report(field, "write a glob like \"fix/*\", at most 512 bytes", "%q is not a glob", g)
				globsOK = false
				continue
			}
			for _, long := range [...]string{n.Production, n.Development} {
				if long != "" && matches([]string{g}, long) {
					report(field, "make the glob narrower", "%q matches the long-lived branch %q", g, long)
				}
			}
		}
	}
	if templatesOK && globsOK {
		errs = append(errs, n.overlaps()...)
	}
	if n.MaxOpenReleases < 1 {
		report("max_open_releases", "write 1 or more", "%d release branches may be open", n.MaxOpenReleases)
	}
	return errs
}

// overlaps finds templates whose branches would be taken for another kind.
func (n Names) overlaps() []error {
	var errs []error
	for _, t := range []struct {
		field, sample string
		kind          Kind
	}{
		{"release", strings.Replace(n.Release, versionHole, "1.4.0", 1), KindRelease},
		{"hotfix", strings.Replace(n.Hotfix, idHole, "17", 1), KindHotfix},
		{"support", strings.Replace(n.Support, lineHole, "1.4", 1), KindSupport},
	} {
		if t.sample == "" {
			continue
		}
		if got := n.kind(t.sample).Kind; got != t.kind {
			errs = append(errs, &NameError{Field: t.field,
				Problem: fmt.Sprintf("a %s branch would be called %q, and that name is taken for a %s branch", t.kind, t.sample, got),
				Hint:    "make the two names begin differently"})
		}
	}
	return errs
}

// templates say what the templates of names hold, and what fills it for a try.
func templates() map[Kind]struct{ hole, sample, example string } {
	return map[Kind]struct{ hole, sample, example string }{
		KindRelease: {versionHole, "1.4.0", "release/{version}"},
		KindHotfix:  {idHole, "17", "hotfix/{id}"},
		KindSupport: {lineHole, "1.4", "support/{major}.{minor}"},
	}
}

// CheckTemplate says what is wrong with a template for the branches of a kind (release, hotfix or support), as the rest of a sentence
// that begins with it; empty: nothing.
func CheckTemplate(kind Kind, template string) (problem string) {
	hole, sample := templates()[kind].hole, templates()[kind].sample
	switch {
	case template == "":
		return "is empty"
	case len(template) > maxPattern:
		return "is longer than 512 bytes"
	case strings.Count(template, hole) != 1:
		return "must contain " + hole + " exactly once"
	case strings.HasPrefix(template, hole):
		return "must begin with something that tells it from a feature branch"
	}
	name := strings.Replace(template, hole, sample, 1)
	if strings.ContainsAny(name, "{}") {
		return "contains braces other than " + hole
	}
	return refProblem(name)
}

// refProblem says why git or GitHub would not take a branch name, by the rules of git-check-ref-format; empty: they do.
func refProblem(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > 244: // refs/heads/ and .lock must fit into a file name's 255 bytes
		return "is longer than 244 bytes"
	case name == "@", name == "HEAD", strings.HasPrefix(name, "refs/"):
		return "is a name that git keeps for itself"
	case strings.HasPrefix(name, "-"), strings.HasPrefix(name, "/"), strings.HasSuffix(name, "/"), strings.HasSuffix(name, "."):
		return "begins with '-' or '/', or ends with '/' or '.'"
	case strings.Contains(name, ".."), strings.Contains(name, "//"), strings.Contains(name, "@{"):
		return "contains \"..\", \"//\" or \"@{\""
	}
	for _, r := range name {
		if r <= ' ' || r == 0x7F || strings.ContainsRune(`~^:?*[\`, r) {
			return "contains a blank, a control character or one of ~^:?*[\\"
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return "has a part that begins with '.' or ends with \".lock\""
		}
	}
	return ""
}
