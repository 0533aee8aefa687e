package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	fencedRE  = regexp.MustCompile("(?s)```.*?```")
	headingRE = regexp.MustCompile(`(?m)^#+ (.+)$`)
	sectionRE = regexp.MustCompile(`(?m)^## (.+)$`)
	contentRE = regexp.MustCompile(`(?m)^- \[([^\]]+)\]\(#[^)]+\)$`)
	linkRE    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	notSlugRE = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// documents are the texts of all documents without their code, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..")
	paths, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	paths = append(paths, filepath.Join(root, "README.md"), filepath.Join(root, "ARCHITECTURE.md"), filepath.Join(root, "CHANGELOG.md"))
	out := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out[path] = fencedRE.ReplaceAllString(string(text), "")
	}
	return out
}

// A document that begins with a list of its sections lists all of them, in their order.
func TestDocsContents(t *testing.T) {
	found := 0
	for path, text := range documents(t) {
		opening, _, _ := strings.Cut(text, "\n## ")
		listed := first(contentRE.FindAllStringSubmatch(opening, -1))
		if len(listed) == 0 {
			continue
		}
		found++
		if diff := cmp.Diff(first(sectionRE.FindAllStringSubmatch(text, -1)), listed); diff != "" {
			t.Errorf("%s: the list at its beginning (-sections +listed):\n%s", path, diff)
		}
	}
	if found < 2 {
		t.Errorf("%d documents have a list of their sections", found)
	}
}

// A link from one document to another, or to a section, leads somewhere.
func TestDocsLinks(t *testing.T) {
	all := documents(t)
	links := 0
	for path, text := range all {
		for _, to := range first(linkRE.FindAllStringSubmatch(text, -1)) {
			if strings.Contains(to, "://") {
				continue
			}
			links++
			file, section, _ := strings.Cut(to, "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: link to %s: %v", path, to, err)
			}
			if section != "" && !hasSection(all[target], section) {
				t.Errorf("%s: link to %s: there is no such section", path, to)
			}
		}
	}
	if links < 30 {
		t.Errorf("%d links were found, which cannot be all", links)
	}
}

// hasSection tells whether a heading of a text gets the anchor that GitHub makes of it.
func hasSection(text, anchor string) bool {
	for _, h := range first(headingRE.FindAllStringSubmatch(text, -1)) {
		if strings.ReplaceAll(notSlugRE.ReplaceAllString(strings.ToLower(h), ""), " ", "-") == anchor {
			return true
		}
	}
	return false
}

// first is the first group of each match.
func first(matches [][]string) []string {
	var out []string
	for _, m := range matches {
		out = append(out, m[1])
	}
	return out
}
