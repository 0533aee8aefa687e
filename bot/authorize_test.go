package bot

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/forge"
)

const namedKeepers = `version: 1
environments:
  production:
    approve: { teams: [qa], users: [uma] }
    promote: { teams: [rm], users: [uma] }
    emergency: { users: [Uma] }
`

// constants reads the string constants of the package whose names begin with a prefix, from its source: a new one cannot
// be forgotten in a list.
func constants(t *testing.T, prefix string) map[string]string {
	t.Helper()
	return constantsOf(t, ".", prefix)
}

func constantsOf(t *testing.T, folder, prefix string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	must(t, err)
	out := map[string]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		must(t, err)
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				for i, n := range v.Names {
					if !strings.HasPrefix(n.Name, prefix) || i >= len(v.Values) {
						continue
					}
					if lit, ok := v.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						out[n.Name], err = strconv.Unquote(lit.Value)
						must(t, err)
					}
				}
			}
		}
	}
	if len(out) == 0 {
		t.Fatalf("no constants begin with %s", prefix)
	}
	return out
}

// Every way in leads to a door, and every door has a row.
func TestDoorsAreComplete(t *testing.T) {
	l := newLab(t, "")
	for name, value := range constants(t, "Door") {
		if _, ok := doors[Door(value)]; !ok {
			t.Errorf("%s has no row", name)
		}
		if Door(value).who() == "" {
			t.Errorf("%s: nobody is named who may", name)
		}
	}
	handlers := l.handlers()
	for _, spec := range commandTable {
		if _, ok := doors[spec.door]; !ok {
			t.Errorf("/%s: door %q has no row", spec.name, spec.door)
		}
		if handlers[spec.name] == nil {
			t.Errorf("/%s: nothing carries it out", spec.name)
		}
		if spec.changes && spec.door == DoorRead {
			t.Errorf("/%s changes something, and anyone may", spec.name)
		}
		if _, err := l.authorize(t.Context(), ask{door: spec.door}); err != nil {
			t.Errorf("/%s: %v", spec.name, err)
		}
	}
	if len(handlers) != len(commandTable) {
		t.Errorf("%d handlers for %d commands", len(handlers), len(commandTable))
	}
	identifiers := constants(t, "button")
	for name, identifier := range identifiers {
		c, _ := pressed(identifier)
		if spec, _ := lookup(strings.Fields(c.Name)); spec == nil || len(offered(identifier)) != 1 {
			t.Errorf("%s is %d buttons, want one that stands for a command", name, len(offered(identifier)))
		}
	}
	if len(Buttons()) != len(identifiers) {
		t.Errorf("%d buttons for %d identifiers", len(Buttons()), len(identifiers))
	}
	if _, err := l.authorize(t.Context(), ask{door: "side entrance", who: person(1, "ann")}); err == nil {
		t.Error("a door without a row was passed")
	}
}

// The whole matrix: every door, whoever asks, with every role. A letter stands for a role that passes: none, read, triage,
// write, maintain, admin.
func TestAuthorize(t *testing.T) {
	roles := []forge.Role{forge.RoleNone, forge.RoleRead, forge.RoleTriage, forge.RoleWrite, forge.RoleMaintain, forge.RoleAdmin}
	askers := []struct {
		name    string
		who     forge.User
		starter bool
	}{
		{"somebody", person(1, "ann"), false},
		{"the starter", person(1, "ann"), true},
		{"the author", person(6, "amy"), false},
		{"in team qa", person(2, "quinn"), false},
		{"in team rm", person(3, "rita"), false},
		{"named", person(4, "Uma"), false},
		{"a bot", forge.User{ID: 5, Login: "robot[bot]", Bot: true}, false},
		{"nobody", forge.User{}, false},
	}
	values, all := constants(t, "Door"), askers
	var b strings.Builder
	for _, settings := range []struct{ name, yaml string }{{"zero configuration", ""}, {"teams and users", namedKeepers}} {
		l := newLab(t, settings.yaml)
		l.gh.Teams = map[string][]string{"qa": {"quinn"}, "rm": {"rita"}}
		for _, release := range []bool{false, true} {
			fmt.Fprintf(&b, "# %s; a release is concerned: %t\n", settings.name, release)
			for _, door := range slices.Sorted(maps.Values(values)) {
				door := Door(door)
				askers := all
				if doors[door].production != "" { // who passes where it leads to production, in the next lines
					askers = slices.Concat(askers, askers)
				}
				for n, asker := range askers {
					production := n >= len(askers)/2 && doors[door].production != ""
					label := string(door)
					if production {
						label += " (production)"
					}
					fmt.Fprintf(&b, "%-16s %-12s ", label, asker.name)
					for i, role := range roles {
						l.gh.Roles = map[string]forge.Role{asker.who.Login: role}
						a := ask{door: door, who: asker.who, environment: "production", release: release, starter: person(9, "zoe"), author: person(6, "amy"), production: production}
						if asker.starter {
							a.starter = asker.who
						}
						no, err := l.authorize(t.Context(), a)
						must(t, err)
						if no == nil {
							b.WriteByte("nrtwma"[i])
						} else {
							b.WriteByte('.')
							if no.Why == "" {
								t.Errorf("%s, %s: refused without a reason", door, asker.name)
							}
						}
					}
					b.WriteByte('\n')
				}
			}
		}
	}
	golden(t, "authorize.golden", b.String())
}

// Whoever cannot be asked about does not pass.
func TestAuthorizeFailsClosed(t *testing.T) {
	for _, yaml := range []string{"", namedKeepers} {
		l := newLab(t, yaml)
		l.gh.Roles = map[string]forge.Role{"ann": forge.RoleAdmin, "uma": forge.RoleAdmin}
		l.gh.Err = errors.New("GitHub is ill")
		for _, who := range []forge.User{person(1, "ann"), person(4, "uma")} {
			if no, err := l.authorize(t.Context(), ask{door: DoorApprove, who: who, environment: "production"}); err == nil && no == nil {
				t.Errorf("%s passed while GitHub said nothing", who.Login)
			}
		}
	}
}

// A second pull request of a release's branch is no way round the rights of the release.
func TestSideEntrances(t *testing.T) {
	l := newLab(t, "")
	l.gh.Roles = map[string]forge.Role{"dev": forge.RoleWrite, "rm": forge.RoleMaintain}
	for name, c := range map[string]struct {
		request request
		door    Door
		pass    bool
	}{
		"one's own feature": {request{by: person(1, "dev"), pr: pullOf("feature/x", 42)}, DoorCancel, true},
		"a release's branch, its pull request being another": {request{by: person(1, "dev"), pr: pullOf("release/1.4.0", 42)}, DoorCancel, false},
		"the same, to try it again":                          {request{by: person(1, "dev"), pr: pullOf("release/1.4.0", 42)}, DoorRetry, false},
		"a hotfix's branch before it has a pull request":     {request{by: person(1, "dev"), pr: pullOf("hotfix/17", 0)}, DoorCancel, false},
		"a release manager there":                            {request{by: person(2, "rm"), pr: pullOf("release/1.4.0", 42)}, DoorCancel, true},
		"a fork's branch that only has the name":             {request{by: person(1, "dev"), pr: pullOf("release/1.4.0", 99)}, DoorRetry, true},
	} {
		t.Run(name, func(t *testing.T) {
			no, err := l.mayPass(t.Context(), &c.request, c.door)
			if pass := no == nil; pass != c.pass || err != nil {
				t.Errorf("%v, %v, want pass %t", no, err, c.pass)
			}
		})
	}
	if l.ownHead(pullOf("release/1.4.0", 99)) {
		t.Error("a fork's branch is taken for ours")
	}
	l.repo.Observe = true
	if no, err := l.mayPass(t.Context(), &request{by: person(2, "rm")}, DoorReleaseStart); no == nil || err != nil {
		t.Error("something was started while observing")
	}
}
