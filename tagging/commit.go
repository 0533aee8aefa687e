package tagging

import (
	"strings"

	cc "github.com/leodido/go-conventionalcommits"
	"github.com/leodido/go-conventionalcommits/parser"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Commit is a commit as far as versions and release notes care.
type Commit struct {
	SHA     string
	Message string
	// Merge is true for a commit with more than one parent. It stands for others and is not counted itself.
	Merge bool
	// Author is the login of the author's account, else empty; AuthorName is the name in the commit.
	Author, AuthorName string
	// PullRequest is the number of the pull request that brought the commit; 0 when none is known.
	PullRequest int
}

// Change is what a commit message, or the title and description of a pull request, says by the Conventional Commits
// 1.0.0 convention.
type Change struct {
	// Type is in small letters: "feat", "fix". Empty when the message does not follow the convention.
	Type string
	// Scope is what stands in brackets behind the type, in small letters; often empty.
	Scope string
	// Description is the subject without type and scope; the whole subject when there is no type.
	Description string
	// Breaking is true for "!" behind the type and for a BREAKING CHANGE footer.
	Breaking bool
	// BreakingNotes are the texts of those footers.
	BreakingNotes []string
	// ReleaseAs are the values of Release-As trailers as written, in their order.
	ReleaseAs []string
}

// Footers are looked for in every paragraph, not only in the last: a squashed merge strings the messages of many commits
// together, and a breaking change must not get lost in the middle.
var (
	breakingFooter  = lazyregexp.New(`^BREAKING[ -]CHANGE(?:: | #)[ \t]*(.*)$`)
	releaseAsFooter = lazyregexp.New(`^(?i:Release-As)[ \t]*:[ \t]*(.*?)[ \t]*$`)
	anyFooter       = lazyregexp.New(`^[A-Za-z][A-Za-z0-9-]*(?:: | #)`)
)

// ParseChange reads a message. It never fails: what does not follow the convention is a change without a type.
func ParseChange(message string) Change {
	message = strings.ReplaceAll(message, "\r\n", "\n") // the parser takes a CR for a part of the subject
	subject, body, _ := strings.Cut(strings.TrimLeft(message, "\n"), "\n")
	subject = strings.TrimSpace(subject)
	c := Change{Description: subject}
	// Only the subject: on whatever it dislikes in a body, the parser drops the footers that it has already read.
	m, _ := parser.NewMachine(cc.WithTypes(cc.TypesFreeForm), cc.WithBestEffort()).Parse([]byte(subject))
	if parsed, ok := m.(*cc.ConventionalCommit); ok && typeWord.MatchString(strings.TrimSpace(parsed.Type)) {
		c.Type = strings.TrimSpace(parsed.Type)
		c.Description = strings.TrimSpace(parsed.Description)
		c.Breaking = parsed.Exclamation
		if parsed.Scope != nil {
			c.Scope = strings.TrimSpace(*parsed.Scope)
		}
	}
	c.footers(body)
	return c
}

// typeWord keeps prose with a colon ("Fixed the build: see below") from counting as a type.
var typeWord = lazyregexp.New(`^[\pL\pN_-]+$`)

// footers reads what the rest of a message says about versions. Fenced code is not looked at: it quotes.
func (c *Change) footers(body string) {
	fenced := false
	note := -1 // the breaking note that a line without a footer of its own continues
	for line := range strings.SplitSeq(body, "\n") {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
			note = -1
			continue
		}
		if fenced {
			continue
		}
		if m := breakingFooter.FindStringSubmatch(line); m != nil {
			c.Breaking = true
			c.BreakingNotes = append(c.BreakingNotes, strings.TrimSpace(m[1]))
			note = len(c.BreakingNotes) - 1
			continue
		}
		if m := releaseAsFooter.FindStringSubmatch(line); m != nil {
			c.ReleaseAs = append(c.ReleaseAs, m[1])
			note = -1
			continue
		}
		if strings.TrimSpace(line) == "" || anyFooter.MatchString(line) {
			note = -1
		}
		if note >= 0 {
			c.BreakingNotes[note] = strings.TrimSpace(c.BreakingNotes[note] + " " + strings.TrimSpace(line))
		}
	}
}

// Bump is what the change asks for: a breaking one major, a feature minor, anything else patch.
func (c Change) Bump() Bump {
	switch {
	case c.Breaking:
		return Major
	case c.Type == "feat" || c.Type == "feature":
		return Minor
	}
	return Patch
}

// quiet are the types of changes that nobody who runs the program notices.
func (c Change) quiet() bool { return !c.Breaking && c.Type == "docs" }

// subject is the first line of a message.
func subject(message string) string {
	s, _, _ := strings.Cut(strings.TrimLeft(message, "\r\n"), "\n")
	return strings.TrimSpace(s)
}
