package archtest

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// changing are the methods by which package bot changes something outside: all of the interface writer and of App those
// listed, and of executors. Each method of an interface stands in one list or the other, or the test fails.
var changing = map[string]struct{ changes, reads []string }{
	"App": {
		changes: []string{"Redeliver"},
		reads:   []string{"Identity", "Installations", "Repos", "InstallationOf", "HookDeliveries", "Repo"},
	},
	"Executor": {changes: []string{"Start", "Stop"}, reads: []string{"Check", "Status"}},
	"Alarmed":  {changes: []string{"Alarm"}},
	"Images":   {reads: []string{"Find", "Signed"}},
	"Topics":   {changes: []string{"Confirm"}},
}

// everything is the methods of an interface whose embedded ones are named, as GitHub's are.
const everything = "writer"

// TestChangesOutsideAreEffects holds package bot to the effect protocol: what changes something outside is called in the act
// of an effect and nowhere else, once on every way through it, and each effect says how it is known to be done or why it may be
// done again.
func TestChangesOutsideAreEffects(t *testing.T) {
	changes := changingMethods(t)
	if !slices.Contains(changes, "CreateTag") || !slices.Contains(changes, "Redeliver") || !slices.Contains(changes, "Start") {
		t.Fatalf("these cannot be all: %v", changes)
	}
	acts := 0
	for _, f := range files(t) {
		if f.folder != "bot" || f.test {
			continue
		}
		inAct := map[ast.Node]bool{}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			l, ok := n.(*ast.CompositeLit)
			if !ok || !isEffect(l) {
				return true
			}
			acts++
			act := checkEffect(t, f, l)
			if act == nil {
				return true
			}
			ways := 0
			for _, call := range outsideCalls(act, changes) {
				inAct[call] = true
				if !returned(act, call) {
					ways++
				}
			}
			if ways > 1 || len(outsideCalls(act, changes)) == 0 {
				t.Errorf("%s: the act of this effect changes %d things on one way; it is to change one", f.at(act.Pos()), ways)
			}
			return true
		})
		for _, call := range outsideCalls(f.syntax, changes) {
			if !inAct[call] {
				t.Errorf("%s: %s changes something outside, and is not the act of an effect (bot/effect.go)", f.at(call.Pos()), call.Sel.Name)
			}
		}
	}
	if acts < 20 {
		t.Errorf("%d effects were found, which cannot be all", acts)
	}
}

// changingMethods lists them, and fails for a method that nobody has classified.
func changingMethods(t *testing.T) []string {
	t.Helper()
	found := map[string][]string{}
	for _, f := range files(t) {
		if f.test || f.folder != "bot" && f.folder != "executor" {
			continue
		}
		for name, i := range interfaces(f) {
			found[name] = i
		}
	}
	changes := slices.Clone(found[everything])
	if embedded := found["GitHub"]; !slices.Equal(embedded, []string{"reader", everything}) {
		t.Errorf("bot.GitHub consists of %v: which of it changes something?", embedded)
	}
	for name, c := range changing {
		if len(found[name]) == 0 {
			t.Errorf("there is no interface %s", name)
		}
		for _, method := range found[name] {
			if !slices.Contains(c.changes, method) && !slices.Contains(c.reads, method) {
				t.Errorf("%s.%s is not classified: does it change something outside?", name, method)
			}
		}
		changes = append(changes, c.changes...)
	}
	return changes
}

// interfaces lists the methods of a file's interfaces, and the names of what they embed.
func interfaces(f *file) map[string][]string {
	out := map[string][]string{}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if i, ok := spec.Type.(*ast.InterfaceType); ok {
			for _, m := range i.Methods.List {
				if id, ok := m.Type.(*ast.Ident); ok {
					out[spec.Name.Name] = append(out[spec.Name.Name], id.Name)
				}
				for _, name := range m.Names {
					out[spec.Name.Name] = append(out[spec.Name.Name], name.Name)
				}
			}
		}
		return true
	})
	return out
}

// isEffect tells whether a literal is one of an effect.
func isEffect(l *ast.CompositeLit) bool {
	kind := l.Type
	if generic, ok := kind.(*ast.IndexExpr); ok {
		kind = generic.X
	}
	id, ok := kind.(*ast.Ident)
	return ok && slices.Contains([]string{"effect", "harmless", "onRecord"}, id.Name)
}

// checkEffect looks whether an effect says all that it must, and returns its act.
func checkEffect(t *testing.T, f *file, l *ast.CompositeLit) *ast.FuncLit {
	t.Helper()
	fields := map[string]ast.Expr{}
	for _, e := range l.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			fields[kv.Key.(*ast.Ident).Name] = kv.Value
		}
	}
	said := func(name string) bool {
		text, ok := fields[name].(*ast.BasicLit)
		return ok && len(text.Value) > len(`""`)
	}
	switch {
	case fields["why"] != nil || fields["result"] != nil: // harmless, onRecord
	case (fields["probe"] != nil) == said("blind"):
		t.Errorf("%s: an effect has a probe, or says (blind) why it may be done again without looking", f.at(l.Pos()))
	}
	if _, ok := l.Type.(*ast.Ident); ok && fields["result"] == nil && !said("why") {
		t.Errorf("%s: a harmless effect says why it is one", f.at(l.Pos()))
	}
	act, ok := fields["act"].(*ast.FuncLit)
	if !ok {
		t.Errorf("%s: the act of an effect is a function that stands there", f.at(l.Pos()))
		return nil
	}
	return act
}

// outsideCalls are the places below n where a changing method is called, or taken from a client without being called. All of
// them have arguments, which fields and methods of the same name have not; those of the store's transaction and of the queue
// have other receivers.
func outsideCalls(n ast.Node, changes []string) []*ast.SelectorExpr {
	var out []*ast.SelectorExpr
	called := map[*ast.SelectorExpr]int{}
	ast.Inspect(n, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if s, ok := call.Fun.(*ast.SelectorExpr); ok {
				called[s] = len(call.Args)
			}
		}
		s, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains(changes, s.Sel.Name) || last(s.X) == "tx" || last(s.X) == "Queue" {
			return true
		}
		if called[s] > 0 || last(s.X) == "gh" || last(s.X) == "App" {
			out = append(out, s)
		}
		return true
	})
	return out
}

// last is the last name of an expression such as s.b.App; "" for others.
func last(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// returned tells whether a call stands in a return statement that is not the last of its act: then its way ends there.
func returned(act *ast.FuncLit, call *ast.SelectorExpr) bool {
	end := act.Body.List[len(act.Body.List)-1]
	found := false
	ast.Inspect(act.Body, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok && ast.Stmt(r) != end && r.Pos() <= call.Pos() && call.End() <= r.End() {
			found = true
		}
		return true
	})
	return found
}

// TestReadersOnlyRead holds githubapp to what bot's interfaces say of it: a method that only reads sends nothing but GET, or a
// query of GraphQL.
func TestReadersOnlyRead(t *testing.T) {
	var reads []string
	writes := map[string]bool{} // methods of githubapp that send something else, themselves or by another
	calls := map[string][]string{}
	for _, f := range files(t) {
		if f.test {
			continue
		}
		if f.folder == "bot" {
			reads = append(reads, interfaces(f)["reader"]...)
		}
		if f.folder != "githubapp" {
			continue
		}
		for _, d := range f.syntax.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if s, ok := n.Fun.(*ast.SelectorExpr); ok {
						calls[fn.Name.Name] = append(calls[fn.Name.Name], s.Sel.Name)
						writes[fn.Name.Name] = writes[fn.Name.Name] || sends(n)
					}
				case *ast.Ident:
					writes[fn.Name.Name] = writes[fn.Name.Name] || strings.HasSuffix(n.Name, "Mutation")
				}
				return true
			})
		}
	}
	reads = append(reads, changing["App"].reads...)
	for again := true; again; {
		again = false
		for name, called := range calls {
			if !writes[name] && slices.ContainsFunc(called, func(c string) bool { return writes[c] }) {
				writes[name], again = true, true
			}
		}
	}
	if len(reads) < 20 || !writes["CreateTag"] || !writes["Enqueue"] || !writes["MergePull"] {
		t.Fatalf("reads %d, writes %v: these cannot be all", len(reads), writes)
	}
	for _, name := range reads {
		if writes[name] {
			t.Errorf("githubapp's %s is one of bot's reading methods, and changes something at GitHub", name)
		}
	}
}

// sends tells whether a call has the method of a changing request among its arguments; documents of GraphQL are looked at by
// their names.
func sends(call *ast.CallExpr) bool {
	method, graph := false, false
	for _, arg := range call.Args {
		switch arg := arg.(type) {
		case *ast.BasicLit:
			method = method || slices.Contains([]string{`"POST"`, `"PUT"`, `"PATCH"`, `"DELETE"`}, arg.Value)
		case *ast.SelectorExpr:
			graph = graph || arg.Sel.Name == "graphURL"
		}
	}
	return method && !graph
}
