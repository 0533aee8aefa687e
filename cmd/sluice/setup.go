package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/setup"
)

// setupCmd is "sluice setup": makes the GitHub App by GitHub's manifest flow, in a browser, and writes its key and secrets
// into the data folder. sluice serve --setup does the same before it serves.
type setupCmd struct {
	Organization string `name:"organization" placeholder:"ORG" help:"Organization that will own the App. Default: your own account."`
	PublicURL    string `name:"public-url" env:"SLUICE_PUBLIC_URL" placeholder:"URL" help:"Where GitHub and people will reach the server."`
	Listen       string `name:"listen" env:"SLUICE_LISTEN" placeholder:"HOST:PORT" help:"Address of the set-up's pages. Default 127.0.0.1:8080."`
	Data         string `name:"data" env:"SLUICE_DATA" placeholder:"DIR" help:"Folder to write to. Default ./data."`
	GitHubURL    string `name:"github-url" env:"SLUICE_GITHUB_URL" placeholder:"URL" help:"GitHub's pages. Default https://github.com/."`
	GitHubAPIURL string `name:"github-api-url" env:"SLUICE_GITHUB_API_URL" placeholder:"URL" help:"GitHub's REST API. Default https://api.github.com/."`
}

// Run shows the link, waits until the App is made, and says what to do next.
func (c *setupCmd) Run(e *env) error {
	flags := config.ServerFlags{Listen: c.Listen, PublicURL: c.PublicURL, Data: c.Data, GitHubURL: c.GitHubURL, GitHubAPIURL: c.GitHubAPIURL}
	cfg, err := flags.ResolveSetup(e.getenv)
	if err != nil {
		return &usageError{fmt.Errorf("the settings are wrong:\n%w", err)}
	}
	o := setup.Options{Organization: c.Organization, Say: func(line string) { fmt.Fprintln(e.stderr, line) }}
	app, err := makeApp(e.ctx, cfg, o, func(links []string) {
		fmt.Fprintf(e.stdout, "Open this link in a browser within 15 minutes. It works once:\n\n")
		for i, link := range links {
			if i == 1 {
				fmt.Fprintf(e.stdout, "\nor, in a browser on this machine:\n\n")
			}
			fmt.Fprintf(e.stdout, "  %s\n", link)
		}
		fmt.Fprintln(e.stdout)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "The App %q (ID %d) of %q is made. Key and secrets are in %s.\n\n", app.Name, app.ID, app.Owner, cfg.Data)
	fmt.Fprintf(e.stdout, "Start the server:\n\n  set -a; . %s; set +a; sluice serve\n\n", gitflow.Quote(app.EnvFile))
	if app.InstallURL != "" {
		fmt.Fprintf(e.stdout, "Then install the App where it should work:\n\n  %s\n\n", app.InstallURL)
	}
	fmt.Fprintf(e.stdout, "Whether all is as it should be is said, with the same variables, by: sluice doctor\n")
	return nil
}

// makeApp serves the set-up's pages until the App is made. show is given the links, which are for the operator alone. Options that
// the settings say are filled in.
func makeApp(ctx context.Context, cfg *config.Setup, o setup.Options, show func(links []string)) (setup.App, error) {
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return setup.App{}, fmt.Errorf("listen on %s (--listen): %w", cfg.Listen, err)
	}
	o.PublicURL, o.Origins, o.GitHubURL, o.APIURL = cfg.PublicURL.String(), setupOrigins(cfg, l.Addr()), cfg.URL.String(), cfg.APIURL.String()
	o.Permissions, o.Events, o.Dir, o.Env = setupPermissions(), setupEvents(), cfg.Data, setupEnv(cfg)
	s, err := setup.New(o)
	if err != nil {
		return setup.App{}, errors.Join(fmt.Errorf("set-up: %w", err), l.Close())
	}
	show(s.Links())
	return s.Run(ctx, l)
}

// setupOrigins are the addresses under which browsers may reach the set-up: the public one, and this machine's.
func setupOrigins(cfg *config.Setup, listening net.Addr) []string {
	var out []string
	if at, ok := listening.(*net.TCPAddr); ok && (at.IP.IsLoopback() || at.IP.IsUnspecified()) {
		out = append(out, fmt.Sprintf("http://localhost:%d", at.Port))
		if at.IP.IsLoopback() {
			out = []string{"http://" + at.String()}
		}
	}
	if public := cfg.PublicURL.String(); !slices.Contains(out, public) && !strings.HasSuffix(cfg.PublicURL.Host, ":0") {
		out = append([]string{public}, out...)
	}
	return out
}

// setupPermissions are those that docs/permissions.md lists.
func setupPermissions() (out []setup.Permission) {
	for _, p := range bot.Permissions() {
		out = append(out, setup.Permission{Name: p.Name, Access: p.Access, Optional: p.Optional, Why: p.Why})
	}
	return out
}

// setupEvents are those that docs/permissions.md lists, without the ones that every App is sent unasked.
func setupEvents() (out []setup.Event) {
	for _, s := range bot.Subscriptions() {
		if s.Permission != "" {
			out = append(out, setup.Event{Name: s.Event, Why: s.Why})
		}
	}
	return out
}

// setupEnv are the variables that are known before there is an App.
func setupEnv(cfg *config.Setup) []string {
	return []string{
		"SLUICE_LISTEN=" + cfg.Listen, "SLUICE_PUBLIC_URL=" + cfg.PublicURL.String(), "SLUICE_DATA=" + cfg.Data,
		"SLUICE_GITHUB_URL=" + cfg.URL.String(), "SLUICE_GITHUB_API_URL=" + cfg.APIURL.String(),
	}
}
