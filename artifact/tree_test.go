package artifact

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func treeOf(t *testing.T, dir string, owners ...int) *Tree {
	t.Helper()
	tree, err := OpenTree(dir, owners...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	return tree
}

func TestATreeIsNoLinkToOne(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Symlink("/etc", filepath.Join(dir, "link")), os.WriteFile(filepath.Join(dir, "file"), nil, 0o600),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"link": "this is a link", "file": "this is a file", "pipe": "this is a named pipe", "none": "no such file"} {
		if tree, err := OpenTree(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", name, tree, err, want)
		}
	}
}

// Nothing in a tree leads out of it or blocks.
func TestWhatIsReadOfATree(t *testing.T) {
	outside := write(t, map[string]string{"secret": "of-the-server"})
	dir := write(t, map[string]string{
		"a": "text", "in": "->a", "out": "->" + outside + "/secret", "above": "->../../../../etc/passwd", "folder/b": "b", "linked": "->" + outside,
	})
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600), syscall.Mknod(filepath.Join(dir, "socket"), syscall.S_IFSOCK|0o600, 0)); err != nil {
		t.Fatal(err)
	}
	tree := treeOf(t, dir)
	for name, want := range map[string]struct{ text, err, own string }{
		"a":             {"text", "", ""},
		"in":            {"text", "", "is a link"},
		"out":           {"", "escapes", "escapes"},
		"above":         {"", "escapes", "escapes"},
		"../a":          {"", "escapes", "escapes"},
		"linked/secret": {"", "escapes", "escapes"},
		"pipe":          {"", "is a named pipe, not a file", "is a named pipe"},
		"socket":        {"", "is a socket, not a file", "is a socket"},
		"folder":        {"", "is a folder, not a file", "is a folder"},
		"folder/b":      {"b", "", ""},
	} {
		text, err := tree.Read(name, 10)
		if string(text) != want.text || (err == nil) != (want.err == "") || err != nil && !strings.Contains(err.Error(), want.err) {
			t.Errorf("%s: %q, %v; want %q, %q", name, text, err, want.text, want.err)
		}
		if _, err := tree.ReadOwn(name, 10); (err == nil) != (want.own == "") || err != nil && !strings.Contains(err.Error(), want.own) {
			t.Errorf("%s, which may be no link: %v, want %q", name, err, want.own)
		}
	}
	for most, ok := range map[int64]bool{3: false, 4: true} {
		if _, err := tree.Read("a", most); (err == nil) != ok {
			t.Errorf("4 bytes where there may be %d: %v", most, err)
		}
	}
}

// A file of somebody else's that a build gives a second name is not the build's to hand on.
func TestAHardLinkToAForeignFile(t *testing.T) {
	outside, dir := write(t, map[string]string{"secret": "of-the-server"}), write(t, map[string]string{"single": "a"})
	if err := os.Link(filepath.Join(outside, "secret"), filepath.Join(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		owners []int
		ok     bool
	}{"nobody is named": {nil, true}, "the build's own": {[]int{os.Getuid()}, true}, "somebody else's": {[]int{os.Getuid() + 1}, false}} {
		tree := treeOf(t, dir, tc.owners...)
		if _, err := tree.Read("linked", 100); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := tree.Read("single", 100); err != nil {
			t.Errorf("%s: a file with one name: %v", name, err)
		}
		if _, err := open(t, Limits{}).Save(t.Context(), "app", tree, []File{{Path: "linked"}}, commit); (err == nil) != tc.ok || errors.Is(err, ErrUnfit) == tc.ok {
			t.Errorf("%s: saved: %v", name, err)
		}
	}
}

func TestWalk(t *testing.T) {
	dir := write(t, map[string]string{"b": "", "a/x": "", "a/y": "", "skipped/z": "", "link": "->a", "c/d/e": ""})
	tree := treeOf(t, dir)
	names := func(from string) (out []string, err error) {
		err = tree.Walk(t.Context(), from, func(name string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			out = append(out, name)
			if name == "skipped" {
				return fs.SkipDir
			}
			return nil
		})
		return out, err
	}
	for from, want := range map[string][]string{
		".": {"a", "a/x", "a/y", "b", "c", "c/d", "c/d/e", "link", "skipped"}, "c": {"c/d", "c/d/e"}, "link": {"link/x", "link/y"},
	} {
		got, err := names(from)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", from, err, diff)
		}
	}
	if _, err := names("nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tree.Walk(ended, ".", func(string, fs.DirEntry, error) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, strings.Repeat("n/", maxTreeDepth+2)), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := names("."); err == nil || !strings.Contains(err.Error(), "is deeper than 200 folders") {
		t.Errorf("%v", err)
	}
}
