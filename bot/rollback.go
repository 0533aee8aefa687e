package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// retreat is what a rollback decided: what is left, and what is gone back to. It is kept, so that a repetition after a
// crash, when the environment looks different already, goes on with the same.
type retreat struct {
	FromVersion string `json:"from"`
	FromRelease string `json:"release,omitempty"`
	To          string `json:"to"` // ID of the deployment that is repeated
}

// cmdRollback takes an environment back to an earlier digest, marks the release that ran as bad, and holds the
// environment. The decision is one transaction; the deployment follows from it.
func (s *session) cmdRollback(ctx context.Context, q *request) (string, error) {
	environment, version, err := rollbackTarget(q.Args)
	if err != nil {
		return "", err
	}
	// The same origin starts one execution, and the command counts as carried out only once that exists.
	origin := fmt.Sprintf("rollback %s %d:%d", q.via, q.comment, q.Line)
	way, to, err := s.decidedRetreat(ctx, origin)
	if err != nil {
		return "", err
	}
	if to != nil {
		s.accounted()
	} else {
		if way, to, err = s.earlier(ctx, environment, version); err != nil {
			return "", err
		}
		if q.DryRun {
			return s.dry(ctx, q, fmt.Sprintf("%s would go back from %s to %s, and be held.", code(environment), code(way.FromVersion), deployed(to)))
		}
		d := decision{environment: environment, origin: origin, by: q.by, reason: q.Flag("reason"), evidence: map[string]any{"via": q.via, "comment": q.comment}}
		if err := s.decideRetreat(ctx, d, way, to); err != nil {
			return "", err
		}
	}
	s.touchAll = true
	if err := s.rollBack(ctx, environment, to, q.by, origin); err != nil {
		return "", err
	}
	if environment == pipeline.EnvironmentProduction {
		bad, err := s.release(ctx, way.FromRelease)
		if err != nil {
			return "", err
		}
		if bad != nil {
			s.mark(bad.SHA)
			text := fmt.Sprintf("is being rolled back to %s by %s: %s", code(to.Version), code(q.by.Login), code(q.Flag("reason")))
			if err := s.tell(ctx, bad, "rollback-"+to.ID, text); err != nil {
				return "", err
			}
		}
	}
	return s.finishWith(ctx, q, fmt.Sprintf("%s goes back to %s. Nothing is promoted over it until `/unpin %s`.", code(environment), deployed(to), environment))
}

// decidedRetreat is what a rollback of this origin decided before; a nil deployment: nothing yet.
func (s *session) decidedRetreat(ctx context.Context, origin string) (way retreat, to *store.Deployment, err error) {
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		if way, err = s.retreatOf(ctx, tx, origin); err != nil || way.To == "" {
			return err
		}
		d, err := tx.Deployment(ctx, way.To)
		to = &d
		return err
	})
	return way, to, err
}

// deployed names what a deployment brought: its version, and its digest where it has one.
func deployed(d *store.Deployment) string {
	if d.Digest == "" {
		return code(d.Version)
	}
	return fmt.Sprintf("%s (digest %s)", code(d.Version), code(shortDigest(d.Digest)))
}

// retreatOf is what a rollback of this origin decided; the zero retreat: nothing yet.
func (s *session) retreatOf(ctx context.Context, tx *store.Tx, origin string) (way retreat, err error) {
	raw, err := tx.Setting(ctx, s.retreatKey(origin))
	if ignoreMissing(err) != nil || raw == "" {
		return way, ignoreMissing(err)
	}
	return way, json.Unmarshal([]byte(raw), &way)
}

func (s *session) retreatKey(origin string) string {
	return fmt.Sprintf("retreat/%d/%s", s.repo.ID, origin)
}

// decision is why and by whom an environment is taken back.
type decision struct {
	environment, origin string
	by                  forge.User
	reason              string
	evidence            map[string]any
}

// decideRetreat writes the decision: the hold, the mark on the bad release, the record.
func (s *session) decideRetreat(ctx context.Context, d decision, way retreat, to *store.Deployment) error {
	raw, err := json.Marshal(way)
	if err != nil {
		return err
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		env, err := tx.Environment(ctx, s.repo.ID, s.env(d.environment))
		if err != nil {
			return err
		}
		env.Hold = fmt.Sprintf("rolled back from %s to %s by %s: %s", way.FromVersion, to.Version, d.by.Login, d.reason)
		env.HoldBy, env.HoldAt, env.UpdatedAt = d.by, s.b.Now(), s.b.Now()
		if err := tx.SaveEnvironment(ctx, env); err != nil {
			return err
		}
		if err := s.markBad(ctx, tx, d.environment, way.FromRelease, d.reason); err != nil {
			return err
		}
		if err := tx.SetSetting(ctx, s.retreatKey(d.origin), string(raw)); err != nil {
			return err
		}
		evidence := map[string]any{"from": way.FromVersion, "to": to.Version, "digest": to.Digest}
		maps.Copy(evidence, d.evidence)
		return s.auditIn(ctx, tx, d.by, "rollback", d.environment, d.reason, evidence)
	})
}

// RollbackReach is how many of an environment's deployments a rollback looks back over.
const RollbackReach = 200

// earlier finds what a rollback leaves and what it goes back to: the newest good deployment of another version, or that of
// a named version. A deployment of a release that failed, or is under way, is what is left, though the environment's
// record still has the version before it.
func (s *session) earlier(ctx context.Context, environment, version string) (way retreat, to *store.Deployment, err error) {
	var env store.Environment
	var history []store.Deployment
	var releases []store.Release
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if env, err = tx.Environment(ctx, s.repo.ID, s.env(environment)); err != nil {
			return err
		}
		if history, err = tx.Deployments(ctx, s.repo.ID, s.env(environment), RollbackReach); err != nil {
			return err
		}
		releases, err = tx.Releases(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return way, nil, err
	}
	releases = s.ofComponent(releases)
	bad := map[string]bool{}
	for _, r := range releases {
		bad[r.Version] = bad[r.Version] || r.Bad
	}
	way = leaves(env, history)
	for i := len(releases) - 1; way.FromRelease == "" && i >= 0; i-- { // what a rollback brought has no release of its own
		if releases[i].Version == way.FromVersion {
			way.FromRelease = releases[i].ID
		}
	}
	why := ""
	for i, d := range history {
		if d.Status != pipeline.Succeeded || d.Version == way.FromVersion || bad[d.Version] || version != "" && version != d.Version {
			continue
		}
		if why, err = s.notBack(ctx, way, history, d); err != nil {
			return way, nil, err
		}
		if why == "" {
			way.To = d.ID
			return way, &history[i], nil
		}
		break
	}
	choices, err := s.choices(ctx, way, history, bad)
	switch {
	case err != nil:
		return way, nil, err
	case why != "":
		return way, nil, &userError{why + " " + choices}
	case len(history) == 0 && !s.knownEnvironment(environment):
		return way, nil, s.noEnvironment(environment)
	case version == "":
		return way, nil, &userError{fmt.Sprintf("There is no earlier good version in %s to go back to.", code(environment))}
	case version == way.FromVersion:
		return way, nil, &userError{fmt.Sprintf("%s runs %s already. %s", code(environment), code(version), choices)}
	case bad[version]:
		return way, nil, &userError{fmt.Sprintf("%s was rolled back itself. %s", code(version), choices)}
	default:
		return way, nil, &userError{fmt.Sprintf("%s was never deployed to %s successfully. %s", code(version), code(environment), choices)}
	}
}

// leaves is what a rollback of an environment leaves behind. History is newest first.
func leaves(env store.Environment, history []store.Deployment) retreat {
	for _, d := range history {
		switch {
		case d.Status == pipeline.Succeeded:
			return retreat{FromVersion: env.Version, FromRelease: env.ReleaseID}
		case d.ReleaseID != "" && d.Version != env.Version:
			return retreat{FromVersion: d.Version, FromRelease: d.ReleaseID}
		}
	}
	return retreat{FromVersion: env.Version, FromRelease: env.ReleaseID}
}

// isRollback tells whether an execution goes back to an earlier version.
func isRollback(x *store.Execution) bool { return len(x.Origin) > 9 && x.Origin[:9] == "rollback " }

// rollBack redeploys an earlier digest. The hold and the mark on the bad release are in the transaction of the command.
func (s *session) rollBack(ctx context.Context, environment string, to *store.Deployment, by forge.User, origin string) error {
	artifacts, err := s.artifactsOf(ctx, to)
	if err != nil {
		return err
	}
	given := built{version: to.Version, image: to.Image, digest: to.Digest, artifacts: artifacts}
	if environment != pipeline.EnvironmentProduction {
		def := restorePipeline(environment, s.cfg.Environment(environment).Deploy)
		_, err := s.start(ctx, startRequest{
			kind: kindRestore, branch: gitflow.Branch{Name: s.names().Production, Kind: gitflow.KindProduction, Deploys: true},
			sha: to.SHA, by: by, origin: origin, given: given, only: &def,
		})
		return err
	}
	_, err = s.start(ctx, startRequest{
		kind: pipeline.KindProduction, branch: s.classify(s.names().Production), sha: to.SHA, by: by, origin: origin, given: given,
	})
	return err
}

func (s *session) artifactsOf(ctx context.Context, d *store.Deployment) (map[string]pipeline.Artifact, error) {
	var x store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		x, err = tx.Execution(ctx, d.ExecutionID)
		return err
	})
	return x.State.Artifacts, ignoreMissing(err)
}

// putBack answers a failed production deployment with the last good digest, where the configuration asks for it. Like a
// rollback that somebody asked for it marks the release as bad and holds production, so that nothing undoes it unseen.
// done is false when there is nothing to go back to: then the failure stands, and people decide.
func (s *session) putBack(ctx context.Context, r *store.Release, attempt, problem string) (done bool, err error) {
	us := forge.User{ID: s.us.UserID, Login: s.us.Login, Bot: true}
	origin := "rollback after " + attempt
	_, to, err := s.decidedRetreat(ctx, origin)
	if err != nil {
		return false, err
	}
	if to == nil {
		var way retreat
		way, to, err = s.earlier(ctx, pipeline.EnvironmentProduction, "")
		var no *userError
		if errors.As(err, &no) {
			return false, s.tell(ctx, r, "putback:"+attempt, "could not be taken back: "+no.text)
		}
		if err != nil {
			return false, err
		}
		way.FromVersion, way.FromRelease = r.Version, r.ID
		d := decision{environment: pipeline.EnvironmentProduction, origin: origin, by: us, reason: problem, evidence: map[string]any{"via": "rollback_on"}}
		if err := s.decideRetreat(ctx, d, way, to); err != nil {
			return false, err
		}
	}
	s.touchAll = true
	if err := s.rollBack(ctx, pipeline.EnvironmentProduction, to, us, origin); err != nil {
		return false, err
	}
	return true, s.tell(ctx, r, "putback:"+attempt, fmt.Sprintf("is marked as bad; production goes back to %s and is held until `/unpin production`", code(to.Version)))
}

// markBad marks the release that is rolled back from.
func (s *session) markBad(ctx context.Context, tx *store.Tx, environment, releaseID, reason string) error {
	if environment != pipeline.EnvironmentProduction || releaseID == "" {
		return nil
	}
	r, err := tx.Release(ctx, releaseID)
	if err != nil {
		return ignoreMissing(err)
	}
	r.Status, r.Bad, r.Reason, r.UpdatedAt = store.ReleaseRolledBack, true, reason, s.b.Now()
	s.touch(r.ID)
	s.mark(r.SHA)
	return tx.SaveRelease(ctx, r)
}

// rollbackTarget reads "[environment] [to version]".
func rollbackTarget(args []string) (environment, version string, err error) {
	environment = pipeline.EnvironmentProduction
	if len(args) > 0 && args[0] != "to" {
		environment, args = args[0], args[1:]
	}
	if len(args) > 0 && args[0] == "to" && len(args) == 2 {
		return environment, args[1], nil
	}
	if len(args) > 0 {
		return "", "", &userError{"Write it as `/rollback [environment] [to version] --reason text`."}
	}
	return environment, "", nil
}

func (s *session) cmdUnpin(ctx context.Context, q *request) (string, error) {
	name := q.Arg(0)
	var env store.Environment
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		env, err = tx.Environment(ctx, s.repo.ID, s.env(name))
		return err
	})
	if err != nil {
		return "", err
	}
	if env.Hold == "" && !s.knownEnvironment(name) {
		return "", s.noEnvironment(name)
	}
	if env.Hold == "" {
		return "", &userError{fmt.Sprintf("Nothing holds %s.", code(name))}
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("The hold on %s (%s) would be lifted.", code(name), code(env.Hold)))
	}
	return "", s.b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.Environment(ctx, s.repo.ID, s.env(name))
		if err != nil {
			return err
		}
		now.Hold, now.HoldBy, now.UpdatedAt = "", forge.User{}, s.b.Now()
		if err := tx.SaveEnvironment(ctx, now); err != nil {
			return err
		}
		s.touchAll = true
		if err := s.auditIn(ctx, tx, q.by, "unpin", name, env.Hold, nil); err != nil {
			return err
		}
		return q.done(tx)
	})
}
