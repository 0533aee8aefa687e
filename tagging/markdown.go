package tagging

import (
	"fmt"
	"strings"
	"unicode"
)

// noJoin is a zero-width space, written so that it can be seen in the source. Behind "@" or "#" it keeps GitHub from
// making a mention or a reference, which a backslash does not: GitHub looks for those in the rendered text.
const noJoin = "&#8203;"

// EscapeMarkdown makes strangers' text safe to stand in a line of GitHub Markdown: it formats nothing, mentions nobody,
// refers to and closes no issue, links nowhere, and hides nothing. Line breaks become spaces; characters that are
// invisible or reorder text are shown as [U+202E].
func EscapeMarkdown(s string) string {
	s = visible(s)
	var b strings.Builder
	for i, r := range s {
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '@', '#':
			b.WriteRune(r)
			b.WriteString(noJoin)
		case '\\', '`', '*', '_', '[', ']', '|', '~', '$':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '-', '+', '=': // a list or a heading, at the start of a line only
			if i == 0 {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		case '.', ')': // a numbered list, in the same place
			if i > 0 && strings.Trim(s[:i], "0123456789") == "" {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return unlink(b.String())
}

// unlink breaks what GitHub turns into a link or a reference without any markup.
func unlink(s string) string {
	s = strings.ReplaceAll(s, "://", ":"+noJoin+"//")
	for _, prefix := range []string{"GH-", "www."} {
		s = replaceFold(s, prefix)
	}
	return s
}

// replaceFold puts noJoin into every occurrence of prefix, whatever its case, before its last character.
func replaceFold(s, prefix string) string {
	var b strings.Builder
	cut := len(prefix) - 1
	for {
		i := indexFold(s, prefix)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i+cut] + noJoin + prefix[cut:])
		s = s[i+len(prefix):]
	}
}

// indexFold is strings.Index without regard to the case of ASCII letters.
func indexFold(s, prefix string) int {
	for i := 0; i+len(prefix) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(prefix)], prefix) {
			return i
		}
	}
	return -1
}

// codeSpan is s as inline code, fenced by more backticks than it holds.
func codeSpan(s string) string {
	s = visible(s)
	if s == "" {
		return "(empty)"
	}
	longest, run := 0, 0
	for _, r := range s {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 || strings.Trim(s, " ") != s {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// visible turns s into one line in which nothing is hidden: line breaks and tabs become spaces, other control
// characters, characters of no width and those that reorder text are shown by their number.
func visible(s string) string {
	plain := true
	for _, r := range s {
		if r < ' ' || r > '~' {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case r == '\n', r == '\r', r == '\t', unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		case unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r), unicode.IsControl(r), unicode.Is(unicode.Cf, r) && r != '\u200d':
			fmt.Fprintf(&b, "[U+%04X]", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
