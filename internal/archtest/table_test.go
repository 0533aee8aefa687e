package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var codeRE = regexp.MustCompile("`([^`]+)`")

// TestTheTableIsWrittenDown holds the table of ARCHITECTURE.md to the one here, and both to the packages there are.
func TestTheTableIsWrittenDown(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "| package | owns | imports of ours |\n|---|---|---|\n")
	table, _, _ := strings.Cut(after, "\n\n")
	written, rows := map[string][]string{}, map[string][]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 3 {
			t.Fatalf("a line of %d cells: %s", len(cells), line)
		}
		ours := codes(cells[2])
		switch what := strings.TrimSpace(cells[2]); {
		case what == "any":
			ours = []string{"*"}
		case strings.HasPrefix(what, "the words"):
			ours = append(ours, top...)
		}
		slices.Sort(ours)
		for _, name := range codes(cells[0]) {
			written[name] = ours
		}
	}
	for name, r := range house {
		rows[name] = slices.Sorted(slices.Values(r.ours))
	}
	if diff := cmp.Diff(rows, written); diff != "" {
		t.Errorf("the table of ARCHITECTURE.md (-here +written):\n%s", diff)
	}
	for name := range house {
		below, pattern := strings.CutSuffix(name, "*")
		if !slices.ContainsFunc(files(t), func(f *file) bool { return f.folder == name || pattern && strings.HasPrefix(f.folder, below) }) {
			t.Errorf("there is no package %s", name)
		}
	}
}

// codes are what stands in code spans.
func codes(cell string) []string {
	var out []string
	for _, m := range codeRE.FindAllStringSubmatch(cell, -1) {
		out = append(out, m[1])
	}
	return out
}
