package config

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/calendar"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/tagging"
)

func shop() Context {
	return Context{Owner: "Acme", RepoName: "Shop.Front", Branches: []string{"master", "development", "issue-543"}}
}

// mustParse reads a file that is right.
func mustParse(t *testing.T, file string, c Context) *Repo {
	t.Helper()
	r, errs := ParseRepo([]byte(file), c)
	if err := Join(errs); err != nil {
		t.Fatalf("the file is refused:\n%v", err)
	}
	return r
}

func example(t *testing.T) *Repo {
	t.Helper()
	data, err := os.ReadFile("testdata/example.yml")
	if err != nil {
		t.Fatal(err)
	}
	return mustParse(t, string(data), shop())
}

func spans(t *testing.T, texts ...string) []calendar.Span {
	t.Helper()
	var out []calendar.Span
	for _, text := range texts {
		s, err := calendar.ParseSpan(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

func TestEveryKeyArrives(t *testing.T) {
	r := example(t)
	got := *r
	got.pipelines = nil
	got.Versioning.Tag = Default(shop()).Versioning.Tag // compared below
	berlin, err := calendar.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	always := Windows{Windows: calendar.Windows{Zone: time.UTC}}
	want := Repo{
		Configured: true, Active: true, Mode: Enforce, App: "payments", ImageName: "payments",
		Names: gitflow.Names{
			Production: "master", Development: "development", Bugfix: []string{"bugfix/*", "fix/*"},
			Release: "release/{version}", Hotfix: "hotfix/{id}", Support: "support/{major}.{minor}",
			Ignore: []string{"gh-pages", "gh-readonly-queue/**"}, Bots: []string{"dependabot/**", "renovate/**"},
			MaxOpenReleases: 2, Components: []string{"api"},
		},
		Versioning: Versioning{Next: BumpPatch, Hotfix: HotfixPatch, Tag: got.Versioning.Tag, RevisionLength: 12},
		Registries: Registries{
			Development: "111122223333.dkr.ecr.eu-west-1.amazonaws.com/acme/payments",
			Production:  "444455556666.dkr.ecr.eu-west-1.amazonaws.com/payments",
		},
		Environments: map[string]Environment{
			"development": {
				Name: "development", Promote: Promote{Auto: true}, Borrow: BorrowHotfix, Windows: always,
				Deploy: pipeline.Deploy{Uses: "github-actions", With: map[string]any{
					"workflow": "deploy.yml", "account": "012345678901", "ratio": "1.10", "retries": int64(3), "dry": false,
				}},
			},
			"staging": {
				Name: "staging", Promote: Promote{Auto: true}, Borrow: BorrowNever,
				Windows: Windows{Windows: calendar.Windows{Deny: spans(t, "2026-12-24", "Sat,Sun"), Zone: time.UTC}},
				Approve: &Approve{Users: []string{"anna"}, Count: 1, Expires: 7 * day},
				Deploy:  pipeline.Deploy{Uses: "github-actions", With: map[string]any{"workflow": "deploy.yml"}},
			},
			"production": {
				Name: "production", Promote: Promote{Teams: []string{"release-managers"}, Users: []string{"bo"}}, Borrow: BorrowHotfix,
				Approve: &Approve{Teams: []string{"qa", "security"}, Count: 2, AllowAuthor: true, Expires: 36 * time.Hour, Remind: 90 * time.Minute,
					Reviews: true, Escalate: Escalate{After: 24 * time.Hour, People: People{Teams: []string{"leads"}, Users: []string{"cleo"}}}},
				Emergency: People{Teams: []string{"on-call"}, Users: []string{"dara"}},
				Verify: Verify{Keys: []VerifyKey{{ID: "5c273a50431632aa7be1040728dbef86a1745ea3ea8b01909dcd33a64abd84de",
					PEM: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8NAZ/x3kbyWwt1R24i2XHtAXI1rX
f9MJ+9t7KaKawZFHQgxYFYZv/lvRIpncd4nCniRTFrdZD8nmr1MRbikeCQ==
-----END PUBLIC KEY-----
`}}},
				Deploy:            pipeline.Deploy{Uses: "github-actions", With: map[string]any{"workflow": "production.yml"}},
				RollbackOnFailure: true,
				Windows: Windows{Hotfix: true, Windows: calendar.Windows{
					Allow: spans(t, "Mon-Thu 09:00-16:00", "Sat,Sun 22:00-02:00"),
					Deny:  spans(t, "2026-12-20..2027-01-02", "2026-12-24 12:00-24:00", "2027-01-04 18:00..2027-01-05 08:00"),
					Zone:  berlin,
				}},
				Freeze: Freeze{Hotfix: true},
				Soak:   Soak{Release: 24 * time.Hour, Hotfix: 30 * time.Minute},
			},
		},
		Finish:  Finish{Order: MergeThenDeploy},
		Secrets: Secrets{Mode: SecretsWarn, Allow: []string{"0123456789abcdef0123"}},
		Components: []Component{{
			Name: "api", Paths: []string{"api/**", "lib/log"},
			Registries: Registries{Development: "r.example.com/dev/api", Production: "r.example.com/api"},
		}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Repo{}, Component{}), cmp.Comparer(sameTag)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if tag := r.Versioning.Tag.String(); tag != "payments-v{ReleaseVersion}" {
		t.Errorf("tag pattern %q", tag)
	}
}

func TestZeroConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		branches                []string
		production, development string
		active                  bool
	}{
		"master and development":             {[]string{"master", "development"}, "master", "development", true},
		"main and develop":                   {[]string{"main", "develop"}, "main", "develop", true},
		"master before main":                 {[]string{"main", "master", "develop", "development"}, "master", "development", true},
		"no development branch: not active":  {[]string{"main"}, "main", "development", false},
		"no production branch: not active":   {[]string{"develop"}, "master", "develop", false},
		"branches are not known: not active": {nil, "master", "development", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := Default(Context{Owner: "acme", RepoName: "shop", Branches: c.branches})
			if r.Names.Production != c.production || r.Names.Development != c.development || r.Active != c.active {
				t.Errorf("got %s, %s, active %v", r.Names.Production, r.Names.Development, r.Active)
			}
			if r.Active != (r.Inactive == "") {
				t.Errorf("active %v and the reason %q", r.Active, r.Inactive)
			}
			if r.Configured || r.Mode != Enforce || r.Finish != (Finish{DeployThenMerge, true}) {
				t.Errorf("defaults: %+v", r)
			}
			if diff := cmp.Diff(&Approve{Count: 1, Expires: 7 * day, Remind: 24 * time.Hour}, r.Environment("production").Approve); diff != "" {
				t.Errorf("production's approval: -want +got\n%s", diff)
			}
		})
	}
}

func TestTheSmallestFileIsTheDefault(t *testing.T) {
	want := Default(shop())
	want.Configured = true
	got := mustParse(t, "version: 1\n", shop())
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Repo{}, Component{}), cmp.Comparer(sameTag)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got.App != "Shop.Front" || got.ImageName != "shop.front" {
		t.Errorf("app %q, image name %q", got.App, got.ImageName)
	}
}

// outline lists the actions of a definition: stage/action uses→environment.
func outline(d pipeline.Definition) string {
	var lines []string
	for _, s := range d.Stages {
		for _, a := range s.Actions {
			line := s.Name + "/" + a.Name + " " + a.Uses
			if a.Environment != "" {
				line += " " + a.Environment
			}
			if a.Deploys {
				line += " deploys"
			}
			if a.Manual {
				line += " manual"
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func TestPipelinesAreResolved(t *testing.T) {
	local := shop()
	local.LocalExecutors = true
	const custom = `
version: 1
environments:
  development: { approve: {} }
  production: { approve: { teams: qa }, promote: { auto: false }, deploy: { uses: github-actions, with: { workflow: d.yml } } }
pipelines:
  feature: { stages: [{ name: T, actions: [{ name: t, uses: checks }] }] }
  hotfix: { stages: [{ name: T, actions: [{ name: ok, uses: approval }] }, { name: P, actions: [{ name: p, uses: promote }] }] }
`
	for name, c := range map[string]struct {
		file string
		c    Context
		kind string
		rev  Revision
		want string
		mode pipeline.Mode
	}{
		"a feature without configuration waits for the repository's checks": {"version: 1", shop(), "feature", Revision{Buildspec: "buildspec.yml"},
			"Test/checks checks\nDeploy/development deploy development deploys", "superseded"},
		"with local executors its buildspec is run": {"version: 1", local, "feature", Revision{Buildspec: "buildspec.yml"},
			"Build/build buildspec\nDeploy/development deploy development deploys", "superseded"},
		"another bot's branch is not deployed": {"version: 1", local, "feature", Revision{Buildspec: "buildspec.yml", SkipDeploy: true},
			"Build/build buildspec", "superseded"},
		"a release ends in approval and promotion": {"version: 1", shop(), "release", Revision{},
			"Test/checks checks\nDeploy/staging deploy staging deploys\nApproval/approval approval production\nPromote/promote promote production", "superseded"},
		"production is deployed by the environment's executor": {custom, shop(), "production", Revision{},
			"Deploy/production github-actions production deploys", "queued"},
		"a configured pipeline replaces the default": {custom, shop(), "feature", Revision{}, "T/t checks", "superseded"},
		"bugfix is as feature":                       {custom, shop(), "bugfix", Revision{}, "T/t checks", "superseded"},
		"an environment's approval is put before its deployment": {custom, shop(), "development", Revision{},
			"Test/checks checks\nApproval development/approval approval development\nDeploy/development deploy development deploys", "superseded"},
		"written approval and promotion stay, auto: false waits for a request": {custom, shop(), "hotfix", Revision{},
			"T/ok approval production\nP/p promote production manual", "queued"},
	} {
		t.Run(name, func(t *testing.T) {
			d, ok := mustParse(t, c.file, c.c).Pipeline(c.kind, c.rev)
			if !ok {
				t.Fatal("no pipeline")
			}
			if diff := cmp.Diff(c.want, outline(d)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if d.Mode != c.mode || d.Kind != c.kind {
				t.Errorf("mode %s, kind %s", d.Mode, d.Kind)
			}
			if problems := d.Validate(); len(problems) > 0 && !c.rev.SkipDeploy {
				t.Errorf("not valid: %v", problems)
			}
		})
	}
	if _, ok := mustParse(t, custom, shop()).Pipeline("backmerge", Revision{}); ok {
		t.Error("a back-merge branch has a pipeline")
	}
}

func TestActionsAreReadWhole(t *testing.T) {
	d, _ := example(t).Pipeline("release", Revision{})
	variables := []pipeline.Variable{{Name: "LEVEL", Default: "info", Description: "how much is logged"}, {Name: "who@where"}}
	want := pipeline.Definition{Kind: "release", Mode: "queued", Variables: variables, Stages: []pipeline.Stage{
		{Name: "Test", Actions: []pipeline.Action{
			{Name: "unit", Uses: "buildspec", With: map[string]any{"file": "buildspec.yml"}, Env: map[string]string{"LEVEL": "1.10", "SUFFIX": "", "LOG": "#{variables.LEVEL}"},
				RunOrder: 1, Outputs: []string{"app"}, OnFailure: "retry", Retries: 2},
			{Name: "load", Uses: "github-actions", With: map[string]any{"workflow": "load.yml"}, RunOrder: 2,
				Timeout: 20 * time.Minute, OnFailure: "continue", Namespace: "measured"},
		}},
		{Name: "Build", Actions: []pipeline.Action{
			{Name: "image", Uses: "image", With: map[string]any{"base": "registry.example.com/base"}, RunOrder: 1, Inputs: []string{"app"}, OnFailure: "fail"},
		}, OnFailure: pipeline.StageRetryFailed, BeforeEntry: &pipeline.Condition{Else: pipeline.OtherwiseSkip, Rules: []pipeline.Rule{
			{Variable: "unit.verdict", Operator: "equals", Value: "good"}, {Variable: "unit.branch", Operator: "not", Value: "old"},
			{Variable: "unit.coverage", Operator: "matches", Value: "9[0-9]|100"},
		}}, OnSuccess: &pipeline.Condition{Else: pipeline.OtherwiseFail, Rules: []pipeline.Rule{
			{Variable: "image.size", Operator: "equals", Value: "small"}, {Variable: "image.base", Operator: "not", Value: "old"},
			{Variable: "image.layers", Operator: "matches", Value: "[0-9]"},
		}}},
		{Name: "Approval staging", Actions: []pipeline.Action{
			{Name: "approval", Uses: "approval", Environment: "staging", Timeout: 7 * day, Remind: -1},
		}},
		{Name: "Deploy", Actions: []pipeline.Action{
			{Name: "staging", Uses: "github-actions", With: map[string]any{"workflow": "deploy.yml"}, Environment: "staging",
				RunOrder: 1, OnFailure: "fail", Deploys: true},
		}},
		{Name: "Approval", Actions: []pipeline.Action{
			{Name: "approval", Uses: "approval", Environment: "production", Timeout: 36 * time.Hour, Remind: 90 * time.Minute, Escalate: 24 * time.Hour},
		}},
		{Name: "Promote", Actions: []pipeline.Action{{Name: "promote", Uses: "promote", Environment: "production", Manual: true}}},
	}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestApprovalHashCoversWhatAnApprovalRestsOn(t *testing.T) {
	base := example(t)
	data, err := os.ReadFile("testdata/example.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		old, new string
		changes  bool
	}{
		"who approves":              {"[qa, security]", "[qa]", true},
		"how many":                  {"count: 2", "count: 1", true},
		"who promotes":              {"[bo]", "[eve]", true},
		"how production deploys":    {"production.yml", "other.yml", true},
		"how staging deploys":       {"staging:\n    approve: { users: anna, count: 1, remind: 0s }\n    deploy: { uses: github-actions, with: { workflow: deploy.yml", "staging:\n    approve: { users: anna, count: 1, remind: 0s }\n    deploy: { uses: github-actions, with: { workflow: x.yml", true},
		"the production registry":   {"444455556666", "444455556667", true},
		"the pipeline's test":       {"load.yml", "load2.yml", true},
		"a comment":                 {"# The whole", "# Some", false},
		"the mode":                  {"mode: enforce", "mode: observe", false},
		"how many releases":         {"max_open_releases: 2", "max_open_releases: 3", false},
		"the order of the finish":   {"merge-then-deploy", "deploy-then-merge", false},
		"how development deploys":   {"retries: 3", "retries: 4", false},
		"when may be deployed":      {"Mon-Thu", "Mon-Fri", false},
		"how long it soaks":         {"soak: 24h", "soak: 48h", false},
		"whom a freeze stops":       {"freeze: { hotfix: always }", "freeze: { hotfix: wait }", false},
		"what a failure leads to":   {"[deploy-failure]", "[]", false},
		"who is on call":            {"users: [dara]", "users: [eve]", false},
		"whose signature it takes":  {"    verify: {", "    # verify: {", false},
		"the way a list is written": {"inputs: app", "inputs: [app]", false},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(string(data), c.old) {
				t.Fatalf("the example holds no %q", c.old)
			}
			changed := mustParse(t, strings.Replace(string(data), c.old, c.new, 1), shop())
			if got := changed.ApprovalHash("release") != base.ApprovalHash("release"); got != c.changes {
				t.Errorf("the hash changes: %v, want %v", got, c.changes)
			}
		})
	}
	if h := base.ApprovalHash("release"); !strings.HasPrefix(h, "sha256:") || len(h) != 71 || h != example(t).ApprovalHash("release") {
		t.Errorf("hash %q", h)
	}
	if base.ApprovalHash("release") == base.ApprovalHash("hotfix") {
		t.Error("release and hotfix have different pipelines and the same hash")
	}
}

func TestReviewsEscalationAndEmergency(t *testing.T) {
	r := mustParse(t, `version: 1
environments:
  production:
    approve: { reviews: true, escalate: { after: 2d, teams: leads, users: [bo] } }
    emergency: { teams: [on-call], users: anna }
`, shop())
	e := r.Environment("production")
	if want := (Escalate{After: 2 * day, People: People{Teams: []string{"leads"}, Users: []string{"bo"}}}); !e.Approve.Reviews || !cmp.Equal(want, e.Approve.Escalate) {
		t.Errorf("approve: %+v", e.Approve)
	}
	if want := (People{Teams: []string{"on-call"}, Users: []string{"anna"}}); !cmp.Equal(want, e.Emergency) {
		t.Errorf("emergency: %+v", e.Emergency)
	}
	d, _ := r.Pipeline("release", Revision{})
	for _, s := range d.Stages {
		for _, a := range s.Actions {
			if a.IsApproval() && a.Escalate != 2*day {
				t.Errorf("the approval is escalated after %s", a.Escalate)
			}
		}
	}
	for name, c := range map[string]struct{ file, want string }{
		"too late":              {"approve: { escalate: { after: 7d, users: bo } }", "make it shorter than expires"},
		"to nobody":             {"approve: { escalate: { after: 1d } }", "name teams or users"},
		"an emergency's nobody": {"emergency: {}", "name teams or users, or take it out"},
	} {
		_, errs := ParseRepo([]byte("version: 1\nenvironments: { production: { "+c.file+" } }\n"), shop())
		if len(errs) != 1 || !strings.Contains(errs[0].Error()+errs[0].Hint, c.want) {
			t.Errorf("%s: %v, want %q", name, errs, c.want)
		}
	}
	_, errs := ParseRepo([]byte("version: 1\nenvironments: { staging: { emergency: { users: bo } } }\n"), shop())
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "only production") {
		t.Errorf("of staging: %v", errs)
	}
	before := r.ApprovalHash("release")
	e.Emergency = People{}
	r.Environments["production"] = e
	if r.ApprovalHash("release") != before {
		t.Error("naming people for emergencies takes back approvals")
	}
}

func TestTheReminderComesBeforeTheEnd(t *testing.T) {
	for approve, want := range map[string]time.Duration{
		"{}": 24 * time.Hour, "{ expires: 25h }": 24 * time.Hour, "{ expires: 24h }": 12 * time.Hour, "{ expires: 1h }": 30 * time.Minute,
		"{ remind: 0s }": 0, "{ remind: 2d }": 48 * time.Hour,
	} {
		r := mustParse(t, "version: 1\nenvironments: { production: { approve: "+approve+" } }\n", shop())
		if got := r.Environment("production").Approve.Remind; got != want {
			t.Errorf("%s: reminder after %s, want %s", approve, got, want)
		}
	}
}

// A server may have executors that others have not; they are asked about their parameters like all.
func TestExecutorsOfOneServer(t *testing.T) {
	const file = "version: 1\nenvironments: { staging: { deploy: { uses: process, with: { port: 1 } } } }\n"
	for name, c := range map[string]struct {
		has  []string
		want string
	}{
		"another server":         {nil, `environments.staging.deploy.uses: no executor "process"`},
		"its server":             {[]string{"buildspec", "process"}, ""},
		"its server, wrong port": {[]string{"wrong", "process"}, "environments.staging.deploy.with.port: too low"},
	} {
		context := shop()
		context.Executors = c.has
		context.Check = func(uses string, _ map[string]any) error {
			if uses == "process" && slices.Contains(c.has, "wrong") {
				return errorText("uses: process: with.port: too low")
			}
			return nil
		}
		_, errs := ParseRepo([]byte(file), context)
		got := ""
		for _, e := range errs {
			got += e.Error()
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestExecutorsCheckTheirParameters(t *testing.T) {
	c := shop()
	c.Check = func(uses string, with map[string]any) error {
		if uses == "checks" {
			return nil
		}
		return errorText("uses: " + uses + ": with.worflow is not known; known: workflow\nwith.workflow is required")
	}
	const file = `version: 1
environments:
  staging: { deploy: { uses: checks } }
pipelines:
  feature:
    stages:
      - name: T
        actions:
          - name: t
            uses: github-actions
            with:
              worflow: a.yml
`
	_, errs := ParseRepo([]byte(file), c)
	want := []string{
		".github/sluice.yml:11:13: pipelines.feature.stages[0].actions[0].with.workflow: is required",
		".github/sluice.yml:12:15: pipelines.feature.stages[0].actions[0].with.worflow: is not known; known: workflow",
	}
	var got []string
	for _, e := range errs {
		got = append(got, e.Error())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }

func sameTag(a, b tagging.TagPattern) bool { return a.String() == b.String() }
