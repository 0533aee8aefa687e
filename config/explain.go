package config

import (
	"cmp"
	"fmt"
	"strings"
)

// Setting is one value of a repository's configuration and where it came from.
type Setting struct {
	Path string `json:"path"` // of the key
	// Value is the text as it is written; a list is in brackets.
	Value string `json:"value"`
	// File, Line and Column say where it stands: in the repository's file, the organization's, or a pipeline model.
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	// Locked: the organization does not let repositories set it.
	Locked bool `json:"locked,omitempty"`
}

// String is the setting in one line: its key, its value, and where that stands.
func (s Setting) String() string {
	locked := ""
	if s.Locked {
		locked = ", locked"
	}
	return fmt.Sprintf("%s: %s  (%s:%d%s)", s.Path, s.Value, s.File, s.Line, locked)
}

// Explain lists every value of a repository's configuration with the file and line that it came from, in the order in
// which they are read. What stands nowhere has its default and is not listed. data is as for Load. It says nothing of
// errors: Load does.
func Explain(data []byte, c Context) []Setting {
	d := &document{source: source{file: cmp.Or(c.File, FileName)}}
	theirs := d.organization(c.Organization)
	var own *node
	if data != nil {
		own = d.read(data)
	}
	root := d.merged(own, theirs)
	if root == nil {
		return nil
	}
	e := &explainer{document: d, locked: map[string]mark{}}
	if theirs != nil {
		e.locked = lockedKeys(theirs)
	}
	check := newChecker(d)
	check.check(root, fileSpec(), "")
	newModels(d, c.Organization).expand(root, check)
	e.list(root, "", false)
	return e.out
}

type explainer struct {
	*document
	locked map[string]mark
	out    []Setting
}

func (e *explainer) list(n *node, path string, locked bool) {
	if n.kind == mapNode && path == "" || n.kind == mapNode && len(n.pairs) > 0 {
		for _, p := range n.pairs {
			at := join(path, p.key)
			_, is := e.locked[at]
			e.list(p.value, at, locked || is)
		}
		return
	}
	if n.kind == listNode && len(n.items) > 0 && n.items[0].kind != scalarNode {
		for i, item := range n.items {
			e.list(item, fmt.Sprintf("%s[%d]", path, i), locked)
		}
		return
	}
	e.out = append(e.out, Setting{
		Path: oneLine(path), Value: oneLine(n.print()), File: e.sourceOf(n.at).file, Line: n.at.line, Column: n.at.column, Locked: locked,
	})
}

// print writes a value in one line, for people.
func (n *node) print() string {
	switch n.kind {
	case listNode:
		items := make([]string, len(n.items))
		for i, item := range n.items {
			items[i] = item.print()
		}
		return "[" + strings.Join(items, ", ") + "]"
	case mapNode:
		pairs := make([]string, len(n.pairs))
		for i, p := range n.pairs {
			pairs[i] = p.key + ": " + p.value.print()
		}
		return "{" + strings.Join(pairs, ", ") + "}"
	}
	return clip(n.text)
}
