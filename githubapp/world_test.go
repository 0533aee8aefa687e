package githubapp

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/fakegithubtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a stand-in GitHub, whose every request and answer is held against GitHub's description, with a repository
// acme/shop: master has README.md, development one commit more.
type world struct {
	t           *testing.T
	s           *fakegithub.Server
	repo        *fakegithub.Repo
	app         *App
	appID       int64
	install     int64
	gh          *Repo
	master, dev string // SHAs
	transport   *http.Transport
}

func newWorld(t *testing.T, o fakegithub.Options) *world {
	t.Helper()
	w := &world{t: t, s: fakegithubtest.New(t, o), transport: &http.Transport{}}
	t.Cleanup(w.transport.CloseIdleConnections)
	w.s.AddOrg("acme", "ann", "bob", "boss")
	app, err := w.s.AddApp(fakegithub.AppConfig{PrivateKey: keyPEM()})
	w.must(err)
	w.appID = app.ID
	w.repo, err = w.s.AddRepo("acme/shop", fakegithub.RepoConfig{DefaultBranch: "master", Private: true})
	w.must(err)
	inst, err := w.s.Install(app.ID, "acme")
	w.must(err)
	w.install = inst.ID
	w.repo.Grant("ann", fakegithub.RoleWrite)
	w.repo.Grant("bob", fakegithub.RoleMaintain)
	w.repo.Grant("boss", fakegithub.RoleAdmin)
	w.master, err = w.repo.Seed("master", "first", map[string]string{"README.md": "# shop\n", "a.txt": "1\n2\n3\n"})
	w.must(err)
	w.dev, err = w.repo.Seed("development", "second", map[string]string{"b.txt": "b\n"})
	w.must(err)
	w.app = w.newApp(Options{Now: o.Now})
	w.gh = w.app.Repo(w.install, w.repo.ID(), "acme", "shop")
	return w
}

// newApp is another process of the same App.
func (w *world) newApp(o Options) *App {
	w.t.Helper()
	o.AppID, o.Key, o.HTTP = w.appID, key(), w.transport
	o.APIURL = w.s.URL() + "/api/v3/"
	a, err := New(o)
	w.must(err)
	return a
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// fails wants an error of package forge that is or wraps want.
func (w *world) fails(err, want error) {
	w.t.Helper()
	same(w.t, err, want)
}

func (w *world) ctx() context.Context { return w.t.Context() }

// commit puts a commit on a branch of master's.
func (w *world) commit(branch string, files map[string]string) string {
	w.t.Helper()
	sha, err := w.repo.Seed(branch, "change "+branch, files)
	w.must(err)
	return sha
}

// pull opens a pull request as ann.
func (w *world) pull(head, base string) int {
	w.t.Helper()
	n, err := w.s.As("ann").OpenPull(w.ctx(), "acme/shop", head, base, "Bring "+head, "It is good.")
	w.must(err)
	return n
}

// boss makes a call as an administrator.
func (w *world) boss(method, path string, body, out any) {
	w.t.Helper()
	w.must(w.s.As("boss").Do(w.ctx(), method, path, body, out))
}

// calls are those the App's installation has made since a mark.
func (w *world) calls(after int, method, route string) []fakegithub.Call {
	return w.s.Calls(fakegithub.CallFilter{Method: method, Route: route, Actor: "sluice[bot]", After: after})
}

func equal(t *testing.T, want, got any, options ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, options...); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// same compares errors by kind: a sentinel by errors.Is, a type by its fields.
func same(t *testing.T, got, want error) {
	t.Helper()
	equal(t, errorShape(want), errorShape(got))
}

var key = sync.OnceValue(func() *rsa.PrivateKey {
	block, _ := pem.Decode(keyPEM())
	k, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return k
})

var keyPEM = sync.OnceValue(func() []byte {
	s, err := fakegithub.New(fakegithub.Options{})
	if err != nil {
		panic(err)
	}
	defer func() { _ = s.Close() }()
	a, err := s.AddApp(fakegithub.AppConfig{})
	if err != nil {
		panic(err)
	}
	return a.PrivateKey
})

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
