package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// enter takes an environment for an action that deploys there, or leaves the action waiting. The lock covers the deploy
// action; who deployed a candidate keeps the place until its approval is decided, except that a hotfix may borrow it.
func (s *session) enter(ctx context.Context, tx *store.Tx, x *store.Execution, run *store.ActionRun, name string) (pipeline.Fact, error) {
	env, err := tx.Environment(ctx, s.repo.ID, name)
	if err != nil {
		return nil, err
	}
	if env.Hold != "" && !isRollback(x) {
		run.Final, run.UpdatedAt = true, s.b.Now() // lifting the hold does not start it any more: /retry does
		if err := tx.SaveActionRun(ctx, *run); err != nil {
			return nil, err
		}
		return pipeline.ActionSettled{
			At: s.b.Now(), ID: run.ID, Status: pipeline.Failed,
			Summary: fmt.Sprintf("%s is held: %s; lift it with /unpin %s", name, env.Hold, name),
		}, nil
	}
	if wait, err := s.occupied(ctx, tx, x, &env); err != nil || wait {
		if err != nil {
			return nil, err
		}
		return nil, tx.SaveActionRun(ctx, *run) // not intended yet: settle asks again
	}
	fence, ok, err := tx.LockEnvironment(ctx, s.repo.ID, name, x.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, tx.SaveActionRun(ctx, *run)
	}
	env.LockedBy, env.Fence, env.UpdatedAt = x.ID, fence, s.b.Now()
	if err := tx.SaveEnvironment(ctx, env); err != nil {
		return nil, err
	}
	err = tx.SaveDeployment(ctx, store.Deployment{
		ID: run.ID, RepoID: s.repo.ID, Environment: name, Version: x.Version, Image: x.Image, Digest: x.State.Digest(),
		SHA: x.SHA, ReleaseID: x.ReleaseID, ExecutionID: x.ID, Status: pipeline.InProgress, StartedAt: s.b.Now(),
	})
	if err != nil {
		return nil, err
	}
	return nil, s.hand(ctx, tx, run)
}

// occupied tells whether an execution has to wait because another release's candidate is being judged in the
// environment, and otherwise makes the execution's release the occupant.
func (s *session) occupied(ctx context.Context, tx *store.Tx, x *store.Execution, env *store.Environment) (wait bool, err error) {
	if x.ReleaseID == "" || x.Kind == pipeline.KindProduction || x.Kind == kindRestore {
		return false, nil
	}
	if env.OccupiedBy != "" && env.OccupiedBy != x.ReleaseID {
		undecided, occupant, err := s.undecided(ctx, tx, env.OccupiedBy)
		if err != nil {
			return false, err
		}
		if undecided {
			if x.Kind != pipeline.KindHotfix || occupant.Kind == pipeline.KindHotfix {
				return true, nil
			}
			env.LentBy = occupant.ID
		}
	}
	env.OccupiedBy = x.ReleaseID
	return false, nil
}

// undecided tells whether a release's candidate is still being built, tried or judged.
func (s *session) undecided(ctx context.Context, tx *store.Tx, releaseID string) (bool, store.Release, error) {
	r, err := tx.Release(ctx, releaseID)
	if errors.Is(err, store.ErrNotFound) {
		return false, r, nil
	}
	if err != nil || r.Status != store.ReleaseOpen || r.ExecutionID == "" {
		return false, r, err
	}
	x, err := tx.Execution(ctx, r.ExecutionID)
	if err != nil {
		return false, r, ignoreMissing(err)
	}
	return !x.Status.Final() && !x.State.Promoting(), r, nil
}

// leave ends an action's hold on its environment and records what runs there now.
func (s *session) leave(ctx context.Context, run store.ActionRun, report executor.Report) error {
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		d, err := tx.Deployment(ctx, run.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil // it deploys nothing
		}
		if err != nil || d.Status.Final() {
			return err
		}
		d.Status, d.EndedAt = report.Status, s.b.Now()
		if err := tx.SaveDeployment(ctx, d); err != nil {
			return err
		}
		env, err := tx.Environment(ctx, s.repo.ID, d.Environment)
		if err != nil {
			return err
		}
		if report.Status == pipeline.Succeeded && env.LockedBy == d.ExecutionID {
			env.Version, env.Image, env.Digest, env.SHA = d.Version, d.Image, d.Digest, d.SHA
			env.ExecutionID, env.ReleaseID, env.DeployedAt = d.ExecutionID, d.ReleaseID, s.b.Now()
			env.UpdatedAt = s.b.Now()
			if err := tx.SaveEnvironment(ctx, env); err != nil {
				return err
			}
		}
		return tx.UnlockEnvironment(ctx, s.repo.ID, d.Environment, d.ExecutionID)
	})
}

// dispatchWaiting lets actions enter environments that have become free: hotfixes first, then in order.
func (s *session) dispatchWaiting(ctx context.Context) error {
	var open []store.ActionRun
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		open, err = tx.OpenActionRuns(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	for _, hotfixes := range []bool{true, false} {
		for _, run := range open {
			if run.Intended {
				continue
			}
			var req executor.Request
			if err := json.Unmarshal(run.Request, &req); err != nil {
				return fmt.Errorf("request of %s: %w", run.ID, err)
			}
			if (req.BranchKind == pipeline.KindHotfix) != hotfixes {
				continue
			}
			if err := s.tryEnter(ctx, run, req); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) tryEnter(ctx context.Context, run store.ActionRun, req executor.Request) error {
	var fact pipeline.Fact
	err := s.b.Store.Write(ctx, func(tx *store.Tx) error {
		fact = nil
		x, err := tx.Execution(ctx, run.ExecutionID)
		if err != nil {
			return err
		}
		if _, a, ok := x.State.Action(run.ID); !ok || a.ID != run.ID || a.Status != pipeline.InProgress {
			run.Final, run.UpdatedAt = true, s.b.Now() // nobody waits for it any more
			return tx.SaveActionRun(ctx, run)
		}
		fact, err = s.enter(ctx, tx, &x, &run, req.Environment)
		return err
	})
	if err != nil || fact == nil {
		return err
	}
	return s.advance(ctx, run.ExecutionID, fact)
}

// giveBack puts a candidate back into the environment that a hotfix borrowed, by digest, once the hotfix's approval is
// decided. A candidate that will be deployed anew anyway is not put back.
func (s *session) giveBack(ctx context.Context) error {
	var envs []store.Environment
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		envs, err = tx.Environments(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	for _, env := range envs {
		if env.LentBy == "" {
			continue
		}
		if err := s.giveBackOne(ctx, env); err != nil {
			return fmt.Errorf("give %s back: %w", env.Name, err)
		}
	}
	return nil
}

func (s *session) giveBackOne(ctx context.Context, env store.Environment) error {
	var judging, wanted bool
	var lender store.Release
	var x store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if judging, _, err = s.undecided(ctx, tx, env.OccupiedBy); err != nil || judging {
			return err
		}
		if wanted, lender, err = s.undecided(ctx, tx, env.LentBy); err != nil || !wanted {
			return err
		}
		x, err = tx.Execution(ctx, lender.ExecutionID)
		return err
	})
	if err != nil || judging {
		return err
	}
	digest := x.State.Digest()
	_, _, waits := x.State.OpenApproval()
	if wanted && waits && digest != "" && digest != env.Digest {
		deploy := s.cfg.Environment(env.Name).Deploy
		def := restorePipeline(env.Name, deploy)
		_, err := s.start(ctx, startRequest{
			kind: kindRestore, branch: gitflow.Branch{Name: lender.Branch, Kind: gitflow.KindRelease, Deploys: true},
			sha: x.SHA, release: &lender, by: forge.User{ID: s.us.UserID, Login: s.us.Login},
			origin: "restore " + env.ExecutionID, // what is there now: a place may be borrowed more than once
			given:  built{version: x.Version, image: x.Image, digest: digest, artifacts: x.State.Artifacts}, only: &def,
		})
		if err != nil {
			return err
		}
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.Environment(ctx, s.repo.ID, env.Name)
		if err != nil {
			return err
		}
		now.LentBy, now.UpdatedAt = "", s.b.Now()
		if wanted {
			now.OccupiedBy = lender.ID
		}
		return tx.SaveEnvironment(ctx, now)
	})
}

// restorePipeline is the pipeline that puts a digest back.
func restorePipeline(environment string, d pipeline.Deploy) pipeline.Definition {
	uses := d.Uses
	if uses == "" {
		uses = pipeline.UsesDeploy
	}
	return pipeline.Definition{Kind: kindRestore, Mode: pipeline.ModeQueued, Stages: []pipeline.Stage{{
		Name:    "Restore",
		Actions: []pipeline.Action{{Name: environment, Uses: uses, With: d.With, Environment: environment, Deploys: true}},
	}}}
}
