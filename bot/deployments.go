package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// maxUntold bounds how many deployments to one environment are reported in one handling; the next goes on.
const maxUntold = 20

// untold are the deployments to an environment of which GitHub may not know the last. Up to mark, which is kept, it knows the end of each
// but of the one that stands: that is replaced some day. So what GitHub refused, or did not hear of, is told however much was deployed since.
type untold struct {
	mark   store.Deployment   // the zero Deployment: nothing was told for certain
	stands []store.Deployment // the one that succeeded last, up to mark, if one did
	after  []store.Deployment // those that began after it, oldest first
}

// reportDeployments records at GitHub what was and is being deployed.
func (s *session) reportDeployments(ctx context.Context) error {
	if s.repo.Observe {
		return nil
	}
	var all []untold
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		envs, err := tx.Environments(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		for _, e := range envs {
			u, err := s.untold(ctx, tx, e.Name)
			if err != nil {
				return err
			}
			if len(u.after) > 0 {
				all = append(all, u)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, u := range all {
		if err := s.tellDeployments(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// untold finds the deployments to an environment that are to be reported.
func (s *session) untold(ctx context.Context, tx *store.Tx, environment string) (u untold, err error) {
	id, err := tx.Setting(ctx, s.toldKey(environment))
	if err != nil {
		return u, err
	}
	if id != "" {
		if u.mark, err = tx.Deployment(ctx, id); ignoreMissing(err) != nil {
			return u, err
		}
	}
	if u.after, err = tx.DeploymentsAfter(ctx, s.repo.ID, environment, u.mark, maxUntold); err != nil || len(u.after) == 0 {
		return u, err
	}
	stands, err := tx.LastSucceeded(ctx, u.mark)
	if err == nil {
		u.stands = append(u.stands, stands)
	}
	return u, ignoreMissing(err)
}

// toldKey names the setting that says up to which deployment to an environment GitHub knows how each ended.
func (s *session) toldKey(environment string) string {
	return fmt.Sprintf("deployments-told/%d/%s", s.repo.ID, environment)
}

// tellDeployments reports deployments to one environment, the oldest first, as GitHub lists them by when they were recorded, and notes
// how far GitHub knows them.
func (s *session) tellDeployments(ctx context.Context, u untold) error {
	all, ended := slices.Concat(u.stands, u.after), map[string]bool{}
	for i, d := range all {
		replaced := slices.ContainsFunc(all[i+1:], func(later store.Deployment) bool { return later.Status == pipeline.Succeeded })
		taken, err := s.reportDeployment(ctx, d, replaced)
		if err != nil {
			return fmt.Errorf("deployment %s: %w", d.ID, err)
		}
		if !taken {
			break // and neither are the others
		}
		ended[d.ID] = d.Status.Final()
	}
	last := u.mark
	for _, d := range u.after {
		if !ended[d.ID] {
			break
		}
		last = d
	}
	if last.ID == u.mark.ID {
		return nil
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error { return tx.SetSetting(ctx, s.toldKey(last.Environment), last.ID) })
}

// reportDeployment makes GitHub's record say what the deployment's own does. One that was replaced is inactive: GitHub
// does that by itself for all but production. taken is false where GitHub refuses it for a permission that is missing, as it would any other.
func (s *session) reportDeployment(ctx context.Context, d store.Deployment, replaced bool) (taken bool, err error) {
	state := map[pipeline.Status]forge.DeploymentState{
		pipeline.InProgress: forge.DeploymentInProgress, pipeline.Succeeded: forge.DeploymentSucceeded,
	}[d.Status]
	switch {
	case state == "":
		state = forge.DeploymentFailed
	case replaced && state == forge.DeploymentSucceeded:
		if d.GitHubID == 0 {
			return true, nil // never recorded, and over
		}
		state = forge.DeploymentInactive
	}
	done, err := s.wasDone(ctx, effectDeployState, d.ID+":"+string(state))
	if err != nil || done {
		return done, err
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
		if err != nil {
			return s.untaken(ctx, d, err)
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
	if err != nil {
		return s.untaken(ctx, d, err)
	}
	return true, nil
}

// untaken passes over a refusal: it is of this deployment, such as of a commit that is gone, unless a permission is missing. Nothing else
// waits for GitHub's record of it.
func (s *session) untaken(ctx context.Context, d store.Deployment, err error) (taken bool, _ error) {
	var no *forge.RefusedError
	if !errors.As(err, &no) {
		return false, err
	}
	s.log.WarnContext(ctx, "deployment not recorded at GitHub", "environment", d.Environment, "err", err)
	return !no.Permission, nil
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
