package fakegithub

import (
	"html"
	"html/template"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

var (
	htmlCommentRE = lazyregexp.New(`(?s)<!--.*?-->`)
	codeRE        = lazyregexp.New("`([^`]+)`")
	boldRE        = lazyregexp.New(`\*\*([^*]+)\*\*`)
	linkRE        = lazyregexp.New(`\[([^\]]*)\]\((https?://[^\s()"<>]+)\)`)
	rowRE         = lazyregexp.New(`^\|[\s:|-]+\|$`)
	headingRE     = lazyregexp.New(`^#{1,6} +(.*)$`)
	itemRE        = lazyregexp.New(`^\s*(?:[-*]|\d+\.) +(.*)$`)
)

// passed are the tags that comments may contain; everything else in angle brackets is shown as text.
var passed = strings.NewReplacer("&lt;details&gt;", "<details>", "&lt;details open&gt;", "<details open>", "&lt;/details&gt;", "</details>",
	"&lt;summary&gt;", "<summary>", "&lt;/summary&gt;", "</summary>", "&lt;br&gt;", "<br>", "&lt;sub&gt;", "<sub>", "&lt;/sub&gt;", "</sub>")

// markdown renders the part of Markdown that check runs and comments are written in. The text is escaped first, so
// nothing strangers write becomes a tag but those above.
func markdown(text string) template.HTML {
	text = htmlCommentRE.ReplaceAllString(strings.ReplaceAll(text, "\r\n", "\n"), "")
	m := &marker{}
	for line := range strings.SplitSeq(text, "\n") {
		m.line(line)
	}
	m.open("")
	return template.HTML(m.out.String()) //nolint:gosec // escaped by inline
}

// marker writes blocks; in names the one that is open: p, ul, table, pre, blockquote or none.
type marker struct {
	out strings.Builder
	in  string
}

// open closes the block that is open and starts another.
func (m *marker) open(block string) {
	if m.in == block {
		return
	}
	if m.in != "" {
		m.out.WriteString("</" + m.in + ">\n")
	}
	if block != "" {
		m.out.WriteString("<" + block + ">")
	}
	m.in = block
}

func (m *marker) line(line string) {
	trimmed := strings.TrimSpace(line)
	fence := strings.HasPrefix(trimmed, "```")
	switch {
	case m.in == "pre" && fence:
		m.open("")
	case m.in == "pre":
		m.out.WriteString(html.EscapeString(line) + "\n")
	case fence:
		m.open("pre")
	case trimmed == "":
		m.open("")
	case rowRE.MatchString(trimmed):
		m.open("table") // the line between head and body
	case strings.HasPrefix(trimmed, "|"):
		m.row(trimmed)
	case headingRE.MatchString(trimmed):
		m.open("")
		m.out.WriteString("<h3>" + inline(headingRE.FindStringSubmatch(trimmed)[1]) + "</h3>\n")
	case itemRE.MatchString(line):
		m.open("ul")
		m.out.WriteString("<li>" + inline(itemRE.FindStringSubmatch(line)[1]) + "</li>\n")
	case strings.HasPrefix(trimmed, ">"):
		m.open("blockquote")
		m.out.WriteString(inline(strings.TrimSpace(trimmed[1:])) + "<br>\n")
	case strings.HasPrefix(trimmed, "<details") || strings.HasPrefix(trimmed, "</details") || strings.HasPrefix(trimmed, "<summary"):
		m.open("")
		m.out.WriteString(inline(trimmed) + "\n")
	default:
		m.open("p")
		m.out.WriteString(inline(line) + "\n")
	}
}

func (m *marker) row(line string) {
	cell := "td"
	if m.in != "table" {
		cell = "th"
	}
	m.open("table")
	m.out.WriteString("<tr>")
	for c := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
		m.out.WriteString("<" + cell + ">" + inline(strings.TrimSpace(c)) + "</" + cell + ">")
	}
	m.out.WriteString("</tr>\n")
}

func inline(text string) string {
	text = passed.Replace(html.EscapeString(text))
	text = codeRE.ReplaceAllString(text, "<code>$1</code>")
	text = boldRE.ReplaceAllString(text, "<strong>$1</strong>")
	return linkRE.ReplaceAllString(text, `<a href="$2">$1</a>`)
}
