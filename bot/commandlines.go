package bot

import "strings"

// numberedLine is a line of a comment and where it stands.
type numberedLine struct {
	number int
	text   string
}

// plainLines returns the lines of a Markdown text on which a command may stand: not in fenced or indented code, not
// quoted, not inside an HTML comment or an HTML block such as <details> or <pre>. It errs on the side of finding less.
func plainLines(body string) []numberedLine {
	var out []numberedLine
	var fence string // the characters that close the open fence
	inComment := false
	htmlDepth := 0
	body = strings.ReplaceAll(body, "\r\n", "\n")
	for i, line := range strings.Split(body, "\n") {
		if fence != "" {
			if closesFence(line, fence) {
				fence = ""
			}
			continue
		}
		line, inComment = cutComments(line, inComment)
		if f := opensFence(line); f != "" {
			fence = f
			continue
		}
		htmlDepth = max(htmlDepth+htmlBlocks(line), 0)
		trimmed := strings.TrimLeft(line, " ")
		indent := len(line) - len(trimmed)
		if htmlDepth > 0 || indent > 3 || strings.HasPrefix(trimmed, "\t") || strings.HasPrefix(trimmed, ">") {
			continue
		}
		if strings.HasPrefix(trimmed, "/") || strings.HasPrefix(trimmed, "@") {
			out = append(out, numberedLine{i + 1, trimmed})
		}
	}
	return out
}

// cutComments removes HTML comments from a line; open says whether one is open before and after it. What an HTML comment
// opens on this line hides the rest, and text after the closing mark does not start a line.
func cutComments(line string, open bool) (string, bool) {
	if open {
		_, after, closed := strings.Cut(line, "-->")
		if !closed {
			return "", true
		}
		rest, stillOpen := cutComments(after, false)
		return "\u00a0" + rest, stillOpen // not at the start of a line any more
	}
	before, after, found := strings.Cut(line, "<!--")
	if !found {
		return line, false
	}
	rest, stillOpen := cutComments(after, true)
	if strings.TrimSpace(before) != "" {
		rest = strings.TrimPrefix(rest, "\u00a0")
	}
	return before + rest, stillOpen
}

// opensFence returns the fence a line opens, or "".
func opensFence(line string) string {
	t := strings.TrimLeft(line, " ")
	if len(line)-len(t) > 3 {
		return ""
	}
	for _, c := range []string{"`", "~"} {
		n := len(t) - len(strings.TrimLeft(t, c))
		if n < 3 || (c == "`" && strings.Contains(t[n:], "`")) {
			continue
		}
		return t[:n]
	}
	return ""
}

func closesFence(line, fence string) bool {
	t := strings.TrimRight(strings.TrimLeft(line, " "), " \t")
	if indent := len(line) - len(strings.TrimLeft(line, " ")); indent > 3 {
		return false // still code
	}
	return len(t) >= len(fence) && strings.Trim(t, fence[:1]) == "" && t != ""
}

// htmlBlocks is how many more blocks that hide text a line opens than it closes.
func htmlBlocks(line string) int {
	lower := strings.ToLower(line)
	n := 0
	for _, tag := range []string{"details", "pre", "code", "blockquote", "script", "style", "template", "textarea"} {
		for rest := lower; ; {
			_, after, found := strings.Cut(rest, "<"+tag)
			if !found {
				break
			}
			if after == "" || strings.ContainsAny(after[:1], " \t/>") {
				n++
			}
			rest = after
		}
		n -= strings.Count(lower, "</"+tag)
	}
	return n
}
