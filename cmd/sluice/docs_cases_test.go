package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Each case of docs/flows.md has a test that is named after it, and each such test has its case.
func TestEveryCaseHasATest(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "flows.md"))
	if err != nil {
		t.Fatal(err)
	}
	cases := map[int]int{}
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		cases[n] = 0
	}
	if len(cases) != 44 {
		t.Errorf("docs/flows.md has %d cases, want 44", len(cases))
	}
	named := regexp.MustCompile(`(?m)^func Test(?:\w*_)?Case(\d\d)|^case_(\d\d)_`)
	err = filepath.WalkDir(filepath.Join("..", ".."), func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		text := ""
		switch {
		case strings.HasSuffix(path, ".txtar"):
			text = d.Name()
		case strings.HasSuffix(path, "_test.go"):
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = string(data)
		}
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			n, err := strconv.Atoi(m[1] + m[2])
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if _, known := cases[n]; !known {
				t.Errorf("%s: docs/flows.md has no case %d", path, n)
			}
			cases[n]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for n, tests := range cases {
		if tests == 0 {
			t.Errorf("case %d of docs/flows.md has no test named case_%02d_… or TestCase%02d…", n, n, n)
		}
	}
}
