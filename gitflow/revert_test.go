package gitflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTrailers(t *testing.T) {
	x, y := strings.Repeat("a", 40), strings.Repeat("b", 40)
	for name, c := range map[string]struct {
		message        string
		reverts, picks []string
	}{
		"none":        {"fix: pears", nil, nil},
		"a revert":    {"Revert \"feat: pears\"\n\nThis reverts commit " + x + ".", []string{x}, nil},
		"of a merge":  {"Revert \"Merge\"\n\nThis reverts commit " + x + ", reversing\nchanges made to " + y + ".", []string{x}, nil},
		"a copy":      {"feat: pears\n\n(cherry picked from commit " + y + ")", nil, []string{y}},
		"too short":   {"This reverts commit abc1234.", nil, nil},
		"two of them": {"This reverts commit " + x + ".\nThis reverts commit " + y + ".", []string{x, y}, nil},
	} {
		reverts, picks := Trailers(c.message)
		if diff := cmp.Diff([2][]string{c.reverts, c.picks}, [2][]string{reverts, picks}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReverts(t *testing.T) {
	plain := func(sha string) Commit { return Commit{SHA: sha} }
	revert := func(sha, of string) Commit { return Commit{SHA: sha, Reverts: []string{of}} }
	pick := func(sha, of string) Commit { return Commit{SHA: sha, Picks: []string{of}} }
	for name, c := range map[string]struct {
		brought, here []Commit
		want          []Revert
	}{
		"nothing":                           {[]Commit{plain("a")}, []Commit{plain("b")}, nil},
		"a revert of what the branch has":   {[]Commit{revert("r", "x")}, nil, []Revert{{By: revert("r", "x"), Of: "x"}}},
		"a revert with what it reverts":     {[]Commit{plain("x"), revert("r", "x")}, nil, nil},
		"both sides reverted it":            {[]Commit{revert("r", "x")}, []Commit{revert("q", "x")}, nil},
		"a revert that was reverted":        {[]Commit{revert("r", "x"), revert("s", "r")}, nil, nil},
		"a copy of what was reverted":       {[]Commit{pick("c", "x")}, []Commit{revert("q", "x")}, []Revert{{By: pick("c", "x"), Of: "x", Again: true}}},
		"a copy of what was reverted twice": {[]Commit{pick("c", "x")}, []Commit{revert("q", "x"), revert("p", "q")}, nil},
		"a copy of what is there":           {[]Commit{pick("c", "x")}, []Commit{plain("y")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Reverts(c.brought, c.here)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A back-merge that takes something back goes by pull request, and waits for somebody who merges it.
func TestBackmergeWithRevertWaits(t *testing.T) {
	tip := strings.Repeat("c", 40)
	b := bring{
		id: "backmerge:development", sha: tip, from: "master", line: Line{Branch: "development", SHA: "d", Reverts: []Revert{{By: Commit{SHA: strings.Repeat("e", 40), Subject: "Revert \"pears\"", Author: "ann"}, Of: strings.Repeat("f", 40)}}},
		around: Backmerge{Target: "development", Branch: "backmerge/ccccccc-to-development", Tip: tip},
	}
	if got := b.steps()[0]; got.Kind != StepCutBranch {
		t.Errorf("first step %+v, want a branch", got)
	}
	b.around.Head, b.around.Pull = tip, Pull{Number: 7, Open: true, HeadSHA: tip, Head: b.around.Branch, Mergeable: Yes}
	last := func() Step { all := b.steps(); return all[len(all)-1] }
	if got := last().Blocked.String(); !strings.Contains(got, "takes fffffff back") || !strings.Contains(got, "merge pull request #7") {
		t.Errorf("blocked by %q", got)
	}
	b.around.Pull.HeadSHA = strings.Repeat("1", 40)
	if got := last(); got.Blocked != "" || got.Kind != StepMergePull {
		t.Errorf("after somebody worked on it: %+v", got)
	}
}
