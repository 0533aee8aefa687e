package gitflow

import (
	"regexp"
	"strings"
)

// Revert is a commit that a merge would take back, or bring back, in the branch that is merged into.
type Revert struct {
	// By is the commit that does it: a revert, or with Again the copy of a commit that the branch has reverted.
	By Commit
	// Of is the SHA of the commit that is taken back or brought back.
	Of    string
	Again bool
}

// revertTrailer is what git revert writes, pickTrailer what git cherry-pick -x writes.
const (
	revertTrailer = `This reverts commit ([0-9a-f]{40})\b`
	pickTrailer   = `\(cherry picked from commit ([0-9a-f]{40})\)`
)

// Trailers reads out of a commit's message which commits it reverts, and which it is a copy of.
func Trailers(message string) (reverts, picks []string) {
	if strings.Contains(message, "This reverts commit ") {
		reverts = named(revertTrailer, message)
	}
	if strings.Contains(message, "(cherry picked from commit ") {
		picks = named(pickTrailer, message)
	}
	return reverts, picks
}

func named(trailer, message string) []string {
	var out []string
	for _, m := range regexp.MustCompile(trailer).FindAllStringSubmatch(message, -1) {
		out = append(out, m[1])
	}
	return out
}

// Reverts finds what a merge would silently take back or bring back. brought are the commits that it brings, here those
// that only the branch has. A revert that comes together with what it reverts changes nothing in the branch, one that both
// sides have is agreed on, and one that was reverted itself is void.
func Reverts(brought, here []Commit) []Revert {
	var out []Revert
	inBrought := setOf(brought)
	void := revertedBy(brought)
	gone := revertedBy(here)
	undone := revertedBy(here) // by reverts of the branch that still hold
	for of, by := range gone {
		if _, ok := gone[by.SHA]; ok {
			delete(undone, of)
		}
	}
	for _, c := range brought {
		if _, ok := void[c.SHA]; ok {
			continue
		}
		for _, of := range c.Reverts {
			if _, agreed := undone[of]; !inBrought.has(of) && !agreed {
				out = append(out, Revert{By: c, Of: of})
			}
		}
		for _, of := range c.Picks {
			if _, ok := undone[of]; ok {
				out = append(out, Revert{By: c, Of: of, Again: true})
			}
		}
	}
	return out
}

// revertedBy maps each commit that is reverted to its revert.
func revertedBy(commits []Commit) map[string]Commit {
	out := map[string]Commit{}
	for _, c := range commits {
		for _, of := range c.Reverts {
			out[of] = c
		}
	}
	return out
}

// Text says what a revert does to a branch.
func (r Revert) Text(branch string) Text {
	if r.Again {
		return text("%s %s by %s brings %s back, which was reverted in %s.", Text(short(r.By.SHA)), r.By.Subject, r.By.Author, Text(short(r.Of)), branch)
	}
	return text("%s %s by %s takes %s back, which %s has.", Text(short(r.By.SHA)), r.By.Subject, r.By.Author, Text(short(r.Of)), branch)
}
