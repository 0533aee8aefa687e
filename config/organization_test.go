package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
)

// acme is an organization with a file and models.
func acme(file string, models ...string) *Organization {
	o := &Organization{Name: "acme/.github", SHA: "0123456789012345678901234567890123456789", Models: map[string][]byte{}}
	if file != "" {
		o.File = []byte(file)
	}
	for i := 0; i+1 < len(models); i += 2 {
		o.Models[models[i]] = []byte(models[i+1])
	}
	return o
}

// of is the shop with an organization.
func of(o *Organization) Context {
	c := shop()
	c.Organization = o
	return c
}

// texts are errors as one line each.
func textsOf(errs []*Error) string {
	var b strings.Builder
	for _, e := range errs {
		b.WriteString(e.Error() + "\n")
	}
	return b.String()
}

const defaults = `version: 1
versioning: { next: patch, tag: "r{ReleaseVersion}" }
branches: { bugfix: ["bug/*"], max_open_releases: 3 }
environments:
  staging: { deploy: { uses: github-actions, with: { workflow: staging.yml, ref: master } } }
  production:
    approve: { teams: [qa], count: 2 }
    deploy: { uses: github-actions, with: { workflow: production.yml } }
locked: [environments.production.approve, versioning.tag]
`

// To GitHub an environment of the organization's file and one of the repository's that differ in case alone are one.
func TestOrganizationEnvironmentInOtherLetters(t *testing.T) {
	_, errs := ParseRepo([]byte("version: 1\nenvironments:\n  EU-West: { borrow: never }\n"),
		of(acme("version: 1\nenvironments:\n  eu-west: { borrow: never }\n")))
	if said := textsOf(errs); len(errs) != 1 || !strings.Contains(said, `sluice.yml:3:3: environments.EU-West: "EU-West" differs from "eu-west"`) {
		t.Errorf("errors: %s", said)
	}
}

func TestOrganizationDefaultsLieUnderTheRepositorysFile(t *testing.T) {
	r := mustParse(t, `version: 1
branches: { bugfix: ["fix/*"] }
versioning: { hotfix: patch }
environments:
  staging: { deploy: { with: { workflow: mine.yml } } }
  production: { deploy: { uses: buildspec } }
`, of(acme(defaults)))
	if diff := cmp.Diff([]string{"fix/*"}, r.Names.Bugfix); diff != "" || r.Names.MaxOpenReleases != 3 {
		t.Errorf("branches: %s, %d", diff, r.Names.MaxOpenReleases)
	}
	if r.Versioning.Next != BumpPatch || r.Versioning.Hotfix != HotfixPatch || r.Versioning.Tag.String() != "r{ReleaseVersion}" {
		t.Errorf("versioning: %+v", r.Versioning)
	}
	want := pipeline.Deploy{Uses: "github-actions", With: map[string]any{"workflow": "mine.yml", "ref": "master"}}
	if diff := cmp.Diff(want, r.Environments["staging"].Deploy); diff != "" {
		t.Errorf("the same executor takes what it is not told: -want +got\n%s", diff)
	}
	if diff := cmp.Diff(pipeline.Deploy{Uses: "buildspec"}, r.Environments["production"].Deploy); diff != "" {
		t.Errorf("another executor takes nothing: -want +got\n%s", diff)
	}
	if a := r.Environments["production"].Approve; a.Count != 2 || len(a.Teams) != 1 {
		t.Errorf("approve: %+v", a)
	}
}

func TestOrganizationDefaultsWithoutAFile(t *testing.T) {
	r, errs := Load(nil, of(acme(defaults)))
	if err := Join(errs); err != nil {
		t.Fatal(err)
	}
	if !r.Active || r.Configured || r.Environments["production"].Approve.Count != 2 {
		t.Errorf("active %v, configured %v, approve %+v", r.Active, r.Configured, r.Environments["production"].Approve)
	}
	c := of(acme("version: 1\nbranches: { production: live }\n"))
	if r, errs = Load(nil, c); len(errs) > 0 || r.Active || !strings.Contains(r.Inactive, "live") {
		t.Errorf("%+v, %v", r, errs)
	}
	if r, errs = Load(nil, shop()); len(errs) > 0 || !r.Active {
		t.Errorf("without defaults: %+v, %v", r, errs)
	}
}

func TestOrganizationErrors(t *testing.T) {
	const models = `version: 1
pipelines:
  service:
    parameters:
      workflow: { type: string }
      size: { type: string, default: small, allowed: [small, large] }
      wait: { type: string, default: 10m }
      dry: { type: boolean, default: false }
      hosts: { type: list, default: [a] }
    stages:
      - name: Test
        actions: [{ name: unit, uses: github-actions, timeout: "${parameters.wait}", with: { workflow: "${parameters.workflow}" }, env: { SIZE: "is ${parameters.size}" } }]
`
	for name, c := range map[string]struct{ file, organization, models, want string }{
		"a locked key": {"version: 1\nversioning:\n  tag: x{ReleaseVersion}\n", defaults, "",
			".github/sluice.yml:3:3: versioning.tag: versioning.tag is locked by the organization (acme/.github:.github/sluice.yml, line 9)"},
		"under a locked key": {"version: 1\nenvironments: { production: { approve: { count: 1 } } }\n", defaults, "",
			".github/sluice.yml:2:31: environments.production.approve: environments.production.approve is locked"},
		"around a locked key": {"version: 1\nenvironments:\n  staging:\n    deploy: { uses: buildspec }\n",
			strings.Replace(defaults, "locked: [", "locked: [environments.staging.deploy.with.workflow, ", 1), "",
			".github/sluice.yml:4:21: environments.staging.deploy: environments.staging.deploy.with.workflow is locked"},
		"stages instead of a locked model": {"version: 1\npipelines: { release: { stages: [{ name: T, actions: [{ name: a, uses: checks }] }] } }\n",
			"version: 1\npipelines: { release: { extends: m.yml#service, parameters: { workflow: a.yml } } }\nlocked: [pipelines.release.extends]\n", models,
			"2:33: pipelines.release.extends: pipelines.release.extends is locked"},
		"locked in a repository": {"version: 1\nlocked: [mode]\n", "", "",
			".github/sluice.yml:2:1: locked: only the organization's file"},
		"a locked key that is none": {"version: 1\n", "version: 1\nlocked: [environments.production.aprove]\n", "",
			`acme/.github:.github/sluice.yml:2:10: locked[0]: there is no key "aprove" in environments.production; did you mean "approve"?`},
		"the organization's file is wrong": {"version: 1\n", "version: 1\nmod: observe\n", "",
			`acme/.github:.github/sluice.yml:2:1: mod: unknown key (did you mean "mode"?)`},
		"an application for everybody": {"version: 1\n", "version: 1\napp: shop\n", "", "2:1: app: unknown key"},
		"a default that does not fit": {"version: 1\n", "version: 1\nenvironments: { staging: { deploy: { uses: nothing } } }\n", "",
			`acme/.github:.github/sluice.yml:2:38: environments.staging.deploy.uses: no executor "nothing"`},
		"half a default is missing": {"version: 1\nenvironments: { staging: { deploy: { with: { a: b } } } }\n", defaults[:10] + "\n", "",
			".github/sluice.yml:2:36: environments.staging.deploy.uses: missing"},
		"a model that is not there": {"version: 1\npipelines: { release: { extends: m.yml#sevice } }\n", "", models,
			`.github/sluice.yml:2:34: pipelines.release.extends: no model "sevice" in m.yml of acme/.github (did you mean "service"?)`},
		"a file that is not there": {"version: 1\npipelines: { release: { extends: x.yml#service } }\n", "", models, `no file "x.yml" in acme/.github`},
		"a parameter is missing": {"version: 1\npipelines: { release: { extends: m.yml#service } }\n", "", models,
			".github/sluice.yml:2:34: pipelines.release.parameters.workflow: missing"},
		"a parameter too many": {"version: 1\npipelines: { release: { extends: m.yml#service, parameters: { workflow: a.yml, siz: x } } }\n", "", models,
			`no such parameter (did you mean "size"?)`},
		"a value that is not allowed": {"version: 1\npipelines: { release: { extends: m.yml#service, parameters: { workflow: a.yml, size: huge } } }\n", "", models,
			`2:86: pipelines.release.parameters.size: "huge" is none of the values allowed (take one of [small, large])`},
		"a value of another type": {"version: 1\npipelines: { release: { extends: m.yml#service, parameters: { workflow: a.yml, dry: maybe } } }\n", "", models,
			`want true or false, got "maybe" (write true or false, without quotes)`},
		"a value that does not fit where it goes": {"version: 1\npipelines: { release: { extends: m.yml#service, parameters: { workflow: a.yml, wait: soon } } }\n", "", models,
			`.github/sluice.yml:2:86: pipelines.release.stages[0].actions[0].timeout: want a duration`},
		"stages and a model": {"version: 1\npipelines: { release: { extends: m.yml#service, stages: [{ name: T, actions: [{ name: a, uses: checks }] }] } }\n", "", models,
			"pipelines.release.extends: extends and stages exclude each other"},
		"parameters of nothing": {"version: 1\npipelines: { release: { parameters: {}, stages: [{ name: T, actions: [{ name: a, uses: checks }] }] } }\n", "", models,
			"stands without extends"},
		"a model that decides by a parameter": {"version: 1\npipelines: { release: { extends: m.yml#service } }\n", "",
			strings.Replace(models, "uses: github-actions", `uses: "${parameters.workflow}"`, 1),
			"acme/.github:m.yml:12:39: pipelines.service.stages[0].actions[0].uses: \"${parameters.workflow}\" does not fit"},
		"a model that pastes": {"version: 1\npipelines: { release: { extends: m.yml#service } }\n", "",
			strings.Replace(models, `workflow: "${`, `workflow: "x ${`, 1), "the reference stands inside other text"},
		"a model with an unknown parameter": {"version: 1\npipelines: { release: { extends: m.yml#service } }\n", "",
			strings.Replace(models, "${parameters.wait}", "${parameters.wiat}", 1), `the model has no parameter "wiat" (did you mean "wait"?)`},
		"a model that does not work here": {"version: 1\npipelines: { release: { extends: m.yml#service, parameters: { workflow: a.yml } } }\n", "",
			strings.Replace(models, "uses: github-actions", "inputs: [nothing], uses: github-actions", 1),
			".github/sluice.yml:2:34: pipelines.release.extends: the model m.yml#service does not work here (1 error(s)): line 12: nothing makes artifact"},
		"a model with an unknown executor": {"version: 1\npipelines: { release: { extends: m.yml#service } }\n", "",
			strings.Replace(models, "uses: github-actions", "uses: nothing", 1), `acme/.github:m.yml:12:33: pipelines.service.stages[0].actions[0].uses: no executor "nothing"`},
		"a default of another type": {"version: 1\npipelines: { release: { extends: m.yml#service } }\n", "",
			strings.Replace(models, "default: false", "default: 5", 1), "acme/.github:m.yml:8:38: pipelines.service.parameters.dry.default: want true or false"},
	} {
		t.Run(name, func(t *testing.T) {
			o := acme(c.organization)
			if c.models != "" {
				o.Models["m.yml"] = []byte(c.models)
			}
			_, errs := ParseRepo([]byte(c.file), of(o))
			if got := textsOf(errs); !strings.Contains(got, c.want) {
				t.Errorf("got\n%swant it to contain\n%s", got, c.want)
			}
			for _, e := range errs {
				if e.Line > 0 && !strings.Contains(e.Excerpt, "^") {
					t.Errorf("no excerpt: %+v", e)
				}
			}
		})
	}
}

func TestModelsAreFilledIn(t *testing.T) {
	r := mustParse(t, `version: 1
pipelines:
  release:
    mode: queued
    extends: sluice/pipelines.yml#service
    parameters: { workflow: a.yml, tries: 3, flags: [x, "1.10"], version: 1.10 }
`, of(acme("", "sluice/pipelines.yml", `version: 1
pipelines:
  service:
    description: what most of us do
    parameters:
      workflow: { type: string }
      tries: { type: number, default: 1 }
      flags: { type: list, default: [] }
      dry: { type: boolean, default: true }
      version: { type: string, default: "2.0" }
    mode: parallel
    stages:
      - name: Test
        actions:
          - name: unit
            uses: github-actions
            with: { workflow: "${parameters.workflow}", tries: "${parameters.tries}", flags: "${parameters.flags}", dry: "${parameters.dry}", version: "${parameters.version}" }
            env: { TEXT: "v${parameters.version}-${parameters.tries}" }
`)))
	d, _ := r.Pipeline(pipeline.KindRelease, Revision{})
	a := d.Stages[0].Actions[0]
	want := map[string]any{"workflow": "a.yml", "tries": int64(3), "flags": []any{"x", "1.10"}, "dry": true, "version": "1.10"}
	if diff := cmp.Diff(want, a.With); diff != "" {
		t.Errorf("with: -want +got\n%s", diff)
	}
	if a.Env["TEXT"] != "v1.10-3" || d.Mode != pipeline.ModeQueued {
		t.Errorf("env %v, mode %s", a.Env, d.Mode)
	}
	if last := d.Stages[len(d.Stages)-1]; !last.Actions[0].IsPromote() && len(d.Stages) < 2 {
		t.Errorf("the pipeline is not completed: %+v", d.Stages)
	}
}

func TestApprovalHashCoversWhatIsMerged(t *testing.T) {
	file := "version: 1\n"
	a := mustParse(t, file, of(acme(defaults))).ApprovalHash(pipeline.KindRelease)
	b := mustParse(t, file, of(acme(strings.Replace(defaults, "count: 2", "count: 1", 1)))).ApprovalHash(pipeline.KindRelease)
	c := mustParse(t, file, of(acme(strings.Replace(defaults, "max_open_releases: 3", "max_open_releases: 4", 1)))).ApprovalHash(pipeline.KindRelease)
	if a == b || a != c {
		t.Errorf("count: %v, branches: %v", a != b, a != c)
	}
}

func TestExplainSaysWhereAValueIsFrom(t *testing.T) {
	got := map[string]Setting{}
	for _, s := range Explain([]byte("version: 1\nbranches: { bugfix: [\"fix/*\"] }\n"), of(acme(defaults))) {
		got[s.Path] = s
	}
	const theirs = "acme/.github:.github/sluice.yml"
	for _, want := range []Setting{
		{Path: "branches.bugfix", Value: "[fix/*]", File: ".github/sluice.yml", Line: 2, Column: 21},
		{Path: "branches.max_open_releases", Value: "3", File: theirs, Line: 3, Column: 51},
		{Path: "environments.production.approve.count", Value: "2", File: theirs, Line: 7, Column: 36, Locked: true},
	} {
		if diff := cmp.Diff(want, got[want.Path]); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	if _, ok := got["locked"]; ok {
		t.Error("locked is shown as a setting")
	}
}

func TestMissingBranchesAreSaidAndNoError(t *testing.T) {
	c := shop()
	c.Lenient = true
	r := mustParse(t, "version: 1\nbranches:\n  production: live\n", c)
	if len(r.Missing) != 1 || r.Missing[0].Line != 3 || !r.Active || r.Names.Production != "live" {
		t.Errorf("%+v, active %v", r.Missing, r.Active)
	}
}
