package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	ociregistry "github.com/google/go-containerregistry/pkg/registry"

	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/fakegithubtest"
	"github.com/sluicehq/sluice/test/fakesns"
)

// The world of a flow: a stand-in GitHub with one repository and some people, two registries, and the real server as a
// child process.
const (
	flowOrg    = "acme"
	flowApp    = "shop"
	flowRepo   = flowOrg + "/" + flowApp
	flowSecret = "the secret of the scripts' webhooks" //nolint:gosec // of a stand-in on loopback
	flowBot    = "sluice[bot]"
)

// flow is that world. Its methods are what people do and see; a script's commands and the crash test call them.
type flow struct {
	tb   testing.TB
	dir  string // for everything that is no concern of a script
	hub  *fakegithub.Server
	repo *fakegithub.Repo
	// name is the repository's full name; organization the organization's own, nil until a script makes it.
	name         string
	organization *fakegithub.Repo
	app          fakegithub.App
	install      fakegithub.Installation
	// installations are the Apps' on accounts, by "slug/account".
	installations map[string]int64
	dev           string // host:port of the registries
	prod          string
	stalled       map[string]*stall // the registries' stalls, by host:port
	// database is the store's URL; empty: SQLite in the data folder.
	database string
	// extra are variables of the server's environment beyond the usual ones.
	extra []string
	// sns is there for a server that listens to AWS, sent what it was sent, by ID: what is sent again is the same.
	sns    *fakesns.Server
	sent   map[string][]byte
	server *flowServer
	// commits counts those without files of their own.
	commits int
	// patience is how long a look may go on. Zero: as the constant.
	patience time.Duration
	// before is done before each look; nil: nothing.
	before func() error
	// mends take faults back.
	mends []func()
}

// lastingDir is a temporary folder for what outlives a server: a build may still write into it when the test is over, so
// removing it is tried until nothing comes back.
func lastingDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "sluice-flow-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		late := time.After(patience)
		for {
			err := os.RemoveAll(dir)
			if err == nil {
				return
			}
			select {
			case <-late:
				tb.Errorf("the folder is still written to: %v", err)
				return
			case <-tick.C:
			}
		}
	})
	return dir
}

// newFlow starts everything but the server.
func newFlow(tb testing.TB, database string) *flow {
	tb.Helper()
	f := &flow{tb: tb, dir: lastingDir(tb), database: database, name: flowRepo, installations: map[string]int64{}}
	f.stalled = map[string]*stall{}
	f.dev, f.prod = f.registry(), f.registry()
	f.hub = fakegithubtest.New(tb, fakegithub.Options{RateLimit: -1, Now: f.clock().now})
	f.hub.AddOrg(flowOrg, "dev", "eve", "qa", "rm", "boss")
	f.hub.AddUser("reader")
	f.hub.AddUser("stranger")
	var err error
	if f.repo, err = f.hub.AddRepo(flowRepo, fakegithub.RepoConfig{DefaultBranch: "master"}); err != nil {
		tb.Fatal(err)
	}
	for login, role := range map[string]fakegithub.Role{
		"dev": fakegithub.RoleWrite, "eve": fakegithub.RoleWrite, "qa": fakegithub.RoleWrite, "rm": fakegithub.RoleMaintain,
		"boss": fakegithub.RoleAdmin, "reader": fakegithub.RoleRead,
	} {
		f.repo.Grant(login, role)
	}
	f.app, err = f.hub.AddApp(fakegithub.AppConfig{WebhookSecret: flowSecret})
	if err != nil {
		tb.Fatal(err)
	}
	if f.install, err = f.installOn(f.app, flowOrg); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.dir, "app.pem"), f.app.PrivateKey, 0o600); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(f.end)
	return f
}

// installOn puts an App on an account.
func (f *flow) installOn(app fakegithub.App, account string) (fakegithub.Installation, error) {
	i, err := f.hub.Install(app.ID, account)
	f.installations[app.Slug+"/"+account] = i.ID
	return i, err
}

// end stops the server and looks whether anything went wrong in silence.
func (f *flow) end() {
	f.crash()
	if races, err := f.races(); err != nil || races != "" {
		f.tb.Errorf("data races, which no status tells of since programs were killed: %v\n%s", err, races)
	}
	if lines, err := f.unlisted(); err != nil || len(lines) > 0 {
		f.tb.Errorf("keys of the log that docs/operations.md does not list: %v\n%s", err, strings.Join(lines, "\n"))
	}
	if !f.tb.Failed() {
		return
	}
	text, err := os.ReadFile(f.logFile())
	if err != nil {
		return
	}
	f.tb.Logf("the server's log:\n%s", text[max(0, len(text)-12<<10):])
}

// races are the first reports of the race detector in the logs of the server and of the supervisors that it started.
func (f *flow) races() (string, error) {
	logs := []string{f.logFile()}
	err := filepath.WalkDir(filepath.Join(f.dir, "data"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Name() == "supervisor.log" {
			logs = append(logs, path)
		}
		if errors.Is(err, fs.ErrNotExist) { // a build that ends now clears up
			return nil
		}
		return err
	})
	var found strings.Builder
	for _, path := range logs {
		text, wrong := os.ReadFile(path)
		if wrong != nil && !errors.Is(wrong, fs.ErrNotExist) {
			err = errors.Join(err, wrong)
		}
		if at := bytes.Index(text, []byte("WARNING: DATA RACE")); at >= 0 {
			fmt.Fprintf(&found, "%s:\n%s\n", path, text[at:min(len(text), at+8<<10)])
		}
	}
	return found.String(), err
}

// registry starts an image registry on loopback and returns its host:port.
func (f *flow) registry() string {
	on := &stall{next: ociregistry.New(ociregistry.Logger(log.New(io.Discard, "", 0)), ociregistry.WithReferrersSupport(true))}
	s := httptest.NewServer(on)
	f.tb.Cleanup(s.Close)
	f.tb.Cleanup(on.end)
	host := strings.TrimPrefix(s.URL, "http://")
	f.stalled[host] = on
	return host
}

// stall keeps whoever uploads a blob waiting while it stands.
type stall struct {
	next http.Handler
	mu   sync.Mutex
	over chan struct{} // nil: nobody waits
	// waited counts who came to it.
	waited int
}

func (s *stall) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	over := s.over
	upload := over != nil && r.Method == http.MethodPost
	if upload {
		s.waited++
	}
	s.mu.Unlock()
	if upload {
		select {
		case <-over:
		case <-r.Context().Done():
			return
		}
	}
	s.next.ServeHTTP(w, r)
}

func (s *stall) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over, s.waited = make(chan struct{}), 0
}

func (s *stall) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		close(s.over)
		s.over = nil
	}
}

// count is how many have come to it.
func (s *stall) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waited
}

// seed gives the repository its history: files and version 1.3.0 on master, development there too or a commit ahead.
func (f *flow) seed(development, ahead bool, files map[string]string) error {
	sha, err := f.repo.Seed("master", "feat: open the shop", files)
	if err != nil {
		return err
	}
	if err := f.repo.SetRef("refs/tags/v1.3.0", sha); err != nil || !development {
		return err
	}
	if err := f.repo.SetRef("refs/heads/development", sha); err != nil || !ahead {
		return err
	}
	_, err = f.repo.Seed("development", "feat: sell apples", map[string]string{"apples.txt": "10\n"})
	return err
}

// until looks until it is so. saw is for the message when patience ends.
func (f *flow) until(what string, look func() (saw string, done bool)) error {
	var broken error
	err := await(f.tb.Context(), cmp.Or(f.patience, patience), what, func() (string, bool) {
		if f.before != nil {
			if broken = f.before(); broken != nil {
				return "", true
			}
		}
		return look()
	})
	return errors.Join(broken, err)
}

// git runs git as somebody, in a clone of theirs.
func (f *flow) git(who string, args ...string) (string, error) {
	dir := filepath.Join(f.dir, "clone-"+who)
	if _, err := os.Stat(dir); err != nil {
		if out, err := f.gitIn(f.dir, who, "clone", "--quiet", f.repo.CloneURL(who), dir); err != nil {
			return out, err
		}
	}
	return f.gitIn(dir, who, args...)
}

func (f *flow) gitIn(dir, who string, args ...string) (string, error) {
	return f.runIn(dir, who, "git", args...)
}

// runIn runs a program in a folder, with git set up for somebody.
func (f *flow) runIn(dir, who, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(f.tb.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME="+who, "GIT_AUTHOR_EMAIL="+who+"@example.com", "GIT_COMMITTER_NAME="+who, "GIT_COMMITTER_EMAIL="+who+"@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// sha is the commit a branch, a tag or a SHA names.
func (f *flow) sha(ref string) (string, error) {
	if sha := f.repo.SHA(ref); sha != "" {
		return sha, nil
	}
	return "", fmt.Errorf("there is no branch, tag or commit %q", ref)
}
