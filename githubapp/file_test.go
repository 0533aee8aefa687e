package githubapp

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

func TestFile(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	large := strings.Repeat("x", maxFile+1)
	w.commit("release/1.4.0", map[string]string{
		".github/sluice.yml": "version: 1\n# ü\n", "large.txt": large, "just.txt": large[:maxFile], "odd name+%.txt": "odd\n",
	})
	// A symbolic link and a submodule, which only the low-level routes make.
	var tree, commit struct{ SHA string }
	text := "../README.md"
	w.boss("POST", "/repos/acme/shop/git/trees", map[string]any{"base_tree": w.repo.SHA("release/1.4.0"), "tree": []any{
		map[string]any{"path": ".github/link.yml", "mode": "120000", "type": "blob", "content": text},
		map[string]any{"path": "linked", "mode": "120000", "type": "blob", "content": ".github"},
		map[string]any{"path": "vendor", "mode": "160000", "type": "commit", "sha": w.master},
	}}, &tree)
	w.boss("POST", "/repos/acme/shop/git/commits", map[string]any{"message": "odd", "tree": tree.SHA, "parents": []string{w.repo.SHA("release/1.4.0")}}, &commit)
	w.must(w.repo.SetRef("refs/heads/release/1.4.0", commit.SHA))

	for _, ref := range []string{"release/1.4.0", commit.SHA} {
		data, err := w.gh.File(w.ctx(), ".github/sluice.yml", ref)
		w.must(err)
		equal(t, "version: 1\n# ü\n", string(data))
	}
	data, err := w.gh.File(w.ctx(), "just.txt", "release/1.4.0")
	w.must(err)
	equal(t, maxFile, len(data))
	data, err = w.gh.File(w.ctx(), "odd name+%.txt", "release/1.4.0")
	w.must(err)
	equal(t, "odd\n", string(data))

	for path, want := range map[string]error{
		".github":                     &forge.NotAFileError{Path: ".github", Type: "dir"},
		".github/link.yml":            &forge.NotAFileError{Path: ".github/link.yml", Type: "symlink"},
		"linked/sluice.yml":           &forge.NotAFileError{Path: "linked", Type: "symlink"},
		"vendor":                      &forge.NotAFileError{Path: "vendor", Type: "submodule"},
		"vendor/x":                    &forge.NotAFileError{Path: "vendor", Type: "submodule"},
		"large.txt":                   &forge.NotAFileError{Path: "large.txt", Type: "file of 1048577 bytes"},
		"README.md/x":                 forge.ErrNotFound,
		"nope":                        forge.ErrNotFound,
		"":                            forge.ErrNotFound,
		"..":                          forge.ErrNotFound,
		".github/../README.md":        forge.ErrNotFound,
		".github/workflows/x/../../y": forge.ErrNotFound,
	} {
		t.Run(path, func(t *testing.T) {
			_, err := w.gh.File(w.ctx(), path, "release/1.4.0")
			same(t, err, want)
		})
	}
	_, err = w.gh.File(w.ctx(), "README.md", "nope")
	w.fails(err, forge.ErrNotFound)
	_, err = w.gh.File(w.ctx(), "README.md", "../../../user")
	w.fails(err, forge.ErrNotFound)
}

func TestFileOfAnEmptyRepository(t *testing.T) {
	s := newScriptOf(t, Options{}, refusal(409, "Git Repository is empty."))
	_, err := s.repo.File(t.Context(), ".github/sluice.yml", "main")
	same(t, err, forge.ErrNotFound)
}

func TestFileInAFolderThatGitHubDoesNotListWhole(t *testing.T) {
	s := newScript(t, `{"tree":[{"path":"a","mode":"100644"}],"truncated":true}`)
	_, err := s.repo.File(t.Context(), "z", "main")
	same(t, err, &forge.RefusedError{Status: 422, Message: "the folder has too many entries to find z"})
}

func TestAFileIsAskedForOnce(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.commit("master", map[string]string{".github/sluice.yml": "version: 1\n"})
	mark := w.s.LastCall()
	for range 3 {
		if _, err := w.gh.File(w.ctx(), ".github/sluice.yml", "master"); err != nil {
			t.Fatal(err)
		}
	}
	// The first tree three times, twice conditionally; the second one and the blob once.
	var conditional int
	calls := w.calls(mark, "GET", "")
	for _, c := range calls {
		if c.Conditional && c.Status == 304 {
			conditional++
		}
	}
	equal(t, []int{5, 2}, []int{len(calls), conditional})
	// The branch moves on: seen at once.
	w.commit("master", map[string]string{".github/sluice.yml": "version: 2\n"})
	data, err := w.gh.File(w.ctx(), ".github/sluice.yml", "master")
	w.must(err)
	equal(t, "version: 2\n", string(data))
}
