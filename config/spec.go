package config

import (
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// valueKind is what a value of the file must be.
type valueKind int

const (
	textValue     valueKind = iota // a text or a number, kept as it is written
	wordValue                      // one of a few words
	integerValue                   // a whole number
	booleanValue                   // true or false
	durationValue                  // 90s, 60m, 24h, 7d
	objectValue                    // a mapping with known keys
	mappingValue                   // a mapping from names to values of one spec
	listValue                      // a list of values of one spec
	anythingValue                  // a mapping that only an executor understands, but for the keys in fields
	constantValue                  // exactly one text
	plainValue                     // a text, number or truth value, or a list of those
)

// spec says what a value may be. One tree of specs (fileSpec) is what the loader checks by, what the JSON Schema is made
// of and what the reference in docs/configuration.md is tested against.
type spec struct {
	kind valueKind
	// name is what the schema calls it where it stands in several places; empty: it is written out.
	name   string
	doc    string  // for editors: one or two sentences
	def    string  // the default, for editors and the reference; empty: none
	fields []field // of an object
	elem   *spec   // of a mapping or list
	// single: one text may stand for a list of one.
	single   bool
	maxItems int // of a list or mapping
	// nonEmpty: a list with no item is an error.
	nonEmpty bool
	words    []string
	// foreign are words, in lower case, that others have there, and what is written here instead; the hint.
	foreign map[string]string
	pattern *lazyregexp.Regexp
	form    string // what pattern, valid, words or needs asks for, in words; the hint
	empty   bool   // a text may be empty, if it is in quotes
	maxLen  int    // of a text, in characters; 0 is 512
	// valid says more than a pattern can: what is wrong with a text, empty: nothing.
	valid             func(text string) (problem string)
	min, max          int64
	shortest, longest time.Duration
	// zero: the duration may be 0.
	zero bool
	// names is what the names of a mapping must match.
	names    *lazyregexp.Regexp
	nameForm string
	// noCase: the names of a mapping must differ by more than case, among themselves and from these, unless it is one of them.
	noCase []string
	// deny says what is wrong with a name of a mapping, empty: nothing.
	deny func(name string) (problem string)
	// known are the words there are for the name of an executor.
	known []string
	// never are words that a text may not be, though its form allows them.
	never map[string]refusal
	// missing is the hint where the key is required and not there; empty: add it.
	missing string
	// oneOf are keys of an object of which exactly one must be given; needs are keys that only make sense with another; someOf are
	// its lists of which one at least must have an entry.
	oneOf, someOf []string
	// variants are what else holds of an object that says something in particular.
	variants []variant
	// holds: one entry of a list at least must be so; else fault says what is wrong.
	holds match
	fault refusal
	// only: of the entries of a mapping, only the one of this name may have the key; nil: every one.
	only *onlyIn
	// denyEnv: the names under the key env, where that is a mapping, must pass DeniedEnv.
	denyEnv bool
	// whole: a text with a reference to a variable in it must be the reference and nothing else.
	whole bool
	// hole: the value may be a reference to a parameter of a model.
	hole bool
	// partial: what an object requires may be given by another file.
	partial bool
	needs   map[string]string
	// elsewhere says why the key does not belong here, unless that is empty. A list may be there if it is empty.
	elsewhere refusal
	// unbuilt: the key is understood, but this version does nothing with it and so refuses it, unless it is empty.
	unbuilt string
}

// field is a key of an object.
type field struct {
	name     string
	required bool
	spec     *spec
}

// refusal is what the loader says of something: the problem and the hint.
type refusal struct{ problem, hint string }

// onlyIn is the name of the entry that a key belongs to, and what is said where it stands in another: <name> is that one's name.
type onlyIn struct {
	name string
	refusal
}

// variant is what holds of an object that matches: of these keys, instead of what the object's own fields say. For the schema both
// hold, so a variant asks for more and never for less; no two that may match the same object say different things of a key.
type variant struct {
	when   match
	fields []field
}

// match is what an object may say; all of it.
type match []condition

// condition is one thing that an object may say of a key: one of words, inside, some and absent, or that it is there.
type condition struct {
	key    string
	words  []string // it is one of these
	inside match    // it is an object that matches
	some   match    // it is a list, one entry of which matches
	absent bool     // it is not there
}

// holds tells whether a value matches.
func (m match) holds(n *node) bool {
	return !slices.ContainsFunc(m, func(c condition) bool {
		v := n.get(c.key)
		switch {
		case v == nil || c.absent:
			return v != nil || !c.absent
		case c.inside != nil:
			return !c.inside.holds(v)
		case c.some != nil:
			return !slices.ContainsFunc(v.items, c.some.holds)
		case c.words == nil:
			return false
		}
		return v.kind != scalarNode || !slices.Contains(c.words, v.text)
	})
}

// as is what holds of a particular object: the spec with the fields of the variants that match it.
func (s *spec) as(n *node) *spec {
	out := s
	for _, v := range s.variants {
		if !v.when.holds(n) {
			continue
		}
		if out == s {
			c := *s
			c.fields = slices.Clone(s.fields)
			out = &c
		}
		for _, f := range v.fields {
			i := slices.IndexFunc(out.fields, func(of field) bool { return of.name == f.name })
			out.fields[i] = f
		}
	}
	return out
}

// entry is what the value of one name in a mapping must be: keys that only another name has do not belong into it.
func (s *spec) entry(name string) *spec {
	elsewhere := func(f field) bool { return f.spec.only != nil && f.spec.only.name != name }
	if !slices.ContainsFunc(s.elem.fields, elsewhere) {
		return s.elem
	}
	out := *s.elem
	out.fields = slices.Clone(s.elem.fields)
	for i, f := range out.fields {
		if elsewhere(f) {
			said := strings.NewReplacer("<name>", name)
			out.fields[i].spec = &spec{kind: f.spec.kind,
				elsewhere: refusal{said.Replace(f.spec.only.problem), said.Replace(f.spec.only.hint)}}
		}
	}
	return &out
}

func (s *spec) field(name string) *spec {
	if s == nil {
		return nil
	}
	for _, f := range s.fields {
		if f.name == name {
			return f.spec
		}
	}
	return nil
}

// keys are the names of an object's fields.
func (s *spec) keys() []string {
	out := make([]string, len(s.fields))
	for i, f := range s.fields {
		out[i] = f.name
	}
	return out
}

// child is what the value of a key must be; nil where that is not known.
func (s *spec) child(key string) *spec {
	if s != nil && s.kind == mappingValue {
		return s.elem
	}
	return s.field(key)
}
