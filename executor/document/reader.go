// Package document reads the YAML files that a build brings along, buildspec.yml and appspec.yml: within bounds, strictly,
// and with the place of everything that is wrong.
//
// Such a file comes from the revision that runs, so from whoever may push. Its bytes and tokens are looked over before the
// library builds anything from them, so that size and depth are known to be harmless. Aliases stand for what their anchors
// name, up to a number of values; tags and several documents are refused.
package document

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Error is something wrong with a file, where it stands.
type Error struct {
	File         string
	Line, Column int // from 1
	Problem      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Problem)
}

// Errors is everything that is wrong with a file, in the order it stands there.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Bounds of a file. What is larger is refused before anything is made of it.
const (
	MaxSize   = 256 << 10 // bytes
	maxDepth  = 32        // of nested lists and mappings
	maxTokens = 40_000
)

// Parse reads a file and returns a reader for its tree, and the tree's root. name is what errors carry. The error is
// Errors: the file is not one YAML document within the bounds.
func Parse(name string, b []byte) (*Reader, ast.Node, error) {
	root, bad := parse(name, b)
	if bad != nil {
		return nil, nil, Errors{bad}
	}
	return &Reader{file: name}, root, nil
}

func parse(file string, b []byte) (root ast.Node, err *Error) {
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
	starred := map[int]bool{} // lines
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
				return nil, fail(p.Line, p.Column, "a second document; the file has one")
			}
		case token.AliasType:
			starred[p.Line] = true
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
		if starred[e.Line] {
			e.Problem += "; a text that begins with * needs quotes"
		}
		return nil, e
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil {
		return nil, fail(1, 1, "the file is empty")
	}
	body, aerr := withoutAliases(f.Docs[0].Body)
	var wrong *wrongAlias
	if errors.As(aerr, &wrong) {
		line, column := Position(wrong.at)
		return nil, fail(line, column, "%s", wrong.problem)
	}
	return body, nil
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}

// Reader walks a tree and collects what is wrong with it.
type Reader struct {
	file string
	errs Errors
}

// Err is everything that was found wrong, sorted by line, as Errors; nil when nothing was.
func (r *Reader) Err() error {
	if len(r.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(r.errs, func(a, b *Error) int { return a.Line - b.Line })
	return r.errs
}

// File is the name that errors carry.
func (r *Reader) File() string { return r.file }

// Failf notes that something is wrong at a node; nil is the beginning of the file.
func (r *Reader) Failf(n ast.Node, format string, args ...any) {
	line, column := Position(n)
	r.errs = append(r.errs, &Error{r.file, line, column, fmt.Sprintf(format, args...)})
}

// Position is where a node begins, from 1.
func Position(n ast.Node) (line, column int) {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1, 1
	}
	t := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		return Position(m.Values[0])
	}
	if m, ok := n.(*ast.MappingValueNode); ok && m.Key != nil && m.Key.GetToken() != nil {
		t = m.Key.GetToken() // its own token is the colon
	}
	return max(t.Position.Line, 1), max(t.Position.Column, 1)
}

// Entry is a key with its value.
type Entry struct {
	Key   string
	At    ast.Node // the key
	Value ast.Node // nil when there is none
}

// Name is a text and the line it stands on.
type Name struct {
	Text string `json:"text"`
	Line int    `json:"line"`
}

// Mapping returns the entries of a mapping, and refuses duplicate keys. Nothing counts as an empty one.
func (r *Reader) Mapping(n ast.Node, what string) []Entry {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.Failf(n, "%s must be a mapping", what)
		return nil
	}
	var out []Entry
	seen := map[string]int{}
	for _, v := range values {
		key, ok := Scalar(v.Key)
		if !ok || v.Key.IsMergeKey() {
			r.Failf(v.Key, "%s: a key must be a text", what)
			continue
		}
		line, _ := Position(v.Key)
		if before, twice := seen[key]; twice {
			r.Failf(v.Key, "%s is there twice, first in line %d", key, before)
			continue
		}
		seen[key] = line
		e := Entry{Key: key, At: v.Key, Value: v.Value}
		if _, null := v.Value.(*ast.NullNode); null {
			e.Value = nil
		}
		out = append(out, e)
	}
	return out
}

// Scalar is a scalar's text as it is written.
func Scalar(n ast.Node) (string, bool) {
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

// Text reads a text.
func (r *Reader) Text(e Entry, what string) string {
	if e.Value == nil {
		r.Failf(e.At, "%s must be a text", what)
		return ""
	}
	s, ok := Scalar(e.Value)
	if !ok {
		r.Failf(e.Value, "%s must be a text", what)
	}
	return s
}

// Yes reads yes or no.
func (r *Reader) Yes(e Entry, what string) bool {
	switch strings.ToLower(r.Text(e, what)) {
	case "yes", "true":
		return true
	case "no", "false":
		return false
	}
	r.Failf(e.At, "%s must be yes or no", what)
	return false
}

// List reads a list of texts, each with its line. hint ends the message about an entry that is no text.
func (r *Reader) List(e Entry, what, hint string) []Name {
	seq, ok := e.Value.(*ast.SequenceNode)
	if !ok {
		r.Failf(e.At, "%s must be a list", what)
		return nil
	}
	var out []Name
	for _, v := range seq.Values {
		s, ok := Scalar(v)
		if !ok {
			r.Failf(v, "%s: every entry must be a text%s", what, hint)
			continue
		}
		line, _ := Position(v)
		out = append(out, Name{Text: s, Line: line})
	}
	return out
}

// Entries returns the entries of a list, whatever they are.
func (r *Reader) Entries(e Entry, what string) []ast.Node {
	seq, ok := e.Value.(*ast.SequenceNode)
	if !ok {
		r.Failf(e.At, "%s must be a list", what)
		return nil
	}
	return seq.Values
}
