package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// schemaKeys are the keys of the configuration, by its schema; what a mapping names by itself is *, and a pipeline is one key.
func schemaKeys(node map[string]any, path string, into map[string]bool) {
	if strings.HasSuffix(path, "pipelines") || strings.HasSuffix(path, ".with") {
		into[path] = true
		return
	}
	var inner bool
	below := func(v any, path string) {
		if m, ok := v.(map[string]any); ok && len(m) > 0 {
			inner = true
			schemaKeys(m, path, into)
		}
	}
	properties, _ := node["properties"].(map[string]any)
	_, named := node["additionalProperties"].(map[string]any)
	for name, v := range properties {
		if named { // environments: what the schema knows by name are names all the same
			name = "*"
		}
		below(v, strings.TrimPrefix(path+"."+name, "."))
	}
	if more, ok := node["additionalProperties"].(map[string]any); ok {
		below(more, path+".*")
	}
	for _, list := range []string{"anyOf", "oneOf"} {
		all, _ := node[list].([]any)
		for _, v := range all {
			if m, ok := v.(map[string]any); ok && m["type"] == "object" || m["type"] == "array" {
				below(v, path)
			}
		}
	}
	if items, ok := node["items"].(map[string]any); ok && items["properties"] != nil {
		below(items, path+"[]")
	}
	if !inner {
		into[path] = true
	}
}

const impactKey = "-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8NAZ/x3kbyWwt1R24i2XHtAXI1rX\\n" +
	"f9MJ+9t7KaKawZFHQgxYFYZv/lvRIpncd4nCniRTFrdZD8nmr1MRbikeCQ==\\n-----END PUBLIC KEY-----\\n"

func impactConfig(t *testing.T, yaml string) *config.Repo {
	t.Helper()
	cfg, problems := config.Load([]byte("version: 1\n"+yaml+"\n"), config.Context{Owner: "acme", RepoName: "shop"})
	if len(problems) > 0 {
		t.Fatalf("%s: %v", yaml, config.Join(problems))
	}
	return cfg
}

// whole is a schema with what it refers to by name written out, but for what holds itself.
func whole(node any, defs map[string]any) any {
	switch n := node.(type) {
	case []any:
		out := make([]any, len(n))
		for i, v := range n {
			out[i] = whole(v, defs)
		}
		return out
	case map[string]any:
		ref, _ := n["$ref"].(string)
		if name := strings.TrimPrefix(ref, "#/$defs/"); ref != "" && name != "parameter" {
			return whole(defs[name], defs)
		}
		out := make(map[string]any, len(n))
		for key, v := range n {
			if key != "$defs" {
				out[key] = whole(v, defs)
			}
		}
		return out
	}
	return node
}

// Every key of the configuration shows in what a change of it is said to change.
func TestImpactTellsEveryKey(t *testing.T) {
	production := func(s string) string { return "environments: { production: { " + s + " } }" }
	approve := func(s string) string { return production("approve: { " + s + " }") }
	stage := func(name string) string {
		return "[{ name: " + name + ", actions: [{ name: a, uses: checks }] }]"
	}
	const component = "components: [{ name: api, paths: [\"api/**\"] }]"
	text, err := config.Schema()
	must(t, err)
	var schema map[string]any
	must(t, json.Unmarshal(text, &schema))
	keys := map[string]bool{}
	schemaKeys(whole(schema, schema["$defs"].(map[string]any)).(map[string]any), "", keys)
	for _, key := range []string{"version", "notify", "locked"} { // which have one value
		delete(keys, key)
	}
	for key, c := range map[string]struct{ before, after, row string }{
		"mode":                                {"", "mode: observe", "mode"},
		"app":                                 {"", "app: other", "image name"},
		"branches.production":                 {"", "branches: { production: live }", "production branch"},
		"branches.development":                {"", "branches: { development: live }", "development branch"},
		"branches.bugfix":                     {"", "branches: { bugfix: [\"mend/*\"] }", "bugfix branches"},
		"branches.release":                    {"", "branches: { release: \"rc/{version}\" }", "release branches"},
		"branches.hotfix":                     {"", "branches: { hotfix: \"hot/{id}\" }", "hotfix branches"},
		"branches.support":                    {"", "branches: { support: \"line/{major}.{minor}\" }", "support branches"},
		"branches.ignore":                     {"", "branches: { ignore: [wip] }", "ignored branches"},
		"branches.max_open_releases":          {"", "branches: { max_open_releases: 2 }", "releases open at once"},
		"versioning.next":                     {"", "versioning: { next: patch }", "the next release"},
		"versioning.hotfix":                   {"", "versioning: { hotfix: patch }", "hotfix 17 of 1.4.0"},
		"versioning.tag":                      {"", "versioning: { tag: \"{ReleaseVersion}\" }", "git tags"},
		"versioning.revision_length":          {"", "versioning: { revision_length: 12 }", "the commit in image tags"},
		"registries.development":              {"", "registries: { development: r.example.com/dev, production: r.example.com/prod }", "registry of development"},
		"registries.production":               {"", "registries: { development: r.example.com/dev, production: r.example.com/prod }", "registry of production"},
		"finish.order":                        {"", "finish: { order: merge-then-deploy }", "the end of a release"},
		"finish.delete_branch":                {"", "finish: { delete_branch: false }", "its branch"},
		"secrets.mode":                        {"", "secrets: { mode: warn }", "secrets in commits"},
		"secrets.allow":                       {"", "secrets: { allow: [0123456789abcdef0123] }", "secrets that are allowed"},
		"pipelines":                           {"", "pipelines: { support: { stages: " + stage("Old") + " } }", "support pipeline"},
		"components[].name":                   {"", component, "component `api`"},
		"components[].paths":                  {component, "components: [{ name: api, paths: [\"api/**\", \"lib/**\"] }]", "component `api`"},
		"components[].pipelines":              {component, "components: [{ name: api, paths: [\"api/**\"], pipelines: { feature: { stages: " + stage("Own") + " } } }]", "component `api`, feature pipeline"},
		"components[].registries.development": {component, "components: [{ name: api, paths: [\"api/**\"], registries: { development: r.example.com/api, production: r.example.com/prod } }]", "component `api`, registries"},
		"components[].registries.production":  {component, "components: [{ name: api, paths: [\"api/**\"], registries: { development: r.example.com/dev, production: r.example.com/api } }]", "component `api`, registries"},

		"environments.*.approve.teams":          {"", approve("teams: [qa]"), "who approves `production`"},
		"environments.*.approve.users":          {"", approve("users: [ann]"), "who approves `production`"},
		"environments.*.approve.count":          {"", approve("count: 2"), "who approves `production`"},
		"environments.*.approve.allow_author":   {"", approve("allow_author: true"), "approvals of `production`"},
		"environments.*.approve.expires":        {"", approve("expires: 3d"), "approvals of `production`"},
		"environments.*.approve.remind":         {"", approve("remind: 2h"), "approvals of `production`"},
		"environments.*.approve.reviews":        {"", approve("reviews: true"), "approvals of `production`"},
		"environments.*.approve.escalate.after": {approve("escalate: { after: 2h, teams: [qa] }"), approve("escalate: { after: 3h, teams: [qa] }"), "approvals of `production`"},
		"environments.*.approve.escalate.teams": {"", approve("escalate: { after: 2h, teams: [qa] }"), "approvals of `production`"},
		"environments.*.approve.escalate.users": {"", approve("escalate: { after: 2h, users: [ann] }"), "approvals of `production`"},
		"environments.*.promote.teams":          {"", production("promote: { teams: [rm] }"), "who promotes to `production`"},
		"environments.*.promote.users":          {"", production("promote: { users: [rita] }"), "who promotes to `production`"},
		"environments.*.promote.auto":           {"", production("promote: { auto: false }"), "the last approval"},
		"environments.*.emergency.teams":        {"", production("emergency: { teams: [ops] }"), "who promotes in an emergency"},
		"environments.*.emergency.users":        {"", production("emergency: { users: [oncall] }"), "who promotes in an emergency"},
		"environments.*.verify.keys":            {"", production("verify: { keys: [\"" + impactKey + "\"] }"), "images are signed by"},
		"environments.*.deploy.uses":            {"", production("deploy: { uses: github-actions, with: { workflow: d.yml } }"), "deployment to `production`"},
		"environments.*.deploy.with":            {production("deploy: { uses: github-actions, with: { workflow: d.yml } }"), production("deploy: { uses: github-actions, with: { workflow: e.yml } }"), "deployment to `production`"},
		"environments.*.borrow":                 {"", "environments: { staging: { borrow: never } }", "who may borrow `staging`"},
		"environments.*.windows.allow":          {"", production("windows: { allow: [\"Mon-Thu 09:00-16:00\"] }"), "windows of `production`"},
		"environments.*.windows.deny":           {"", production("windows: { deny: [\"Fri\"] }"), "windows of `production`"},
		"environments.*.windows.timezone":       {"", production("windows: { timezone: Europe/Berlin }"), "windows of `production`"},
		"environments.*.windows.hotfix":         {"", production("windows: { hotfix: always }"), "windows of `production`"},
		"environments.*.freeze.hotfix":          {"", production("freeze: { hotfix: always }"), "a freeze of `production`"},
		"environments.*.soak":                   {"", production("soak: 1h"), "soak before `production`"},
		"environments.*.soak_hotfix":            {"", production("soak_hotfix: 1h"), "soak before `production`"},
		"environments.*.rollback_on":            {"", production("rollback_on: [alarm]"), "rolled back in `production`"},
	} {
		t.Run(key, func(t *testing.T) {
			var out impact
			out.settings(impactConfig(t, c.before), impactConfig(t, c.after))
			if !slices.ContainsFunc(out.Rows, func(r impactRow) bool { return r.What == c.row && r.Before != r.After }) {
				t.Errorf("no row %q in\n%s", c.row, out.markdown())
			}
		})
		if !keys[key] {
			t.Errorf("there is no key %s", key)
		}
		delete(keys, key)
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		t.Errorf("no change of %s is tried: is it told?", key)
	}
}

// A setting that is written out and means what held before changes nothing.
func TestImpactOfNothing(t *testing.T) {
	var out impact
	out.settings(impactConfig(t, ""), impactConfig(t, "mode: enforce\nenvironments: { production: { approve: { count: 1 }, windows: { timezone: UTC } } }"))
	if text := out.markdown(); text != "" {
		t.Error(text)
	}
}

// What becomes of a release under way is told in one sentence for all of which it holds, and by what it waits for.
func TestImpactOnReleases(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		change        func(*store.Release)
		want          []string
	}{
		"another approver": {"", "environments: { production: { approve: { teams: [qa], count: 2 } } }", nil,
			[]string{"1 open release would run the pipeline again and wait for new approvals, 2 of team `qa`: `1.4.0`."}},
		"an approval more": {"environments: { production: { approve: { teams: [qa] } } }", "environments: { production: { approve: { teams: [qa], count: 2 } } }", nil,
			[]string{"1 open release would run the pipeline again and wait for new approvals, 2 of team `qa`: `1.4.0`."}},
		"a support line with a pipeline of its own": {"", "pipelines: { support: { stages: [{ name: Old, actions: [{ name: a, uses: checks }] }] } }",
			func(r *store.Release) { r.Line = "1.4" },
			[]string{"1 open release would run the pipeline again and wait for new approvals, 1 of whoever may write: `1.4.0`."}},
		"a support pipeline is nothing to others": {"", "pipelines: { support: { stages: [{ name: Old, actions: [{ name: a, uses: checks }] }] } }", nil, nil},
		"a window": {"", "environments: { production: { windows: { allow: [\"Mon 09:00-10:00\"] } } }", nil,
			[]string{"1 open release would wait: `1.4.0`. "}},
		"no window": {"environments: { production: { windows: { allow: [\"Mon 09:00-10:00\"] } } }", "", nil,
			[]string{"1 open release would not wait any more for something: `1.4.0`. "}},
		"a window in a promotion": {"", "environments: { production: { windows: { allow: [\"Mon 09:00-10:00\"] } } }",
			func(r *store.Release) { r.Status = store.ReleasePromoting },
			[]string{"1 promotion under way would wait: `1.4.0`. "}},
		"a signature": {"", "environments: { production: { verify: { keys: [\"" + impactKey + "\"] } } }", nil,
			[]string{"1 open release would wait: `1.4.0`. "}},
		"components introduced": {"", "components: [{ name: api, paths: [\"api/**\"] }]", nil,
			[]string{"1 release under way would be of no component: `1.4.0`."}},
		"nothing is done any more": {"", "mode: observe", nil,
			[]string{"1 open release would stay where it is, since nothing is done in mode `observe`: `1.4.0`."}},
		"what no release waits for": {"", "environments: { staging: { borrow: never } }", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l, r, _ := candidate(t, "version: 1\n"+c.before+"\n")
			l.world(r)
			if c.change != nil {
				c.change(r)
				l.write(func(tx *store.Tx) error { return tx.SaveRelease(t.Context(), *r) })
			}
			got, err := newSession(l).impact(t.Context(), impactConfig(t, c.after))
			must(t, err)
			var told []string
			for _, g := range got.Told {
				told = append(told, g.String())
			}
			if !slices.EqualFunc(told, c.want, func(have, want string) bool { return strings.HasPrefix(have, want) }) {
				t.Errorf("it is told\n%q\nwant\n%q\n%s", told, c.want, got.markdown())
			}
		})
	}
}

// A release that brings the configuration itself is looked at once, though its head has not been judged yet.
func TestImpactOnTheReleaseThatBringsIt(t *testing.T) {
	l, r, _ := candidate(t, "")
	l.world(r)
	window := "environments: { production: { windows: { allow: [\"Mon 09:00-10:00\"] } } }"
	l.gh.Contents = map[string]string{config.FileName: "version: 1\n" + window + "\n"}
	brings := l.gh.Comparisons[cut+"..."+head]
	brings.Files = []string{config.FileName}
	l.gh.Comparisons[cut+"..."+head] = brings
	l.write(func(tx *store.Tx) error {
		for _, name := range []string{"master", "development"} {
			if err := tx.SaveBranch(t.Context(), store.Branch{RepoID: 42, Name: name, SHA: cut}); err != nil {
				return err
			}
		}
		return nil
	})
	f, err := newSession(l).find(t.Context(), l.gh.Pulls[5])
	must(t, err)
	if text := f.Config.Impact.markdown(); !strings.Contains(text, "1 open release would wait: `1.4.0`. ") {
		t.Errorf("%s\n%+v", text, f.Config)
	}
}

// What a proposed configuration would change is only told: reviews and signatures are taken down under the one in force.
func TestImpactChangesNothing(t *testing.T) {
	const registries = "registries: { development: dev.test/shop, production: prod.test/shop }\n"
	l, r, x := candidate(t, "version: 1\n"+registries+"environments: { production: { approve: { reviews: true } } }\n")
	l.world(r)
	l.gh.Reviewed = []forge.Review{{ID: 1, Author: l.gh.Users["quinn"], State: "APPROVED", SHA: head, SubmittedAt: noon}}
	l.b.Images = FakeImages{"signed:dev.test/shop@" + digest: "the key that is proposed"}
	kept := func() (said []store.Approval, signed []store.Signature) {
		must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) (err error) {
			if said, err = tx.ApprovalsByRelease(t.Context(), r.ID); err != nil {
				return err
			}
			signed, err = tx.Signatures(t.Context(), 42, digest)
			return err
		}))
		return said, signed
	}
	proposed := impactConfig(t, registries+"environments: { production: { approve: { reviews: true }, verify: { keys: [\""+impactKey+"\"] } } }")
	got, err := newSession(l).impact(t.Context(), proposed)
	must(t, err)
	if said, signed := kept(); len(said)+len(signed) > 0 {
		t.Errorf("it was written down: %v %v\n%s", said, signed, got.markdown())
	}
	_, err = l.look(t.Context(), r, phasePromote)
	must(t, err)
	if said, _ := kept(); len(said) != 1 || said[0].By.Login != "quinn" || said[0].ExecutionID != x.ID {
		t.Errorf("of the review is taken down: %v", said)
	}
}

// counted counts what GitHub is asked.
type counted struct {
	GitHub
	asked map[string]int
}

func (c *counted) Info(ctx context.Context) (forge.Repo, error) {
	c.asked["info"]++
	return c.GitHub.Info(ctx)
}

func (c *counted) Branch(ctx context.Context, name string) (forge.Branch, error) {
	c.asked["branch "+name]++
	return c.GitHub.Branch(ctx, name)
}

func (c *counted) Tag(ctx context.Context, name string) (forge.Tag, error) {
	c.asked["tag "+name]++
	return c.GitHub.Tag(ctx, name)
}

func (c *counted) Pull(ctx context.Context, number int) (forge.PullRequest, error) {
	c.asked[fmt.Sprint("pull ", number)]++
	return c.GitHub.Pull(ctx, number)
}

func (c *counted) CheckRuns(ctx context.Context, sha string) ([]forge.CheckRun, error) {
	c.asked["check runs "+sha]++
	return c.GitHub.CheckRuns(ctx, sha)
}

func (c *counted) Statuses(ctx context.Context, sha string) ([]forge.CommitStatus, error) {
	c.asked["statuses "+sha]++
	return c.GitHub.Statuses(ctx, sha)
}

// What the configuration in force and the proposed one both rest on is asked of GitHub once, and the next look asks again.
func TestImpactAsksOnce(t *testing.T) {
	l, r, _ := candidate(t, "")
	l.world(r)
	s := newSession(l)
	gh := &counted{s.gh, map[string]int{}}
	s.gh = gh
	proposed := impactConfig(t, "environments: { production: { windows: { allow: [\"Mon 09:00-10:00\"] } } }")
	for n := 1; n <= 2; n++ {
		got, err := s.impact(t.Context(), proposed)
		must(t, err)
		if len(got.Told) != 1 {
			t.Errorf("it is told\n%s", got.markdown())
		}
		want := map[string]int{
			"info": n, "branch master": n, "branch development": n, "branch " + r.Branch: n, "tag " + r.Tag: n,
			fmt.Sprint("pull ", r.Pull): n, "check runs " + head: n, "statuses " + head: n,
		}
		if diff := cmp.Diff(want, gh.asked); diff != "" {
			t.Errorf("asked in look %d (-want +got):\n%s", n, diff)
		}
	}
}

// A component's own pipeline concerns its releases, and nobody else's; a component that goes away leaves them behind.
func TestImpactOnComponents(t *testing.T) {
	const both = "components: [{ name: api, paths: [\"api/**\"] }, { name: web, paths: [\"web/**\"] }]"
	own := func(name string) string {
		return strings.Replace(both, "name: "+name+",", "name: "+name+", pipelines: { release: { stages: [{ name: Own, actions: [{ name: a, uses: checks }] }] } },", 1)
	}
	for name, c := range map[string]struct{ after, want string }{
		"its pipeline":       {own("api"), "1 open release would run the pipeline again and wait for new approvals, 1 of whoever may write: `api 1.4.0`."},
		"another's pipeline": {own("web"), ""},
		"it goes away":       {"components: [{ name: web, paths: [\"web/**\"] }]", "1 release under way would be of no component: `api 1.4.0`."},
	} {
		t.Run(name, func(t *testing.T) {
			l, r, x := candidate(t, "version: 1\n"+both+"\n")
			l.world(r)
			l.madeOfComponent(r, x, "api")
			l.gh.Heads[r.Branch] = head
			got, err := newSession(l).impact(t.Context(), impactConfig(t, c.after))
			must(t, err)
			var told string
			for _, g := range got.Told[:min(1, len(got.Told))] {
				told = g.String()
			}
			if told != c.want {
				t.Errorf("it is told %q, want %q\n%s", told, c.want, got.markdown())
			}
		})
	}
}

// What is the same of several is one sentence, and what was not looked at is said.
func TestImpactIsShort(t *testing.T) {
	var out, one impact
	out.tell(impactGroup{What: "open pull request", Would: "fail"}, "#5")
	out.tell(impactGroup{What: "open pull request", Would: "fail"}, "#8")
	one.tell(impactGroup{What: "open pull request", Would: "fail"}, "#5")
	one.tell(impactGroup{What: "open release", Would: "wait", Why: "The window opens at noon."}, "1.4.0")
	for i := range 7 {
		one.add(fmt.Sprintf("setting %d", i), "a", "b")
	}
	one.cut("12 older open pull requests were not judged.")
	out.take("acme/shop", one)
	text := out.markdown()
	for _, want := range []string{
		"- 3 open pull requests would fail: #5, #8, `acme/shop#5`.\n", "- 1 open release would wait: `acme/shop 1.4.0`. The window opens at noon.\n",
		"| `acme/shop`: setting 4 | a | b |\n| `acme/shop` |  | 2 more changes |\n", "\n`acme/shop`: 12 older open pull requests were not judged.\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if n := out.changes(); n != 10 {
		t.Errorf("%d changes", n)
	}
}
