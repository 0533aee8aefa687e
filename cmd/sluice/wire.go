package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/dashboard"
	"github.com/sluicehq/sluice/demo"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/appspec"
	"github.com/sluicehq/sluice/executor/checks"
	"github.com/sluicehq/sluice/executor/githubactions"
	"github.com/sluicehq/sluice/executor/image"
	"github.com/sluicehq/sluice/executor/process"
	"github.com/sluicehq/sluice/executor/promote"
	"github.com/sluicehq/sluice/githubapp"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/registry"
	"github.com/sluicehq/sluice/secretscan"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/webhooks"
)

// wiring is what the demo and tests change about a server.
type wiring struct {
	// processes allows the executor that runs images as processes on this host.
	processes bool
	// unpaced writes to GitHub as fast as it answers: for a stand-in, never for GitHub.
	unpaced bool
	// buildPath is the PATH of builds; "": the executor's default.
	buildPath string
	// localPages shows the dashboard, without buttons, to browsers on this machine while there is no sign-in.
	localPages bool
	// openAPI is GitHub's description, with which the demo compares what it asks of its stand-in. Nil: nothing is compared.
	openAPI demo.Checker
	// aws fetches SNS's certificates, awsRoots are who may have issued them. Nil: as package sns does.
	aws      *http.Client
	awsRoots *x509.CertPool
	// failpoint is handed to the bot.
	failpoint func(point, key string)
	// grace is how long work under way may take to end when the server stops. Zero: stopGrace.
	grace time.Duration
	// now is the clock by which the server decides. Default: the machine's, which does not go back.
	now func() time.Time
	// link is how long the link of the set-up holds. Default setup's.
	link time.Duration
	// ready is called with the addresses once the server takes requests and works.
	ready func(public, admin net.Addr)
}

// server is all of Sluice in one process, wired and not started.
type server struct {
	cfg      *config.Server
	log      *slog.Logger
	store    *store.Store
	queue    *queue.Queue
	bot      *bot.Bot
	hooks    *webhooks.Server
	pages    *dashboard.Server
	metrics  *prometheus.Registry
	embedded []interface{ Close() error }
	github   *githubapp.App
	ready    func(public, admin net.Addr)
	access   *adminAccess
	grace    time.Duration
}

// newServer opens the database and wires the packages. The caller calls close.
func newServer(ctx context.Context, cfg *config.Server, log *slog.Logger, w wiring) (*server, error) {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if w.now == nil {
		w.now = newSteadyClock(log).now
	}
	st, err := store.Open(ctx, cfg.Database.Reveal(), store.Options{Log: log, Now: w.now})
	if err != nil {
		return nil, err
	}
	s := &server{cfg: cfg, log: log, store: st, metrics: prometheus.NewRegistry(), ready: w.ready, access: newAdminAccess(), grace: cmp.Or(w.grace, stopGrace)}
	if err := s.wire(ctx, w); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *server) wire(ctx context.Context, w wiring) error {
	rate := githubapp.WriteRate{Burst: s.cfg.WriteRate.Burst, PerSecond: s.cfg.WriteRate.Refill}
	if w.unpaced {
		rate = githubapp.WriteRate{}
	}
	app, err := githubapp.New(githubapp.Options{
		AppID: s.cfg.GitHub.AppID, Key: s.cfg.GitHub.PrivateKey.Reveal(), APIURL: s.cfg.GitHub.APIURL.String(), WriteRate: rate,
		Now: w.now,
	})
	if err != nil {
		return err
	}
	s.github = app
	if s.queue, err = queue.New(s.store, queue.Options{Log: s.log, Now: w.now}); err != nil {
		return err
	}
	bell := executor.NewBell()
	images := images{registry.New(registry.Options{})}
	executors, err := s.executors(ctx, gitHub{app}, images, bell, w)
	if err != nil {
		return err
	}
	if err := s.letUsersIn(ctx); err != nil {
		return err
	}
	scanner, err := secretscan.New()
	if err != nil {
		return err
	}
	s.bot = &bot.Bot{
		App: gitHub{app}, Store: s.store, Queue: s.queue, Translate: webhooks.Translate, Executors: executors, Bell: bell,
		Images: images, Secrets: secrets{scanner, executor.NewPlaces(runtime.GOMAXPROCS(0))}, Allow: bot.Allow{LocalExecutors: s.cfg.LocalExecutors.Match, Registry: s.cfg.RegistryAllow.Allows},
		PublicURL: strings.TrimSuffix(s.cfg.PublicURL.String(), "/"), GitHubURL: strings.TrimSuffix(s.cfg.GitHub.URL.String(), "/"),
		Alarms: s.cfg.AWS.Alarms.Places,
		Now:    w.now, Ahead: app.Ahead, Log: s.log, Failpoint: w.failpoint,
	}
	s.bot.Register()
	listened, err := s.listenToAWS(w)
	if err != nil {
		return err
	}
	s.hooks, err = webhooks.New(webhooks.Config{
		Secrets: webhookSecrets(s.cfg.GitHub.WebhookSecrets), AWS: listened, Acceptor: s.bot, Registerer: s.metrics, Log: s.log, Now: w.now,
	})
	if err != nil {
		return err
	}
	s.measure()
	return s.wirePages(w, executors)
}

// executors makes one executor for each `uses:`.
func (s *server) executors(ctx context.Context, gh gitHub, images images, bell *executor.Bell, w wiring) (*executor.Registry, error) {
	// A slow turn of the queue leaves its place to others, and so does not bound what this host works out itself.
	places := executor.NewPlaces(runtime.GOMAXPROCS(0))
	artifacts, err := s.openArtifacts(ctx, places)
	if err != nil {
		return nil, err
	}
	s.embedded = append(s.embedded, artifacts)
	build, err := s.builds(gh, artifacts, bell, w)
	if err != nil {
		return nil, err
	}
	s.embedded = append(s.embedded, build)
	hosts, err := appspec.New(appspec.Options{
		Dir: filepath.Join(s.cfg.Data, "hosts"), Allowed: s.cfg.LocalExecutors.Match, Artifacts: artifacts, Ring: bell.Ring, Path: w.buildPath,
		Secrets: s.secrets(), SSHAllowed: s.cfg.SSHAllow.Allows, Users: s.cfg.DeployUsers.Users,
		SSH: appspec.SSH{Key: s.cfg.SSHKey.Reveal(), KnownHosts: s.cfg.SSHKnownHosts},
	})
	if err != nil {
		return nil, err
	}
	s.embedded = append(s.embedded, hosts)
	assemble, err := image.New(image.Options{
		Dir: filepath.Join(s.cfg.Data, "images"), Registry: images.forImages, Artifacts: artifacts, Allowed: s.cfg.RegistryAllow.Allows,
		Key: s.cfg.ImageKey, Secrets: s.secrets(), Places: places,
	})
	if err != nil {
		return nil, err
	}
	copies := &promote.Executor{Registry: images.forPromotion, Journals: actiondir.Journals{Dir: filepath.Join(s.cfg.Data, "promotions"), Secrets: s.secrets()}}
	s.queue.Every("prune", pruneEvery, func(ctx context.Context) error { return s.prune(ctx, artifacts, build, hosts, assemble, copies) })
	all := map[string]executor.Executor{
		"checks": &checks.Executor{
			Repo: func(r executor.Request) checks.GitHub { return gh.repoOf(r) }, AppID: s.cfg.GitHub.AppID, Now: w.now,
		},
		"buildspec":          build,
		"appspec":            hosts,
		"image":              assemble,
		pipeline.UsesPromote: copies,
		pipeline.UsesDeploy:  executor.RecordOnly{},
		"github-actions": &githubactions.Executor{
			Repo: func(r executor.Request) githubactions.GitHub { return gh.repoOf(r) }, Now: w.now, Secrets: s.secrets(),
		},
	}
	if w.processes {
		run, err := process.New(process.Options{ForDemo: true, Dir: filepath.Join(s.cfg.Data, "processes"), Registry: images.client, Secrets: s.secrets()})
		if err != nil {
			return nil, err
		}
		s.embedded = append(s.embedded, run)
		all["process"] = run
	}
	return executor.NewRegistry(all), nil
}

// run takes requests and works until ctx ends, then drains.
func (s *server) run(ctx context.Context) error {
	public, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s (--listen): %w", s.cfg.Listen, err)
	}
	admin, err := net.Listen("tcp", s.cfg.AdminListen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen on %s (--admin-listen): %w", s.cfg.AdminListen, err), public.Close())
	}
	if err := s.access.leave(s.cfg.Data, admin.Addr()); err != nil {
		return errors.Join(err, public.Close(), admin.Close())
	}
	health := &health{server: s}
	servers := []*http.Server{s.publicServer(), s.adminServer(health)}
	since := s.bot.Now()
	group, ctx := errgroup.WithContext(ctx)
	for i, l := range []net.Listener{public, admin} {
		group.Go(func() error {
			if err := servers[i].Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	s.log.InfoContext(ctx, "listening", "listen", public.Addr().String(), "admin", admin.Addr().String())
	begun := make(chan struct{})
	group.Go(func() error {
		err := s.begin(ctx, since)
		close(begun)
		if err != nil || ctx.Err() != nil {
			return err
		}
		group.Go(func() error { s.firstLook(ctx); return nil })
		s.log.InfoContext(ctx, "ready", "listen", public.Addr().String(), "admin", admin.Addr().String())
		if s.ready != nil {
			s.ready(public.Addr(), admin.Addr())
		}
		return s.bot.Watch(ctx)
	})
	group.Go(func() error {
		<-ctx.Done()
		health.draining.Store(true)
		<-begun // ctx has cut it short
		return s.drain(context.WithoutCancel(ctx), servers[0], servers[1])
	})
	return group.Wait()
}

// begin has the queue work, once GitHub's log was asked whether a backup was restored. What is delivered since the given time, when the
// server began to listen, waits in the database meanwhile. A server that is told to stop begins nothing.
func (s *server) begin(ctx context.Context, since time.Time) error {
	s.lookBack(ctx, since)
	if ctx.Err() != nil {
		return nil
	}
	if err := s.queue.Start(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// lookBackFor bounds the look at GitHub's log before anything is worked.
const lookBackFor = 15 * time.Second

// lookBack asks GitHub's log whether a backup was restored, before anything is worked.
func (s *server) lookBack(ctx context.Context, since time.Time) {
	ctx, cancel := context.WithTimeout(ctx, lookBackFor)
	defer cancel()
	s.bot.LookBack(ctx, since)
}

// firstLook reconciles at start; GitHub being out of reach only delays it.
func (s *server) firstLook(ctx context.Context) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		err := s.bot.Reconcile(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		s.log.WarnContext(ctx, "the first look at GitHub failed and is repeated", "err", err, "wait", wait.String())
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// close lets go of everything that is open.
func (s *server) close() error {
	var errs []error
	if s.github != nil {
		s.github.Close()
	}
	for _, e := range s.embedded {
		errs = append(errs, e.Close())
	}
	return errors.Join(append(errs, s.store.Close())...)
}
