package bot

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
)

// Where GitHub does not list everything, anybody may have written what is not listed: no approval counts, and it is said why.
func TestCase44TruncatedLists(t *testing.T) {
	for name, c := range map[string]struct {
		change func(g *FakeGitHub, from, to string)
		says   string // empty: the approval counts
	}{
		"all is listed": {func(*FakeGitHub, string, string) {}, ""},
		"a list of commits that was cut": {func(g *FakeGitHub, from, to string) {
			cut := g.Comparisons[from+"..."+to]
			cut.AheadBy, cut.Truncated = 12000, true
			g.Comparisons[from+"..."+to] = cut
		}, "of the 12000 commits"},
		"commits that GitHub does not know": {func(g *FakeGitHub, from, to string) {
			delete(g.Comparisons, from+"..."+to)
		}, "cannot compare"},
		"a hundred pull requests, and perhaps more": {func(g *FakeGitHub, _, _ string) {
			g.Merged, g.MergedCut = pullsMerged(100, noon.Add(time.Hour)), true
		}, "more than 100 pull requests"},
		"a hundred pull requests, the oldest from before": {func(g *FakeGitHub, _, _ string) {
			g.Merged, g.MergedCut = pullsMerged(100, noon.Add(time.Hour)), true
			last := &g.Merged[99]
			last.CreatedAt, last.UpdatedAt = noon.Add(-48*time.Hour), noon.Add(-47*time.Hour)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, r, x := candidate(t, "")
			c.change(l.gh, r.CutSHA, r.HeadSHA)
			l.says(x, "quinn", nil)
			got, by, err := l.tally(t.Context(), r, x, "production")
			must(t, err)
			if counts := c.says == ""; counts != (len(by) == 1) || !strings.Contains(got.Unknown, c.says) {
				t.Errorf("%d count, unknown %q", len(by), got.Unknown)
			}
			why, err := l.mayCount(t.Context(), r, x, person(6, "quinn"), "production")
			must(t, err)
			if (why == "") != (c.says == "") {
				t.Errorf("/approve is answered %q", why)
			}
			if c.says == "" {
				return
			}
			plan := gitflow.PlanPromote(gitflow.State{Approvals: got, Candidate: gitflow.Candidate{SHA: x.SHA, Tested: true}})
			if gate, ok := plan.Step("approvals"); !ok || !strings.Contains(gate.Blocked.String(), "cannot be told who took part") {
				t.Errorf("the gate says %q", gate.Blocked)
			}
		})
	}
}

// pullsMerged are pull requests of different people, merged at one time.
func pullsMerged(n int, at time.Time) []forge.PullRequest {
	out := make([]forge.PullRequest, n)
	for i := range out {
		out[i] = forge.PullRequest{Number: 100 + i, Author: person(int64(1000+i), fmt.Sprintf("dev%d", i)), Merged: true, CreatedAt: at, UpdatedAt: at}
	}
	return out
}
