package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// reachArtifacts is how long the store of artifacts may take to answer at the start.
const reachArtifacts = 15 * time.Second

// openArtifacts opens the store of artifacts, and says where several servers have to share it. Packing and unpacking take places.
func (s *server) openArtifacts(ctx context.Context, places *executor.Places) (*artifact.Store, error) {
	a, err := artifact.Open(ctx, artifact.Options{URL: s.cfg.Artifacts.URL, Work: filepath.Join(s.cfg.Data, "work"), Place: places.Take})
	if err != nil {
		return nil, fmt.Errorf("--artifacts: %w", err)
	}
	look, cancel := context.WithTimeout(ctx, reachArtifacts)
	defer cancel()
	if err := a.Check(look); err != nil {
		return nil, errors.Join(fmt.Errorf("--artifacts: %w", err), a.Close())
	}
	if !a.Shared() && !strings.HasPrefix(s.cfg.Database.Reveal(), "sqlite:") {
		s.log.WarnContext(ctx, "artifacts are in a folder: where several servers share the database they must share this folder too, or use --artifacts s3://…",
			"folder", s.cfg.Artifacts.URL)
	}
	return a, nil
}

// artifacts looks whether the bucket of artifacts can be reached, or their folder written to. It is made when the server starts.
func (d *diagnosis) artifacts(ctx context.Context, cfg *config.Server) {
	place, _, _ := strings.Cut(cfg.Artifacts.URL, "?")
	switch err := tryArtifacts(ctx, cfg); {
	case err != nil:
		d.add(sick, "artifacts", err.Error(), "see --artifacts, and what the server may do with the folder or bucket")
	case filepath.IsAbs(cfg.Artifacts.URL):
		d.add(healthy, "artifacts", "in the folder "+cfg.Artifacts.URL, "")
	default:
		d.add(healthy, "artifacts", place+" can be listed", "")
	}
}

// pruneArtifacts removes artifacts that were stored before a time and that nothing may still ask for.
func (s *server) pruneArtifacts(ctx context.Context, artifacts *artifact.Store, before time.Time) error {
	used, err := artifactsInUse(ctx, s.store)
	if err != nil {
		return err
	}
	_, err = artifacts.Prune(ctx, func(digest string) bool { return used[digest] }, before)
	return err
}

// artifactsInUse lists the digests of artifacts that something may still ask for: executions that run or wait, releases that
// are not over, what runs in an environment, and what a rollback can choose.
func artifactsInUse(ctx context.Context, st *store.Store) (map[string]bool, error) {
	u := &use{digests: map[string]bool{}, seen: map[string]bool{}}
	err := st.Read(ctx, func(tx *store.Tx) error {
		repos, err := tx.Repos(ctx)
		if err != nil {
			return err
		}
		for _, repo := range repos {
			if err := u.repository(ctx, tx, repo.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return u.digests, err
}

// use gathers what is used.
type use struct {
	digests map[string]bool
	seen    map[string]bool // executions
}

func (u *use) repository(ctx context.Context, tx *store.Tx, repo int64) error {
	active, err := tx.ActiveExecutions(ctx, repo)
	if err != nil {
		return err
	}
	for _, x := range active {
		u.add(x)
	}
	live, err := tx.LiveReleases(ctx, repo)
	if err != nil {
		return err
	}
	for _, r := range live {
		if err := errors.Join(u.execution(ctx, tx, r.ExecutionID), u.execution(ctx, tx, r.ProductionExecutionID)); err != nil {
			return err
		}
	}
	environments, err := tx.Environments(ctx, repo)
	if err != nil {
		return err
	}
	for _, e := range environments {
		if err := u.environment(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// environment adds what runs there and what it can go back to.
func (u *use) environment(ctx context.Context, tx *store.Tx, e store.Environment) error {
	if err := u.execution(ctx, tx, e.ExecutionID); err != nil {
		return err
	}
	history, err := tx.Deployments(ctx, e.RepoID, e.Name, bot.RollbackReach)
	if err != nil {
		return err
	}
	for _, d := range history {
		if d.Status != pipeline.Succeeded {
			continue
		}
		if err := u.execution(ctx, tx, d.ExecutionID); err != nil {
			return err
		}
	}
	return nil
}

// execution adds what an execution has; one that is not known has nothing.
func (u *use) execution(ctx context.Context, tx *store.Tx, id string) error {
	if id == "" || u.seen[id] {
		return nil
	}
	u.seen[id] = true
	x, err := tx.Execution(ctx, id)
	if err == nil {
		u.add(x)
	}
	return ignoreMissing(err)
}

func (u *use) add(x store.Execution) {
	u.seen[x.ID] = true
	for _, a := range x.State.Artifacts {
		u.digests[a.Digest] = true
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
