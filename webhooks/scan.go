package webhooks

import (
	"errors"
	"fmt"
)

// IDs are the numbers in a payload that choose its lane.
type IDs struct {
	// Installation is installation.id, Repository repository.id, of the outermost object; 0 where there is none, or
	// where it is not a whole number from 0 to 2⁶³-1.
	Installation, Repository int64
}

// ErrNotObject is returned by Scan for valid JSON that is not an object.
var ErrNotObject = errors.New("payload is not a JSON object")

// Scan looks through a payload once, without decoding it and, as long as no key of interest is written with escapes,
// without allocating. It checks that body is valid JSON exactly as encoding/json would, that it is an object, and takes
// the IDs. Where an object has a key twice the last one counts and replaces the first as a whole.
func Scan(body []byte) (IDs, error) {
	s := scanner{data: body}
	if !s.document() {
		return IDs{}, fmt.Errorf("payload is not valid JSON: stopped at byte %d of %d", s.pos, len(body))
	}
	if !s.object {
		return IDs{}, ErrNotObject
	}
	return s.ids, nil
}

// maxDepth is how deep objects and arrays may be nested, the limit of encoding/json: what Scan passes, it decodes.
const maxDepth = 10000

// field is a member of the outermost object.
type field uint8

const (
	otherField field = iota
	installationField
	repositoryField
)

// scanner walks over a JSON text without recursion.
type scanner struct {
	data []byte
	pos  int
	// depth counts the open objects and arrays; kinds has a bit for each that is set for an object.
	depth int
	kinds [(maxDepth + 63) / 64]uint64

	object bool  // the outermost value is an object
	field  field // the last key at depth 1
	isID   bool  // the last key at depth 2 is "id"
	ids    IDs
}

// document takes the whole text; false: it is not valid, and pos is where that showed.
func (s *scanner) document() bool {
	s.space()
	s.object = s.peek() == '{'
	for {
		opened, ok := s.value()
		if !ok {
			return false
		}
		if opened {
			continue
		}
		more, ok := s.next()
		if !ok || !more {
			return ok
		}
	}
}

// value takes one value, or only the beginning of an object or array that is not empty, together with the first key of
// an object: then opened is true and a value comes next.
func (s *scanner) value() (opened, ok bool) {
	s.forget()
	switch c := s.peek(); {
	case c == '{':
		if !s.open(1) {
			return false, false
		}
		if s.peek() == '}' {
			s.close()
			return false, true
		}
		return true, s.key()
	case c == '[':
		if !s.open(0) {
			return false, false
		}
		if s.peek() == ']' {
			s.close()
			return false, true
		}
		return true, true
	case c == '"':
		s.pos++
		_, ok = s.text()
		return false, ok
	case c == '-' || c >= '0' && c <= '9':
		return false, s.numeral()
	case c == 't':
		return false, s.word("true")
	case c == 'f':
		return false, s.word("false")
	case c == 'n':
		return false, s.word("null")
	}
	return false, false
}

// next takes what follows a value: the ends of what it closes, and a comma with the next key. more is false at the end
// of the text.
func (s *scanner) next() (more, ok bool) {
	for {
		s.space()
		if s.depth == 0 {
			return false, s.pos == len(s.data)
		}
		object := s.inObject()
		switch c := s.peek(); {
		case c == ',':
			s.pos++
			s.space()
			return true, !object || s.key()
		case c == '}' && object, c == ']' && !object:
			s.close()
		default:
			return false, false
		}
	}
}

// open enters an object (kind 1) or an array (kind 0).
func (s *scanner) open(kind uint64) bool {
	if s.depth == maxDepth {
		return false
	}
	word, bit := s.depth/64, s.depth%64
	s.kinds[word] = s.kinds[word]&^(1<<bit) | kind<<bit
	s.depth++
	s.pos++
	s.space()
	return true
}

func (s *scanner) close() {
	s.depth--
	s.pos++
}

func (s *scanner) inObject() bool {
	at := s.depth - 1
	return s.kinds[at/64]>>(at%64)&1 == 1
}

// key takes a key and its colon.
func (s *scanner) key() bool {
	if s.peek() != '"' {
		return false
	}
	start := s.pos
	s.pos++
	escaped, ok := s.text()
	if !ok {
		return false
	}
	if s.depth <= 2 {
		s.remember(s.data[start:s.pos], escaped)
	}
	s.space()
	if s.peek() != ':' {
		return false
	}
	s.pos++
	s.space()
	return true
}
