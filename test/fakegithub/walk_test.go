package fakegithub_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// TestWalk calls what the other tests leave out, so that each answer is compared with GitHub's description.
func TestWalk(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	_, err := w.repo.Seed("master", "workflow", map[string]string{".github/workflows/load.yml": "name: Load\non:\n  workflow_dispatch:\n"})
	w.must(err)
	ann, boss := w.s.As("ann"), w.s.As("boss")
	sha, err := ann.Commit(w.ctx, "acme/shop", "feature", "Work", map[string]string{"f.txt": "f\n"})
	w.must(err)
	n, err := ann.OpenPull(w.ctx, "acme/shop", "feature", "development", "Work", "")
	w.must(err)
	id, err := ann.Comment(w.ctx, "acme/shop", n, "a")
	w.must(err)
	w.must(ann.EditComment(w.ctx, "acme/shop", id, "b"))
	w.must(ann.Status(w.ctx, "acme/shop", sha, "ci", "pending"))
	w.must(ann.CreateTag(w.ctx, "acme/shop", "v1", sha))
	run, err := w.repo.SetCheck(77, sha, "build", "success")
	w.must(err)
	b, ctx := w.bot, w.ctx
	blob, _, err := b.Git.CreateBlob(ctx, "acme", "shop", &github.Blob{Content: github.String("aGk="), Encoding: github.String("base64")})
	w.must(err)
	tag, _, err := b.Git.CreateTag(ctx, "acme", "shop", &github.Tag{Tag: github.String("v2"), Message: github.String("m"), Object: &github.GitObject{SHA: &sha, Type: github.String("commit")}})
	w.must(err)
	deployment, _, err := b.Repositories.CreateDeployment(ctx, "acme", "shop", &github.DeploymentRequest{Ref: &sha, AutoMerge: github.Bool(false), RequiredContexts: &[]string{}, Environment: github.String("staging")})
	w.must(err)
	release, _, err := b.Repositories.CreateRelease(ctx, "acme", "shop", &github.RepositoryRelease{TagName: github.String("v1"), Draft: github.Bool(true)})
	w.must(err)
	reaction, _, err := b.Reactions.CreateIssueReaction(ctx, "acme", "shop", n, "eyes")
	w.must(err)
	_, err = b.Actions.CreateWorkflowDispatchEventByFileName(ctx, "acme", "shop", "load.yml", github.CreateWorkflowDispatchEventRequest{Ref: "master"})
	w.must(err)
	wf := w.repo.WorkflowRuns()[0].ID
	tree, _, err := b.Git.CreateTree(ctx, "acme", "shop", sha, []*github.TreeEntry{{Path: github.String("g/h.txt"), Mode: github.String("100644"), Type: github.String("blob"), Content: github.String("hello")}})
	w.must(err)
	made, _, err := b.Git.CreateCommit(ctx, "acme", "shop", &github.Commit{Message: github.String("made"), Tree: tree, Parents: []*github.Commit{{SHA: &sha}}}, nil)
	w.must(err)
	file, _, err := b.Repositories.CreateFile(ctx, "acme", "shop", "x.txt", &github.RepositoryContentFileOptions{Message: github.String("m"), Content: []byte("1"), Branch: github.String("feature")})
	w.must(err)

	const repo = "/repos/acme/shop"
	var suite struct{ ID int64 }
	steps := map[string]func() error{
		"check": func() error { _, _, err := b.Checks.GetCheckRun(ctx, "acme", "shop", run); return err },
		"suite": func() error {
			suite.ID = w.repo.Suites(sha)[0].ID
			_, _, err := b.Checks.GetCheckSuite(ctx, "acme", "shop", suite.ID)
			return err
		},
		"suite's checks": func() error {
			_, _, err := b.Checks.ListCheckRunsCheckSuite(ctx, "acme", "shop", w.repo.Suites(sha)[0].ID, nil)
			return err
		},
		"statuses": func() error {
			_, _, err := b.Repositories.ListStatuses(ctx, "acme", "shop", "feature", nil)
			return err
		},
		"pulls of a commit": func() error {
			_, _, err := b.PullRequests.ListPullRequestsWithCommit(ctx, "acme", "shop", sha, nil)
			return err
		},
		"branches of a head": func() error {
			_, _, err := b.Repositories.ListBranchesHeadCommit(ctx, "acme", "shop", w.repo.SHA("master"))
			return err
		},
		"blob":         func() error { _, _, err := b.Git.GetBlob(ctx, "acme", "shop", blob.GetSHA()); return err },
		"tag":          func() error { _, _, err := b.Git.GetTag(ctx, "acme", "shop", tag.GetSHA()); return err },
		"made commit":  func() error { _, _, err := b.Git.GetCommit(ctx, "acme", "shop", made.GetSHA()); return err },
		"all comments": func() error { _, _, err := b.Issues.ListComments(ctx, "acme", "shop", 0, nil); return err },
		"reactions": func() error {
			_, _, err := b.Reactions.ListIssueCommentReactions(ctx, "acme", "shop", id, nil)
			return err
		},
		"no reaction": func() error {
			_, err := b.Reactions.DeleteIssueReaction(ctx, "acme", "shop", n, reaction.GetID())
			return err
		},
		"labels": func() error { _, _, err := b.Issues.ListLabels(ctx, "acme", "shop", nil); return err },
		"label": func() error {
			_, _, err := b.Issues.CreateLabel(ctx, "acme", "shop", &github.Label{Name: github.String("new"), Color: github.String("aabbcc")})
			return err
		},
		"other labels": func() error {
			_, _, err := b.Issues.ReplaceLabelsForIssue(ctx, "acme", "shop", n, []string{"other"})
			return err
		},
		"deployment": func() error {
			_, _, err := b.Repositories.GetDeployment(ctx, "acme", "shop", deployment.GetID())
			return err
		},
		"environment":     func() error { _, _, err := b.Repositories.GetEnvironment(ctx, "acme", "shop", "staging"); return err },
		"new environment": func() error { return boss.Do(ctx, "PUT", repo+"/environments/qa", map[string]any{}, nil) },
		"release":         func() error { _, _, err := b.Repositories.GetRelease(ctx, "acme", "shop", release.GetID()); return err },
		"published release": func() error {
			_, _, err := b.Repositories.EditRelease(ctx, "acme", "shop", release.GetID(), &github.RepositoryRelease{Draft: github.Bool(false)})
			return err
		},
		"notes": func() error {
			_, _, err := b.Repositories.GenerateReleaseNotes(ctx, "acme", "shop", &github.GenerateNotesOptions{TagName: "v3"})
			return err
		},
		"workflow": func() error {
			_, _, err := b.Actions.GetWorkflowByFileName(ctx, "acme", "shop", "load.yml")
			return err
		},
		"cancel": func() error {
			_, err := b.Actions.CancelWorkflowRunByID(ctx, "acme", "shop", wf)
			if errors.As(err, new(*github.AcceptedError)) {
				return nil
			}
			return err
		},
		"collaborators":   func() error { _, _, err := b.Repositories.ListCollaborators(ctx, "acme", "shop", nil); return err },
		"is collaborator": func() error { _, _, err := b.Repositories.IsCollaborator(ctx, "acme", "shop", "ann"); return err },
		"new collaborator": func() error {
			return boss.Do(ctx, "PUT", repo+"/collaborators/qa1", map[string]any{"permission": "triage"}, nil)
		},
		"teams": func() error {
			w.repo.GrantTeam("qa", fakegithub.RoleTriage)
			_, _, err := b.Repositories.ListTeams(ctx, "acme", "shop", nil)
			return err
		},
		"organization teams": func() error { _, _, err := b.Teams.ListTeams(ctx, "acme", nil); return err },
		"members":            func() error { _, _, err := b.Organizations.ListMembers(ctx, "acme", nil); return err },
		"member":             func() error { _, _, err := b.Organizations.IsMember(ctx, "acme", "ann"); return err },
		"membership":         func() error { _, _, err := b.Organizations.GetOrgMembership(ctx, "ann", "acme"); return err },
		"organization repos": func() error { _, _, err := b.Repositories.ListByOrg(ctx, "acme", nil); return err },
		"user repos":         func() error { _, _, err := b.Repositories.ListByUser(ctx, "ann", nil); return err },
		"own repos":          func() error { return ann.Do(ctx, "GET", "/user/repos", nil, nil) },
		"user by ID":         func() error { _, _, err := b.Users.GetByID(ctx, w.s.AddUser("ann").ID); return err },
		"repo by ID":         func() error { _, _, err := b.Repositories.GetByID(ctx, w.repo.ID()); return err },
		"App":                func() error { _, _, err := b.Apps.Get(ctx, "sluice"); return err },
		"installation":       func() error { _, _, err := w.jwt.Apps.GetInstallation(ctx, w.inst.ID); return err },
		"of an organization": func() error { _, _, err := w.jwt.Apps.FindOrganizationInstallation(ctx, "acme"); return err },
		"hook":               func() error { _, _, err := w.jwt.Apps.GetHookConfig(ctx); return err },
		"other hook": func() error {
			_, _, err := w.jwt.Apps.UpdateHookConfig(ctx, &github.HookConfig{Secret: github.String("new")})
			return err
		},
		"ruleset": func() error {
			return boss.Do(ctx, "POST", repo+"/rulesets", map[string]any{"name": "r", "enforcement": "active", "target": "branch", "conditions": map[string]any{"ref_name": map[string]any{"include": []string{"refs/heads/x"}, "exclude": []string{}}}, "rules": []any{map[string]any{"type": "deletion"}}}, nil)
		},
		"no protection": func() error { return boss.Do(ctx, "DELETE", repo+"/branches/master/protection", nil, nil) },
		"deleted file": func() error {
			_, _, err := b.Repositories.DeleteFile(ctx, "acme", "shop", "x.txt", &github.RepositoryContentFileOptions{Message: github.String("m"), SHA: file.Content.SHA, Branch: github.String("feature")})
			return err
		},
	}
	for name, step := range steps {
		err := step()
		if name == "no protection" {
			if err == nil {
				t.Error("a branch without protection had one")
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if merged, _, err := b.PullRequests.IsMerged(ctx, "acme", "shop", n); err != nil || merged {
		t.Errorf("merged %v, %v", merged, err)
	}
	if _, _, err := b.Repositories.CreateFile(ctx, "acme", "shop", "f.txt", &github.RepositoryContentFileOptions{Message: github.String("m"), Content: []byte("1"), SHA: github.String(strings.Repeat("a", 40)), Branch: github.String("feature")}); status(err) != 409 {
		t.Errorf("a file that is not what it was taken for: %v, want 409", err)
	}
	sets, _, err := b.Repositories.GetAllRulesets(ctx, "acme", "shop", false)
	w.must(err)
	w.must(boss.Do(ctx, "PUT", repo+"/rulesets/"+itoa(sets[0].GetID()), map[string]any{"enforcement": "disabled"}, nil))
	w.must(boss.Do(ctx, "DELETE", repo+"/rulesets/"+itoa(sets[0].GetID()), nil, nil))
	_, err = b.Repositories.DeleteRelease(ctx, "acme", "shop", release.GetID())
	w.must(err)
	w.must(w.repo.SetRun(wf, "completed", "success"))
	if w.repo.WorkflowRuns()[0].Conclusion != "cancelled" {
		t.Error("a cancelled run was completed again")
	}
	_, err = b.Actions.RerunWorkflowByID(ctx, "acme", "shop", wf)
	w.must(err)
	_, err = w.jwt.Apps.SuspendInstallation(ctx, w.inst.ID)
	w.must(err)
	if _, _, err := b.Repositories.Get(ctx, "acme", "shop"); status(err) != 403 {
		t.Errorf("a suspended installation: %v, want 403", err)
	}
	_, err = w.jwt.Apps.UnsuspendInstallation(ctx, w.inst.ID)
	w.must(err)
	_, err = b.Apps.RevokeInstallationToken(ctx)
	w.must(err)
}

func itoa(n int64) string { return github.Stringify(n) }

func TestWorkflowCallback(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	_, err := w.repo.Seed("master", "workflow", map[string]string{".github/workflows/load.yml": "on:\n  workflow_dispatch:\n"})
	w.must(err)
	w.s.OnWorkflow(func(_ context.Context, r *fakegithub.Repo, run fakegithub.WorkflowRun) {
		_ = r.SetRun(run.ID, "in_progress", "")
		_ = r.SetRun(run.ID, "completed", "failure")
	})
	var out struct {
		ID int64 `json:"workflow_run_id"`
	}
	bot := w.s.With(w.token())
	w.must(bot.Do(w.ctx, "POST", "/repos/acme/shop/actions/workflows/load.yml/dispatches", map[string]any{"ref": "master", "return_run_details": true}, &out))
	w.settle()
	if run := w.repo.WorkflowRuns()[0]; run.ID != out.ID || run.Conclusion != "failure" {
		t.Errorf("run %+v, want %d to have failed", run, out.ID)
	}
}

func TestMergeableIsComputedLater(t *testing.T) {
	w := newWorld(t, fakegithub.Options{MergeableAfter: 2})
	_, err := w.s.As("ann").Commit(w.ctx, "acme/shop", "feature", "Work", map[string]string{"f.txt": "f\n"})
	w.must(err)
	n, err := w.s.As("ann").OpenPull(w.ctx, "acme/shop", "feature", "development", "Work", "")
	w.must(err)
	var states []string
	for range 3 {
		pr, _, err := w.bot.PullRequests.Get(w.ctx, "acme", "shop", n)
		w.must(err)
		states = append(states, pr.GetMergeableState())
	}
	if diff := cmp.Diff([]string{"unknown", "unknown", "clean"}, states); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestSecondaryLimits(t *testing.T) {
	var c clock
	w := newWorld(t, fakegithub.Options{SecondaryLimits: true, Now: c.now})
	bot := w.s.With(w.token())
	var refused *fakegithub.APIError
	n := 0
	for ; n < 100; n++ {
		if err := bot.Do(w.ctx, http.MethodPost, "/repos/acme/shop/issues", map[string]any{"title": "t"}, nil); errors.As(err, &refused) {
			break
		}
	}
	if n != 80 || !strings.Contains(refused.Message, "secondary rate limit") {
		t.Errorf("refused after %d: %v, want after 80", n, refused)
	}
	c.advance(time.Minute)
	w.must(bot.Do(w.ctx, http.MethodPost, "/repos/acme/shop/issues", map[string]any{"title": "t"}, nil))
}

func TestEnqueueByGraphQL(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.repo.AddRuleset(fakegithub.Ruleset{Include: []string{"refs/heads/development"}, Rules: []fakegithub.Rule{{Type: "merge_queue"}, checksRule("ci")}})
	head, err := w.s.As("ann").Commit(w.ctx, "acme/shop", "feature", "Work", map[string]string{"f.txt": "f\n"})
	w.must(err)
	n, err := w.s.As("ann").OpenPull(w.ctx, "acme/shop", "feature", "development", "Work", "")
	w.must(err)
	pr, _, err := w.bot.PullRequests.Get(w.ctx, "acme", "shop", n)
	w.must(err)
	ask := func(expected string) (failed string) {
		t.Helper()
		var out struct{ Errors []struct{ Message string } }
		w.must(w.s.With(w.token()).Do(w.ctx, "POST", "/graphql", map[string]any{
			"query":     "mutation($input: EnqueuePullRequestInput!) { enqueuePullRequest(input: $input) { mergeQueueEntry { id } } }",
			"variables": map[string]any{"input": map[string]any{"pullRequestId": pr.GetNodeID(), "expectedHeadOid": expected}}}, &out))
		for _, e := range out.Errors {
			failed += e.Message
		}
		return failed
	}
	queued := func() bool {
		t.Helper()
		var out struct {
			Data struct {
				Repository struct{ PullRequest struct{ IsInMergeQueue bool } }
			}
		}
		w.must(w.s.With(w.token()).Do(w.ctx, "POST", "/graphql", map[string]any{
			"query":     "query($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) { pullRequest(number: $number) { isInMergeQueue } } }",
			"variables": map[string]any{"owner": "acme", "name": "shop", "number": n}}, &out))
		return out.Data.Repository.PullRequest.IsInMergeQueue
	}
	group := func() string {
		t.Helper()
		for name, sha := range w.repo.Branches() {
			if strings.HasPrefix(name, "gh-readonly-queue/development/pr-1-") {
				return sha
			}
		}
		t.Fatalf("branches %v, want one of the queue", w.repo.Branches())
		return ""
	}
	if said := ask(head); !strings.Contains(said, "blocked") {
		t.Errorf("without its required check: %q", said)
	}
	w.mustCheck(77, head, "ci", "success")
	if said := ask(strings.Repeat("0", 40)); !strings.Contains(said, "expected") {
		t.Errorf("with another head: %q", said)
	}
	for range 2 { // it falls out once
		if said := ask(head); said != "" || !queued() {
			t.Fatalf("%q; in the queue: %v", said, queued())
		}
		if said := ask(head); !strings.Contains(said, "already") {
			t.Errorf("twice: %q", said)
		}
		w.mustCheck(77, group(), "ci", "failure")
		if queued() {
			t.Error("a group that failed is still there")
		}
	}
	if said := ask(head); said != "" {
		t.Fatal(said)
	}
	sha := group()
	w.mustCheck(77, sha, "ci", "success")
	if i, _ := w.repo.Issue(n); !i.Pull.Merged || w.repo.SHA("development") != sha || queued() {
		t.Errorf("after the queue: %+v", i.Pull)
	}
}

func (w *world) mustCheck(app int64, sha, name, conclusion string) {
	w.t.Helper()
	_, err := w.repo.SetCheck(app, sha, name, conclusion)
	w.must(err)
}
