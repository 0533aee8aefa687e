package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Names and texts as a stranger would choose them.
const (
	hostileBranch = "fix/<img/src=x/onerror=document.title='owned'>"
	hostileURL    = "javascript:document.title='owned'"
	hostileText   = "</pre><script>document.title='owned'</script>\u202egnp.exe"
	hostileLog    = "\x1b[31mred\x1b[0m\r\n\x1b]8;;https://evil.example\x07click\x1b]8;;\x07\n10%\r50%\rdone\n" + hostileText
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// Repositories of the world.
const (
	shopID  = int64(1)
	otherID = int64(2)
)

// world is a dashboard with something to show, on a server.
type world struct {
	t      *testing.T
	store  *store.Store
	server *Server
	url    string
	viewer *viewer
	actor  *actor
}

// viewer is a Viewer whose people are a table: code and token are the login.
type viewer struct {
	mu       sync.Mutex
	people   map[string]int64
	readable map[string][]int64
	public   map[int64]bool
	gone     map[string]bool // tokens that were revoked
	asked    int
	roles    int // questions about roles
	err      error
	verifier string
}

func (v *viewer) SignInURL(state, verifier, redirect string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.verifier = verifier
	return "https://github.example/authorize?" + url.Values{"state": {state}, "redirect_uri": {redirect}}.Encode()
}

func (v *viewer) Login(_ context.Context, code, verifier, _ string) (forge.User, Token, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.people[code] == 0 || verifier != v.verifier {
		return forge.User{}, Token{}, errors.New("no such code")
	}
	return forge.User{ID: v.people[code], Login: code}, Token{Value: code}, nil
}

func (v *viewer) User(_ context.Context, token string) (forge.User, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gone[token] {
		return forge.User{}, ErrSignedOut
	}
	return forge.User{ID: v.people[token], Login: token + "-renamed"}, nil
}

func (v *viewer) Readable(_ context.Context, token string) ([]int64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	if v.gone[token] {
		return nil, ErrSignedOut
	}
	return v.readable[token], nil
}

func (v *viewer) MayRead(_ context.Context, _ string, r forge.Repo) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.public[r.ID], nil
}

// Role implements Rights: people who may read a repository maintain it, but qa, who only writes.
func (v *viewer) Role(_ context.Context, r store.Repo, who forge.User) (forge.Role, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.roles++
	for login, repos := range v.readable {
		switch {
		case login != who.Login || v.people[login] != who.ID || !slices.Contains(repos, r.ID):
		case login == "qa":
			return forge.RoleWrite, v.err
		default:
			return forge.RoleMaintain, v.err
		}
	}
	if v.public[r.ID] {
		return forge.RoleRead, v.err
	}
	return forge.RoleNone, v.err
}

// actor remembers what it was asked.
type actor struct {
	store *store.Store
	mu    sync.Mutex
	asked []string
	by    forge.User
	reply string
	no    bool
}

func (a *actor) Act(_ context.Context, o store.Operation) (store.Operation, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, strings.Join([]string{o.ExecutionID, o.Command}, " "))
	a.by = o.By
	if o.RepoID != shopID {
		return o, errors.New("another repository")
	}
	o.Reply, o.Status = a.reply, store.OperationDone
	if a.no {
		o.Status = store.OperationRefused
	}
	return o, nil
}

func (a *actor) Post(ctx context.Context, o store.Operation) (store.Operation, error) {
	if o.Command == "/frobnicate" {
		return o, &CommandError{Problem: "there is no such command", Usage: "/help"}
	}
	if o.ID == "" {
		o.ID = store.NewID()
	}
	o.Status, o.CreatedAt = store.OperationWaiting, noon
	err := a.store.Write(ctx, func(tx *store.Tx) error {
		added, err := tx.CreateOperation(ctx, o)
		if err == nil && !added {
			o, err = tx.Operation(ctx, o.ID)
		}
		return err
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, strings.TrimSpace(strings.Join([]string{o.Version, o.Command}, " ")))
	a.by = o.By
	return o, err
}

// Alarm remembers what it was told, in a command's place.
func (a *actor) Alarm(ctx context.Context, o store.Operation, m Alarm) (store.Operation, error) {
	if m.Environment != "production" {
		return o, &CommandError{Problem: `there is no environment "` + m.Environment + `"; there is production`}
	}
	o.Command = fmt.Sprintf("%s %s %s %s", m.State, m.Environment, m.Name, m.Reason)
	return a.Post(ctx, o)
}

func (a *actor) commands() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.asked...)
}

// newWorld serves a dashboard with sign-in. change may alter the options.
func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{
		t: t, actor: &actor{reply: "The approval of `1.4.0` is recorded."},
		viewer: &viewer{
			people: map[string]int64{"qa": 7, "mallory": 8}, readable: map[string][]int64{"qa": {shopID}, "mallory": {otherID}},
			public: map[int64]bool{}, gone: map[string]bool{},
		},
	}
	w.store = storetest.Open(t, storetest.SQLite(t), store.Options{Now: func() time.Time { return noon }})
	fill(t, w.store)
	w.actor.store = w.store
	o := Options{Store: w.store, Viewer: w.viewer, Rights: w.viewer, Actor: w.actor, Now: func() time.Time { return noon }}
	ts := httptest.NewUnstartedServer(nil)
	o.PublicURL = "http://" + ts.Listener.Addr().String()
	if change != nil {
		change(&o)
	}
	var err error
	if w.server, err = New(o); err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	w.server.Register(e)
	ts.Config.Handler = e
	ts.Start()
	w.url = ts.URL
	t.Cleanup(ts.Close)
	t.Cleanup(w.server.Close)
	return w
}

// browser is a client with cookies that follows no redirect by itself.
func (w *world) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	tr := &http.Transport{}
	w.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// signedIn is the browser of somebody who has signed in.
func (w *world) signedIn(login string) *http.Client {
	w.t.Helper()
	b := w.browser()
	state := w.beginLogin(b, "/")
	if r := w.get(b, "/login/callback?code="+login+"&state="+state); r.status != http.StatusSeeOther {
		w.t.Fatalf("signing in: %d %s", r.status, r.body)
	}
	return b
}

// token makes a token of somebody, who has not to sign in for it here.
func (w *world) token(login string, scope store.AccessScope) string {
	w.t.Helper()
	text, t := newToken(store.AccessToken{
		Name: "test", Owner: forge.User{ID: w.viewer.people[login], Login: login}, Scope: scope, CreatedAt: noon, ExpiresAt: noon.AddDate(0, 0, 30),
	})
	ctx := context.Background()
	if err := w.store.Write(ctx, func(tx *store.Tx) error { return tx.CreateAccessToken(ctx, t) }); err != nil {
		w.t.Fatal(err)
	}
	return text
}

// api asks below /api/v1 with a token; "": without one. body is JSON, "": none.
func (w *world) api(token, method, path, body string, headers ...string) reply {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return w.do(w.browser(), req)
}

// beginLogin goes to the forge and returns the state it was sent with.
func (w *world) beginLogin(b *http.Client, returnTo string) string {
	w.t.Helper()
	r := w.get(b, "/login?return_to="+url.QueryEscape(returnTo))
	u, err := url.Parse(r.header.Get("Location"))
	if err != nil || r.status != http.StatusSeeOther {
		w.t.Fatalf("login: %d %v", r.status, err)
	}
	return u.Query().Get("state")
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

func (w *world) get(b *http.Client, path string) reply { return w.send(b, http.MethodGet, path, nil) }

func (w *world) send(b *http.Client, method, path string, form url.Values, headers ...string) reply {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	return w.do(b, req)
}

func (w *world) do(b *http.Client, req *http.Request) reply {
	w.t.Helper()
	res, err := b.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(body)}
}

func sha(c string) string    { return strings.Repeat(c, 40) }
func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

// fill writes two repositories of different owners: one with a release that waits for approval, a past one, a failed
// build with a hostile name and log, and a hold; the other with a secret.
func fill(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := context.Background()
	ann := forge.User{ID: 5, Login: "ann"}
	err := s.Write(ctx, func(tx *store.Tx) error {
		for _, r := range []store.Repo{
			{ID: shopID, InstallationID: 9, Owner: "acme", Name: "shop", DefaultBranch: "master"},
			{ID: otherID, InstallationID: 10, Owner: "rival", Name: "secret-project", DefaultBranch: "main"},
		} {
			if err := tx.SaveRepo(ctx, r); err != nil {
				return err
			}
		}
		for _, x := range []store.Execution{candidate(t, ann), failed(t), succeeded(t), rivals(t)} {
			if err := tx.CreateExecution(ctx, &x); err != nil {
				return err
			}
		}
		rawReport, err := json.Marshal(map[string]any{
			"status": "Failed", "log": hostileLog,
			"hosts":       []map[string]any{{"name": "web-1", "batch": 1, "status": "Failed", "event": "ValidateService", "revision": "1.4.0", "message": hostileText}},
			"annotations": []map[string]any{{"path": "a<b>.go", "start_line": 3, "level": "failure", "message": hostileText}},
		})
		if err != nil {
			return err
		}
		if err := tx.SaveActionRun(ctx, store.ActionRun{ID: "exfailed-1-1-1", ExecutionID: "exfailed", RepoID: shopID, Report: rawReport, Final: true, StartedAt: noon}); err != nil {
			return err
		}
		for _, r := range trend() {
			if err := tx.SaveTestTotals(ctx, r); err != nil {
				return err
			}
		}
		for _, r := range []store.Release{
			{
				ID: "rel14", RepoID: shopID, Kind: "release", Version: "1.4.0", Branch: "release/1.4.0", Tag: "v1.4.0", CutSHA: sha("1"), HeadSHA: sha("a"), Pull: 12,
				Status: store.ReleaseOpen, ExecutionID: "excand", StartedBy: ann, StartedAt: noon.Add(-26 * time.Hour), CandidateImage: "registry.example/shop:1.4.0-candidate-aaaaaaa",
				CandidateDigest: digest("c"),
			},
			{
				ID: "rel13", RepoID: shopID, Kind: "release", Version: "1.3.0", Branch: "release/1.3.0", Tag: "v1.3.0", CutSHA: sha("2"), SHA: sha("b"), HeadSHA: sha("b"), Pull: 9,
				Status: store.ReleaseReleased, Finished: true, ExecutionID: "exold", StartedBy: ann, StartedAt: noon.Add(-30 * 24 * time.Hour), ReleasedAt: noon.Add(-29 * 24 * time.Hour),
				CandidateImage: "registry.example/shop:1.3.0-candidate-bbbbbbb", CandidateDigest: digest("d"), ProductionImage: "prod.example/shop:1.3.0", ProductionDigest: digest("d"),
			},
		} {
			if err := tx.SaveRelease(ctx, r); err != nil {
				return err
			}
		}
		for _, a := range []store.Approval{
			{
				ID: "a1", RepoID: shopID, ReleaseID: "rel13", ExecutionID: "exold", Environment: "production", SHA: sha("b"), Digest: digest("d"), By: forge.User{ID: 7, Login: "qa"},
				Verdict: store.VerdictApproved, Via: "comment", CommentID: 4, At: noon.Add(-29 * 24 * time.Hour),
			},
			{
				ID: "a2", RepoID: shopID, ReleaseID: "rel14", ExecutionID: "excand0", Environment: "production", SHA: sha("9"), Digest: digest("9"), By: forge.User{ID: 7, Login: "qa"},
				Verdict: store.VerdictApproved, Via: "button", At: noon.Add(-20 * time.Hour), VoidedAt: noon.Add(-2 * time.Hour), VoidReason: "a new commit was pushed",
			},
		} {
			if err := tx.SaveApproval(ctx, a); err != nil {
				return err
			}
		}
		for _, e := range []store.Environment{
			{RepoID: shopID, Name: "development", SHA: sha("e"), Digest: digest("e"), ExecutionID: "exok", DeployedAt: noon.Add(-50 * time.Minute)},
			{RepoID: shopID, Name: "staging", Version: "1.4.0", Digest: digest("c"), SHA: sha("a"), ExecutionID: "excand", DeployedAt: noon.Add(-2 * time.Hour)},
			{
				RepoID: shopID, Name: "production", Version: "1.3.0", Digest: digest("d"), SHA: sha("b"), ExecutionID: "exold", DeployedAt: noon.Add(-29 * 24 * time.Hour),
				Hold: "rolled back from 1.3.1: checkout <b>failed</b>", HoldBy: ann, HoldAt: noon.Add(-time.Hour),
			},
			{RepoID: otherID, Name: "production", Version: "9.9.9"},
		} {
			if err := tx.SaveEnvironment(ctx, e); err != nil {
				return err
			}
		}
		for _, x := range []store.Stop{
			{Kind: store.StopFreeze, Target: store.StopEnvironment("production"), By: ann, Reason: "the <b>sale</b>", At: noon.Add(-time.Hour), Until: noon.Add(48 * time.Hour)},
			{Kind: store.StopLock, Target: store.StopEnvironment("load-test"), By: ann, At: noon.Add(-time.Minute)},
			{Kind: store.StopLock, Target: store.StopEnvironment("staging"), By: ann, At: noon.Add(-2 * time.Hour), Until: noon},
			{Kind: store.StopFreeze, Target: store.StopBranch("development"), By: ann, Reason: "code freeze", At: noon.Add(-time.Hour)},
			{Kind: store.StopTransition, Target: store.StopStage("", "feature", "Deploy"), By: ann, Reason: "audit", At: noon.Add(-time.Minute)},
			{Kind: store.StopHold, Target: store.StopRelease("rel14"), By: ann, Reason: "one more look", At: noon.Add(-time.Minute)},
		} {
			x.RepoID = shopID
			if err := tx.SaveStop(ctx, x); err != nil {
				return err
			}
		}
		for i, e := range []store.AuditEntry{
			{Actor: ann, Action: "release.start", Subject: "1.3.0", At: noon.Add(-30 * 24 * time.Hour)},
			{Actor: ann, Action: "unpin", Subject: "staging", At: noon.Add(-28 * 24 * time.Hour)},
			{Actor: ann, Action: "release.start", Subject: "1.4.0", At: noon.Add(-26 * time.Hour)},
			{Actor: forge.User{ID: 7, Login: "qa"}, Action: "approve", Subject: "1.4.0", Reason: "looks <i>good</i>", At: noon.Add(-20 * time.Hour)},
			{Action: "approvals.void", Subject: "1.4.0", Reason: "a new commit was pushed", At: noon.Add(-2 * time.Hour)},
		} {
			e.RepoID = shopID
			if _, err := tx.Audit(ctx, e); err != nil {
				t.Fatalf("audit entry %d: %v", i, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// begin starts an execution of the default pipeline of a kind.
func begin(t *testing.T, id, kind, image string, sha string, at time.Time) pipeline.State {
	t.Helper()
	d, ok := pipeline.Default(kind, pipeline.Options{LocalExecutors: true, Buildspec: "buildspec.yml"})
	if !ok {
		t.Fatalf("no pipeline for %s", kind)
	}
	s, _ := pipeline.Start(pipeline.Input{ID: id, Definition: d, SHA: sha, ConfigHash: "hash", Image: pipeline.Image{Reference: image}}, at)
	return s
}

func advance(t *testing.T, s pipeline.State, facts ...pipeline.Fact) pipeline.State {
	t.Helper()
	for _, f := range facts {
		next, _, err := pipeline.Advance(s, f)
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
	return s
}

func settled(id string, at time.Time, status pipeline.Status, summary, link string) pipeline.ActionSettled {
	return pipeline.ActionSettled{At: at, ID: id, Status: status, Summary: summary, URL: link}
}

// candidate waits for an approval.
func candidate(t *testing.T, by forge.User) store.Execution {
	at, image := noon.Add(-2*time.Hour), "registry.example/shop:1.4.0-candidate-aaaaaaa"
	s := begin(t, "excand", pipeline.KindRelease, image, sha("a"), at)
	s = advance(t, s,
		settled("excand-1-1-1", at.Add(3*time.Minute), pipeline.Succeeded, "212 tests passed", "https://ci.example/run/7"),
		pipeline.ImageResolved{At: at.Add(4 * time.Minute), Reference: image, Digest: digest("c")},
		settled("excand-2-1-1", at.Add(6*time.Minute), pipeline.Succeeded, "deployed to staging", ""))
	if _, _, open := s.OpenApproval(); !open {
		t.Fatalf("the candidate does not wait for approval: %s", pipeline.Why(s, noon))
	}
	return store.Execution{
		ID: "excand", RepoID: shopID, Kind: pipeline.KindRelease, Branch: "release/1.4.0", SHA: sha("a"), ReleaseID: "rel14", Pull: 12, Status: s.Status, State: s, Version: "1.4.0",
		ConfigSHA: sha("f"), ConfigHash: "hash", Image: image, Digest: digest("c"), StartedBy: by, CreatedAt: at,
	}
}

// failed is a build of a branch with a hostile name.
func failed(t *testing.T) store.Execution {
	at := noon.Add(-40 * time.Minute)
	s := begin(t, "exfailed", pipeline.KindBugfix, "", sha("d"), at)
	s = advance(t, s, settled("exfailed-1-1-1", at.Add(90*time.Second), pipeline.Failed, hostileText, hostileURL))
	return store.Execution{
		ID: "exfailed", RepoID: shopID, Kind: pipeline.KindBugfix, Branch: hostileBranch, SHA: sha("d"), Status: s.Status, State: s, CreatedAt: at, EndedAt: s.EndedAt,
		StartedBy: forge.User{ID: 8, Login: "mallory"},
	}
}

func succeeded(t *testing.T) store.Execution {
	at := noon.Add(-time.Hour)
	s := begin(t, "exok", pipeline.KindDevelopment, "", sha("e"), at)
	s = advance(t, s, settled("exok-1-1-1", at.Add(2*time.Minute), pipeline.Succeeded, "", ""), settled("exok-2-1-1", at.Add(10*time.Minute), pipeline.Succeeded, "", ""))
	return store.Execution{ID: "exok", RepoID: shopID, Kind: pipeline.KindDevelopment, Branch: "development", SHA: sha("e"), Status: s.Status, State: s, CreatedAt: at, EndedAt: s.EndedAt}
}

// trend is how tests and coverage of the development branch went, and some of other branches that nobody asks for.
func trend() []store.TestTotals {
	var out []store.TestTotals
	for i, failed := range []int64{0, 8, 4, 2} {
		at := store.TestTotals{ActionID: fmt.Sprintf("act%d", i), RepoID: shopID, ExecutionID: "exok", Branch: "development", SHA: sha("e"), At: noon.Add(time.Duration(i-9) * time.Hour)}
		unit, cover := at, at
		unit.Name, unit.Format, unit.Tests, unit.Failed, unit.Errored, unit.Skipped, unit.Passed = "unit", "JUNITXML", 12, failed, failed/2, 0, 12-failed-failed/2
		cover.Name, cover.Format, cover.Lines, cover.Covered = "cover<b>", "CLOVERXML", 1000, 700+int64(i)
		elsewhere, rival := unit, unit
		elsewhere.ActionID, elsewhere.Branch = "else", "feature/x"
		rival.ActionID, rival.RepoID, rival.Name = "rival", otherID, "secret-tests"
		out = append(out, unit, cover, elsewhere, rival)
	}
	return out
}

// rivals is an execution of the other repository.
func rivals(t *testing.T) store.Execution {
	s := begin(t, "exrival", pipeline.KindDevelopment, "", sha("7"), noon)
	return store.Execution{ID: "exrival", RepoID: otherID, Kind: pipeline.KindDevelopment, Branch: "rivals-branch", SHA: sha("7"), Status: s.Status, State: s, CreatedAt: noon}
}
