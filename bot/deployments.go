package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// reportDeployments records at GitHub what was and is being deployed.
func (s *session) reportDeployments(ctx context.Context) error {
	if s.repo.Observe {
		return nil
	}
	var recent []store.Deployment
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		envs, err := tx.Environments(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		for _, e := range envs {
			some, err := tx.Deployments(ctx, s.repo.ID, e.Name, 3)
			if err != nil {
				return err
			}
			recent = append(recent, some...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	replaced := map[string]bool{} // environments in which a newer deployment succeeded
	for _, d := range recent {
		if err := s.reportDeployment(ctx, d, replaced[d.Environment]); err != nil {
			return fmt.Errorf("deployment %s: %w", d.ID, err)
		}
		replaced[d.Environment] = replaced[d.Environment] || d.Status == pipeline.Succeeded
	}
	return nil
}

// reportDeployment makes GitHub's record say what the deployment's own does. One that was replaced is inactive: GitHub
// does that by itself for all but production.
func (s *session) reportDeployment(ctx context.Context, d store.Deployment, replaced bool) error {
	state := map[pipeline.Status]forge.DeploymentState{
		pipeline.InProgress: forge.DeploymentInProgress, pipeline.Succeeded: forge.DeploymentSucceeded,
	}[d.Status]
	switch {
	case state == "":
		state = forge.DeploymentFailed
	case replaced && state == forge.DeploymentSucceeded:
		if d.GitHubID == 0 {
			return nil // never recorded, and over
		}
		state = forge.DeploymentInactive
	}
	done, err := s.wasDone(ctx, effectDeployState, d.ID+":"+string(state))
	if err != nil || done {
		return err
	}
	if d.GitHubID == 0 {
		d.GitHubID, err = do(ctx, s, effect[int64]{
			kind: effectDeployment, key: d.ID, intent: d.Environment,
			probe: func(ctx context.Context) (int64, bool, error) {
				all, err := s.gh.Deployments(ctx, d.Environment, d.SHA)
				for _, g := range all {
					if g.Payload == d.ID {
						return g.ID, true, nil
					}
				}
				return 0, false, err
			},
			act: func(ctx context.Context) (int64, error) {
				return s.gh.CreateDeployment(ctx, d.SHA, d.Environment, deploymentText(d), d.ID, ownEnv(d.Environment) == pipeline.EnvironmentProduction)
			},
		})
		if err == nil {
			err = s.b.Store.Write(ctx, func(tx *store.Tx) error {
				now, err := tx.Deployment(ctx, d.ID)
				if err != nil {
					return err
				}
				now.GitHubID = d.GitHubID
				return tx.SaveDeployment(ctx, now)
			})
		}
		var no *forge.RefusedError
		if errors.As(err, &no) {
			s.log.WarnContext(ctx, "deployment not recorded at GitHub", "environment", d.Environment, "err", err)
			return nil
		}
		if err != nil {
			return err
		}
	}
	url := "" // of what was taken over after a restore
	if d.ExecutionID != "" {
		url = fmt.Sprintf("%s/%s/%s/executions/%s", s.b.PublicURL, s.repo.Owner, s.repo.Name, d.ExecutionID)
	}
	_, err = do(ctx, s, effect[nothing]{
		kind: effectDeployState, key: d.ID + ":" + string(state), intent: state,
		blind: "a state that is said twice in a row is the state",
		act: func(ctx context.Context) (nothing, error) {
			return nothing{}, ignoreNotFound(s.gh.SetDeploymentState(ctx, d.GitHubID, state, deploymentText(d), url, ""))
		},
	})
	return err
}

// deploymentText describes a deployment in GitHub's 140 characters.
func deploymentText(d store.Deployment) string {
	what := d.Version
	if what == "" {
		what = tagOf(d.Image)
	}
	if what == "" {
		what = short(d.SHA)
	}
	text := visible(what + " " + d.Digest)
	return text[:min(len(text), 140)]
}

// wasDone tells whether an effect was carried out before, without writing anything.
func (s *session) wasDone(ctx context.Context, kind effectKind, key string) (bool, error) {
	var known store.Effect
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.Effect(ctx, effectKey(s.repo.ID, kind, key))
		return ignoreMissing(err)
	})
	return known.Done, err
}
