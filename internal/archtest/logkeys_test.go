package archtest

import (
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fixedKeys are the keys of the log that always mean the same.
var fixedKeys = []string{"delivery", "event", "repo", "installation", "job", "kind", "attempt", "execution", "environment", "digest", "err"}

// firstKey is where the keys begin among the arguments of a logger's methods.
var firstKey = map[string]int{
	"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2, "With": 0,
}

// TestLogKeysAreDocumented holds docs/operations.md to the source: it names every key that the program logs and no other, and says of
// the fixed ones that they are.
func TestLogKeysAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Log\n")
	if !found {
		t.Fatal("docs/operations.md has no section about the log")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	fixed, others, _ := strings.Cut(section, "| Key |")
	if diff := cmp.Diff(slices.Sorted(slices.Values(fixedKeys)), tableKeys(fixed)); diff != "" {
		t.Errorf("fixed keys in docs/operations.md (-want +got):\n%s", diff)
	}
	documented := append(tableKeys(fixed), tableKeys(others)...)
	slices.Sort(documented)
	used := loggedKeys(t)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(used)), documented); diff != "" {
		t.Errorf("keys of the log (-source +docs/operations.md):\n%s", diff)
		for key, at := range used {
			if !slices.Contains(documented, key) {
				t.Logf("%s: %q", at, key)
			}
		}
	}
}

var (
	tableRow = regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|")
	keyInRow = regexp.MustCompile("`([a-z_]+)`")
)

// tableKeys are the keys in the first column of a table, sorted.
func tableKeys(table string) []string {
	var out []string
	for _, row := range tableRow.FindAllStringSubmatch(table, -1) {
		for _, key := range keyInRow.FindAllStringSubmatch(row[1], -1) {
			out = append(out, key[1])
		}
	}
	slices.Sort(out)
	return out
}

// loggedKeys are the keys that the program logs, and where first. A key that is not written out fails the test.
func loggedKeys(t *testing.T) map[string]string {
	t.Helper()
	used := map[string]string{}
	for _, f := range files(t) {
		if f.test || strings.HasPrefix(f.folder, "test/") || strings.HasPrefix(f.folder, "internal/") {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			from, logs := 0, false
			if ok {
				from, logs = firstKey[method.Sel.Name]
			}
			if !logs || !isLogger(method.X) {
				return true
			}
			for i := from; i < len(call.Args); i += 2 {
				literal, ok := call.Args[i].(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					t.Errorf("%s: a key of the log is not written out", f.at(call.Args[i].Pos()))
					continue
				}
				key, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				if used[key] == "" {
					used[key] = f.at(literal.Pos())
				}
			}
			return true
		})
	}
	if len(used) < len(fixedKeys) {
		t.Fatalf("only %d keys were found: is this test looking at the right place?", len(used))
	}
	return used
}

// isLogger tells by its name whether an expression is a logger.
func isLogger(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return strings.EqualFold(x.Name, "log") || x.Name == "slog"
	case *ast.SelectorExpr:
		return strings.EqualFold(x.Sel.Name, "log")
	case *ast.CallExpr: // a logger made by another one's With
		method, ok := x.Fun.(*ast.SelectorExpr)
		return ok && method.Sel.Name == "With" && isLogger(method.X)
	}
	return false
}
