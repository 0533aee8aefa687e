package config

import (
	"fmt"
	"slices"
	"strings"
)

// OrganizationRepo is the name of the repository in which an organization keeps its defaults, under FileName, and its
// pipeline models.
const OrganizationRepo = ".github"

// Organization is what a repository's file is read with: the defaults and the pipeline models of its organization.
type Organization struct {
	// Name is what people call it: acme/.github.
	Name string `json:"name"`
	// Prefix stands before the paths of its files in errors. Empty: Name and a colon.
	Prefix string `json:"prefix,omitempty"`
	// SHA is the commit that everything was read at; empty where there is no commit.
	SHA string `json:"sha,omitempty"`
	// File is its FileName; nil: it has none, and so no defaults.
	File []byte `json:"file,omitempty"`
	// Models are its files that are named by extends (ModelFiles), by path. One that is absent does not exist.
	Models map[string][]byte `json:"models,omitempty"`
	// Absent says why there is nothing to read, as half a sentence ("the App is not installed on acme/.github"); empty:
	// there is.
	Absent string `json:"absent,omitempty"`
}

// in is how errors call one of its files.
func (o *Organization) in(path string) string {
	if o.Prefix != "" {
		return o.Prefix + path
	}
	return o.Name + ":" + path
}

// organizationSpec is the organization's file: as a repository's, but it names no application, and may lock keys.
func organizationSpec() *spec {
	s := *fileSpec()
	s.doc = "What Sluice goes by in every repository of the organization that does not say otherwise."
	s.fields = slices.DeleteFunc(slices.Clone(s.fields), func(f field) bool { return f.name == "app" })
	for i, f := range s.fields {
		if f.name == "locked" {
			s.fields[i].spec = &spec{kind: listValue, single: true, maxItems: 100, def: "[]",
				doc:  "Keys that repositories may not set, each with everything under it: environments.production.approve.",
				elem: &spec{kind: textValue, valid: badLocked, form: "the path of a key, its parts joined by dots"}}
		}
	}
	return &s
}

// badLocked says what is wrong with an entry of locked; empty: nothing.
func badLocked(path string) string {
	if path == "version" || path == "locked" {
		return fmt.Sprintf("%q is no key that a repository could be kept from", path)
	}
	return unknownPath(fileSpec(), strings.Split(path, "."), "")
}

// unknownPath says which part of a path is no key; empty: it is one.
func unknownPath(s *spec, parts []string, at string) string {
	if len(parts) == 0 || s.kind == anythingValue {
		return ""
	}
	switch s.kind {
	case objectValue:
		f := s.field(parts[0])
		if f == nil {
			where := ""
			if at != "" {
				where = " in " + at
			}
			return fmt.Sprintf("there is no key %q%s; %s", clip(parts[0]), where, suggest(parts[0], s.keys()))
		}
		return unknownPath(f, parts[1:], join(at, parts[0]))
	case mappingValue: // a name may hold dots
		problem := ""
		for n := 1; n <= len(parts); n++ {
			name := strings.Join(parts[:n], ".")
			if !s.names.MatchString(name) || n > 1 && n == len(parts) { // that is more likely a key that is misspelt
				continue
			}
			found := unknownPath(s.elem, parts[n:], join(at, name))
			if found == "" {
				return ""
			}
			if n == 1 {
				problem = found
			}
		}
		if problem == "" {
			problem = fmt.Sprintf("%q cannot be a name in %s", clip(parts[0]), at)
		}
		return problem
	}
	return fmt.Sprintf("%s has no keys", at)
}

// organization reads the organization's file as far as its tree, checked by itself: it may leave out whatever
// repositories give. Nil: there are no defaults, or they have errors.
func (d *document) organization(o *Organization) *node {
	if o == nil || o.Absent != "" || o.File == nil {
		return nil
	}
	theirs := &document{source: source{file: o.in(FileName)}}
	root := theirs.read(o.File)
	if root != nil {
		c := newChecker(theirs)
		c.partial = true
		c.check(root, organizationSpec(), "")
		stamp(root, &theirs.source)
	}
	d.take(theirs)
	if len(theirs.errs) > 0 {
		return nil
	}
	return root
}

// take takes over the errors of another document.
func (d *document) take(other *document) {
	d.sourceOf(mark{in: &other.source})
	d.errs = append(d.errs, other.errs...)
	d.more += other.more
}

// stamp notes in which file the values stand.
func stamp(n *node, in *source) {
	n.at.in = in
	for i := range n.pairs {
		n.pairs[i].at.in = in
		stamp(n.pairs[i].value, in)
	}
	for _, item := range n.items {
		stamp(item, in)
	}
}

// CheckOrganization reports everything that is wrong with an organization's file and its models by themselves, in the
// order of files and lines. What only a repository's file makes wrong is not among it.
func CheckOrganization(o Organization) []*Error {
	d := &document{source: source{file: o.in(FileName)}}
	d.organization(&o)
	for _, path := range sortedKeys(o.Models) {
		newModels(d, &o).file(path)
	}
	return d.finish()
}
