package bot

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every event that deliveries become has a row in the one table by which the server handles it and the plan tells of it, and the table
// has no others.
func TestEveryEventHasAReaction(t *testing.T) {
	var events []string
	files, err := filepath.Glob("../event/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ast.Inspect(parsed(t, name), func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok && slices.ContainsFunc(s.Fields.List, func(f *ast.Field) bool {
				id, plain := f.Type.(*ast.Ident)
				return plain && len(f.Names) == 0 && id.Name == "Origin"
			}) {
				events = append(events, spec.Name.Name)
			}
			return false
		})
	}
	var rows []string
	ast.Inspect(parsed(t, "reaction.go"), func(n ast.Node) bool {
		clause, ok := n.(*ast.CaseClause)
		if !ok {
			return true
		}
		for _, x := range clause.List {
			if sel, ok := x.(*ast.SelectorExpr); ok {
				rows = append(rows, sel.Sel.Name)
			}
		}
		return true
	})
	slices.Sort(events)
	slices.Sort(rows)
	if len(events) < 15 {
		t.Fatalf("only %d events were found: %v", len(events), events)
	}
	if diff := cmp.Diff(events, rows); diff != "" {
		t.Errorf("events (-) and rows of reactionTo (+):\n%s", diff)
	}
}

func parsed(t *testing.T, name string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
