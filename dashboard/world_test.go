package dashboard

import (
	"context"
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
		Name: "test", Owner: w.owner(login), Scope: scope, CreatedAt: noon, ExpiresAt: noon.AddDate(0, 0, 30),
	})
	ctx := context.Background()
	if err := w.store.Write(ctx, func(tx *store.Tx) error { return tx.CreateAccessToken(ctx, t) }); err != nil {
		w.t.Fatal(err)
	}
	return text
}

// owner is somebody's account.
func (w *world) owner(login string) forge.User {
	return forge.User{ID: w.viewer.people[login], Login: login}
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
