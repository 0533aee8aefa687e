package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/setup"
)

// withApp is the environment with the App's variables in it. A server that was told to make its App while there is none, and
// has no settings of one, takes what an earlier set-up has left in the data folder; else it serves the pages of the set-up, and
// nothing else, until the App is made.
func (c *serveCmd) withApp(e *env, log *slog.Logger) (func(string) string, error) {
	owner := c.Wanted(e.getenv)
	if owner == "" {
		return e.getenv, nil
	}
	cfg, err := c.ResolveSetup(e.getenv)
	err = errors.Join(err, c.TryData(e.getenv))
	_, all := c.Resolve(e.getenv, config.ReadFile, looks(e.ctx)...)
	if err = errors.Join(err, c.Others(all, err)); err != nil {
		return nil, &usageError{fmt.Errorf("the settings are wrong:\n%w", err)}
	}
	left, err := setup.ReadEnv(cfg.Data)
	if errors.Is(err, fs.ErrNotExist) {
		if err = c.setUp(e, cfg, strings.TrimPrefix(owner, "-"), log); err != nil {
			return nil, err
		}
		left, err = setup.ReadEnv(cfg.Data)
	}
	if err != nil {
		return nil, fmt.Errorf("the App that was set up: %w", err)
	}
	return func(name string) string {
		if given := e.getenv(name); given != "" {
			return given
		}
		return left[name]
	}, nil
}

// setUp makes the App. Meanwhile the admin address says that the server lives and takes no requests yet.
func (c *serveCmd) setUp(e *env, cfg *config.Setup, organization string, log *slog.Logger) error {
	ctx := e.ctx
	admin, err := net.Listen("tcp", cfg.AdminListen)
	if err != nil {
		return fmt.Errorf("listen on %s (--admin-listen): %w", cfg.AdminListen, err)
	}
	health := newEcho()
	health.GET("/livez", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	health.GET("/readyz", func(c echo.Context) error { return c.String(http.StatusServiceUnavailable, "there is no App yet\n") })
	srv := hardened(health)
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(admin) }()
	show := func(links []string) {
		for _, link := range links {
			log.WarnContext(ctx, "there is no App: open this link within 15 minutes to make it; it works once", "link", link, "admin", admin.Addr().String())
		}
	}
	o := setup.Options{
		Organization: organization, Serves: true, Renewed: show, Lifetime: e.wiring.link, Say: func(line string) { log.WarnContext(ctx, "set-up: "+line) },
	}
	app, err := makeApp(ctx, cfg, o, show)
	err = errors.Join(err, srv.Close())
	if stopped := <-ended; !errors.Is(stopped, http.ErrServerClosed) {
		err = errors.Join(err, stopped)
	}
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "the App is made; install it where it should work", "app", app.Name, "owner", app.Owner, "install", app.InstallURL)
	return nil
}
