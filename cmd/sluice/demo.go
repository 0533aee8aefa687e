package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/demo"
	"github.com/sluicehq/sluice/executor/appspec"
	"github.com/sluicehq/sluice/executor/process"
	"github.com/sluicehq/sluice/store"
)

// demoCmd plays a release on this machine, with nothing to set up.
type demoCmd struct {
	Auto bool   `help:"End after the story, with status 0 if all of it came out as told."`
	JSON bool   `help:"Print one JSON object at the end instead of telling the story."`
	Dir  string `help:"A new or empty folder for everything, kept afterwards. Default: a temporary one, removed." placeholder:"DIR"`
}

// Run plays the story.
func (c *demoCmd) Run(e *env) error {
	if err := c.checkDir(); err != nil {
		return err
	}
	out, colour := e.stdout, false
	if f, ok := e.stdout.(*os.File); ok {
		colour = term.IsTerminal(int(f.Fd())) && e.getenv("NO_COLOR") == ""
	}
	return demo.Run(e.ctx, demo.Options{
		Start: func(ctx context.Context, s demo.Settings) (demo.Server, error) { return startDemo(ctx, e, s) },
		Out:   out, Auto: c.Auto, JSON: c.JSON, Colour: colour, Dir: c.Dir, OpenAPI: e.wiring.openAPI,
	})
}

// checkDir refuses a folder that has something in it: the demo makes many files, and would mix them with others.
func (c *demoCmd) checkDir() error {
	if c.Dir == "" {
		return nil
	}
	there, err := os.ReadDir(c.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &usageError{fmt.Errorf("--dir: %w", err)}
	case len(there) > 0:
		return &usageError{fmt.Errorf("--dir: %s is not empty; name a new folder, or an empty one", c.Dir)}
	}
	return nil
}

// demoServer is the real server, as the demo holds it.
type demoServer struct {
	*server
	cancel context.CancelFunc
	done   chan error
	log    io.Closer
}

// startDemo starts the server as serve would, with the settings of the demo, and waits until it takes requests.
func startDemo(ctx context.Context, e *env, s demo.Settings) (demo.Server, error) {
	flags := config.ServerFlags{
		Listen: s.Listen, AdminListen: s.AdminListen, PublicURL: s.PublicURL, Data: s.Data, GitHubAppID: fmt.Sprint(s.AppID),
		GitHubWebhookSecret: s.WebhookSecret, GitHubAPIURL: s.APIURL, GitHubURL: s.WebURL,
		LocalExecutors: s.LocalExecutors, BuildSandbox: "off", // the sample is built with this machine's build cache
		RegistryAllow: s.RegistryAllow,
	}
	if os.Geteuid() == 0 {
		flags.BuildUsers = "root" // so does the sample's build, which is this machine's own
	}
	cfg, err := flags.Resolve(func(name string) string {
		return map[string]string{"SLUICE_GITHUB_PRIVATE_KEY_FILE": s.PrivateKeyFile}[name]
	}, config.ReadFile)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(s.Data, "server.log"))
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewJSONHandler(file, nil))
	ready := make(chan struct{})
	w := e.wiring
	w.processes, w.unpaced, w.buildPath, w.localPages = true, true, s.BuildPath, true
	w.ready = func(net.Addr, net.Addr) { close(ready) }
	srv, err := newServer(ctx, cfg, log, w)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	// The server outlives the story's context: it is stopped after it, in order.
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d := &demoServer{server: srv, cancel: cancel, done: make(chan error, 1), log: file}
	go func() { d.done <- srv.run(run) }()
	select {
	case <-ready:
		return d, nil
	case err := <-d.done:
		cancel()
		return nil, errors.Join(err, srv.close(), file.Close())
	}
}

// Stop implements demo.Server.
func (d *demoServer) Stop() error {
	d.cancel()
	return errors.Join(<-d.done, d.close(), d.log.Close())
}

// StopEnvironments implements demo.Server.
func (d *demoServer) StopEnvironments(ctx context.Context) error {
	var errs []error
	for _, x := range d.embedded {
		switch x := x.(type) {
		case *process.Executor:
			errs = append(errs, x.StopAll(ctx))
		case *appspec.Executor:
			errs = append(errs, x.StopServices())
		}
	}
	return errors.Join(errs...)
}

// Releases implements demo.Reader.
func (d *demoServer) Releases(ctx context.Context, owner, name string) (out []demo.Release, err error) {
	err = d.store.Read(ctx, func(tx *store.Tx) error {
		repo, err := tx.RepoByName(ctx, owner, name)
		if err != nil {
			return err
		}
		all, err := tx.Releases(ctx, repo.ID)
		for _, r := range all {
			out = append(out, demo.Release{
				Version: r.Version, Kind: r.Kind, Branch: r.Branch, Tag: r.Tag, SHA: r.SHA, CandidateImage: r.CandidateImage,
				CandidateDigest: r.CandidateDigest, ProductionImage: r.ProductionImage, ProductionDigest: r.ProductionDigest,
				Status: string(r.Status), ID: r.ID, Pull: r.Pull, Finished: r.Finished,
			})
		}
		return err
	})
	return out, err
}

// Environments implements demo.Reader.
func (d *demoServer) Environments(ctx context.Context, owner, name string) (map[string]demo.Environment, error) {
	out := map[string]demo.Environment{}
	err := d.store.Read(ctx, func(tx *store.Tx) error {
		repo, err := tx.RepoByName(ctx, owner, name)
		if err != nil {
			return err
		}
		all, err := tx.Environments(ctx, repo.ID)
		for _, e := range all {
			out[e.Name] = demo.Environment{Version: e.Version, Image: e.Image, Digest: e.Digest, SHA: e.SHA, Hold: e.Hold, LentBy: e.LentBy}
		}
		return err
	})
	return out, err
}
