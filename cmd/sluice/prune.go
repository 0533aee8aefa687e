package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sluicehq/sluice/artifact"
)

// What is kept, and how often the rest is removed.
const (
	pruneEvery     = 6 * time.Hour
	keepDeliveries = 7 * 24 * time.Hour  // bodies of deliveries that are done
	keepBuilds     = 30 * 24 * time.Hour // logs and workspaces of builds that ended
)

// pruner is an executor that keeps logs and workspaces of its actions.
type pruner interface {
	Prune(ctx context.Context, before time.Time) (int, error)
}

// prune removes what nobody asks for any more: bodies of old deliveries, logs of old builds and deployments, and artifacts that nothing
// may still ask for.
func (s *server) prune(ctx context.Context, artifacts *artifact.Store, executors ...pruner) error {
	now := time.Now()
	_, deliveries := s.store.Prune(ctx, now.Add(-keepDeliveries))
	var builds error
	for _, e := range executors {
		_, err := e.Prune(ctx, now.Add(-keepBuilds))
		builds = errors.Join(builds, err)
	}
	return errors.Join(deliveries, builds, s.pruneArtifacts(ctx, artifacts, now.Add(-s.cfg.Artifacts.Keep)))
}

// secrets are the server's own, which no log of a build may show.
func (s *server) secrets() []string {
	var out []string
	for _, secret := range append(slices.Clone(s.cfg.GitHub.WebhookSecrets), s.cfg.GitHub.ClientSecret, s.cfg.Database, s.cfg.SSHKey) {
		if text := secret.Reveal(); text != "" {
			out = append(out, text)
		}
	}
	return out
}
