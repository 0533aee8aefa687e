package tagging

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// maxIssues is how many issues are named for one change.
const maxIssues = 10

// issue is one that a change is for: of a repository ("" is ours) by its number, or of a tracker by its key.
type issue struct {
	repo   string // owner/name
	number int
	key    string // ABC-12
}

var (
	closes   = lazyregexp.New(`(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b:?[ \t]+(?:https://github\.com/([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/issues/|([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)?#)([1-9][0-9]{0,9})\b`)
	trackers = lazyregexp.New(`\b[A-Z][A-Z0-9]{1,9}-[1-9][0-9]{0,6}\b`)
)

// issuesOf are the issues of a change: those that its text closes by GitHub's keywords, in a pull request or a commit, and the keys of
// trackers in its names: title and branch. What is quoted as code is not looked at.
func issuesOf(text string, names ...string) []issue {
	var out []issue
	add := func(i issue) {
		if len(out) < maxIssues && !slices.Contains(out, i) {
			out = append(out, i)
		}
	}
	fenced := false
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		if fenced {
			continue
		}
		for _, m := range closes.FindAllStringSubmatch(line, maxIssues) {
			number, _ := strconv.Atoi(m[3])
			add(issue{repo: m[1] + m[2], number: number})
		}
	}
	for _, name := range names {
		for _, key := range trackers.FindAllString(name, maxIssues) {
			if !slices.Contains(noKeys, key[:strings.IndexByte(key, '-')]) {
				add(issue{key: key})
			}
		}
	}
	return out
}

// noKeys are words with a number behind that are no issue.
var noKeys = []string{"UTF", "ISO", "SHA", "RFC", "CVE", "HTTP", "TLS", "GH", "AES", "RSA", "PR"} //nolint:gochecknoglobals // a constant list

// issueLinks names issues; those of GitHub are links.
func (n Notes) issueLinks(issues []issue) string {
	out := make([]string, 0, len(issues))
	for _, i := range issues {
		switch {
		case i.key != "":
			out = append(out, i.key)
		case i.repo == "" || strings.HasSuffix(n.RepoURL, "/"+i.repo):
			out = append(out, n.link(fmt.Sprintf("#%d", i.number), fmt.Sprintf("issues/%d", i.number)))
		default: // another repository's: named, without a reference that would notify its people
			out = append(out, codeSpan(fmt.Sprintf("%s#%d", i.repo, i.number)))
		}
	}
	return strings.Join(out, ", ")
}

// newcomers names those whose first contribution is in the release.
func (n Notes) newcomers(people []NotedPull) string {
	var names, out []string
	for _, p := range people {
		if p.First && !p.Bot && p.Author != "" && !slices.Contains(names, p.Author) && len(out) < maxContributors {
			names = append(names, p.Author)
			out = append(out, EscapeMarkdown(p.Author)+n.reference(entry{pull: p.Number}))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "\n**First contribution:** " + strings.Join(out, ", ") + "\n"
}
