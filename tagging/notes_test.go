package tagging

import (
	"flag"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func orders140(t testing.TB) Notes {
	return Notes{
		Version: mustVersion(t, "1.4.0"),
		PullRequests: []NotedPull{
			{Number: 12, Title: "feat(api): list orders by day (#12)", Author: "mona"},
			{Number: 13, Title: "fix: round prices", Body: "Prices were cut.\r\n\r\nBREAKING CHANGE: prices have two digits", Author: "Hubot"},
			{Number: 14, Title: "Add a script", Author: "octocat"},
			{Number: 15, Title: "build(deps): bump lodash from 4.17.20 to 4.17.21", Author: "dependabot[bot]", Bot: true},
			{Number: 16, Title: "perf: cache", Author: "mona"},
			{Number: 17, Title: `Revert "feat: add basket"`, Author: "mona"},
			{Number: 18, Title: "security: close the door", Author: "octocat"},
			{Number: 19, Title: "refactor!: drop v1 of the API", Author: "octocat"},
		},
		Commits: []Commit{
			{SHA: testSHA, Message: "feat(api): list orders by day (#12)", Author: "mona"},
			{SHA: testSHA, Message: "feat!: list\n\nBREAKING CHANGE: the day is required", Author: "ghost", PullRequest: 12},
			{SHA: testSHA, Message: "Merge pull request #14 from acme/script", Merge: true},
			{SHA: testSHA, Message: "fix: straight to the branch", AuthorName: "Ada Lovelace"},
		},
		RepoURL:  "https://github.com/acme/orders",
		Previous: "v1.3.0", Current: "v1.4.0",
		Image: "registry.example/orders:1.4.0@sha256:" + strings.Repeat("ab", 32),
	}
}

func TestNotes(t *testing.T) {
	golden(t, "notes.golden", orders140(t).Markdown())
}

func TestNotesOfHostilePeople(t *testing.T) {
	golden(t, "notes-hostile.golden", Notes{
		PullRequests: []NotedPull{
			{Number: 1, Title: "fix: thanks @acme/admins, fixes #7, closes acme/orders#8 and GH-9 gh-10", Author: "mona"},
			{Number: 2, Title: "feat: [click](javascript:alert(1)) <img src=x onerror=alert(1)> ![](http://evil.example/x.png)", Author: "mona"},
			{Number: 3, Title: "# heading", Author: "mona"},
			{Number: 4, Title: "1. list", Author: "mona"},
			{Number: 5, Title: "- [ ] task", Author: "mona"},
			{Number: 6, Title: "two\nlines\r\n\r\n# three", Author: "mona"},
			{Number: 7, Title: "safe \u202egnp.exe\u2066 \u200bzero \x1b[31mred\x07 \u00a0 tab\there", Author: "mona"},
			{Number: 8, Title: "`code` **bold** _it_ ~~gone~~ | a | $x$ \\ &lt;", Author: "mona"},
			{Number: 9, Title: "see https://github.com/acme/orders/issues/7, www.evil.example and WWW.evil.example", Author: "mona"},
			{Number: 10, Title: "feat(@octocat)!: scope", Body: "BREAKING CHANGE: fixes #3 @octocat <!-- hidden -->", Author: "mona"},
			{Number: 11, Title: "\xff\xfe bytes", Author: "mona"},
			{Number: 12, Title: "", Author: "evil](http://x)"},
		},
		RepoURL: "https://github.com/acme/orders", Current: "a`b](x)/(c)", Previous: "v1",
	}.Markdown())
}

func TestNotesWithout(t *testing.T) {
	first := Notes{RepoURL: "https://github.com/acme/orders/", Current: "v0.1.0"}.Markdown()
	want := "No changes are listed for this release.\n\n**All changes:** [`v0.1.0`](https://github.com/acme/orders/commits/v0.1.0), the first release\n"
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("the first release (-want +got):\n%s", diff)
	}
	plain := Notes{PullRequests: []NotedPull{{Number: 1, Title: "fix: x", Author: "mona"}}, Previous: "v1", Current: "v2"}.Markdown()
	want = "### Fixes\n\n- x (#1) by mona\n\n**Contributors:** mona\n"
	if diff := cmp.Diff(want, plain); diff != "" {
		t.Errorf("without the repository's page (-want +got):\n%s", diff)
	}
}

func TestNotesKeepTheirLimit(t *testing.T) {
	n := orders140(t)
	for i := range 3000 {
		n.PullRequests = append(n.PullRequests, NotedPull{Number: 100 + i, Title: "feat: " + strings.Repeat("é", 400), Author: "mona" + strings.Repeat("x", i%500)})
	}
	got := n.Markdown()
	if len(got) > DefaultNotesLimit || len(got) < DefaultNotesLimit*9/10 {
		t.Errorf("the notes have %d bytes, the limit is %d", len(got), DefaultNotesLimit)
	}
	for _, want := range []string{"### Breaking changes", "… and ", " more of 3009 changes.", "**All changes:**", " and 403 more"} {
		if !strings.Contains(got, want) {
			t.Errorf("the notes do not hold %q", want)
		}
	}
}

// TestEscapedTextIsHarmless looks for what GitHub would act on, in a rendering that is done here as far as it matters:
// entities decoded, backslash escapes removed.
func TestEscapedTextIsHarmless(t *testing.T) {
	pieces := rapid.SampledFrom([]string{"@octocat", "#12", "fixes ", "GH-1", "gh-2", "://", "www.", "http", "\u202e", "\n", "\x1b", "<b>", "`", "[x](y)", "\\", " ", "-", "1.", "é", "a"})
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(pieces, 0, 12).Draw(t, "pieces"), "")
		got := EscapeMarkdown(s)
		lower := strings.ToLower(got)
		for _, bad := range []string{"@o", "#1", "gh-1", "gh-2", "://", "www.", "\u202e", "\n", "\x1b", "<", ">"} {
			if strings.Contains(lower, bad) {
				t.Fatalf("EscapeMarkdown(%q) = %q, which holds %q", s, got, bad)
			}
		}
		for i, r := range got { // a backslash in front of every character that formats
			if strings.ContainsRune("`[]*_", r) && (i == 0 || got[i-1] != '\\') {
				t.Fatalf("EscapeMarkdown(%q) = %q: %q is not escaped", s, got, r)
			}
		}
	})
}

func TestCodeSpan(t *testing.T) {
	for s, want := range map[string]string{
		"":            "(empty)",
		"plain":       "`plain`",
		"a`b":         "`` a`b ``",
		"``":          "``` `` ```",
		" a ":         "`  a  `",
		"a\nb":        "`a b`",
		"x\u202ey":    "`x[U+202E]y`",
		"@octocat #1": "`@octocat #1`",
	} {
		if got := codeSpan(s); got != want {
			t.Errorf("codeSpan(%q) = %q, want %q", s, got, want)
		}
	}
}

func BenchmarkNotes(b *testing.B) {
	b.ReportAllocs()
	n := orders140(b)
	for b.Loop() {
		n.Markdown()
	}
}

// What is changed and taken back within one release is no change; taken back twice it is one.
func TestNotesCancelReverts(t *testing.T) {
	pulls := func(titles ...string) []NotedPull {
		var out []NotedPull
		for i, title := range titles {
			title, body, _ := strings.Cut(title, "|")
			out = append(out, NotedPull{Number: i + 1, Title: title, Body: body, Author: "mona"})
		}
		return out
	}
	tests := []struct {
		name     string
		notes    Notes
		has, not []string
	}{
		{
			"by title", Notes{PullRequests: pulls("feat: basket", `Revert "feat: basket"`, "fix: prices")},
			[]string{"### Changed and taken back\n\n- feat: basket (#1), taken back by (#2)", "### Fixes\n\n- prices (#3)"}, []string{"### Features", "### Reverts"},
		},
		{
			"by number", Notes{PullRequests: pulls("feat: basket", "No basket|Reverts acme/orders#1\r\n")},
			[]string{"taken back by (#2)", "No changes are listed"}, []string{"### Features"},
		},
		{
			"a revert that was reverted", Notes{PullRequests: pulls("feat: basket", `Revert "feat: basket"`, `Revert "Revert "feat: basket""`)},
			[]string{"### Features\n\n- basket (#1)", `- Revert "feat: basket" (#2), taken back by (#3)`}, []string{"### Reverts"},
		},
		{
			"of an earlier release", Notes{PullRequests: pulls(`Revert "feat: basket"`)}, []string{"### Reverts"}, []string{"taken back"},
		},
		{
			"commits", Notes{Commits: []Commit{
				{SHA: strings.Repeat("a", 40), Message: "feat: basket"},
				{SHA: strings.Repeat("b", 40), Message: "Revert \"feat: basket\"\n\nThis reverts commit " + strings.Repeat("a", 40) + "."},
			}}, []string{"- feat: basket (`aaaaaaa`), taken back by (`bbbbbbb`)"}, []string{"### Features"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.notes.Markdown()
			for _, want := range tt.has {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
			for _, no := range tt.not {
				if strings.Contains(got, no) {
					t.Errorf("%q in\n%s", no, got)
				}
			}
		})
	}
}

func TestNotesNameIssuesAndNewcomers(t *testing.T) {
	got := Notes{
		RepoURL: "https://github.com/acme/orders", PullRequests: []NotedPull{
			{Number: 1, Title: "fix: ABC-12 round prices, UTF-8", Branch: "fix/XY-3-prices", Author: "mona", First: true,
				Body: "Fixes #7, closes acme/other#8.\nresolved https://github.com/acme/orders/issues/9\n```\nfixes #10\n```\nprefixes #11"},
			{Number: 2, Title: "build: bump", Author: "dependabot[bot]", Bot: true, First: true},
			{Number: 3, Title: "fix: sums", Author: "noor", Body: "Closes #12"},
		},
		Commits: []Commit{
			{SHA: testSHA, Message: "fix: XY-4 add up\n\nFixes #20\n```\nfixes #10\n```", Author: "mona"},
			{SHA: testSHA, Message: "fix: sum\n\nCloses #12, closes #21", Author: "noor", PullRequest: 3},
		},
	}.Markdown()
	for _, want := range []string{
		"by mona, for [#7](https://github.com/acme/orders/issues/7), `acme/other#8`, [#9](https://github.com/acme/orders/issues/9), ABC-12, XY-3\n",
		"by mona, for [#20](https://github.com/acme/orders/issues/20), XY-4\n",
		"by noor, for [#12](https://github.com/acme/orders/issues/12), [#21](https://github.com/acme/orders/issues/21)\n",
		"**First contribution:** mona ([#1](https://github.com/acme/orders/pull/1))\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "#10") || strings.Contains(got, "#11") {
		t.Errorf("quoted or unrelated numbers in\n%s", got)
	}
}
