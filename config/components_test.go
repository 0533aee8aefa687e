package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
)

const monorepo = `version: 1
registries: { development: "registry.example.com/dev/{app}", production: "registry.example.com/prod/{app}" }
components:
  - name: api
    paths: ["api/**", "lib/**"]
    pipelines:
      development:
        stages: [{ name: Test, actions: [{ name: unit, uses: checks }] }]
  - name: web
    paths: "web/**"
    registries: { development: "registry.example.com/dev/site", production: "registry.example.com/prod/site" }
`

func TestComponents(t *testing.T) {
	r, errs := ParseRepo([]byte(monorepo), Context{Owner: "acme", RepoName: "shop"})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	api, web := r.Component("api"), r.Component("web")
	type seen struct {
		Tag, Development, Production string
		Own                          bool
	}
	got := map[string]seen{}
	for name, c := range map[string]*Repo{"": r, "api": api, "web": web, "gone": r.Component("gone")} {
		d, ok := c.Pipeline(pipeline.KindDevelopment, Revision{})
		got[name] = seen{c.Versioning.Tag.String(), c.Registries.Development, c.Registries.Production, ok && d.Stages[0].Actions[0].Name == "unit"}
	}
	want := map[string]seen{
		"":     {"v{ReleaseVersion}", "registry.example.com/dev/shop", "registry.example.com/prod/shop", false},
		"api":  {"api/v{ReleaseVersion}", "registry.example.com/dev/shop/api", "registry.example.com/prod/shop/api", true},
		"web":  {"web/v{ReleaseVersion}", "registry.example.com/dev/site", "registry.example.com/prod/site", false},
		"gone": {"gone/v{ReleaseVersion}", "registry.example.com/dev/shop", "registry.example.com/prod/shop", false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if api.ApprovalHash(pipeline.KindRelease) == web.ApprovalHash(pipeline.KindRelease) {
		t.Error("approvals of two components rest on the same: their images differ")
	}
	for files, want := range map[string][]string{
		"api/main.go":              {"api"},
		"lib/log/log.go":           {"api"},
		"web/index.html api/go.go": {"api", "web"},
		"README.md apiary/x.go":    nil,
	} {
		if diff := cmp.Diff(want, r.Changed(strings.Fields(files))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", files, diff)
		}
	}
	if diff := cmp.Diff([]string{"api/buildspec.yml", "lib/buildspec.yml", "buildspec.yml"}, api.Buildspecs()); diff != "" {
		t.Errorf("build specifications (-want +got):\n%s", diff)
	}
	if got := api.Environment("api/production"); got.Name != pipeline.EnvironmentProduction || got.Approve == nil {
		t.Errorf("api/production is %+v", got)
	}
}

func TestComponentErrors(t *testing.T) {
	for file, want := range map[string]string{
		"components:\n  - name: API\n    paths: [a]\n":                                                                                           "3:11: components[0].name",
		"components:\n  - name: api\n    paths: [\"**/api\"]\n":                                                                                  "begins with a wildcard",
		"components:\n  - name: api\n    paths: [../api]\n":                                                                                      "is no path from the root",
		"components:\n  - name: api\n":                                                                                                           "components[0].paths: missing",
		"components:\n  - { name: api, paths: [a] }\n  - { name: api, paths: [b] }\n":                                                            `there are two components "api"`,
		"components:\n  - { name: api, paths: [a], registries: { production: r.example.com/a } }\n":                                              "components[0].registries.production: stands without development",
		"components:\n  - { name: api, paths: [a], pipelines: { release: { stages: [{ name: S, actions: [{ name: x, uses: nothing }] }] } } }\n": `no executor "nothing"`,
	} {
		_, errs := ParseRepo([]byte("version: 1\n"+file), Context{Owner: "acme", RepoName: "shop"})
		text := ""
		for _, e := range errs {
			text += e.Error() + "\n"
		}
		if !strings.Contains(text, want) {
			t.Errorf("%s\nwant %q, got %q", file, want, text)
		}
	}
}
