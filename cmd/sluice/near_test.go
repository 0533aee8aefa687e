package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/fakegithubtest"
)

// near is the real server in this process beside a stand-in GitHub that answers at once: for measuring what Sluice itself
// takes, and what it asks.
type near struct {
	tb   testing.TB
	hub  *fakegithub.Server
	repo *fakegithub.Repo
	srv  *server
	seq  int

	app           fakegithub.App
	key           string // its private key, a file
	flags         config.ServerFlags
	grace         time.Duration // of the server; zero: its own
	public, admin string        // its addresses, http://host:port
	halt          func()        // has it stop
	ended         chan error    // how it ended

	mu sync.Mutex
	// first is the first check reported on a commit, and with its name behind it ("SHA NAME") the first of that name; waits
	// is closed when the one that is waited for came.
	first map[string]fakegithub.Call
	waits map[string]chan struct{}
}

const createCheck = "/repos/{owner}/{repo}/check-runs"

// newNear starts both. database: as of a flow.
func newNear(tb testing.TB, database string) *near {
	tb.Helper()
	hub := fakegithubtest.New(tb, fakegithub.Options{RateLimit: -1})
	n := &near{tb: tb, hub: hub, first: map[string]fakegithub.Call{}, waits: map[string]chan struct{}{}}
	hub.AddOrg(flowOrg, "dev")
	var err error
	if n.repo, err = hub.AddRepo(flowRepo, fakegithub.RepoConfig{DefaultBranch: "master"}); err != nil {
		tb.Fatal(err)
	}
	n.repo.Grant("dev", fakegithub.RoleWrite)
	sha, err := n.repo.Seed("master", "feat: open the shop", map[string]string{"README.md": "shop\n"})
	if err != nil {
		tb.Fatal(err)
	}
	for _, ref := range []string{"refs/tags/v1.3.0", "refs/heads/development"} {
		if err := n.repo.SetRef(ref, sha); err != nil {
			tb.Fatal(err)
		}
	}
	hub.OnCall(n.called)
	n.serve(database)
	return n
}

// serve starts a server with a data folder of its own, installs the App, and waits until it has taken a look at the
// repository.
func (n *near) serve(database string) {
	var err error
	if n.app, err = n.hub.AddApp(fakegithub.AppConfig{WebhookSecret: flowSecret}); err != nil {
		n.tb.Fatal(err)
	}
	dir := n.tb.TempDir()
	n.key = filepath.Join(dir, "app.pem")
	if err := os.WriteFile(n.key, n.app.PrivateKey, 0o600); err != nil {
		n.tb.Fatal(err)
	}
	n.flags = config.ServerFlags{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", PublicURL: "http://sluice.test", Data: filepath.Join(dir, "data"), Database: database,
		GitHubAppID: fmt.Sprint(n.app.ID), GitHubWebhookSecret: flowSecret, GitHubAPIURL: n.hub.URL() + "/", GitHubURL: n.hub.URL() + "/",
	}
	n.begin()
	if _, err := n.hub.Install(n.app.ID, flowOrg); err != nil {
		n.tb.Fatal(err)
	}
	n.idle()
}

// begin starts a server on the data folder.
func (n *near) begin() {
	n.tb.Helper()
	cfg, err := n.flags.Resolve(func(name string) string {
		return map[string]string{"SLUICE_GITHUB_PRIVATE_KEY_FILE": n.key}[name]
	}, config.ReadFile)
	if err != nil {
		n.tb.Fatal(err)
	}
	ready := make(chan [2]net.Addr, 1)
	w := wiring{unpaced: true, grace: n.grace, ready: func(public, admin net.Addr) { ready <- [2]net.Addr{public, admin} }}
	srv, err := newServer(n.tb.Context(), cfg, slog.New(slog.DiscardHandler), w)
	if err != nil {
		n.tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(srv.run(ctx), srv.close()) }()
	n.srv, n.halt, n.ended = srv, cancel, ended
	n.tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			n.tb.Error(err)
		}
	})
	select {
	case at := <-ready:
		n.public, n.admin = "http://"+at[0].String(), "http://"+at[1].String()
		if err := n.hub.SetWebhook(n.app.ID, n.public+"/webhooks/github", flowSecret); err != nil {
			n.tb.Fatal(err)
		}
	case err := <-ended:
		ended <- err
		n.tb.Fatalf("the server did not start: %v", err)
	}
}

// called notes the first check of each commit.
func (n *near) called(c fakegithub.Call) {
	if c.Method != "POST" || c.Route != createCheck {
		return
	}
	var in struct {
		SHA  string `json:"head_sha"`
		Name string
	}
	if json.Unmarshal(c.Body, &in) != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, key := range []string{in.SHA, in.SHA + " " + in.Name} {
		if _, seen := n.first[key]; seen {
			continue
		}
		n.first[key] = c
		if done := n.waits[key]; done != nil {
			close(done)
		}
	}
}

// check waits for the first check on a commit, or for the first of a name: "SHA NAME".
func (n *near) check(key string) fakegithub.Call {
	n.tb.Helper()
	n.mu.Lock()
	done := n.waits[key]
	if done == nil {
		done = make(chan struct{})
		n.waits[key] = done
		if _, seen := n.first[key]; seen {
			close(done)
		}
	}
	n.mu.Unlock()
	select {
	case <-done:
	case <-time.After(patience):
		n.tb.Fatalf("no check on %s after %v", key, patience)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.first[key]
}

// idle waits until everything GitHub has told is handled and nothing is due.
func (n *near) idle() {
	n.tb.Helper()
	quiet, last := 0, -1
	end := time.Now().Add(patience)
	for quiet < 2 {
		if err := n.hub.Settle(n.tb.Context()); err != nil {
			n.tb.Fatal(err)
		}
		if err := n.srv.queue.Idle(n.tb.Context()); err != nil {
			n.tb.Fatal(err)
		}
		if now := n.hub.LastCall(); now == last {
			quiet++
		} else {
			quiet, last = 0, now
		}
		if time.Now().After(end) {
			n.tb.Fatal("the server is never idle")
		}
	}
}

// push commits to a new feature branch.
func (n *near) push() (branch, sha string) {
	n.tb.Helper()
	n.seq++
	branch = fmt.Sprintf("feature/%d", n.seq)
	sha, err := n.hub.As("dev").Commit(n.tb.Context(), flowRepo, branch, "feat: sell more", map[string]string{branch + ".txt": "1\n"})
	if err != nil {
		n.tb.Fatal(err)
	}
	return branch, sha
}

// open opens a pull request into development.
func (n *near) open(branch string) int {
	n.tb.Helper()
	number, err := n.hub.As("dev").OpenPull(n.tb.Context(), flowRepo, branch, "development", "Sell more", "")
	if err != nil {
		n.tb.Fatal(err)
	}
	return number
}

// answered is when GitHub had the 202 of the latest delivery of an event.
func (n *near) answered(event, action string) time.Time {
	n.tb.Helper()
	for _, d := range slices.Backward(n.hub.Deliveries()) {
		if d.Event == event && d.Action == action {
			if d.StatusCode != 202 {
				n.tb.Fatalf("the delivery of %s was answered %d %s", event, d.StatusCode, d.Problem)
			}
			return d.DeliveredAt.Add(d.Duration)
		}
	}
	n.tb.Fatalf("%s %s was not delivered", event, action)
	return time.Time{}
}
