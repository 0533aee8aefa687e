package githubapp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

func TestRefs(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.must(w.gh.CreateBranch(w.ctx(), "release/1.4.0", w.dev))
	w.fails(w.gh.CreateBranch(w.ctx(), "release/1.4.0", w.master), forge.ErrExists)
	w.must(w.gh.CreateTag(w.ctx(), "api/v1.3.0", w.master))
	w.fails(w.gh.CreateTag(w.ctx(), "api/v1.3.0", w.master), forge.ErrExists)

	var annotated struct{ SHA string }
	w.boss("POST", "/repos/acme/shop/git/tags", map[string]any{"tag": "v1.2.0", "message": "by hand", "object": w.master, "type": "commit"}, &annotated)
	w.boss("POST", "/repos/acme/shop/git/refs", map[string]any{"ref": "refs/tags/v1.2.0", "sha": annotated.SHA}, nil)
	if annotated.SHA == w.master {
		t.Fatal("the tag is not annotated")
	}

	branches, err := w.gh.Branches(w.ctx())
	w.must(err)
	byName := cmpopts.SortSlices(func(a, b forge.Branch) bool { return a.Name < b.Name })
	equal(t, []forge.Branch{{Name: "development", SHA: w.dev}, {Name: "master", SHA: w.master}, {Name: "release/1.4.0", SHA: w.dev}}, branches, byName)
	tags, err := w.gh.Tags(w.ctx())
	w.must(err)
	equal(t, []forge.Tag{{Name: "api/v1.3.0", SHA: w.master}, {Name: "v1.2.0", SHA: w.master}}, tags,
		cmpopts.SortSlices(func(a, b forge.Tag) bool { return a.Name < b.Name }))

	branch, err := w.gh.Branch(w.ctx(), "release/1.4.0")
	w.must(err)
	equal(t, forge.Branch{Name: "release/1.4.0", SHA: w.dev}, branch)
	tag, err := w.gh.Tag(w.ctx(), "v1.2.0")
	w.must(err)
	equal(t, forge.Tag{Name: "v1.2.0", SHA: w.master}, tag)

	for _, name := range []string{"release", "release/1.4", "nope", "", "..", "a/../master", "."} {
		_, err = w.gh.Branch(w.ctx(), name)
		w.fails(err, forge.ErrNotFound)
	}
	_, err = w.gh.Tag(w.ctx(), "v9")
	w.fails(err, forge.ErrNotFound)

	w.must(w.gh.DeleteBranch(w.ctx(), "release/1.4.0"))
	w.fails(w.gh.DeleteBranch(w.ctx(), "release/1.4.0"), forge.ErrNotFound)
	equal(t, map[string]string{"development": w.dev, "master": w.master}, w.repo.Branches())
}

func TestTagsOfTags(t *testing.T) {
	object := func(kind, sha string) string { return fmt.Sprintf(`{"object":{"type":%q,"sha":%q}}`, kind, sha) }
	s := newScript(t, object("tag", "t1"), object("tag", "t2"), object("commit", "c"))
	tag, err := s.repo.Tag(t.Context(), "v1")
	same(t, err, nil)
	equal(t, forge.Tag{Name: "v1", SHA: "c"}, tag)
	s = newScript(t, object("tag", "t1"))
	_, err = s.repo.Tag(t.Context(), "v1")
	same(t, err, &forge.RefusedError{Status: 422, Message: "tag v1 is a tag of a tag of a tag: too many"})
	equal(t, 6, len(s.requests()))
}

func TestRefsThatARuleProtects(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.repo.AddRuleset(fakegithub.Ruleset{Name: "keep", Include: []string{"refs/heads/development"}, Rules: []fakegithub.Rule{{Type: "deletion"}}})
	err := w.gh.DeleteBranch(w.ctx(), "development")
	w.fails(err, &forge.RefusedError{Status: 422, Message: "Repository rule violations found Cannot delete this branch"})
	equal(t, w.dev, w.repo.Branches()["development"])
}

func TestListsOfManyPages(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	for i := range 205 {
		w.must(w.repo.SetRef(fmt.Sprintf("refs/heads/feature/%03d", i), w.dev))
		w.must(w.repo.SetRef(fmt.Sprintf("refs/tags/v0.0.%d", i), w.dev))
	}
	branches, err := w.gh.Branches(w.ctx())
	w.must(err)
	tags, err := w.gh.Tags(w.ctx())
	w.must(err)
	equal(t, []int{207, 205}, []int{len(branches), len(tags)})
}

func TestHeadSince(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	since := func(branch, sha string) forge.Move {
		t.Helper()
		move, err := w.gh.HeadSince(w.ctx(), branch, sha)
		w.must(err)
		return move
	}
	first := w.dev
	before := time.Now().Truncate(time.Second)
	w.must(w.gh.CreateBranch(w.ctx(), "hotfix/17", first))
	made := since("hotfix/17", first)
	if made.At.Before(before) || made.At.After(time.Now()) || made.Before != "" || made.By.ID == 0 || !made.By.Bot {
		t.Errorf("made just now by the App, says GitHub: %+v", made)
	}
	equal(t, forge.Move{}, since("hotfix/17", strings.Repeat("1", 40)))
	equal(t, forge.Move{}, since("hotfix/18", first))
}

func TestHeadSinceWhereGitHubHasNoActivity(t *testing.T) {
	move, err := newScriptOf(t, Options{}, refusal(404, "Not Found")).repo.HeadSince(t.Context(), "main", strings.Repeat("1", 40))
	same(t, err, nil)
	equal(t, forge.Move{}, move)
}
