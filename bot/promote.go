package bot

import (
	"context"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// promote starts the promotion of a release's candidate: every gate of the plan has been passed just now. The release
// is fixed to what was approved; the copy itself is the pipeline's next action.
func (s *session) promote(ctx context.Context, r *store.Release, w *world) (again bool, err error) {
	x := w.execution
	if x == nil {
		return false, nil
	}
	if x.Status.Final() || x.State.Promoting() {
		return false, nil // the copy is under way, or ended: progress says how
	}
	starter := r.PromoteBy
	if starter.ID == 0 && len(w.emergency.people) > 0 {
		starter = w.emergency.people[0]
	} else if starter.ID == 0 && len(w.approvers) > 0 {
		starter = w.approvers[len(w.approvers)-1]
	}
	action, state, ok := x.State.OpenApproval()
	if ok && action.Environment != pipeline.EnvironmentProduction {
		return false, nil // an earlier place is to be entered first
	}
	if !ok {
		return false, s.requestPromotion(ctx, x.ID, starter) // approved before; the last process ended in between
	}
	if withdrawn, err := s.stillSaidOf(ctx, r, x); err != nil || withdrawn {
		return true, err
	}
	people := w.approvers
	if w.Emergency && w.Approvals.Given < w.Approvals.Needed {
		people = w.emergency.people
	}
	by := make([]pipeline.Actor, len(people))
	for i, u := range people {
		by[i] = actor(u)
	}
	err = s.advanceWith(ctx, x.ID, func(tx *store.Tx) error {
		now, err := tx.Release(ctx, r.ID)
		if err != nil {
			return err
		}
		now.Status, now.SHA, now.CandidateImage, now.CandidateDigest = store.ReleasePromoting, x.SHA, x.Image, x.State.Digest()
		now.UpdatedAt = s.b.Now()
		*r = now
		if err := tx.SaveRelease(ctx, now); err != nil {
			return err
		}
		return s.beginEmergency(ctx, tx, r, w, state.ID)
	}, pipeline.Approved{
		At: s.b.Now(), ID: state.ID, By: by, SHA: state.Approval.SHA, Digest: state.Approval.Digest, ConfigHash: state.Approval.ConfigHash,
	})
	if err != nil {
		return false, err
	}
	s.log.InfoContext(ctx, "promotion begins", "execution", x.ID, "environment", action.Environment, "digest", r.CandidateDigest)
	return true, s.requestPromotion(ctx, x.ID, starter)
}

// requestPromotion answers an action that waits to be asked for (promote.auto: false).
func (s *session) requestPromotion(ctx context.Context, executionID string, by forge.User) error {
	var x store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		x, err = tx.Execution(ctx, executionID)
		return err
	})
	if err != nil {
		return err
	}
	for _, stage := range x.State.Stages {
		for _, a := range stage.Actions {
			if a.AwaitsRequest {
				return s.advance(ctx, x.ID, pipeline.PromotionRequested{At: s.b.Now(), ID: a.ID, By: actor(by)})
			}
		}
	}
	return nil
}

// promotion is what `uses: promote` is told: the approved digest, where it goes, and by which keys it must be signed.
func (s *session) promotion(x *store.Execution, c pipeline.StartAction) map[string]any {
	with := map[string]any{}
	for k, v := range c.With {
		with[k] = v
	}
	delete(with, "keys")
	if keys := s.cfg.Environment(pipeline.EnvironmentProduction).Verify.PEMs(); len(keys) > 0 {
		with["keys"] = keys
	}
	if x.Image == "" || s.cfg.Registries.Production == "" {
		return with
	}
	with["source"] = repositoryOf(x.Image) + "@" + c.Digest
	with["destination"] = s.cfg.Registries.Production + ":" + s.promotedTagOf(x.Image)
	return with
}

// deployProduction starts the production pipeline with the promoted digest. Once it exists it is followed, not started
// again: /retry repeats what failed in it.
func (s *session) deployProduction(ctx context.Context, r *store.Release, w *world) (again bool, err error) {
	if w.deploying != nil && w.deploying.Version == r.Version {
		return false, nil
	}
	image := r.CandidateImage
	if w.Published != "" && s.cfg.Registries.Production != "" {
		image = s.productionImage(r)
	}
	given := built{version: r.Version, image: image, digest: r.CandidateDigest}
	if w.execution != nil {
		given.artifacts = w.execution.State.Artifacts
	}
	_, err = s.start(ctx, startRequest{
		kind: pipeline.KindProduction, branch: s.classify(s.names().Production), sha: r.SHA, release: r,
		by: r.PromoteBy, origin: "release " + r.ID, given: given,
	})
	return false, err
}
