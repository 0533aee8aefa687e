package webhooks

import (
	"encoding/binary"
	"math/bits"
)

// peek is the byte at pos; 0, which no JSON token begins with, at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) word(w string) bool {
	if len(s.data)-s.pos < len(w) || string(s.data[s.pos:s.pos+len(w)]) != w {
		return false
	}
	s.pos += len(w)
	return true
}

// number takes -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *scanner) number() bool {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return false
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return false
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		return s.digits()
	}
	return true
}

// digits takes one digit or more.
func (s *scanner) digits() bool {
	start := s.pos
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.pos > start
}

// text takes the rest of a string, from after its first quote to after its last one. Like encoding/json it lets
// invalid UTF-8 pass.
func (s *scanner) text() (escaped, ok bool) {
	for {
		s.pos = plainUntil(s.data, s.pos)
		switch s.peek() {
		case '"':
			s.pos++
			return escaped, true
		case '\\':
			escaped = true
			if !s.escape() {
				return escaped, false
			}
		default: // a control character, or the end
			return escaped, false
		}
	}
}

// escape takes a backslash and what belongs to it.
func (s *scanner) escape() bool {
	s.pos++
	c := s.peek()
	s.pos++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if !isHex(s.peek()) {
				return false
			}
			s.pos++
		}
		return true
	}
	s.pos--
	return false
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainUntil returns the place, from pos on, of the first quote, backslash or control character; len(data) when there
// is none. It looks at eight bytes at a time: most of a payload is the text of its strings.
func plainUntil(data []byte, pos int) int {
	for ; pos+8 <= len(data); pos += 8 {
		w := binary.LittleEndian.Uint64(data[pos:])
		quote, backslash := w^('"'*ones), w^('\\'*ones)
		// A byte's highest bit is set where the byte is zero, zero, and below 0x20, respectively. A borrow may set it
		// wrongly too, but only above a byte where it is right, so the lowest one set is always right.
		found := (quote-ones)&^quote | (backslash-ones)&^backslash | (w-0x20*ones)&^w
		if found &= highs; found != 0 {
			return pos + bits.TrailingZeros64(found)/8
		}
	}
	for ; pos < len(data); pos++ {
		if c := data[pos]; c == '"' || c == '\\' || c < 0x20 {
			return pos
		}
	}
	return pos
}
