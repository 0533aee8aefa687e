package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/dashboard"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/githubapp"
	"github.com/sluicehq/sluice/store"
)

// wirePages makes the dashboard. Without a client ID nobody can sign in, and it shows nothing, except in the demo.
func (s *server) wirePages(w wiring, executors *executor.Registry) error {
	o := dashboard.Options{
		Logs:  actionLogs{executors},
		Actor: actor{s.bot}, Recorder: recorder{s.bot}, Rights: rights{s.github}, Examiner: &examiner{server: s, now: w.now},
		Store: s.store, PublicURL: s.cfg.PublicURL.String(), GitHubURL: s.cfg.GitHub.URL.String(), OpenToLocal: w.localPages, Log: s.log, Now: w.now,
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

// Post implements dashboard.Actor.
func (a actor) Post(ctx context.Context, o store.Operation) (store.Operation, error) {
	o, err := a.Bot.Post(ctx, o)
	return o, misspelt(err)
}

// Alarm implements dashboard.Actor.
func (a actor) Alarm(ctx context.Context, o store.Operation, m dashboard.Alarm) (store.Operation, error) {
	o, err := a.Bot.Alarm(ctx, o, bot.Alarm{
		Environment: m.Environment, Component: m.Component, Name: m.Name, Reason: m.Reason, Cleared: m.State == dashboard.AlarmCleared,
	})
	return o, misspelt(err)
}

// recorder is the bot's evidence as pages and the API see it.
type recorder struct{ *bot.Bot }

// Evidence implements dashboard.Recorder.
func (r recorder) Evidence(ctx context.Context, repo int64, who forge.User, version string) (any, error) {
	e, err := r.Bot.Evidence(ctx, repo, who, version)
	var no *bot.NotAllowedError
	if errors.As(err, &no) {
		return nil, &dashboard.RefusedError{Text: no.Text}
	}
	return e, err
}

func misspelt(err error) error {
	var wrong *bot.CommandError
	if errors.As(err, &wrong) {
		return &dashboard.CommandError{Problem: wrong.Problem, Usage: wrong.Usage}
	}
	return err
}

// rights asks GitHub as the App what people may.
type rights struct{ app *githubapp.App }

// Role implements dashboard.Rights.
func (r rights) Role(ctx context.Context, repo store.Repo, who forge.User) (forge.Role, error) {
	gh := r.app.Repo(repo.InstallationID, repo.ID, repo.Owner, repo.Name)
	now, err := gh.UserByLogin(ctx, who.Login)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return forge.RoleNone, nil
	case err != nil:
		return forge.RoleNone, err
	case now.ID != who.ID: // the name has passed to somebody else
		return forge.RoleNone, nil
	}
	role, err := gh.Role(ctx, who.Login)
	if errors.Is(err, forge.ErrNotFound) {
		return forge.RoleNone, nil
	}
	return role, err
}
