package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// stopGrace is how long work under way may take to end after SIGTERM.
const stopGrace = 20 * time.Second

// drain ends the server in the grace time: requests on the public address are answered and no new ones taken, and what the
// queue works on ends, at the same time. What is not done by then is called off and stays in the database; connections of
// those who are too slow are cut. The admin address goes last, since it says meanwhile that the server stops.
func (s *server) drain(ctx context.Context, public, admin *http.Server) error {
	grace, cancel := context.WithTimeout(ctx, s.grace)
	defer cancel()
	s.log.InfoContext(grace, "stopping", "grace", s.grace.String())
	worked := make(chan error, 1)
	go func() { worked <- s.queue.Stop(grace) }()
	answered := s.shutDown(grace, "public", public)
	return errors.Join(answered, <-worked, s.shutDown(grace, "admin", admin))
}

// shutDown lets requests under way be answered, and cuts those that take longer than ctx.
func (s *server) shutDown(ctx context.Context, name string, srv *http.Server) error {
	err := srv.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.WarnContext(ctx, "requests were cut off, because they took longer than the server may take to stop", "listen", name)
		err = srv.Close()
	}
	if err != nil {
		return fmt.Errorf("stop the %s address: %w", name, err)
	}
	return nil
}
