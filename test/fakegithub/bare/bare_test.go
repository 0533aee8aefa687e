package bare_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

type repo struct {
	*bare.Repo
	t *testing.T
	n int
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	r, err := bare.Init(filepath.Join(t.TempDir(), "r.git"), "main")
	if err != nil {
		t.Fatal(err)
	}
	return &repo{Repo: r, t: t}
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = r.Env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes a commit with the files on top of the parents, the first of which gives the rest of the tree.
func (r *repo) commit(files map[string]string, parents ...string) string {
	r.t.Helper()
	tree := bare.EmptyTree
	if len(parents) > 0 {
		c, err := r.Commit(parents[0])
		if err != nil {
			r.t.Fatal(err)
		}
		tree = c.Tree
	}
	tree, err := r.PutFiles(tree, files)
	if err != nil {
		r.t.Fatal(err)
	}
	if tree == bare.EmptyTree {
		if _, err := r.Write(bare.KindTree, nil); err != nil {
			r.t.Fatal(err)
		}
	}
	r.n++
	who := bare.Signature{Name: "ann", Email: "ann@example.com", When: time.Unix(1_700_000_000+int64(r.n/3), 0)}
	sha, err := r.WriteCommit(bare.Commit{Tree: tree, Parents: parents, Author: who, Committer: who, Message: fmt.Sprintf("commit %d\n", r.n)})
	if err != nil {
		r.t.Fatal(err)
	}
	return sha
}

// TestGraphAgreesWithGit compares histories made at random, with many commits of one second, with what git says.
func TestGraphAgreesWithGit(t *testing.T) {
	r := newRepo(t)
	rng := rand.New(rand.NewPCG(1, 2))
	all := []string{r.commit(nil)}
	for range 60 {
		parents := []string{all[rng.IntN(len(all))]}
		if p := all[rng.IntN(len(all))]; rng.IntN(3) == 0 && p != parents[0] {
			parents = append(parents, p)
		}
		all = append(all, r.commit(nil, parents...))
	}
	for range 60 {
		a, b := all[rng.IntN(len(all))], all[rng.IntN(len(all))]
		got, err := r.Compare(a, b)
		if err != nil {
			t.Fatal(err)
		}
		if bases := strings.Fields(r.git("merge-base", "--all", a, b)); !slices.Contains(bases, got.MergeBase) {
			t.Errorf("merge base of %.7s and %.7s: %.7s, git has %v", a, b, got.MergeBase, bases)
		}
		for want, have := range map[string][]string{r.git("rev-list", a+".."+b): got.Ahead, r.git("rev-list", b+".."+a): got.Behind} {
			w, h := strings.Fields(want), slices.Clone(have)
			slices.Sort(w)
			slices.Sort(h)
			if diff := cmp.Diff(strings.Join(w, " "), strings.Join(h, " ")); diff != "" {
				t.Errorf("%.7s..%.7s (-git +ours):\n%s", a, b, diff)
			}
			at := map[string]int{}
			for i, sha := range have {
				at[sha] = i
			}
			for i, sha := range have {
				c, err := r.Commit(sha)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range c.Parents {
					if j, ok := at[p]; ok && j < i {
						t.Errorf("%.7s comes before its child %.7s", p, sha)
					}
				}
			}
		}
	}
	if err := r.UpdateRef("refs/heads/main", "", all[len(all)-1]); err != nil {
		t.Fatal(err)
	}
	if out := r.git("fsck", "--strict", "--no-dangling"); out != "" {
		t.Errorf("git fsck says %s", out)
	}
}

func TestRefs(t *testing.T) {
	r := newRepo(t)
	a := r.commit(nil)
	b := r.commit(nil, a)
	steps := []struct {
		name          string
		ref, old, new string
		ok            bool
	}{
		{"create", "refs/heads/a/b", "", a, true},
		{"create again", "refs/heads/a/b", "", b, false},
		{"a shorter name", "refs/heads/a", "", a, false},
		{"a longer name", "refs/heads/a/b/c", "", a, false},
		{"move from elsewhere", "refs/heads/a/b", b, a, false},
		{"move", "refs/heads/a/b", a, b, true},
		{"delete", "refs/heads/a/b", b, "", true},
		{"the name is free again", "refs/heads/a", "", a, true},
		{"no valid name", "refs/heads/x..y", "", a, false},
	}
	for _, s := range steps {
		if err := r.UpdateRef(s.ref, s.old, s.new); (err == nil) != s.ok {
			t.Errorf("%s: %v, want ok %v", s.name, err, s.ok)
		}
	}
	if diff := cmp.Diff([]bare.Ref{{Name: "refs/heads/a", SHA: a}}, r.Refs("refs/")); diff != "" {
		t.Errorf("refs (-want +got):\n%s", diff)
	}
	if got := r.git("rev-parse", "refs/heads/a"); got != a {
		t.Errorf("git sees %s, want %s", got, a)
	}
	r.git("pack-refs", "--all")
	if r.Ref("refs/heads/a") != a {
		t.Error("a packed ref is not found")
	}
	if err := r.UpdateRef("refs/heads/a", a, ""); err != nil || r.git("for-each-ref") != "" {
		t.Errorf("deleting a packed ref: %v, left %q", err, r.git("for-each-ref"))
	}
	var stale *bare.StaleError
	if err := r.UpdateRef("refs/heads/a", a, b); !errors.As(err, &stale) || stale.Have != "" {
		t.Errorf("moving what is gone: %v", err)
	}
}

func TestPackedObjectsAreFound(t *testing.T) {
	r := newRepo(t)
	a := r.commit(map[string]string{"dir/f.txt": "hello\n"})
	if err := r.UpdateRef("refs/heads/main", "", a); err != nil {
		t.Fatal(err)
	}
	r.git("repack", "-adq")
	r.git("prune-packed")
	fresh := r.Quarantined("") // remembers nothing
	c, err := fresh.Commit(a)
	if err != nil {
		t.Fatal(err)
	}
	e, err := fresh.Lookup(c.Tree, "dir/f.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, data, err := fresh.Object(e.SHA); err != nil || string(data) != "hello\n" {
		t.Errorf("read %q, %v", data, err)
	}
	if _, err := fresh.Commit(strings.Repeat("a", 40)); !errors.Is(err, bare.ErrNotFound) {
		t.Errorf("an object that is not there: %v", err)
	}
}

func TestMergeRebaseAndDiff(t *testing.T) {
	r := newRepo(t)
	base := r.commit(map[string]string{"a": "1\n2\n3\n4\n5\n6\n7\n8\n", "b": "b\n", "x/y": "y\n"})
	left := r.commit(map[string]string{"a": "left\n2\n3\n4\n5\n6\n7\n8\n"}, base)
	right := r.commit(map[string]string{"a": "1\n2\n3\n4\n5\n6\n7\nright\n", "b": "", "c": "c\n"}, base)
	clash := r.commit(map[string]string{"a": "clash\n2\n3\n4\n5\n6\n7\n8\n"}, base)
	ctx := t.Context()
	for name, c := range map[string]struct {
		head string
		want map[string]string // a, b, c
	}{
		"both sides":    {right, map[string]string{"a": "left\n2\n3\n4\n5\n6\n7\nright\n", "b": "", "c": "c\n"}},
		"one side only": {base, map[string]string{"a": "left\n2\n3\n4\n5\n6\n7\n8\n", "b": "b\n", "c": ""}},
	} {
		tree, err := r.Merge(ctx, left, c.head)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := map[string]string{}
		for path := range c.want {
			got[path] = ""
			if e, err := r.Lookup(tree, path); err == nil {
				_, data, err := r.Object(e.SHA)
				if err != nil {
					t.Fatal(err)
				}
				got[path] = string(data)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	var conflict *bare.ConflictError
	for range 2 { // the second time from memory
		if _, err := r.Merge(ctx, left, clash); !errors.As(err, &conflict) || !slices.Equal(conflict.Files, []string{"a"}) {
			t.Errorf("a conflict: %v", err)
		}
	}
	if _, err := r.Merge(ctx, left, r.commit(map[string]string{"z": "z\n"})); !errors.As(err, &conflict) {
		t.Errorf("unrelated histories: %v", err)
	}
	tip, err := r.Rebase(ctx, left, right, bare.Signature{Name: "bob", Email: "bob@example.com", When: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := r.Commit(tip); err != nil || len(c.Parents) != 1 || c.Parents[0] != left || c.Author.Name != "ann" || c.Committer.Name != "bob" {
		t.Errorf("rebased to %+v, %v", c, err)
	}
	if _, err := r.Rebase(ctx, left, clash, bare.Signature{}); !errors.As(err, &conflict) {
		t.Errorf("rebasing a conflict: %v", err)
	}
	renamed := r.commit(map[string]string{"x/y": "", "x/z": "y\n", "b": "b\nb\n"}, base)
	from, to := tree(t, r, base), tree(t, r, renamed)
	files, err := r.Diff(ctx, from, to)
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		Path, Previous, Status, Patch string
		Add, Del                      int
	}
	var got []line
	for _, f := range files {
		got = append(got, line{f.Path, f.Previous, f.Status, f.Patch, f.Additions, f.Deletions})
	}
	want := []line{{"b", "", "modified", "@@ -1 +1,2 @@\n b\n+b", 1, 0}, {"x/z", "x/y", "renamed", "", 0, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("diff (-want +got):\n%s", diff)
	}
	changed := map[string]byte{}
	if err := r.Changed(from, to, func(path string, kind byte) { changed[path] = kind }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]byte{"b": 'M', "x/y": 'D', "x/z": 'A'}, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
}

func tree(t *testing.T, r *repo, sha string) string {
	t.Helper()
	c, err := r.Commit(sha)
	if err != nil {
		t.Fatal(err)
	}
	return c.Tree
}

func TestTagsAndLog(t *testing.T) {
	r := newRepo(t)
	a := r.commit(map[string]string{"f": "1\n"})
	b := r.commit(map[string]string{"g": "1\n"}, a)
	c := r.commit(map[string]string{"f": "2\n"}, b)
	tag, err := r.WriteTag(bare.Tag{Object: c, Kind: bare.KindCommit, Name: "v1", Tagger: bare.Signature{Name: "ann", Email: "a@b", When: time.Unix(5, 0)}, Message: "one\n"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.UpdateRef("refs/tags/v1", "", tag); err != nil {
		t.Fatal(err)
	}
	for _, rev := range []string{"v1", "refs/tags/v1", "tags/v1", tag, c, c[:8]} {
		if got, err := r.Resolve(rev); err != nil || got != c {
			t.Errorf("%s resolves to %s, %v", rev, got, err)
		}
	}
	if _, err := r.Resolve("nothing"); !errors.Is(err, bare.ErrNotFound) {
		t.Errorf("a name that is none: %v", err)
	}
	log, err := r.LogPath(c, "f")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{c, a}, log); diff != "" {
		t.Errorf("log of f (-want +got):\n%s", diff)
	}
	if got := r.git("log", "-1", "--format=%H", "v1"); got != c {
		t.Errorf("git reads the tag as %s", got)
	}
}

// FuzzValidRef compares with git check-ref-format.
func FuzzValidRef(f *testing.F) {
	for _, s := range []string{"refs/heads/a", "refs/heads/a.lock", "refs/heads/.a", "refs/heads/a..b", "refs/heads/$(id)", "refs/heads/-x", "refs/heads/@{", "refs/heads/a/", "refs/heads", "x/y/z", "refs/heads/ä", "refs/a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.ContainsRune(name, 0) || len(name) > 200 {
			t.Skip()
		}
		valid := exec.Command("git", "check-ref-format", name).Run() == nil
		got := bare.ValidRef(name)
		if got && !valid {
			t.Errorf("%q is taken, git refuses it", name)
		}
		if valid && strings.HasPrefix(name, "refs/") && strings.Count(name, "/") >= 2 && !got {
			t.Errorf("%q is refused, git takes it", name)
		}
	})
}
