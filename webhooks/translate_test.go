package webhooks_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/webhooks"
)

const (
	sha1 = "1111111111111111111111111111111111111111"
	sha2 = "2222222222222222222222222222222222222222"
	none = "0000000000000000000000000000000000000000"
)

var (
	ann  = forge.User{ID: 1, Login: "ann"}
	bob  = forge.User{ID: 2, Login: "bob"}
	repo = forge.Repo{ID: 42, Owner: "acme", Name: "shop"}
	from = event.Origin{
		Repo:         forge.Repo{ID: 42, InstallationID: 7, Owner: "acme", Name: "shop"},
		Installation: 7, Sender: ann,
	}
	fromOrg = event.Origin{Installation: 7, Sender: ann}
)

const (
	repository   = `"repository":{"id":42,"name":"shop","owner":{"login":"acme","id":3}}`
	installation = `"installation":{"id":7,"account":{"id":3,"login":"acme","type":"Organization"}}`
	sender       = `"sender":{"id":1,"login":"ann","type":"User"}`
	common       = repository + `,` + installation + `,` + sender
	noRepo       = installation + `,` + sender
	bobJSON      = `{"id":2,"login":"bob","type":"User"}`
)

func delivery(t testing.TB, name, body string) event.Delivery {
	t.Helper()
	d, err := webhooks.NewDelivery(guid, name, []byte(body), received)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTranslate(t *testing.T) {
	pull := `"number":17,"pull_request":{"user":` + bobJSON + `,"base":{"ref":"development","sha":"` + sha1 + `"},"head":{"ref":"login","sha":"` + sha2 + `","repo":{"id":42}},"merge_commit_sha":"` + sha1 + `"`
	opened := event.PullRequest{
		Origin: from, Activity: event.Opened, Number: 17, Author: bob, Base: "development", BaseSHA: sha1, Head: "login", HeadSHA: sha2, HeadRepoID: 42,
	}
	synchronized, retargeted, merged := opened, opened, opened
	synchronized.Activity, synchronized.HeadBefore = event.Synchronize, sha1
	retargeted.Activity, retargeted.BaseBefore = event.Edited, "master"
	merged.Activity, merged.Merged, merged.MergeSHA = event.Closed, true, sha1

	check := `"check_run":{"id":5,"name":"sluice/promotion","head_sha":"` + sha1 + `","external_id":"x1","conclusion":"success","app":{"id":99}}`
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

	for name, tc := range map[string]struct {
		event, body string
		want        event.Event
	}{
		"a push": {
			"push", `{"ref":"refs/heads/john/login","before":"` + sha1 + `","after":"` + sha2 + `","forced":true,` + common + `}`,
			event.Push{Origin: from, Ref: "refs/heads/john/login", Branch: "john/login", Before: sha1, After: sha2, Forced: true},
		},
		"a branch is created by a push": {
			"push", `{"ref":"refs/heads/refs/heads/main","before":"` + none + `","after":"` + sha2 + `","created":true,` + common + `}`,
			event.Push{Origin: from, Ref: "refs/heads/refs/heads/main", Branch: "refs/heads/main", After: sha2, Created: true},
		},
		"a tag is deleted by a push": {
			"push", `{"ref":"refs/tags/v1","before":"` + sha1 + `","after":"` + none + `","deleted":true,` + common + `}`,
			event.Push{Origin: from, Ref: "refs/tags/v1", Tag: "v1", Before: sha1, Deleted: true},
		},
		"a branch is created": {
			"create", `{"ref":"release/1.4.0","ref_type":"branch",` + common + `}`,
			event.RefCreated{Origin: from, Kind: event.Branch, Name: "release/1.4.0"},
		},
		"a tag is deleted": {
			"delete", `{"ref":"v1.4.0","ref_type":"tag",` + common + `}`,
			event.RefDeleted{Origin: from, Kind: event.Tag, Name: "v1.4.0"},
		},
		"a repository is created":     {"create", `{"ref":null,"ref_type":"repository",` + common + `}`, nil},
		"a pull request is opened":    {"pull_request", `{"action":"opened",` + pull + `},` + common + `}`, opened},
		"a push to a pull request":    {"pull_request", `{"action":"synchronize","before":"` + sha1 + `",` + pull + `},` + common + `}`, synchronized},
		"a pull request is aimed new": {"pull_request", `{"action":"edited","changes":{"base":{"ref":{"from":"master"}}},` + pull + `},` + common + `}`, retargeted},
		"a pull request is merged":    {"pull_request", `{"action":"closed",` + pull + `,"merged":true},` + common + `}`, merged},
		"a pull request is labeled":   {"pull_request", `{"action":"labeled",` + pull + `},` + common + `}`, nil},
		"an activity of tomorrow":     {"pull_request", `{"action":"dreamt_of",` + pull + `},` + common + `}`, nil},
		"a review": {
			"pull_request_review", `{"action":"submitted","review":{"id":4,"user":` + bobJSON + `,"state":"approved","commit_id":"` + sha2 + `","node_id":"PRR_4","body":"well","submitted_at":"2026-01-02T03:04:05Z"},"pull_request":{"number":17},` + common + `}`,
			event.Review{Origin: from, Activity: event.Submitted, Number: 17, ID: 4, Author: bob, State: "APPROVED", SHA: sha2, Body: "well", Node: "PRR_4", SubmittedAt: at},
		},
		"a comment on a pull request": {
			"issue_comment", `{"action":"created","issue":{"number":17,"state":"open","user":` + bobJSON + `,"pull_request":{"url":"x"}},"comment":{"id":6,"user":{"id":1,"login":"ann"},"body":"/approve","created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z"},` + common + `}`,
			event.Comment{Origin: from, Activity: event.Created, ID: 6, Number: 17, IsPullRequest: true, Open: true, Body: "/approve", Author: ann, IssueAuthor: bob, CreatedAt: at, UpdatedAt: at},
		},
		"a comment on an issue is edited by somebody else": {
			"issue_comment", `{"action":"edited","changes":{"body":{"from":"hi"}},"issue":{"number":3,"state":"closed"},"comment":{"id":6,"user":` + bobJSON + `,"body":"/approve"},` + common + `}`,
			event.Comment{Origin: from, Activity: event.Edited, ID: 6, Number: 3, Body: "/approve", BodyBefore: "hi", Author: bob},
		},
		"a button": {
			"check_run", `{"action":"requested_action","requested_action":{"identifier":"approve"},` + check + `,` + common + `}`,
			event.CheckAction{Origin: from, CheckRunID: 5, Name: "sluice/promotion", SHA: sha1, ExternalID: "x1", AppID: 99, Identifier: "approve"},
		},
		"a check is asked for again": {
			"check_run", `{"action":"rerequested",` + check + `,` + common + `}`,
			event.CheckRerequested{Origin: from, CheckRunID: 5, Name: "sluice/promotion", SHA: sha1, ExternalID: "x1", AppID: 99},
		},
		"a check is done": {
			"check_run", `{"action":"completed",` + check + `,` + common + `}`,
			event.ChecksChanged{Origin: from, SHA: sha1, AppID: 99, Name: "sluice/promotion", Result: "success"},
		},
		"a check begins": {"check_run", `{"action":"created",` + check + `,` + common + `}`, nil},
		"all checks are asked for again": {
			"check_suite", `{"action":"rerequested","check_suite":{"id":8,"head_sha":"` + sha1 + `","head_branch":"login","app":{"id":99}},` + common + `}`,
			event.SuiteRerequested{Origin: from, SuiteID: 8, SHA: sha1, Branch: "login", AppID: 99},
		},
		"all checks are done": {
			"check_suite", `{"action":"completed","check_suite":{"id":8,"head_sha":"` + sha1 + `","conclusion":"failure","app":{"id":15368}},` + common + `}`,
			event.ChecksChanged{Origin: from, SHA: sha1, AppID: 15368, Result: "failure"},
		},
		"a status": {
			"status", `{"sha":"` + sha1 + `","context":"ci/build","state":"success",` + common + `}`,
			event.ChecksChanged{Origin: from, SHA: sha1, Name: "ci/build", Result: "success"},
		},
		"a workflow run": {
			"workflow_run", `{"action":"completed","workflow":{"path":".github/workflows/load.yml"},"workflow_run":{"id":11,"display_title":"load sluice:7-1-0-1","head_sha":"` + sha1 + `","head_branch":"login","status":"completed","conclusion":"success","run_attempt":2,"created_at":"2026-01-02T03:04:05Z"},` + common + `}`,
			event.WorkflowRun{Origin: from, Activity: event.Completed, Attempt: 2, Run: forge.WorkflowRun{
				ID: 11, Name: "load sluice:7-1-0-1", Workflow: ".github/workflows/load.yml", SHA: sha1, Branch: "login", Status: "completed", Conclusion: "success", CreatedAt: at,
			}},
		},
		"a merge group": {
			"merge_group", `{"action":"checks_requested","merge_group":{"head_sha":"` + sha2 + `","head_ref":"refs/heads/gh-readonly-queue/main/pr-1","base_ref":"refs/heads/main","base_sha":"` + sha1 + `"},` + common + `}`,
			event.MergeGroup{Origin: from, Activity: event.ChecksRequested, SHA: sha2, HeadRef: "refs/heads/gh-readonly-queue/main/pr-1", BaseRef: "refs/heads/main", BaseSHA: sha1},
		},
		"a release": {
			"release", `{"action":"published","release":{"id":12,"tag_name":"v1.4.0","name":"1.4.0","prerelease":true},` + common + `}`,
			event.Release{Origin: from, Activity: event.Published, Prerelease: true, Release: forge.Release{ID: 12, Tag: "v1.4.0", Name: "1.4.0"}},
		},
		"a repository is renamed": {
			"repository", `{"action":"renamed","changes":{"repository":{"name":{"from":"store"}}},` + common + `}`,
			event.Repository{Origin: from, Activity: event.Renamed, NameBefore: "store"},
		},
		"a repository comes from an organization": {
			"repository", `{"action":"transferred","changes":{"owner":{"from":{"organization":{"login":"globex"}}}},` + common + `}`,
			event.Repository{Origin: from, Activity: event.Transferred, OwnerBefore: "globex"},
		},
		"a repository comes from a user": {
			"repository", `{"action":"transferred","changes":{"owner":{"from":{"user":{"login":"bob"}}}},` + common + `}`,
			event.Repository{Origin: from, Activity: event.Transferred, OwnerBefore: "bob"},
		},
		"the default branch changes": {
			"repository", `{"action":"edited","changes":{"default_branch":{"from":"master"}},` + common + `}`,
			event.Repository{Origin: from, Activity: event.Edited, DefaultBranchBefore: "master"},
		},
		"the App is installed": {
			"installation", `{"action":"created","repositories":[{"id":42,"name":"shop","full_name":"acme/shop","private":true}],` + noRepo + `}`,
			event.Installation{Origin: fromOrg, Activity: event.Created, Account: forge.User{ID: 3, Login: "acme"}, Repos: []forge.Repo{
				{ID: 42, InstallationID: 7, Owner: "acme", Name: "shop", Private: true},
			}},
		},
		"repositories are taken away": {
			"installation_repositories", `{"action":"removed","repositories_added":[],"repositories_removed":[{"id":42,"name":"shop","full_name":"acme/shop"}],` + noRepo + `}`,
			event.InstallationRepositories{Origin: fromOrg, Activity: event.Removed, Account: forge.User{ID: 3, Login: "acme"}, Removed: []forge.Repo{
				{ID: 42, InstallationID: 7, Owner: "acme", Name: "shop"},
			}},
		},
		"a collaborator": {
			"member", `{"action":"edited","member":` + bobJSON + `,` + common + `}`,
			event.Members{Origin: from, Activity: event.Edited, User: bob},
		},
		"somebody joins a team": {
			"membership", `{"action":"added","scope":"team","member":` + bobJSON + `,"team":{"id":9,"slug":"qa"},"organization":{"login":"acme"},` + noRepo + `}`,
			event.Members{Origin: fromOrg, Activity: event.Added, Organization: "acme", Team: "qa", TeamID: 9, User: bob},
		},
		"a team gets other rights": {
			"team", `{"action":"edited","team":{"id":9,"slug":"qa"},"organization":{"login":"acme"},` + common + `}`,
			event.Members{Origin: from, Activity: event.Edited, Organization: "acme", Team: "qa", TeamID: 9},
		},
		"a greeting":    {"ping", `{"zen":"x","hook_id":13}`, event.Ping{HookID: 13}},
		"a bot":         {"create", `{"ref":"x","ref_type":"tag",` + repository + `,"sender":{"id":4,"login":"sluice[bot]","type":"Bot"}}`, event.RefCreated{Origin: event.Origin{Repo: repo, Sender: forge.User{ID: 4, Login: "sluice[bot]", Bot: true}}, Kind: event.Tag, Name: "x"}},
		"no interest":   {"star", `{"action":"created","number":"17"}`, nil},
		"unknown event": {"telepathy", `{"action":1}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := webhooks.Translate(delivery(t, tc.event, tc.body))
			if err != nil {
				t.Fatal(err)
			}
			var want []event.Event
			if tc.want != nil {
				want = []event.Event{tc.want}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTranslateRefuses(t *testing.T) {
	pull := func(number, base, head string) string {
		return `{"action":"opened","number":` + number + `,"pull_request":{"base":{"ref":"` + base + `"},"head":{"ref":"login","sha":"` + head + `"}},` + common + `}`
	}
	for name, tc := range map[string]struct{ event, body, says string }{
		"a date on which something rests": {
			"issue_comment", `{"action":"created","issue":{"number":1},"comment":{"id":1,"created_at":"2026-01-02 03:04:05"},` + common + `}`, "parsing time",
		},
		"number in quotes":      {"pull_request", pull(`"17"`, "development", sha1), "number"},
		"number below one":      {"pull_request", pull(`0`, "development", sha1), "number"},
		"no base":               {"pull_request", pull(`17`, "", sha1), "pull_request.base.ref"},
		"head is a branch name": {"pull_request", pull(`17`, "development", "login"), "pull_request.head.sha"},
		"head in capitals":      {"pull_request", pull(`17`, "development", strings.Repeat("A", 40)), "pull_request.head.sha"},
		"nothing at all":        {"pull_request", `{"action":"opened"}`, "repository.id"},
		"pull request is text":  {"pull_request", `{"action":"opened","pull_request":"x"}`, "string"},
		"push of no ref":        {"push", `{"ref":"main","before":"` + sha1 + `","after":"` + sha2 + `",` + common + `}`, "ref"},
		"push from nothing to nothing": {
			"push", `{"ref":"refs/heads/x","before":"` + none + `","after":"` + none + `",` + common + `}`, "before or after",
		},
		"comment by nobody":             {"issue_comment", `{"action":"created","issue":{"number":1},"comment":{"id":1},` + repository + `}`, "sender.id"},
		"button without a name":         {"check_run", `{"action":"requested_action","check_run":{"id":5,"head_sha":"` + sha1 + `"},` + common + `}`, "requested_action.identifier"},
		"nothing but braces":            {"pull_request", `{}`, "missing or malformed: action, repository, number, pull_request"},
		"no activity, and all the rest": {"check_run", `{"check_run":{"id":5},` + common + `}`, "missing or malformed: action"},
		"half a comment":                {"issue_comment", `{"issue":{"number":1},"comment":null,` + common + `}`, "missing or malformed: action, comment"},
		"a ref of no kind":              {"create", `{"ref":"v1",` + common + `}`, "missing or malformed: ref_type"},
		"a group of nothing":            {"merge_group", `{}`, "missing or malformed: action, repository, merge_group"},
		"a team of nobody":              {"team", `{}`, "missing or malformed: action, organization, team"},
		"members of nothing":            {"member", `{"action":"added","member":` + bobJSON + `}`, "repository or organization"},
		"an installation of nothing":    {"installation_repositories", `{}`, "missing or malformed: action, installation"},
		"no installation":               {"installation", `{"action":"created"}`, "installation.id"},
		"two repositories, folded into one by the decoder": {
			"create", `{"ref":"x","ref_type":"tag",` + common + `,"Repository":{"id":43}}`, "repository.id is ambiguous",
		},
		"two installations, folded into one by the decoder": {
			"create", `{"ref":"x","ref_type":"tag",` + common + `,"INSTALLATION":{"id":8}}`, "installation.id is ambiguous",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := webhooks.Translate(delivery(t, tc.event, tc.body))
			var wrong *webhooks.PayloadError
			if !errors.As(err, &wrong) || wrong.Delivery != guid || wrong.Event != tc.event || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v and error %v, want one about %s", got, err, tc.says)
			}
		})
	}
}

// Whatever is signed and stored, translating it ends with events or a *PayloadError.
func FuzzTranslate(f *testing.F) {
	names := []string{
		"push", "create", "delete", "merge_group", "pull_request", "pull_request_review", "issue_comment", "check_run",
		"check_suite", "status", "workflow_run", "release", "repository", "installation", "installation_repositories",
		"member", "membership", "team", "ping", "telepathy",
	}
	actions := []string{
		"opened", "synchronize", "edited", "closed", "created", "deleted", "submitted", "requested_action", "rerequested",
		"completed", "checks_requested", "published", "renamed", "transferred", "added", "removed", "suspend",
	}
	for i := range names {
		for _, action := range actions {
			f.Add(uint8(i), []byte(`{"action":"`+action+`",`+common+`}`))
		}
		f.Add(uint8(i), []byte(`null`))
		f.Add(uint8(i), []byte(`{"action":"edited","changes":{"base":{},"repository":null,"owner":{"from":{}}},"pull_request":{"head":null},"check_run":{"app":null},"repositories":[null]}`))
	}
	f.Fuzz(func(t *testing.T, name uint8, body []byte) {
		d := event.Delivery{ID: guid, Name: names[int(name)%len(names)], Body: body}
		events, err := webhooks.Translate(d)
		var wrong *webhooks.PayloadError
		if err != nil && !errors.As(err, &wrong) {
			t.Fatalf("error of another type: %v", err)
		}
		for _, e := range events {
			_ = e.From()
		}
	})
}
