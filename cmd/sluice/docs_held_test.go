package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What these documents say in prose is held by scripts and tests, which each paragraph and each entry of a list names in a comment at
// its end: <!-- held by: hotfix, case_03_two_borrowers, TestDocs -->. Tables have tests of their own, and so do code and what is
// generated.
func TestProseIsHeld(t *testing.T) {
	known := namedTests(t)
	for name, least := range map[string]int{"flows.md": 12, "commands.md": 40, "configuration.md": 60} {
		data, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		statements := prose(string(data))
		if len(statements) < least {
			t.Errorf("docs/%s has %d statements, want at least %d: are they found?", name, len(statements), least)
		}
		for _, s := range statements {
			_, by, found := strings.Cut(s, "<!-- held by: ")
			by, _, closed := strings.Cut(by, " -->")
			if !found || !closed || by == "" {
				t.Errorf("docs/%s: nothing holds\n%s", name, s)
				continue
			}
			for test := range strings.SplitSeq(by, ", ") {
				if !known[test] {
					t.Errorf("docs/%s: there is no script or test %s, which is to hold\n%s", name, test, s)
				}
			}
		}
	}
}

var (
	unproven = regexp.MustCompile("(?s)<!-- generated: .*?<!-- end -->|<!-- (?:keys|models|tests|unsaid): .*?<!-- /(?:keys|models|tests|unsaid) -->|```.*?```")
	entryRE  = regexp.MustCompile(`(?m)^- `)
	// contentsRE is an entry of a table of contents.
	contentsRE = regexp.MustCompile(`^- \[[^\]]*\]\(#[^)]*\)$`)
)

// prose are the paragraphs and the entries of lists in a document, without headings, tables, code and what is generated.
func prose(document string) (statements []string) {
	for block := range strings.SplitSeq(unproven.ReplaceAllString(document, ""), "\n\n") {
		block = strings.TrimSpace(block)
		if block == "" || block[0] == '#' || block[0] == '|' {
			continue
		}
		starts := entryRE.FindAllStringIndex(block, -1)
		at := 0
		for _, s := range starts {
			if text := strings.TrimSpace(block[at:s[0]]); text != "" {
				statements = append(statements, text)
			}
			at = s[0]
		}
		statements = append(statements, block[at:])
	}
	return slices.DeleteFunc(statements, contentsRE.MatchString)
}

// namedTests are the scripts and tests of the repository by name.
func namedTests(t *testing.T) map[string]bool {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	known := map[string]bool{}
	for _, pattern := range []string{"../../test/scripts/*.txtar", "../../*/*_test.go", "../../*/*/*_test.go", "../../*/*/*/*_test.go"} {
		paths, err := filepath.Glob(filepath.FromSlash(pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if script, is := strings.CutSuffix(filepath.Base(path), ".txtar"); is {
				known[script] = true
				continue
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range function.FindAllStringSubmatch(string(data), -1) {
				known[m[1]] = true
			}
		}
	}
	return known
}

// A statement is found wherever it stands, and what is no prose is passed over.
func TestProse(t *testing.T) {
	got := prose("# Heading\n\n- [A part](#a-part)\n- [Another](#another)\n\nOne\nparagraph.\n\n| a | b |\n|---|---|\n\nA list:\n- one\n  more\n- two\n\n```sh\ncode\n\n- no\n```\n\n<!-- generated: x -->\n\nmade\n\n<!-- end -->\n\nLast.\n")
	if want := []string{"One\nparagraph.", "A list:", "- one\n  more", "- two", "Last."}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
}
