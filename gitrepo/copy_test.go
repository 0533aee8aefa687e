package gitrepo_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/gitrepo"
)

func TestCopyFiles(t *testing.T) {
	from, to := newWork(t), newWork(t)
	from.write("changed", "two\n")
	from.write("new/file", "here\n")
	from.write("not named", "x\n")
	from.write("now/a/folder", "y\n")
	from.link("changed", "within")
	from.link("../..", "new/up")
	from.link("/etc/passwd", "passwd")
	if err := os.Mkdir(filepath.Join(from.dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	to.write("changed", "one\n")
	to.write("gone", "soon\n")
	to.write("stays", "here\n")
	to.write("now/a", "a file\n")
	to.write("folder/file", "in it\n")
	names := []string{"changed", "folder", "gone", "new/file", "new/up", "now/a", "now/a/folder", "passwd", "within"}
	if err := gitrepo.CopyFiles(names, from.dir, to.dir); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"changed": "- two\n", "new/file": "- here\n", "now/a/folder": "- y\n", "stays": "- here\n", "within": "-> changed"}
	if diff := cmp.Diff(want, files(t, to.dir)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := gitrepo.CopyFiles([]string{"../outside"}, from.dir, to.dir); err == nil {
		t.Error("a file out of the folder is copied")
	}
}
