package bot

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

const matrixConfig = `version: 1
environments:
  development: { approve: {} }
  production:
    approve: { teams: [qa] }
    promote: { teams: [rm] }
    emergency: { users: [oncall] }
`

// matrixPeople are those of the table, in the order in which they are tried. The starter and the author have the numbers of
// those who started the candidate of the lab and pushed to it.
func matrixPeople() []forge.User {
	names := []string{"starter", "author", "none", "read", "triage", "write", "maintain", "admin", "approver", "promoter", "oncall", "bot", "fork"}
	out := make([]forge.User, len(names))
	for i, name := range names {
		out[i] = person(int64(i+1), name)
		if i > 1 {
			out[i].ID += 20
		}
		out[i].Bot = name == "bot"
	}
	return out
}

// matrixPlaces are the pull requests of the places, their heads, and who opened them; or the execution on whose page something
// is said, and its commit; or the token with which it is.
var matrixPlaces = map[string]struct { //nolint:gochecknoglobals // a constant
	number                        int
	sha, author, execution, token string
}{
	"release":   {number: 5, sha: head, author: "sluice[bot]"},
	"component": {number: 5, sha: head, author: "sluice[bot]"},
	"feature":   {number: 8, sha: strings.Repeat("8", 40), author: "author"},
	"fork":      {number: 9, sha: strings.Repeat("9", 40), author: "fork"},
	"rollback":  {sha: strings.Repeat("7", 40), execution: "x7"},

	"act-token":     {number: 5, token: "act"},
	"read-token":    {number: 5, token: "read"},
	"alarm-token":   {number: 5, token: "alarms"},
	"revoked-token": {number: 5, token: "revoked"},
	"expired-token": {number: 5, token: "expired"},
	"lent-token":    {number: 5, token: "lent"},
}

// tokenOf makes somebody's token of a kind.
func (l *lab) tokenOf(kind string, who forge.User) string {
	l.t.Helper()
	t := store.AccessToken{ID: store.NewID(), Name: kind, Owner: who, Scope: store.ScopeAct, SecretHash: []byte(store.NewID()), CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
	switch kind {
	case "revoked":
		t.RevokedAt = noon
	case "expired":
		t.ExpiresAt = noon
	case "lent":
		t.Owner = l.gh.Users["admin"]
		if who.Login == "admin" {
			t.Owner = l.gh.Users["maintain"]
		}
	default:
		t.Scope = store.AccessScope(kind)
	}
	l.write(func(tx *store.Tx) error { return tx.CreateAccessToken(l.t.Context(), t) })
	return t.ID
}

// rolledBack writes down a rollback of production that failed, to a commit that no pull request has.
func (l *lab) rolledBack() {
	l.t.Helper()
	at := matrixPlaces["rollback"]
	def := pipeline.Definition{Kind: pipeline.KindProduction, Stages: []pipeline.Stage{
		{Name: "Deploy", Actions: []pipeline.Action{{Name: "production", Uses: pipeline.UsesDeploy, Environment: "production", Deploys: true}}},
	}}
	state, _ := pipeline.Start(pipeline.Input{ID: at.execution, Definition: def, SHA: at.sha}, noon)
	x := l.told(store.Execution{
		ID: at.execution, RepoID: 42, Kind: pipeline.KindProduction, Branch: "master", SHA: at.sha, Origin: "rollback comment 1:1", State: state, CreatedAt: noon,
	}, pipeline.ActionSettled{At: noon, ID: pipeline.ActionID(at.execution, 1, 1, 1), Status: pipeline.Failed})
	l.write(func(tx *store.Tx) error {
		if err := tx.CreateExecution(l.t.Context(), &x); err != nil {
			return err
		}
		env, err := tx.Environment(l.t.Context(), 42, "production")
		if err != nil {
			return err
		}
		env.ReturnBy = x.ID
		return tx.SaveEnvironment(l.t.Context(), env)
	})
}

// madeOfComponent makes the lab's release one of a component.
func (l *lab) madeOfComponent(r *store.Release, x *store.Execution, component string) {
	l.t.Helper()
	r.Component, r.Branch = component, "release/"+component+"/1.4.0"
	x.Component, x.Branch = component, r.Branch
	l.write(func(tx *store.Tx) error {
		if err := tx.SaveExecution(l.t.Context(), x); err != nil {
			return err
		}
		push := store.Push{RepoID: 42, Branch: r.Branch, Before: cut, SHA: head, Pusher: l.gh.Users["dev"], At: noon}
		if err := tx.AddPush(l.t.Context(), push); err != nil {
			return err
		}
		return tx.SaveRelease(l.t.Context(), *r)
	})
}

// matrixLab is the lab with the places and people of the table, as one of the places has it.
func matrixLab(t *testing.T, place string) *lab {
	t.Helper()
	yaml := matrixConfig
	if place == "component" {
		yaml += "components: [{ name: api, paths: [\"api/**\"] }, { name: web, paths: [\"web/**\"] }]\n"
	}
	l, r, candidate := candidate(t, yaml)
	if place == "component" {
		l.madeOfComponent(r, candidate, "api")
	}
	l.world(r)
	l.rolledBack()
	l.gh.Roles, l.gh.Users = map[string]forge.Role{}, map[string]forge.User{}
	for _, u := range matrixPeople() {
		l.gh.Users[u.Login] = u
		switch u.Login {
		case "none", "fork":
		case "read", "triage", "write", "maintain", "admin":
			l.gh.Roles[u.Login] = forge.Role(u.Login)
		case "starter", "author":
			l.gh.Roles[u.Login] = forge.RoleWrite
		case "bot":
			l.gh.Roles[u.Login] = forge.RoleAdmin
		default:
			l.gh.Roles[u.Login] = forge.RoleRead
		}
	}
	l.gh.Teams = map[string][]string{"qa": {"approver", "starter", "author"}, "rm": {"promoter"}}
	feature := matrixPlaces["feature"]
	def := pipeline.Definition{Kind: pipeline.KindFeature, Stages: []pipeline.Stage{
		{Name: "Approval", Actions: []pipeline.Action{{Name: "approval", Uses: pipeline.UsesApproval, Environment: "development"}}},
	}}
	state, _ := pipeline.Start(pipeline.Input{ID: "x8", Definition: def, SHA: feature.sha, ConfigHash: l.cfg.ApprovalHash("feature")}, noon)
	x := store.Execution{
		ID: "x8", RepoID: 42, Kind: pipeline.KindFeature, Branch: "feature/x", SHA: feature.sha, State: state, Status: state.Status,
		ConfigHash: state.ConfigHash, StartedBy: l.gh.Users["author"], CreatedAt: noon,
	}
	l.gh.Heads["feature/x"] = feature.sha
	l.gh.Comparisons[cut+"..."+feature.sha] = forge.Comparison{AheadBy: 1, Commits: []forge.Commit{{SHA: feature.sha, Author: l.gh.Users["author"], Message: "x"}}}
	for place, repo := range map[string]int64{"feature": 42, "fork": 99} {
		at := matrixPlaces[place]
		l.gh.Pulls[at.number] = forge.PullRequest{
			Number: at.number, Open: true, Head: forge.Side{Branch: "feature/x", SHA: at.sha, RepoID: repo}, Base: forge.Side{Branch: "development", SHA: cut, RepoID: 42},
		}
	}
	l.write(func(tx *store.Tx) error {
		if err := tx.CreateExecution(t.Context(), &x); err != nil {
			return err
		}
		for _, p := range []store.Pull{
			{Number: 5, HeadBranch: r.Branch, HeadSHA: head, HeadRepoID: 42, BaseBranch: "master", Author: forge.User{ID: usID, Login: "sluice[bot]", Bot: true}},
			{Number: 8, HeadBranch: "feature/x", HeadSHA: feature.sha, HeadRepoID: 42, BaseBranch: "development", Author: l.gh.Users["author"]},
			{Number: 9, HeadBranch: "feature/x", HeadSHA: matrixPlaces["fork"].sha, HeadRepoID: 99, BaseBranch: "development", Author: l.gh.Users["fork"]},
		} {
			p.RepoID, p.Open = 42, true
			if err := tx.SavePull(t.Context(), p); err != nil {
				return err
			}
		}
		return nil
	})
	return l
}

// refusals counts what the audit log says was refused for want of a right.
func (l *lab) refusals() (n int) {
	l.t.Helper()
	must(l.t, l.b.Store.Read(l.t.Context(), func(tx *store.Tx) error {
		all, err := tx.AuditLog(l.t.Context(), 42, 0, 500)
		for _, e := range all {
			if e.Action == "refused" {
				n++
			}
		}
		return err
	}))
	return n
}

// passes tells whether somebody got through. What the lab's GitHub does not expect to be asked panics: by then they are
// through. Whoever was not refused has been asked about at GitHub, or opened the pull request themselves: else the door was
// never reached.
func (l *lab) passes(own bool, try func() error) (passed bool) {
	refusals, asked := l.refusals(), l.gh.Asked
	defer func() {
		_ = recover()
		passed = l.refusals() == refusals
		if passed && !own && l.gh.Asked == asked {
			l.t.Error("nobody asked at GitHub what they may")
		}
	}()
	_ = try() // what is refused for another reason is a matter of other tests
	return
}

// tries does what a line of the table says, in every way in which it can be done, and returns the ways that differ from
// what is expected.
func (l *lab) tries(place, what string, who forge.User, want bool) (wrong []string) {
	l.t.Helper()
	at := matrixPlaces[place]
	ctx := l.t.Context()
	nothing := func(*store.Tx) error { return nil }
	way := func(name string, try func() error) {
		asked := l.gh.Asked
		passed := l.passes(at.author == who.Login || at.token != "", try)
		if at.token != "" { // whom a token does not let in, nobody asks GitHub about
			passed = passed && l.gh.Asked > asked
		}
		if passed != want {
			wrong = append(wrong, name)
		}
	}
	kind, name, _ := strings.Cut(what, " ")
	switch {
	case strings.HasPrefix(what, "/"):
		if spec, _ := lookup(strings.Fields(what[1:])); spec.changes {
			what += " --dry-run"
		}
		c, bad, ours := parseLine(what, "", false)
		if bad != nil || !ours {
			l.t.Fatalf("%s: %v", what, bad)
		}
		if at.token == "" {
			way("comment", func() error {
				q := &request{Command: c, by: who, issue: at.number, pull: at.number != 0, via: "comment", done: nothing}
				_, _, err := newSession(l).carry(ctx, q)
				return err
			})
		}
		way("page or API", func() error {
			o := store.Operation{
				ID: store.NewID(), RepoID: 42, By: who, Command: what, Pull: at.number, ExecutionID: at.execution, Via: "api",
				Status: store.OperationWaiting, CreatedAt: noon,
			}
			if at.token != "" {
				o.TokenID = l.tokenOf(at.token, who)
			}
			if err := l.b.Store.Write(ctx, func(tx *store.Tx) error { _, err := tx.CreateOperation(ctx, o); return err }); err != nil {
				return err
			}
			return newSession(l).operate(ctx, o.ID)
		})
	case kind == "button":
		way("button", func() error {
			return newSession(l).buttonPressed(ctx, event.CheckAction{
				Origin: event.Origin{Sender: who}, CheckRunID: 1, AppID: appID, SHA: at.sha, ExternalID: at.sha + " sluice/promotion", Identifier: name,
			})
		})
	case kind == "rerun":
		check := map[string]string{"check": CheckBranch, "all": ""}[name]
		l.write(func(tx *store.Tx) error {
			return tx.SaveCheck(ctx, store.Check{RepoID: 42, SHA: at.sha, Name: CheckBranch, RunID: 1, Hash: "said"})
		})
		press := event.CheckRerequested{Origin: event.Origin{Sender: who}, SHA: at.sha, Name: check, AppID: appID, Press: store.NewID()}
		l.passes(true, func() error { return newSession(l).rerun(ctx, press) })
		var now store.Check
		l.write(func(tx *store.Tx) (err error) {
			now, err = tx.Check(ctx, 42, at.sha, CheckBranch)
			return err
		})
		if (now.Hash != "said") != want {
			wrong = append(wrong, "re-run")
		}
	default:
		l.t.Fatalf("%q is neither a command nor a button", what)
	}
	return wrong
}

// matrixRow is one line of the table.
type matrixRow struct {
	places []string
	what   string
	who    []string
}

func readMatrix(t *testing.T) []matrixRow {
	t.Helper()
	text, err := os.ReadFile("testdata/authorization.txt")
	must(t, err)
	var names []string
	for _, u := range matrixPeople() {
		names = append(names, u.Login)
	}
	var out []matrixRow
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		cells := strings.Split(line, "|")
		if len(cells) != 3 {
			t.Fatalf("%q: want where | what | who", line)
		}
		row := matrixRow{strings.Fields(cells[0]), strings.TrimSpace(cells[1]), strings.Fields(cells[2])}
		for _, name := range row.who {
			if !slices.Contains(names, name) {
				t.Fatalf("%q: who is %s?", line, name)
			}
		}
		out = append(out, row)
	}
	return out
}

// Every command that is not for everybody, with each switch that has a door of its own, has an entry for every place, every
// button and every re-run for every place that has checks; and no door is without any of them.
func TestAuthorizationIsWrittenDown(t *testing.T) {
	have := map[string]bool{}
	for _, row := range readMatrix(t) {
		entry := row.what
		if strings.HasPrefix(row.what, "/") {
			c, wrong, ours := parseLine(row.what, "", false)
			if wrong != nil || !ours {
				t.Errorf("%s: %v", row.what, wrong)
				continue
			}
			spec, _ := lookup(strings.Fields(c.Name))
			entry = "/" + c.Name
			for name := range spec.doors {
				if c.Flags[name] != "" {
					entry += " --" + name
				}
			}
		}
		for _, place := range row.places {
			if key := place + " " + row.what; have[key] {
				t.Errorf("there are two entries for %s", key)
			}
			have[place+" "+row.what], have[place+" "+entry] = true, true
		}
	}
	need := func(what string, places []string) {
		for _, place := range places {
			if !have[place+" "+what] {
				t.Errorf("testdata/authorization.txt has no entry for %s on a %s: write down who may", what, place)
			}
		}
	}
	anywhere := slices.Sorted(maps.Keys(matrixPlaces))
	onChecks := slices.DeleteFunc(slices.Clone(anywhere), func(place string) bool { return matrixPlaces[place].sha == "" })
	reached := map[Door]bool{DoorRead: true, DoorRecheck: true}
	for _, spec := range commandTable {
		if spec.door == DoorRead {
			continue
		}
		reached[spec.door] = true
		need("/"+spec.name, anywhere)
		for name, door := range spec.doors {
			reached[door] = true
			need("/"+spec.name+" --"+name, anywhere)
		}
	}
	for _, identifier := range constants(t, "button") {
		need("button "+identifier, onChecks)
	}
	need("rerun check", onChecks)
	need("rerun all", onChecks)
	kinds := map[string]bool{}
	for _, place := range matrixPlaces {
		kinds[place.token] = true
	}
	for name, scope := range constantsOf(t, "../store", "Scope") {
		if !kinds[scope] {
			t.Errorf("there is no place with a token of store.%s", name)
		}
	}
	for door := range doors {
		if !reached[door] {
			t.Errorf("no command, button or re-run leads through the door %s: it is not tried", door)
		}
	}
}

// The matrix: everybody tries everything, everywhere, in every way, and gets as far as the table says.
func TestAuthorizationMatrix(t *testing.T) {
	for _, row := range readMatrix(t) {
		for _, place := range row.places {
			t.Run(place+" "+row.what, func(t *testing.T) {
				t.Parallel()
				var l *lab
				var got, ways []string
				for _, u := range matrixPeople() {
					if l == nil {
						l = matrixLab(t, place)
					}
					through := slices.Contains(row.who, u.Login)
					if wrong := l.tries(place, row.what, u, through); len(wrong) > 0 {
						through, ways = !through, append(ways, wrong...)
					}
					if through {
						got = append(got, u.Login)
						if !strings.HasPrefix(row.what, "/") { // it was not dry, and left something behind
							l = nil
						}
					}
				}
				slices.Sort(got)
				want := slices.Sorted(slices.Values(row.who))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("who gets through (-table +tried), by %v:\n%s", ways, diff)
				}
			})
		}
	}
}
