package githubapp

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

func numbers(pulls []forge.PullRequest) []int {
	out := []int{}
	for _, p := range pulls {
		out = append(out, p.Number)
	}
	return out
}

func TestPull(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	head := w.commit("feature/x", map[string]string{"x": "x\n"})
	made, err := w.gh.CreatePull(w.ctx(), "Bring x", "feature/x", "development", "It is good.")
	w.must(err)
	bot := forge.User{ID: w.s.AddUser("sluice[bot]").ID, Login: "sluice[bot]", Bot: true}
	want := forge.PullRequest{
		Number: made.Number, Title: "Bring x", Body: "It is good.", Open: true, Author: bot,
		Head: forge.Side{Branch: "feature/x", SHA: head, RepoID: w.repo.ID(), Owner: "acme"},
		Base: forge.Side{Branch: "development", SHA: w.dev, RepoID: w.repo.ID(), Owner: "acme"},
	}
	volatile := cmpopts.IgnoreFields(forge.PullRequest{}, "HTMLURL", "CreatedAt", "UpdatedAt", "Mergeable", "MergeableState")
	equal(t, want, made, volatile)
	got, err := w.gh.Pull(w.ctx(), made.Number)
	w.must(err)
	equal(t, want, got, volatile)
	if got.HTMLURL == "" || got.CreatedAt.IsZero() || got.Fork() {
		t.Errorf("incomplete: %+v", got)
	}

	_, err = w.gh.CreatePull(w.ctx(), "again", "feature/x", "development", "")
	w.fails(err, forge.ErrExists)
	_, err = w.gh.CreatePull(w.ctx(), "empty", "development", "feature/x", "")
	w.must(err)
	_, err = w.gh.CreatePull(w.ctx(), "empty", "master", "development", "")
	w.fails(err, forge.ErrNoCommits)
	_, err = w.gh.CreatePull(w.ctx(), "nowhere", "nope", "development", "")
	w.fails(err, &forge.RefusedError{Status: 422, Message: "Validation Failed: head is invalid"})
	_, err = w.gh.Pull(w.ctx(), 999)
	w.fails(err, forge.ErrNotFound)

	w.must(w.gh.RetargetPull(w.ctx(), made.Number, "master"))
	w.must(w.gh.ClosePull(w.ctx(), made.Number))
	got, err = w.gh.Pull(w.ctx(), made.Number)
	w.must(err)
	equal(t, []any{"master", false, false}, []any{got.Base.Branch, got.Open, got.Merged})
}

func TestListsOfPulls(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	var all []int
	for i := range 3 {
		branch := fmt.Sprint("feature/", i)
		w.commit(branch, map[string]string{branch: "x\n"})
		all = append(all, w.pull(branch, "development"))
	}
	old := w.pull("feature/0", "master")
	ann := w.s.As("ann")
	first, err := ann.MergePull(w.ctx(), "acme/shop", all[2], "merge")
	w.must(err)
	_, err = ann.MergePull(w.ctx(), "acme/shop", all[1], "merge")
	w.must(err)
	w.must(w.gh.ClosePull(w.ctx(), old))

	open, err := w.gh.OpenPulls(w.ctx())
	w.must(err)
	equal(t, []int{all[0]}, numbers(open))
	from, err := w.gh.PullsFrom(w.ctx(), "feature/0", "")
	w.must(err)
	equal(t, []int{old, all[0]}, numbers(from))
	from, err = w.gh.PullsFrom(w.ctx(), "feature/0", "development")
	w.must(err)
	equal(t, []int{all[0]}, numbers(from))
	merged, complete, err := w.gh.MergedInto(w.ctx(), "development")
	w.must(err)
	equal(t, true, complete)
	slices.Sort(all)
	equal(t, []int{all[1], all[2]}, sorted(numbers(merged)))
	equal(t, first, merged[slices.IndexFunc(merged, func(p forge.PullRequest) bool { return p.Number == all[2] })].MergeSHA)
	with, err := w.gh.PullsWith(w.ctx(), w.repo.SHA("feature/0"))
	w.must(err)
	equal(t, []int{all[0]}, numbers(with)) // GitHub leaves out those that were closed
	_, err = w.gh.PullsWith(w.ctx(), "0000000000000000000000000000000000000001")
	w.fails(err, forge.ErrNotFound)
}

func sorted(n []int) []int {
	slices.Sort(n)
	return n
}

func TestMergedNewestFirst(t *testing.T) {
	entry := func(n int, at string) string {
		return fmt.Sprintf(`{"number":%d,"state":"closed","merged_at":%s}`, n, at)
	}
	// Sorted by update as GitHub gives them: 7 was merged long ago and commented on today, 8 was closed unmerged.
	s := newScript(t, "["+strings.Join([]string{entry(7, `"2026-01-01T00:00:00Z"`), entry(8, "null"), entry(9, `"2026-05-01T00:00:00Z"`)}, ",")+"]")
	got, complete, err := s.repo.MergedInto(t.Context(), "main")
	same(t, err, nil)
	equal(t, []int{9, 7}, numbers(got))
	equal(t, true, complete)
}

func TestPullsFromTheOwnersForkAreNotOurs(t *testing.T) {
	side := func(repo int) string {
		return fmt.Sprintf(`{"ref":"x","repo":{"id":%d},"user":{"login":"acme"}}`, repo)
	}
	s := newScript(t, fmt.Sprintf(`[{"number":1,"head":%s,"base":%s},{"number":2,"head":%s,"base":%[2]s}]`, side(10), side(9), side(9)))
	got, err := s.repo.PullsFrom(t.Context(), "x", "")
	same(t, err, nil)
	equal(t, []int{2}, numbers(got))
}

func TestPullFiles(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	files := map[string]string{"a.txt": ""} // deleted
	for i := range 120 {
		files[fmt.Sprintf("dir/%03d", i)] = "x\n"
	}
	w.commit("feature/x", files)
	paths, complete, err := w.gh.PullFiles(w.ctx(), w.pull("feature/x", "master"))
	w.must(err)
	equal(t, []any{121, true, true}, []any{len(paths), complete, slices.Contains(paths, "a.txt")})
}

func TestPullFilesAtGitHubsLimit(t *testing.T) {
	list := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`{"filename":"new","previous_filename":"old"},`, n), ",") + "]"
	}
	for name, tc := range map[string]struct {
		files    int
		complete bool
	}{
		"one fewer, all renamed": {2999, true},
		"as many as are listed":  {3000, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, list(tc.files))
			paths, complete, err := s.repo.PullFiles(t.Context(), 1)
			same(t, err, nil)
			equal(t, []any{2 * tc.files, tc.complete}, []any{len(paths), complete})
		})
	}
}

func TestMergePull(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	head := w.commit("feature/x", map[string]string{"x": "x\n"})
	n := w.pull("feature/x", "development")
	_, err := w.gh.MergePull(w.ctx(), n, w.dev, "t", "m")
	w.fails(err, forge.ErrMoved)
	sha, err := w.gh.MergePull(w.ctx(), n, head, "Merge x", "Because.")
	w.must(err)
	equal(t, []any{[]string{w.dev, head}, "Merge x\n\nBecause."}, []any{w.repo.Parents(sha), strings.TrimSpace(w.repo.Message(sha))})
	_, err = w.gh.MergePull(w.ctx(), n, head, "t", "m")
	w.fails(err, &forge.RefusedError{Status: 405, Message: "Pull request is not mergeable: it is merged already"})

	theirs := w.commit("feature/c", map[string]string{"a.txt": "theirs\n"})
	w.commit("development", map[string]string{"a.txt": "ours\n"})
	n = w.pull("feature/c", "development")
	_, err = w.gh.MergePull(w.ctx(), n, theirs, "t", "m")
	w.fails(err, forge.ErrConflict)
	w.must(w.gh.ClosePull(w.ctx(), n))
	_, err = w.gh.MergePull(w.ctx(), n, theirs, "t", "m")
	w.fails(err, &forge.RefusedError{Status: 405, Message: "Pull request is not mergeable: it is closed"})

	head = w.commit("feature/r", map[string]string{"r": "r\n"})
	n = w.pull("feature/r", "development")
	w.repo.AddRuleset(fakegithub.Ruleset{Name: "reviewed", Include: []string{"refs/heads/development"},
		Rules: []fakegithub.Rule{{Type: "pull_request", Parameters: map[string]any{"required_approving_review_count": 1}}}})
	_, err = w.gh.MergePull(w.ctx(), n, head, "t", "m")
	if shape := errorShape(err); !strings.HasPrefix(shape, "refused 405 permission=false") || !strings.Contains(shape, "review") {
		t.Errorf("a rule that wants reviews: %s", shape)
	}
}

func TestWhatRefusesAMerge(t *testing.T) {
	for name, tc := range map[string]struct {
		says reply
		pull string
		want error
	}{
		"a conflict":          {refusal(405, "Pull Request is not mergeable"), `{"number":1,"state":"open"}`, forge.ErrConflict},
		"a draft":             {refusal(405, "Pull Request is not mergeable"), `{"number":1,"state":"open","draft":true}`, &forge.RefusedError{Status: 405, Message: "Pull request is not mergeable: it is a draft"}},
		"reviews":             {refusal(405, "At least 1 approving review is required by reviewers with write access."), "", &forge.RefusedError{Status: 405, Message: "At least 1 approving review is required by reviewers with write access."}},
		"checks":              {refusal(405, `Required status check "ci" is expected.`), "", &forge.RefusedError{Status: 405, Message: `Required status check "ci" is expected.`}},
		"the setting":         {refusal(405, "Merge commits are not allowed on this repository."), "", &forge.RefusedError{Status: 405, Message: "Merge commits are not allowed on this repository."}},
		"the head moved":      {refusal(409, "Head branch was modified. Review and try the merge again."), "", forge.ErrMoved},
		"the base moved":      {refusal(405, "Base branch was modified. Review and try the merge again."), "", forge.ErrBaseMoved},
		"another merge":       {refusal(405, "Merge already in progress"), "", forge.ErrBaseMoved},
		"workflow files":      {refusal(403, "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission"), "", &forge.RefusedError{Status: 403, Permission: true, Message: "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission"}},
		"a missing right":     {refusal(403, "Resource not accessible by integration"), "", &forge.RefusedError{Status: 403, Permission: true, Message: "Resource not accessible by integration"}},
		"done, so it is said": {reply{status: 200, body: `{"merged":false,"message":"Not merged, somehow"}`}, "", &forge.RefusedError{Status: 405, Message: "Not merged, somehow"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScriptOf(t, Options{}, tc.says, reply{status: 200, body: tc.pull})
			_, err := s.repo.MergePull(t.Context(), 1, "abc", "t", "m")
			same(t, err, tc.want)
		})
	}
}

func TestLongPullTexts(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.commit("feature/x", map[string]string{"x": "x\n"})
	p, err := w.gh.CreatePull(w.ctx(), strings.Repeat("ü", 300), "feature/x", "development", strings.Repeat("漢", 70000))
	w.must(err)
	equal(t, []int{256, 65532}, []int{utf8.RuneCountInString(p.Title), utf8.RuneCountInString(p.Body)})
}

func TestCase44MergedBeyondTheList(t *testing.T) {
	next := http.Header{"Link": {`<https://github.test/api/v3/repos/acme/shop/pulls?page=2>; rel="next"`}}
	page := reply{status: 200, header: next, body: `[{"number":8,"state":"closed","merged_at":null}]`}
	s := newScriptOf(t, Options{}, page, page, page)
	got, complete, err := s.repo.MergedInto(t.Context(), "main")
	same(t, err, nil)
	equal(t, 0, len(got))
	equal(t, false, complete)
}
