package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/bot"
)

// TestEffectsHaveFailpoints reads the source of package bot: every effect names its kind by a constant of the table, and
// every kind of the table has its points: four, or two where it is harmless. So no effect escapes the crash test.
func TestEffectsHaveFailpoints(t *testing.T) {
	paths, err := filepath.Glob("../../bot/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	constants := map[string]string{} // name to value
	var table []string
	forms := map[string]string{} // kind to form
	used := 0
	inspect := func(look func(ast.Node) bool) {
		for _, file := range files {
			ast.Inspect(file, look)
		}
	}
	inspect(func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			if name(n.Type) == "effectKind" && len(n.Values) == 1 {
				constants[n.Names[0].Name] = strings.Trim(n.Values[0].(*ast.BasicLit).Value, `"`)
			}
		case *ast.FuncDecl:
			if n.Name.Name == "effectKinds" {
				ast.Inspect(n.Body, func(n ast.Node) bool {
					if l, ok := n.(*ast.CompositeLit); ok {
						for _, e := range l.Elts {
							table = append(table, name(e))
						}
					}
					return true
				})
			}
		}
		return true
	})
	for constant := range constants {
		if !slices.Contains(table, constant) {
			t.Errorf("%s is not in the table effectKinds", constant)
		}
	}
	inspect(func(n ast.Node) bool {
		l, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		form := name(l.Type)
		if x, ok := l.Type.(*ast.IndexExpr); ok {
			form = name(x.X)
		}
		if !slices.Contains([]string{"effect", "harmless", "onRecord"}, form) {
			return true
		}
		used++
		kind := ""
		for _, e := range l.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok && name(kv.Key) == "kind" {
				kind = name(kv.Value)
			}
		}
		if constants[kind] == "" {
			t.Errorf("an effect has the kind %q, which is no constant of the table", kind)
		}
		forms[constants[kind]] = form
		return true
	})
	if used == 0 || len(constants) == 0 {
		t.Fatalf("found %d effects and %d kinds in package bot; is this test looking at the right place?", used, len(constants))
	}
	points := bot.FailpointNames()
	for _, kind := range constants {
		want := []string{":intent", ":act", ":acted", ":result"}
		if forms[kind] == "harmless" {
			want = []string{":act", ":acted"}
		}
		for _, at := range want {
			if !slices.Contains(points, kind+at) {
				t.Errorf("%s%s is no failpoint", kind, at)
			}
		}
	}
}

// name is an identifier's; "" for any other expression.
func name(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}
