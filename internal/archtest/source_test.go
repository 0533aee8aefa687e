// Package archtest holds the house to its rules: who may import whom, and what every file owes its reader. It reads the
// source of the whole module and nothing else.
package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/sluicehq/sluice"

// file is one Go file of the module.
type file struct {
	path   string // from the root, with slashes
	folder string // "." for the root
	test   bool   // its name ends in _test.go
	lines  int
	syntax *ast.File
	fset   *token.FileSet
	// imports are the paths; those of this module without its own.
	ours, foreign []string
}

// at is where something in the file stands.
func (f *file) at(p token.Pos) string {
	return f.path + ":" + strconv.Itoa(f.fset.Position(p).Line)
}

// source reads the module once.
var source = sync.OnceValues(func() ([]*file, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	var all []*file
	fset := token.NewFileSet()
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		f := &file{path: filepath.ToSlash(rel), test: strings.HasSuffix(path, "_test.go"), lines: strings.Count(string(text), "\n"), fset: fset}
		f.folder = filepath.ToSlash(filepath.Dir(rel))
		if f.syntax, err = parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			return err
		}
		for _, spec := range f.syntax.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if ours, ok := strings.CutPrefix(name, module+"/"); ok {
				f.ours = append(f.ours, ours)
			} else {
				f.foreign = append(f.foreign, name)
			}
		}
		all = append(all, f)
		return nil
	})
	return all, err
})

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fs.ErrNotExist
		}
		dir = up
	}
}

func files(t *testing.T) []*file {
	t.Helper()
	all, err := source()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("%d files were found, which cannot be all", len(all))
	}
	return all
}
