package archtest

import (
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/internal/logkeys"
)

// fixedKeys are the keys of the log that always mean the same.
var fixedKeys = []string{"delivery", "event", "repo", "installation", "job", "kind", "attempt", "execution", "environment", "digest", "err"}

// firstKey is where the keys begin among the arguments of a logger's methods.
var firstKey = map[string]int{
	"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2, "With": 0,
}

// attributes are functions of log/slog that make an attribute of a key, their first argument.
var attributes = []string{"Any", "Bool", "Duration", "Float64", "Group", "GroupAttrs", "Int", "Int64", "String", "Time", "Uint64"}

// TestLogKeysAreDocumented holds docs/operations.md to the source: it names every key that the program logs and no other, and says of
// the fixed ones that they are.
func TestLogKeysAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	fixed, others := logkeys.Documented(string(text))
	if diff := cmp.Diff(slices.Sorted(slices.Values(fixedKeys)), slices.Sorted(slices.Values(fixed))); diff != "" {
		t.Errorf("fixed keys in docs/operations.md (-want +got):\n%s", diff)
	}
	documented := slices.Concat(fixed, others)
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
			if !ok {
				return true
			}
			for _, arg := range keysOf(method, call.Args) {
				literal, ok := arg.(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					t.Errorf("%s: a key of the log is not written out", f.at(arg.Pos()))
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

// keysOf are the keys among the arguments of a call.
func keysOf(method *ast.SelectorExpr, args []ast.Expr) (keys []ast.Expr) {
	if of, ok := method.X.(*ast.Ident); ok && of.Name == "slog" && slices.Contains(attributes, method.Sel.Name) {
		return args[:1]
	}
	from, logs := firstKey[method.Sel.Name]
	if !logs || !isLogger(method.X) {
		return nil
	}
	for i := from; i < len(args); i += 2 {
		keys = append(keys, args[i])
	}
	return keys
}

// isLogger tells by its name whether an expression is a logger.
func isLogger(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return strings.EqualFold(x.Name, "log") || x.Name == "slog"
	case *ast.SelectorExpr:
		return strings.EqualFold(x.Sel.Name, "log")
	case *ast.CallExpr: // a logger made by another one's With, or by a function that is named for it
		method, ok := x.Fun.(*ast.SelectorExpr)
		return ok && (method.Sel.Name == "With" && isLogger(method.X) || method.Sel.Name == "logOf")
	}
	return false
}
