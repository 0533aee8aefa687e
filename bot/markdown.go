package bot

import (
	"fmt"
	"html"
	"strings"
	"time"
	"unicode"
)

// code renders text from elsewhere (a branch, a title, a login) as a Markdown code span: nothing in it mentions,
// links, closes an issue or changes the direction of writing, and none of it can be taken for a command.
func code(s string) string {
	s = visible(s)
	if s == "" {
		return "` `" // two backquotes alone would open a span
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.TrimSpace(s) == "" {
		s = " " + s + " "
	}
	return fence + s + fence
}

// codes are texts as code, with commas.
func codes(texts []string) string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = code(text)
	}
	return strings.Join(out, ", ")
}

// codeBlock renders lines from elsewhere as a fenced block.
func codeBlock(language, s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + language + "\n" + strings.TrimRight(s, "\n") + "\n" + fence + "\n"
}

// visible shows control characters and those that change the direction of writing as escapes.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		return r
	}, strings.Join(escapeHidden(s), ""))
}

func escapeHidden(s string) []string {
	out := make([]string, 0, len(s))
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			out = append(out, string(r))
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			out = append(out, fmt.Sprintf("\\u%04x", r))
		default:
			out = append(out, string(r))
		}
	}
	return out
}

// prose renders a sentence that may hold text from elsewhere (what an executor or a person said) among our own words:
// nothing in it is markup, HTML, a mention, or ends a table's cell.
func prose(s string) string {
	var b strings.Builder
	for _, r := range visible(s) {
		switch {
		case r == '<' || r == '>' || r == '&':
			b.WriteString(html.EscapeString(string(r)))
		case strings.ContainsRune("\\`*_~[]|", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '@':
			b.WriteString("@\u200b") // a blank without width keeps it from being a mention
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// mention renders an account so that it is told. Only for people who asked for something or answer for it.
func mention(login string) string { return "@" + login }

// short is the first seven characters of a SHA, as people name commits.
func short(sha string) string {
	if len(sha) > 7 {
		return sha[:7]
	}
	return sha
}

// shortDigest is a digest short enough to read and long enough to compare.
func shortDigest(d string) string {
	if len(d) > 19 {
		return d[:19]
	}
	return d
}

// withDigest is what a sentence adds about the digest of what was built, from the comma on; empty: no image was.
func withDigest(d string) string {
	if d == "" {
		return ""
	}
	return ", digest " + code(shortDigest(d))
}

// took renders a duration the way people say it.
func took(d time.Duration) string {
	switch {
	case d < 0:
		return ""
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
}
