package fakegithub_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/test/fakegithub"
)

func TestFeatureFromPushToMerge(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	dir := w.clone("ann")
	w.mustGit(dir, "checkout", "-q", "-b", "feature/login", "origin/development")
	w.write(dir, "login.txt", "x\n")
	w.mustGit(dir, "add", ".")
	w.mustGit(dir, "commit", "-q", "-m", "Add login")
	w.mustGit(dir, "push", "-q", "origin", "feature/login")
	sha := w.mustGit(dir, "rev-parse", "HEAD")
	if got := w.repo.SHA("feature/login"); got != sha {
		t.Fatalf("branch is at %s, pushed %s", got, sha)
	}

	pr, _, err := w.user("ann").PullRequests.Create(w.ctx, "acme", "shop", &github.NewPullRequest{Title: github.String("Login"), Head: github.String("feature/login"), Base: github.String("development")})
	w.must(err)
	run, _, err := w.bot.Checks.CreateCheckRun(w.ctx, "acme", "shop", github.CreateCheckRunOptions{Name: "sluice/branch", HeadSHA: sha, Status: github.String("completed"), Conclusion: github.String("success"),
		Output: &github.CheckRunOutput{Title: github.String("fine"), Summary: github.String("all fine")}, Actions: []*github.CheckRunAction{{Label: "Retry", Description: "again", Identifier: "retry"}}})
	w.must(err)
	if len(run.PullRequests) != 1 || run.PullRequests[0].GetNumber() != pr.GetNumber() {
		t.Errorf("the check run names pull requests %v, want %d", run.PullRequests, pr.GetNumber())
	}
	comment, _, err := w.user("qa1").Issues.CreateComment(w.ctx, "acme", "shop", pr.GetNumber(), &github.IssueComment{Body: github.String("/approve")})
	w.must(err)
	_, _, err = w.bot.Reactions.CreateIssueCommentReaction(w.ctx, "acme", "shop", comment.GetID(), "eyes")
	w.must(err)
	got, _, err := w.bot.PullRequests.Get(w.ctx, "acme", "shop", pr.GetNumber())
	w.must(err)
	if !got.GetMergeable() || got.GetMergeableState() != "clean" {
		t.Errorf("mergeable %v, state %q", got.GetMergeable(), got.GetMergeableState())
	}
	merged, _, err := w.bot.PullRequests.Merge(w.ctx, "acme", "shop", pr.GetNumber(), "", &github.PullRequestOptions{SHA: sha, MergeMethod: "merge"})
	w.must(err)
	if parents := w.repo.Parents(merged.GetSHA()); len(parents) != 2 || parents[1] != sha {
		t.Errorf("merge commit has parents %v, want the second to be %s", parents, sha)
	}
	want := []string{"push", "create", "check_suite.requested", "pull_request.opened", "check_run.created", "check_run.completed", "check_suite.completed",
		"issue_comment.created", "push", "check_suite.requested", "pull_request.closed"}
	if diff := cmp.Diff(want, w.heard()); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
	for _, h := range w.received() {
		if err := github.ValidateSignature(h.signature, h.body, []byte(secret)); err != nil {
			t.Errorf("%s: %v", h.event, err)
		}
		if _, err := github.ParseWebHook(h.event, h.body); err != nil {
			t.Errorf("%s: %v", h.event, err)
		}
	}
	w.mustGit(dir, "fetch", "-q", "origin")
	if got := w.mustGit(dir, "rev-parse", "origin/development"); got != merged.GetSHA() {
		t.Errorf("a fetch brings %s, merged was %s", got, merged.GetSHA())
	}
}

func TestPullRequestsAreRefused(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	ann := w.s.As("ann")
	sha, err := ann.Commit(w.ctx, "acme/shop", "feature", "Work", map[string]string{"f": "1\n"})
	w.must(err)
	_, err = ann.OpenPull(w.ctx, "acme/shop", "feature", "development", "Work", "")
	w.must(err)
	for name, c := range map[string]struct{ head, base, want string }{
		"the same again":   {"feature", "development", "A pull request already exists for acme:feature."},
		"nothing to merge": {"master", "development", "No commits between development and master"},
		"no such head":     {"nowhere", "development", "invalid"},
		"no such base":     {"feature", "nowhere", "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ann.OpenPull(w.ctx, "acme/shop", c.head, c.base, "T", "")
			if err == nil || !strings.Contains(err.Error(), "422") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want 422 with %q", err, c.want)
			}
		})
	}
	_, _, err = w.bot.PullRequests.Merge(w.ctx, "acme", "shop", 1, "", &github.PullRequestOptions{SHA: w.repo.SHA("master")})
	if status(err) != 409 {
		t.Errorf("merging with a stale SHA: %v, want 409", err)
	}
	w.repo.AddRuleset(fakegithub.Ruleset{Include: []string{"~ALL"}, Rules: []fakegithub.Rule{{Type: "required_status_checks",
		Parameters: map[string]any{"required_status_checks": []any{map[string]any{"context": "ci", "integration_id": 77}}}}}})
	_, _, err = w.bot.PullRequests.Merge(w.ctx, "acme", "shop", 1, "", nil)
	if status(err) != 405 {
		t.Errorf("merging without the required check: %v, want 405", err)
	}
	_, err = w.repo.SetCheck(76, sha, "ci", "success")
	w.must(err)
	if _, _, err = w.bot.PullRequests.Merge(w.ctx, "acme", "shop", 1, "", nil); status(err) != 405 {
		t.Errorf("merging with the check of another App: %v, want 405", err)
	}
	_, err = w.repo.SetCheck(77, sha, "ci", "success")
	w.must(err)
	if _, _, err = w.bot.PullRequests.Merge(w.ctx, "acme", "shop", 1, "", nil); err != nil {
		t.Errorf("merging with the check: %v", err)
	}
}

func TestMergesEndpoint(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	ann := w.s.As("ann")
	_, err := ann.Commit(w.ctx, "acme/shop", "left", "Left", map[string]string{"a.txt": "1\nleft\n3\n4\n5\n"})
	w.must(err)
	right, err := ann.Commit(w.ctx, "acme/shop", "right", "Right", map[string]string{"a.txt": "1\n2\n3\n4\nright\n"})
	w.must(err)
	_, err = ann.Commit(w.ctx, "acme/shop", "clash", "Clash", map[string]string{"a.txt": "1\nclash\n3\n4\n5\n"})
	w.must(err)
	merge := func(base, head string) (*github.RepositoryCommit, int) {
		t.Helper()
		c, res, err := w.bot.Repositories.Merge(w.ctx, "acme", "shop", &github.RepositoryMergeRequest{Base: &base, Head: &head})
		if res == nil {
			t.Fatal(err)
		}
		return c, res.StatusCode
	}
	commit, code := merge("left", right)
	if code != 201 || len(commit.Parents) != 2 {
		t.Errorf("a clean merge: %d with parents %v, want 201 with two", code, commit.Parents)
	}
	if text, _ := w.repo.File("left", "a.txt"); text != "1\nleft\n3\n4\nright\n" {
		t.Errorf("the merge holds %q", text)
	}
	for name, c := range map[string]struct {
		base, head string
		want       int
	}{"again": {"left", right, 204}, "conflict": {"left", "clash", 409}, "no such base": {"none", "left", 404}, "no such head": {"left", "none", 404}} {
		if _, code := merge(c.base, c.head); code != c.want {
			t.Errorf("%s: %d, want %d", name, code, c.want)
		}
	}
}

func TestPullRequestFollowsItsBranches(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	ann := w.s.As("ann")
	first, err := ann.Commit(w.ctx, "acme/shop", "feature", "One", map[string]string{"f": "1\n"})
	w.must(err)
	n, err := ann.OpenPull(w.ctx, "acme/shop", "feature", "development", "Work", "text")
	w.must(err)
	w.settle()
	w.clear()
	second, err := ann.Commit(w.ctx, "acme/shop", "feature", "Two", map[string]string{"f": "2\n"})
	w.must(err)
	if i, _ := w.repo.Issue(n); i.Pull.HeadSHA != second {
		t.Errorf("head is %s, pushed %s after %s", i.Pull.HeadSHA, second, first)
	}
	w.must(ann.EditPull(w.ctx, "acme/shop", n, map[string]any{"base": "master"}))
	w.must(ann.EditPull(w.ctx, "acme/shop", n, map[string]any{"state": "closed"}))
	w.must(ann.EditPull(w.ctx, "acme/shop", n, map[string]any{"state": "open"}))
	base, head := "master", second
	_, _, err = w.bot.Repositories.Merge(w.ctx, "acme", "shop", &github.RepositoryMergeRequest{Base: &base, Head: &head})
	w.must(err)
	i, _ := w.repo.Issue(n)
	if !i.Pull.Merged || i.Pull.MergeSHA != w.repo.SHA("master") {
		t.Errorf("a pull request whose head arrived in its base: %+v, want merged by %s", i.Pull, w.repo.SHA("master"))
	}
	want := []string{"push", "check_suite.requested", "pull_request.synchronize", "pull_request.edited", "pull_request.closed", "pull_request.reopened", "push", "check_suite.requested", "pull_request.closed"}
	if diff := cmp.Diff(want, w.heard()); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

func TestDeletedBaseBranch(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	ann, bob := w.s.As("ann"), w.s.As("bob")
	open := func(head, base string) int {
		t.Helper()
		_, err := ann.Commit(w.ctx, "acme/shop", head, "Work on "+head, map[string]string{head: "1\n"})
		w.must(err)
		n, err := ann.OpenPull(w.ctx, "acme/shop", head, base, head, "")
		w.must(err)
		return n
	}
	release := open("release", "master")
	onRelease := open("fix", "release")
	_ = open("topic", "master")
	onTopic := open("subtopic", "topic")
	_, err := bob.MergePull(w.ctx, "acme/shop", release, "")
	w.must(err)
	w.must(bob.DeleteBranch(w.ctx, "acme/shop", "release"))
	w.must(bob.DeleteBranch(w.ctx, "acme/shop", "topic"))
	if i, _ := w.repo.Issue(onRelease); !i.Open || i.Pull.BaseRef != "master" {
		t.Errorf("into a merged branch: open %v, base %s, want open into master", i.Open, i.Pull.BaseRef)
	}
	if i, _ := w.repo.Issue(onTopic); i.Open {
		t.Error("into a branch that was never merged: still open")
	}
}

func TestTheAppPushes(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	dir := w.clone("ann")
	w.mustGit(dir, "commit", "-q", "--allow-empty", "-m", "by the App")
	u := strings.Replace(w.repo.CloneURL(""), "://", "://x-access-token:"+w.token()+"@", 1)
	w.mustGit(dir, "push", "-q", u, "HEAD:refs/heads/app", "HEAD:refs/tags/v1")
	if w.repo.SHA("app") == "" || w.repo.Tags()["v1"] != w.repo.SHA("app") {
		t.Error("the push did not arrive")
	}
	var e github.PushEvent
	w.settle()
	w.must(json.Unmarshal(w.received()[0].body, &e))
	if e.GetSender().GetLogin() != "sluice[bot]" || e.GetAfter() != w.repo.SHA("app") || !e.GetCreated() || e.GetInstallation().GetID() != w.inst.ID {
		t.Errorf("the push says %v", e)
	}
	for who, url := range map[string]string{"a reader": w.repo.CloneURL("qa1"), "nobody": w.repo.CloneURL("")} {
		if out, err := w.git(dir, "push", url, "HEAD:refs/heads/x"); err == nil {
			t.Errorf("%s could push:\n%s", who, out)
		}
	}
	w.settle()
	w.clear()
	if out, err := w.git(dir, "push", u, "HEAD:refs/tags/a", "HEAD:refs/tags/b", "HEAD:refs/tags/c", "HEAD:refs/tags/d"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if heard := w.heard(); len(heard) != 0 {
		t.Errorf("more than three tags at once were told: %v", heard)
	}
}
