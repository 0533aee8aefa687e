package fakegithub_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/fakegithubtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that tests move.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// hook is a delivery as the App's receiver saw it.
type hook struct {
	event, guid, signature string
	header                 http.Header
	body                   []byte
}

// world is an organization with a repository, an App on it, and somebody who receives its webhooks.
type world struct {
	t    *testing.T
	ctx  context.Context
	s    *fakegithub.Server
	app  fakegithub.App
	inst fakegithub.Installation
	repo *fakegithub.Repo
	bot  *github.Client // as the installation
	jwt  *github.Client // as the App

	mu     sync.Mutex
	hooks  []hook
	status int // what the receiver answers
}

const secret = "It's a Secret to Everybody"

func newWorld(t *testing.T, o fakegithub.Options) *world {
	t.Helper()
	o.Webhooks = fakegithubtest.Webhooks(t)
	w := &world{t: t, ctx: t.Context(), s: fakegithubtest.New(t, o), status: http.StatusAccepted}
	receiver := httptest.NewServer(http.HandlerFunc(w.receive))
	t.Cleanup(receiver.Close)
	w.s.AddOrg("acme", "ann", "bob", "qa1")
	w.s.AddTeam("acme", "qa", "qa1")
	app, err := w.s.AddApp(fakegithub.AppConfig{PrivateKey: key(), WebhookURL: receiver.URL, WebhookSecret: secret,
		Events: append(fakegithub.SluiceEvents(), "deployment", "deployment_status", "issues")})
	w.must(err)
	w.app = app
	w.repo, err = w.s.AddRepo("acme/shop", fakegithub.RepoConfig{DefaultBranch: "master", Private: true})
	w.must(err)
	w.inst, err = w.s.Install(app.ID, "acme")
	w.must(err)
	w.repo.Grant("ann", fakegithub.RoleWrite)
	w.repo.Grant("bob", fakegithub.RoleMaintain)
	w.repo.Grant("boss", fakegithub.RoleAdmin)
	_, err = w.repo.Seed("master", "first", map[string]string{"README.md": "# shop\n", "a.txt": "1\n2\n3\n4\n5\n"})
	w.must(err)
	_, err = w.repo.Seed("development", "second", map[string]string{"b.txt": "b\n"})
	w.must(err)

	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	it, err := ghinstallation.New(transport, app.ID, w.inst.ID, key())
	w.must(err)
	it.BaseURL = w.s.URL() + "/api/v3"
	w.bot = w.client(&http.Client{Transport: it})
	at, err := ghinstallation.NewAppsTransport(transport, app.ID, key())
	w.must(err)
	at.BaseURL = w.s.URL() + "/api/v3"
	w.jwt = w.client(&http.Client{Transport: at})
	w.settle()
	w.clear()
	return w
}

var key = sync.OnceValue(func() []byte {
	s, err := fakegithub.New(fakegithub.Options{})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	a, err := s.AddApp(fakegithub.AppConfig{})
	if err != nil {
		panic(err)
	}
	return a.PrivateKey
})

func (w *world) client(c *http.Client) *github.Client {
	g := github.NewClient(c)
	u, err := url.Parse(w.s.URL() + "/api/v3/")
	w.must(err)
	g.BaseURL, g.UploadURL = u, u
	return g
}

// user is go-github with a user's token.
func (w *world) user(login string) *github.Client {
	return w.client(&http.Client{Transport: bearer{w.s.AddUser(login).Token}})
}

type bearer struct{ token string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "token "+b.token)
	return noIdle.RoundTrip(r)
}

var noIdle = &http.Transport{DisableKeepAlives: true}

func (w *world) receive(res http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hooks = append(w.hooks, hook{r.Header.Get("X-GitHub-Event"), r.Header.Get("X-GitHub-Delivery"), r.Header.Get("X-Hub-Signature-256"), r.Header, body})
	res.WriteHeader(w.status)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 90*time.Second)
	defer cancel()
	w.must(w.s.Settle(ctx))
}

func (w *world) clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hooks = nil
}

// heard are the webhooks since the last clear, as event or event.action.
func (w *world) heard() []string {
	w.t.Helper()
	w.settle()
	var out []string
	for _, h := range w.received() {
		name := h.event
		if i := strings.Index(string(h.body), `"action":"`); i >= 0 {
			rest := string(h.body)[i+len(`"action":"`):]
			name += "." + rest[:strings.IndexByte(rest, '"')]
		}
		out = append(out, name)
	}
	return out
}

func (w *world) received() []hook {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]hook(nil), w.hooks...)
}

// git runs git in a folder and returns its output, with the error for a non-zero exit.
func (w *world) git(dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(w.ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0", "GIT_AUTHOR_NAME=ann", "GIT_AUTHOR_EMAIL=ann@example.com",
		"GIT_COMMITTER_NAME=ann", "GIT_COMMITTER_EMAIL=ann@example.com")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (w *world) mustGit(dir string, args ...string) string {
	w.t.Helper()
	out, err := w.git(dir, args...)
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

// clone makes a working copy for a user.
func (w *world) clone(login string) string {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "shop")
	w.mustGit(".", "clone", "--quiet", w.repo.CloneURL(login), dir)
	return dir
}

func (w *world) write(dir, name, content string) {
	w.t.Helper()
	w.must(os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
}

// status is the HTTP status of a go-github error, 0 without one.
func status(err error) int {
	switch e := err.(type) {
	case *github.ErrorResponse:
		return e.Response.StatusCode
	case *github.RateLimitError:
		return e.Response.StatusCode
	case *github.AbuseRateLimitError:
		return e.Response.StatusCode
	}
	return 0
}
