package archtest

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestRegularExpressionsAreRight compiles what the product gives to lazyregexp.New: what is wrong with one would otherwise be seen
// when it is used first, and perhaps by no test.
func TestRegularExpressionsAreRight(t *testing.T) {
	all := constants{}
	for _, f := range files(t) {
		if !f.test {
			all.add(f)
		}
	}
	seen := 0
	for _, f := range files(t) {
		if f.test || strings.HasPrefix(f.folder, "test/") {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 || !isSelector(call.Fun, "lazyregexp", "New") {
				return true
			}
			seen++
			form, ok := all.value(f, call.Args[0])
			if !ok {
				t.Errorf("%s: what lazyregexp.New is given is no constant, so that nobody can tell whether it is right", f.at(call.Pos()))
			} else if _, err := regexp.Compile(form); err != nil {
				t.Errorf("%s: %v", f.at(call.Pos()), err)
			}
			return true
		})
	}
	if seen < 50 {
		t.Errorf("%d regular expressions were found, which cannot be all", seen)
	}
}

func isSelector(x ast.Expr, of, name string) bool {
	s, ok := x.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != name {
		return false
	}
	id, ok := s.X.(*ast.Ident)
	return ok && id.Name == of
}

// constants are the constants of all packages with the files that they are in, by folder and name.
type constants map[string]constant

type constant struct {
	file *file
	is   ast.Expr
}

func (c constants) add(f *file) {
	for _, d := range f.syntax.Decls {
		d, ok := d.(*ast.GenDecl)
		if !ok || d.Tok != token.CONST {
			continue
		}
		for _, s := range d.Specs {
			s := s.(*ast.ValueSpec)
			for i, x := range s.Values {
				c[f.folder+"."+s.Names[i].Name] = constant{f, x}
			}
		}
	}
}

// value is the text of a constant expression in a file: of literals, the constants of this module, and sums of them.
func (c constants) value(f *file, x ast.Expr) (string, bool) {
	switch x := x.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(x.Value)
		return text, err == nil && x.Kind == token.STRING
	case *ast.ParenExpr:
		return c.value(f, x.X)
	case *ast.BinaryExpr:
		left, ok := c.value(f, x.X)
		right, too := c.value(f, x.Y)
		return left + right, ok && too && x.Op == token.ADD
	case *ast.Ident:
		return c.named(f.folder + "." + x.Name)
	case *ast.SelectorExpr:
		of, _ := x.X.(*ast.Ident)
		for _, folder := range f.ours {
			if of != nil && path.Base(folder) == of.Name {
				return c.named(folder + "." + x.Sel.Name)
			}
		}
	}
	return "", false
}

func (c constants) named(name string) (string, bool) {
	found, ok := c[name]
	if !ok {
		return "", false
	}
	return c.value(found.file, found.is)
}
