package gitrepo_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitrepo"
)

func open(t *testing.T, dir string) *gitrepo.Repo {
	t.Helper()
	r, err := gitrepo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// must fails the test on an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestOpen(t *testing.T) {
	w := newWork(t)
	sha := w.commit("one")
	w.write("sub/deep/file", "x")
	linked := filepath.Join(t.TempDir(), "linked")
	w.git("worktree", "add", "-q", "-b", "other", linked)
	for name, tc := range map[string]struct {
		dir  string
		want forge.Branch
	}{
		"the root":           {w.dir, forge.Branch{Name: "master", SHA: sha}},
		"a folder in it":     {filepath.Join(w.dir, "sub", "deep"), forge.Branch{Name: "master", SHA: sha}},
		"a linked work tree": {linked, forge.Branch{Name: "other", SHA: sha}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, must[forge.Branch](t)(open(t, tc.dir).Head())); diff != "" {
				t.Errorf("head (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := gitrepo.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not in a git repository") {
		t.Errorf("no repository: %v", err)
	}
}

func TestHead(t *testing.T) {
	w := newWork(t)
	if _, err := open(t, w.dir).Head(); err == nil || !strings.Contains(err.Error(), "no commit yet") {
		t.Errorf("no commit: %v", err)
	}
	sha := w.commit("one")
	w.git("checkout", "-q", "--detach")
	if diff := cmp.Diff(forge.Branch{SHA: sha}, must[forge.Branch](t)(open(t, w.dir).Head())); diff != "" {
		t.Errorf("detached (-want +got):\n%s", diff)
	}
}

func TestTagsAndBranches(t *testing.T) {
	w := newWork(t)
	one := w.commit("one")
	w.git("tag", "v1.0.0")
	w.git("tag", "-a", "-m", "annotated", "v1.1.0")
	w.git("branch", "feature/ABC-12-login")
	w.git("pack-refs", "--all")
	two := w.commit("two")
	w.git("tag", "-a", "-m", "annotated", "api/v1.2.0")
	w.git("tag", "-a", "-m", "tag of a tag", "v1.2.0", "api/v1.2.0")
	w.git("tag", "tree", "HEAD^{tree}")
	w.git("tag", "-a", "-m", "blob", "blob", w.gitIn("x", "hash-object", "-w", "--stdin"))
	w.git("update-ref", "refs/remotes/origin/development", one)
	w.git("update-ref", "refs/remotes/origin-2/development", two)
	w.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/development")
	r := open(t, w.dir)

	wantTags := []forge.Tag{{Name: "api/v1.2.0", SHA: two}, {Name: "v1.0.0", SHA: one}, {Name: "v1.1.0", SHA: one}, {Name: "v1.2.0", SHA: two}}
	if diff := cmp.Diff(wantTags, must[[]forge.Tag](t)(r.Tags())); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	wantLocal := []forge.Branch{{Name: "feature/ABC-12-login", SHA: one}, {Name: "master", SHA: two}}
	if diff := cmp.Diff(wantLocal, must[[]forge.Branch](t)(r.Branches())); diff != "" {
		t.Errorf("branches (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]forge.Branch{{Name: "development", SHA: one}}, must[[]forge.Branch](t)(r.RemoteBranches("origin"))); diff != "" {
		t.Errorf("remote branches (-want +got):\n%s", diff)
	}
}

func TestResolve(t *testing.T) {
	w := newWork(t)
	one := w.commit("one")
	w.git("tag", "-a", "-m", "x", "v1.0.0")
	two := w.commit("two")
	r := open(t, w.dir)
	for revision, want := range map[string]string{
		"HEAD": two, "HEAD~1": one, "master": two, "v1.0.0": one, "refs/tags/v1.0.0": one, one[:7]: one, two: two,
	} {
		if got := must[string](t)(r.Resolve(revision)); got != want {
			t.Errorf("%s is %s, want %s", revision, got, want)
		}
	}
	if _, err := r.Resolve("nowhere"); err == nil || !strings.Contains(err.Error(), `"nowhere"`) {
		t.Errorf("nowhere: %v", err)
	}
}

func TestRemoteURL(t *testing.T) {
	w := newWork(t)
	for name, url := range map[string]string{
		"plain": "https://github.com/acme/shop.git", "token": "https://x-access-token:" + token + "@github.com/acme/shop.git",
		"user": "https://" + token + "@github.com/acme/shop.git", "scp": "git@github.com:acme/shop.git",
	} {
		w.git("remote", "add", name, url)
	}
	r := open(t, w.dir)
	for name, want := range map[string]string{
		"plain": "https://github.com/acme/shop.git", "token": "https://github.com/acme/shop.git", "user": "https://github.com/acme/shop.git",
		"scp": "git@github.com:acme/shop.git", "none": "",
	} {
		if got := must[string](t)(r.RemoteURL(name)); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestLog(t *testing.T) {
	w := newWork(t)
	one := w.commit("feat: one\n\nwith a body")
	w.git("checkout", "-q", "-b", "side")
	side := w.commit("fix: side")
	w.git("checkout", "-q", "master")
	two := w.commit("feat: two")
	w.git("merge", "-q", "--no-ff", "-m", "merge side", "side")
	merge := w.git("rev-parse", "HEAD")
	r := open(t, w.dir)

	at := time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)
	c := func(sha, message string, parents ...string) forge.Commit {
		return forge.Commit{SHA: sha, Parents: parents, Message: message + "\n", AuthorName: "Ann", AuthorEmail: "ann@example.com", Time: at}
	}
	all := []forge.Commit{
		c(one, "feat: one\n\nwith a body"), c(two, "feat: two", one), c(side, "fix: side", one), c(merge, "merge side", two, side),
	}
	for name, tc := range map[string]struct {
		from, to string
		want     []forge.Commit
	}{
		"everything":                    {"", merge, all},
		"since the first":               {one, merge, all[1:]},
		"what a merge brought":          {two, merge, all[2:]},
		"nothing":                       {merge, merge, nil},
		"from what is ahead":            {merge, one, nil},
		"between branches side by side": {two, side, all[2:3]},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, must[[]forge.Commit](t)(r.Log(t.Context(), tc.from, tc.to))); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := r.Log(t.Context(), "", absent); err == nil || !strings.Contains(err.Error(), absent) {
		t.Errorf("log of a commit that is not there: %v", err)
	}
}

// On histories made at random the log is what git rev-list says, and no commit comes before its parent.
func TestLogIsRevList(t *testing.T) {
	w := newWork(t)
	random := rand.New(rand.NewPCG(1, 2))
	tree := w.git("write-tree")
	shas := []string{w.git("commit-tree", "-m", "root", tree)}
	for i := range 40 {
		args := []string{"commit-tree", "-m", fmt.Sprint(i), tree}
		parents := map[string]bool{}
		for range 1 + random.IntN(3) {
			p := shas[max(0, len(shas)-1-random.IntN(6))]
			if !parents[p] {
				args = append(args, "-p", p)
			}
			parents[p] = true
		}
		shas = append(shas, w.git(args...))
	}
	r := open(t, w.dir)
	for range 30 {
		from, to := shas[random.IntN(len(shas))], shas[random.IntN(len(shas))]
		want := strings.Fields(w.git("rev-list", from+".."+to))
		log := must[[]forge.Commit](t)(r.Log(t.Context(), from, to))
		var got []string
		for _, c := range log {
			for _, p := range c.Parents {
				if slices.Contains(want, p) && !slices.Contains(got, p) {
					t.Errorf("%s comes before its parent", c.SHA)
				}
			}
			got = append(got, c.SHA)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got, cmp.Transformer("empty", func(s []string) string { return strings.Join(s, " ") })); diff != "" {
			t.Errorf("%s..%s (-want +got):\n%s", from, to, diff)
		}
	}
}

func TestShallowClone(t *testing.T) {
	w := newWork(t)
	w.commit("one")
	two := w.commit("two")
	three := w.commit("three")
	dir := filepath.Join(t.TempDir(), "shallow")
	w.git("clone", "-q", "--depth", "2", "file://"+w.dir, dir)
	if cut := must[bool](t)(open(t, w.dir).Shallow()); cut {
		t.Error("the origin is shallow")
	}
	r := open(t, dir)
	if cut := must[bool](t)(r.Shallow()); !cut {
		t.Error("the clone is not shallow")
	}
	var got []string
	for _, c := range must[[]forge.Commit](t)(r.Log(t.Context(), "", three)) {
		got = append(got, c.SHA)
	}
	if diff := cmp.Diff([]string{two, three}, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// What Clone makes Open can read.
func TestOpenAClone(t *testing.T) {
	w := newWork(t)
	w.write("f", "x")
	sha := w.commit("one")
	server := serve(t, w, nil)
	dir := t.TempDir()
	if _, err := server.cloner.Clone(t.Context(), server.source(sha), dir); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	if diff := cmp.Diff(forge.Branch{SHA: sha}, must[forge.Branch](t)(r.Head())); diff != "" {
		t.Errorf("head (-want +got):\n%s", diff)
	}
	if url := must[string](t)(r.RemoteURL("origin")); url != server.URL+"/.git" {
		t.Errorf("origin is %q", url)
	}
	if _, err := os.Stat(filepath.Join(dir, "f")); err != nil {
		t.Error(err)
	}
}
