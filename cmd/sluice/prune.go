package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/store"
)

// What is kept, and how often the rest is removed.
const (
	pruneEvery      = 6 * time.Hour
	keepDeliveries  = 7 * 24 * time.Hour  // bodies of deliveries that are done
	keepBuilds      = 30 * 24 * time.Hour // logs and workspaces of builds that ended
	keepDeployments = 50                  // of each environment: what a rollback can choose from
)

// pruner is an executor that keeps logs and workspaces of its actions.
type pruner interface {
	Prune(ctx context.Context, before time.Time) (int, error)
}

// prune removes what nobody asks for any more: bodies of old deliveries, logs of old builds and deployments, and artifacts that no
// running execution and no recent deployment uses.
func (s *server) prune(ctx context.Context, artifacts *artifact.Store, executors ...pruner) error {
	now := time.Now()
	_, deliveries := s.store.Prune(ctx, now.Add(-keepDeliveries))
	var builds error
	for _, e := range executors {
		_, err := e.Prune(ctx, now.Add(-keepBuilds))
		builds = errors.Join(builds, err)
	}
	used, err := s.artifactsInUse(ctx)
	if err == nil {
		_, err = artifacts.Prune(ctx, func(digest string) bool { return used[digest] }, now.Add(-keepBuilds))
	}
	return errors.Join(deliveries, builds, err)
}

// artifactsInUse lists the digests of artifacts that something may still ask for.
func (s *server) artifactsInUse(ctx context.Context) (map[string]bool, error) {
	used := map[string]bool{}
	err := s.store.Read(ctx, func(tx *store.Tx) error {
		repos, err := tx.Repos(ctx)
		if err != nil {
			return err
		}
		for _, repo := range repos {
			if err := useOf(ctx, tx, repo.ID, used); err != nil {
				return err
			}
		}
		return nil
	})
	return used, err
}

// useOf adds what one repository uses.
func useOf(ctx context.Context, tx *store.Tx, repo int64, used map[string]bool) error {
	executions, err := tx.ActiveExecutions(ctx, repo)
	if err != nil {
		return err
	}
	environments, err := tx.Environments(ctx, repo)
	if err != nil {
		return err
	}
	for _, e := range environments {
		deployments, err := tx.Deployments(ctx, repo, e.Name, keepDeployments)
		if err != nil {
			return err
		}
		for _, d := range deployments {
			x, err := tx.Execution(ctx, d.ExecutionID)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			executions = append(executions, x)
		}
	}
	for _, x := range executions {
		for _, a := range x.State.Artifacts {
			used[a.Digest] = true
		}
	}
	return nil
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
