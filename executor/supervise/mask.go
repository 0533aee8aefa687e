package supervise

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/url"
	"slices"
	"strings"
)

// mask stands where a secret was.
const mask = "***"

// shortest is how long a value, or a line of one, must be to be masked: masking every "1" would hide more than secrets.
const shortest = 4

// longestHeld bounds what a Masker holds back of a line that does not end.
const longestHeld = 64 << 10

// Masker is a writer that replaces secrets before it passes bytes on: the values given, whole and line by line, also in
// base64 (at any alignment) and URL-encoded, and whatever looks like a GitHub token. A secret that arrives in several
// writes is found too: what could be the beginning of one is held back until the next write or Close.
type Masker struct {
	w        io.Writer
	values   [][]byte // longest first
	longest  int
	held     []byte
	inToken  bool // the held bytes continue a token that was masked already
	starters [256]bool
}

// NewMasker makes a masker in front of w. Values shorter than 4 bytes are not masked.
func NewMasker(w io.Writer, secrets []string) *Masker {
	m := &Masker{w: w}
	seen := map[string]bool{}
	for _, s := range secrets {
		for _, v := range forms(s) {
			if !seen[v] {
				seen[v] = true
				m.values = append(m.values, []byte(v))
				m.longest = max(m.longest, len(v))
				m.starters[v[0]] = true
			}
		}
	}
	slices.SortFunc(m.values, func(a, b []byte) int { return len(b) - len(a) })
	return m
}

// Mask is text without the secrets.
func Mask(text string, secrets []string) string {
	var b strings.Builder
	m := NewMasker(&b, secrets)
	_, _ = m.Write([]byte(text))
	_ = m.Close()
	return b.String()
}

// forms are the ways in which a secret may show. None contains a line break.
func forms(secret string) []string {
	var out []string
	add := func(v string) {
		if len(v) >= shortest && !strings.ContainsAny(v, "\r\n") {
			out = append(out, v)
		}
	}
	for _, part := range append(strings.FieldsFunc(secret, func(r rune) bool { return r == '\n' || r == '\r' }), secret) {
		if len(part) < shortest {
			continue
		}
		add(part)
		add(strings.TrimSpace(part))
		add(url.QueryEscape(part))
		add(url.PathEscape(part))
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for shift := range 3 {
				// Bytes before the secret shift it; what does not depend on its neighbours is what can be looked for.
				e := enc.EncodeToString(append(make([]byte, shift), part...))
				from := (shift*8 + 5) / 6
				to := (shift + len(part)) * 8 / 6
				if to-from >= 8 {
					add(e[from:to])
				}
			}
		}
	}
	return out
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
		certain = len(m.held) - max(m.longest, longestToken)
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
		if n := m.valueAt(b[i:]); n > 0 {
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

func (m *Masker) valueAt(b []byte) int {
	if !m.starters[b[0]] {
		return 0
	}
	for _, v := range m.values {
		if bytes.HasPrefix(b, v) {
			return len(v)
		}
	}
	return 0
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
