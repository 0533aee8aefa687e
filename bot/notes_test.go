package bot

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/tagging"
)

// sequence is n commits on top of cut, each with the one before as parent, changed by each.
func sequence(n int, each func(i int, c *forge.Commit)) forge.Comparison {
	out := forge.Comparison{AheadBy: n, MergeBase: cut}
	before := cut
	for i := range n {
		c := forge.Commit{SHA: fmt.Sprintf("%040x", i+1), Parents: []string{before}, Message: fmt.Sprintf("chore: step %d", i), AuthorName: "dev"}
		each(i, &c)
		out.Commits, before = append(out.Commits, c), c.SHA
	}
	return out
}

// Release notes have every pull request, however many commits the release has and however they were merged.
func TestNotesOfManyCommits(t *testing.T) {
	for name, c := range map[string]struct {
		commits int
		squash  func(i int) bool // which commits are squashed pull requests
		other   func(i int) bool // which are of a pull request that was rebased: nothing in them says so
		pulls   int
		asked   int
		says    string // empty: nothing is missing
	}{
		"260, each third squashed": {260, func(i int) bool { return i%3 == 0 }, func(int) bool { return false }, 87, 260, ""},
		"260, some rebased":        {260, func(i int) bool { return i%10 == 0 }, func(i int) bool { return i%10 == 1 }, 52, 260, ""},
		"1,300, the last squashed": {1300, func(i int) bool { return i >= 1200 }, func(int) bool { return false }, 100, 1000, "Of 1300 commits GitHub was asked about 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			l.gh.BroughtBy = map[string][]forge.PullRequest{}
			l.gh.Comparisons = map[string]forge.Comparison{cut + "..." + head: sequence(c.commits, func(i int, x *forge.Commit) {
				if !c.squash(i) && !c.other(i) {
					return
				}
				if c.squash(i) {
					x.Message = fmt.Sprintf("feat: thing %d (#%d)\n\nIn full.", i, i+1000)
				}
				l.gh.BroughtBy[x.SHA] = []forge.PullRequest{{Number: i + 1000, Title: fmt.Sprintf("feat: thing %d", i), Merged: true, Author: person(2, "dev")}}
			})}
			n := tagging.Notes{Current: head}
			if _, err := l.noted(t.Context(), &n, cut, head); err != nil {
				t.Fatal(err)
			}
			if len(n.PullRequests) != c.pulls || l.gh.Listed != c.asked {
				t.Errorf("%d pull requests, asked about %d commits; want %d and %d", len(n.PullRequests), l.gh.Listed, c.pulls, c.asked)
			}
			if n.Incomplete != "" != (c.says != "") || !strings.Contains(n.Incomplete, c.says) {
				t.Errorf("it says %q, want %q", n.Incomplete, c.says)
			}
		})
	}
}
