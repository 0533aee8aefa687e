package bot

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/internal/pgtest"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(program{m}) }

// program stops the Postgres server of the benchmarks before leaks are looked for.
type program struct{ m *testing.M }

func (p program) Run() int { return pgtest.Main(p.m) }

// emptyDatabase is the file of a database that nothing was written to. Making one takes longer than most tests.
var emptyDatabase = sync.OnceValues(func() ([]byte, error) { //nolint:gochecknoglobals // made once
	folder, err := os.MkdirTemp("", "sluice-bot")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "sluice.db")
	st, err := store.Open(context.Background(), "sqlite:"+path, store.Options{})
	if err != nil {
		return nil, err
	}
	if err := st.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// FakeGitHub is a repository on GitHub as a test writes it down. What a test does not expect to be asked panics.
type FakeGitHub struct {
	GitHub

	Roles       map[string]forge.Role // by login
	Teams       map[string][]string   // logins by team
	Users       map[string]forge.User
	Heads       map[string]string // by branch
	Pulls       map[int]forge.PullRequest
	Merged      []forge.PullRequest // into any branch
	MergedCut   bool                // there may be more
	Comparisons map[string]forge.Comparison
	Commits     map[string][]forge.Commit // of whole histories, by head
	Histories   int                       // how often one was asked for
	Touching    map[string][]string       // commits by the folder that they touch; of one that is not here not all are listed
	Runs        []forge.CheckRun
	Reviewed    []forge.Review                 // of any pull request
	Edited      map[string]time.Time           // reviews that were edited, by node
	Brought     []forge.PullRequest            // any commit
	Since       map[string]forge.Move          // by branch@sha: how it came there
	BroughtBy   map[string][]forge.PullRequest // by commit
	CoWrote     map[string]forge.Authors       // by commit
	Said        []forge.Comment
	TagAt       map[string]string             // commits by tag
	Deployed    []forge.Deployment            // of any environment; succeeded unless their state says something else
	Everywhere  []forge.Comment               // on issues and pull requests
	Files       []string                      // of any pull request
	Contents    map[string]string             // of files, at any commit
	Err         error                         // of every question about rights
	Queue       map[string][]forge.QueueEntry // by branch
	Private     bool                          // the repository

	// QueueAsked is how often a merge queue was read.
	QueueAsked int

	// Asked is how many questions about rights there were.
	Asked int
	// LookedUp are the logins of which it was asked whose they are.
	LookedUp []string
	// Listed is of how many commits it was asked which pull requests brought them, or who wrote them.
	Listed int
	// Saved are the check runs written, Reactions those of comments.
	Saved     []forge.CheckRun
	Reactions []string
}

func (g *FakeGitHub) Role(_ context.Context, login string) (forge.Role, error) {
	g.Asked++
	r, ok := g.Roles[login]
	if !ok && g.Err == nil {
		return forge.RoleNone, fmt.Errorf("collaborator %s: %w", login, forge.ErrNotFound)
	}
	return r, g.Err
}

func (g *FakeGitHub) TeamMember(_ context.Context, team, login string) (bool, error) {
	g.Asked++
	return slices.Contains(g.Teams[team], login), g.Err
}

func (g *FakeGitHub) TeamMembers(_ context.Context, team string) ([]forge.User, error) {
	var out []forge.User
	for _, login := range g.Teams[team] {
		out = append(out, g.Users[login])
	}
	return out, g.Err
}

func (g *FakeGitHub) Collaborators(_ context.Context, role forge.Role) ([]forge.User, error) {
	var out []forge.User
	for login, have := range g.Roles {
		if have.AtLeast(role) {
			out = append(out, g.Users[login])
		}
	}
	return out, g.Err
}

func (g *FakeGitHub) UserByLogin(_ context.Context, login string) (forge.User, error) {
	g.LookedUp = append(g.LookedUp, login)
	u, ok := g.Users[login]
	if !ok {
		return u, forge.ErrNotFound
	}
	return u, nil
}

func (g *FakeGitHub) Info(context.Context) (forge.Repo, error) {
	return forge.Repo{ID: 42, Owner: "acme", Name: "shop", DefaultBranch: "master", MergeCommits: true, Private: g.Private}, nil
}

func (g *FakeGitHub) QueueEntries(_ context.Context, branch string) ([]forge.QueueEntry, error) {
	g.QueueAsked++
	return g.Queue[branch], nil
}

func (g *FakeGitHub) Rules(context.Context, string) ([]forge.Rule, error) { return nil, nil }

func (g *FakeGitHub) Statuses(context.Context, string) ([]forge.CommitStatus, error) { return nil, nil }

func (g *FakeGitHub) Tag(_ context.Context, name string) (forge.Tag, error) {
	if sha := g.TagAt[name]; sha != "" {
		return forge.Tag{Name: name, SHA: sha}, nil
	}
	return forge.Tag{}, forge.ErrNotFound
}

func (g *FakeGitHub) Deployments(context.Context, string, string) ([]forge.Deployment, error) {
	return g.Deployed, nil
}

func (g *FakeGitHub) DeploymentState(_ context.Context, id int64) (forge.DeploymentState, error) {
	for _, d := range g.Deployed {
		if d.ID == id && d.State != "" {
			return d.State, nil
		}
	}
	return forge.DeploymentSucceeded, nil
}

func (g *FakeGitHub) UserByID(_ context.Context, id int64) (forge.User, error) {
	for _, u := range g.Users {
		if u.ID == id {
			return u, g.Err
		}
	}
	return forge.User{}, forge.ErrNotFound
}

func (g *FakeGitHub) Reviews(context.Context, int) ([]forge.Review, error) { return g.Reviewed, nil }

func (g *FakeGitHub) HeadSince(_ context.Context, branch, sha string) (forge.Move, error) {
	return g.Since[branch+"@"+sha], g.Err
}

func (g *FakeGitHub) PullsWith(context.Context, string) ([]forge.PullRequest, error) {
	return g.Brought, nil
}

func (g *FakeGitHub) PullsBringing(_ context.Context, shas []string) (map[string][]forge.PullRequest, error) {
	out := map[string][]forge.PullRequest{}
	for _, sha := range shas {
		g.Listed++
		out[sha] = g.BroughtBy[sha]
	}
	return out, nil
}

func (g *FakeGitHub) Authors(_ context.Context, shas []string) (map[string]forge.Authors, error) {
	out := map[string]forge.Authors{}
	for _, sha := range shas {
		g.Listed++
		out[sha] = forge.Authors{Complete: true}
		if a, known := g.CoWrote[sha]; known {
			out[sha] = a
		}
	}
	return out, g.Err
}

func (g *FakeGitHub) Wrote(context.Context, string, string) (bool, error) { return true, nil }

func (g *FakeGitHub) MergedInto(context.Context, string) ([]forge.PullRequest, bool, error) {
	return g.Merged, !g.MergedCut, nil
}

func (g *FakeGitHub) Branch(_ context.Context, name string) (forge.Branch, error) {
	sha, ok := g.Heads[name]
	if !ok {
		return forge.Branch{}, forge.ErrNotFound
	}
	return forge.Branch{Name: name, SHA: sha}, nil
}

func (g *FakeGitHub) Pull(_ context.Context, n int) (forge.PullRequest, error) {
	p, ok := g.Pulls[n]
	if !ok {
		return p, forge.ErrNotFound
	}
	return p, nil
}

func (g *FakeGitHub) PullsSince(_ context.Context, since time.Time) (out []forge.PullRequest, err error) {
	for _, p := range g.Pulls {
		if !p.UpdatedAt.Before(since) {
			out = append(out, p)
		}
	}
	return out, nil
}

func (g *FakeGitHub) Compare(_ context.Context, base, head string) (forge.Comparison, error) {
	at := func(ref string) string {
		if sha, ok := g.Heads[ref]; ok {
			return sha
		}
		return ref
	}
	c, ok := g.Comparisons[at(base)+"..."+at(head)]
	if !ok && at(base) == at(head) {
		return forge.Comparison{MergeBase: at(head)}, nil
	}
	if !ok {
		return c, fmt.Errorf("%s...%s: %w", base, head, forge.ErrNotFound)
	}
	return c, nil
}

func (g *FakeGitHub) History(_ context.Context, head string, pages int) ([]forge.Commit, bool, error) {
	g.Histories++
	all, there := g.Commits[head]
	if !there && g.Commits != nil {
		return nil, false, forge.ErrNotFound
	}
	return all[max(0, len(all)-100*pages):], len(all) <= 100*pages, nil
}

func (g *FakeGitHub) CommitsTouching(_ context.Context, _, folder string, _ time.Time, _ int) ([]string, bool, error) {
	list, all := g.Touching[folder]
	return list, all, nil
}

func (g *FakeGitHub) Commit(_ context.Context, sha string) (forge.Commit, error) {
	return forge.Commit{SHA: sha, Time: noon}, g.Err
}

func (g *FakeGitHub) CommitTime(context.Context, string) (time.Time, error) { return noon, g.Err }

func (g *FakeGitHub) PullFiles(context.Context, int) ([]string, bool, error) {
	return g.Files, true, nil
}

func (g *FakeGitHub) File(_ context.Context, path, _ string) ([]byte, error) {
	text, there := g.Contents[path]
	if !there {
		return nil, forge.ErrNotFound
	}
	return []byte(text), nil
}

func (g *FakeGitHub) CheckRuns(context.Context, string) ([]forge.CheckRun, error) { return g.Runs, nil }

func (g *FakeGitHub) Comments(context.Context, int) ([]forge.Comment, error) { return g.Said, nil }

func (g *FakeGitHub) CommentsSince(_ context.Context, since time.Time) ([]forge.Comment, error) {
	var out []forge.Comment
	for _, c := range g.Everywhere {
		if !c.UpdatedAt.Before(since) {
			out = append(out, c)
		}
	}
	return out, nil
}

func (g *FakeGitHub) Comment(_ context.Context, id int64) (forge.Comment, error) {
	for _, c := range g.Everywhere {
		if c.ID == id {
			return c, nil
		}
	}
	return forge.Comment{}, forge.ErrNotFound
}

func (g *FakeGitHub) CreateComment(_ context.Context, _ int, body string) (forge.Comment, error) {
	c := forge.Comment{ID: int64(len(g.Said) + 1), Author: forge.User{ID: usID, Login: "sluice[bot]", Bot: true}, Body: body}
	g.Said = append(g.Said, c)
	return c, nil
}

func (g *FakeGitHub) Reactors(_ context.Context, id int64, reaction string) ([]forge.User, error) {
	if slices.Contains(g.Reactions, fmt.Sprintf("%d:%s", id, reaction)) {
		return []forge.User{{ID: usID, Login: "sluice[bot]", Bot: true}}, nil
	}
	return nil, nil
}

func (g *FakeGitHub) React(_ context.Context, id int64, reaction string) error {
	g.Reactions = append(g.Reactions, fmt.Sprintf("%d:%s", id, reaction))
	return nil
}

func (g *FakeGitHub) ReviewMore(_ context.Context, node string) (more forge.ReviewMore, err error) {
	more.EditedAt = g.Edited[node]
	for _, r := range g.Reactions {
		if reaction, ours := strings.CutPrefix(r, node+":"); ours {
			more.Reacted = append(more.Reacted, reaction)
		}
	}
	return more, nil
}

func (g *FakeGitHub) ReactToReview(_ context.Context, node, reaction string) error {
	g.Reactions = append(g.Reactions, node+":"+reaction)
	return nil
}

func (g *FakeGitHub) SaveCheckRun(_ context.Context, run forge.CheckRun) (int64, error) {
	g.Saved = append(g.Saved, run)
	if run.ID != 0 {
		return run.ID, nil
	}
	return int64(len(g.Saved)), nil
}

// FakeApp is the App: its identity, its delivery log.
type FakeApp struct {
	App
	Log         []forge.HookDelivery
	Redelivered []int64
	Others      map[string]*FakeGitHub // others than the lab's, by name
	// Installed are the installations that work.
	Installed []int64
}

func (a *FakeApp) Repo(_, _ int64, _, name string) GitHub { return a.Others[name] }

// InstallationOf is the lab's, of whatever repository.
func (a *FakeApp) InstallationOf(context.Context, string, string) (int64, error) { return 7, nil }

func (a *FakeApp) Installations(context.Context) ([]int64, error) { return a.Installed, nil }

func (a *FakeApp) Identity(context.Context) (Identity, error) {
	return Identity{AppID: appID, Slug: "sluice", Login: "sluice[bot]", UserID: usID}, nil
}

func (a *FakeApp) HookDeliveries(context.Context, time.Time) ([]forge.HookDelivery, error) {
	return a.Log, nil
}

func (a *FakeApp) Redeliver(_ context.Context, id int64) error {
	a.Redelivered = append(a.Redelivered, id)
	return nil
}

// FakeImages are the image registries: digests by reference.
type FakeImages map[string]string

func (f FakeImages) Find(_ context.Context, reference string) (string, error) {
	return f[reference], nil
}

// Signed says which key signed an image, by the reference signed:IMAGE, whatever keys are asked for.
func (f FakeImages) Signed(_ context.Context, image string, _ []string) (key, problem string, err error) {
	if f["signed:"+image] == "" {
		_, digest, _ := strings.Cut(image, "@")
		return "", digest + " is not signed", nil
	}
	return f["signed:"+image], "", nil
}

const (
	appID = 11
	usID  = 12
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// person makes an account.
func person(id int64, login string) forge.User { return forge.User{ID: id, Login: login} }

// lab is a session over an empty database and a fake repository, at noon.
type lab struct {
	*session
	t   testing.TB
	gh  *FakeGitHub
	app *FakeApp
	now time.Time
	// file is the database's; empty: it is no file of its own.
	file string
}

func newLab(t testing.TB, yaml string) *lab {
	t.Helper()
	empty, err := emptyDatabase()
	must(t, err)
	path := filepath.Join(t.TempDir(), "sluice.db")
	must(t, os.WriteFile(path, empty, 0o600))
	l := newLabOn(t, "sqlite:"+path, yaml)
	l.file = path
	return l
}

// newLabOn is newLab over the database at an address.
func newLabOn(t testing.TB, database, yaml string) *lab {
	t.Helper()
	st, err := store.Open(context.Background(), database, store.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	q, err := queue.New(st, queue.Options{})
	must(t, err)
	l := &lab{t: t, gh: &FakeGitHub{}, app: &FakeApp{}, now: noon}
	b := &Bot{
		App: l.app, Store: st, Queue: q, Executors: executor.NewRegistry(nil), Images: FakeImages{},
		Allow:     Allow{LocalExecutors: func(string, string) bool { return false }, Registry: func(_, _, _ string) bool { return true }},
		PublicURL: "https://sluice.test", GitHubURL: "https://github.test",
		Now: func() time.Time { return l.now }, Log: slog.New(slog.DiscardHandler),
	}
	us, err := l.app.Identity(t.Context())
	must(t, err)
	context := config.Context{Owner: "acme", RepoName: "shop", Branches: []string{"master", "development"}}
	cfg := config.Default(context)
	if yaml != "" {
		parsed, problems := config.ParseRepo([]byte(yaml), context)
		if len(problems) > 0 {
			t.Fatal(config.Join(problems))
		}
		cfg = parsed
	}
	l.session = &session{
		b: b, gh: l.gh, cfg: cfg, whole: cfg, us: us, log: b.Log,
		repo: store.Repo{ID: 42, InstallationID: 7, Owner: "acme", Name: "shop", DefaultBranch: "master", BaselineAt: noon},
		turn: newTurn(), memory: newMemory(),
	}
	must(t, l.saveRepo(t.Context()))
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write writes records in one transaction.
func (l *lab) write(f func(tx *store.Tx) error) {
	l.t.Helper()
	must(l.t, l.b.Store.Write(l.t.Context(), f))
}

// execution makes the execution of a release whose pipeline has come to the approval for production.
func (l *lab) execution(r store.Release, id string) *store.Execution {
	l.t.Helper()
	def := pipeline.Definition{Kind: r.Kind, Mode: pipeline.ModeSuperseded, Stages: []pipeline.Stage{
		{Name: "Test", Actions: []pipeline.Action{{Name: "unit", Uses: "checks"}}},
		{Name: "Approval", Actions: []pipeline.Action{{Name: "approval", Uses: pipeline.UsesApproval, Environment: pipeline.EnvironmentProduction}}},
		{Name: "Promote", Actions: []pipeline.Action{{Name: "promote", Uses: pipeline.UsesPromote, Environment: pipeline.EnvironmentProduction}}},
	}}
	hash := l.cfg.ApprovalHash(hashKind(r.Kind))
	state, _ := pipeline.Start(pipeline.Input{
		ID: id, Definition: def, SHA: r.SHA, ConfigHash: hash, Image: pipeline.Image{Reference: "dev.test/shop:1", Digest: digest},
	}, l.now)
	x := store.Execution{
		ID: id, RepoID: 42, Kind: r.Kind, Branch: r.Branch, SHA: r.SHA, ReleaseID: r.ID, State: state, ConfigHash: hash,
		Status: state.Status, Image: "dev.test/shop:1", CreatedAt: l.now, UpdatedAt: l.now,
	}
	x = l.told(x, pipeline.ActionSettled{At: l.now, ID: pipeline.ActionID(id, 1, 1, 1), Status: pipeline.Succeeded})
	l.write(func(tx *store.Tx) error { return tx.CreateExecution(l.t.Context(), &x) })
	return &x
}

// told tells an execution a fact, without carrying anything out.
func (l *lab) told(x store.Execution, f pipeline.Fact) store.Execution {
	l.t.Helper()
	state, _, err := pipeline.Advance(x.State, f)
	must(l.t, err)
	x.State, x.Status, x.EndedAt = state, state.Status, state.EndedAt
	return x
}

const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		must(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", name, diff)
	}
}

// pullOf is an open pull request of a branch in a repository; 0: not known.
func pullOf(branch string, repo int64) *store.Pull {
	return &store.Pull{RepoID: 42, Number: 5, HeadBranch: branch, HeadRepoID: repo, Open: true}
}

// newSession is another handling in the same repository.
func newSession(l *lab) *session {
	s := *l.session
	s.dirty, s.touched, s.compared = map[string]bool{}, map[string]bool{}, map[[2]string]forge.Comparison{}
	s.lineages = map[string]lineage{}
	return &s
}
