package main

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/gitrepo"
)

// filesBelow are the files and links below a folder but for git's own, with what they hold and whether they can be run.
func filesBelow(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".git" && d.IsDir():
			return fs.SkipDir
		case d.IsDir() || d.Name() == ".git":
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			out[name] = "-> " + target
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		out[name] = map[bool]string{true: "x ", false: "- "}[info.Mode()&0o100 != 0] + string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sourceIn opens what "sluice run" would run in a folder.
func sourceIn(t *testing.T, dir string, c runCmd) (source, error) {
	t.Helper()
	t.Chdir(dir)
	return openSource(t.Context(), &c)
}

// Working trees are those of the server: one commit, as git keeps it, whatever the clone is and the host has configured. What was
// changed is put into them afterwards, and the clone stays as it is.
func TestWorkTree(t *testing.T) {
	w := newClones(t)
	w.git("", "init", "-q", "-b", "master", "shop")
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(w.root, "shop", name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"README.md": "one\n", "cmd/shop/main.go": "package main\n", "gone": "soon\n", "big.bin": "pointer\n", "run.sh": "#!/bin/sh\n",
		".gitignore": "out\n", ".gitattributes": "*.md text eol=crlf\n*.bin filter=twice\n",
	} {
		w.write("shop/"+name, text)
	}
	if err := os.Chmod(filepath.Join(w.root, "shop", "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	link("cmd/shop", "shop")
	link("/etc/passwd", "passwd")
	w.git("shop", "add", "-A")
	w.git("shop", "commit", "-q", "-m", "before")
	w.git("shop", "commit", "-q", "--allow-empty", "-m", "one")
	w.git("shop", "config", "--global", "filter.twice.smudge", "cat; echo smudged")
	w.git("shop", "config", "--global", "core.autocrlf", "true")
	sha := w.git("shop", "rev-parse", "HEAD")
	w.write("shop/README.md", "two\n")
	w.write("shop/new/a file \"quoted\"", "here\n")
	w.write("shop/out", "ignored\n")
	w.write("shop/staged", "staged\n")
	w.git("shop", "add", "staged")
	link("../..", "new/up")
	w.git("shop", "init", "-q", "inner")
	w.write("shop/inner/file", "of another clone\n")
	if err := os.Remove(filepath.Join(w.root, "shop", "gone")); err != nil {
		t.Fatal(err)
	}
	before := filesBelow(t, filepath.Join(w.root, "shop"))
	w.write("hooks/post-checkout", "#!/bin/sh\necho hooked >hooked\n")
	if err := os.Chmod(filepath.Join(w.root, "hooks", "post-checkout"), 0o755); err != nil {
		t.Fatal(err)
	}

	s, err := sourceIn(t, filepath.Join(w.root, "shop", "cmd"), runCmd{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"README.md", "gone", "new/a file \"quoted\"", "new/up", "staged"}, s.changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	want := map[string]string{
		"README.md": "- one\n", "cmd/shop/main.go": "- package main\n", "gone": "- soon\n", "big.bin": "- pointer\n", "run.sh": "x #!/bin/sh\n",
		".gitignore": "- out\n", ".gitattributes": "- *.md text eol=crlf\n*.bin filter=twice\n", "shop": "-> cmd/shop",
	}
	hooks := filepath.Join(w.root, "hooks")
	for name, variables := range map[string]map[string]string{ // as git itself and a shell may have set them
		"counted":    {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": hooks},
		"parameters": {"GIT_CONFIG_PARAMETERS": "'core.hooksPath'='" + hooks + "'"},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range variables {
				t.Setenv(name, value)
			}
			dir := filepath.Join(t.TempDir(), "work")
			if err := s.tree.checkOut(t.Context(), sha, dir); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, filesBelow(t, dir)); diff != "" {
				t.Errorf("the commit (-want +got):\n%s", diff)
			}
		})
	}
	dir := filepath.Join(t.TempDir(), "work")
	if err := s.tree.checkOut(t.Context(), sha, dir); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, filesBelow(t, dir)); diff != "" {
		t.Errorf("the commit (-want +got):\n%s", diff)
	}
	made := clones{t, dir}
	if got := made.git("", "rev-parse", "HEAD") + " " + made.git("", "rev-list", "--count", "HEAD") + " " + made.git("", "status", "--porcelain"); got != sha+" 1 D passwd" {
		t.Errorf("git says %q", got)
	}
	if err := gitrepo.CopyFiles(s.changed, s.root, dir); err != nil {
		t.Fatal(err)
	}
	delete(want, "gone")
	want["README.md"], want["new/a file \"quoted\""], want["staged"] = "- two\n", "- here\n", "- staged\n"
	if diff := cmp.Diff(want, filesBelow(t, dir)); diff != "" {
		t.Errorf("with what was changed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, filesBelow(t, filepath.Join(w.root, "shop"))); diff != "" {
		t.Errorf("the clone was changed (-want +got):\n%s", diff)
	}
}

// Where the objects cannot be written the error is of what could not write them, and nothing waits for the rest of them.
func TestWorkTreeThatCannotBeWritten(t *testing.T) {
	w := newClones(t)
	w.git("", "init", "-q", "-b", "master", "shop")
	large := make([]byte, 1<<20) // more than a pipe holds, compressed too
	_, _ = rand.NewChaCha8([32]byte{}).Read(large)
	w.write("shop/large", string(large))
	w.git("shop", "add", "-A")
	w.git("shop", "commit", "-q", "-m", "one")
	err := gitReader{ctx: t.Context(), dir: filepath.Join(w.root, "shop")}.send(w.git("shop", "rev-parse", "HEAD"), t.TempDir())
	var failed *gitError
	if !errors.As(err, &failed) || failed.command != "git index-pack" || !strings.Contains(failed.said, "repository") {
		t.Errorf("sent to a folder that is no repository: %v", err)
	}
}

// A run works in every kind of clone that git makes, and has the whole commit, also of what the clone lacks.
func TestRunWorksOnAnyClone(t *testing.T) {
	const spec = "version: 0.2\nphases: {build: {commands: [make]}}\n"
	cloned := func(more ...string) func(w clones) string {
		return func(w clones) string {
			w.git("", append(append([]string{"clone", "-q", "-b", "development"}, more...), w.url("shop"), "c")...)
			return "c"
		}
	}
	for name, c := range map[string]struct {
		format string
		make   func(w clones) string // where it is run
		empty  bool                  // nothing is checked out, so that all is gone
	}{
		"whole":                 {make: cloned()},
		"SHA-256":               {make: cloned(), format: "sha256"},
		"shallow":               {make: cloned("--depth=1")},
		"without blobs":         {make: cloned("--filter=blob:none")},
		"without trees":         {make: cloned("--filter=tree:0")},
		"sparse":                {make: cloned("--sparse")},
		"sparse, without blobs": {make: cloned("--sparse", "--filter=blob:none")},
		"without a checkout":    {make: cloned("--no-checkout"), empty: true},
		"borrowed objects": {make: func(w clones) string {
			w.git("", "clone", "-q", "-b", "development", "--shared", filepath.Join(w.root, "shop"), "c")
			return "c"
		}},
		"sparse by a folder": {make: func(w clones) string {
			cloned("--sparse")(w)
			w.git("c", "sparse-checkout", "set", "web")
			return "c/web"
		}},
		"linked work tree": {make: func(w clones) string {
			w.git("shop", "worktree", "add", "-q", "-b", "other", "../c", "development")
			return "c/web"
		}},
		"submodule": {make: func(w clones) string {
			w.git("", "init", "-q", "outer")
			w.git("outer", "submodule", "--quiet", "add", "-b", "development", w.url("shop"), "sub")
			return "outer/sub"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newClones(t)
			format := "sha1"
			if c.format != "" {
				format = c.format
			}
			w.write("shop/ci/build.yml", spec)
			w.origin("shop", oneApp, "--object-format="+format)
			dir := filepath.Join(w.root, c.make(w))
			s, err := sourceIn(t, dir, runCmd{Committed: c.empty})
			if err != nil {
				t.Fatal(err)
			}
			if head := w.git("shop", "rev-parse", "development"); s.sha != head || len(s.changed) > 0 {
				t.Errorf("commit %s, want %s; changed: %q", s.sha, head, s.changed)
			}
			if got, err := s.read(".github/sluice.yml"); string(got) != oneApp {
				t.Errorf("the configuration is %q, %v", got, err)
			}
			if _, err := s.read("nothing"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("what is not there: %v", err)
			}
			made := filepath.Join(t.TempDir(), "work")
			if err := s.tree.checkOut(t.Context(), s.sha, made); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{".github/sluice.yml": "- " + oneApp, "api/a": "- 2\n", "web/w": "- 2\n", "ci/build.yml": "- " + spec}
			if diff := cmp.Diff(want, filesBelow(t, made)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if left := (clones{t, made}).git("", "status", "--porcelain"); left != "" {
				t.Errorf("git says %q", left)
			}
			named, err := sourceIn(t, s.root, runCmd{Buildspec: "ci/build.yml", Committed: c.empty})
			if err != nil || named.buildspec != "ci/build.yml" {
				t.Errorf("the buildspec is %q, %v", named.buildspec, err)
			}
		})
	}
}

// What cannot be run says why, and what to do.
func TestRunThatHasNoFiles(t *testing.T) {
	w := newClones(t)
	w.origin("shop", oneApp)
	w.git("", "clone", "-q", "--bare", w.url("shop"), "bare.git")
	w.write("none/build.yml", "")
	w.write("shop/build.yml", "")
	for name, c := range map[string]struct {
		dir  string
		run  runCmd
		says string
	}{
		"bare":                         {"bare.git", runCmd{}, "this repository has no files here"},
		"no clone":                     {"none", runCmd{}, "there is no git repository here; change to one, or run a buildspec with --buildspec FILE"},
		"no clone, what was committed": {"none", runCmd{Buildspec: "build.yml", Committed: true}, "leave out --committed"},
		"what was not committed":       {"shop", runCmd{Buildspec: "build.yml", Committed: true}, "has no file build.yml; leave out --committed to run the one in the folder"},
		"what is nowhere":              {"shop", runCmd{Buildspec: "api/build.yml"}, "no such file"},
		"what is elsewhere":            {"shop", runCmd{Buildspec: "../none/build.yml"}, "is not below"},
	} {
		if _, err := sourceIn(t, filepath.Join(w.root, c.dir), c.run); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
