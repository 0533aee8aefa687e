package tagging

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseChange(t *testing.T) {
	for _, c := range []struct {
		name    string
		message string
		want    Change
	}{
		{"a feature", "feat: add login", Change{Type: "feat", Description: "add login"}},
		{"with scope", "fix(api): mend", Change{Type: "fix", Scope: "api", Description: "mend"}},
		{"in capitals", "Feat(API)!: Add", Change{Type: "feat", Scope: "api", Description: "Add", Breaking: true}},
		{"a space before the colon", "feat : add", Change{Type: "feat", Description: "add"}},
		{"by no convention", "Mend the build", Change{Description: "Mend the build"}},
		{"prose with a colon", "Mend the build: finally", Change{Description: "Mend the build: finally"}},
		{"a merge", "Merge pull request #12 from acme/login\n\nfeat: add", Change{Description: "Merge pull request #12 from acme/login"}},
		{"nothing", "", Change{}},
		{"blank lines first", "\n\nfeat: add\n", Change{Type: "feat", Description: "add"}},
		{"lines that end in CRLF", "feat: add\r\n\r\nbody\r\n\r\nBREAKING CHANGE: all\r\nof it\r\n",
			Change{Type: "feat", Description: "add", Breaking: true, BreakingNotes: []string{"all of it"}}},
		{"the footer with a dash", "fix: x\n\nBREAKING-CHANGE: y\n", Change{Type: "fix", Description: "x", Breaking: true, BreakingNotes: []string{"y"}}},
		{"the footer with #", "fix: x\n\nBREAKING CHANGE #y\n", Change{Type: "fix", Description: "x", Breaking: true, BreakingNotes: []string{"y"}}},
		{"the footer in small letters is none", "fix: x\n\nbreaking change: y\n", Change{Type: "fix", Description: "x"}},
		{"the footer in a sentence is none", "fix: x\n\nno BREAKING CHANGE: here\n", Change{Type: "fix", Description: "x"}},
		{"a footer in the middle of a squashed merge", "feat: a (#1)\n\n* feat: b\n\nBREAKING CHANGE: c\n\n* fix: d\n",
			Change{Type: "feat", Description: "a (#1)", Breaking: true, BreakingNotes: []string{"c"}}},
		{"a footer right below the subject", "fix: x\nBREAKING CHANGE: y\n", Change{Type: "fix", Description: "x", Breaking: true, BreakingNotes: []string{"y"}}},
		{"a footer of a message by no convention", "WIP\n\nBREAKING CHANGE: y", Change{Description: "WIP", Breaking: true, BreakingNotes: []string{"y"}}},
		{"another footer behind", "fix: x\n\nBREAKING CHANGE: y\nReviewed-by: z\nmore", Change{Type: "fix", Description: "x", Breaking: true, BreakingNotes: []string{"y"}}},
		{"a version asked for", "chore: release\n\nRelease-As: 2.0.0\n", Change{Type: "chore", Description: "release", ReleaseAs: []string{"2.0.0"}}},
		{"in small letters, twice", "x\n\nrelease-as:2.0.0\nRelease-As: v3 \n", Change{Description: "x", ReleaseAs: []string{"2.0.0", "v3"}}},
		{"quoted, it is not asked for", "x\n\n> Release-As: 2.0.0\n\n```\nRelease-As: 3.0.0\nBREAKING CHANGE: y\n```\n", Change{Description: "x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, ParseChange(c.message)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", c.message, diff)
			}
		})
	}
}

func FuzzParseChange(f *testing.F) {
	for _, s := range []string{"feat(api)!: x\n\nBREAKING CHANGE: y\n\nRelease-As: 1.0.0", "feat : x", "```", "Merge x", "\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if c := ParseChange(s); len(c.BreakingNotes) > 0 && !c.Breaking {
			t.Errorf("%q has notes about a breaking change and none", s)
		}
	})
}

func TestNothingToRelease(t *testing.T) {
	for _, c := range []struct {
		name     string
		messages []string
		want     string // empty: there is something
	}{
		{"no commits", nil, "there are no commits since the last release"},
		{"documentation", []string{"docs: a", "docs(api): b"}, "2 commits since the last release, all of them documentation"},
		{"a fix among it", []string{"docs: a", "fix: b"}, ""},
		{"any other commit", []string{"tidy up"}, ""},
		{"somebody asks for it", []string{"docs: a\n\nRelease-As: 2.0.0"}, ""},
	} {
		if got, nothing := NothingToRelease(commits(c.messages...)); got != c.want || nothing != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.name, got, nothing, c.want)
		}
	}
	if got, nothing := NothingToRelease([]Commit{{Message: "feat: x", Merge: true}}); !nothing {
		t.Errorf("a merge commit alone is something to release: %q", got)
	}
}
