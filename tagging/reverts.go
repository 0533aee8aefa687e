package tagging

import (
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// target is what a change takes back; its zero value is nothing.
type target struct {
	title string // of the change
	sha   string // of a commit, at least 7 digits
	pull  int
}

var (
	revertTitle  = lazyregexp.New(`^Revert "(.+)"(?: ?\(#[0-9]+\))?$`)
	revertCommit = lazyregexp.New(`(?m)^This reverts commit ([0-9a-f]{7,64})\b`)
	revertPull   = lazyregexp.New(`(?mi)^Reverts (?:[A-Za-z0-9._-]+/[A-Za-z0-9._-]+)?#([1-9][0-9]{0,9})\s*$`)
)

// undone reads what a change takes back, from what GitHub and git write into titles and texts.
func undone(title, text string) target {
	var t target
	if m := revertPull.FindStringSubmatch(strings.ReplaceAll(text, "\r", "")); m != nil {
		t.pull, _ = strconv.Atoi(m[1])
	}
	if m := revertCommit.FindStringSubmatch(text); m != nil {
		t.sha = m[1]
	}
	if m := revertTitle.FindStringSubmatch(strings.TrimSpace(title)); m != nil {
		t.title = m[1]
	}
	return t
}

// is tells whether a target is that change.
func (t target) is(e entry) bool {
	switch {
	case t.pull != 0 && e.pull != 0:
		return t.pull == e.pull
	case t.sha != "" && e.sha != "":
		return strings.HasPrefix(e.sha, t.sha)
	}
	numbered := squashedSubject.ReplaceAllString(e.title, "")
	return t.title != "" && (t.title == e.title || t.title == strings.TrimSpace(numbered))
}

// pair is a change and what took it back, in one release.
type pair struct{ change, revert entry }

// cancel takes out what was changed and taken back again within the release: newest first, so that a revert that was
// reverted leaves the change in.
func cancel(entries []entry) (left []entry, pairs []pair) {
	gone := make([]bool, len(entries))
	for i := len(entries) - 1; i >= 0; i-- {
		if gone[i] || entries[i].undoes == (target{}) {
			continue
		}
		for j := i - 1; j >= 0; j-- {
			if !gone[j] && entries[i].undoes.is(entries[j]) {
				gone[i], gone[j] = true, true
				pairs = append(pairs, pair{change: entries[j], revert: entries[i]})
				break
			}
		}
	}
	for i, e := range entries {
		if !gone[i] {
			left = append(left, e)
		}
	}
	return left, pairs
}

// reverted lists the pairs, in at most limit bytes.
func (n Notes) reverted(pairs []pair, limit int) string {
	if len(pairs) == 0 {
		return ""
	}
	w := limited{left: limit}
	w.add("\n### Changed and taken back\n\n")
	for _, p := range pairs {
		w.entry("- " + EscapeMarkdown(shorten(p.change.title, maxTitle)) + n.reference(p.change) + ", taken back" + n.by(p.revert) + "\n")
	}
	if w.dropped > 0 {
		w.b.WriteString(moreLine(w.dropped, len(pairs)))
	}
	return w.b.String()
}

// reference is the link to a change in brackets.
func (n Notes) reference(e entry) string {
	switch {
	case e.pull != 0:
		return " (" + n.link("#"+strconv.Itoa(e.pull), "pull/"+strconv.Itoa(e.pull)) + ")"
	case e.sha != "":
		return " (" + n.link("`"+short(e.sha)+"`", "commit/"+e.sha) + ")"
	}
	return ""
}

// by is the link to what took a change back.
func (n Notes) by(e entry) string {
	if r := n.reference(e); r != "" {
		return " by" + r
	}
	return ""
}
