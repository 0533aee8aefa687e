package fakegithub_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/test/fakegithub"
)

func TestReading(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	ann := w.s.As("ann")
	for i, text := range []string{"x\n", "y\n", "z\n"} {
		_, err := ann.Commit(w.ctx, "acme/shop", "release/1.0.0", "Change "+text, map[string]string{"dir/x.txt": text, "n.txt": strings.Repeat("n", i+1)})
		w.must(err)
	}
	_, _, err := w.bot.Git.CreateRef(w.ctx, "acme", "shop", &github.Reference{Ref: github.String("refs/tags/v1.0.0"), Object: &github.GitObject{SHA: github.String(w.repo.SHA("release/1.0.0"))}})
	w.must(err)
	r, bot := w.bot.Repositories, w.bot
	checks := map[string]func() (any, error){
		"repository": func() (any, error) { x, _, err := r.Get(w.ctx, "acme", "shop"); return x.GetAllowMergeCommit(), err },
		"branches":   func() (any, error) { x, _, err := r.ListBranches(w.ctx, "acme", "shop", nil); return len(x), err },
		"branch": func() (any, error) {
			x, _, err := r.GetBranch(w.ctx, "acme", "shop", "release/1.0.0", 1)
			return x.GetName(), err
		},
		"compare ahead": func() (any, error) {
			x, _, err := r.CompareCommits(w.ctx, "acme", "shop", "master", "release/1.0.0", nil)
			return x.GetAheadBy(), err
		},
		"compare behind": func() (any, error) {
			x, _, err := r.CompareCommits(w.ctx, "acme", "shop", "release/1.0.0", "master", nil)
			return x.GetStatus(), err
		},
		"compare first": func() (any, error) {
			x, _, err := r.CompareCommits(w.ctx, "acme", "shop", "master", "v1.0.0", &github.ListOptions{PerPage: 1})
			return x.Commits[0].Commit.GetMessage(), err
		},
		"compare files": func() (any, error) {
			x, _, err := r.CompareCommits(w.ctx, "acme", "shop", "master", "v1.0.0", nil)
			return x.Files[0].GetFilename() + " " + x.Files[0].GetPatch(), err
		},
		"commits": func() (any, error) {
			x, _, err := r.ListCommits(w.ctx, "acme", "shop", &github.CommitsListOptions{SHA: "v1.0.0", Path: "dir"})
			return len(x), err
		},
		"commit": func() (any, error) {
			x, _, err := r.GetCommit(w.ctx, "acme", "shop", "release/1.0.0", nil)
			return x.Files[0].GetFilename() + x.Author.GetLogin(), err
		},
		"commit sha": func() (any, error) {
			x, _, err := r.GetCommitSHA1(w.ctx, "acme", "shop", "v1.0.0", "")
			return x == w.repo.SHA("v1.0.0"), err
		},
		"git commit": func() (any, error) {
			x, _, err := bot.Git.GetCommit(w.ctx, "acme", "shop", w.repo.SHA("v1.0.0"))
			return x.GetMessage(), err
		},
		"ref": func() (any, error) {
			x, _, err := bot.Git.GetRef(w.ctx, "acme", "shop", "heads/release/1.0.0")
			return x.GetRef(), err
		},
		"matching refs": func() (any, error) {
			x, _, err := bot.Git.ListMatchingRefs(w.ctx, "acme", "shop", &github.ReferenceListOptions{Ref: "tags/v"})
			return len(x), err
		},
		"tree": func() (any, error) {
			x, _, err := bot.Git.GetTree(w.ctx, "acme", "shop", "v1.0.0", true)
			return len(x.Entries), err
		},
		"tags": func() (any, error) { x, _, err := r.ListTags(w.ctx, "acme", "shop", nil); return x[0].GetName(), err },
		"file": func() (any, error) {
			x, _, _, err := r.GetContents(w.ctx, "acme", "shop", "dir/x.txt", &github.RepositoryContentGetOptions{Ref: "v1.0.0"})
			if err != nil {
				return nil, err
			}
			return x.GetContent()
		},
		"folder": func() (any, error) { _, x, _, err := r.GetContents(w.ctx, "acme", "shop", "", nil); return len(x), err },
		"collaborator": func() (any, error) {
			x, _, err := r.GetPermissionLevel(w.ctx, "acme", "shop", "bob")
			return x.GetPermission() + " " + x.User.GetRoleName(), err
		},
		"team": func() (any, error) {
			x, _, err := bot.Teams.GetTeamBySlug(w.ctx, "acme", "qa")
			return x.GetMembersCount(), err
		},
		"team members": func() (any, error) {
			x, _, err := bot.Teams.ListTeamMembersBySlug(w.ctx, "acme", "qa", nil)
			return x[0].GetLogin(), err
		},
		"team member": func() (any, error) {
			x, _, err := bot.Teams.GetTeamMembershipBySlug(w.ctx, "acme", "qa", "qa1")
			return x.GetState(), err
		},
		"user":            func() (any, error) { x, _, err := bot.Users.Get(w.ctx, "ann"); return x.GetLogin(), err },
		"organization":    func() (any, error) { x, _, err := bot.Organizations.Get(w.ctx, "acme"); return x.GetLogin(), err },
		"installed repos": func() (any, error) { x, _, err := bot.Apps.ListRepos(w.ctx, nil); return x.GetTotalCount(), err },
		"app":             func() (any, error) { x, _, err := w.jwt.Apps.Get(w.ctx, ""); return x.GetSlug(), err },
		"installations":   func() (any, error) { x, _, err := w.jwt.Apps.ListInstallations(w.ctx, nil); return len(x), err },
		"installation": func() (any, error) {
			x, _, err := w.jwt.Apps.FindRepositoryInstallation(w.ctx, "acme", "shop")
			return x.GetAppSlug(), err
		},
		"rate limit": func() (any, error) { x, _, err := bot.RateLimit.Get(w.ctx); return x.Core.Limit, err },
		"meta":       func() (any, error) { _, _, err := bot.Meta.Get(w.ctx); return "", err },
		"combined status": func() (any, error) {
			x, _, err := r.GetCombinedStatus(w.ctx, "acme", "shop", "release/1.0.0", nil)
			return x.GetState(), err
		},
		"check suites": func() (any, error) {
			x, _, err := bot.Checks.ListCheckSuitesForRef(w.ctx, "acme", "shop", "release/1.0.0", nil)
			return x.GetTotal(), err
		},
	}
	want := map[string]any{"repository": true, "branches": 3, "branch": "release/1.0.0", "compare ahead": 3, "compare behind": "behind", "compare first": "Change x",
		"compare files": "dir/x.txt @@ -0,0 +1 @@\n+z", "commits": 3, "commit": "dir/x.txtann", "commit sha": true, "git commit": "Change z", "ref": "refs/heads/release/1.0.0", "matching refs": 1, "tree": 5,
		"tags": "v1.0.0", "file": "z\n", "folder": 2, "collaborator": "write maintain", "team": 1, "team members": "qa1", "team member": "active", "user": "ann",
		"organization": "acme", "installed repos": 1, "app": "sluice", "installations": 1, "installation": "sluice", "rate limit": 5000, "meta": "", "combined status": "pending", "check suites": 1}
	got := map[string]any{}
	for name, f := range checks {
		x, err := f()
		if err != nil {
			x = err.Error()
		}
		got[name] = x
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestRefs(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	sha, old := w.repo.SHA("development"), w.repo.SHA("master")
	ref := func(name, sha string) *github.Reference {
		return &github.Reference{Ref: github.String(name), Object: &github.GitObject{SHA: &sha}}
	}
	_, _, err := w.bot.Git.CreateRef(w.ctx, "acme", "shop", ref("refs/heads/release/1.0.0", sha))
	w.must(err)
	if _, _, err := w.bot.Git.CreateRef(w.ctx, "acme", "shop", ref("refs/heads/release/1.0.0", sha)); status(err) != 422 || !strings.Contains(err.Error(), "Reference already exists") {
		t.Errorf("creating it again: %v", err)
	}
	if _, _, err := w.bot.Git.CreateRef(w.ctx, "acme", "shop", ref("refs/heads/release", sha)); status(err) != 422 {
		t.Errorf("creating a prefix of it: %v", err)
	}
	if _, _, err := w.bot.Git.UpdateRef(w.ctx, "acme", "shop", ref("refs/heads/release/1.0.0", old), false); status(err) != 422 || !strings.Contains(err.Error(), "not a fast forward") {
		t.Errorf("moving it back: %v", err)
	}
	if _, _, err := w.bot.Git.GetRef(w.ctx, "acme", "shop", "heads/rel"); status(err) != 404 {
		t.Errorf("a prefix is no ref: %v", err)
	}
	tag, _, err := w.bot.Git.CreateTag(w.ctx, "acme", "shop", &github.Tag{Tag: github.String("v1.0.0"), Message: github.String("1.0.0"), Object: &github.GitObject{SHA: &sha, Type: github.String("commit")}})
	w.must(err)
	_, _, err = w.bot.Git.CreateRef(w.ctx, "acme", "shop", ref("refs/tags/v1.0.0", tag.GetSHA()))
	w.must(err)
	if got := w.repo.Tags()["v1.0.0"]; got != sha {
		t.Errorf("the tag peels to %s, want %s", got, sha)
	}
	_, err = w.bot.Git.DeleteRef(w.ctx, "acme", "shop", "heads/release/1.0.0")
	w.must(err)
	if _, ok := w.repo.Branches()["release/1.0.0"]; ok {
		t.Error("the branch is still there")
	}
	if diff := cmp.Diff([]string{"push", "create", "check_suite.requested", "push", "create", "push", "delete"}, w.heard()); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

func TestDeploymentsHaveGitHubsDefaults(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	sha, err := w.s.As("ann").Commit(w.ctx, "acme/shop", "development", "Work", map[string]string{"c": "c"})
	w.must(err)
	_, err = w.s.As("ann").Commit(w.ctx, "acme/shop", "master", "Fix", map[string]string{"d": "d"})
	w.must(err)
	deploy := func(in *github.DeploymentRequest) error {
		_, _, err := w.bot.Repositories.CreateDeployment(w.ctx, "acme", "shop", in)
		return err
	}
	var acceptedErr *github.AcceptedError
	if err := deploy(&github.DeploymentRequest{Ref: github.String("development")}); !errors.As(err, &acceptedErr) {
		t.Errorf("with auto_merge: %v, want 202", err)
	}
	if w.repo.SHA("development") == sha {
		t.Error("the default branch was not merged into the ref")
	}
	_, err = w.repo.SetCheck(77, sha, "ci", "failure")
	w.must(err)
	if err := deploy(&github.DeploymentRequest{Ref: &sha, AutoMerge: github.Bool(false)}); status(err) != 409 {
		t.Errorf("with a red check: %v, want 409", err)
	}
	in := &github.DeploymentRequest{Ref: &sha, AutoMerge: github.Bool(false), RequiredContexts: &[]string{}, Environment: github.String("staging"), Payload: map[string]any{"id": "x"}}
	first, _, err := w.bot.Repositories.CreateDeployment(w.ctx, "acme", "shop", in)
	w.must(err)
	second, _, err := w.bot.Repositories.CreateDeployment(w.ctx, "acme", "shop", in)
	w.must(err)
	for _, d := range []*github.Deployment{first, second} {
		_, _, err := w.bot.Repositories.CreateDeploymentStatus(w.ctx, "acme", "shop", d.GetID(), &github.DeploymentStatusRequest{State: github.String("success"), EnvironmentURL: github.String("http://127.0.0.1:1/")})
		w.must(err)
	}
	var states []string
	for _, d := range w.repo.Deployments() {
		states = append(states, d.State())
	}
	if diff := cmp.Diff([]string{"inactive", "success"}, states); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	list, _, err := w.bot.Repositories.ListDeployments(w.ctx, "acme", "shop", &github.DeploymentsListOptions{Environment: "staging"})
	w.must(err)
	if len(list) != 2 || string(list[0].Payload) != `{"id":"x"}` {
		t.Errorf("listed %d, payload %s", len(list), list[0].Payload)
	}
	_, _, err = w.bot.Repositories.ListDeploymentStatuses(w.ctx, "acme", "shop", first.GetID(), nil)
	w.must(err)
	envs, _, err := w.bot.Repositories.ListEnvironments(w.ctx, "acme", "shop", nil)
	w.must(err)
	if envs.GetTotalCount() != 1 {
		t.Errorf("%d environments, want 1", envs.GetTotalCount())
	}
}

func TestAReleaseMakesItsTag(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	rel, _, err := w.bot.Repositories.CreateRelease(w.ctx, "acme", "shop", &github.RepositoryRelease{TagName: github.String("v1.0.0"), TargetCommitish: github.String("development"), Name: github.String("1.0.0"), Body: github.String("notes")})
	w.must(err)
	if w.repo.Tags()["v1.0.0"] != w.repo.SHA("development") {
		t.Error("the tag was not made at the target")
	}
	if _, _, err := w.bot.Repositories.CreateRelease(w.ctx, "acme", "shop", &github.RepositoryRelease{TagName: github.String("v1.0.0")}); status(err) != 422 || !strings.Contains(err.Error(), "already_exists") {
		t.Errorf("again: %v", err)
	}
	got, _, err := w.bot.Repositories.GetReleaseByTag(w.ctx, "acme", "shop", "v1.0.0")
	w.must(err)
	if got.GetID() != rel.GetID() {
		t.Errorf("by tag: %d, want %d", got.GetID(), rel.GetID())
	}
	_, _, err = w.bot.Repositories.EditRelease(w.ctx, "acme", "shop", rel.GetID(), &github.RepositoryRelease{Body: github.String("better notes")})
	w.must(err)
	_, _, err = w.bot.Repositories.GetLatestRelease(w.ctx, "acme", "shop")
	w.must(err)
	_, _, err = w.bot.Repositories.ListReleases(w.ctx, "acme", "shop", nil)
	w.must(err)
}

func TestCheckLimitsAndButtons(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	sha := w.repo.SHA("development")
	many := make([]*github.CheckRunAnnotation, 51)
	for i := range many {
		many[i] = &github.CheckRunAnnotation{Path: github.String("a.txt"), StartLine: github.Int(1), EndLine: github.Int(1), AnnotationLevel: github.String("notice"), Message: github.String("m")}
	}
	out := func(summary string, a []*github.CheckRunAnnotation) *github.CheckRunOutput {
		return &github.CheckRunOutput{Title: github.String("t"), Summary: &summary, Annotations: a}
	}
	for name, o := range map[string]github.CreateCheckRunOptions{
		"too many annotations": {Name: "c", HeadSHA: sha, Output: out("s", many)},
		"summary too long":     {Name: "c", HeadSHA: sha, Output: out(strings.Repeat("x", 65536), nil)},
		"too many buttons":     {Name: "c", HeadSHA: sha, Actions: []*github.CheckRunAction{{}, {}, {}, {}}},
		"label too long":       {Name: "c", HeadSHA: sha, Actions: []*github.CheckRunAction{{Label: strings.Repeat("x", 21), Description: "d", Identifier: "i"}}},
		"unknown commit":       {Name: "c", HeadSHA: strings.Repeat("a", 40)},
	} {
		if _, _, err := w.bot.Checks.CreateCheckRun(w.ctx, "acme", "shop", o); status(err) != 422 {
			t.Errorf("%s: %v, want 422", name, err)
		}
		found := w.s.Violations()
		w.s.ForgetViolations()
		if wrong := name != "unknown commit"; wrong != (len(found) == 1 && found[0].Kind == "request") || len(found) > 1 {
			t.Errorf("%s: violations %v, want one of a request for what the description forbids", name, found)
		}
	}
	if _, _, err := w.user("ann").Checks.CreateCheckRun(w.ctx, "acme", "shop", github.CreateCheckRunOptions{Name: "c", HeadSHA: sha}); status(err) != 403 {
		t.Errorf("a user: %v, want 403", err)
	}
	run, _, err := w.bot.Checks.CreateCheckRun(w.ctx, "acme", "shop", github.CreateCheckRunOptions{Name: "sluice/promotion", HeadSHA: sha, ExternalID: github.String("e1"), Output: out("s", many[:50]),
		Actions: []*github.CheckRunAction{{Label: "Approve", Description: "take it", Identifier: "approve"}}})
	w.must(err)
	w.settle()
	w.clear()
	if err := w.s.As("qa1").ClickButton(w.ctx, "acme/shop", run.GetID(), "approve"); err == nil {
		t.Error("a reader could press a button")
	}
	if err := w.s.As("ann").ClickButton(w.ctx, "acme/shop", run.GetID(), "nothing"); err == nil {
		t.Error("a button that is not there could be pressed")
	}
	w.must(w.s.As("ann").ClickButton(w.ctx, "acme/shop", run.GetID(), "approve"))
	w.must(w.s.As("ann").RerunCheck(w.ctx, "acme/shop", run.GetID()))
	w.must(w.s.As("ann").RerunSuite(w.ctx, "acme/shop", run.GetCheckSuite().GetID()))
	if diff := cmp.Diff([]string{"check_run.requested_action", "check_run.rerequested", "check_suite.rerequested"}, w.heard()); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
	var e github.CheckRunEvent
	w.must(json.Unmarshal(w.received()[0].body, &e))
	if e.RequestedAction.Identifier != "approve" || e.Sender.GetLogin() != "ann" || e.CheckRun.GetExternalID() != "e1" || e.CheckRun.App.GetID() != w.app.ID {
		t.Errorf("the click says %+v", e)
	}
	_, _, err = w.bot.Checks.UpdateCheckRun(w.ctx, "acme", "shop", run.GetID(), github.UpdateCheckRunOptions{Name: "sluice/promotion", Status: github.String("completed"), Conclusion: github.String("action_required"), Output: out("done", nil)})
	w.must(err)
	list, _, err := w.bot.Checks.ListCheckRunsForRef(w.ctx, "acme", "shop", sha, &github.ListCheckRunsOptions{CheckName: github.String("sluice/promotion"), AppID: &w.app.ID})
	w.must(err)
	if list.GetTotal() != 1 || list.CheckRuns[0].GetConclusion() != "action_required" || list.CheckRuns[0].Output.GetAnnotationsCount() != 50 {
		t.Errorf("listed %+v", list)
	}
	_, _, err = w.bot.Checks.ListCheckRunAnnotations(w.ctx, "acme", "shop", run.GetID(), nil)
	w.must(err)
}

func TestWorkflows(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	_, err := w.repo.Seed("master", "workflow", map[string]string{".github/workflows/load.yml": "name: Load\nrun-name: Load ${{ inputs.execution }}\non:\n  workflow_dispatch:\n    inputs:\n      execution:\n        type: string\n"})
	w.must(err)
	in := github.CreateWorkflowDispatchEventRequest{Ref: "master", Inputs: map[string]any{"execution": "e-1"}}
	_, err = w.bot.Actions.CreateWorkflowDispatchEventByFileName(w.ctx, "acme", "shop", "load.yml", in)
	w.must(err)
	if _, err := w.bot.Actions.CreateWorkflowDispatchEventByFileName(w.ctx, "acme", "shop", "none.yml", in); status(err) != 404 {
		t.Errorf("an unknown workflow: %v, want 404", err)
	}
	if _, err := w.bot.Actions.CreateWorkflowDispatchEventByFileName(w.ctx, "acme", "shop", "load.yml", github.CreateWorkflowDispatchEventRequest{Ref: "master", Inputs: map[string]any{"x": "y"}}); status(err) != 422 {
		t.Errorf("an unknown input: %v, want 422", err)
	}
	runs, _, err := w.bot.Actions.ListWorkflowRunsByFileName(w.ctx, "acme", "shop", "load.yml", &github.ListWorkflowRunsOptions{Event: "workflow_dispatch"})
	w.must(err)
	if runs.GetTotalCount() != 1 || runs.WorkflowRuns[0].GetDisplayTitle() != "Load e-1" || runs.WorkflowRuns[0].GetStatus() != "queued" {
		t.Fatalf("runs %+v", runs)
	}
	id := runs.WorkflowRuns[0].GetID()
	w.must(w.repo.SetRun(id, "in_progress", ""))
	w.must(w.repo.SetRun(id, "completed", "success"))
	run, _, err := w.bot.Actions.GetWorkflowRunByID(w.ctx, "acme", "shop", id)
	w.must(err)
	if run.GetConclusion() != "success" {
		t.Errorf("conclusion %q", run.GetConclusion())
	}
	_, _, err = w.bot.Actions.ListWorkflowJobs(w.ctx, "acme", "shop", id, nil)
	w.must(err)
	_, _, err = w.bot.Actions.ListWorkflows(w.ctx, "acme", "shop", nil)
	w.must(err)
	if diff := cmp.Diff([]string{"workflow_run.requested", "workflow_run.in_progress", "workflow_run.completed"}, w.heard()); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

func TestConditionalRequestsAreFree(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	get := func(etag string) *http.Response {
		r, err := http.NewRequestWithContext(w.ctx, "GET", w.s.URL()+"/repos/acme/shop", nil)
		w.must(err)
		r.Header.Set("Authorization", "Bearer "+w.s.AddUser("ann").Token)
		if etag != "" {
			r.Header.Set("If-None-Match", etag)
		}
		res, err := noIdle.RoundTrip(r)
		w.must(err)
		_, _ = io.Copy(io.Discard, res.Body)
		w.must(res.Body.Close())
		return res
	}
	first := get("")
	second := get(first.Header.Get("ETag"))
	if second.StatusCode != 304 || second.Header.Get("X-RateLimit-Used") != first.Header.Get("X-RateLimit-Used") {
		t.Errorf("status %d, used %s after %s", second.StatusCode, second.Header.Get("X-RateLimit-Used"), first.Header.Get("X-RateLimit-Used"))
	}
	_, err := w.s.As("ann").OpenIssue(w.ctx, "acme/shop", "An issue", "")
	w.must(err)
	if third := get(first.Header.Get("ETag")); third.StatusCode != 200 {
		t.Errorf("after a change: %d, want 200", third.StatusCode)
	}
}

func TestPaging(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	for range 5 {
		_, err := w.s.As("ann").OpenIssue(w.ctx, "acme/shop", "An issue", "")
		w.must(err)
	}
	opts := &github.IssueListByRepoOptions{Direction: "asc", ListOptions: github.ListOptions{PerPage: 2}}
	var numbers []int
	for {
		list, res, err := w.bot.Issues.ListByRepo(w.ctx, "acme", "shop", opts)
		w.must(err)
		for _, i := range list {
			numbers = append(numbers, i.GetNumber())
		}
		if res.NextPage == 0 {
			break
		}
		opts.Page = res.NextPage
	}
	if diff := cmp.Diff([]int{1, 2, 3, 4, 5}, numbers); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	var c clock
	w := newWorld(t, fakegithub.Options{Now: c.now})
	w.s.AddUser("eve")
	cases := map[string]struct {
		do   func() error
		want int
	}{
		"a stranger reads":        {func() error { _, _, err := w.user("eve").Repositories.Get(w.ctx, "acme", "shop"); return err }, 404},
		"a reader comments":       {func() error { _, err := w.s.As("qa1").OpenIssue(w.ctx, "acme/shop", "t", ""); return err }, 0},
		"a reader makes a branch": {func() error { return w.s.As("qa1").CreateBranch(w.ctx, "acme/shop", "x", w.repo.SHA("master")) }, 403},
		"a writer administers": {func() error {
			return w.s.As("ann").Do(w.ctx, "PATCH", "/repos/acme/shop", map[string]any{"description": "d"}, nil)
		}, 404},
		"an admin administers": {func() error {
			return w.s.As("boss").Do(w.ctx, "PATCH", "/repos/acme/shop", map[string]any{"description": "d"}, nil)
		}, 0},
		"the App administers": {func() error {
			_, _, err := w.bot.Repositories.Edit(w.ctx, "acme", "shop", &github.Repository{Description: github.String("d")})
			return err
		}, 403},
		"the App sets a status": {func() error {
			_, _, err := w.bot.Repositories.CreateStatus(w.ctx, "acme", "shop", w.repo.SHA("master"), &github.RepoStatus{State: github.String("success")})
			return err
		}, 403},
		"an installation as an App": {func() error { _, _, err := w.bot.Apps.Get(w.ctx, ""); return err }, 401},
		"an App as an installation": {func() error { _, _, err := w.jwt.Repositories.Get(w.ctx, "acme", "shop"); return err }, 401},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := c.do()
			got := status(err)
			var refused *fakegithub.APIError
			if errors.As(err, &refused) {
				got = refused.Status
			}
			if got != c.want || (c.want == 0) != (err == nil) {
				t.Errorf("got %v, want status %d", err, c.want)
			}
		})
	}
	token, _, err := w.jwt.Apps.CreateInstallationToken(w.ctx, w.inst.ID, &github.InstallationTokenOptions{Repositories: []string{"shop"}, Permissions: &github.InstallationPermissions{Contents: github.String("read")}})
	w.must(err)
	narrow := w.client(&http.Client{Transport: bearer{token.GetToken()}})
	if _, _, err := narrow.Issues.CreateComment(w.ctx, "acme", "shop", 1, &github.IssueComment{Body: github.String("x")}); status(err) != 403 {
		t.Errorf("a narrowed token: %v, want 403", err)
	}
	c.advance(61 * time.Minute)
	if _, _, err := narrow.Repositories.Get(w.ctx, "acme", "shop"); status(err) != 401 {
		t.Errorf("an expired token: %v, want 401", err)
	}
}
