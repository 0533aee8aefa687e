package tagging

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// entry is one line of the notes.
type entry struct {
	section section
	pull    int    // number; 0 for a commit of its own
	sha     string // of that commit
	scope   string
	text    string
	author  string   // login, or the name in the commit
	details []string // texts of breaking changes
	issues  []issue
	untyped bool // the title follows no convention
	// title is the whole title or subject; undoes says what it takes back.
	title  string
	undoes target
}

// entries lists what changed, and who did it.
func (n Notes) entries() (entries []entry, people []NotedPull) {
	pulls := make(map[int]int, len(n.PullRequests)) // number to index in entries
	for _, p := range n.PullRequests {
		if _, twice := pulls[p.Number]; twice {
			continue
		}
		titled := ParseChange(p.Title + "\n\n" + p.Body)
		e := entryOf(titled, p.Title)
		e.untyped = titled.Type == "" && e.section == sectionOther && !p.Bot
		e.pull, e.author, e.issues = p.Number, p.Author, issuesOf(p.Body, p.Title, p.Branch)
		e.title, e.undoes = p.Title, undone(p.Title, p.Body)
		if p.Bot && e.section == sectionOther {
			e.section = sectionDependencies
		}
		pulls[p.Number] = len(entries)
		entries = append(entries, e)
		people = append(people, p)
	}
	for _, c := range n.Commits {
		change := ParseChange(c.Message)
		people = append(people, NotedPull{Author: c.Author, Bot: strings.HasSuffix(c.Author, "[bot]")})
		if i, found := pulls[cmp.Or(c.PullRequest, squashedFrom(c.Message))]; found {
			if by := entryOf(change, subject(c.Message)).section; !c.Merge && by < entries[i].section && entries[i].untyped {
				entries[i].section = by // the title does not say of what sort it is, its commits do
			}
			for _, is := range issuesOf(c.Message) {
				if len(entries[i].issues) < maxIssues && !slices.Contains(entries[i].issues, is) {
					entries[i].issues = append(entries[i].issues, is)
				}
			}
			if change.Breaking {
				entries[i].section = sectionBreaking
				entries[i].details = appendNew(entries[i].details, change.BreakingNotes)
			}
			continue
		}
		if c.Merge {
			continue
		}
		e := entryOf(change, subject(c.Message))
		e.sha, e.author, e.issues = c.SHA, cmp.Or(c.Author, c.AuthorName), issuesOf(c.Message, subject(c.Message))
		e.title, e.undoes = subject(c.Message), undone(subject(c.Message), c.Message)
		entries = append(entries, e)
	}
	return entries, people
}

// entryOf sorts a change into its section. title is the whole line that the change was read from.
func entryOf(c Change, title string) entry {
	e := entry{section: sectionOther, scope: c.Scope, text: c.Description, details: appendNew(nil, c.BreakingNotes)}
	switch c.Type {
	case "feat", "feature":
		e.section = sectionFeatures
	case "fix", "bugfix":
		e.section = sectionFixes
	case "perf":
		e.section = sectionPerformance
	case "revert":
		e.section = sectionReverts
	case "build", "chore", "ci", "docs", "refactor", "style", "test":
	default: // no type, or none that anybody agreed on
		e.scope, e.text = "", title
		if strings.HasPrefix(title, `Revert "`) {
			e.section = sectionReverts
		}
	}
	if e.text == "" {
		e.text = "(no title)"
	}
	if strings.HasPrefix(c.Scope, "deps") {
		e.section = sectionDependencies
	}
	if c.Breaking {
		e.section = sectionBreaking
	}
	return e
}

// appendNew appends the texts that are not there yet and not empty.
func appendNew(have, more []string) []string {
	for _, s := range more {
		if s != "" && !slices.Contains(have, s) {
			have = append(have, s)
		}
	}
	return have
}

var squashedSubject = lazyregexp.New(`\(#([1-9][0-9]{0,9})\)$`)

// squashedFrom is the number GitHub puts behind the subject of a squashed pull request; 0 where there is none.
func squashedFrom(message string) int {
	m := squashedSubject.FindStringSubmatch(subject(message))
	if m == nil {
		return 0
	}
	number, _ := strconv.Atoi(m[1])
	return number
}

// contributors are the logins of people, without Apps, each once, sorted. Authors without an account are not among them.
func contributors(people []NotedPull) []string {
	var names []string
	for _, p := range people {
		if p.Author != "" && !p.Bot {
			names = append(names, p.Author)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
	})
	return slices.CompactFunc(names, strings.EqualFold)
}
