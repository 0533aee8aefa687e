package bot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

var errCrash = errors.New("a crash")

// changing is a repository on GitHub that commands change, and notes each change that people would see.
type changing struct {
	*history
	changes []string
	tags    map[string]string
	pages   map[string]forge.Release // of releases, by tag
}

func (g *changing) changed(format string, args ...any) {
	g.changes = append(g.changes, fmt.Sprintf(format, args...))
}

func (g *changing) Commit(_ context.Context, ref string) (forge.Commit, error) {
	if sha, ok := g.Heads[ref]; ok {
		ref = sha
	}
	c := g.commits[ref]
	c.SHA, c.Time = ref, noon
	c.Tree = "files of " + ref
	return c, nil
}

func (g *changing) commit(message string, parents ...string) string {
	sha := fmt.Sprintf("%07d%s", len(g.commits), strings.Repeat("c", 33))
	g.commits[sha] = forge.Commit{SHA: sha, Parents: parents, Message: message}
	return sha
}

// Commits on no branch are nothing to anybody.
func (g *changing) CreateCommit(_ context.Context, message, _ string, parents []string) (string, error) {
	return g.commit(message, parents...), nil
}

func (g *changing) CopyCommit(_ context.Context, _, message, _ string, parents []string) (string, error) {
	return g.commit(message, parents...), nil
}

func (g *changing) CreateBranch(_ context.Context, name, sha string) error {
	if _, there := g.Heads[name]; there {
		return forge.ErrExists
	}
	g.Heads[name] = sha
	if !strings.HasPrefix(name, "sluice/") { // what a command makes for itself and takes away again
		g.changed("branch %s", name)
	}
	return nil
}

func (g *changing) CreateTag(_ context.Context, name, sha string) error {
	if _, there := g.tags[name]; there {
		return forge.ErrExists
	}
	if g.tags == nil {
		g.tags = map[string]string{}
	}
	g.tags[name] = sha
	g.changed("tag %s", name)
	return nil
}

func (g *changing) Tag(_ context.Context, name string) (forge.Tag, error) {
	if sha, there := g.tags[name]; there {
		return forge.Tag{Name: name, SHA: sha}, nil
	}
	return forge.Tag{}, forge.ErrNotFound
}

func (g *changing) CreateRelease(_ context.Context, tag, name, body string, _, _ bool) (forge.Release, error) {
	if g.pages == nil {
		g.pages = map[string]forge.Release{}
	}
	g.pages[tag] = forge.Release{ID: 1, Tag: tag, Name: name, Body: body}
	g.changed("page of %s", tag)
	return g.pages[tag], nil
}

func (g *changing) DeleteBranch(_ context.Context, name string) error {
	delete(g.Heads, name)
	return nil
}

func (g *changing) Merge(_ context.Context, base, sha, message string) (string, error) {
	g.Heads[base] = g.commit(message, sha, g.Heads[base])
	if !strings.HasPrefix(base, "sluice/") {
		g.changed("merge into %s", base)
	}
	return g.Heads[base], nil
}

func (g *changing) MergePull(ctx context.Context, number int, sha, _, message string) (string, error) {
	p := g.Pulls[number]
	if p.Head.SHA != sha {
		return "", forge.ErrMoved
	}
	p.Open, p.Merged = false, true
	p.MergeSHA, _ = g.Merge(ctx, p.Base.Branch, sha, message)
	g.Pulls[number] = p
	return p.MergeSHA, nil
}

func (g *changing) ClosePull(_ context.Context, number int) error {
	p := g.Pulls[number]
	p.Open = false
	g.Pulls[number] = p
	g.changed("closed %d", number)
	return nil
}

func (g *changing) CreatePull(_ context.Context, title, from, base, _ string) (forge.PullRequest, error) {
	p := forge.PullRequest{
		Number: 100 + len(g.Pulls), Title: title, Open: true, Author: forge.User{ID: usID, Login: "sluice[bot]", Bot: true},
		Head: forge.Side{Branch: from, SHA: g.Heads[from], RepoID: 42}, Base: forge.Side{Branch: base, SHA: g.Heads[base], RepoID: 42},
	}
	g.Pulls[p.Number] = p
	g.changed("pull request from %s into %s", from, base)
	return p, nil
}

func (g *changing) RetargetPull(_ context.Context, number int, base string) error {
	p := g.Pulls[number]
	p.Base.Branch = base
	g.Pulls[number] = p
	g.changed("base of %d", number)
	return nil
}

func (g *changing) PullsFrom(_ context.Context, from, base string) (out []forge.PullRequest, err error) {
	for _, p := range g.Pulls {
		if p.Head.Branch == from && (base == "" || p.Base.Branch == base) {
			out = append(out, p)
		}
	}
	return out, nil
}

func (g *changing) ReleaseByTag(_ context.Context, tag string) (forge.Release, error) {
	if page, there := g.pages[tag]; there {
		return page, nil
	}
	return forge.Release{}, forge.ErrNotFound
}

func (g *changing) TagRules(context.Context, string) ([]forge.Rule, error) { return nil, nil }

func (g *changing) Permissions(context.Context) (map[string]string, error) { return nil, nil }

func (g *changing) File(context.Context, string, string) ([]byte, error) {
	return nil, forge.ErrNotFound
}

// records are the rows of the database that say how things are, as text: what is looked up at GitHub, the log and the
// bookkeeping of effects and jobs are left out.
func (l *lab) records() string {
	l.t.Helper()
	db, err := sql.Open("sqlite", "file:"+l.file)
	must(l.t, err)
	defer func() { must(l.t, db.Close()) }()
	var b strings.Builder
	for _, table := range []string{
		"releases", "executions", "environments", "permits", "stops", "approvals", "emergencies", "deployments", "action_runs", "alarms",
	} {
		what := "*"
		if table == "executions" { // which is also told what is disabled now, whenever somebody looks at it
			what = "id, branch, sha, status"
		}
		b.WriteString(rowsOf(l.t, db, table, what))
	}
	return b.String()
}

// rowsOf are columns of a table, each row a line that begins with the table's name.
func rowsOf(t testing.TB, db *sql.DB, table, what string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT "+what+" FROM "+table)
	must(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	cells := make([]any, len(columns))
	for i := range cells {
		cells[i] = new(any)
	}
	var b strings.Builder
	for rows.Next() {
		must(t, rows.Scan(cells...))
		b.WriteString(table)
		for _, c := range cells {
			fmt.Fprintf(&b, " %v", *c.(*any))
		}
		b.WriteByte('\n')
	}
	must(t, rows.Err())
	return b.String()
}

// crashRow is a command that is cut off wherever it can be, and carried out again.
type crashRow struct {
	who, line string
	where     string   // a place of the matrix; "": release
	before    []string // commands that made things as they are, each with who gave it
	world     func(l *lab, g *changing)
	entries   []string // in the audit log
}

// crashTable has a row for every command that changes something.
func crashTable() []crashRow {
	return []crashRow{
		{who: "approver", line: "/approve", entries: []string{"approve"}},
		{who: "approver", line: "/approve cancel", before: []string{"approver /reject slow"}, entries: []string{"approval.withdrawn"}},
		{who: "approver", line: "/reject slow", entries: []string{"reject"}},
		{who: "write", line: "/hold look", entries: []string{"hold"}},
		{who: "maintain", line: "/unhold", before: []string{"write /hold look"}, entries: []string{"unhold"}},
		{who: "write", line: "/lock staging --reason test", entries: []string{"lock"}},
		{who: "maintain", line: "/unlock staging", before: []string{"write /lock staging --reason test"}, entries: []string{"unlock"}},
		{who: "maintain", line: "/freeze environment:production --reason audit", entries: []string{"freeze"}},
		{who: "admin", line: "/unfreeze environment:production", before: []string{"maintain /freeze environment:production --reason audit"}, entries: []string{"unfreeze"}},
		{who: "oncall", line: "/alarm production --reason slow", entries: []string{"alarm"}},
		{who: "approver", line: "/alarm clear production", before: []string{"oncall /alarm production --reason slow"}, entries: []string{"unalarm"}},
		{who: "maintain", line: "/transition disable release/Approval --reason audit", entries: []string{"transition.disabled"}},
		{who: "admin", line: "/transition enable release/Approval", before: []string{"maintain /transition disable release/Approval --reason audit"}, entries: []string{"transition.enabled"}},
		{who: "maintain", line: "/release abandon --reason over", entries: []string{"release.abandon"}},
		{who: "maintain", line: "/cancel", entries: []string{"cancel"}},
		{who: "maintain", line: "/retry", entries: []string{"retry.step"}},
		{who: "oncall", line: "/retry production", entries: []string{"retry"}},
		{who: "write", line: "/retry", where: "feature", world: noExecution, entries: []string{"start"}},
		{who: "promoter", line: "/promote", entries: []string{"promote"}},
		{who: "oncall", line: "/promote --emergency --reason down", entries: []string{"emergency"}},
		{who: "maintain", line: "/version set 1.6.0", entries: []string{"version.change"}},
		{who: "maintain", line: "/version bump patch", entries: []string{"version.change"}},
		{who: "maintain", line: "/release start 1.6.0", where: "feature", world: developed, entries: []string{"release.start"}},
		{who: "write", line: "/hotfix start 17", where: "feature", world: twoShipped, entries: []string{"hotfix.start"}},
		{who: "write", line: "/test", where: "feature", entries: []string{"test"}},
		{who: "write", line: "/test", before: []string{"approver /reject slow", "approver /approve cancel"}, entries: []string{"test"}},
		{who: "write", line: "/retest", where: "feature", before: []string{"write /cancel"}, entries: []string{"retry"}},
		{who: "write", line: "/refresh", where: "feature", world: noExecution, entries: []string{"refresh"}},
		{who: "write", line: "/ok-to-test 9999999", where: "fork", entries: []string{"ok-to-test"}},
		{who: "maintain", line: "/ok-to-test cancel", where: "fork", before: []string{"write /ok-to-test 9999999"}, entries: []string{"ok-to-test.ended"}},
		{who: "admin", line: "/override sluice/branch --reason so", where: "feature", world: misdirected, entries: []string{"override"}},
		{who: "maintain", line: "/override condition --reason so", where: "feature", world: conditionFailed, entries: []string{"override.condition"}},
		{who: "maintain", line: "/cancel --abandon", entries: []string{"cancel"}},
		{who: "write", line: "/retarget", where: "feature", world: misdirected, entries: []string{"retarget"}},
		{who: "write", line: "/backmerge", world: ahead, entries: []string{"backmerge"}},
		{who: "write", line: "/cherrypick release/1.4.0", where: "feature", world: mergedFeature, entries: []string{"cherrypick"}},
		{who: "maintain", line: "/rollback production --reason broken", world: twoShipped, entries: []string{"rollback"}},
		{who: "oncall", line: "/cancel production", world: twoShipped, before: []string{"maintain /rollback production --reason broken"}, entries: []string{"cancel"}},
		{who: "maintain", line: "/unpin production", world: twoShipped, before: []string{"oncall /rollback production --reason broken"}, entries: []string{"unpin"}},
	}
}

// Every command that changes something has a row.
func TestCrashTableIsComplete(t *testing.T) {
	have := map[string]bool{}
	for _, row := range crashTable() {
		c, wrong, ours := parseLine(row.line, "", false)
		if wrong != nil || !ours {
			t.Fatalf("%s: %v", row.line, wrong)
		}
		have[c.Name] = true
	}
	for _, spec := range commandTable {
		if spec.changes && !have[spec.name] {
			t.Errorf("/%s has no row in crashTable: what is left of it when the server dies in the middle?", spec.name)
		}
	}
}

// Wherever a command is cut off, whatever it has changed by then is in the audit log with who gave it; carried out again it ends
// as it should, and is in the log once.
func TestCommandsCrashAnswerable(t *testing.T) {
	for _, row := range crashTable() {
		t.Run(strings.Join([]string{row.line, row.where}, " "), func(t *testing.T) {
			t.Parallel()
			points := 0
			for more := true; more; points++ {
				more = row.crashesAt(t, points+1)
			}
			t.Logf("%d crashes", points)
		})
	}
}

// crashesAt cuts a command off at a point where something outside is about to be done or was done, by its number, and where there are no more
// of them at its end; more is false then.
func (row crashRow) crashesAt(t *testing.T, point int) (more bool) {
	t.Helper()
	l, g := row.lab(t)
	before, said, reached, place := l.records(), len(l.entriesOf(row.who)), 0, "its end"
	l.b.Failpoint = func(at, key string) {
		if reached++; reached == point {
			place = at + " of " + key
			panic(errCrash)
		}
	}
	func() {
		defer func() {
			cut := recover()
			if err, ok := cut.(error); ok && errors.Is(err, errCrash) {
				more = true
			} else if cut != nil {
				panic(cut)
			}
		}()
		if reply, _, err := row.give(l, comment{100, row.who, row.line}, errCrash); !errors.Is(err, errCrash) {
			t.Fatalf("%s did not come to its end: %q, %v", row.line, reply, err)
		}
	}()
	l.b.Failpoint = nil
	left := l.entriesOf(row.who)[said:]
	if now := l.records(); (now != before || len(g.changes) > 0) && !slices.Equal(left, row.entries) {
		t.Errorf("a crash at %s leaves the entries %q, and the changes %q and (-before +after)\n%s", place, left, g.changes, cmp.Diff(strings.Split(before, "\n"), strings.Split(now, "\n")))
	}
	if reply, ok, err := row.give(l, comment{100, row.who, row.line}, nil); err != nil || !ok {
		t.Errorf("after a crash at %s it ends with %t %q, %v", place, ok, reply, err)
	}
	if diff := cmp.Diff(row.entries, l.entriesOf(row.who)[said:]); diff != "" {
		t.Errorf("after a crash at %s, done again: entries (-want +got):\n%s", place, diff)
	}
	return more
}

// lab is the world in which the command is given.
func (row crashRow) lab(t *testing.T) (*lab, *changing) {
	t.Helper()
	place := row.where
	if place == "" {
		place = "release"
	}
	l := matrixLab(t, place)
	g := &changing{history: &history{FakeGitHub: l.gh, commits: map[string]forge.Commit{}}}
	for _, c := range l.gh.Comparisons {
		for _, c := range c.Commits {
			g.commits[c.SHA] = c
		}
	}
	feature := matrixPlaces["feature"].sha
	g.commits[feature] = forge.Commit{SHA: feature, Parents: []string{cut}, Author: l.gh.Users["author"], Message: "feat: pears"}
	l.session.gh = g
	if row.world != nil {
		row.world(l, g)
	}
	for i, line := range row.before {
		who, line, _ := strings.Cut(line, " ")
		if reply, ok, err := row.give(l, comment{int64(i + 1), who, line}, nil); err != nil || !ok {
			t.Fatalf("%s: %s, %v", line, reply, err)
		}
	}
	g.changes = nil
	return l, g
}

// comment is a line that somebody wrote.
type comment struct {
	id        int64
	who, line string
}

// give gives a command as a comment does, in a handling of its own.
func (row crashRow) give(l *lab, said comment, end error) (reply string, ok bool, err error) {
	l.t.Helper()
	c, wrong, ours := parseLine(said.line, "", false)
	if wrong != nil || !ours {
		l.t.Fatalf("%s: %v", said.line, wrong)
	}
	issue := matrixPlaces["release"].number
	if row.where != "" {
		issue = matrixPlaces[row.where].number
	}
	q := &request{
		Command: c, by: l.gh.Users[said.who], issue: issue, pull: true, via: "comment", comment: said.id, done: func(*store.Tx) error { return end },
	}
	return newSession(l).carry(l.t.Context(), q)
}

// noExecution forgets the pipeline of the feature: it was there before Sluice was.
func noExecution(l *lab, _ *changing) {
	l.write(func(tx *store.Tx) error {
		x, err := tx.Execution(l.t.Context(), "x8")
		if err != nil {
			return err
		}
		x.Branch = "feature/gone"
		return tx.SaveExecution(l.t.Context(), &x)
	})
}

// conditionFailed has a condition fail the feature's pipeline.
func conditionFailed(l *lab, _ *changing) {
	l.write(func(tx *store.Tx) error {
		x := l.unmet(store.Execution{ID: "x9", Branch: "feature/x", SHA: matrixPlaces["feature"].sha}, unmetStages(pipeline.UsesDeploy, "staging"))
		return tx.CreateExecution(l.t.Context(), &x)
	})
}

// developed has no open release, and a commit of development that none had.
func developed(l *lab, g *changing) {
	g.Heads["development"] = g.commit("feat: plums", cut)
	l.write(func(tx *store.Tx) error {
		r, err := tx.Release(l.t.Context(), "r1")
		if err != nil {
			return err
		}
		r.Status, r.Finished = store.ReleaseAbandoned, true
		return tx.SaveRelease(l.t.Context(), r)
	})
}

// ahead gives production a commit that development lacks.
func ahead(_ *lab, g *changing) { g.Heads["master"] = g.commit("fix: by hand", cut) }

// misdirected has the feature's pull request go into production.
func misdirected(l *lab, _ *changing) {
	p := l.gh.Pulls[8]
	p.Base.Branch = "master"
	l.gh.Pulls[8] = p
	must(l.t, newSession(l).judge(l.t.Context(), p))
}

// mergedFeature has the feature merged into development.
func mergedFeature(l *lab, g *changing) {
	p := l.gh.Pulls[8]
	p.Open, p.Merged, p.MergeSHA = false, true, g.commit("Merge", cut, p.Head.SHA)
	l.gh.Pulls[8], g.Heads["development"] = p, p.MergeSHA
}

// twoShipped has two releases that were deployed to production.
func twoShipped(l *lab, _ *changing) {
	l.b.Images = FakeImages{"prod.test/shop:1.2.0": "sha256:1.2.0", "prod.test/shop:1.3.0": "sha256:1.3.0"}
	for _, version := range []string{"1.2.0", "1.3.0"} {
		l.write(func(tx *store.Tx) error {
			if _, err := tx.SaveTag(l.t.Context(), store.Tag{RepoID: 42, Name: "v" + version, SHA: cut}); err != nil {
				return err
			}
			return tx.SaveRelease(l.t.Context(), store.Release{
				ID: "r" + version, RepoID: 42, Kind: pipeline.KindRelease, Version: version, Tag: "v" + version, SHA: cut, Status: store.ReleaseReleased, Finished: true,
			})
		})
	}
	l.shipped("1.2.0", "1.3.0")
}
