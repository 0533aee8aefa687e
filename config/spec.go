package config

import (
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
	anythingValue                  // a mapping that only an executor understands
	constantValue                  // exactly one text
	plainValue                     // a text, number or truth value, or a list of those
)

// spec says what a value may be. One tree of specs (fileSpec) is what the loader checks by, what the JSON Schema is made
// of and what the reference in docs/configuration.md is tested against.
type spec struct {
	kind   valueKind
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
	form    string // what pattern or valid asks for, in words; the hint
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
	// oneOf are keys of an object of which exactly one must be given; needs are keys that only make sense with another.
	oneOf []string
	// hole: the value may be a reference to a parameter of a model.
	hole bool
	// partial: what an object requires may be given by another file.
	partial bool
	needs   map[string]string
	// elsewhere says why the key does not belong into this file, unless it is empty.
	elsewhere string
	// unbuilt: the key is understood, but this version does nothing with it and so refuses it, unless it is empty.
	unbuilt string
}

// field is a key of an object.
type field struct {
	name     string
	required bool
	spec     *spec
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
