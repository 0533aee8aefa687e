package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
	"github.com/sluicehq/sluice/pipeline"
)

// schemaID names the schema. It is an identifier and not a place to fetch from.
const schemaID = "https://github.com/sluicehq/sluice/schema/sluice.yml.json"

// Schema is the JSON Schema (draft 2020-12) of the repository file, for editors. It accepts what ParseRepo accepts of a file that is
// read without an organization's, and refuses what ParseRepo refuses, as far as a schema can say: docs/configuration.md lists what
// it cannot. It ends in a newline.
func Schema() ([]byte, error) { return writeSchema(fileSpec(), schemaID, FileName) }

// OrganizationSchema is the same for an organization's file. What a repository may leave out is not required in it.
func OrganizationSchema() ([]byte, error) {
	return writeSchema(partly(organizationSpec(), true), "https://github.com/sluicehq/sluice/schema/organization.yml.json",
		FileName+" of an organization's repository "+OrganizationRepo)
}

// ModelSchema is the same for a file of pipeline models.
func ModelSchema() ([]byte, error) {
	return writeSchema(modelSpec(), "https://github.com/sluicehq/sluice/schema/models.yml.json", "Pipeline models")
}

// partly is a spec of which mappings may lack what another file gives; the file itself, which is top, and what stands in
// lists are whole.
func partly(s *spec, top bool) *spec {
	if s == nil || s.kind != objectValue && s.kind != mappingValue {
		return s
	}
	out := *s
	out.partial, out.needs, out.someOf, out.elem = true, nil, nil, partly(s.elem, false)
	if s.name != "" {
		out.name = "defaultsOf" + strings.ToUpper(s.name[:1]) + s.name[1:]
	}
	out.fields = nil
	for _, f := range s.fields {
		out.fields = append(out.fields, field{f.name, f.required && top, partly(f.spec, false)})
	}
	return &out
}

func writeSchema(of *spec, id, title string) ([]byte, error) {
	w := schemaWriter{defs: schema{}}
	s := w.schema(of)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = id
	s["title"] = title
	if len(w.defs) > 0 {
		s["$defs"] = w.defs
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil, fmt.Errorf("writing the schema: %w", err)
	}
	return b.Bytes(), nil
}

type schema = map[string]any

// schemaWriter makes schemas. What has a name is written once, in defs.
type schemaWriter struct{ defs schema }

// named notes a schema under a name, and gives the reference to it.
func (w schemaWriter) named(name string, of schema) schema {
	w.defs[name] = of
	return schema{"$ref": "#/$defs/" + name}
}

func (w schemaWriter) schema(s *spec) schema {
	out := w.ofKind(s)
	if s.hole {
		out = schema{"anyOf": []any{out, schema{"type": "string", "pattern": wholeHoleRE.String()}}}
	}
	if s.name != "" {
		out = w.named(s.name, out)
	}
	if s.doc != "" {
		doc := s.doc
		if s.def != "" {
			doc += " Default: " + s.def + "."
		}
		out["description"] = doc
	}
	return out
}

func (w schemaWriter) ofKind(s *spec) schema {
	if s.unbuilt != "" || s.elsewhere != (refusal{}) {
		return schema{"type": "array", "maxItems": 0}
	}
	switch s.kind {
	case objectValue:
		return w.object(s)
	case mappingValue:
		return w.mapping(s)
	case anythingValue:
		return w.anything(s)
	case listValue:
		list := schema{"type": "array", "maxItems": s.maxItems, "items": w.schema(s.elem)}
		if s.nonEmpty {
			list["minItems"] = 1
		}
		if s.holds != nil {
			list["contains"] = s.holds.schema()
		}
		if s.single {
			return schema{"anyOf": []any{list, w.schema(s.elem)}}
		}
		return list
	case plainValue:
		one := []string{"string", "number", "boolean"}
		return schema{"type": append(one, "array"), "maxLength": maxParameter, "maxItems": s.maxItems, "items": schema{"type": one, "maxLength": maxParameter}}
	case wordValue:
		return schema{"enum": s.words}
	case constantValue:
		return schema{"const": json.RawMessage(s.words[0])}
	case integerValue:
		return schema{"type": "integer", "minimum": s.min, "maximum": s.max}
	case booleanValue:
		return schema{"type": "boolean"}
	case durationValue:
		return schema{"type": "string", "pattern": durationRE.String()}
	}
	return schemaOfText(s)
}

func (w schemaWriter) object(s *spec) schema {
	properties, required := w.fields(s.fields)
	out := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	if s.partial && len(s.oneOf) > 0 {
		out["not"] = schema{"required": s.oneOf}
	} else if len(s.oneOf) > 0 {
		var one []any
		for _, key := range s.oneOf {
			one = append(one, schema{"required": []string{key}})
		}
		out["oneOf"] = one
	}
	if len(s.needs) > 0 {
		needs := schema{}
		for key, other := range s.needs {
			needs[key] = []string{other}
		}
		out["dependentRequired"] = needs
	}
	if len(s.someOf) > 0 {
		var some []any
		for _, key := range s.someOf {
			some = append(some, schema{"required": []string{key}, "properties": schema{key: schema{"not": schema{"const": []any{}}}}})
		}
		out["anyOf"] = some
	}
	var all []any
	for _, v := range s.variants {
		then := schema{}
		if then["properties"], required = w.fields(v.fields); len(required) > 0 {
			then["required"] = required
		}
		all = append(all, schema{"if": v.when.schema(), "then": then})
	}
	if len(all) > 0 {
		out["allOf"] = all
	}
	return out
}

// fields are the schemas of an object's keys, and which of them are required. A key that does not belong there is none of them,
// unless it may be there as an empty list.
func (w schemaWriter) fields(fields []field) (properties schema, required []string) {
	properties = schema{}
	for _, f := range fields {
		if f.spec.elsewhere != (refusal{}) && f.spec.kind != listValue {
			continue
		}
		properties[f.name] = w.schema(f.spec)
		if f.required {
			required = append(required, f.name)
		}
	}
	return properties, required
}

// schema is the schema of what matches.
func (m match) schema() schema {
	properties, out := schema{}, schema{}
	var required []string
	for _, c := range m {
		if c.absent {
			out["not"] = schema{"required": []string{c.key}}
			continue
		}
		required = append(required, c.key)
		switch {
		case c.inside != nil:
			properties[c.key] = c.inside.schema()
		case c.some != nil:
			properties[c.key] = schema{"contains": c.some.schema()}
		case c.words == nil:
		default:
			properties[c.key] = schema{"enum": c.words}
		}
	}
	if len(required) > 0 {
		out["required"] = required
	}
	if len(properties) > 0 {
		out["properties"] = properties
	}
	return out
}

func (w schemaWriter) mapping(s *spec) schema {
	out := schema{"type": "object", "maxProperties": s.maxItems, "additionalProperties": w.entry(s, ""), "propertyNames": w.names(s)}
	if len(s.noCase) > 0 {
		known := schema{}
		for _, name := range s.noCase {
			known[name] = w.entry(s, name)
		}
		out["properties"] = known
	}
	return out
}

// entry is the schema of what a mapping has under a name. Under one that has keys of its own it is called by that name.
func (w schemaWriter) entry(s *spec, name string) schema {
	e := *s.entry(name)
	if slices.ContainsFunc(e.fields, func(f field) bool { return f.spec.only != nil }) {
		e.name = name
	}
	return w.schema(&e)
}

// anything is the schema of what only an executor understands.
func (w schemaWriter) anything(s *spec) schema {
	out := schema{"type": "object"}
	properties, required := w.fields(s.fields)
	if len(required) > 0 {
		out["required"] = required
	}
	rest := schema{}
	if s.whole {
		// Itself, or for a list or a mapping what is in it.
		rest = schema{"$ref": "#/$defs/parameter"}
		w.defs["parameter"] = schema{
			"anyOf": []any{schema{"not": schema{"pattern": pipeline.ReferencePattern}}, schema{"pattern": "^" + pipeline.ReferencePattern + "$"}},
			"items": rest, "additionalProperties": rest,
		}
		out["additionalProperties"] = rest
	}
	if s.denyEnv {
		env := w.named("environmentVariables", schema{"propertyNames": schema{"not": schema{"pattern": deniedPattern()}}})
		if s.whole {
			env = schema{"allOf": []any{env, rest}}
		}
		properties["env"] = env
	}
	if len(properties) > 0 {
		out["properties"] = properties
	}
	return out
}

// names is what the names of a mapping must be.
func (w schemaWriter) names(s *spec) schema {
	names := schema{"pattern": s.names.String()}
	switch {
	case s.deny != nil:
		return schema{"allOf": []any{names, schema{"not": schema{"pattern": deniedPattern()}}}}
	case len(s.noCase) > 0:
		likeThem := "^(" + anyCase(strings.ToUpper(strings.Join(s.noCase, "|"))) + ")$"
		return schema{"allOf": []any{names, schema{"anyOf": []any{schema{"enum": s.noCase}, schema{"not": schema{"pattern": likeThem}}}}}}
	}
	return names
}

// schemaOfText lets numbers through where no pattern speaks against them: 1.10 without quotes is text to us and a
// number to an editor.
func schemaOfText(s *spec) schema {
	if s.known != nil {
		return schema{"enum": slices.DeleteFunc(slices.Clone(s.known), func(word string) bool { return s.never[word] != (refusal{}) })}
	}
	most := s.maxLen
	if most == 0 {
		most = maxGlob
	}
	text := schema{"type": []string{"string", "number"}, "minLength": 1, "maxLength": most}
	if s.empty {
		delete(text, "minLength")
	}
	if len(s.never) > 0 {
		text["not"] = schema{"enum": sortedKeys(s.never)}
	}
	if s.pattern == nil {
		return text
	}
	text["pattern"] = s.pattern.String()
	switch {
	case s.neverNumber():
		text["type"] = "string"
		return text
	case !s.pattern.MatchString("1.5"):
		text["type"] = []string{"string", "integer"}
	}
	if !s.pattern.MatchString("-1") {
		text["minimum"] = 0 // says nothing about strings
	}
	return text
}

// deniedPattern is DeniedEnv as a pattern, in the letters that a schema's patterns know.
func deniedPattern() string {
	var b bytes.Buffer
	b.WriteString("^(")
	for i, name := range deniedNames() {
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(anyCase(name))
		b.WriteByte('$')
	}
	for _, prefix := range deniedPrefixes() {
		b.WriteByte('|')
		b.WriteString(anyCase(prefix))
	}
	b.WriteString(")")
	return b.String()
}

var letterRE = lazyregexp.New(`[A-Z]`)

// anyCase makes a pattern of capitals match small letters too.
func anyCase(s string) string {
	return letterRE.ReplaceAllStringFunc(s, func(c string) string { return "[" + c + string(c[0]+'a'-'A') + "]" })
}
