package description

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/sluicehq/sluice/internal/lazyregexp"
	"github.com/sluicehq/sluice/test/fakegithub"
)

// graphPath is where GraphQL is asked.
const graphPath = "/graphql"

// loadGraph reads GitHub's schema of GraphQL.
func loadGraph(path string) (*ast.Schema, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	doc, err := parser.ParseSchemas(validator.Prelude, &ast.Source{Name: path, Input: string(raw)})
	if err != nil {
		return nil, err
	}
	for _, t := range doc.Definitions { // GitHub's has fields that are there twice
		var once ast.FieldList
		for _, f := range t.Fields {
			if once.ForName(f.Name) == nil {
				once = append(once, f)
			}
		}
		t.Fields = once
	}
	return validator.ValidateSchemaDocument(doc)
}

// checkGraph compares a call of GraphQL and its answer with GitHub's schema, and yields each difference with its kind until told to
// stop. What GitHub would refuse is objected to, whatever was answered.
//
// https://spec.graphql.org/October2021/#sec-Response-Format
func (d *Description) checkGraph(e fakegithub.Exchange, yield func(string, error) bool) {
	op, err := d.graphRequest(e.Body)
	if err != nil && !yield("request", err) {
		return
	}
	if e.Status != http.StatusOK {
		if err := d.refusal(e.Status, e.Answer); err != nil {
			yield("response", short(err))
		}
		return
	}
	if err := d.graphAnswer(op, e.Answer); err != nil {
		yield("response", err)
	}
}

// graphRequest reads a document with one operation, and its variables.
func (d *Description) graphRequest(body []byte) (*ast.OperationDefinition, error) {
	var in struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables"`
	}
	if err := strictly(body, &in); err != nil {
		return nil, err
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: in.Query})
	if err != nil {
		return nil, err
	}
	if errs := validator.ValidateWithRules(d.graph, doc, rules.NewDefaultRules()); len(errs) > 0 {
		return nil, errs
	}
	if len(doc.Operations) != 1 {
		return nil, fmt.Errorf("the document has %d operations, want one", len(doc.Operations))
	}
	op := doc.Operations[0]
	for name := range in.Variables {
		if op.VariableDefinitions.ForName(name) == nil {
			return nil, fmt.Errorf("the operation has no variable $%s", name)
		}
	}
	_, err = validator.VariableValues(d.graph, op, in.Variables)
	return op, err
}

// graphAnswer compares an answer with what the operation asks for. An operation that GitHub would refuse, nil, has no data.
func (d *Description) graphAnswer(op *ast.OperationDefinition, answer []byte) error {
	var out struct {
		Data   map[string]any `json:"data"`
		Errors []struct {
			Type      string   `json:"type"` // which is GitHub's own
			Message   string   `json:"message"`
			Path      ast.Path `json:"path"`
			Locations []struct {
				Line   int `json:"line"`
				Column int `json:"column"`
			} `json:"locations"`
			Extensions map[string]any `json:"extensions"`
		} `json:"errors"`
	}
	if err := strictly(answer, &out); err != nil {
		return err
	}
	if out.Data == nil && len(out.Errors) == 0 {
		return fmt.Errorf("the answer has neither data nor errors")
	}
	for _, e := range out.Errors {
		if e.Message == "" {
			return fmt.Errorf("an error says nothing: it has no message")
		}
	}
	switch {
	case out.Data == nil:
		return nil
	case op == nil:
		return fmt.Errorf("there is data, though the document is not valid")
	}
	root := d.graph.Query
	if op.Operation == ast.Mutation {
		root = d.graph.Mutation
	}
	return graphValue{d.graph}.object(nil, root, op.SelectionSet, out.Data)
}

// strictly decodes an object that has no other fields.
func strictly(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	return dec.Decode(into)
}

// graphValue compares values of an answer with what was selected.
type graphValue struct{ schema *ast.Schema }

// value compares a value with its type.
func (g graphValue) value(path ast.Path, t *ast.Type, selected ast.SelectionSet, v any) error {
	if v == nil {
		if t.NonNull {
			return fmt.Errorf("%s is null, and a %s is not", path, t)
		}
		return nil
	}
	if t.Elem != nil {
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%s is %.80v, want a list", path, v)
		}
		for i, x := range list {
			if err := g.value(append(slices.Clip(path), ast.PathIndex(i)), t.Elem, selected, x); err != nil {
				return err
			}
		}
		return nil
	}
	of := g.schema.Types[t.NamedType]
	if of.IsLeafType() {
		if !leaf(of, v) {
			return fmt.Errorf("%s is %.80v, which is no %s", path, v, of.Name)
		}
		return nil
	}
	o, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is %.80v, want an object", path, v)
	}
	// Of what stands for several types it is not told which it is; it must fit one. What is wrong is told of the one that most is asked of.
	var wrong error
	most := -1
	for _, one := range g.schema.GetPossibleTypes(of) {
		err := g.object(path, one, selected, o)
		if err == nil {
			return nil
		}
		if n := len(g.fields(one, selected)); n > most {
			wrong, most = err, n
		}
	}
	return wrong
}

// object compares an object with what is selected of its type: every field, and no other.
func (g graphValue) object(path ast.Path, of *ast.Definition, selected ast.SelectionSet, o map[string]any) error {
	fields := g.fields(of, selected)
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if fields[name] == nil {
			return fmt.Errorf("%s: %s is not asked for", path, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		at := append(slices.Clip(path), ast.PathName(name))
		v, ok := o[name]
		f := fields[name]
		switch {
		case !ok:
			return fmt.Errorf("%s is missing", at)
		case f.Name == "__typename":
			if v != of.Name {
				return fmt.Errorf("%s is %.80v, want %s", at, v, of.Name)
			}
			continue
		}
		if err := g.value(at, f.Definition.Type, f.SelectionSet, v); err != nil {
			return err
		}
	}
	return nil
}

// fields are what is selected of a type, by the name that it has in the answer.
func (g graphValue) fields(of *ast.Definition, selected ast.SelectionSet) map[string]*ast.Field {
	out := map[string]*ast.Field{}
	within := func(condition string, selected ast.SelectionSet) {
		if condition == "" || slices.Contains(g.schema.GetPossibleTypes(g.schema.Types[condition]), of) {
			maps.Copy(out, g.fields(of, selected))
		}
	}
	for _, s := range selected {
		switch s := s.(type) {
		case *ast.Field:
			out[s.Alias] = s
		case *ast.InlineFragment:
			within(s.TypeCondition, s.SelectionSet)
		case *ast.FragmentSpread:
			within(s.Definition.TypeCondition, s.Definition.SelectionSet)
		}
	}
	return out
}

var oidRE = lazyregexp.New(`^[0-9a-f]{40}$`)

// leaf tells whether a value is of a scalar or an enumeration. Scalars of GitHub that are not named here may be anything.
func leaf(of *ast.Definition, v any) bool {
	text, isText := v.(string)
	switch of.Name {
	case "String", "ID":
		return isText
	case "Boolean":
		_, ok := v.(bool)
		return ok
	case "Int":
		n, ok := v.(json.Number)
		return ok && !strings.ContainsAny(n.String(), ".eE")
	case "DateTime":
		_, err := time.Parse(time.RFC3339, text)
		return err == nil
	case "GitObjectID":
		return oidRE.MatchString(text)
	}
	return of.Kind != ast.Enum || isText && of.EnumValues.ForName(text) != nil
}
