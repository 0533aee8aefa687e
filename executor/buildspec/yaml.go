package buildspec

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Error is something wrong with a buildspec, where it stands.
type Error struct {
	File         string
	Line, Column int // from 1
	Problem      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Problem)
}

// Errors is everything that is wrong with a buildspec, in the order it stands there.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// parseTree reads YAML with bounds: a scan of the bytes and the tokens comes before the library builds anything, so
// that depth and size are known to be harmless. Aliases, tags and several documents are refused.
func parseTree(file string, b []byte) (root ast.Node, err *Error) {
	defer func() {
		if r := recover(); r != nil { // a fault of the library must not become ours
			root, err = nil, &Error{file, 1, 1, "this cannot be read as YAML"}
		}
	}()
	fail := func(line, column int, format string, args ...any) *Error {
		return &Error{file, max(line, 1), max(column, 1), fmt.Sprintf(format, args...)}
	}
	if len(b) > MaxSize {
		return nil, fail(1, 1, "the file has %d bytes; at most %d are read", len(b), MaxSize)
	}
	b = bytes.ReplaceAll(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), []byte("\r\n"), []byte("\n"))
	if !utf8.Valid(b) || bytes.ContainsRune(b, 0) {
		return nil, fail(1, 1, "the file is not UTF-8 text")
	}
	// A bracket may be part of a command, so all of them are counted, not nested: what is left is quick to tokenize.
	if n := bytes.Count(b, []byte("[")) + bytes.Count(b, []byte("{")); n > 5000 {
		return nil, fail(1, 1, "%d brackets; at most 5000 are read", n)
	}
	tokens := lexer.Tokenize(string(b))
	if len(tokens) > maxTokens {
		return nil, fail(1, 1, "the file has too many parts")
	}
	depth, documents, line, dashes := 0, 0, 0, 0
	for _, t := range tokens {
		p := t.Position
		if p.Line != line {
			line, dashes = p.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			if depth++; depth > maxDepth {
				return nil, fail(p.Line, p.Column, "nested deeper than %d", maxDepth)
			}
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType:
			if dashes++; dashes > maxDepth {
				return nil, fail(p.Line, p.Column, "nested deeper than %d", maxDepth)
			}
		case token.DocumentHeaderType:
			if documents++; documents > 1 {
				return nil, fail(p.Line, p.Column, "a second document; a buildspec is one")
			}
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return nil, fail(p.Line, p.Column, "anchors and aliases are not read; write the value again")
		case token.TagType:
			return nil, fail(p.Line, p.Column, "tags are not read")
		}
	}
	f, perr := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if perr != nil {
		e := fail(1, 1, "this is not YAML: %s", firstLine(perr.Error()))
		var at interface{ GetToken() *token.Token }
		if a, ok := perr.(interface{ GetToken() *token.Token }); ok {
			at = a
		}
		if at != nil && at.GetToken() != nil && at.GetToken().Position != nil {
			e.Line, e.Column = at.GetToken().Position.Line, at.GetToken().Position.Column
		}
		return nil, e
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil {
		return nil, fail(1, 1, "the file is empty; a buildspec has version and phases")
	}
	return f.Docs[0].Body, nil
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}

// reader walks a tree and collects what is wrong with it.
type reader struct {
	file string
	errs Errors
}

func (r *reader) failf(n ast.Node, format string, args ...any) {
	line, column := position(n)
	r.errs = append(r.errs, &Error{r.file, line, column, fmt.Sprintf(format, args...)})
}

func position(n ast.Node) (line, column int) {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1, 1
	}
	t := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		return position(m.Values[0])
	}
	if m, ok := n.(*ast.MappingValueNode); ok && m.Key != nil && m.Key.GetToken() != nil {
		t = m.Key.GetToken() // its own token is the colon
	}
	return max(t.Position.Line, 1), max(t.Position.Column, 1)
}

// entry is a key with its value.
type entry struct {
	key   string
	at    ast.Node
	value ast.Node // nil when there is none
}

// mapping returns the entries of a mapping, and refuses duplicate keys. Nothing counts as an empty one.
func (r *reader) mapping(n ast.Node, what string) []entry {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.failf(n, "%s must be a mapping", what)
		return nil
	}
	var out []entry
	seen := map[string]int{}
	for _, v := range values {
		key, ok := scalar(v.Key)
		if !ok || v.Key.IsMergeKey() {
			r.failf(v.Key, "%s: a key must be a text", what)
			continue
		}
		line, _ := position(v.Key)
		if before, twice := seen[key]; twice {
			r.failf(v.Key, "%s is there twice, first in line %d", key, before)
			continue
		}
		seen[key] = line
		e := entry{key: key, at: v.Key, value: v.Value}
		if _, null := v.Value.(*ast.NullNode); null {
			e.value = nil
		}
		out = append(out, e)
	}
	return out
}

// scalar is a scalar's text as it is written.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// text reads a text.
func (r *reader) text(e entry, what string) string {
	if e.value == nil {
		r.failf(e.at, "%s must be a text", what)
		return ""
	}
	s, ok := scalar(e.value)
	if !ok {
		r.failf(e.value, "%s must be a text", what)
	}
	return s
}

// yes reads yes or no.
func (r *reader) yes(e entry, what string) bool {
	switch strings.ToLower(r.text(e, what)) {
	case "yes", "true":
		return true
	case "no", "false":
		return false
	}
	r.failf(e.at, "%s must be yes or no", what)
	return false
}

// list reads a list of texts, each with its line.
func (r *reader) list(e entry, what, hint string) []Name {
	seq, ok := e.value.(*ast.SequenceNode)
	if !ok {
		r.failf(e.at, "%s must be a list", what)
		return nil
	}
	var out []Name
	for _, v := range seq.Values {
		s, ok := scalar(v)
		if !ok {
			r.failf(v, "%s: every entry must be a text%s", what, hint)
			continue
		}
		line, _ := position(v)
		out = append(out, Name{Text: s, Line: line})
	}
	return out
}
