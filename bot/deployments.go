package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// maxUntold bounds how many new deployments to one environment are reported in one handling; another one goes on.
const maxUntold = 20

// firstTold is how many deployments to an environment are reported where it is not noted what GitHub knows of it.
const firstTold = 3

// untold are the deployments to an environment of which GitHub may not know the end. What is noted of it names mark and those in open,
// so what GitHub refused for a permission that was missing, or did not hear of, is told however much was deployed since.
type untold struct {
	noted  string             // as the setting has it
	mark   store.Deployment   // up to which all but open are done with; the zero Deployment: none is
	open   []store.Deployment // up to mark, those whose record is to change yet: what was in progress, and what stood
	after  []store.Deployment // those that began after mark, oldest first, at most maxUntold
	stands store.Deployment   // the newest that succeeded; the zero Deployment: none did
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
			all = append(all, u)
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
	newest, err := tx.Deployments(ctx, s.repo.ID, environment, firstTold+1)
	if err != nil || len(newest) == 0 {
		return u, err
	}
	if u.stands, err = tx.LastSucceeded(ctx, newest[0]); ignoreMissing(err) != nil {
		return u, err
	}
	if u.noted, err = tx.Setting(ctx, s.toldKey(environment)); err != nil {
		return u, err
	}
	for i, id := range strings.Fields(u.noted) {
		d, err := tx.Deployment(ctx, id)
		if err != nil {
			return u, err
		}
		if i == 0 {
			u.mark = d
			continue
		}
		u.open = append(u.open, d)
	}
	if u.noted == "" && len(newest) > firstTold { // what came before is not brought up again
		u.mark = newest[firstTold]
		before, err := tx.LastSucceeded(ctx, u.mark)
		if ignoreMissing(err) != nil {
			return u, err
		}
		if err == nil {
			u.open = append(u.open, before)
		}
	}
	u.after, err = tx.DeploymentsAfter(ctx, s.repo.ID, environment, u.mark, maxUntold)
	return u, err
}

// toldKey names the setting that says what GitHub knows of the deployments to an environment: the IDs of a mark, up to which it knows
// how each ended, and of those up to it of which it does not, with spaces between them.
func (s *session) toldKey(environment string) string {
	return fmt.Sprintf("deployments-told/%d/%s", s.repo.ID, environment)
}

// tellDeployments reports deployments to one environment, the oldest first, as GitHub lists them by when they were recorded, and notes
// how far GitHub knows them. Where there may be more, the lane goes on with them.
func (s *session) tellDeployments(ctx context.Context, u untold) error {
	mark, refused := u.mark, false
	var open []string
	for i, d := range slices.Concat(u.open, u.after) {
		known := i < len(u.open)
		if !refused {
			newer := slices.ContainsFunc(u.after[max(0, i+1-len(u.open)):], func(n store.Deployment) bool { return n.GitHubID != 0 })
			taken, err := s.reportDeployment(ctx, &d, began(d, u.stands) < 0, newer && d.ID != u.stands.ID)
			if err != nil {
				return fmt.Errorf("deployment %s: %w", d.ID, err)
			}
			refused = !taken // and so are the others
		}
		if refused && !known {
			break
		}
		if !known {
			mark = d
		}
		if d.GitHubID != 0 && (refused || !d.Status.Final() || d.ID == u.stands.ID) {
			open = append(open, d.ID)
		}
	}
	noted := strings.Join(append([]string{mark.ID}, open...), " ")
	if noted == u.noted {
		return nil
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if len(u.after) == maxUntold && mark.ID == u.after[maxUntold-1].ID {
			if err := s.b.Queue.Post(ctx, tx, s.lane(), itemWalk, walkFact{}, "walk:deployments"); err != nil {
				return err
			}
		}
		return tx.SetSetting(ctx, s.toldKey(mark.Environment), noted)
	})
}

// began compares when two deployments to an environment began.
func began(a, b store.Deployment) int {
	return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
}

// reportDeployment makes GitHub's record say what the deployment's own does, and fills in its GitHubID where it is recorded. One that was
// replaced, by a newer one that succeeded, is inactive: GitHub does that by itself for all but production. What was never recorded is not
// when it was replaced, or where newer says that one which began later was: GitHub would list it as the newest, which only what stands may be.
// taken is false where GitHub refuses it for a permission that is missing, as it would any other.
func (s *session) reportDeployment(ctx context.Context, d *store.Deployment, replaced, newer bool) (taken bool, err error) {
	if d.GitHubID == 0 && (replaced || newer) {
		return true, nil
	}
	state := map[pipeline.Status]forge.DeploymentState{
		pipeline.InProgress: forge.DeploymentInProgress, pipeline.Succeeded: forge.DeploymentSucceeded,
	}[d.Status]
	switch {
	case state == "":
		state = forge.DeploymentFailed
	case replaced && state == forge.DeploymentSucceeded:
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
				return s.gh.CreateDeployment(ctx, d.SHA, d.Environment, deploymentText(*d), d.ID, ownEnv(d.Environment) == pipeline.EnvironmentProduction)
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
			return s.untaken(ctx, *d, err)
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
			return nothing{}, ignoreNotFound(s.gh.SetDeploymentState(ctx, d.GitHubID, state, deploymentText(*d), url, ""))
		},
	})
	if err != nil {
		return s.untaken(ctx, *d, err)
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
