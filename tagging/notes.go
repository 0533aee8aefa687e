package tagging

import (
	"fmt"
	"net/url"
	"strings"
)

// DefaultNotesLimit keeps release notes inside of what GitHub takes for the body of a pull request (65,536 characters),
// with room for what else stands there.
const DefaultNotesLimit = 50_000

// Most of what is shown of one title, of one text about a breaking change (in characters), and of the contributors.
const (
	maxTitle        = 300
	maxDetail       = 1000
	maxContributors = 100
)

// Notes are the facts that release notes are made of. Markdown prints them, for the GitHub release and for the release
// pull request alike.
type Notes struct {
	Version Version
	// PullRequests are those that the release brings, in the order of their merging.
	PullRequests []NotedPull
	// Commits are those that the release brings, oldest first. Commits that belong to a pull request of the list add
	// their breaking changes and authors to it; others are listed themselves.
	Commits []Commit
	// RepoURL is the page of the repository, "https://github.com/acme/orders", for links. Empty: no links.
	RepoURL string
	// Previous and Current are the ends of the comparison: the tag of the release before, and the tag or SHA of this one.
	// Without Previous this is the first release.
	Previous, Current string
	// Image is the promoted image with its digest; empty where none is known yet.
	Image string
	// Incomplete says why changes are missing from the list; empty: none are. Text of ours.
	Incomplete string
	// Limit is the most bytes that Markdown gives. Defaults to DefaultNotesLimit. What is cut is counted at the end.
	Limit int
}

// NotedPull is a merged pull request.
type NotedPull struct {
	Number int
	Title  string
	Body   string // its description; looked at for BREAKING CHANGE footers, closing keywords and what it reverts
	Branch string // its head; looked at for issue keys
	Author string // login
	Bot    bool   // the author is an App's account
	First  bool   // nothing of the author's was released before
}

// section is a heading of the notes.
type section int

// The sections in their order.
const (
	sectionBreaking section = iota
	sectionFeatures
	sectionFixes
	sectionPerformance
	sectionReverts
	sectionDependencies
	sectionOther
	sections
)

func (s section) heading() string {
	return [sections]string{"Breaking changes", "Features", "Fixes", "Performance", "Reverts", "Dependencies", "Other changes"}[s]
}

// Markdown prints the notes. Titles, subjects and names are escaped (EscapeMarkdown): notes mention nobody, close
// nothing, and link to what they list only.
func (n Notes) Markdown() string {
	limit := n.Limit
	if limit <= 0 {
		limit = DefaultNotesLimit
	}
	entries, people := n.entries()
	entries, pairs := cancel(entries)
	tail := n.reverted(pairs, limit/4) + n.tail(people)
	w := limited{left: limit - len(tail) - len(moreLine(len(entries), len(entries)))}
	if n.Incomplete != "" {
		w.add("> " + n.Incomplete + "\n")
	}
	if len(entries) == 0 {
		w.add("No changes are listed for this release.\n")
	}
	for s := range sections {
		heading := "### " + s.heading() + "\n\n"
		written := false
		for _, e := range entries {
			if e.section != s {
				continue
			}
			line := n.line(e)
			if !written {
				line = w.gap() + heading + line
			}
			written = w.entry(line) || written
		}
	}
	if w.dropped > 0 {
		w.b.WriteString(moreLine(w.dropped, len(entries)))
	}
	return strings.TrimLeft(w.b.String()+tail, "\n")
}

// limited gathers text up to a length, and counts what did not fit.
type limited struct {
	b       strings.Builder
	left    int
	dropped int
}

func (w *limited) add(s string) { w.b.WriteString(s); w.left -= len(s) }

// entry adds a line as long as nothing was dropped before it, so that no later and shorter one slips in.
func (w *limited) entry(line string) bool {
	if w.dropped > 0 || len(line) > w.left {
		w.dropped++
		return false
	}
	w.add(line)
	return true
}

func (w *limited) gap() string {
	if w.b.Len() == 0 {
		return ""
	}
	return "\n"
}

func moreLine(dropped, all int) string {
	return fmt.Sprintf("\n… and %d more of %s.\n", dropped, count(all, "change"))
}

// line prints one entry with its details.
func (n Notes) line(e entry) string {
	var b strings.Builder
	b.WriteString("- ")
	if e.scope != "" {
		b.WriteString("**" + EscapeMarkdown(e.scope) + ":** ")
	}
	text := e.text
	if e.pull != 0 { // the link says it
		text = strings.TrimSpace(strings.TrimSuffix(text, fmt.Sprintf("(#%d)", e.pull)))
	}
	b.WriteString(EscapeMarkdown(shorten(text, maxTitle)))
	b.WriteString(n.reference(e))
	if e.author != "" {
		b.WriteString(" by " + EscapeMarkdown(e.author))
	}
	if len(e.issues) > 0 {
		b.WriteString(", for " + n.issueLinks(e.issues))
	}
	b.WriteByte('\n')
	for _, d := range e.details {
		b.WriteString("  - " + EscapeMarkdown(shorten(d, maxDetail)) + "\n")
	}
	return b.String()
}

// tail prints what stands below the changes: the image, who took part, the comparison.
func (n Notes) tail(people []NotedPull) string {
	var b strings.Builder
	if n.Image != "" {
		b.WriteString("\n**Image:** " + codeSpan(n.Image) + "\n")
	}
	if names := contributors(people); len(names) > 0 {
		b.WriteString("\n**Contributors:** ")
		shown := names[:min(len(names), maxContributors)]
		for i, name := range shown {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(EscapeMarkdown(name))
		}
		if more := len(names) - len(shown); more > 0 {
			fmt.Fprintf(&b, " and %d more", more)
		}
		b.WriteByte('\n')
	}
	b.WriteString(n.newcomers(people))
	switch {
	case n.RepoURL == "" || n.Current == "":
	case n.Previous == "":
		b.WriteString("\n**All changes:** " + n.link(codeSpan(n.Current), "commits/"+escapePath(n.Current)) + ", the first release\n")
	default:
		b.WriteString("\n**All changes:** " + n.link(codeSpan(abbreviated(n.Previous)+"..."+abbreviated(n.Current)),
			"compare/"+escapePath(n.Previous)+"..."+escapePath(n.Current)) + "\n")
	}
	return b.String()
}

// abbreviated is a ref as people read it: commits by their first digits.
func abbreviated(ref string) string {
	if len(ref) >= 40 && strings.Trim(ref, "0123456789abcdef") == "" {
		return short(ref)
	}
	return ref
}

// link is a Markdown link to a page of the repository. The text is ours.
func (n Notes) link(text, path string) string {
	if n.RepoURL == "" {
		return text
	}
	return "[" + text + "](" + strings.TrimSuffix(n.RepoURL, "/") + "/" + path + ")"
}

// escapePath escapes a ref for a link; slashes separate its parts and stay.
func escapePath(ref string) string {
	parts := strings.Split(ref, "/")
	for i, p := range parts {
		parts[i] = strings.NewReplacer("(", "%28", ")", "%29").Replace(url.PathEscape(p))
	}
	return strings.Join(parts, "/")
}
