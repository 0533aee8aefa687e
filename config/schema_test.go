package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compiled is the schema as an editor would use it.
func compiled(t testing.TB, f format) *jsonschema.Schema {
	t.Helper()
	text, err := f.schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// treeOf reads a file as far as its tree.
func treeOf(t *testing.T, file string) *node {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := &document{}
	root := d.parseTree(normalize(data))
	if root == nil {
		return nil
	}
	return root
}

// asEditor is a tree as an editor's YAML reader has it: with numbers.
func asEditor(n *node) any {
	switch n.kind {
	case mapNode:
		m := map[string]any{}
		for _, p := range n.pairs {
			m[p.key] = asEditor(p.value)
		}
		return m
	case listNode:
		l := []any{}
		for _, i := range n.items {
			l = append(l, asEditor(i))
		}
		return l
	}
	if n.null() {
		return nil
	}
	if b, ok := n.boolean(); ok {
		return b
	}
	if _, err := strconv.ParseFloat(n.text, 64); err == nil && !n.quoted && strings.Trim(n.text, "0123456789.-+eE") == "" {
		text := strings.TrimLeft(n.text, "+0")
		if text == "" || text[0] == '.' {
			text = "0" + text
		}
		return json.Number(text)
	}
	return n.text
}

// format is a kind of file with a schema.
type format struct {
	schema  func() ([]byte, error)
	spec    *spec
	loader  func(root *node) []*Error // all that is wrong with a tree
	example string                    // a file that uses every key
}

func formats() map[string]format {
	checked := func(s *spec, partial bool) func(*node) []*Error {
		return func(root *node) []*Error {
			c := newChecker(&document{})
			c.partial = partial
			c.check(root, s, "")
			return c.errs
		}
	}
	repository := func(root *node) []*Error {
		_, errs := (&document{}).repo(root, shop())
		return errs
	}
	models := func(root *node) []*Error {
		d := &document{}
		newChecker(d).check(root, modelSpec(), "")
		if len(d.errs) == 0 {
			checkModels(d, root)
		}
		return d.errs
	}
	return map[string]format{
		"repository":   {Schema, fileSpec(), repository, "testdata/example.yml"},
		"organization": {OrganizationSchema, organizationSpec(), checked(organizationSpec(), true), "testdata/organization.yml"},
		"tests":        {TestsSchema, testsSpec(), checked(testsSpec(), false), "testdata/everytest.yml"},
		"models":       {ModelSchema, modelSpec(), models, "testdata/models.yml"},
	}
}

// unsaid is a kind of mistake that the loader alone finds, because a JSON Schema cannot say what is right.
type unsaid struct {
	doc      string         // for docs/configuration.md
	problems *regexp.Regexp // the loader's words for it
	example  string         // a repository file with it and nothing else; empty: only files of models can have it
}

// allUnsaid are the kinds, as docs/configuration.md lists them.
var allUnsaid = sync.OnceValue(func() map[string]unsaid {
	file := func(text string) string { return "version: 1\n" + text + "\n" }
	stages := func(stages string) string { return file("pipelines: { feature: { stages: [" + stages + "] } }") }
	of := func(problems ...string) *regexp.Regexp {
		return regexp.MustCompile(`^(?:` + strings.Join(problems, `|`) + `)`)
	}
	return map[string]unsaid{
		"a name that is defined elsewhere": {
			"A name that stands elsewhere in the file, in the organization's files or in the repository: of an environment, of an artifact, of the variables that an action before exports, of a pipeline's own variables, of a model and its parameters, of a branch; and a key that an organization keeps locked.",
			of(`no environment "`, `nothing makes artifact`, `nothing before it exports`, `the pipeline declares no`, `#\{[^}]*\}: (no action has|the pipeline declares no)`,
				`no branch "`, `the organization's files are not known`, `there is no key "`, `the model has no parameter`, `".*" cannot be a name in `, `".*" is no key that a repository`, `.* has no keys$`),
			stages(`{ name: T, actions: [{ name: a, uses: image, inputs: app }] }`)},
		"a name that is there twice": {
			"A name that is given twice or differs in case alone: of stages, of the actions of a stage, of components, of environments; an artifact that two actions make, a namespace that two have, and one branch for production and development.",
			of(`".*" is the name of (stage|action) \d`, `there are two components`, `".*" differs from ".*" in case alone`, `artifact ".*" is made by action ".*" already`,
				`".*" is used by another action too`, `#\{[^}]*\}: \d+ actions have the namespace`, `".*" is the production branch too`),
			stages(`{ name: T, actions: [{ name: a, uses: checks }] }, { name: t, actions: [{ name: a, uses: checks }] }`)},
		"a key that is there twice": {
			"A key that is given twice in one mapping.",
			of(`key ".*" is given twice`),
			file("mode: enforce\nmode: observe")},
		"an order": {
			"An order: that what makes an artifact or a variable runs before, and that an approval stands before what enters production.",
			of(`artifact ".*" is made by action ".*", which does not run before`, `#\{[^}]*\}: that action does not run before`, `production is always behind an approval`),
			file(`pipelines: { release: { stages: [{ name: P, actions: [{ name: p, uses: promote }] }] } }`)},
		"numbers and times that are compared": {
			"Numbers and times that are compared: how long a time may be, a reminder or an escalation that comes after the end, more approvals than people who may give one.",
			of(`\S+ is (less|more) than \S+$`, `\S+: at most (1d|60d)`, `the reminder would come after`, `it would come after`, `\d+ approvals are needed`),
			file(`environments: { staging: { approve: { users: anna, count: 2 } } }`)},
		"how a number is written": {
			"How a number is written: `07`, `1e3` and `1.0` are whole numbers to an editor and texts to Sluice.",
			of(`want a (whole )?number.*, got "[-+]?(0[0-9]+|[0-9]+\.0*|[0-9.]+[eE].*)"`),
			file(`branches: { max_open_releases: 07 }`)},
		"a form beyond a pattern": {
			"A form that takes more than a pattern: names of branches and tags that git refuses, globs, image repositories beyond 255 characters, regular expressions, dates, time zones, public keys.",
			of(`".*" (contains|has a part|begins with '-'|is a name that git keeps|is a name that Sluice|is longer|is not a valid pattern|is no path from|begins with a wildcard)`,
				`tag pattern ".*": (git refuses|it holds \{ReleaseVersion\} [2-9])`, `longer than 255 characters`, `".*" is no regular expression`, `not a regular expression`,
				`".*" holds nothing`, `".*": there is no day`, `".*" ends before it begins`, `there is no time zone`, `something follows the key`, `it is (no|not|a) `),
			file(`branches: { production: "a..b" }`)},
		"names that run into each other": {
			"Names of branches that run into each other: a glob that matches the production or the development branch, a template whose branches would be of another kind.",
			of(`".*" matches the long-lived branch`, `a .* branch would be called`),
			file(`branches: { bugfix: "dev*" }`)},
		"a model's parameters": {
			"Of a model, whether a parameter's default and allowed values are of its type, and where its references may stand.",
			of(`want a (text|list|number|string|boolean)`, `want true or false`, `want a list of values`, `".*" is none of the values allowed`, `the parameter ".*" is a list`,
				`not a reference to a parameter`, `the reference stands inside`, `a parameter cannot stand in a key`), ""},
		"what an executor takes": {
			"The parameters that an executor takes, and whether the environment has one that would take those of an action.",
			of(`environment ".*" has no executor that would take parameters`, `".*" is not a parameter`),
			file(`pipelines: { release: { stages: [{ name: D, actions: [{ name: d, uses: deploy, with: { environment: staging, x: y } }] }] } }`)},
	}
})

// TestReferenceListsWhatTheLoaderAloneFinds compares the list in docs/configuration.md with the kinds that the tests let pass.
func TestReferenceListsWhatTheLoaderAloneFinds(t *testing.T) {
	const begin, end = "<!-- unsaid: written by `go test ./config -run TestReference -update` -->\n", "<!-- /unsaid -->"
	data, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("no marks around the list")
	}
	var b strings.Builder
	for _, name := range sortedKeys(allUnsaid()) {
		fmt.Fprintf(&b, "- %s\n", allUnsaid()[name].doc)
	}
	if *update {
		if err := os.WriteFile(reference, []byte(before+begin+b.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		got = b.String()
	}
	if diff := cmp.Diff(b.String(), got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// kindOf is the kind of a mistake that the loader alone finds in a kind of file (formats); empty: the schema should find it too.
func kindOf(e *Error, file string) string {
	for _, name := range sortedKeys(allUnsaid()) {
		if k := allUnsaid()[name]; k.problems.MatchString(e.Problem) && (k.example != "" || file == "models") {
			return name
		}
	}
	return ""
}

// TestWhatTheLoaderAloneFinds: each kind of mistake that docs/configuration.md leaves to the loader is one that the schema lets pass.
func TestWhatTheLoaderAloneFinds(t *testing.T) {
	s := compiled(t, formats()["repository"])
	c := shop()
	for name, k := range allUnsaid() {
		if k.example == "" {
			continue // of another file
		}
		d := &document{}
		root := d.parseTree([]byte(k.example))
		if err := s.Validate(asEditor(root)); err != nil {
			t.Errorf("%s: the schema finds it: %v", name, err)
		}
		_, errs := ParseRepo([]byte(k.example), c)
		if len(errs) == 0 {
			t.Errorf("%s: the loader does not find it", name)
		}
		for _, e := range errs {
			if got := kindOf(e, "repository"); got != name {
				t.Errorf("%s: %v is of the kind %q", name, e, got)
			}
		}
	}
}

// TestSchemaAndLoaderAgreeOnFiles: the files that TestErrorsAreListed refuses the schema refuses too.
func TestSchemaAndLoaderAgreeOnFiles(t *testing.T) {
	s := compiled(t, formats()["repository"])
	files, err := filepath.Glob("testdata/errors/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	rejected := 0
	for _, file := range files {
		root := treeOf(t, file)
		if root == nil {
			continue // not YAML
		}
		rejected++
		if err := s.Validate(asEditor(root)); err == nil {
			t.Errorf("%s: the schema accepts it", file)
		}
	}
	if rejected < 7 {
		t.Errorf("only %d files are rejected", rejected)
	}
}

// TestSchemaAndLoaderAgreeOnEveryChange changes every value of a right file in every way and asks both. What the loader alone refuses
// is of a kind that docs/configuration.md names.
func TestSchemaAndLoaderAgreeOnEveryChange(t *testing.T) {
	for name, f := range formats() {
		t.Run(name, func(t *testing.T) { changeEverything(t, name, f) })
	}
}

func changeEverything(t *testing.T, name string, f format) {
	s := compiled(t, f)
	root := treeOf(t, f.example)
	if err := s.Validate(asEditor(root)); err != nil {
		t.Fatalf("the schema rejects the example: %v", err)
	}
	if errs := f.loader(root); len(errs) > 0 {
		t.Fatalf("the loader rejects the example: %v", Join(errs))
	}
	rejected, accepted, alone := 0, 0, map[string]int{}
	compare := func(change string) {
		errs, err := f.loader(root), s.Validate(asEditor(root))
		switch {
		case len(errs) == 0 && err == nil:
			accepted++
		case len(errs) > 0 && err != nil:
			rejected++
		case len(errs) == 0:
			t.Errorf("%s: the loader accepts it, the schema says\n%v", change, err)
		default:
			alone[kindOf(errs[0], name)]++
			for _, e := range errs {
				if kindOf(e, name) == "" {
					t.Errorf("%s: the schema accepts it, the loader says\n%v", change, e)
				}
			}
		}
	}
	var walk func(n *node, sp *spec, path string)
	walk = func(n *node, sp *spec, path string) {
		old := *n
		for _, v := range values() {
			*n = *v
			compare(fmt.Sprintf("%s becomes %v", path, asEditor(v)))
		}
		*n = old
		if sp.kind == anythingValue || sp.kind == plainValue || sp.unbuilt != "" {
			return
		}
		for i, p := range n.pairs {
			child := sp.elem
			if sp.kind == objectValue {
				child = sp.field(p.key)
			}
			walk(p.value, child, join(path, p.key))
			n.pairs = append(append([]pair{}, old.pairs[:i]...), old.pairs[i+1:]...)
			compare(join(path, p.key) + " is taken out")
			n.pairs = append(append([]pair{}, old.pairs...), pair{key: p.key + "x", value: p.value})
			compare(join(path, p.key) + " is there again with another name")
			n.pairs = append([]pair{}, old.pairs...)
			n.pairs[i].key = "LD_not ok"
			compare(join(path, p.key) + " gets another name")
			n.pairs = old.pairs
		}
		for i, item := range n.items {
			walk(item, sp.elem, fmt.Sprintf("%s[%d]", path, i))
		}
		if len(n.items) > 0 {
			for range 101 {
				n.items = append(n.items, old.items[0])
			}
			compare(path + " has more than 100 items")
			n.items = old.items
		}
	}
	walk(root, f.spec, "")
	if name == "repository" || name == "organization" {
		moveEnvironments(root.get("environments"), compare)
		movePipelines(root.get("pipelines"), compare)
	}
	t.Logf("%d changes accepted by both, %d rejected by both, by the loader alone %v", accepted, rejected, alone)
	if rejected < 500 || accepted < 100 {
		t.Error("the changes do not try much")
	}
}

// moveEnvironments gives environments other names, and keys of production to another.
func moveEnvironments(envs *node, compare func(change string)) {
	pairs := envs.pairs
	defer func() { envs.pairs = pairs }()
	keys := append([]pair{{key: "rollback_on", value: &node{kind: listNode}}}, envs.get("production").pairs...)
	for _, name := range []string{"Production", "STAGING", "stagings", "My-Production"} {
		envs.pairs = []pair{{key: name, value: &node{kind: mapNode}}}
		compare("the only environment is " + name)
	}
	for _, name := range []string{"staging", "qa", "production"} {
		for _, p := range keys {
			envs.pairs = []pair{{key: name, value: &node{kind: mapNode, pairs: []pair{p}}}}
			compare(p.key + " stands in " + name)
		}
	}
}

// movePipelines makes every kind of pipeline of actions that no executor carries out, alone and in a stage that goes on.
func movePipelines(all *node, compare func(change string)) {
	pairs := all.pairs
	defer func() { all.pairs = pairs }()
	for _, kind := range pipelineKinds() {
		for _, uses := range []string{"checks", "approval", "promote", "deploy"} {
			for _, more := range []string{
				"", "with: { environment: staging }", "with: { environment: production }", "with: { environment: 15 }", "with: { environment: production, env: { PATH: x } }",
				`with: { environment: production, x: "a #{sluice.branch}" }`, `with: { environment: production, x: ["#{sluice.branch}"] }`,
				"inputs: [a]", "outputs: a", "inputs: []", "on_failure: continue", "on_failure: retry(2)", "on_failure: fail", "namespace: variables", "namespace: sluice",
			} {
				for _, stage := range []string{"", "on_failure: retry(all)", "on_failure: fail", "before_entry: { if: [{ variable: sluice.branch, equals: x }], else: skip }"} {
					text := fmt.Sprintf("stages: [{ name: S, actions: [{ name: variable, uses: %s, %s }], %s }]\n", uses, more, stage)
					d := &document{}
					root := d.parseTree([]byte(strings.NewReplacer(", }", " }").Replace(text)))
					all.pairs = []pair{{key: kind, value: root}}
					compare(kind + " has " + text)
				}
			}
		}
	}
}

func values() []*node {
	text := func(s string) *node { return &node{text: s} }
	quoted := func(s string) *node { return &node{text: s, quoted: true} }
	list := func(items ...*node) *node { return &node{kind: listNode, items: items} }
	return []*node{
		text(""), text("null"), text("true"), text("0"), text("1"), text("-1"), text("1.5"), text("15"), text("9999999999"), text("x"), text("X y"),
		text("7d"), text("1h30m"), text("7 d"), text("minor"), text("checks"), text("list"), quoted("${parameters.wait}"), quoted("sluice/pipelines.yml#service"), text("mode"), text("deploy-failure"), text("alarm"), text("retry(3)"), text("{owner}"),
		text("production"), text("approval"), text("promote"), text("deploy"), text("variables"), text("07"),
		quoted(""), quoted("1"), quoted("true"), quoted("null"), quoted(strings.Repeat("é", 64)), quoted(strings.Repeat("a", 65)), quoted(strings.Repeat("a", 600)),
		quoted("a\nb"), quoted("x\n"), quoted("registry.example.com/shop"),
		list(), list(text("x")), list(text("x"), text("y")), list(text("")), list(list()), list(text("1"), quoted("b")),
		{kind: mapNode}, {kind: mapNode, pairs: []pair{{key: "x", value: text("1")}}},
	}
}
