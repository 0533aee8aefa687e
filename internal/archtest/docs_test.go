package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"testing"
)

// Every package says what it is, once.
func TestPackageComments(t *testing.T) {
	said := map[string]int{}
	for _, f := range files(t) {
		if f.syntax.Doc != nil && len(f.syntax.Doc.Text()) > 0 {
			said[f.folder]++
		} else if _, ok := said[f.folder]; !ok {
			said[f.folder] = 0
		}
	}
	for folder, n := range said {
		if n != 1 {
			t.Errorf("package %s has %d package comments, want 1", folder, n)
		}
	}
}

// Every exported name has a comment of its own, or stands in a group that has one. Methods that the standard library gave
// their meaning need none.
func TestExportedNamesAreDocumented(t *testing.T) {
	for _, f := range files(t) {
		if f.test {
			continue
		}
		for _, d := range f.syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				known := d.Recv != nil && slices.Contains([]string{"Error", "Unwrap", "String"}, d.Name.Name)
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !known {
					t.Errorf("%s: %s has no comment", f.at(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, name := range undocumented(d) {
					t.Errorf("%s: %s has no comment", f.at(name.Pos()), name.Name)
				}
			}
		}
	}
}

// exportedReceiver tells whether a function is part of a package's API: methods of types that are not exported are not.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

func undocumented(d *ast.GenDecl) []*ast.Ident {
	if d.Tok == token.IMPORT {
		return nil
	}
	var out []*ast.Ident
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
				out = append(out, s.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
					out = append(out, name)
				}
			}
		}
	}
	return out
}
