package config

import (
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Forms of the names in a file of models.
var parameterRE = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)

// Types of a model's parameters.
const (
	typeString  = "string"
	typeNumber  = "number"
	typeBoolean = "boolean"
	typeList    = "list"
)

// modelSpec is the whole of a file of pipeline models.
func modelSpec() *spec {
	like := pipelineSpec(kindModel)
	stages := like.field("stages") // made for this call alone
	stages.doc = "Stages, one after the other. A value in with, env, timeout or on_failure may be ${parameters.NAME}."
	action := stages.elem.field("actions").elem
	action.field("timeout").hole, action.field("on_failure").hole = true, true
	plain := func(doc string) *spec { return &spec{kind: plainValue, maxItems: 100, doc: doc} }
	return &spec{kind: objectValue, doc: "Pipeline models of an organization.", fields: []field{
		{"version", true, &spec{kind: constantValue, words: []string{"1"}, doc: "Version of this file's format."}},
		{"pipelines", true, &spec{kind: mappingValue, maxItems: 50, names: identRE,
			nameForm: "a model's name is letters, digits, dashes and underscores", doc: "Models by name.",
			elem: &spec{kind: objectValue, doc: "A model.", fields: []field{
				{"description", false, &spec{kind: textValue, doc: "What the model is for."}},
				{"parameters", false, &spec{kind: mappingValue, maxItems: 50, names: parameterRE,
					nameForm: "a parameter's name begins with a letter; letters, digits, dashes and underscores follow", doc: "What a use of the model gives.",
					elem: &spec{kind: objectValue, doc: "A parameter. Without a default it must be given.", fields: []field{
						{"type", true, &spec{kind: wordValue, words: []string{typeString, typeNumber, typeBoolean, typeList}, doc: "What it must be."}},
						{"default", false, plain("What holds when it is not given. Without a default it must be given.")},
						{"allowed", false, plain("The values it may have; of a list, its entries.")},
						{"description", false, &spec{kind: textValue, doc: "What it is for."}},
					}}}},
				{"mode", false, like.field("mode")},
				{"variables", false, like.field("variables")},
				{"stages", true, stages},
			}}}},
	}}
}

// ModelFiles are the paths of the organization's files that a file names by extends, each once, in order. A file that
// cannot be read names none.
func ModelFiles(data []byte) []string {
	d := &document{}
	root := d.read(data)
	found := map[string]bool{}
	for _, all := range pipelinesOf(root) {
		for _, kind := range pipelineKinds() {
			if n := all.node.get(kind).get("extends"); n != nil && extendsRE.MatchString(n.text) {
				path, _, _ := strings.Cut(n.text, "#")
				found[path] = true
			}
		}
	}
	return sortedKeys(found)
}

// placed is a value and its path.
type placed struct {
	path string
	node *node
}

// pipelinesOf are the mappings of pipelines in a configuration: the repository's and those of its components.
func pipelinesOf(root *node) []placed {
	all := []placed{{"pipelines", root.get("pipelines")}}
	if list := root.get("components"); list != nil {
		for i, c := range list.items {
			all = append(all, placed{fmt.Sprintf("components[%d].pipelines", i), c.get("pipelines")})
		}
	}
	return all
}

// models reads the models that a configuration uses.
type models struct {
	doc  *document
	org  *Organization
	read map[string]*node // by path; nil: it has errors, which are noted
	uses []modelUse
	left int // bytes that may still be put in for parameters
}

// modelUse is a pipeline that is made of a model.
type modelUse struct {
	path, ref string // path is that of the pipeline
	at        mark
	file      string // as errors call the model's
}

// maxSubstituted is how many bytes parameters may put into models, in all.
const maxSubstituted = 1 << 20

func newModels(d *document, org *Organization) *models {
	return &models{doc: d, org: org, read: map[string]*node{}, left: maxSubstituted}
}

// expand puts the stages of models where the configuration extends them. check has seen root, and sees what is put in.
func (m *models) expand(root *node, check *checker) {
	for _, all := range pipelinesOf(root) {
		if all.node != nil && !check.bad[all.node] {
			m.expandAll(all.node, all.path, check)
		}
	}
}

func (m *models) expandAll(all *node, base string, check *checker) {
	for _, kind := range pipelineKinds() {
		n := all.get(kind)
		ref := n.get("extends")
		if ref == nil || ref.kind != scalarNode || check.bad[ref] || check.bad[n] || check.lacks[n] {
			continue
		}
		path := base + "." + kind
		model, file := m.find(ref, path+".extends")
		if model == nil {
			continue
		}
		m.uses = append(m.uses, modelUse{path: path, ref: ref.text, at: ref.at, file: file})
		given := n.get("parameters")
		values, ok := m.values(model, given, ref, path)
		if !ok || check.bad[given] {
			continue
		}
		f := &filler{models: m, values: values, nodes: maxNodes}
		stages := f.fill(model.get("stages"))
		if f.problem != "" {
			m.doc.fail(ref.at, path+".extends", f.problem, "use smaller parameters")
			continue
		}
		s := pipelineSpec(kind)
		pairs := append([]pair{}, n.pairs...)
		for _, key := range []string{"mode", "variables"} {
			if v := model.get(key); v != nil && n.get(key) == nil {
				pairs = append(pairs, pair{key: key, at: v.at, value: v})
				check.check(v, s.field(key), path+"."+key)
			}
		}
		n.pairs = append(pairs, pair{key: "stages", at: stages.at, value: stages})
		check.places[path+".stages"] = stages.at
		check.check(stages, s.field("stages"), path+".stages")
	}
}

// find is the model that a use names.
func (m *models) find(ref *node, field string) (model *node, file string) {
	path, name, _ := strings.Cut(ref.text, "#")
	switch {
	case m.org == nil:
		m.doc.fail(ref.at, field, "the organization's files are not known here, so the model cannot be read",
			"say where a clone of the organization's repository .github is")
		return nil, ""
	case m.org.Absent != "":
		m.doc.fail(ref.at, field, "the model cannot be read: "+m.org.Absent, "have the App installed there, or write the stages out")
		return nil, ""
	case m.org.Models[path] == nil:
		m.doc.fail(ref.at, field, fmt.Sprintf("no file %q in %s", path, m.org.Name), "models are in files of the organization's repository .github")
		return nil, ""
	}
	root := m.file(path)
	if root == nil {
		m.doc.fail(ref.at, field, fmt.Sprintf("the file %s of %s has errors", path, m.org.Name), "mend them there")
		return nil, ""
	}
	all := root.get("pipelines")
	if model = all.get(name); model != nil {
		return model, m.org.in(path)
	}
	var names []string
	for _, p := range all.pairs {
		names = append(names, p.key)
	}
	m.doc.fail(ref.at, field, fmt.Sprintf("no model %q in %s of %s", clip(name), path, m.org.Name), suggest(name, names))
	return nil, ""
}

// file reads a file of models, once.
func (m *models) file(path string) *node {
	if root, ok := m.read[path]; ok {
		return root
	}
	d := &document{source: source{file: m.org.in(path)}}
	root := d.read(m.org.Models[path])
	if root != nil {
		c := newChecker(d)
		c.check(root, modelSpec(), "")
		if len(d.errs) == 0 {
			checkModels(d, root)
		}
		stamp(root, &d.source)
	}
	m.doc.take(d)
	if len(d.errs) > 0 {
		root = nil
	}
	m.read[path] = root
	return root
}

// checkModels looks at the parameters of models and at the references to them.
func checkModels(d *document, root *node) {
	for _, p := range root.get("pipelines").pairs {
		path := "pipelines." + p.key
		known := map[string]string{}
		if all := p.value.get("parameters"); all != nil {
			for _, q := range all.pairs {
				known[q.key] = q.value.get("type").text
				at := join(path, "parameters."+q.key)
				checkParameter(d, q.value, at)
			}
		}
		h := &holes{document: d, known: known}
		for i, stage := range p.value.get("stages").items {
			h.stage(stage, fmt.Sprintf("%s.stages[%d]", path, i))
		}
	}
}

func checkParameter(d *document, n *node, path string) {
	allowed := n.get("allowed")
	if allowed != nil {
		if allowed.kind != listNode || len(allowed.items) == 0 {
			d.fail(allowed.at, path+".allowed", "want a list of values", "write them as [a, b], or take it out")
			return
		}
		for _, v := range allowed.items {
			single := n.get("type").text
			if single == typeList {
				single = typeString
			}
			if problem := badParameter(v, single, nil); problem != "" {
				d.fail(v.at, path+".allowed", problem, parameterHint(single, nil))
			}
		}
	}
	if def := n.get("default"); def != nil {
		if problem := badParameter(def, n.get("type").text, allowed); problem != "" {
			d.fail(def.at, path+".default", problem, parameterHint(n.get("type").text, allowed))
		}
	}
}

// blame reports at each use of a model that what the model makes of it is wrong: the errors themselves stand in the model.
func (m *models) blame() {
	for _, u := range m.uses {
		n, first := 0, ""
		for _, e := range m.doc.errs {
			if e.File == u.file && strings.HasPrefix(e.Field, u.path+".") {
				if n++; n == 1 {
					first = fmt.Sprintf("line %d: %s", e.Line, e.Problem)
				}
			}
		}
		if n > 0 {
			m.doc.fail(u.at, u.path+".extends", fmt.Sprintf("the model %s does not work here (%d error(s)): %s", u.ref, n, first),
				"see the lines of the model")
		}
	}
}
