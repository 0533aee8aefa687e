package gitrepo_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/gitrepo"
)

// files lists what is in a tree, links with their targets, without .git.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case name == ".git":
			return filepath.SkipDir
		case e.IsDir():
			return nil
		case e.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			out[name] = "-> " + target
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := e.Info()
		out[name] = info.Mode().Perm().String()[3:4] + " " + string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCloneOneRevision(t *testing.T) {
	w := newWork(t)
	w.write("README.md", "one\n")
	w.commit("one")
	w.write("README.md", "two\r\n")
	w.write("cmd/shop/main.go", "package main\n")
	w.write("build.sh", "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(w.dir, "build.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.link("cmd/shop", "shop")
	second := w.commit("two")
	w.write("README.md", "three\n")
	w.commit("three")
	w.git("checkout", "-q", "-b", "release/1.4.0", second)
	w.write("notes", "candidate\n")
	candidate := w.commit("candidate")
	w.allowAnySHA()
	server := serve(t, w, nil)

	two := map[string]string{
		"README.md": "- two\r\n", "cmd/shop/main.go": "- package main\n", "build.sh": "x #!/bin/sh\n", "shop": "-> cmd/shop",
	}
	withNotes := map[string]string{"notes": "- candidate\n"}
	for k, v := range two {
		withNotes[k] = v
	}
	for name, tc := range map[string]struct {
		sha  string
		want map[string]string
	}{
		"the head of a branch":    {candidate, withNotes},
		"a commit that is a past": {second, two},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "work")
			rev, err := server.cloner.Clone(t.Context(), server.source(tc.sha), dir)
			if err != nil {
				t.Fatal(err)
			}
			want := gitrepo.Revision{SHA: tc.sha, CommitTime: time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)}
			if diff := cmp.Diff(want, rev); diff != "" {
				t.Errorf("revision (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, files(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			// The git program sees a clean clone with this one commit.
			clone := work{t, dir}
			got := []string{clone.git("rev-parse", "HEAD"), clone.git("status", "--porcelain"), clone.git("rev-list", "--count", "HEAD"), clone.git("fsck", "--strict")}
			if diff := cmp.Diff([]string{tc.sha, "", "1", ""}, got); diff != "" {
				t.Errorf("git says (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCloneIntoAFolderThatIsThere(t *testing.T) {
	w := newWork(t)
	sha := w.commit("one")
	server := serve(t, w, nil)
	dir := t.TempDir()
	if _, err := server.cloner.Clone(t.Context(), server.source(sha), dir); err != nil {
		t.Errorf("into an empty folder: %v", err)
	}
	before := files(t, dir)
	_, err := server.cloner.Clone(t.Context(), server.source(sha), dir)
	if err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("into a folder that is not empty: %v", err)
	}
	if diff := cmp.Diff(before, files(t, dir)); diff != "" {
		t.Errorf("and changed it (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(dir, ".git", "HEAD")); err != nil {
		t.Errorf("and removed the clone: %v", err)
	}
}

// A link that stays within the tree is made; one that leads out of it, straight or by way of others, is not.
func TestCloneLeavesOutLinksThatLeadOut(t *testing.T) {
	w := newWork(t)
	w.write("a/b/c/file", "x")
	w.link("a/b/c", "deep")
	w.link("../../../file", "a/b/c/up") // from a/b/c that is the tree's root: inside
	w.link("missing", "dangling")
	w.link("/etc/passwd", "absolute")
	w.link("../outside", "parent")
	w.link("../../../../etc", "a/b/c/far")
	w.link("..", "a/root")
	w.link("a/root/../secret", "hidden") // looks like a/secret, is next to the tree
	w.link("parent", "second")
	w.link(".", "self")
	sha := w.commit("links")
	server := serve(t, w, nil)
	dir := filepath.Join(t.TempDir(), "work")
	rev, err := server.cloner.Clone(t.Context(), server.source(sha), dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a/b/c/far", "absolute", "hidden", "parent", "second"}, rev.LeftOut); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	want := map[string]string{
		"a/b/c/file": "- x", "a/b/c/up": "-> ../../../file", "deep": "-> a/b/c", "dangling": "-> missing", "a/root": "-> ..", "self": "-> .",
	}
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestCloneFetchesNoSubmodule(t *testing.T) {
	w := newWork(t)
	w.write(".gitmodules", "[submodule \"lib\"]\n\tpath = third/lib\n\turl = file:///etc\n")
	w.git("update-index", "--add", "--cacheinfo", "160000,1111111111111111111111111111111111111111,third/lib")
	w.git("add", ".gitmodules")
	w.git("commit", "-q", "-m", "submodule")
	server := serve(t, w, nil)
	dir := t.TempDir()
	rev, err := server.cloner.Clone(t.Context(), server.source(w.git("rev-parse", "HEAD")), dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"third/lib"}, rev.Submodules); diff != "" {
		t.Errorf("submodules (-want +got):\n%s", diff)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "third", "lib"))
	if err != nil || len(entries) != 0 {
		t.Errorf("its folder: %v %v", entries, err)
	}
}

// Trees that the git program would not make, but a stranger can push.
func TestCloneHostileTrees(t *testing.T) {
	for name, build := range map[string]func(w work, blob, evil string) string{
		"a file in .git": func(w work, blob, _ string) string {
			hooks := w.gitIn("100755 blob "+blob+"\tpost-checkout\n", "mktree")
			dot := w.gitIn("040000 tree "+hooks+"\thooks\n", "mktree")
			return w.gitIn("040000 tree "+dot+"\t.git\n", "mktree")
		},
		"a file in .GIT": func(w work, blob, _ string) string {
			dot := w.gitIn("100644 blob "+blob+"\tconfig\n", "mktree")
			return w.gitIn("040000 tree "+dot+"\t.GIT\n", "mktree")
		},
		"a file above": func(w work, blob, _ string) string {
			up := w.gitIn("100644 blob "+blob+"\tescaped\n", "mktree")
			return w.gitIn("040000 tree "+up+"\t..\n", "mktree")
		},
		"through a link of the same name": func(w work, blob, evil string) string {
			dir := w.gitIn("100644 blob "+blob+"\tescaped\n", "mktree")
			return w.gitIn("120000 blob "+evil+"\tx\n040000 tree "+dir+"\tx\n", "mktree")
		},
		".gitmodules is a link": func(w work, _, evil string) string {
			return w.gitIn("120000 blob "+evil+"\t.gitmodules\n", "mktree")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t)
			blob := w.gitIn("[core]\n\tpager = false\n", "hash-object", "-w", "--stdin")
			evil := w.gitIn("..", "hash-object", "-w", "--stdin")
			commit := w.git("commit-tree", "-m", "evil", build(w, blob, evil))
			w.git("update-ref", "refs/heads/evil", commit)
			server := serve(t, w, nil)
			parent := t.TempDir()
			dir := filepath.Join(parent, "work")
			_, err := server.cloner.Clone(t.Context(), server.source(commit), dir)
			t.Logf("clone says: %v", err)

			around, readErr := os.ReadDir(parent)
			if readErr != nil || len(around) != 1 {
				t.Errorf("beside the clone: %v %v", around, readErr)
			}
			for _, path := range []string{".git/hooks/post-checkout", ".GIT/config", "escaped"} {
				if _, err := os.Lstat(filepath.Join(dir, path)); err == nil {
					t.Errorf("%s was written", path)
				}
			}
		})
	}
}

// What the host's user has configured does not change a clone.
func TestCloneReadsNoConfigurationOfTheHost(t *testing.T) {
	w := newWork(t)
	w.write("text", "a\nb\n")
	w.write(".gitattributes", "text text eol=crlf filter=evil\n")
	sha := w.commit("one")
	server := serve(t, w, nil)
	home := t.TempDir()
	ran := filepath.Join(home, "ran")
	conf := "[core]\n\tautocrlf = true\n\thooksPath = " + home + "\n[filter \"evil\"]\n\tsmudge = touch " + ran + "\n[url \"file:///nowhere/\"]\n\tinsteadOf = " + server.URL + "/\n[credential]\n\thelper = !touch " + ran + "\n"
	for name, content := range map[string]string{".gitconfig": conf, "post-checkout": "#!/bin/sh\ntouch " + ran + "\n"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	dir := t.TempDir()
	if _, err := server.cloner.Clone(t.Context(), server.source(sha), dir); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir)["text"]; got != "- a\nb\n" {
		t.Errorf("text is %q", got)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a program was run")
	}
}
