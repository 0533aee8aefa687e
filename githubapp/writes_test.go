package githubapp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

func TestComments(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	n, err := w.s.As("ann").OpenIssue(w.ctx(), "acme/shop", "t", "b")
	w.must(err)
	made, err := w.gh.CreateComment(w.ctx(), n, "hello")
	w.must(err)
	bot := forge.User{ID: w.s.AddUser("sluice[bot]").ID, Login: "sluice[bot]", Bot: true}
	volatile := cmpopts.IgnoreFields(forge.Comment{}, "ID", "HTMLURL", "CreatedAt", "UpdatedAt")
	equal(t, forge.Comment{Issue: n, Author: bot, Body: "hello"}, made, volatile)
	w.must(w.gh.EditComment(w.ctx(), made.ID, "hello again"))
	got, err := w.gh.Comment(w.ctx(), made.ID)
	w.must(err)
	equal(t, forge.Comment{ID: made.ID, Issue: n, Author: bot, Body: "hello again"}, got, cmpopts.IgnoreFields(forge.Comment{}, "HTMLURL", "CreatedAt", "UpdatedAt"))
	for range 104 {
		_, err := w.s.As("bob").Comment(w.ctx(), "acme/shop", n, "more")
		w.must(err)
	}
	all, err := w.gh.Comments(w.ctx(), n)
	w.must(err)
	equal(t, []any{105, "hello again", "more"}, []any{len(all), all[0].Body, all[104].Body})

	w.must(w.gh.React(w.ctx(), made.ID, "eyes"))
	w.must(w.gh.React(w.ctx(), made.ID, "eyes"))
	equal(t, 1, len(w.repo.Reactions()))
	_, err = w.gh.Comment(w.ctx(), 1)
	w.fails(err, forge.ErrNotFound)
	_, err = w.gh.CreateComment(w.ctx(), 999, "x")
	w.fails(err, forge.ErrNotFound)

	long, err := w.gh.CreateComment(w.ctx(), n, strings.Repeat("漢", 70000))
	w.must(err)
	if count := utf8.RuneCountInString(long.Body); count > maxBody || !strings.HasSuffix(long.Body, cutMark) {
		t.Errorf("%d characters, ending in %q", count, long.Body[len(long.Body)-80:])
	}
}

func TestReleases(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	_, err := w.gh.CreateRelease(w.ctx(), "v1.4.0", "1.4.0", "notes", false, true)
	w.fails(err, forge.ErrNotFound) // and no tag has come to be by it
	equal(t, map[string]string{}, w.repo.Tags())
	w.must(w.gh.CreateTag(w.ctx(), "v1.4.0", w.master))
	_, err = w.gh.ReleaseByTag(w.ctx(), "v1.4.0")
	w.fails(err, forge.ErrNotFound)
	made, err := w.gh.CreateRelease(w.ctx(), "v1.4.0", "1.4.0", "notes", false, true)
	w.must(err)
	got, err := w.gh.ReleaseByTag(w.ctx(), "v1.4.0")
	w.must(err)
	equal(t, made, got)
	equal(t, forge.Release{Tag: "v1.4.0", Name: "1.4.0", Body: "notes"}, got, cmpopts.IgnoreFields(forge.Release{}, "ID", "HTMLURL"))
	_, err = w.gh.CreateRelease(w.ctx(), "v1.4.0", "1.4.0", "notes", false, true)
	w.fails(err, forge.ErrExists)
	w.must(w.gh.CreateTag(w.ctx(), "api/v2.0.0-rc.1+x", w.dev))
	_, err = w.gh.CreateRelease(w.ctx(), "api/v2.0.0-rc.1+x", "rc", strings.Repeat("ß", 130000), true, true)
	w.must(err)
	got, err = w.gh.ReleaseByTag(w.ctx(), "api/v2.0.0-rc.1+x")
	w.must(err)
	equal(t, "api/v2.0.0-rc.1+x", got.Tag)
	if count := utf8.RuneCountInString(got.Body); count > maxReleaseBody {
		t.Errorf("%d characters", count)
	}
}

func TestDeployments(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.must(w.s.As("ann").Status(w.ctx(), "acme/shop", w.dev, "ci", "failure")) // does not matter
	id, err := w.gh.CreateDeployment(w.ctx(), w.dev, "staging", strings.Repeat("ü", 200), "ex-1-2-1-1", false)
	w.must(err)
	w.must(w.gh.SetDeploymentState(w.ctx(), id, forge.DeploymentInProgress, strings.Repeat("ü", 200), "", ""))
	w.must(w.gh.SetDeploymentState(w.ctx(), id, forge.DeploymentSucceeded, "done", "https://sluice.test/log", "https://staging.test"))
	_, err = w.gh.CreateDeployment(w.ctx(), w.dev, "production", "d", `quoted "text"`, true)
	w.must(err)
	var other struct{ ID int64 }
	w.boss("POST", "/repos/acme/shop/deployments", map[string]any{"ref": w.dev, "environment": "staging", "auto_merge": false, "required_contexts": []string{}, "payload": map[string]any{"a": 1}}, &other)

	got, err := w.gh.Deployments(w.ctx(), "staging", w.dev)
	w.must(err)
	for i := range got {
		if got[i].CreatedAt.IsZero() {
			t.Errorf("deployment %d was made at no time", got[i].ID)
		}
		got[i].CreatedAt = time.Time{}
	}
	equal(t, []forge.Deployment{{ID: other.ID, SHA: w.dev, Environment: "staging", Payload: `{"a":1}`}, {ID: id, SHA: w.dev, Environment: "staging", Payload: "ex-1-2-1-1"}}, got)
	for at, want := range map[int64]forge.DeploymentState{id: forge.DeploymentSucceeded, other.ID: ""} {
		state, err := w.gh.DeploymentState(w.ctx(), at)
		w.must(err)
		equal(t, want, state)
	}
	got, err = w.gh.Deployments(w.ctx(), "production", "")
	w.must(err)
	equal(t, []string{`quoted "text"`}, []string{got[0].Payload})
	equal(t, map[string]string{"master": w.master, "development": w.dev}, w.repo.Branches()) // nothing was merged
	d := w.repo.Deployments()[0]
	equal(t, []any{"success", false, "https://staging.test", "https://sluice.test/log"},
		[]any{d.State(), d.Production, d.Statuses[1].EnvironmentURL, d.Statuses[1].LogURL})
	equal(t, []int{140, 140}, []int{utf8.RuneCountInString(d.Description), utf8.RuneCountInString(d.Statuses[0].Description)})
	w.fails(w.gh.SetDeploymentState(w.ctx(), 1, forge.DeploymentFailed, "", "", ""), forge.ErrNotFound)
}

const workflow = `name: load
run-name: load ${{ inputs.SLUICE_ACTION_ID }}
on:
  workflow_dispatch:
    inputs:
      SLUICE_ACTION_ID:
        required: true
`

func TestWorkflows(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.commit("master", map[string]string{".github/workflows/load.yml": workflow})
	since := time.Now().Add(-time.Minute)
	id, err := w.gh.DispatchWorkflow(w.ctx(), "load.yml", "master", map[string]string{"SLUICE_ACTION_ID": "ex-1"})
	w.must(err)
	want := forge.WorkflowRun{ID: id, Name: "load ex-1", Workflow: ".github/workflows/load.yml", SHA: w.repo.SHA("master"), Branch: "master", Status: "queued"}
	volatile := cmpopts.IgnoreFields(forge.WorkflowRun{}, "HTMLURL", "CreatedAt")
	run, err := w.gh.WorkflowRun(w.ctx(), id)
	w.must(err)
	equal(t, want, run, volatile)
	runs, err := w.gh.WorkflowRuns(w.ctx(), "load.yml", since)
	w.must(err)
	equal(t, []forge.WorkflowRun{want}, runs, volatile)
	runs, err = w.gh.WorkflowRuns(w.ctx(), "load.yml", time.Now().Add(time.Minute))
	w.must(err)
	equal(t, []forge.WorkflowRun(nil), runs)
	w.must(w.gh.CancelWorkflowRun(w.ctx(), id))
	w.must(w.gh.CancelWorkflowRun(w.ctx(), id)) // completed already
	run, err = w.gh.WorkflowRun(w.ctx(), id)
	w.must(err)
	equal(t, []string{"completed", "cancelled"}, []string{run.Status, run.Conclusion})
	jobs, err := w.gh.WorkflowJobs(w.ctx(), id)
	w.must(err)
	if len(jobs) != 1 || jobs[0].Conclusion != "cancelled" || len(jobs[0].Steps) != 1 || jobs[0].Steps[0].Name == "" || jobs[0].Started.IsZero() {
		t.Fatalf("%+v", jobs)
	}
	_, err = w.gh.JobLog(w.ctx(), jobs[0].ID, 100)
	w.fails(err, forge.ErrNotFound)
	w.must(w.repo.SetRunLog(id, strings.Repeat("a long log\n", 20000)+"its end\n"))
	log, err := w.gh.JobLog(w.ctx(), jobs[0].ID, 19)
	w.must(err)
	equal(t, "a long log\nits end\n", string(log))
	_, err = w.gh.WorkflowJobs(w.ctx(), 1)
	w.fails(err, forge.ErrNotFound)
	_, err = w.gh.WorkflowRun(w.ctx(), 1)
	w.fails(err, forge.ErrNotFound)
	w.fails(w.gh.CancelWorkflowRun(w.ctx(), 1), forge.ErrNotFound)
	_, err = w.gh.DispatchWorkflow(w.ctx(), "nope.yml", "master", nil)
	w.fails(err, forge.ErrNotFound)
	_, err = w.gh.DispatchWorkflow(w.ctx(), "load.yml", "nope", nil)
	w.fails(err, &forge.RefusedError{Status: 422, Message: "No ref found for: nope"})
}

// An archive comes from another address, where the token is not shown.
func TestRunArtifact(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.commit("master", map[string]string{".github/workflows/load.yml": workflow})
	id, err := w.gh.DispatchWorkflow(w.ctx(), "load.yml", "master", map[string]string{"SLUICE_ACTION_ID": "ex-1"})
	w.must(err)
	w.repo.AddArtifact(id, "logs", []byte("other"))
	w.repo.AddArtifact(id, "scan & more", []byte("archive"))
	data, err := w.gh.RunArtifact(w.ctx(), id, "scan & more", 7)
	w.must(err)
	equal(t, "archive", string(data))
	_, err = w.gh.RunArtifact(w.ctx(), id, "scan & more", 6)
	var large *forge.NotAFileError
	if !errors.As(err, &large) {
		t.Errorf("7 bytes where 6 may be: %v", err)
	}
	_, err = w.gh.RunArtifact(w.ctx(), id, "scan", 7)
	w.fails(err, forge.ErrNotFound)
	_, err = w.gh.RunArtifact(w.ctx(), 1, "scan", 7)
	w.fails(err, forge.ErrNotFound)
	w.repo.ExpireArtifacts(id)
	_, err = w.gh.RunArtifact(w.ctx(), id, "scan & more", 7)
	w.fails(err, forge.ErrNotFound)
}

func TestDispatchOnAnOldServer(t *testing.T) {
	s := newScriptOf(t, Options{}, refusal(422, `Invalid request. "return_run_details" is not a permitted key.`), reply{status: 204})
	id, err := s.repo.DispatchWorkflow(t.Context(), "load.yml", "main", nil)
	same(t, err, nil)
	equal(t, int64(0), id)
	equal(t, []string{`{"ref":"main","return_run_details":true}` + "\n", `{"ref":"main"}` + "\n"}, s.bodies)
}

func TestApp(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.s.AddUser("zoe")
	_, err := w.s.AddRepo("zoe/other", fakegithub.RepoConfig{})
	w.must(err)
	suspended, err := w.s.Install(w.appID, "zoe")
	w.must(err)
	_, err = w.app.do(w.ctx(), w.app.self, "PUT", "app/installations/"+itoa(suspended.ID)+"/suspended", nil, nil)
	w.must(err)

	id, slug, login, user, err := w.app.Identity(w.ctx())
	w.must(err)
	equal(t, []any{w.appID, "sluice", "sluice[bot]", w.s.AddUser("sluice[bot]").ID}, []any{id, slug, login, user})
	all, err := w.app.Installations(w.ctx())
	w.must(err)
	equal(t, []int64{w.install}, all)
	repos, err := w.app.Repos(w.ctx(), w.install)
	w.must(err)
	want := forge.Repo{ID: w.repo.ID(), InstallationID: w.install, Owner: "acme", Name: "shop", DefaultBranch: "master", Private: true, MergeCommits: true}
	urls := cmpopts.IgnoreFields(forge.Repo{}, "CloneURL", "HTMLURL")
	equal(t, []forge.Repo{want}, repos, urls)
	info, err := w.gh.Info(w.ctx())
	w.must(err)
	equal(t, want, info, urls)
	if info.CloneURL == "" || info.HTMLURL == "" {
		t.Errorf("no addresses: %+v", info)
	}
	granted, err := w.gh.Permissions(w.ctx())
	w.must(err)
	equal(t, fakegithub.SluicePermissions(), granted)

	_, err = w.app.Repos(w.ctx(), suspended.ID)
	w.fails(err, &forge.RefusedError{Status: 403, Permission: true,
		Message: "GitHub gives the App no access token for this installation: it is suspended; somebody with admin rights can end that in the organization's settings"})
	_, err = w.app.Token(w.ctx(), 999)
	w.fails(err, &forge.RefusedError{Status: 404, Permission: true, Message: "GitHub gives the App no access token for this installation: it was removed"})
	token, err := w.app.Token(w.ctx(), w.install)
	w.must(err)
	w.must(w.s.With(token).Do(w.ctx(), "GET", "/repos/acme/shop", nil, nil))
}

func TestRenamedRepository(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.boss("PATCH", "/repos/acme/shop", map[string]any{"name": "store"}, nil)
	info, err := w.gh.Info(w.ctx()) // by the old name
	w.must(err)
	equal(t, "store", info.Name)
	n, err := w.s.As("ann").OpenIssue(w.ctx(), "acme/store", "t", "b")
	w.must(err)
	if _, err = w.gh.CreateComment(w.ctx(), n, "found you"); err != nil {
		t.Errorf("a write by the old name: %v", err)
	}
}

func TestANameThatAnotherRepositoryTook(t *testing.T) {
	_, err := newScript(t, `{"id":10,"name":"shop","owner":{"login":"acme"}}`).repo.Info(t.Context())
	same(t, err, forge.ErrNotFound)
}

func TestHookDeliveries(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	start := time.Now()
	w.must(w.s.SetWebhook(w.appID, "http://127.0.0.1:1/", "secret")) // nobody listens
	for i := range 3 {
		w.must(w.s.As("ann").CreateBranch(w.ctx(), "acme/shop", fmt.Sprint("feature/", i), w.dev))
	}
	ctx, cancel := context.WithTimeout(w.ctx(), 90*time.Second)
	defer cancel()
	w.must(w.s.Settle(ctx))
	got, err := w.app.HookDeliveries(w.ctx(), start.Add(-time.Minute))
	w.must(err)
	if len(got) == 0 || got[0].GUID == "" || got[0].Event == "" || got[0].DeliveredAt.IsZero() || got[0].Redelivery {
		t.Fatalf("deliveries: %+v", got)
	}
	w.must(w.app.Redeliver(w.ctx(), got[0].ID))
	w.must(w.s.Settle(ctx))
	again, err := w.app.HookDeliveries(w.ctx(), start.Add(-time.Minute))
	w.must(err)
	equal(t, []any{len(got) + 1, got[0].GUID, true}, []any{len(again), again[0].GUID, again[0].Redelivery})
	none, err := w.app.HookDeliveries(w.ctx(), start.Add(time.Hour))
	w.must(err)
	equal(t, []forge.HookDelivery(nil), none)
	w.fails(w.app.Redeliver(w.ctx(), 1), forge.ErrNotFound)
}

// Comments of all issues and pull requests are listed by when they changed, and say what they are on.
func TestCommentsSince(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	w := newWorld(t, fakegithub.Options{Now: func() time.Time { return now }, TokenLifetime: 24 * time.Hour})
	issue, err := w.s.As("ann").OpenIssue(w.ctx(), "acme/shop", "t", "b")
	w.must(err)
	w.commit("feature/x", map[string]string{"x.txt": "x\n"})
	pull := w.pull("feature/x", "development")
	say := func(number int, text string) int64 {
		now = now.Add(time.Minute)
		id, err := w.s.As("bob").Comment(w.ctx(), "acme/shop", number, text)
		w.must(err)
		return id
	}
	say(issue, "long ago")
	edited := say(issue, "first")
	since := now.Add(time.Minute)
	say(pull, "second")
	say(issue, "third")
	now = now.Add(time.Minute)
	w.must(w.gh.EditComment(w.ctx(), edited, "first, edited"))
	all, err := w.gh.CommentsSince(w.ctx(), since)
	w.must(err)
	var got []any
	for _, c := range all {
		got = append(got, []any{c.Body, c.Issue, c.Pull, c.UpdatedAt.Equal(c.CreatedAt)})
	}
	_, err = w.s.As("bob").Review(w.ctx(), "acme/shop", pull, "COMMENT", "/help")
	w.must(err)
	for after, want := range map[time.Duration][]int{0: {pull}, time.Second: {}} { // the pull request that a review has changed
		changed, err := w.gh.PullsSince(w.ctx(), now.Add(after))
		w.must(err)
		equal(t, want, numbers(changed))
	}
	equal(t, []any{[]any{"second", pull, true, true}, []any{"third", issue, false, true}, []any{"first, edited", issue, false, false}}, got)
	w.must(w.gh.React(w.ctx(), edited, "eyes"))
	for reaction, want := range map[string]int{"eyes": 1, "rocket": 0} {
		by, err := w.gh.Reactors(w.ctx(), edited, reaction)
		w.must(err)
		equal(t, want, len(by))
	}
}
