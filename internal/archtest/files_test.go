package archtest

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

// maxLines is how long a file may be, tests left out: past that it is two subjects.
const maxLines = 500

func TestFilesAreShort(t *testing.T) {
	for _, f := range files(t) {
		if !f.test && f.lines > maxLines {
			t.Errorf("%s has %d lines, more than %d: it is two subjects", f.path, f.lines, maxLines)
		}
	}
}

// A package or file is named for its subject.
func TestNames(t *testing.T) {
	noSubject := []string{"util", "utils", "common", "helper", "helpers", "model", "models", "types", "misc", "base", "shared"}
	for _, f := range files(t) {
		name := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.path), ".go"), "_test")
		for _, n := range []string{f.syntax.Name.Name, path.Base(f.folder), name} {
			if slices.Contains(noSubject, strings.TrimSuffix(n, "_test")) {
				t.Errorf("%s: %q names no subject", f.path, n)
			}
		}
	}
}

// What a program does begins in main, not when it is loaded.
func TestNoInit(t *testing.T) {
	for _, f := range files(t) {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: a function init", f.at(fn.Pos()))
			}
		}
	}
}

// The program is started again for each build, and waits then for whatever its packages do first: their expressions are compiled
// when they are used.
func TestExpressionsAreLazy(t *testing.T) {
	for _, f := range files(t) {
		if f.test || f.folder == "executor/executortest" {
			continue
		}
		for _, d := range f.syntax.Decls {
			if _, ok := d.(*ast.GenDecl); !ok {
				continue
			}
			outside := *f // of all functions
			outside.syntax = &ast.File{Name: f.syntax.Name, Decls: []ast.Decl{d}}
			calls(&outside, "regexp", "MustCompile", func(at token.Pos) {
				t.Errorf("%s: it is compiled when the program starts; take internal/lazyregexp", f.at(at))
			})
		}
	}
}

// Tests wait for what they wait for. A pause is too short on a slow machine, and too long on every other.
func TestNoSleepInTests(t *testing.T) {
	for _, f := range files(t) {
		if !f.test {
			continue
		}
		calls(f, "time", "Sleep", func(at token.Pos) {
			if !f.bubbled() {
				t.Errorf("%s: time.Sleep in a test", f.at(at))
			}
		})
	}
}

// bubbled tells whether the file runs tests in testing/synctest, where a pause takes no time.
func (f *file) bubbled() bool { return slices.Contains(f.foreign, "testing/synctest") }

// Only the program itself ends the process, and those parts of it that are processes of their own.
func TestOnlyMainExits(t *testing.T) {
	for _, f := range files(t) {
		if f.test || f.syntax.Name.Name == "main" {
			continue
		}
		calls(f, "os", "Exit", func(at token.Pos) { t.Errorf("%s: os.Exit below main", f.at(at)) })
	}
}

// calls calls fn for every call of pkg.name.
func calls(f *file, pkg, name string, fn func(at token.Pos)) {
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != name {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == pkg {
			fn(call.Pos())
		}
		return true
	})
}

// Nothing is left for later in a comment.
func TestNothingLeftToDo(t *testing.T) {
	for _, f := range files(t) {
		for _, group := range f.syntax.Comments {
			for _, c := range group.List {
				for _, mark := range []string{"TO" + "DO", "FIX" + "ME", "XX" + "X"} {
					if strings.Contains(c.Text, mark) {
						t.Errorf("%s: %s", f.at(c.Pos()), mark)
					}
				}
			}
		}
	}
}
