package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// merger lays a repository's file over its organization's: mappings key by key, while a list, a text, a number or a truth
// value of the repository takes the place of the organization's. Parts that only make sense together are taken together:
// a mapping that names another executor (uses) replaces the organization's as a whole, and of keys that exclude each
// other (stages, extends) the repository's counts.
type merger struct {
	*document
	// locked are the paths that the repository may not set, and where the organization says so.
	locked   map[string]mark
	reported map[string]bool // of them, those that the repository sets
}

// merged is the tree that counts. own is nil where the repository has no file, theirs where there are no defaults.
func (d *document) merged(own, theirs *node) *node {
	if own == nil || theirs == nil {
		if own != nil {
			return own
		}
		return without(theirs, "locked")
	}
	m := &merger{document: d, locked: lockedKeys(theirs), reported: map[string]bool{}}
	m.forbid(own, "")
	return m.merge(own, without(theirs, "locked"), fileSpec(), "")
}

// lockedKeys reads the key locked of an organization's file.
func lockedKeys(theirs *node) map[string]mark {
	out := map[string]mark{}
	n := theirs.get("locked")
	if n == nil {
		return out
	}
	if n.kind == scalarNode {
		out[n.text] = n.at
	}
	for _, item := range n.items {
		out[item.text] = item.at
	}
	return out
}

// forbid reports the locked keys that the repository sets.
func (m *merger) forbid(own *node, path string) {
	for _, p := range own.pairs {
		at := join(path, p.key)
		if said, ok := m.locked[at]; ok {
			m.refuse(p.at, at, at, said)
			continue
		}
		m.forbid(p.value, at)
	}
}

func (m *merger) refuse(at mark, path, locked string, said mark) {
	if m.reported[locked] {
		return
	}
	m.reported[locked] = true
	m.fail(at, path, fmt.Sprintf("%s is locked by the organization (%s, line %d)", locked, m.sourceOf(said).file, said.line),
		"take it out; who keeps the organization's file can change it there")
}

// merge lays own over theirs. s is what the value must be; nil where only an executor knows.
func (m *merger) merge(own, theirs *node, s *spec, path string) *node {
	if own.kind != mapNode || theirs.kind != mapNode {
		m.replaced(own.at, theirs, path)
		return own
	}
	if a, b := own.get("uses"), theirs.get("uses"); s != nil && s.field("uses") != nil && a != nil && b != nil && a.text != b.text {
		m.replaced(a.at, theirs, path)
		return own
	}
	theirs = m.alternatives(own, theirs, s, path)
	out := &node{kind: mapNode, at: own.at}
	defaults := make(map[string]*node, len(theirs.pairs))
	for _, p := range theirs.pairs {
		defaults[p.key] = p.value
	}
	seen := make(map[string]bool, len(own.pairs))
	for _, p := range own.pairs {
		if d := defaults[p.key]; d != nil && !seen[p.key] {
			p.value = m.merge(p.value, d, s.child(p.key), join(path, p.key))
		}
		seen[p.key] = true
		out.pairs = append(out.pairs, p)
	}
	for _, p := range theirs.pairs {
		if !seen[p.key] {
			out.pairs = append(out.pairs, p)
		}
	}
	return out
}

// alternatives is theirs without the keys that a key of own takes the place of.
func (m *merger) alternatives(own, theirs *node, s *spec, path string) *node {
	if s == nil || len(s.oneOf) == 0 {
		return theirs
	}
	for _, key := range s.oneOf {
		chosen := own.get(key)
		if chosen == nil {
			continue
		}
		var dropped []string
		for _, other := range s.oneOf {
			if was := theirs.get(other); was != nil && (other != key || was.text != chosen.text) {
				dropped = append(dropped, other)
			}
		}
		for _, needy := range slices.Sorted(maps.Keys(s.needs)) {
			if slices.Contains(dropped, s.needs[needy]) && theirs.get(needy) != nil {
				dropped = append(dropped, needy)
			}
		}
		for _, other := range dropped {
			if other != key {
				m.replaced(chosen.at, theirs.get(other), join(path, other))
			}
			theirs = without(theirs, other)
		}
		return theirs
	}
	return theirs
}

// replaced reports what is locked in a part of the organization's that the repository would do away with.
func (m *merger) replaced(at mark, theirs *node, path string) {
	for _, locked := range slices.Sorted(maps.Keys(m.locked)) {
		rest, inside := strings.CutPrefix(locked, path+".")
		if (inside && holds(theirs, rest)) || locked == path {
			m.refuse(at, path, locked, m.locked[locked])
		}
	}
}

// holds tells whether a path leads to a value.
func holds(n *node, path string) bool {
	for _, p := range n.pairs {
		if p.key == path {
			return true
		}
		if rest, ok := strings.CutPrefix(path, p.key+"."); ok && holds(p.value, rest) {
			return true
		}
	}
	return false
}

// without is a mapping less a key.
func without(n *node, key string) *node {
	if n == nil || n.get(key) == nil {
		return n
	}
	out := *n
	out.pairs = slices.DeleteFunc(slices.Clone(n.pairs), func(p pair) bool { return p.key == key })
	return &out
}
