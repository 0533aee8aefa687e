package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// hookLogKept is how long GitHub keeps its delivery log.
const hookLogKept = 72 * time.Hour

// LookBack tells whether the database is older than the world, because a backup of it was restored: then GitHub's log has
// deliveries that Sluice answered and does not know. It belongs before the queue's start; deliveries are taken in since the given time,
// and one that comes a second time meanwhile, because somebody had GitHub send it again, was lost as well. Then, and also while GitHub does not say, no
// effect is believed to be new: every one is looked for before it is done for the first time. Where something is missing each
// repository is reconciled before anything else of it is handled, and what was shipped is taken over from tags, deployments and
// registries. It ends with the first start that finds nothing missing, three days after the restore at the latest.
func (b *Bot) LookBack(ctx context.Context, since time.Time) {
	lost, err := b.lostDelivery(ctx, since)
	switch {
	case err != nil:
		b.Log.WarnContext(ctx, "whether a backup was restored is not known, so everything is looked for before it is done", "err", err)
	case lost != "":
		b.Log.WarnContext(ctx, "the database is older than what GitHub's log has, as after a restored backup; everything is looked for before it is done", "delivery", lost)
	}
	b.doubt.Store(err != nil || lost != "")
	b.behind.Store(lost != "")
}

// lookFirst reconciles a repository before anything else of it is handled, where a backup was restored.
func (b *Bot) lookFirst(ctx context.Context, repo int64) error {
	if _, looked := b.looked.Load(repo); looked || repo == 0 || !b.behind.Load() {
		return nil
	}
	err := b.Store.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.Repo(ctx, repo)
		return err
	})
	if err != nil {
		return ignoreMissing(err) // it is met for the first time
	}
	err = b.roused(ctx, repo, event.Origin{}, func(s *session) error { return s.reconcile(ctx) })
	if err != nil && !errors.Is(err, errInactive) {
		return fmt.Errorf("first look after a restore: %w", err)
	}
	b.looked.Store(repo, true)
	return nil
}

// hookClocks is how far GitHub's clock may be behind this machine's for a delivery to be seen as what came just now.
const hookClocks = time.Minute

// lostDelivery is the GUID of a delivery that was answered before, and is not in the database or only since a time; empty: there is none.
func (b *Bot) lostDelivery(ctx context.Context, since time.Time) (guid string, err error) {
	all, err := b.App.HookDeliveries(ctx, b.Now().Add(-hookLogKept))
	if err != nil {
		return "", fmt.Errorf("delivery log: %w", err)
	}
	err = b.Store.Read(ctx, func(tx *store.Tx) error {
		for _, d := range all {
			if d.StatusCode < 200 || d.StatusCode >= 300 {
				continue
			}
			at, known, err := tx.DeliveryReceived(ctx, strings.ToLower(d.GUID))
			if err != nil || !known || !at.Before(since) && d.DeliveredAt.Before(since.Add(-hookClocks)) {
				guid = d.GUID
				return err
			}
		}
		return nil
	})
	return guid, err
}

// adoptShipped takes over what was shipped and is not in the database any more: releases whose tag is where their candidate
// is, and what production runs. What is not shown by GitHub and the registry alike is left as it was, for people to see.
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
	if s.repo.Observe || s.cfg.Finish.Order == "merge-then-deploy" { // a tag says nothing about the deployment
		return nil
	}
	deployed, err := s.gh.Deployments(ctx, s.env(pipeline.EnvironmentProduction), "")
	if err != nil {
		return ignoreNotFound(err)
	}
	var live []store.Release
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		live, err = tx.LiveReleases(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range s.ofComponent(live) {
		if r.Status == store.ReleaseOpen && r.Line == "" {
			if err := s.adoptRelease(ctx, &r, deployed); err != nil {
				return err
			}
		}
	}
	return s.adoptProduction(ctx, deployed)
}

// adoptRelease takes a release over whose candidate was deployed to production and tagged. What its end still lacks is done by the
// walk, which looks at the world.
func (s *session) adoptRelease(ctx context.Context, r *store.Release, deployed []forge.Deployment) error {
	tag, err := s.gh.Tag(ctx, r.Tag)
	if errors.Is(err, forge.ErrNotFound) || err == nil && (tag.SHA != r.HeadSHA || !brought(deployed, tag.SHA)) {
		return nil
	}
	if err != nil {
		return err
	}
	image, digest := s.productionImage(r), ""
	if image != "" {
		if digest, err = s.b.Images.Find(ctx, image); err != nil || digest == "" || r.CandidateDigest != "" && r.CandidateDigest != digest {
			return err
		}
	}
	var x *store.Execution
	err = s.b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.Release(ctx, r.ID)
		if err != nil {
			return err
		}
		if x, err = oneExecution(ctx, tx, now.ExecutionID); err != nil {
			return err
		}
		now.Status, now.ReleasedAt, now.UpdatedAt, now.Problem = store.ReleaseReleased, s.b.Now(), s.b.Now(), ""
		now.SHA, now.ProductionImage, now.ProductionDigest = tag.SHA, image, digest
		if _, err := tx.VoidApprovalsOfRelease(ctx, r.ID, alreadyShipped, s.b.Now()); err != nil {
			return err
		}
		if err := tx.SaveRelease(ctx, now); err != nil {
			return err
		}
		return s.auditIn(ctx, tx, forge.User{}, "release.adopted", r.Key(), alreadyShipped, map[string]any{"sha": tag.SHA, "tag": r.Tag, "image": image, "digest": digest})
	})
	if err != nil {
		return err
	}
	s.touch(r.ID)
	s.mark(tag.SHA)
	if x == nil || x.Status.Final() {
		return nil
	}
	return ignoreRefused(s.advance(ctx, x.ID, pipeline.CancelRequested{At: s.b.Now(), Reason: alreadyShipped}))
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

func brought(deployed []forge.Deployment, sha string) bool {
	for _, d := range deployed {
		if d.SHA == sha {
			return true
		}
	}
	return false
}

// adoptProduction takes over what was deployed to production last, where that is a release. One that is not the highest got there
// by a rollback, whose hold is set again.
func (s *session) adoptProduction(ctx context.Context, deployed []forge.Deployment) error {
	log, _, err := s.history(ctx, "")
	if err != nil || len(deployed) == 0 {
		return err
	}
	high, _ := log.Highest(tagging.Trunk())
	runs := high
	for _, r := range log.Releases() {
		if r.SHA == deployed[0].SHA {
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
	if err != nil || runs.SHA != deployed[0].SHA || env.LockedBy != "" {
		return err
	}
	hold := ""
	if runs.Version != high.Version && brought(deployed, high.SHA) {
		hold = "rolled back to " + runs.Version.String() + " before the database was restored"
	}
	if env.SHA == runs.SHA && (hold == "" || env.Hold != "") {
		return nil
	}
	r.Version = runs.Version.String()
	image, digest := s.productionImage(&r), ""
	if image != "" {
		if digest, err = s.b.Images.Find(ctx, image); err != nil || digest == "" || r.CandidateDigest != "" && digest != r.CandidateDigest {
			return err
		}
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		key := fmt.Sprintf("%d/adopted/%s:%d", s.repo.ID, name, deployed[0].ID)
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
