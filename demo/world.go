// Package demo plays a release on one machine: a stand-in GitHub over real git repositories, two registries, a sample
// application, and Sluice's real server. Nothing in the story is pretended: people push with git and speak through the
// API, GitHub's stand-in delivers signed webhooks, builds are processes, images are pushed and copied between
// registries, and the environments are programs that are asked for their version after each deployment.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	ociregistry "github.com/google/go-containerregistry/pkg/registry"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// The people of the story, by what they do.
const (
	developer      = "developer"
	qa             = "qa"
	releaseManager = "release-manager"
)

const (
	org      = "acme"
	app      = "orders"
	repoName = org + "/" + app
	secret   = "the demo's webhook secret" //nolint:gosec // of a stand-in on loopback
)

// Settings are what the server under demonstration is started with.
type Settings struct {
	Listen, AdminListen string
	PublicURL           string
	Data                string
	AppID               int64
	PrivateKeyFile      string
	WebhookSecret       string
	APIURL, WebURL      string
	LocalExecutors      string
	RegistryAllow       string
	// BuildPath is the PATH of builds: the sample application is built with this machine's Go.
	BuildPath string
}

// Server is Sluice's server, running.
type Server interface {
	// Stop drains the server and waits until it has ended.
	Stop() error
	// StopEnvironments ends the environments' processes, which outlive a server.
	StopEnvironments(ctx context.Context) error
	Reader
}

// Options are what Run needs.
type Options struct {
	// Start starts Sluice's real server and returns once it takes requests.
	Start func(ctx context.Context, s Settings) (Server, error)
	Out   io.Writer
	// Auto ends after the story; else everything stays up until the context ends.
	Auto bool
	// JSON prints one object at the end, and nothing else.
	JSON bool
	// Colour marks words in colours.
	Colour bool
	Dir    string // an empty folder for everything; "": a temporary one, removed at the end
	// OpenAPI compares every call of the stand-in GitHub's API with GitHub's description. Nil: nothing is compared.
	OpenAPI Checker
}

// Checker compares calls with a description of an API.
type Checker = fakegithub.Checker

// world is everything that runs.
type world struct {
	dir         string
	hub         *fakegithub.Server
	repo        *fakegithub.Repo
	server      Server
	development string // registry host:port
	production  string
	settings    Settings
	ports       map[string]string // environment to host:port; development has hosts
	hosts       []host            // of development
	closers     []func() error
}

// newWorld starts GitHub's stand-in, the registries and the server.
func newWorld(ctx context.Context, o Options) (w *world, err error) {
	w = &world{dir: o.Dir, ports: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close(ctx))
		}
	}()
	if w.dir == "" {
		if w.dir, err = os.MkdirTemp("", "sluice-demo-"); err != nil {
			return w, err
		}
		w.closers = append(w.closers, func() error { return os.RemoveAll(w.dir) })
	}
	if err := w.startRegistries(); err != nil {
		return w, err
	}
	for _, env := range []string{"staging", "production"} {
		if w.ports[env], err = freePort(); err != nil {
			return w, err
		}
	}
	for _, name := range []string{"web-1", "web-2", "web-3"} {
		address, err := freePort()
		if err != nil {
			return w, err
		}
		w.hosts = append(w.hosts, host{name, address})
	}
	if err := w.startGitHub(o.OpenAPI); err != nil {
		return w, err
	}
	if w.server, err = o.Start(ctx, w.settings); err != nil {
		return w, fmt.Errorf("start the server: %w", err)
	}
	w.closers = append(w.closers, w.server.Stop)
	return w, nil
}

// startRegistries starts two registries that keep their blobs on disk.
func (w *world) startRegistries() error {
	for _, r := range []struct {
		name string
		host *string
	}{{"development", &w.development}, {"production", &w.production}} {
		dir := filepath.Join(w.dir, "registry-"+r.name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		handler := ociregistry.New(ociregistry.Logger(log.New(io.Discard, "", 0)), ociregistry.WithReferrersSupport(true),
			ociregistry.WithBlobHandler(ociregistry.NewDiskBlobHandler(dir)))
		host, closer, err := serve(handler)
		if err != nil {
			return err
		}
		*r.host = host
		w.closers = append(w.closers, closer)
	}
	return nil
}

// serve serves a handler on a free loopback port.
func serve(h http.Handler) (host string, closer func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	return l.Addr().String(), func() error {
		err := srv.Close()
		<-done
		return err
	}, nil
}

// freePort finds a loopback address nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// startGitHub makes the accounts, the App and the sample repository, and chooses the server's settings.
func (w *world) startGitHub(check Checker) (err error) {
	if w.hub, err = fakegithub.New(fakegithub.Options{Dir: filepath.Join(w.dir, "github"), RateLimit: -1, OpenAPI: check}); err != nil {
		return err
	}
	if _, err := w.hub.Start("127.0.0.1:0"); err != nil {
		return err
	}
	w.closers = append(w.closers, w.hub.Close)
	listen, err := freePort()
	if err != nil {
		return err
	}
	admin, err := freePort()
	if err != nil {
		return err
	}
	w.hub.AddOrg(org, developer, qa, releaseManager)
	w.hub.AddTeam(org, "qa", qa)
	w.hub.AddTeam(org, "release-managers", releaseManager)
	if w.repo, err = w.hub.AddRepo(repoName, fakegithub.RepoConfig{DefaultBranch: "master"}); err != nil {
		return err
	}
	w.repo.Grant(developer, fakegithub.RoleWrite)
	w.repo.Grant(qa, fakegithub.RoleWrite)
	w.repo.Grant(releaseManager, fakegithub.RoleMaintain)
	if err := w.seed(); err != nil {
		return err
	}
	made, err := w.hub.AddApp(fakegithub.AppConfig{WebhookURL: "http://" + listen + "/webhooks/github", WebhookSecret: secret})
	if err != nil {
		return err
	}
	if _, err := w.hub.Install(made.ID, org); err != nil {
		return err
	}
	key := filepath.Join(w.dir, "app.pem")
	if err := os.WriteFile(key, made.PrivateKey, 0o600); err != nil {
		return err
	}
	w.settings = Settings{
		Listen: listen, AdminListen: admin, PublicURL: "http://" + listen, Data: filepath.Join(w.dir, "data"),
		AppID: made.ID, PrivateKeyFile: key, WebhookSecret: secret, APIURL: w.hub.URL() + "/", WebURL: w.hub.URL() + "/",
		LocalExecutors: repoName, RegistryAllow: repoName + "=" + w.development + "/" + app + "," + repoName + "=" + w.production + "/" + app,
		BuildPath: os.Getenv("PATH"),
	}
	return nil
}

// seed gives the repository its history: version 1.3.0 on master, and development.
func (w *world) seed() error {
	files, err := w.sample()
	if err != nil {
		return err
	}
	sha, err := w.repo.Seed("master", "feat: take orders", files)
	if err != nil {
		return err
	}
	if err := w.repo.SetRef("refs/tags/v1.3.0", sha); err != nil {
		return err
	}
	return w.repo.SetRef("refs/heads/development", sha)
}

// objections are what GitHub would not have taken of all that was asked of it, as an error.
func (w *world) objections() error {
	var errs []error
	for _, v := range w.hub.Violations() {
		errs = append(errs, fmt.Errorf("GitHub would object: %v", v))
	}
	return errors.Join(errs...)
}

// close ends everything, newest first.
func (w *world) close(ctx context.Context) error {
	var errs []error
	if w.server != nil {
		errs = append(errs, w.server.StopEnvironments(ctx))
	}
	for i := len(w.closers) - 1; i >= 0; i-- {
		errs = append(errs, w.closers[i]())
	}
	return errors.Join(errs...)
}

// git runs git as somebody, in a clone of theirs.
func (w *world) git(ctx context.Context, who string, args ...string) (string, error) {
	dir := filepath.Join(w.dir, "clone-"+who)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if out, err := w.gitIn(ctx, w.dir, who, "clone", "--quiet", w.repo.CloneURL(who), dir); err != nil {
			return out, err
		}
	}
	return w.gitIn(ctx, dir, who, args...)
}

func (w *world) gitIn(ctx context.Context, dir, who string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(ownEnvironment(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME="+who, "GIT_AUTHOR_EMAIL="+who+"@example.com", "GIT_COMMITTER_NAME="+who, "GIT_COMMITTER_EMAIL="+who+"@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// ownEnvironment is this process's environment without what would lead git elsewhere: its own variables, as a hook has them set, and
// proxies, which nothing on loopback is behind.
func ownEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "GIT_") && name != "GIT_EXEC_PATH" || strings.HasSuffix(strings.ToLower(name), "_proxy")
	})
}

// shas lists every commit of the repository, newest first.
func (w *world) shas() []string {
	out, err := w.gitIn(context.Background(), w.repo.Dir(), developer, "rev-list", "--all")
	if err != nil {
		return nil
	}
	return strings.Fields(out)
}
