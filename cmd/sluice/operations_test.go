package main

import (
	"fmt"
	"net/http"
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

// What cannot be handled is counted for whoever watches, and stops nothing: the server is well, and the repository's next
// delivery is handled.
func TestDeadLettersAreCounted(t *testing.T) {
	n := newNear(t, "")
	count := func(want string) {
		t.Helper()
		if _, text := probe(t, n.admin+"/metrics"); !strings.Contains(text, "\nsluice_queue_dead_letters "+want+"\n") {
			t.Errorf("/metrics does not say sluice_queue_dead_letters %s", want)
		}
	}
	count("0")
	body := fmt.Appendf(nil, `{"action":"opened","number":1,"pull_request":{},"installation":{"id":1},"repository":{"id":%d,"name":"shop","full_name":%q,"owner":{"login":"acme"}}}`,
		n.repo.ID(), flowRepo)
	if status, err := (parcel{n.public, "pull_request", "00000000-0000-4000-8000-00000000000c", body}).post(t.Context()); err != nil || status != http.StatusAccepted {
		t.Fatalf("it is answered %d, %v", status, err)
	}
	n.idle()
	count("1")
	readyIs(t, n.admin, http.StatusOK, "ok")
	_, sha := n.push()
	n.check(sha)
}
