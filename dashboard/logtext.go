package dashboard

import (
	"strings"
	"unicode"
)

// plainLog takes a terminal's escapes out of a log, and what a line's later text has overwritten.
func plainLog(s string) string {
	return strings.TrimRight(logText(s, false), "\n ")
}

// logText is a part of a log that can be shown: without what steers a terminal, but for colours where they are wanted, and
// without what a line's later text has overwritten.
func logText(s string, colours bool) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	var b strings.Builder
	for s != "" {
		at := escapes.Regexp().FindStringIndex(s)
		if at == nil {
			at = []int{len(s), len(s)}
		}
		b.WriteString(strings.Map(shown, s[:at[0]]))
		if sequence := s[at[0]:at[1]]; colours && isColour(sequence) {
			b.WriteString(sequence)
		}
		s = s[at[1]:]
	}
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, "\r")
		if cut := strings.LastIndexByte(line, '\r'); cut >= 0 {
			line = line[cut+1:]
		}
		lines[i] = line
	}
	return visible(strings.Join(lines, "\n"))
}

// shown drops control characters.
func shown(r rune) rune {
	if unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' {
		return -1
	}
	return r
}

// isColour tells whether a sequence changes nothing but how the text after it looks.
func isColour(sequence string) bool {
	parameters, ok := strings.CutPrefix(sequence, "\x1b[")
	if !ok {
		return false
	}
	parameters, ok = strings.CutSuffix(parameters, "m")
	return ok && strings.Trim(parameters, "0123456789;:") == ""
}

// visible writes characters that deceive the eye as escapes, in text whose control characters are meant.
func visible(s string) string { return escaped(s, deceives) }

func deceives(r rune) bool { return deceptive(r) && !unicode.IsControl(r) }
