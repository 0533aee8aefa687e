package fakegithub_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"
	"golang.org/x/oauth2"

	"github.com/sluicehq/sluice/test/fakegithub"
)

func TestIssuesAndComments(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	ann, bot := w.s.As("ann"), w.bot.Issues
	n, err := ann.OpenIssue(w.ctx, "acme/shop", "Broken", "It is")
	w.must(err)
	_, _, err = bot.AddLabelsToIssue(w.ctx, "acme", "shop", n, []string{"hotfix", "urgent"})
	w.must(err)
	_, err = bot.RemoveLabelForIssue(w.ctx, "acme", "shop", n, "urgent")
	w.must(err)
	labels, _, err := bot.ListLabelsByIssue(w.ctx, "acme", "shop", n, nil)
	w.must(err)
	if len(labels) != 1 || labels[0].GetName() != "hotfix" {
		t.Errorf("labels %v", labels)
	}
	_, _, err = bot.AddAssignees(w.ctx, "acme", "shop", n, []string{"ann", "nobody"})
	w.must(err)
	_, _, err = bot.RemoveAssignees(w.ctx, "acme", "shop", n, []string{"ann"})
	w.must(err)
	c, _, err := bot.CreateComment(w.ctx, "acme", "shop", n, &github.IssueComment{Body: github.String("hello <b>&")})
	w.must(err)
	_, _, err = bot.EditComment(w.ctx, "acme", "shop", c.GetID(), &github.IssueComment{Body: github.String("hello again")})
	w.must(err)
	_, _, err = bot.GetComment(w.ctx, "acme", "shop", c.GetID())
	w.must(err)
	list, _, err := bot.ListComments(w.ctx, "acme", "shop", n, nil)
	w.must(err)
	if len(list) != 1 || list[0].GetBody() != "hello again" || list[0].User.GetType() != "Bot" {
		t.Errorf("comments %v", list)
	}
	for range 2 {
		_, _, err = w.bot.Reactions.CreateIssueReaction(w.ctx, "acme", "shop", n, "rocket")
		w.must(err)
	}
	reactions, _, err := w.bot.Reactions.ListIssueReactions(w.ctx, "acme", "shop", n, nil)
	w.must(err)
	if len(reactions) != 1 {
		t.Errorf("the same reaction twice makes %d, want 1", len(reactions))
	}
	w.must(ann.DeleteComment(w.ctx, "acme/shop", c.GetID()))
	_, _, err = bot.Edit(w.ctx, "acme", "shop", n, &github.IssueRequest{State: github.String("closed")})
	w.must(err)
	_, _, err = bot.Edit(w.ctx, "acme", "shop", n, &github.IssueRequest{State: github.String("open"), Title: github.String("Mended")})
	w.must(err)
	i, _, err := bot.Get(w.ctx, "acme", "shop", n)
	w.must(err)
	if i.GetTitle() != "Mended" || i.GetState() != "open" || i.IsPullRequest() {
		t.Errorf("issue %v", i)
	}
	want := []string{"issues.opened", "issues.labeled", "issues.labeled", "issues.unlabeled", "issues.assigned", "issue_comment.created", "issue_comment.edited", "issue_comment.deleted",
		"issues.closed", "issues.edited", "issues.reopened"}
	if diff := cmp.Diff(want, w.heard()); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

func TestReviewersAndUpdateBranch(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	ann := w.s.As("ann")
	_, err := ann.Commit(w.ctx, "acme/shop", "feature", "One", map[string]string{"f": "1\n"})
	w.must(err)
	n, err := ann.OpenPull(w.ctx, "acme/shop", "feature", "development", "Work", "")
	w.must(err)
	_, err = ann.Commit(w.ctx, "acme/shop", "development", "Other", map[string]string{"g": "1\n"})
	w.must(err)
	p := w.bot.PullRequests
	_, _, err = p.RequestReviewers(w.ctx, "acme", "shop", n, github.ReviewersRequest{Reviewers: []string{"bob"}})
	w.must(err)
	_, _, err = p.ListReviewers(w.ctx, "acme", "shop", n, nil)
	w.must(err)
	id, err := w.s.As("bob").Review(w.ctx, "acme/shop", n, "REQUEST_CHANGES", "no")
	w.must(err)
	w.must(w.s.As("bob").EditReview(w.ctx, "acme/shop", n, id, "no, not at all"))
	reviews, _, err := p.ListReviews(w.ctx, "acme", "shop", n, nil)
	w.must(err)
	_, _, err = p.DismissReview(w.ctx, "acme", "shop", n, reviews[0].GetID(), &github.PullRequestReviewDismissalRequest{Message: github.String("done")})
	w.must(err)
	_, _, err = p.UpdateBranch(w.ctx, "acme", "shop", n, nil)
	if _, accepted := err.(*github.AcceptedError); !accepted {
		w.must(err)
	}
	if !w.repo.Contains("feature", w.repo.SHA("development")) && !w.repo.Contains(w.repo.SHA("feature"), w.repo.SHA("development")) {
		t.Error("the base was not merged into the head")
	}
	files, _, err := p.ListFiles(w.ctx, "acme", "shop", n, nil)
	w.must(err)
	commits, _, err := p.ListCommits(w.ctx, "acme", "shop", n, nil)
	w.must(err)
	if len(files) != 1 || len(commits) != 2 {
		t.Errorf("%d files and %d commits, want 1 and 2", len(files), len(commits))
	}
	list, _, err := p.List(w.ctx, "acme", "shop", &github.PullRequestListOptions{Head: "acme:feature", Base: "development", State: "open"})
	w.must(err)
	if len(list) != 1 {
		t.Errorf("listed %d, want 1", len(list))
	}
	if _, err := w.s.As("bob").MergePull(w.ctx, "acme/shop", n, "rebase"); err != nil {
		t.Error(err)
	}
}

func TestForkPullRequest(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.s.AddUser("eve")
	w.must(w.s.As("boss").Do(w.ctx, "PATCH", "/repos/acme/shop", map[string]any{"private": false}, nil))
	fork, err := w.s.AddRepo("eve/shop", fakegithub.RepoConfig{ForkOf: "acme/shop"})
	w.must(err)
	w.settle()
	w.clear()
	sha, err := w.s.As("eve").Commit(w.ctx, "eve/shop", "feature", "Fork", map[string]string{"f": "1\n"})
	w.must(err)
	n, err := w.s.As("eve").OpenPull(w.ctx, "acme/shop", "eve:feature", "development", "From a fork", "")
	w.must(err)
	i, _ := w.repo.Issue(n)
	if i.Pull.HeadSHA != sha || i.Pull.HeadRepo != fork.FullName() {
		t.Errorf("pull request %+v", i.Pull)
	}
	run, _, err := w.bot.Checks.CreateCheckRun(w.ctx, "acme", "shop", github.CreateCheckRunOptions{Name: "c", HeadSHA: sha})
	w.must(err)
	if len(run.PullRequests) != 0 {
		t.Error("a fork's check run names pull requests")
	}
	second, err := w.s.As("eve").Commit(w.ctx, "eve/shop", "feature", "More", map[string]string{"f": "2\n"})
	w.must(err)
	if _, err := w.s.As("bob").MergePull(w.ctx, "acme/shop", n, ""); err != nil {
		t.Fatal(err)
	}
	if !w.repo.Contains(w.repo.SHA("development"), second) {
		t.Error("the fork's commit did not arrive")
	}
	if diff := cmp.Diff([]string{"pull_request.opened", "check_run.created", "pull_request.synchronize", "push", "check_suite.requested", "pull_request.closed"}, w.heard()); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

func TestMergeQueue(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.repo.AddRuleset(fakegithub.Ruleset{Include: []string{"refs/heads/development"}, Rules: []fakegithub.Rule{{Type: "merge_queue"}, checksRule("ci")}})
	ann := w.s.As("ann")
	_, err := ann.Commit(w.ctx, "acme/shop", "feature", "One", map[string]string{"f": "1\n"})
	w.must(err)
	n, err := ann.OpenPull(w.ctx, "acme/shop", "feature", "development", "Work", "")
	w.must(err)
	w.settle()
	w.clear()
	sha, err := w.repo.Enqueue(n)
	w.must(err)
	if err := w.repo.Dequeue(sha, true); err == nil {
		t.Error("a group without its required check was merged")
	}
	_, err = w.repo.SetCheck(77, sha, "ci", "success")
	w.must(err)
	w.must(w.repo.Dequeue(sha, true))
	if i, _ := w.repo.Issue(n); !i.Pull.Merged || w.repo.SHA("development") != sha {
		t.Errorf("after the queue: %+v", i.Pull)
	}
	var groups []string
	for _, h := range w.heard() {
		if strings.HasPrefix(h, "merge_group") || strings.HasPrefix(h, "pull_request") {
			groups = append(groups, h)
		}
	}
	if diff := cmp.Diff([]string{"merge_group.checks_requested", "pull_request.closed", "merge_group.destroyed"}, groups); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

func TestRepositoriesAndMembersChange(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	boss := w.s.As("boss")
	w.must(boss.Do(w.ctx, "PATCH", "/repos/acme/shop", map[string]any{"name": "store", "default_branch": "development"}, nil))
	got, _, err := w.bot.Repositories.Get(w.ctx, "acme", "shop")
	w.must(err)
	if got.GetFullName() != "acme/store" || got.GetID() != w.repo.ID() {
		t.Errorf("the old name leads to %s", got.GetFullName())
	}
	if _, _, err := w.bot.Issues.Create(w.ctx, "acme", "shop", &github.IssueRequest{Title: github.String("by the old name")}); err != nil {
		t.Errorf("writing by the old name: %v", err)
	}
	w.must(boss.Do(w.ctx, "PATCH", "/repos/acme/store", map[string]any{"archived": true}, nil))
	if _, err := boss.OpenIssue(w.ctx, "acme/store", "t", ""); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("writing to an archive: %v", err)
	}
	w.must(boss.Do(w.ctx, "PATCH", "/repos/acme/store", map[string]any{"archived": false}, nil))
	w.repo.Grant("qa1", fakegithub.RoleTriage)
	w.repo.Grant("qa1", fakegithub.RoleWrite)
	w.repo.Grant("qa1", fakegithub.RoleNone)
	w.must(w.s.SetTeamMember("acme", "qa", "bob", true))
	w.must(w.s.SetTeamMember("acme", "qa", "qa1", false))
	w.must(w.s.SetInstallation(w.inst.ID, nil, []string{}))
	if _, _, err := w.bot.Repositories.Get(w.ctx, "acme", "store"); status(err) != 404 {
		t.Errorf("a repository taken from the installation: %v, want 404", err)
	}
	w.must(w.s.SetInstallation(w.inst.ID, nil, nil))
	w.s.Uninstall(w.inst.ID)
	want := []string{"repository.edited", "repository.renamed", "issues.opened", "repository.archived", "repository.unarchived", "member.added", "member.edited", "member.removed", "membership.added", "membership.removed",
		"installation_repositories.removed", "installation_repositories.added", "installation.deleted"}
	if diff := cmp.Diff(want, w.heard()); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

func TestSignIn(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	conf := oauth2.Config{ClientID: w.app.ClientID, ClientSecret: w.app.ClientSecret, RedirectURL: "http://127.0.0.1:1/callback",
		Endpoint: oauth2.Endpoint{AuthURL: w.s.URL() + "/login/oauth/authorize", TokenURL: w.s.URL() + "/login/oauth/access_token"}}
	verifier := strings.Repeat("v", 50)
	sum := sha256.Sum256([]byte(verifier))
	client := &http.Client{Transport: noIdle, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ctx := context.WithValue(w.ctx, oauth2.HTTPClient, client)
	get := func(u string) *http.Response {
		t.Helper()
		res, err := client.Get(u)
		w.must(err)
		return res
	}
	page := conf.AuthCodeURL("st4te", oauth2.S256ChallengeOption(verifier))
	res := get(page)
	body, err := io.ReadAll(res.Body)
	w.must(err)
	w.must(res.Body.Close())
	if !strings.Contains(string(body), "login=ann") {
		t.Fatalf("the page offers nobody:\n%s", body)
	}
	code := func() string {
		t.Helper()
		res := get(page + "&login=ann")
		w.must(res.Body.Close())
		back, err := url.Parse(res.Header.Get("Location"))
		w.must(err)
		if back.Query().Get("state") != "st4te" {
			t.Errorf("redirected to %s", back)
		}
		return back.Query().Get("code")
	}
	if q, _ := url.Parse(page); q.Query().Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Fatal("the test sends another challenge than it means to")
	}
	if _, err := conf.Exchange(ctx, code(), oauth2.VerifierOption("another")); err == nil || !strings.Contains(err.Error(), "bad_verification_code") {
		t.Errorf("with another verifier: %v", err)
	}
	c := code()
	token, err := conf.Exchange(ctx, c, oauth2.VerifierOption(verifier))
	w.must(err)
	if _, err := conf.Exchange(ctx, c, oauth2.VerifierOption(verifier)); err == nil {
		t.Error("a code was good twice")
	}
	g := w.client(&http.Client{Transport: bearer{token.AccessToken}})
	u, _, err := g.Users.Get(w.ctx, "")
	w.must(err)
	installs, _, err := g.Apps.ListUserInstallations(w.ctx, nil)
	w.must(err)
	repos, _, err := g.Apps.ListUserRepos(w.ctx, w.inst.ID, nil)
	w.must(err)
	if u.GetLogin() != "ann" || len(installs) != 1 || repos.GetTotalCount() != 1 {
		t.Errorf("signed in as %s with %d installations", u.GetLogin(), len(installs))
	}
	bad := conf
	bad.RedirectURL = "javascript:alert(1)"
	res = get(bad.AuthCodeURL("s"))
	w.must(res.Body.Close())
	if res.StatusCode != 400 {
		t.Errorf("a redirect that is no web address: %d, want 400", res.StatusCode)
	}
}

func TestPages(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	ann := w.s.As("ann")
	sha, err := ann.Commit(w.ctx, "acme/shop", "feature", "Add <b>", map[string]string{"f": "1\n"})
	w.must(err)
	n, err := ann.OpenPull(w.ctx, "acme/shop", "feature", "development", "Work <script>", "text")
	w.must(err)
	_, err = ann.Comment(w.ctx, "acme/shop", n, "a comment")
	w.must(err)
	_, err = w.repo.SetCheck(77, sha, "ci", "success")
	w.must(err)
	for path, want := range map[string]string{"/": "acme/shop", "/acme/shop": "Work &lt;script&gt;", "/acme/shop/pull/1": "a comment", "/acme/shop/commit/" + sha: "Add &lt;b&gt;", "/acme/none": ""} {
		res, err := noIdle.RoundTrip(must(http.NewRequestWithContext(w.ctx, "GET", w.s.URL()+path, nil)))
		w.must(err)
		body, err := io.ReadAll(res.Body)
		w.must(err)
		w.must(res.Body.Close())
		if want == "" && res.StatusCode != 404 || want != "" && !strings.Contains(string(body), want) {
			t.Errorf("%s: %d, want %q in:\n%s", path, res.StatusCode, want, body)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
