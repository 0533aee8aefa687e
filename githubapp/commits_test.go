package githubapp

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

func TestCommit(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	sha, err := w.s.As("ann").Commit(w.ctx(), "acme/shop", "feature/x", "feat: x\n\nBody.", map[string]string{"x": "x\n"})
	w.must(err)
	tree, err := exec.CommandContext(w.ctx(), "git", "-C", w.repo.Dir(), "rev-parse", sha+"^{tree}").Output()
	w.must(err)
	want := forge.Commit{
		SHA: sha, Tree: strings.TrimSpace(string(tree)), Parents: []string{w.master}, Message: "feat: x\n\nBody.", AuthorName: "ann", AuthorEmail: "ann@example.com",
		Author: forge.User{ID: w.s.AddUser("ann").ID, Login: "ann"}, Committer: forge.User{ID: w.s.AddUser("ann").ID, Login: "ann"},
	}
	for _, ref := range []string{sha, "feature/x", "heads/feature/x"} {
		got, err := w.gh.Commit(w.ctx(), ref)
		w.must(err)
		equal(t, want, got, cmpopts.IgnoreFields(forge.Commit{}, "Time"), cmpopts.AcyclicTransformer("trim", trimmed))
		if got.Time.IsZero() {
			t.Error("no time")
		}
		at, err := w.gh.CommitTime(w.ctx(), sha)
		w.must(err)
		equal(t, got.Time, at)
	}
	for _, ref := range []string{"0000000000000000000000000000000000000001", "nope"} {
		_, err = w.gh.Commit(w.ctx(), ref)
		w.fails(err, forge.ErrNotFound)
		_, err = w.gh.CommitTime(w.ctx(), ref)
		w.fails(err, forge.ErrNotFound)
	}
}

// trimmed takes off the line end that git puts behind a message.
func trimmed(c forge.Commit) forge.Commit {
	for len(c.Message) > 0 && c.Message[len(c.Message)-1] == '\n' {
		c.Message = c.Message[:len(c.Message)-1]
	}
	return c
}

func TestCompare(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.commit("master", map[string]string{"hotfix.txt": "h\n"})
	var shas []string
	for i := range 130 {
		shas = append(shas, w.commit("development", map[string]string{"n.txt": fmt.Sprintln(i)}))
	}
	got, err := w.gh.Compare(w.ctx(), "master", "development")
	w.must(err)
	var commits []string
	for _, c := range got.Commits {
		commits = append(commits, c.SHA)
	}
	equal(t, append([]string{w.dev}, shas...), commits) // oldest first
	got.Commits = nil
	equal(t, forge.Comparison{AheadBy: 131, BehindBy: 1, MergeBase: w.master, Files: []string{"b.txt", "n.txt"}}, got)

	got, err = w.gh.Compare(w.ctx(), shas[0], shas[0])
	w.must(err)
	equal(t, forge.Comparison{MergeBase: shas[0]}, got)
	_, err = w.gh.Compare(w.ctx(), "master", "nope")
	w.fails(err, forge.ErrNotFound)
}

func TestCompareMovedFile(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	text := strings.Repeat("a line of a file that is long enough to be known again\n", 20)
	before := w.commit("development", map[string]string{"api/list.txt": text})
	after := w.commit("development", map[string]string{"api/list.txt": "", "web/list.txt": text})
	got, err := w.gh.Compare(w.ctx(), before, after)
	w.must(err)
	equal(t, []string{"web/list.txt", "api/list.txt"}, got.Files)

	many := map[string]string{}
	for i := range 300 {
		many[fmt.Sprintf("many/%d.txt", i)] = fmt.Sprintln(i)
	}
	got, err = w.gh.Compare(w.ctx(), after, w.commit("development", many))
	w.must(err)
	equal(t, true, got.FilesTruncated)
}

func TestHistory(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	shas := []string{w.dev}
	for i := range 120 {
		shas = append(shas, w.commit("development", map[string]string{"n.txt": fmt.Sprint(i)}))
	}
	head := shas[len(shas)-1]
	listed := func(pages int) (out []string, complete bool) {
		all, complete, err := w.gh.History(w.ctx(), head, pages)
		w.must(err)
		for _, c := range all {
			out = append(out, c.SHA)
		}
		return out, complete
	}
	all, complete := listed(3)
	equal(t, true, complete)
	equal(t, shas, all[len(all)-len(shas):]) // oldest first
	newest, complete := listed(1)
	equal(t, false, complete)
	equal(t, shas[len(shas)-100:], newest)
	_, _, err := w.gh.History(w.ctx(), "nope", 1)
	w.fails(err, forge.ErrNotFound)
}

func TestCompareThatIsNotWhole(t *testing.T) {
	commits := func(n int) string {
		out := ""
		for i := range n {
			out += fmt.Sprintf(`,{"sha":"c%d"}`, i)
		}
		return "[" + out[min(1, len(out)):] + "]"
	}
	answer := func(ahead, n int) string {
		return fmt.Sprintf(`{"ahead_by":%d,"behind_by":0,"merge_base_commit":{"sha":"b"},"commits":%s}`, ahead, commits(n))
	}
	for name, tc := range map[string]struct {
		pages     []string
		commits   int
		truncated bool
	}{
		"too many to be read":          {[]string{answer(2501, 100)}, 100, true},
		"fewer than promised":          {[]string{answer(150, 100), answer(150, 0)}, 100, true},
		"the head moved between pages": {[]string{answer(150, 100), answer(151, 51)}, 151, true},
		"whole, without a link header": {[]string{answer(150, 100), answer(150, 50)}, 150, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, tc.pages...)
			got, err := s.repo.Compare(t.Context(), "a", "b")
			if err != nil {
				t.Fatal(err)
			}
			equal(t, []any{tc.commits, tc.truncated}, []any{len(got.Commits), got.Truncated})
			equal(t, len(tc.pages), len(s.requests()))
		})
	}
}

func TestCreateCommit(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	sha, err := w.gh.CreateCommit(w.ctx(), "Merge master into development", w.dev, []string{w.dev, w.master})
	w.must(err)
	equal(t, []string{w.dev, w.master}, w.repo.Parents(sha))
	text, err := w.repo.File(sha, "b.txt")
	w.must(err)
	equal(t, "b\n", text)
	if branches := w.repo.Branches(); len(branches) != 2 {
		t.Errorf("a branch was made: %v", branches)
	}
	_, err = w.gh.CreateCommit(w.ctx(), "m", "0000000000000000000000000000000000000001", nil)
	w.fails(err, forge.ErrNotFound)
	_, err = w.gh.CreateCommit(w.ctx(), "m", w.dev, []string{"0000000000000000000000000000000000000001"})
	w.fails(err, &forge.RefusedError{Status: 422, Message: "Parent SHA does not exist or is not a commit object"})
}

func TestCopyCommit(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	of := w.commit("development", map[string]string{"c.txt": "c\n"})
	wrote, err := w.gh.Commit(w.ctx(), of)
	w.must(err)
	sha, err := w.gh.CopyCommit(w.ctx(), of, "fix: c", w.dev, []string{w.master})
	w.must(err)
	got, err := w.gh.Commit(w.ctx(), sha)
	w.must(err)
	from, err := w.gh.Commit(w.ctx(), w.dev)
	w.must(err)
	equal(t, []string{wrote.AuthorName, wrote.AuthorEmail, "fix: c", from.Tree}, []string{got.AuthorName, got.AuthorEmail, got.Message, got.Tree})
	equal(t, []string{w.master}, got.Parents)
	_, err = w.gh.CopyCommit(w.ctx(), "0000000000000000000000000000000000000001", "m", w.dev, nil)
	w.fails(err, forge.ErrNotFound)
}

func TestMerge(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	sha, err := w.gh.Merge(w.ctx(), "master", w.dev, "Merge release 1.4.0")
	w.must(err)
	equal(t, []string{w.master, w.dev}, w.repo.Parents(sha))
	equal(t, sha, w.repo.SHA("master"))
	_, err = w.gh.Merge(w.ctx(), "master", w.dev, "again")
	w.fails(err, forge.ErrUpToDate)
	_, err = w.gh.Merge(w.ctx(), "nope", w.dev, "m")
	w.fails(err, forge.ErrNotFound)
	_, err = w.gh.Merge(w.ctx(), "master", "0000000000000000000000000000000000000001", "m")
	w.fails(err, forge.ErrNotFound)

	theirs := w.commit("theirs", map[string]string{"a.txt": "theirs\n"})
	w.commit("master", map[string]string{"a.txt": "ours\n"})
	_, err = w.gh.Merge(w.ctx(), "master", theirs, "m")
	w.fails(err, forge.ErrConflict)

	w.repo.AddRuleset(fakegithub.Ruleset{Name: "by pull request", Include: []string{"refs/heads/development"},
		Rules: []fakegithub.Rule{{Type: "pull_request", Parameters: map[string]any{"required_approving_review_count": 1}}}})
	_, err = w.gh.Merge(w.ctx(), "development", sha, "m")
	w.fails(err, &forge.RefusedError{Status: 409, Message: "Repository rule violations found Changes must be made through a pull request."})
}
