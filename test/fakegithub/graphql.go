package fakegithub

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// graphQL knows what the REST API lacks: the merge queue, drafts, reactions to reviews, and facts about many commits at once. Names,
// arguments and answers are those of GitHub's published schema, which the tests compare them with.
func (s *Server) graphQL(c *call) (*answer, error) {
	var in struct {
		Query     string
		Variables map[string]any
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: in.Query})
	if err != nil {
		return ok(obj{"errors": []obj{{"message": err.Error()}}})
	}
	if len(doc.Operations) != 1 {
		return ok(obj{"errors": []obj{{"message": "An operation name is required"}}})
	}
	op := doc.Operations[0]
	kind, root := "Query", s.graphQueries(c)
	if op.Operation == ast.Mutation {
		kind, root = "Mutation", s.graphMutations(c)
	}
	data, err := graphDocument{doc.Fragments, in.Variables}.choose(kind, root, op.SelectionSet)
	var refused *graphRefusal
	switch {
	case errors.As(err, &refused):
		no := obj{}
		for name := range data {
			no[name] = nil
		}
		return ok(obj{"data": no, "errors": []obj{{"type": refused.kind, "path": refused.path, "message": refused.message}}})
	case err != nil:
		return ok(obj{"errors": []obj{{"message": err.Error()}}})
	}
	return ok(obj{"data": data})
}

// graphRefusal is an error about what a field leads to, which GraphQL gives with status 200 and beside data.
type graphRefusal struct {
	kind, message string
	path          []string
}

// Error implements error.
func (e *graphRefusal) Error() string { return e.message }

func graphRefuse(kind, format string, args ...any) error {
	return &graphRefusal{kind: kind, message: fmt.Sprintf(format, args...)}
}

func graphUnresolved(id string) error {
	return graphRefuse("NOT_FOUND", "Could not resolve to a node with the global id of '%s'", id)
}

func graphForbidden() error {
	return graphRefuse("FORBIDDEN", "Resource not accessible by integration")
}

// graphArgs are the arguments of a field.
type graphArgs map[string]any

func (a graphArgs) text(name string) string {
	text, _ := a[name].(string)
	return text
}

// graphField is a field that is worked out when it is asked for: it has arguments, or whoever asks may not be allowed to. selected is
// what is asked of what it leads to.
type graphField func(a graphArgs, selected ast.SelectionSet) (any, error)

// connection is a list that must be asked for a number of nodes, at most a hundred.
func connection(nodes []obj) graphField {
	return func(a graphArgs, _ ast.SelectionSet) (any, error) {
		first := number(a["first"])
		if first < 1 || first > 100 {
			return nil, errors.New("You must provide a `first` or `last` value to properly paginate the connection.") //nolint:staticcheck // GitHub's words
		}
		return obj{"totalCount": len(nodes), "nodes": nodes[:min(first, len(nodes))]}, nil
	}
}

// graphDocument is a document that is answered.
type graphDocument struct {
	fragments ast.FragmentDefinitionList
	variables map[string]any
}

// choose gives of a whole what is selected of it. With an error comes which fields there would have been.
func (d graphDocument) choose(kind string, whole obj, selected ast.SelectionSet) (obj, error) {
	out := obj{}
	for _, f := range d.fields(whole, selected) {
		out[f.Alias] = nil
		value, known := whole[f.Name]
		if !known {
			return out, fmt.Errorf("Field '%s' doesn't exist on type '%s'", f.Name, kind) //nolint:staticcheck // GitHub's words
		}
		if field, ok := value.(graphField); ok {
			args := graphArgs{}
			var err error
			for _, a := range f.Arguments {
				if args[a.Name], err = a.Value.Value(d.variables); err != nil {
					return out, err
				}
			}
			if value, err = field(args, f.SelectionSet); err != nil {
				return out, under(f.Alias, err)
			}
		}
		var err error
		if out[f.Alias], err = d.chosen(f, value); err != nil {
			return out, under(f.Alias, err)
		}
	}
	return out, nil
}

// chosen is what is selected of what a field leads to.
func (d graphDocument) chosen(f *ast.Field, value any) (any, error) {
	switch value := value.(type) {
	case obj:
		if value == nil {
			return nil, nil
		}
		return d.choose(f.Name, value, f.SelectionSet)
	case []obj:
		out := []obj{}
		for _, one := range value {
			picked, err := d.choose(f.Name, one, f.SelectionSet)
			if err != nil {
				return nil, err
			}
			out = append(out, picked)
		}
		return out, nil
	}
	return value, nil
}

// fields are those that are selected of something, in fragments too: of those on a type only where it is of that one.
func (d graphDocument) fields(whole obj, selected ast.SelectionSet) []*ast.Field {
	var out []*ast.Field
	for _, s := range selected {
		switch s := s.(type) {
		case *ast.Field:
			out = append(out, s)
		case *ast.InlineFragment:
			if s.TypeCondition == "" || s.TypeCondition == whole["__typename"] {
				out = slices.Concat(out, d.fields(whole, s.SelectionSet))
			}
		case *ast.FragmentSpread:
			if f := d.fragments.ForName(s.Name); f != nil && f.TypeCondition == whole["__typename"] {
				out = slices.Concat(out, d.fields(whole, f.SelectionSet))
			}
		}
	}
	return out
}

// under says that an error is about a field.
func under(name string, err error) error {
	var refused *graphRefusal
	if errors.As(err, &refused) {
		refused.path = slices.Insert(refused.path, 0, name)
	}
	return err
}

// graphQueries are the questions that the stand-in knows.
func (s *Server) graphQueries(c *call) obj {
	return obj{
		"repository": graphField(func(a graphArgs, selected ast.SelectionSet) (any, error) {
			name := a.text("owner") + "/" + a.text("name")
			r := s.repoNamed(name)
			if r == nil || s.admit(c.who, reads("metadata"), r) != nil {
				return nil, graphRefuse("NOT_FOUND", "Could not resolve to a Repository with the name '%s'.", name)
			}
			return obj{
				"pullRequest": s.graphPull(c, r), "mergeQueue": s.graphQueue(c, r), "object": s.graphObject(c, r, selected),
			}, nil
		}),
		"node": graphField(func(a graphArgs, _ ast.SelectionSet) (any, error) { return s.graphReview(c, a.text("id")) }),
	}
}

// graphMutations are the changes that the stand-in knows. Each takes an input.
func (s *Server) graphMutations(c *call) obj {
	out := obj{"addReaction": graphInput([]string{"content", "subjectId"}, func(in graphArgs) (obj, error) { return s.graphReact(c, in) })}
	for name, m := range map[string]struct {
		fields []string
		do     func(r *repository, i *Issue, in graphArgs) (obj, error)
	}{
		"enqueuePullRequest": {[]string{"expectedHeadOid", "jump", "pullRequestId"}, func(r *repository, i *Issue, in graphArgs) (obj, error) {
			return s.graphEnqueue(c, r, i, in)
		}},
		"dequeuePullRequest":            {[]string{"id"}, func(r *repository, i *Issue, _ graphArgs) (obj, error) { return s.graphDequeue(r, i), nil }},
		"convertPullRequestToDraft":     {[]string{"pullRequestId"}, func(r *repository, i *Issue, _ graphArgs) (obj, error) { return s.graphDraft(c, r, i, true), nil }},
		"markPullRequestReadyForReview": {[]string{"pullRequestId"}, func(r *repository, i *Issue, _ graphArgs) (obj, error) { return s.graphDraft(c, r, i, false), nil }},
	} {
		out[name] = graphInput(m.fields, func(in graphArgs) (obj, error) {
			r, i, err := s.graphOpenPull(c, in)
			if err != nil {
				return nil, err
			}
			return m.do(r, i, in)
		})
	}
	return out
}

// graphInput is a change that takes an input with some fields.
func graphInput(fields []string, do func(in graphArgs) (obj, error)) graphField {
	return func(a graphArgs, _ ast.SelectionSet) (any, error) {
		in, _ := a["input"].(map[string]any)
		for field := range in {
			if field != "clientMutationId" && !slices.Contains(fields, field) {
				return nil, fmt.Errorf("Variable $input was provided invalid value for %s (Field is not defined on the input)", field) //nolint:staticcheck // GitHub's words
			}
		}
		out, err := do(in)
		if err != nil {
			return nil, err
		}
		out["clientMutationId"] = in["clientMutationId"]
		return out, nil
	}
}
