package config

import (
	"bytes"
	"fmt"
)

// scanner goes over a file once and refuses what the YAML library must not see. It follows YAML's rules for where quotes,
// comments, plain and block texts begin and end, but builds nothing. Where it cannot follow, it counts too much and not
// too little; maxBrackets is the bound that holds even then.
type scanner struct {
	src       []byte
	i         int
	line      int // counts from 1
	lineStart int // index of the line's first byte

	indents []level // the open block collections
	flow    []place // open [ and {
	nodes   int
	// fresh: a node may begin here. Else the next text continues a plain one.
	fresh bool
	// plain: the last token was a plain text that may go on in the next line.
	plain   bool
	content bool // something stood in the document
	ended   bool // the document ended with ...
	started bool // the document began with ---
	last    word
}

// level is an open block collection: the column (from 0) at which it begins, and its keys so far.
type level struct{ column, keys int }

func (s *scanner) place() place { return place{s.line, s.lineStart, s.i} }

func (s *scanner) column() int { return s.i - s.lineStart }

func (s *scanner) peek(n int) byte {
	if s.i+n < len(s.src) {
		return s.src[s.i+n]
	}
	return '\n'
}

func (s *scanner) newline() {
	s.i++
	s.line++
	s.lineStart = s.i
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

// next takes one token.
func (s *scanner) next() *scanError {
	if s.column() == 0 {
		if done, err := s.beginLine(); done || err != nil {
			return err
		}
	}
	c := s.src[s.i]
	switch {
	case c == '\n':
		s.newline()
		return nil
	case c == ' ' || c == '\t':
		s.i++
		return nil
	case c == '#' && (s.column() == 0 || blank(s.src[s.i-1])):
		s.skipLine()
		return nil
	case s.ended:
		return &scanError{s.place(), "more than one document", "keep one: the file is a single document"}
	}
	s.content = true
	if len(s.flow) > 0 {
		return s.flowToken(c)
	}
	return s.blockToken(c)
}

// skipLine goes to the end of the line.
func (s *scanner) skipLine() {
	if n := bytes.IndexByte(s.src[s.i:], '\n'); n >= 0 {
		s.i += n
	} else {
		s.i = len(s.src)
	}
}

// beginLine looks at what only counts at the beginning of a line: document marks, directives, the indentation.
func (s *scanner) beginLine() (done bool, err *scanError) {
	rest := s.src[s.i:]
	isMark := func(m string) bool { return bytes.HasPrefix(rest, []byte(m)) && blank(s.peek(3)) }
	switch {
	case isMark("---"):
		if s.content || s.started || s.ended {
			return true, &scanError{s.place(), "more than one document", "keep one: the file is a single document"}
		}
		s.started = true
		s.i += 3
		s.fresh = true
		return true, nil
	case isMark("..."):
		s.ended = true
		s.indents = s.indents[:0]
		s.i += 3
		return true, nil
	case rest[0] == '%' && len(s.flow) == 0 && !s.content:
		return true, &scanError{s.place(), "YAML directives are refused", "take the line out"}
	}
	n := 0
	for n < len(rest) && rest[n] == ' ' {
		n++
	}
	if n == len(rest) || rest[n] == '\n' || rest[n] == '#' || len(s.flow) > 0 {
		s.i += n
		return n > 0, nil
	}
	// A plain text goes on in lines that are indented further than what it belongs to.
	if s.plain && n > s.parent() {
		s.fresh = false
	} else {
		s.fresh, s.plain = true, false
		for len(s.indents) > 0 && s.parent() > n {
			s.indents = s.indents[:len(s.indents)-1]
		}
	}
	s.i += n
	return n > 0, nil
}

// parent is the column of the innermost open block collection; -1 at the top.
func (s *scanner) parent() int {
	if len(s.indents) == 0 {
		return -1
	}
	return s.indents[len(s.indents)-1].column
}

// open notes a block collection at a column (in bytes).
func (s *scanner) open(column int, at place) *scanError {
	if column <= s.parent() {
		return nil
	}
	s.indents = append(s.indents, level{column: column})
	return s.deep(at)
}

func (s *scanner) deep(at place) *scanError {
	if len(s.indents)+len(s.flow) > maxDepth {
		return &scanError{at, fmt.Sprintf("too deep: more than %d levels", maxDepth), "nest less"}
	}
	return nil
}

func (s *scanner) count(at place) *scanError {
	if s.nodes++; s.nodes > maxNodes {
		return &scanError{at, fmt.Sprintf("too many values: more than %d", maxNodes), "make the file smaller"}
	}
	return nil
}

func (s *scanner) blockToken(c byte) *scanError {
	at := s.place()
	switch {
	case c == ':' && blank(s.peek(1)):
		return s.colon()
	case !s.fresh:
		s.plainText()
		return nil
	case (c == '-' || c == '?') && blank(s.peek(1)):
		if err := s.open(s.column(), at); err != nil {
			return err
		}
		s.i++
		return s.count(at)
	case c == '|' || c == '>':
		if err := s.count(at); err != nil {
			return err
		}
		s.blockText()
		return nil
	}
	return s.value(c, at)
}

func (s *scanner) flowToken(c byte) *scanError {
	at := s.place()
	switch c {
	case ']', '}':
		s.flow = s.flow[:len(s.flow)-1]
		s.fresh, s.plain = false, false
		s.i++
		s.last = word{column: s.column(), line: 0}
		return nil
	case ',':
		s.fresh, s.plain = true, false
		s.i++
		return s.count(at)
	case ':':
		if next := s.peek(1); blank(next) || isFlow(next) || !s.plain && !s.fresh {
			return s.colon()
		}
	case '[', '{', '"', '\'':
		if !s.plain {
			s.fresh = true // a collection or quoted text right after another: wrong, but never hidden from us
		}
	}
	if !s.fresh {
		s.plainText()
		return nil
	}
	return s.value(c, at)
}

func isFlow(c byte) bool { return c == ',' || c == '[' || c == ']' || c == '{' || c == '}' }

// colon is the mark after a key: the token before it was one.
func (s *scanner) colon() *scanError {
	at := s.place()
	s.i++
	s.fresh, s.plain = true, false
	if s.last.length > maxKey {
		return &scanError{s.last.at, fmt.Sprintf("the key is longer than %d bytes", maxKey), "keys are short names"}
	}
	if len(s.flow) > 0 || s.last.line != s.line || s.last.column < s.parent() {
		return s.count(at)
	}
	if err := s.open(s.last.column, s.last.at); err != nil {
		return err
	}
	top := &s.indents[len(s.indents)-1]
	if top.keys++; top.keys > maxKeys {
		return &scanError{s.last.at, fmt.Sprintf("too many keys in one mapping: more than %d", maxKeys), "have fewer"}
	}
	return nil
}

// value begins a node that is no block collection and no block text.
func (s *scanner) value(c byte, at place) *scanError {
	if err := s.count(at); err != nil {
		return err
	}
	s.last = word{column: s.column(), line: s.line, at: at}
	switch c {
	case '[', '{':
		s.flow = append(s.flow, at)
		s.i++
		return s.deep(at)
	case ']', '}', ',':
		return &scanError{at, fmt.Sprintf("%q closes or separates nothing here", c), "put the text in quotes"}
	case '&', '*':
		return &scanError{at, "too many aliases: anchors (&) and aliases (*) are refused",
			`write the value out; a text that begins with * or & needs quotes, like "*.md"`}
	case '!':
		return &scanError{at, "custom tag: tags (!) are refused", "take it out; a text that begins with ! needs quotes"}
	case '@', '`', '%':
		return &scanError{at, fmt.Sprintf("a text cannot begin with %q", c), "put it in quotes"}
	case '"', '\'':
		return s.quoted(c, at)
	}
	s.plainText()
	return nil
}

// quoted goes behind the closing quote.
func (s *scanner) quoted(quote byte, at place) *scanError {
	begin := s.i
	s.i++
	for s.i < len(s.src) {
		switch c := s.src[s.i]; {
		case c == '\n':
			s.newline()
			continue
		case c == '\\' && quote == '"' && s.peek(1) != '\n':
			s.i += 2
			continue
		case c == quote && quote == '\'' && s.peek(1) == '\'':
			s.i += 2
			continue
		case c == quote:
			s.i++
			s.last.length = s.i - begin
			s.fresh, s.plain = false, false
			return nil
		}
		s.i++
	}
	return &scanError{at, "the quoted text that begins here does not end", "close the quote"}
}

// plainText goes to where a plain text ends in this line: at ": ", at " #", in a flow collection at its marks.
func (s *scanner) plainText() {
	begin := s.i
	for s.i < len(s.src) {
		c := s.src[s.i]
		if c == '\n' || c == '#' && s.i > begin && blank(s.src[s.i-1]) ||
			c == ':' && (blank(s.peek(1)) || len(s.flow) > 0 && isFlow(s.peek(1))) ||
			len(s.flow) > 0 && isFlow(c) {
			break
		}
		s.i++
	}
	if s.fresh {
		s.last.length = s.i - begin
	}
	s.fresh, s.plain = false, true
	if s.i == begin { // a mark that ends no text and begins none: go on
		s.i++
	}
}

// blockText goes over a literal or folded text: its header and all lines indented further than what it belongs to.
func (s *scanner) blockText() {
	parent := s.parent()
	s.skipLine()
	for s.i < len(s.src) {
		s.newline()
		n := 0
		for s.peek(n) == ' ' {
			n++
		}
		if s.i+n >= len(s.src) || s.src[s.i+n] != '\n' && n <= parent {
			break
		}
		s.i += n
		s.skipLine()
	}
	s.fresh, s.plain = true, false
}
