package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// schemaID names the schema. It is an identifier and not a place to fetch from.
const schemaID = "https://github.com/sluicehq/sluice/schema/sluice.yml.json"

// Schema is the JSON Schema (draft 2020-12) of the repository file, for editors. It accepts what ParseRepo accepts, as
// far as a schema can say: it knows nothing of branches that exist, of executors' parameters, of references between
// pipelines and environments, of environments that differ in case alone, or of how a number was written. It ends in a newline.
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
	out.partial, out.needs, out.elem = true, nil, partly(s.elem, false)
	out.fields = nil
	for _, f := range s.fields {
		out.fields = append(out.fields, field{f.name, f.required && top, partly(f.spec, false)})
	}
	return &out
}

func writeSchema(of *spec, id, title string) ([]byte, error) {
	s := schemaOf(of)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = id
	s["title"] = title
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

func schemaOf(s *spec) schema {
	out := schemaOfKind(s)
	if s.hole {
		out = schema{"anyOf": []any{out, schema{"type": "string", "pattern": wholeHoleRE.String()}}}
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

func schemaOfKind(s *spec) schema {
	if s.unbuilt != "" || s.elsewhere != "" {
		if s.kind == listValue {
			return schema{"type": "array", "maxItems": 0}
		}
		return schema{"not": schema{}}
	}
	switch s.kind {
	case objectValue:
		return schemaOfObject(s)
	case mappingValue:
		return schema{"type": "object", "maxProperties": s.maxItems, "additionalProperties": schemaOf(s.elem),
			"propertyNames": schemaOfNames(s)}
	case anythingValue:
		return schema{"type": "object"}
	case listValue:
		list := schema{"type": "array", "maxItems": s.maxItems, "items": schemaOf(s.elem)}
		if s.nonEmpty {
			list["minItems"] = 1
		}
		if s.single {
			return schema{"anyOf": []any{list, schemaOf(s.elem)}}
		}
		return list
	case plainValue:
		one := []string{"string", "number", "boolean"}
		return schema{"type": append(one, "array"), "maxItems": s.maxItems, "items": schema{"type": one}}
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

func schemaOfObject(s *spec) schema {
	properties, required := schema{}, []string{}
	for _, f := range s.fields {
		properties[f.name] = schemaOf(f.spec)
		if f.required {
			required = append(required, f.name)
		}
	}
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
	return out
}

// schemaOfNames is what the names of a mapping must be.
func schemaOfNames(s *spec) schema {
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
	most := s.maxLen
	if most == 0 {
		most = maxGlob
	}
	text := schema{"type": []string{"string", "number"}, "minLength": 1, "maxLength": most}
	if s.empty {
		delete(text, "minLength")
	}
	if s.pattern == nil {
		return text
	}
	text["pattern"] = s.pattern.String()
	switch {
	case s.neverNumber():
		text["type"] = "string"
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
