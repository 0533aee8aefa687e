package tagging

import (
	"fmt"
	"strings"
)

// asked is a Release-As trailer.
type asked struct{ sha, value string }

// tally is what a list of commits asks for.
type tally struct {
	breaking, features, others, merges int

	largest   Bump // empty without commits
	cause     Commit
	releaseAs []asked // oldest first
}

func tallyOf(commits []Commit) tally {
	var t tally
	for _, c := range commits {
		change := ParseChange(c.Message)
		for _, v := range change.ReleaseAs { // of merges too: whoever wrote it there meant it
			t.releaseAs = append(t.releaseAs, asked{sha: c.SHA, value: v})
		}
		if c.Merge {
			t.merges++
			continue
		}
		b := change.Bump()
		switch b {
		case Major:
			t.breaking++
		case Minor:
			t.features++
		default:
			t.others++
		}
		if b.rank() > t.largest.rank() {
			t.largest, t.cause = b, c
		}
	}
	return t
}

func (t tally) total() int { return t.breaking + t.features + t.others }

// explain says what was counted since a release, or so far, and which commit weighs most.
func (t tally) explain(since bool) Explanation {
	var why Explanation
	when := "So far"
	if since {
		when = "Since then"
	}
	if t.total() == 0 {
		why.because(when + " there are no commits" + t.mergeNote() + ".")
		return why
	}
	why.because(fmt.Sprintf("%s there %s: %s%s.", when, isAre(t.total(), "commit"), t.list(), t.mergeNote()))
	what := "neither a feature nor a breaking change"
	switch t.largest {
	case Major:
		what = "a breaking change"
	case Minor:
		what = "a feature"
	}
	why.because("The change that weighs most is "+what+".", "commit", t.cause.SHA, "subject", subject(t.cause.Message))
	return why
}

func (t tally) list() string {
	var parts []string
	if t.breaking > 0 {
		parts = append(parts, fmt.Sprintf("%d breaking", t.breaking))
	}
	if t.features > 0 {
		parts = append(parts, count(t.features, "feature"))
	}
	if t.others > 0 {
		parts = append(parts, count(t.others, "other"))
	}
	return strings.Join(parts, ", ")
}

func (t tally) mergeNote() string {
	if t.merges == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s not counted)", count(t.merges, "merge commit"))
}

// elsewhere tells of trailers in commits that change nothing of the component.
func elsewhere(commits []Commit) (why Explanation) {
	for _, a := range tallyOf(commits).releaseAs {
		why.warn("A Release-As trailer does not count here: its commit changes no file of this component.", "commit", a.sha, "asked for", a.value)
	}
	return why
}

// NothingToRelease tells whether a release of these commits would be empty, and why: no commits, or documentation only.
func NothingToRelease(commits []Commit) (reason string, nothing bool) {
	docs := 0
	for _, c := range commits {
		change := ParseChange(c.Message)
		if len(change.ReleaseAs) > 0 {
			return "", false // somebody asks for a release
		}
		if c.Merge {
			continue
		}
		if !change.quiet() {
			return "", false
		}
		docs++
	}
	if docs == 0 {
		return "there are no commits since the last release", true
	}
	return fmt.Sprintf("%s since the last release, all of them documentation", count(docs, "commit")), true
}

// explainComputed says why the computed version is that one.
func (n *next) explainComputed(r Result) {
	switch {
	case r.Source == Initial && n.Line.Support:
		n.why.because(fmt.Sprintf("The first version of the line is %s.", r.Version))
		return
	case r.Source == Initial:
		n.why.because(fmt.Sprintf("The first version is %s, whatever the commits say.", r.Version))
		return
	case n.Line.Support && n.tally.largest.rank() > Patch.rank():
		n.why.warn("On a support line only the patch number rises, though the commits ask for more.")
	case n.Line.Support:
		n.why.because("On a support line only the patch number rises.")
	case r.Bump != larger(n.Floor, n.tally.largest):
		n.why.because("While the major number is 0 a breaking change raises the minor number; 1.0.0 comes only when somebody asks for it.")
	case n.Floor.rank() > n.tally.largest.rank():
		n.why.because(fmt.Sprintf("The commits ask for less, but versioning.next is %s: at least the %s number rises.", n.Floor, n.Floor))
	default:
		n.why.because(fmt.Sprintf("So the %s number rises.", r.Bump))
	}
	n.why.because(fmt.Sprintf("The next version is %s.", r.Version))
}

// explainOverride says what a version that was asked for is compared with the computed one.
func (n *next) explainOverride(set Override, computed Result) {
	n.why.because(fmt.Sprintf("Version %s was asked for, and that decides.", set.Version), "by", set.By)
	switch c := set.Version.CompareCore(computed.Version); {
	case computed.Source == "": // the numbers of the last version cannot rise further
	case computed.Source == Computed && c < 0 && set.Version.CompareCore(n.base) < 0:
		n.why.warn(fmt.Sprintf("It is lower than %s, which is open.", n.base))
	case computed.Source == Computed && c < 0:
		n.why.warn(fmt.Sprintf("It is lower than %s, which would have been computed.", computed.Version))
	case c != 0:
		n.why.because(fmt.Sprintf("Nobody asking, it would have been %s.", computed.Version))
	}
	n.why.because(fmt.Sprintf("The next version is %s.", set.Version))
}
