package config

import (
	"fmt"
	"unicode/utf8"
)

// Limits of a repository file. They are far above what people write and low enough that no file costs more than a few
// milliseconds and megabytes.
const (
	maxFile     = 256 << 10 // bytes
	maxDepth    = 64        // collections within each other
	maxNodes    = 10_000    // keys, values and list items
	maxKeys     = 500       // keys of one mapping in block style
	maxKey      = 128       // bytes of a key
	maxBrackets = 2_000     // [ and { in the whole file, wherever they stand
)

// place is where a token stands: its line, and where that line and the token begin in the source.
type place struct{ line, lineStart, i int }

// mark is a place as people count. Both count from 1, the column in characters.
type mark struct {
	line, column int
	// in is another file than the one that is read: the organization's, or one of its models. Nil: that one itself.
	in *source
}

// word is a text that may turn out to be a key.
type word struct {
	column int // in bytes, from 0
	length int
	line   int
	at     place
}

// scanError is where the pre-scan stopped.
type scanError struct {
	at            place
	problem, hint string
}

func (e *scanError) mark(src []byte) mark {
	return mark{line: e.at.line, column: utf8.RuneCount(src[e.at.lineStart:e.at.i]) + 1}
}

// prescan bounds a file. nil: the YAML library may read it.
func prescan(src []byte) *scanError {
	if err := scanBytes(src); err != nil {
		return err
	}
	s := &scanner{src: src, line: 1, fresh: true}
	for s.i < len(s.src) {
		if err := s.next(); err != nil {
			return err
		}
	}
	if n := len(s.flow); n > 0 {
		return &scanError{s.flow[n-1], "the bracket that is opened here is not closed", "close it"}
	}
	return nil
}

// scanBytes refuses bytes that no YAML text has, and characters that show a reader another text than the one that counts.
func scanBytes(src []byte) *scanError {
	line, start, brackets := 1, 0, 0
	for i := 0; i < len(src); {
		c := src[i]
		at := place{line, start, i}
		switch {
		case c == '\n':
			line, start = line+1, i+1
		case c == '[' || c == '{':
			if brackets++; brackets > maxBrackets {
				return &scanError{at, fmt.Sprintf("too many brackets: more than %d", maxBrackets), "make the file smaller"}
			}
		case c < ' ' && c != '\t' || c == 0x7f:
			return &scanError{at, fmt.Sprintf("control character %q", c), "take it out"}
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(src[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				return &scanError{at, "not UTF-8", "save the file as UTF-8"}
			case r >= 0x80 && r < 0xa0, r == 0x2028, r == 0x2029, r == 0xfeff,
				r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x200b:
				return &scanError{at, fmt.Sprintf("invisible character %U", r), "take it out: it hides what the file says"}
			}
			i += size
			continue
		}
		i++
	}
	return nil
}
