package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// nodeKind is the form of a value.
type nodeKind int

const (
	scalarNode nodeKind = iota
	listNode
	mapNode
)

// node is a value of the file and where it stands. Scalars are kept as they are written: what they mean depends on the
// key, not on what they look like.
type node struct {
	kind   nodeKind
	text   string // of a scalar, unquoted
	quoted bool   // a scalar in quotes or a block text: never null, a number or true
	pairs  []pair // of a mapping, in order
	items  []*node
	at     mark
}

// pair is a key and its value.
type pair struct {
	key   string
	at    mark // of the key
	value *node
}

// get finds a key's value; nil when there is none.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, p := range n.pairs {
		if p.key == key {
			return p.value
		}
	}
	return nil
}

// null tells whether the value is left empty or says null.
func (n *node) null() bool {
	if n.kind != scalarNode || n.quoted {
		return false
	}
	switch n.text {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

// boolean reads true and false as YAML 1.2 does.
func (n *node) boolean() (value, ok bool) {
	if n.kind != scalarNode || n.quoted {
		return false, false
	}
	switch n.text {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// describe names the value's form for an error.
func (n *node) describe() string {
	switch {
	case n.kind == listNode:
		return "a list"
	case n.kind == mapNode:
		return "a mapping"
	case n.null():
		return "nothing"
	case n.quoted:
		return fmt.Sprintf("the text %q", clip(n.text))
	}
	return fmt.Sprintf("%q", clip(n.text))
}

// clip shortens what is shown in an error.
func clip(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// parseTree reads a file that prescan let pass. The tree is nil when the file holds nothing.
func (d *document) parseTree(src []byte) (root *node) {
	defer func() {
		if r := recover(); r != nil { // a fault of the library must not become ours
			d.fail(mark{line: 1, column: 1}, "", "the file cannot be read as YAML", "simplify it")
			root = nil
		}
	}()
	file, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax yaml.Error
		if !errors.As(err, &syntax) || syntax.GetToken() == nil {
			d.fail(mark{line: 1, column: 1}, "", "the file cannot be read as YAML", "")
			return nil
		}
		d.fail(markOf(syntax.GetToken()), "", "not YAML: "+firstLine(syntax.GetMessage()),
			"look at the indentation; a text that begins with a bracket or another mark needs quotes")
		return nil
	}
	if len(file.Docs) > 1 {
		d.fail(mark{line: 1, column: 1}, "", "more than one document", "keep one: the file is a single document")
		return nil
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil
	}
	t := &treeBuilder{doc: d, left: maxNodes}
	root = t.build(file.Docs[0].Body, 0)
	if t.failed {
		return nil
	}
	if root.null() {
		return nil
	}
	return root
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

func markOf(t *token.Token) mark {
	if t == nil || t.Position == nil {
		return mark{line: 1, column: 1}
	}
	return mark{line: max(t.Position.Line, 1), column: max(t.Position.Column, 1)}
}

// treeBuilder turns the library's tree into ours and checks the limits once more, exactly.
type treeBuilder struct {
	doc    *document
	left   int // values that may still come
	failed bool
}

// stop reports the first thing that cannot be a configuration; there is no second.
func (t *treeBuilder) stop(at mark, problem, hint string) *node {
	if !t.failed {
		t.failed = true
		t.doc.fail(at, "", problem, hint)
	}
	return &node{at: at}
}

func (t *treeBuilder) build(n ast.Node, depth int) *node {
	at := mark{line: 1, column: 1}
	if n != nil {
		at = markOf(n.GetToken())
	}
	if t.left--; t.left < 0 {
		return t.stop(at, fmt.Sprintf("too many values: more than %d", maxNodes), "make the file smaller")
	}
	if depth > maxDepth {
		return t.stop(at, fmt.Sprintf("too deep: more than %d levels", maxDepth), "nest less")
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		m := &node{kind: mapNode, at: at}
		for _, v := range n.Values {
			t.pair(m, v, depth)
		}
		if len(m.pairs) > 0 && !n.IsFlowStyle {
			m.at = m.pairs[0].at // the library points at the first colon
		}
		return m
	case *ast.MappingValueNode:
		m := &node{kind: mapNode, at: at}
		t.pair(m, n, depth)
		if len(m.pairs) > 0 {
			m.at = m.pairs[0].at
		}
		return m
	case *ast.SequenceNode:
		l := &node{kind: listNode, at: at}
		for _, v := range n.Values {
			if t.failed {
				break
			}
			l.items = append(l.items, t.build(v, depth+1))
		}
		return l
	case *ast.StringNode:
		quoted := n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType
		return &node{text: n.Value, quoted: quoted, at: at}
	case *ast.LiteralNode:
		return &node{text: n.Value.Value, quoted: true, at: at}
	case *ast.NullNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return &node{text: strings.TrimSpace(n.GetToken().Value), at: at}
	case *ast.CommentGroupNode:
		return &node{at: at}
	}
	return t.stop(at, "this form of YAML is refused", "write plain mappings, lists and texts")
}

func (t *treeBuilder) pair(m *node, v *ast.MappingValueNode, depth int) {
	if t.failed {
		return
	}
	at := markOf(v.Key.GetToken())
	if t.left--; t.left < 0 {
		t.stop(at, fmt.Sprintf("too many values: more than %d", maxNodes), "make the file smaller")
		return
	}
	var key string
	switch k := v.Key.(type) {
	case *ast.StringNode:
		key = k.Value
	case *ast.NullNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		key = strings.TrimSpace(k.GetToken().Value)
	case *ast.MergeKeyNode:
		t.stop(at, "merge keys (<<) are refused", "write the values out")
		return
	default:
		t.stop(at, "a key must be a plain name", "")
		return
	}
	m.pairs = append(m.pairs, pair{key: key, at: at, value: t.build(v.Value, depth+1)})
}

// normalize takes off a byte order mark and turns CRLF into LF.
func normalize(src []byte) []byte {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	return bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
}
