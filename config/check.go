package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/pipeline"
)

const notYet = "not supported by this version of Sluice yet"

// checker holds a tree against the specs. Every value that does not pass is noted as bad, so that decoding leaves it out.
type checker struct {
	*document
	bad    map[*node]bool
	lacks  map[*node]bool  // objects that lack a required key
	places map[string]mark // of every key and list item, by path
	// partial: mappings may lack what is required, because another file gives it; what stands in lists is whole.
	partial bool
	inList  bool
	// executors are known besides those of every server.
	executors []string
}

func newChecker(d *document) *checker {
	return &checker{document: d, bad: map[*node]bool{}, lacks: map[*node]bool{}, places: map[string]mark{}}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (c *checker) wrong(n *node, path, problem, hint string) {
	c.bad[n] = true
	c.fail(n.at, path, problem, hint)
}

// refuse reports a value at its key.
func (c *checker) refuse(n *node, path string, why refusal) {
	c.bad[n] = true
	c.fail(c.at(path), path, why.problem, why.hint)
}

// at is the place of a path, or of the nearest thing around it that is written in the file.
func (c *checker) at(path string) mark {
	for path != "" {
		if m, ok := c.places[path]; ok {
			return m
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return mark{line: 1, column: 1}
}

// check looks at a value and everything in it.
func (c *checker) check(n *node, s *spec, path string) {
	if s.unbuilt != "" || s.elsewhere != (refusal{}) {
		if !(n.kind == listNode && len(n.items) == 0 && s.kind == listValue) {
			why := s.elsewhere
			if s.unbuilt != "" {
				why = refusal{s.unbuilt + " are " + notYet, "take the key out"}
			}
			c.refuse(n, path, why)
		}
		return
	}
	if s.hole && n.kind == scalarNode && wholeHoleRE.MatchString(n.text) {
		return // its form is seen at the use
	}
	if n.null() {
		c.wrong(n, path, "has no value", "give it one, or take the key out")
		return
	}
	switch s.kind {
	case objectValue:
		c.object(n, s, path)
	case mappingValue:
		c.mapping(n, s, path)
	case anythingValue:
		if c.is(n, mapNode, "a mapping", path) {
			c.open(n, s, path)
		}
	case listValue:
		c.list(n, s, path)
	case plainValue:
		c.plain(n, s, path)
	default:
		if c.is(n, scalarNode, wanted(s), path) {
			c.scalar(n, s, path)
		}
	}
}

// wanted names what a spec asks for.
func wanted(s *spec) string {
	switch s.kind {
	case wordValue, constantValue:
		return strings.Join(s.words, ", ")
	case integerValue:
		return fmt.Sprintf("a whole number from %d to %d", s.min, s.max)
	case booleanValue:
		return "true or false"
	case durationValue:
		return "a duration like 90s, 60m, 24h or 7d"
	}
	return "a text"
}

func (c *checker) is(n *node, kind nodeKind, want, path string) bool {
	if n.kind == kind {
		return true
	}
	hint := ""
	if n.kind == mapNode && kind == scalarNode {
		hint = "a text that begins with { needs quotes"
	}
	c.wrong(n, path, "want "+want+", got "+n.describe(), hint)
	return false
}

// keys reports keys given twice and notes where each stands.
func (c *checker) keys(n *node, path string) {
	seen := make(map[string]mark, len(n.pairs))
	for _, p := range n.pairs {
		at := join(path, p.key)
		if first, ok := seen[p.key]; ok {
			c.fail(p.at, at, fmt.Sprintf("key %q is given twice, in line %d and in line %d", clip(p.key), first.line, p.at.line),
				"keep one of them")
			continue
		}
		seen[p.key] = p.at
		c.places[at] = p.at
	}
}

func (c *checker) object(n *node, s *spec, path string) {
	if !c.is(n, mapNode, "a mapping", path) {
		return
	}
	c.keys(n, path)
	s = s.as(n)
	for _, p := range n.pairs {
		fs := s.field(p.key)
		if fs == nil {
			if c.full() {
				c.more++ // without looking for what may have been meant
				continue
			}
			c.fail(p.at, join(path, clip(p.key)), "unknown key", suggest(p.key, s.keys()))
			continue
		}
		c.check(p.value, fs, join(path, p.key))
	}
	c.together(n, s, path)
	c.required(n, s, path)
}

// mayLack tells whether another file may give what is missing here.
func (c *checker) mayLack() bool { return c.partial && !c.inList }

// required reports the keys that are missing.
func (c *checker) required(n *node, s *spec, path string) {
	for _, f := range s.fields {
		if f.required && n.get(f.name) == nil && (!c.mayLack() || path == "") {
			c.lacks[n] = true
			hint := cmp.Or(f.spec.missing, "add it")
			if f.spec.kind == constantValue {
				hint = fmt.Sprintf("add the line %q", f.name+": "+f.spec.words[0])
			}
			c.fail(n.at, join(path, f.name), "missing", hint)
		}
	}
}

func (c *checker) mapping(n *node, s *spec, path string) {
	if !c.is(n, mapNode, "a mapping", path) {
		return
	}
	c.keys(n, path)
	if len(n.pairs) > s.maxItems {
		c.wrong(n, path, fmt.Sprintf("more than %d entries", s.maxItems), "have fewer")
		return
	}
	taken := c.taken(n, s)
	for _, p := range n.pairs {
		at := join(path, clip(p.key))
		if !s.names.MatchString(p.key) {
			c.fail(p.at, at, fmt.Sprintf("%q cannot be a name here", clip(p.key)), s.nameForm)
			continue
		}
		if s.noCase != nil {
			small := strings.ToLower(p.key)
			if other, ok := taken[small]; ok && other != p.key {
				c.fail(p.at, at, fmt.Sprintf("%q differs from %q in case alone: they are one to GitHub", p.key, other), "write "+other+", or use another name")
				c.bad[p.value] = true
				continue
			}
			taken[small] = p.key
		}
		if s.deny != nil {
			if problem := s.deny(p.key); problem != "" {
				c.fail(p.at, at, problem, "use another name")
				continue
			}
		}
		c.check(p.value, s.entry(p.key), join(path, p.key))
	}
}

// taken are names of a mapping that others may not repeat in other letters, by the name in small letters: those that are always
// there, and the organization's, so that a name of the repository is at fault wherever it stands.
func (c *checker) taken(n *node, s *spec) map[string]string {
	if s.noCase == nil {
		return nil
	}
	out := make(map[string]string, len(s.noCase)+len(n.pairs))
	for _, p := range n.pairs {
		if c.sourceOf(p.at).file != c.file {
			out[strings.ToLower(p.key)] = p.key
		}
	}
	for _, name := range s.noCase {
		out[strings.ToLower(name)] = name
	}
	return out
}

func (c *checker) list(n *node, s *spec, path string) {
	if n.kind == scalarNode && s.single {
		c.check(n, s.elem, path)
		return
	}
	if !c.is(n, listNode, "a list", path) {
		return
	}
	switch {
	case s.nonEmpty && len(n.items) == 0:
		c.wrong(n, path, "the list is empty", "give it an entry, or take the key out")
	case len(n.items) > s.maxItems:
		c.wrong(n, path, fmt.Sprintf("more than %d entries", s.maxItems), "have fewer")
		return
	}
	outside := c.inList
	c.inList = true
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		c.places[at] = item.at
		c.check(item, s.elem, at)
	}
	c.inList = outside
	if s.holds != nil && !slices.ContainsFunc(n.items, s.holds.holds) && !c.within(n) {
		c.fail(c.places[path], path, s.fault.problem, s.fault.hint)
	}
}

// within tells whether n or anything inside of it was reported.
func (c *checker) within(n *node) bool {
	if c.bad[n] || c.lacks[n] {
		return true
	}
	return slices.ContainsFunc(n.items, c.within) ||
		slices.ContainsFunc(n.pairs, func(p pair) bool { return c.within(p.value) })
}

// plain looks at a value whose type another key tells.
func (c *checker) plain(n *node, s *spec, path string) {
	switch {
	case n.kind == mapNode:
		c.wrong(n, path, "want a text, a number, true, false or a list, got a mapping", "")
	case n.kind == listNode && len(n.items) > s.maxItems:
		c.wrong(n, path, fmt.Sprintf("more than %d entries", s.maxItems), "have fewer")
	}
	for _, item := range n.items {
		if item.kind != scalarNode || item.null() {
			c.wrong(item, path, "want a text, a number, true or false, got "+item.describe(), "")
		}
	}
}

// together looks at keys that need or exclude each other.
func (c *checker) together(n *node, s *spec, path string) {
	if len(s.oneOf) > 0 {
		var given []string
		for _, key := range s.oneOf {
			if n.get(key) != nil {
				given = append(given, key)
			}
		}
		switch {
		case len(given) > 1:
			c.lacks[n] = true
			c.fail(c.places[join(path, given[1])], join(path, given[1]), given[1]+" and "+given[0]+" exclude each other", "keep one of them")
		case len(given) == 0 && !c.mayLack():
			c.lacks[n] = true
			c.fail(n.at, join(path, s.oneOf[0]), "missing", "add "+strings.Join(s.oneOf, " or "))
		}
	}
	for _, key := range sortedKeys(s.needs) {
		if n.get(key) != nil && n.get(s.needs[key]) == nil && !c.mayLack() {
			c.lacks[n] = true
			c.fail(c.places[join(path, key)], join(path, key), "stands without "+s.needs[key], cmp.Or(s.form, "take it out, or add "+s.needs[key]))
		}
	}
	if len(s.someOf) > 0 && !c.mayLack() && !slices.ContainsFunc(s.someOf, func(key string) bool { return !n.get(key).nothing() }) {
		c.lacks[n] = true
		c.fail(c.places[path], path, "nobody is named", s.form)
	}
}

// nothing tells whether there is no value, or a list without an entry.
func (n *node) nothing() bool { return n == nil || n.kind == listNode && len(n.items) == 0 }

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// open looks at a mapping of which only some keys are known here.
func (c *checker) open(n *node, s *spec, path string) {
	c.keys(n, path)
	for _, p := range n.pairs {
		if fs := s.field(p.key); fs != nil {
			c.check(p.value, fs, join(path, p.key))
		} else {
			c.anything(p.value, s.whole, join(path, p.key))
		}
		if p.key != "env" || !s.denyEnv {
			continue
		}
		for _, v := range p.value.pairs {
			if problem := DeniedEnv(v.key); problem != "" {
				c.fail(v.at, join(path, "env."+v.key), problem, "use another name")
			}
		}
	}
	c.required(n, s, path)
}

// anything looks at what only an executor understands: keys once, no text beyond measure, and where whole is asked for no text that
// is more than a reference.
func (c *checker) anything(n *node, whole bool, path string) {
	switch n.kind {
	case mapNode:
		c.keys(n, path)
		for _, p := range n.pairs {
			c.anything(p.value, whole, join(path, p.key))
		}
	case listNode:
		for i, item := range n.items {
			at := fmt.Sprintf("%s[%d]", path, i)
			c.places[at] = item.at
			c.anything(item, whole, at)
		}
	default:
		if problem := pipeline.CheckParameter(n.text); problem != "" && whole {
			c.fail(c.at(path), path, problem, "") // not bad: what else is wrong with the pipeline is seen
		}
	}
}
