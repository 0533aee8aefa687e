package githubapp

import (
	"strings"
	"unicode/utf8"
)

// GitHub's limits of texts, in characters.
const (
	maxBody        = 65536 // of a comment or pull request
	maxPullTitle   = 256
	maxReleaseBody = 125000
	maxDescription = 140 // of a deployment and its statuses
)

// cutMark says that a text was cut.
const cutMark = "\n\n(The rest was cut: GitHub takes no more. The whole is on Sluice's page.)"

// fence opens and closes blocks of code in Markdown.
const fence = "```"

// cutEnd cuts a text to a number of characters. A long text says so at its end, outside of a block of code.
func cutEnd(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	if limit < 1000 { // a title or a sentence
		return firstRunes(s, limit-1) + "…"
	}
	kept := firstRunes(s, limit-len(cutMark)-len("\n"+fence))
	if strings.Count("\n"+kept, "\n"+fence)%2 == 1 {
		kept += "\n" + fence
	}
	return kept + cutMark
}

// firstRunes are the first n characters. Broken UTF-8 becomes U+FFFD, as JSON would have it.
func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return strings.ToValidUTF8(s[:i], "\uFFFD")
		}
		n--
	}
	return s
}
