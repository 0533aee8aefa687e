package description

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// unknownFields finds fields of a request, at any depth, that the description does not have. GitHub ignores them, so they
// are mistakes. nulls says whether one that is null is passed over.
func unknownFields(op *openapi3.Operation, body []byte, nulls bool) error {
	if op.RequestBody == nil || op.RequestBody.Value == nil || len(body) == 0 {
		return nil
	}
	media := op.RequestBody.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return nil
	}
	return unknownIn(media.Schema.Value, body, nulls)
}

// unknownIn finds fields of a JSON text, at any depth, that its schema does not have.
func unknownIn(s *openapi3.Schema, text []byte, nulls bool) error {
	var v any
	if json.Unmarshal(text, &v) != nil {
		return nil // validation has said so
	}
	odd := unknownAt([]*openapi3.Schema{s}, v, "", nulls)
	if odd == nil {
		return nil
	}
	slices.Sort(odd)
	return fmt.Errorf("the body has fields that GitHub does not know: %s", strings.Join(odd, ", "))
}

// unknownAt lists the unknown fields below a value that has to fit all the schemas.
func unknownAt(schemas []*openapi3.Schema, v any, at string, nulls bool) (odd []string) {
	schemas = parts(schemas, v)
	switch v := v.(type) {
	case map[string]any:
		if isOpen(schemas) {
			return nil
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			var of []*openapi3.Schema
			for _, s := range schemas {
				if p := s.Properties[k]; p != nil {
					of = append(of, p.Value)
				}
			}
			name := strings.TrimPrefix(at+"."+k, ".")
			switch {
			case of != nil:
				odd = append(odd, unknownAt(of, v[k], name, nulls)...)
			case v[k] != nil || !nulls:
				odd = append(odd, name)
			}
		}
	case []any:
		var of []*openapi3.Schema
		for _, s := range schemas {
			if s.Items != nil {
				of = append(of, s.Items.Value)
			}
		}
		for i, x := range v {
			odd = append(odd, unknownAt(of, x, at+"["+strconv.Itoa(i)+"]", nulls)...)
		}
	}
	return odd
}

// parts are the schemas with all that they are put together from; of alternatives those that the value fits, or all of
// them where it fits none.
func parts(schemas []*openapi3.Schema, v any) []*openapi3.Schema {
	out := slices.Clone(schemas)
	for i := 0; i < len(out); i++ {
		for _, r := range out[i].AllOf {
			out = append(out, r.Value)
		}
		for _, alternatives := range []openapi3.SchemaRefs{out[i].AnyOf, out[i].OneOf} {
			var all, fit []*openapi3.Schema
			for _, r := range alternatives {
				all = append(all, r.Value)
				if r.Value.VisitJSON(v, openapi3.FailFast()) == nil {
					fit = append(fit, r.Value)
				}
			}
			if fit == nil {
				fit = all
			}
			out = append(out, fit...)
		}
	}
	return out
}

// isOpen tells whether an object may have fields of any name: the description names none, or gives one schema for all.
// That a schema with named fields lets others pass says nothing, since each of them does so unless it forbids it.
func isOpen(schemas []*openapi3.Schema) bool {
	named := false
	for _, s := range schemas {
		if s.AdditionalProperties.Schema != nil {
			return true
		}
		named = named || len(s.Properties) > 0
	}
	return !named
}
