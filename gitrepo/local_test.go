package gitrepo_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/gitrepo"
)

func TestLocalWorkingTree(t *testing.T) {
	w := newWork(t)
	w.write("README.md", "one\n")
	w.write("cmd/shop/main.go", "package main\n")
	w.write("gone", "soon\n")
	w.write(".gitignore", "out\n")
	w.link("cmd/shop", "shop")
	w.link("/etc/passwd", "passwd")
	sha := w.commit("one")
	w.write("README.md", "two\n")
	w.write("new/file", "here\n")
	w.write("out", "ignored\n")
	w.link("../..", "new/up")
	if err := os.Remove(filepath.Join(w.dir, "gone")); err != nil {
		t.Fatal(err)
	}
	before := files(t, w.dir)

	l, err := gitrepo.OpenLocal(filepath.Join(w.dir, "cmd"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "work")
	rev, err := l.CheckOut(t.Context(), sha, dir)
	if err != nil {
		t.Fatal(err)
	}
	committed := map[string]string{
		"README.md": "- one\n", "cmd/shop/main.go": "- package main\n", "gone": "- soon\n", ".gitignore": "- out\n", "shop": "-> cmd/shop",
	}
	if diff := cmp.Diff(committed, files(t, dir)); diff != "" {
		t.Errorf("the commit (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"passwd"}, rev.LeftOut); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	clone := work{t, dir}
	if got := clone.git("rev-parse", "HEAD") + " " + clone.git("rev-list", "--count", "HEAD"); got != sha+" 1" {
		t.Errorf("git says %s", got)
	}

	changed, err := l.Changed()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"README.md", "gone", "new/file", "new/up"}, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if err := gitrepo.CopyFiles(changed, l.Root(), dir); err != nil {
		t.Fatal(err)
	}
	now := map[string]string{
		"README.md": "- two\n", "cmd/shop/main.go": "- package main\n", "new/file": "- here\n", ".gitignore": "- out\n", "shop": "-> cmd/shop",
	}
	if diff := cmp.Diff(now, files(t, dir)); diff != "" {
		t.Errorf("with what was changed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, files(t, w.dir)); diff != "" {
		t.Errorf("the clone was changed (-want +got):\n%s", diff)
	}
}

func TestLocalOfNothing(t *testing.T) {
	if _, err := gitrepo.OpenLocal(t.TempDir()); err == nil {
		t.Error("a folder outside of git was opened")
	}
}
