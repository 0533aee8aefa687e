package supervise

import (
	"bytes"
	"io"
	"slices"
	"strings"
)

// mask stands where a secret was.
const mask = "***"

// shortest is how long a value, or a line of one, must be to be masked: masking every "1" would hide more than secrets.
const shortest = 4

// longestHeld bounds what a Masker holds back of a line that does not end.
const longestHeld = 64 << 10

// Masker is a writer that replaces secrets before it passes bytes on: the values given in all their forms, and whatever
// looks like a GitHub token. A secret that arrives in several writes is found too: what could be the beginning of one is
// held back until the next write or Close.
type Masker struct {
	w       io.Writer
	find    *values
	held    []byte
	inToken bool // the held bytes continue a token that was masked already
}

// values are what is looked for, made once for many texts.
type values struct {
	by      [256][][]byte // by their first byte, longest first
	longest int
}

func valuesOf(secrets []string) *values {
	v := &values{}
	seen := map[string]bool{}
	for _, s := range secrets {
		for _, form := range forms(s) {
			if !seen[form] {
				seen[form] = true
				v.by[form[0]] = append(v.by[form[0]], []byte(form))
				v.longest = max(v.longest, len(form))
			}
		}
	}
	for _, some := range v.by {
		slices.SortFunc(some, func(a, b []byte) int { return len(b) - len(a) })
	}
	return v
}

// at is the length of the value that b begins with; 0 when it begins with none.
func (v *values) at(b []byte) int {
	for _, value := range v.by[b[0]] {
		if bytes.HasPrefix(b, value) {
			return len(value)
		}
	}
	return 0
}

// NewMasker makes a masker in front of w. Values shorter than 4 bytes are not masked.
func NewMasker(w io.Writer, secrets []string) *Masker {
	return &Masker{w: w, find: valuesOf(secrets)}
}

// Mask is text without the secrets.
func Mask(text string, secrets []string) string { return Masking(secrets)(text) }

// Masking is Mask for many texts. What it returns may be used by several goroutines.
func Masking(secrets []string) func(text string) string { return valuesOf(secrets).mask }

func (v *values) mask(text string) string {
	var b strings.Builder
	m := &Masker{w: &b, find: v}
	_, _ = m.Write([]byte(text))
	_ = m.Close()
	return b.String()
}

// Write masks p and passes on what is certain. It reports len(p) unless the writer behind fails.
func (m *Masker) Write(p []byte) (int, error) {
	before := len(m.held)
	m.held = append(m.held, p...)
	// Forms have no line break, so everything up to the last one is certain.
	certain := 0
	if i := bytes.LastIndexByte(p, '\n'); i >= 0 {
		certain = before + i + 1
	}
	if len(m.held)-certain > longestHeld {
		certain = len(m.held) - max(m.find.longest, longestToken)
	}
	if err := m.pass(certain); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close passes on what was held back. It does not close the writer behind.
func (m *Masker) Close() error { return m.pass(len(m.held)) }

// pass masks what begins before certain, which no later byte can change, and writes it.
func (m *Masker) pass(certain int) error {
	if certain <= 0 {
		return nil
	}
	out, used := m.replace(m.held, certain)
	m.held = append(m.held[:0], m.held[used:]...)
	_, err := m.w.Write(out)
	return err
}

// replace masks what begins before certain and returns it with the number of bytes it used, which may be more.
func (m *Masker) replace(b []byte, certain int) (out []byte, used int) {
	out = make([]byte, 0, certain)
	i := 0
	for i < certain {
		if m.inToken {
			if isTokenByte(b[i]) {
				i++
				continue
			}
			m.inToken = false
		}
		if n := m.find.at(b[i:]); n > 0 {
			out = append(out, mask...)
			i += n
			continue
		}
		if n := tokenAt(b[i:]); n > 0 {
			out = append(out, mask...)
			i += n
			m.inToken = i >= len(b)
			continue
		}
		out = append(out, b[i])
		i++
	}
	return out, i
}

// longestToken is held back of a line without end, so that a token's beginning is not passed on before it is long enough
// to be seen as one.
const longestToken = 64

// tokenAt is the length of the GitHub token that b begins with, 0 when it begins with none: gh[oprsu]_ or github_pat_
// and at least 36 (22) characters.
func tokenAt(b []byte) int {
	if len(b) < 4 || b[0] != 'g' {
		return 0
	}
	head, least := 4, 36
	switch {
	case b[1] == 'h' && bytes.IndexByte([]byte("oprsu"), b[2]) >= 0 && b[3] == '_':
	case bytes.HasPrefix(b, []byte("github_pat_")):
		head, least = len("github_pat_"), 22
	default:
		return 0
	}
	n := head
	for n < len(b) && isTokenByte(b[n]) {
		n++
	}
	if n-head < least {
		return 0
	}
	return n
}

func isTokenByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}
