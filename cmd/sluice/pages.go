package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/dashboard"
	"github.com/sluicehq/sluice/store"
)

// wirePages makes the dashboard. Without a client ID nobody can sign in, and it shows nothing, except in the demo.
func (s *server) wirePages(w wiring) error {
	o := dashboard.Options{
		Actor: actor{s.bot},
		Store: s.store, PublicURL: s.cfg.PublicURL.String(), GitHubURL: s.cfg.GitHub.URL.String(), OpenToLocal: w.localPages, Log: s.log,
	}
	if s.cfg.GitHub.ClientID != "" {
		viewer, err := dashboard.NewGitHub(dashboard.GitHubOptions{
			ClientID: s.cfg.GitHub.ClientID, ClientSecret: s.cfg.GitHub.ClientSecret.Reveal(),
			URL: s.cfg.GitHub.URL.String(), APIURL: s.cfg.GitHub.APIURL.String(),
		})
		if err != nil {
			return err
		}
		o.Viewer = viewer
	}
	var err error
	s.pages, err = dashboard.New(o)
	return err
}

// withPages ends the streams of events when the server shuts down: they would keep it waiting.
func (s *server) withPages(srv *http.Server) *http.Server {
	srv.RegisterOnShutdown(s.pages.Close)
	return srv
}

// actor is the bot as pages and the API see it.
type actor struct{ *bot.Bot }

// Act implements dashboard.Actor.
func (a actor) Act(ctx context.Context, o store.Operation) (store.Operation, error) {
	o, err := a.Bot.Act(ctx, o)
	return o, misspelt(err)
}

func misspelt(err error) error {
	var wrong *bot.CommandError
	if errors.As(err, &wrong) {
		return &dashboard.CommandError{Problem: wrong.Problem, Usage: wrong.Usage}
	}
	return err
}
