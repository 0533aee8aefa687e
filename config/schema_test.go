package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

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
	partial bool
	example string // a file that uses every key
}

func formats() map[string]format {
	return map[string]format{
		"repository":   {Schema, fileSpec(), false, "testdata/example.yml"},
		"organization": {OrganizationSchema, organizationSpec(), true, "testdata/organization.yml"},
		"tests":        {TestsSchema, testsSpec(), false, "testdata/everytest.yml"},
		"models":       {ModelSchema, modelSpec(), false, "testdata/models.yml"},
	}
}

// loaderSays is what the table says of a tree; what branches exist and how parts fit together is not asked.
func (f format) loaderSays(root *node) []*Error {
	c := newChecker(&document{})
	c.partial = f.partial
	c.check(root, f.spec, "")
	return c.errs
}

func TestSchemaAndLoaderAgreeOnFiles(t *testing.T) {
	f := formats()["repository"]
	s := compiled(t, f)
	files, err := filepath.Glob("testdata/errors/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	rejected := 0
	for _, file := range append(files, "testdata/example.yml") {
		root := treeOf(t, file)
		if root == nil {
			continue // not YAML
		}
		errs := f.loaderSays(root)
		err := s.Validate(asEditor(root))
		switch filepath.Base(file) {
		case "branches.yml", "registries.yml": // globs and placeholders: more than a schema can say
			if len(errs) == 0 || err != nil {
				t.Errorf("%s: the loader says\n%v\nthe schema says\n%v", file, Join(errs), err)
			}
			continue
		}
		if (len(errs) == 0) != (err == nil) {
			t.Errorf("%s: the loader says\n%v\nthe schema says\n%v", file, Join(errs), err)
		}
		if err != nil {
			rejected++
		}
	}
	if rejected < 2 {
		t.Errorf("only %d files are rejected", rejected)
	}
}

// TestSchemaAndLoaderAgreeOnEveryChange changes every value of a right file in every way and asks both.
func TestSchemaAndLoaderAgreeOnEveryChange(t *testing.T) {
	for name, f := range formats() {
		t.Run(name, func(t *testing.T) { changeEverything(t, f) })
	}
}

func changeEverything(t *testing.T, f format) {
	s := compiled(t, f)
	root := treeOf(t, f.example)
	if err := s.Validate(asEditor(root)); err != nil {
		t.Fatalf("the schema rejects the example: %v", err)
	}
	if errs := f.loaderSays(root); len(errs) > 0 {
		t.Fatalf("the loader rejects the example: %v", Join(errs))
	}
	rejected, accepted, blind := 0, 0, 0
	compare := func(change string, sp *spec) {
		errs, err := f.loaderSays(root), s.Validate(asEditor(root))
		switch {
		case len(errs) == 0 && err == nil:
			accepted++
		case len(errs) > 0 && err != nil:
			rejected++
		case len(errs) > 0 && cannotSay(sp):
			blind++
		default:
			t.Errorf("%s: the loader says\n%v\nthe schema says\n%v", change, Join(errs), err)
		}
	}
	var walk func(n *node, sp *spec, path string)
	walk = func(n *node, sp *spec, path string) {
		old := *n
		for _, v := range values() {
			*n = *v
			compare(fmt.Sprintf("%s becomes %v", path, asEditor(v)), sp)
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
			compare(join(path, p.key)+" is taken out", sp)
			n.pairs = append(append([]pair{}, old.pairs...), pair{key: p.key + "x", value: p.value})
			compare(join(path, p.key)+" is there again with another name", sp)
			n.pairs = append([]pair{}, old.pairs...)
			n.pairs[i].key = "LD_not ok"
			compare(join(path, p.key)+" gets another name", sp)
			n.pairs = old.pairs
		}
		for i, item := range n.items {
			walk(item, sp.elem, fmt.Sprintf("%s[%d]", path, i))
		}
		if len(n.items) > 0 {
			for range 101 {
				n.items = append(n.items, old.items[0])
			}
			compare(path+" has more than 100 items", sp)
			n.items = old.items
		}
	}
	walk(root, f.spec, "")
	if envs := root.get("environments"); envs != nil {
		pairs := envs.pairs
		for _, name := range []string{"Production", "STAGING", "stagings", "My-Production"} {
			envs.pairs = []pair{{key: name, value: &node{kind: mapNode}}}
			compare("the only environment is "+name, f.spec.field("environments"))
		}
		envs.pairs = pairs
	}
	t.Logf("%d changes accepted by both, %d rejected by both, %d that a schema cannot say", accepted, rejected, blind)
	if rejected < 500 || accepted < 100 || blind > (rejected+accepted)/8 {
		t.Error("the changes do not try much")
	}
}

// cannotSay tells whether the loader knows more of a value than a schema can say.
func cannotSay(s *spec) bool {
	for s.elem != nil && s.kind == listValue {
		s = s.elem
	}
	return s.valid != nil || s.kind == durationValue || s.kind == integerValue
}

func values() []*node {
	text := func(s string) *node { return &node{text: s} }
	quoted := func(s string) *node { return &node{text: s, quoted: true} }
	list := func(items ...*node) *node { return &node{kind: listNode, items: items} }
	return []*node{
		text(""), text("null"), text("true"), text("0"), text("1"), text("-1"), text("1.5"), text("15"), text("9999999999"), text("x"), text("X y"),
		text("7d"), text("1h30m"), text("7 d"), text("minor"), text("checks"), text("list"), quoted("${parameters.wait}"), quoted("sluice/pipelines.yml#service"), text("mode"), text("deploy-failure"), text("alarm"), text("retry(3)"), text("{owner}"),
		quoted(""), quoted("1"), quoted("true"), quoted("null"), quoted(strings.Repeat("é", 64)), quoted(strings.Repeat("a", 65)), quoted(strings.Repeat("a", 600)),
		quoted("a\nb"), quoted("x\n"), quoted("registry.example.com/shop"),
		list(), list(text("x")), list(text("x"), text("y")), list(text("")), list(list()), list(text("1"), quoted("b")),
		{kind: mapNode}, {kind: mapNode, pairs: []pair{{key: "x", value: text("1")}}},
	}
}
