package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/operations.md names every metric there is, and none that there is not.
func TestDocumentedMetricsExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := newNear(t, "")
	n.push()
	n.idle()
	families, err := n.srv.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var exist []string
	for _, f := range families {
		if name := f.GetName(); strings.HasPrefix(name, "sluice_") {
			exist = append(exist, name)
		}
	}
	named := map[string]bool{}
	for _, name := range regexp.MustCompile(`\bsluice_[a-z_]+`).FindAllString(string(text), -1) {
		named[strings.TrimSuffix(name, "_bucket")] = true
	}
	for name := range named {
		if !slices.Contains(exist, name) {
			t.Errorf("docs/operations.md names %s, which does not exist", name)
		}
	}
	for _, name := range exist {
		if !named[name] {
			t.Errorf("docs/operations.md does not name %s", name)
		}
	}
	for _, result := range []string{"accepted", "duplicate", "full", "no-room", "unavailable", "unsure", "failed", "too-slow", "wrong-signature"} {
		found := false
		for _, f := range families {
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					found = found || l.GetName() == "result" && l.GetValue() == result
				}
			}
		}
		if !found {
			t.Errorf("no request is counted with the result %q", result)
		}
	}
}
