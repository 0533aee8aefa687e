package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// parameterOpen begins a reference to a parameter in a model.
const parameterOpen = "${parameters."

// maxParameter is how long a parameter's text may be, in characters.
const maxParameter = 512

var (
	holeRE      = lazyregexp.New(`\$\{parameters\.([A-Za-z][A-Za-z0-9_-]{0,63})\}`)
	wholeHoleRE = lazyregexp.New(`^\$\{parameters\.[A-Za-z][A-Za-z0-9_-]{0,63}\}$`)
	decimalRE   = lazyregexp.New(`^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?$`)
)

// badParameter says what is wrong with the value of a parameter; empty: nothing.
func badParameter(n *node, typ string, allowed *node) string {
	if typ == typeList {
		if n.kind != listNode {
			return "want a list, got " + n.describe()
		}
		if len(n.items) > 100 {
			return "more than 100 entries"
		}
		for _, item := range n.items {
			if problem := badParameter(item, typeString, allowed); problem != "" {
				return problem
			}
		}
		return ""
	}
	_, isBool := n.boolean()
	switch {
	case n.kind != scalarNode || n.null():
		return "want a " + typ + ", got " + n.describe()
	case typ == typeBoolean && !isBool:
		return "want true or false, got " + n.describe()
	case typ == typeNumber && (n.quoted || !decimalRE.MatchString(n.text)):
		return "want a number, got " + n.describe()
	case typ == typeString && isBool:
		return "want a text, got " + n.text + ", which needs quotes"
	case len([]rune(n.text)) > maxParameter:
		return fmt.Sprintf("longer than %d characters", maxParameter)
	}
	if allowed == nil || slices.ContainsFunc(allowed.items, func(a *node) bool { return a.text == n.text }) {
		return ""
	}
	return fmt.Sprintf("%q is none of the values allowed", clip(n.text))
}

// parameterHint says what to write for a parameter.
func parameterHint(typ string, allowed *node) string {
	switch {
	case allowed != nil && typ == typeList:
		return "entries may be " + allowed.print()
	case allowed != nil:
		return "take one of " + allowed.print()
	}
	return map[string]string{
		typeString:  "write a text; true, false and null need quotes",
		typeNumber:  "write a number such as 3 or 1.5, without quotes",
		typeBoolean: "write true or false, without quotes",
		typeList:    "write a list of texts: [a, b]",
	}[typ]
}

// values are what stands for each parameter in one use of a model: the use's own values, then the model's defaults.
func (m *models) values(model, given, ref *node, path string) (map[string]*node, bool) {
	out := map[string]*node{}
	ok := true
	wrong := func(at mark, field, problem, hint string) {
		ok = false
		m.doc.fail(at, field, problem, hint)
	}
	declared := model.get("parameters")
	var names []string
	if declared != nil {
		for _, p := range declared.pairs {
			names = append(names, p.key)
		}
	}
	if given != nil {
		for _, p := range given.pairs {
			if !slices.Contains(names, p.key) {
				wrong(p.at, path+".parameters."+clip(p.key), fmt.Sprintf("the model %s has no such parameter", ref.text), suggest(p.key, names))
			}
		}
	}
	for _, name := range names {
		p := declared.get(name)
		typ, def, value := p.get("type").text, p.get("default"), given.get(name)
		at := path + ".parameters." + name
		switch {
		case value == nil && def == nil:
			wrong(ref.at, at, fmt.Sprintf("missing: the model %s asks for it", ref.text), fmt.Sprintf("add %s under parameters, a %s", name, typ))
			continue
		case value == nil:
			value = def
		default:
			if problem := badParameter(value, typ, p.get("allowed")); problem != "" {
				wrong(value.at, at, problem, parameterHint(typ, p.get("allowed")))
				continue
			}
		}
		if typ == typeString {
			text := *value
			text.quoted = true // 1.10 stays text
			value = &text
		}
		out[name] = value
	}
	return out, ok
}

// filler puts values in the place of references.
type filler struct {
	*models
	values  map[string]*node
	nodes   int // that may still be made
	problem string
}

// fill is a copy of a part of a model with the values in it. Every value keeps the place where it was written.
func (f *filler) fill(n *node) *node {
	if f.nodes--; f.nodes < 0 || f.problem != "" {
		f.problem = "with its parameters put in the model is too large"
		return &node{at: n.at}
	}
	out := &node{kind: n.kind, text: n.text, quoted: n.quoted, at: n.at}
	switch n.kind {
	case mapNode:
		out.pairs = make([]pair, len(n.pairs))
		for i, p := range n.pairs {
			out.pairs[i] = pair{key: p.key, at: p.at, value: f.fill(p.value)}
		}
	case listNode:
		out.items = make([]*node, len(n.items))
		for i, item := range n.items {
			out.items[i] = f.fill(item)
		}
	default:
		return f.text(n, out)
	}
	return out
}

func (f *filler) text(n, out *node) *node {
	found := holeRE.FindStringSubmatch(n.text)
	switch {
	case found == nil:
		return out
	case found[0] == n.text: // whole: the value itself, with its type
		value := *f.values[found[1]]
		f.spend(len(value.text))
		f.nodes -= len(value.items)
		if value.kind == listNode {
			items := make([]*node, len(value.items))
			for i, item := range value.items {
				one := *item
				items[i] = &one
				f.spend(len(item.text))
			}
			value.items = items
		}
		return &value
	}
	out.quoted = true
	out.text = holeRE.ReplaceAllStringFunc(n.text, func(hole string) string {
		text := f.values[holeRE.FindStringSubmatch(hole)[1]].text
		if !f.spend(len(text)) {
			return ""
		}
		return text
	})
	return out
}

// spend counts bytes; false once there are too many.
func (f *filler) spend(n int) bool {
	if f.left -= n; f.left < 0 {
		f.problem = "with its parameters put in the model is too large"
	}
	return f.left >= 0
}

// holes checks how a model refers to its parameters: only in values that reach an action as such, so that nothing is ever
// pasted into the text of a command. What an action is and what it is called is the model's alone; the spec sees to that.
type holes struct {
	*document
	known map[string]string // types of the model's parameters, by name
}

func (h *holes) stage(stage *node, path string) {
	for i, action := range stage.get("actions").items {
		for _, p := range action.pairs {
			if slices.Contains([]string{"with", "env", "timeout", "on_failure"}, p.key) {
				h.look(p.value, p.key, fmt.Sprintf("%s.actions[%d].%s", path, i, p.key))
			}
		}
	}
}

// look looks at a value under one of the keys of an action that may hold references.
func (h *holes) look(n *node, key, path string) {
	for i, item := range n.items {
		h.look(item, key, fmt.Sprintf("%s[%d]", path, i))
	}
	for _, p := range n.pairs {
		if strings.Contains(p.key, parameterOpen) {
			h.fail(p.at, path, "a parameter cannot stand in a key", "give the key a name")
		}
		h.look(p.value, key, join(path, p.key))
	}
	opened := strings.Count(n.text, parameterOpen)
	if n.kind != scalarNode || opened == 0 {
		return
	}
	found := holeRE.FindAllStringSubmatch(n.text, -1)
	switch {
	case len(found) != opened:
		h.fail(n.at, path, "not a reference to a parameter", "write it as ${parameters.NAME}")
	case key != "env" && found[0][0] != n.text:
		h.fail(n.at, path, "the reference stands inside other text", "make it the whole value, or put the text into env: nothing is pasted into a command")
	}
	for _, f := range found {
		typ, ok := h.known[f[1]]
		if !ok {
			h.fail(n.at, path, fmt.Sprintf("the model has no parameter %q", f[1]), suggest(f[1], sortedKeys(h.known)))
		} else if typ == typeList && key != "with" {
			h.fail(n.at, path, fmt.Sprintf("the parameter %q is a list, and this is one text", f[1]), "use it in with")
		}
	}
}
