package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// adoption takes over what was shipped and is not in the database any more, for the component that its session sees the
// repository as.
type adoption struct {
	*session
	deployed []forge.Deployment // to production, by Sluice, newest first
}

// adoptShipped takes over what was shipped and is not in the database any more: releases whose tag is at their candidate, and
// what production runs. What is not shown by GitHub and the registry alike is left as it was, and told where it was begun.
func (s *session) adoptShipped(ctx context.Context) error {
	components := s.names().Components
	if len(components) == 0 {
		components = []string{""}
	}
	for _, c := range components {
		if err := s.in(c).adoptOwn(ctx); err != nil {
			return fmt.Errorf("what was shipped: %w", err)
		}
	}
	return nil
}

// adoptOwn is adoptShipped for the component that the session sees the repository as.
func (s *session) adoptOwn(ctx context.Context) error {
	if s.repo.Observe {
		return nil
	}
	a := adoption{session: s}
	var err error
	if a.deployed, err = s.gh.Deployments(ctx, s.env(pipeline.EnvironmentProduction), ""); err != nil {
		return ignoreNotFound(err)
	}
	a.deployed = slices.DeleteFunc(a.deployed, func(d forge.Deployment) bool { // of workflows and tools, which say nothing of a release
		_, _, _, _, own := pipeline.ParseActionID(d.Payload)
		return !own
	})
	var live []store.Release
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		live, err = tx.LiveReleases(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	if err := a.production(ctx); err != nil { // first: what is shipped of a support line depends on what runs
		return err
	}
	for _, r := range s.ofComponent(live) {
		if r.Status == store.ReleaseOpen {
			if err := a.release(ctx, &r); err != nil {
				return err
			}
		}
	}
	return nil
}

// mergesFirst tells whether tags and merges come before deployments, and so say nothing about them.
func (a adoption) mergesFirst() bool { return a.cfg.Finish.Order == config.MergeThenDeploy }

// release takes a release over that was shipped. What its end still lacks is done by the walk, which looks at the world.
func (a adoption) release(ctx context.Context, r *store.Release) error {
	tag, err := a.gh.Tag(ctx, r.Tag)
	if errors.Is(err, forge.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if tag.SHA != r.HeadSHA { // pushed to since the backup, or the tag is another one's
		c, _, err := a.flowCompare(ctx, gitflow.CompareRequest{Base: tag.SHA, Head: r.HeadSHA})
		if err != nil || !c.Contains() {
			return err
		}
	}
	image, digest, there, err := a.image(ctx, r, tag.SHA)
	if err != nil || !there {
		return err
	}
	deployed, missing, err := a.shipped(ctx, r, tag.SHA)
	if err != nil {
		return err
	}
	if missing != "" {
		return a.begun(ctx, r, tag.SHA, missing)
	}
	r.SHA, r.HeadSHA, r.ProductionImage, r.ProductionDigest = tag.SHA, tag.SHA, image, digest
	return a.take(ctx, r, deployed)
}

// image is what production's registry has of a release whose tag is at sha; empty, and there, in a repository without that registry.
// It is not there where the candidate at sha was another one.
func (a adoption) image(ctx context.Context, r *store.Release, sha string) (image, digest string, there bool, err error) {
	if image = a.productionImage(r); image == "" {
		return "", "", true, nil
	}
	digest, err = a.b.Images.Find(ctx, image)
	return image, digest, digest != "" && (r.SHA != sha || r.CandidateDigest == "" || r.CandidateDigest == digest), err
}

// shipped tells what is not seen of a release whose tag is at sha, empty: it was shipped, and by which deployment: nil, if by none that is
// known. What is of no support line was shipped if it was deployed; what is of one if its branch has it, and it was deployed or
// production runs another line.
func (a adoption) shipped(ctx context.Context, r *store.Release, sha string) (deployed *forge.Deployment, missing string, err error) {
	if r.Line != "" {
		line, err := a.head(ctx, a.supportBranch(r.Line))
		if err != nil {
			return nil, "", err
		}
		var c gitflow.Comparison
		if line != "" {
			if c, _, err = a.flowCompare(ctx, gitflow.CompareRequest{Base: line, Head: sha}); err != nil {
				return nil, "", err
			}
		}
		if line == "" || !c.Contains() {
			return nil, fmt.Sprintf("%s does not have it", code(a.supportBranch(r.Line))), nil
		}
	}
	if deployed, err = a.brought(ctx, sha); err != nil || deployed != nil {
		return deployed, "", err
	}
	if elsewhere, err := a.elsewhere(ctx, r); err != nil || elsewhere {
		return nil, "", err
	}
	missing = fmt.Sprintf("GitHub shows no deployment of it by Sluice to %s", code(a.env(pipeline.EnvironmentProduction)))
	if a.mergesFirst() {
		missing += " that succeeded"
	}
	return nil, missing, nil
}

// elsewhere tells whether production runs another line than the release's, so that the release was not deployed and is not going to
// be. A record of production that could not be brought up to date says nothing of that.
func (a adoption) elsewhere(ctx context.Context, r *store.Release) (bool, error) {
	if r.Line == "" {
		return false, nil
	}
	last, err := a.newest(ctx)
	if err != nil {
		return false, err
	}
	var env store.Environment
	err = a.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		env, err = tx.Environment(ctx, a.repo.ID, a.env(pipeline.EnvironmentProduction))
		return err
	})
	return err == nil && (last == nil || last.SHA == env.SHA) && undeployed(r, env.Version), err
}

// brought is the newest deployment that brought the commit of a tag to production; nil: none did.
func (a adoption) brought(ctx context.Context, sha string) (*forge.Deployment, error) {
	var tried *forge.Deployment
	for i := range a.deployed {
		d := &a.deployed[i]
		if d.SHA != sha {
			continue
		}
		var err error
		if d.State, err = a.gh.DeploymentState(ctx, d.ID); err != nil {
			return nil, err
		}
		if d.State == forge.DeploymentSucceeded || d.State == forge.DeploymentInactive {
			return d, nil
		}
		if tried == nil && !a.mergesFirst() { // there the tag says that it ran
			tried = d
		}
	}
	return tried, nil
}

// begun tells of a release that was tagged, and of which the rest is missing: it is promoted by being approved again.
func (a adoption) begun(ctx context.Context, r *store.Release, sha, missing string) error {
	if sha != r.HeadSHA {
		return nil // its own gates say that the version is spent
	}
	return a.tell(ctx, r, "restored", fmt.Sprintf("is tagged %s, and Sluice's database, which was restored from a backup, does not say why: %s. Approvals that were given since "+
		"the backup are lost; `/approve` goes on with the same commit and image, and does nothing a second time.", code(r.Tag), missing))
}

// take writes down that a release is shipped.
func (a adoption) take(ctx context.Context, r *store.Release, deployed *forge.Deployment) error {
	var x *store.Execution
	err := a.b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.Release(ctx, r.ID)
		if err != nil {
			return err
		}
		if x, err = oneExecution(ctx, tx, now.ExecutionID); err != nil {
			return err
		}
		now.Status, now.ReleasedAt, now.UpdatedAt, now.Problem = store.ReleaseReleased, a.b.Now(), a.b.Now(), ""
		if now.SHA != r.SHA { // what is known of the candidate is about an earlier head
			now.ExecutionID, now.CandidateImage, now.CandidateDigest = "", "", r.ProductionDigest
		}
		now.SHA, now.HeadSHA, now.ProductionImage, now.ProductionDigest = r.SHA, r.HeadSHA, r.ProductionImage, r.ProductionDigest
		if _, err := tx.VoidApprovalsOfRelease(ctx, r.ID, alreadyShipped, a.b.Now()); err != nil {
			return err
		}
		if deployed != nil {
			if err := a.takeDeployment(ctx, tx, now, *deployed); err != nil {
				return err
			}
		}
		if err := tx.SaveRelease(ctx, now); err != nil {
			return err
		}
		return a.auditIn(ctx, tx, forge.User{}, "release.adopted", r.Key(), alreadyShipped,
			map[string]any{"sha": r.SHA, "tag": r.Tag, "image": r.ProductionImage, "digest": r.ProductionDigest})
	})
	if err != nil {
		return err
	}
	a.touch(r.ID)
	a.mark(r.SHA)
	if x == nil || x.Status.Final() {
		return nil
	}
	return ignoreRefused(a.advance(ctx, x.ID, pipeline.CancelRequested{At: a.b.Now(), Reason: alreadyShipped}))
}

// takeDeployment writes down the deployment that shipped a release, which the end of the release asks for and a rollback may choose.
// GitHub is not told again where it stands. Its key is GitHub's ID: what a payload says, others may have copied.
func (a adoption) takeDeployment(ctx context.Context, tx *store.Tx, r store.Release, d forge.Deployment) error {
	id := fmt.Sprintf("adopted-%d", d.ID)
	if _, err := tx.Deployment(ctx, id); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	for _, state := range slices.Compact([]forge.DeploymentState{forge.DeploymentSucceeded, cmp.Or(d.State, forge.DeploymentSucceeded)}) {
		key := effectKey(a.repo.ID, effectDeployState, id+":"+string(state))
		_, err := tx.Intend(ctx, store.Effect{Key: key, RepoID: a.repo.ID, Kind: string(effectDeployState), CreatedAt: a.b.Now(), UpdatedAt: a.b.Now()})
		if err := errors.Join(err, tx.EffectDone(ctx, key, nil)); err != nil {
			return err
		}
	}
	return tx.SaveDeployment(ctx, store.Deployment{
		ID: id, RepoID: a.repo.ID, Environment: a.env(pipeline.EnvironmentProduction), Version: r.Version, SHA: r.SHA,
		Image: r.ProductionImage, Digest: r.ProductionDigest, ReleaseID: r.ID, GitHubID: d.ID, Status: pipeline.Succeeded, StartedAt: d.CreatedAt, EndedAt: d.CreatedAt,
	})
}

// alreadyShipped is why a release is taken for shipped.
const alreadyShipped = "it was shipped before the database was restored"

// ignoreRefused is the error, unless the engine says that it is too late for that.
func ignoreRefused(err error) error {
	if refused(err) {
		return nil
	}
	return err
}

// newest is the deployment that production has: those that failed, or that another one replaced, are not. nil: none is known.
func (a adoption) newest(ctx context.Context) (*forge.Deployment, error) {
	for i, d := range a.deployed {
		state, err := a.gh.DeploymentState(ctx, d.ID)
		switch {
		case err != nil:
			return nil, err
		case state == forge.DeploymentSucceeded:
			return &a.deployed[i], nil
		case a.mergesFirst(), state == forge.DeploymentFailed, state == forge.DeploymentError, state == forge.DeploymentInactive:
		default:
			return &a.deployed[i], nil // its release's tag says that it ran
		}
	}
	return nil, nil
}

// production takes over what production has, where that is a release. One that is not the highest got there by a rollback, whose
// hold is set again.
func (a adoption) production(ctx context.Context) error {
	s := a.session
	last, err := a.newest(ctx)
	if err != nil || last == nil {
		return err
	}
	log, _, err := s.history(ctx, "")
	if err != nil {
		return err
	}
	high, _ := log.Highest(tagging.Trunk())
	runs := high
	for _, r := range log.Releases() {
		if r.SHA == last.SHA {
			runs = r
		}
	}
	name := s.env(pipeline.EnvironmentProduction)
	var env store.Environment
	var r store.Release
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if env, err = tx.Environment(ctx, s.repo.ID, name); err != nil {
			return err
		}
		r, err = tx.ReleaseByVersion(ctx, s.repo.ID, s.component(), runs.Version.String())
		return ignoreMissing(err)
	})
	if err != nil || runs.SHA != last.SHA || env.LockedBy != "" {
		return err
	}
	hold := ""
	if runs.Version != high.Version {
		left, err := a.brought(ctx, high.SHA)
		if err != nil {
			return err
		}
		if left != nil {
			hold = "rolled back to " + runs.Version.String() + " before the database was restored"
		}
	}
	if env.SHA == runs.SHA && (hold == "" || env.Hold != "") {
		return nil
	}
	r.Version = runs.Version.String()
	image, digest, there, err := a.image(ctx, &r, runs.SHA)
	if err != nil || !there {
		return err
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		key := fmt.Sprintf("%d/adopted/%s:%d", s.repo.ID, name, last.ID)
		known, err := tx.Intend(ctx, store.Effect{Key: key, RepoID: s.repo.ID, Kind: "adopted", CreatedAt: s.b.Now(), UpdatedAt: s.b.Now()})
		if err != nil || known.Done { // a hold that was lifted since is not set again
			return err
		}
		env, err := tx.Environment(ctx, s.repo.ID, name)
		if err := errors.Join(err, tx.EffectDone(ctx, key, nil)); err != nil {
			return err
		}
		if env.SHA != runs.SHA {
			env.Version, env.SHA, env.Image, env.Digest, env.ReleaseID, env.ExecutionID = r.Version, runs.SHA, image, digest, r.ID, ""
			env.DeployedAt = s.b.Now()
		}
		env.UpdatedAt = s.b.Now()
		if env.Hold == "" && hold != "" {
			env.Hold, env.HoldAt = hold, s.b.Now()
		}
		if err := tx.SaveEnvironment(ctx, env); err != nil {
			return err
		}
		return s.auditIn(ctx, tx, forge.User{}, "environment.adopted", name, alreadyShipped, map[string]any{"version": r.Version, "sha": runs.SHA, "image": image, "digest": digest})
	})
}
