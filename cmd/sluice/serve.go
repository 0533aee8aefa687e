package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/sluicehq/sluice/config"
)

// serveCmd runs the server.
type serveCmd struct {
	config.ServerFlags
}

// Run checks all settings, reports every wrong one, and serves until SIGTERM or SIGINT.
func (c *serveCmd) Run(e *env) error {
	log := slog.New(slog.NewJSONHandler(e.stderr, nil))
	getenv, err := c.withApp(e, log)
	if err != nil {
		return err
	}
	cfg, err := c.Resolve(getenv, config.ReadFile, looks(e.ctx)...)
	if err = errors.Join(err, c.TryData(getenv)); err != nil {
		return &usageError{fmt.Errorf("the settings are wrong:\n%w", err)}
	}
	s, err := newServer(e.ctx, cfg, log, e.wiring)
	if err != nil {
		return err
	}
	err = s.run(e.ctx)
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	return err
}
