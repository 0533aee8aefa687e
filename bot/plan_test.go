package bot_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/webhooks"
)

var updatePlans = flag.Bool("update", false, "write the golden files instead of comparing with them")

// Every payload that GitHub gives as an example has a decision, which stands in the golden file: none crashes, none is
// silent.
func TestPlanExamples(t *testing.T) {
	const examples = "test/node_modules/@octokit/webhooks-examples/api.github.com/index.json"
	data, err := os.ReadFile(filepath.Join("..", examples))
	switch {
	case errors.Is(err, os.ErrNotExist) && os.Getenv("CI") != "true":
		t.Skipf("GitHub's example payloads: there is no %s; run npm ci in the folder test", examples)
	case err != nil:
		t.Fatal(err)
	}
	var list []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	var golden strings.Builder
	payloads := 0
	for _, e := range list {
		for i, body := range e.Examples {
			payloads++
			decisions := planDelivery(t, e.Name, body)
			if len(decisions) == 0 {
				t.Errorf("%s[%d]: no decision", e.Name, i)
			}
			for _, d := range decisions {
				mustSay(t, fmt.Sprintf("%s[%d]", e.Name, i), d)
				fmt.Fprintf(&golden, "%s[%d]: %s", e.Name, i, d)
			}
		}
	}
	if payloads != 329 {
		t.Errorf("%d payloads, want 329", payloads)
	}
	compareGolden(t, "testdata/plan_examples.golden", golden.String())
}

// planDelivery is what sluice plan does with a payload.
func planDelivery(t *testing.T, name string, body []byte) []bot.Decision {
	t.Helper()
	d, err := webhooks.NewDelivery("plan", name, body, time.Time{})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	events, err := webhooks.Translate(d)
	cfg := config.Default(config.Context{Owner: "acme", RepoName: "shop", Branches: []string{"master", "development"}})
	return bot.PlanDelivery(cfg, d, events, err)
}

// mustSay holds a decision to what every decision promises.
func mustSay(t *testing.T, label string, d bot.Decision) {
	t.Helper()
	if d.Event == "" || d.Nothing == "" && len(d.Does) == 0 || d.Nothing != "" && len(d.Does)+len(d.Commands) > 0 {
		t.Errorf("%s: it must say what happened, and either what is done or why nothing is: %+v", label, d)
	}
	for _, r := range d.String() {
		if r < ' ' && r != '\n' {
			t.Errorf("%s: control character %q for a terminal", label, r)
		}
	}
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	if *updatePlans {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got), -update writes it:\n%s", name, diff)
	}
}

const (
	planned  = "3f9c2ab0c1d2e3f405162738495a6b7c8d9e0f10"
	earlier  = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
	planConf = `version: 1
app: payments
registries: { development: registry.example/dev/payments, production: registry.example/payments }
environments:
  production:
    approve: { teams: [qa] }
    promote: { teams: [release-managers], auto: false }
`
)

// What people push, open and say, in a repository with a configuration.
func TestPlanEvents(t *testing.T) {
	cfg, problems := config.ParseRepo([]byte(planConf), config.Context{
		Owner: "acme", RepoName: "shop", Branches: []string{"master", "development", "release/1.4.0"},
	})
	if len(problems) > 0 {
		t.Fatal(config.Join(problems))
	}
	repo := forge.Repo{ID: 42, InstallationID: 7, Owner: "acme", Name: "shop", DefaultBranch: "development"}
	ann := forge.User{ID: 1, Login: "ann"}
	from := event.Origin{Repo: repo, Installation: 7, Sender: ann}
	push := func(branch string) event.Push {
		return event.Push{Origin: from, Ref: "refs/heads/" + branch, Branch: branch, Before: earlier, After: planned}
	}
	pull := func(head, base string) event.PullRequest {
		return event.PullRequest{
			Origin: from, Activity: event.Opened, Number: 12, Author: ann, Base: base, BaseSHA: earlier, Head: head, HeadSHA: planned, HeadRepoID: 42,
		}
	}
	comment := func(body string) event.Comment {
		return event.Comment{Origin: from, Activity: event.Created, ID: 5, Number: 12, IsPullRequest: true, Open: true, Body: body, Author: ann}
	}
	fork, bots, edited, created := pull("fix", "development"), comment("/approve"), comment("/approve"), push("feature/ABC-12-login")
	fork.HeadRepoID, bots.Author.Bot, edited.Activity, created.Before = 99, true, event.Edited, ""
	forced, deleted := push("release/1.4.0"), push("release/1.4.0")
	forced.Forced, deleted.After = true, ""
	gone := func(branch string) event.Push {
		p := push(branch)
		p.After, p.Deleted = "", true
		return p
	}
	var golden strings.Builder
	for _, c := range []struct {
		name string
		e    event.Event
	}{
		{"a feature is pushed", created},
		{"a bot's branch is pushed", push("dependabot/npm/left-pad")},
		{"development is pushed to", push("development")},
		{"production is pushed to", push("master")},
		{"a candidate is pushed", push("release/1.4.0")},
		{"a candidate is forced", forced},
		{"a candidate is deleted", deleted},
		{"development is deleted", gone("development")},
		{"production is deleted", gone("master")},
		{"a feature is deleted", gone("feature/ABC-12-login")},
		{"a hotfix is deleted", gone("hotfix/17")},
		{"a release branch without a version", push("release/next")},
		{"a hotfix is pushed", push("hotfix/17")},
		{"a support branch is pushed", push("support/1.4")},
		{"a back-merge is pushed", push("backmerge/3f9c2ab-to-development")},
		{"an ignored branch is pushed", push("gh-pages")},
		{"a name with control characters", push("feature/\x1b[31mred\u202e")},
		{"a release tag", event.Push{Origin: from, Ref: "refs/tags/v1.4.0", Tag: "v1.4.0", After: planned}},
		{"a release tag is moved", event.Push{Origin: from, Ref: "refs/tags/v1.4.0", Tag: "v1.4.0", Before: earlier, After: planned}},
		{"a release tag is deleted", event.Push{Origin: from, Ref: "refs/tags/v1.4.0", Tag: "v1.4.0", Before: earlier}},
		{"another tag", event.Push{Origin: from, Ref: "refs/tags/nightly", Tag: "nightly", After: planned}},
		{"a note", event.Push{Origin: from, Ref: "refs/notes/commits", After: planned}},
		{"a feature into development", pull("feature/ABC-12-login", "development")},
		{"a feature into production", pull("feature/ABC-12-login", "master")},
		{"a release into production", pull("release/1.4.0", "master")},
		{"a hotfix into production", pull("hotfix/17", "master")},
		{"development into a candidate", pull("development", "release/1.4.0")},
		{"a fork", fork},
		{"commands", comment("/approve\n/promote\n> /cancel\n/rollback production --reason bad --dry-run")},
		{"a wrong command", comment("/version set")},
		{"small talk", comment("LGTM\n```\n/approve\n```")},
		{"a bot's command", bots},
		{"an edited comment", edited},
		{"the button Approve", event.CheckAction{Origin: from, CheckRunID: 3, Name: "sluice/promotion", SHA: planned, ExternalID: planned + " x", AppID: 77, Identifier: "approve"}},
		{"the button Change base", event.CheckAction{Origin: from, CheckRunID: 3, Name: "sluice/branch", SHA: planned, ExternalID: planned + " x", AppID: 77, Identifier: "retarget"}},
		{"another App's button", event.CheckAction{Origin: from, CheckRunID: 3, Name: "lint", SHA: planned, AppID: 78, Identifier: "approve"}},
		{"a group of development's queue", event.MergeGroup{Origin: from, Activity: event.ChecksRequested, SHA: planned, BaseRef: "refs/heads/development", HeadRef: "refs/heads/gh-readonly-queue/development/pr-12-" + earlier}},
		{"a group of production's queue", event.MergeGroup{Origin: from, Activity: event.ChecksRequested, SHA: planned, BaseRef: "refs/heads/master", HeadRef: "refs/heads/gh-readonly-queue/master/pr-12-" + earlier}},
		{"a review", event.Review{Origin: from, Activity: event.Submitted, Number: 12, ID: 9, Author: ann, State: "APPROVED", SHA: planned}},
		{"a foreign check", event.ChecksChanged{Origin: from, SHA: planned, AppID: 15368, Name: "ci/build", Result: "success"}},
		{"the App is installed", event.Installation{Origin: event.Origin{Installation: 7, Sender: ann}, Activity: event.Created, Account: forge.User{Login: "acme"}, Repos: []forge.Repo{repo}}},
	} {
		decisions := bot.PlanEvents(cfg, []event.Event{c.e})
		if len(decisions) != 1 {
			t.Fatalf("%s: %d decisions, want 1", c.name, len(decisions))
		}
		mustSay(t, c.name, decisions[0])
		fmt.Fprintf(&golden, "# %s\n%s\n", c.name, decisions[0])
	}
	compareGolden(t, "testdata/plan_events.golden", golden.String())
}

// What people push in a repository of several components.
func TestPlanComponents(t *testing.T) {
	cfg, problems := config.ParseRepo([]byte(`version: 1
app: shop
registries: { development: registry.example/dev/shop, production: registry.example/shop }
components:
  - { name: api, paths: ["api/**"] }
  - { name: web, paths: ["web/**"], registries: { development: registry.example/dev/front, production: registry.example/front } }
`), config.Context{Owner: "acme", RepoName: "shop", Branches: []string{"master", "development"}})
	if len(problems) > 0 {
		t.Fatal(config.Join(problems))
	}
	from := event.Origin{Repo: forge.Repo{ID: 42, InstallationID: 7, Owner: "acme", Name: "shop", DefaultBranch: "master"}, Installation: 7,
		Sender: forge.User{ID: 1, Login: "ann"}}
	push := func(branch string) event.Push {
		return event.Push{Origin: from, Ref: "refs/heads/" + branch, Branch: branch, Before: earlier, After: planned}
	}
	tag := func(name string) event.Push {
		return event.Push{Origin: from, Ref: "refs/tags/" + name, Tag: name, After: planned, Created: true}
	}
	var golden strings.Builder
	for _, e := range []event.Push{
		push("development"), push("feature/ABC-12-login"), push("release/api/1.4.0"), push("hotfix/web/17"), push("release/1.4.0"),
		tag("api/v1.4.0"), tag("web/v2.0.0"), tag("v1.4.0"), tag("db/v1.4.0"),
	} {
		d := bot.PlanEvents(cfg, []event.Event{e})[0]
		mustSay(t, e.Ref, d)
		fmt.Fprintf(&golden, "%s\n", d)
	}
	compareGolden(t, "testdata/plan_components.golden", golden.String())
}

// In a repository that only observes, commands that change something do nothing, and the plan says so.
func TestPlanObserves(t *testing.T) {
	cfg := config.Default(config.Context{Branches: []string{"master", "development"}})
	cfg.Mode = config.Observe
	ann := forge.User{ID: 1, Login: "ann"}
	e := event.Comment{
		Origin:   event.Origin{Repo: forge.Repo{ID: 42, Owner: "acme", Name: "shop"}, Installation: 7, Sender: ann},
		Activity: event.Created, ID: 5, Number: 12, Body: "/status\n/release start", Author: ann,
	}
	d := bot.PlanEvents(cfg, []event.Event{e})[0]
	if len(d.Commands) != 2 || !strings.HasPrefix(d.Commands[1].Does, "nothing") || strings.HasPrefix(d.Commands[0].Does, "nothing") {
		t.Errorf("commands while observing: %+v", d.Commands)
	}
	push := event.Push{Origin: e.Origin, Ref: "refs/heads/a", Branch: "a", Before: earlier, After: planned}
	if d := bot.PlanEvents(cfg, []event.Event{push})[0]; d.Pipeline != nil {
		t.Errorf("a pipeline while observing: %+v", d.Pipeline)
	}
}

// A subscription is there because Translate takes something from such deliveries, and none is missing.
func TestSubscriptions(t *testing.T) {
	granted := map[string]bool{"": true}
	for _, p := range bot.Permissions() {
		granted[p.Name] = true
	}
	known := map[string]bool{}
	for _, s := range bot.Subscriptions() {
		known[s.Event] = true
		if !granted[s.Permission] {
			t.Errorf("%s: permission %q is not among those the App needs", s.Event, s.Permission)
		}
		// A payload that is not decoded is never refused; one of interest is, since it has the wrong type everywhere.
		if _, err := webhooks.Translate(event.Delivery{ID: "x", Name: s.Event, Body: []byte(`[]`)}); err == nil {
			t.Errorf("%s is subscribed to, and nothing is taken from it", s.Event)
		}
	}
	for _, other := range []string{"star", "fork", "issues", "deployment", "deployment_status", "commit_comment", "workflow_job", "discussion", "organization"} {
		_, err := webhooks.Translate(event.Delivery{ID: "x", Name: other, Body: []byte(`[]`)})
		if taken := err != nil; taken != known[other] {
			t.Errorf("%s: taken from %t, subscribed to %t", other, taken, known[other])
		}
	}
}
