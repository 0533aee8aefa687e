package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// enter takes an environment for an action that deploys there, or leaves the action waiting. The lock covers the deploy
// action; who deployed a candidate keeps the place until its approval is decided, except that a hotfix may borrow it.
func (s *session) enter(ctx context.Context, tx *store.Tx, x *store.Execution, run *store.ActionRun, name string) (pipeline.Fact, error) {
	name = s.env(name)
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
	late, err := s.tooLate(ctx, tx, x, env)
	if err != nil {
		return nil, err
	}
	if late {
		run.Final, run.UpdatedAt = true, s.b.Now()
		if err := tx.SaveActionRun(ctx, *run); err != nil {
			return nil, err
		}
		return pipeline.ActionSettled{
			At: s.b.Now(), ID: run.ID, Status: pipeline.Stopped, Summary: "another release has taken the place; it is put back after that one",
		}, nil
	}
	bar, err := s.barred(ctx, tx, x, name)
	if err != nil {
		return nil, err
	}
	if err := s.wakeAt(ctx, tx, bar.until); err != nil {
		return nil, err
	}
	why := bar.why
	if why == "" {
		if why, err = s.occupied(ctx, tx, x, &env); err != nil {
			return nil, err
		}
	}
	if why != "" {
		return s.waits(x, run.ID, why), tx.SaveActionRun(ctx, *run) // not intended yet: settle asks again
	}
	fence, ok, err := tx.LockEnvironment(ctx, s.repo.ID, name, x.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		other, err := oneExecution(ctx, tx, env.LockedBy)
		if err != nil {
			return nil, err
		}
		why := "another deployment to " + name + " is under way"
		if other != nil {
			why += ": " + naming(*other)
			if other.Status.Final() {
				cancel := "/cancel --abandon there"
				switch {
				case isReturn(other):
					cancel = "/cancel " + name + " --abandon"
				case other.Kind == pipeline.KindProduction:
					cancel = "/cancel promotion --abandon there"
				}
				why += ", which has ended, and nobody knows what became of that deployment; " + cancel + " gives it up"
			}
		}
		return s.waits(x, run.ID, why), tx.SaveActionRun(ctx, *run)
	}
	if err := s.recordPassed(ctx, tx, x, name, bar.passed); err != nil {
		return nil, err
	}
	env.LockedBy, env.Fence, env.UpdatedAt = x.ID, fence, s.b.Now()
	if err := tx.SaveEnvironment(ctx, env); err != nil {
		return nil, err
	}
	last, err := tx.Deployments(ctx, s.repo.ID, name, 1)
	if err != nil {
		return nil, err
	}
	at := s.b.Now()
	if len(last) > 0 {
		at = after(last[0].StartedAt, at) // the history is in this order, whatever a clock says
	}
	err = tx.SaveDeployment(ctx, store.Deployment{
		ID: run.ID, RepoID: s.repo.ID, Environment: name, Version: x.Version, Image: x.Image, Digest: x.State.Digest(),
		SHA: x.SHA, ReleaseID: x.ReleaseID, ExecutionID: x.ID, Status: pipeline.InProgress, StartedAt: at,
	})
	if err != nil {
		return nil, err
	}
	return s.waits(x, run.ID, ""), s.hand(ctx, tx, run)
}

// leave ends an action's hold on its environment and records what runs there now.
func (s *session) leave(ctx context.Context, run store.ActionRun, report executor.Report) error {
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		d, under, err := openDeployment(ctx, tx, run.ID)
		if err != nil || !under {
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
			overtakes, err := overtakesReturn(ctx, tx, env)
			if err != nil {
				return err
			}
			if overtakes {
				env.ReturnBy = ""
			}
			if err := tx.SaveEnvironment(ctx, env); err != nil {
				return err
			}
		}
		return unlock(ctx, tx, d)
	})
}

// unlock lets a deployment that has ended go of its environment. The lock is the execution's: where a later attempt of it is under
// way there, that keeps it.
func unlock(ctx context.Context, tx *store.Tx, d store.Deployment) error {
	open, err := tx.OpenDeployments(ctx, d.RepoID)
	if err != nil {
		return err
	}
	for _, o := range open {
		if o.Environment == d.Environment && o.ExecutionID == d.ExecutionID && o.ID != d.ID && !o.StartedAt.Before(d.StartedAt) {
			return nil
		}
	}
	return tx.UnlockEnvironment(ctx, d.RepoID, d.Environment, d.ExecutionID)
}

// openDeployment is the deployment of an action, if that deploys and its deployment has not ended: an abandoned one has, whatever
// its executor goes on to do.
func openDeployment(ctx context.Context, tx *store.Tx, id string) (d store.Deployment, under bool, err error) {
	d, err = tx.Deployment(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return d, false, nil
	}
	return d, err == nil && !d.Status.Final(), err
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
		fact, err = s.in(x.Component).enter(ctx, tx, &x, &run, req.Environment)
		return err
	})
	if err != nil || fact == nil {
		return err
	}
	return s.advance(ctx, run.ExecutionID, fact)
}

// restorePipeline is the pipeline that puts a digest back.
func restorePipeline(environment string, d pipeline.Deploy) pipeline.Definition {
	environment = ownEnv(environment)
	uses := d.Uses
	if uses == "" {
		uses = pipeline.UsesDeploy
	}
	return pipeline.Definition{Kind: kindRestore, Mode: pipeline.ModeQueued, Stages: []pipeline.Stage{{
		Name:    "Restore",
		Actions: []pipeline.Action{{Name: environment, Uses: uses, With: d.With, Environment: environment, Deploys: true}},
	}}}
}
