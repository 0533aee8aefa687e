package gitrepo_test

import (
	"os"
	"path/filepath"
	"strings"
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

func TestOpenLocal(t *testing.T) {
	w := newWork(t)
	w.write("sub/deep/file", "x")
	sha := w.commit("one")
	linked := filepath.Join(t.TempDir(), "linked")
	w.git("worktree", "add", "-q", "-b", "other", linked)
	for name, tc := range map[string]struct{ dir, root string }{
		"the root":           {w.dir, w.dir},
		"a folder in it":     {filepath.Join(w.dir, "sub", "deep"), w.dir},
		"a linked work tree": {linked, linked},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := gitrepo.OpenLocal(tc.dir)
			if err != nil {
				t.Fatal(err)
			}
			if l.Root() != tc.root {
				t.Errorf("the root is %s, want %s", l.Root(), tc.root)
			}
			made := t.TempDir()
			if _, err := l.CheckOut(t.Context(), sha, made); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(made, "sub", "deep", "file")); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := gitrepo.OpenLocal(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not in a git repository") {
		t.Errorf("no repository: %v", err)
	}
}
