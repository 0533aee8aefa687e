package bot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// A place such as staging is occupied by the release whose candidate is being judged there. A hotfix may borrow it, and so
// may a release with a lower version, which has to ship first. Lenders wait in a pile: the last one is put back first.

// occupied says why an execution has to wait because another release's candidate is being judged in the environment, and
// otherwise, with an empty answer, makes the execution's release the occupant.
func (s *session) occupied(ctx context.Context, tx *store.Tx, x *store.Execution, env *store.Environment) (why string, err error) {
	if x.ReleaseID == "" || x.Kind == pipeline.KindProduction || x.Kind == kindRestore {
		return "", nil
	}
	if env.OccupiedBy != "" && env.OccupiedBy != x.ReleaseID {
		undecided, occupant, err := s.undecided(ctx, tx, env.OccupiedBy)
		if err != nil {
			return "", err
		}
		if undecided {
			goesFirst, err := s.goesFirst(ctx, tx, x, occupant, env)
			if err != nil || !goesFirst {
				return fmt.Sprintf("%s is taken by %s until its approval is decided", env.Name, occupant.Version), err
			}
			if no, err := s.mayNotBorrow(ctx, tx, x); no != "" || err != nil {
				return fmt.Sprintf("%s is taken by %s, from which it is not borrowed: %s", env.Name, occupant.Version, no), err
			}
			env.LentBy = append([]string{occupant.ID}, without(env.LentBy, occupant.ID)...)
			s.cockpits[occupant.ID] = true
		}
	}
	env.OccupiedBy = x.ReleaseID
	env.LentBy = without(env.LentBy, x.ReleaseID)
	return "", nil
}

func without(ids []string, id string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(s string) bool { return s == id })
}

// goesFirst tells whether an execution's release may take the place from the occupant now. A candidate that was deployed
// and is still being tried by its own pipeline is not disturbed.
func (s *session) goesFirst(ctx context.Context, tx *store.Tx, x *store.Execution, occupant store.Release, env *store.Environment) (bool, error) {
	switch {
	case x.Kind == pipeline.KindHotfix && occupant.Kind == pipeline.KindHotfix:
		return false, nil // one after the other
	case x.Kind == pipeline.KindHotfix && s.cfg.Environment(env.Name).Borrow == config.BorrowNever:
		return false, nil
	case x.Kind != pipeline.KindHotfix && (occupant.Kind == pipeline.KindHotfix || !lowerVersion(x.Version, occupant.Version)):
		return false, nil
	}
	if env.LockedBy != occupant.ExecutionID && env.ExecutionID != occupant.ExecutionID {
		return true, nil // its present candidate is not there yet
	}
	trial, err := tx.Execution(ctx, occupant.ExecutionID)
	if err != nil {
		return false, ignoreMissing(err)
	}
	return trial.Status.Final() || trial.State.AwaitsPeople(), nil
}

// lowerVersion tells whether a ships before b.
func lowerVersion(a, b string) bool {
	v, err := tagging.ParseVersion(a)
	w, err2 := tagging.ParseVersion(b)
	return err == nil && err2 == nil && v.CompareCore(w) < 0
}

// tooLate tells whether what an execution would put back has no place any more: somebody else's candidate is judged there
// meanwhile.
func (s *session) tooLate(ctx context.Context, tx *store.Tx, x *store.Execution, env store.Environment) (bool, error) {
	if x.Kind != kindRestore || x.ReleaseID == "" || env.OccupiedBy == "" || env.OccupiedBy == x.ReleaseID {
		return false, nil
	}
	judged, _, err := s.undecided(ctx, tx, env.OccupiedBy)
	return judged, err
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

// waitingRun is an action that waits for its environment.
type waitingRun struct {
	store.ActionRun
	request executor.Request
}

// waitingRuns are the actions that wait for an environment, in the order in which they may enter: hotfixes first, then
// releases by version, then as they came.
func waitingRuns(ctx context.Context, tx *store.Tx, repo int64) ([]waitingRun, error) {
	waiting, err := tx.WaitingActionRuns(ctx, repo)
	if err != nil {
		return nil, err
	}
	var out []waitingRun
	for _, run := range waiting {
		w := waitingRun{ActionRun: run}
		if err := json.Unmarshal(run.Request, &w.request); err != nil {
			return nil, fmt.Errorf("request of %s: %w", run.ID, err)
		}
		out = append(out, w)
	}
	slices.SortStableFunc(out, func(a, b waitingRun) int {
		return cmp.Or(cmp.Compare(a.turn(), b.turn()), versionOf(a.request).CompareCore(versionOf(b.request)))
	})
	return out, nil
}

// environment is the name of the environment in records.
func (w waitingRun) environment() string {
	if c := w.request.Env["SLUICE_COMPONENT"]; c != "" {
		return c + "/" + w.request.Environment
	}
	return w.request.Environment
}

func (w waitingRun) turn() int {
	switch w.request.BranchKind {
	case pipeline.KindHotfix:
		return 0
	case pipeline.KindRelease:
		return 1
	}
	return 2
}

// versionOf is the version of a release's action; zero for any other, so that those keep their order.
func versionOf(q executor.Request) tagging.Version {
	v, err := tagging.ParseVersion(q.Env["SLUICE_VERSION"])
	if err != nil || q.BranchKind != pipeline.KindRelease {
		return tagging.Version{}
	}
	return v
}

// dispatchWaiting lets actions enter environments that have become free.
func (s *session) dispatchWaiting(ctx context.Context) error {
	var waiting []waitingRun
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		waiting, err = waitingRuns(ctx, tx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	for _, w := range waiting {
		if err := s.tryEnter(ctx, w.ActionRun, w.request); err != nil {
			return err
		}
	}
	return nil
}

// giveBack puts candidates back into environments that were borrowed, by digest, once the borrower's approval is decided.
// A candidate that will be deployed anew anyway is not put back.
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
		if len(env.LentBy) == 0 {
			continue
		}
		if err := s.giveBackOne(ctx, env); err != nil {
			return fmt.Errorf("give %s back: %w", env.Name, err)
		}
	}
	return nil
}

func (s *session) giveBackOne(ctx context.Context, env store.Environment) error {
	var lender store.Release
	var x store.Execution
	keep, wanted := false, false
	rest := env.LentBy
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if keep, err = s.stillLent(ctx, tx, env); err != nil || keep {
			return err
		}
		for len(rest) > 0 && !wanted {
			if wanted, lender, err = s.undecided(ctx, tx, rest[0]); err != nil {
				return err
			}
			rest = rest[1:]
		}
		if wanted {
			x, err = tx.Execution(ctx, lender.ExecutionID)
		}
		return err
	})
	if err != nil || keep {
		return err
	}
	digest := x.State.Digest()
	_, _, waits := x.State.OpenApproval()
	other := digest != "" && digest != env.Digest
	if wanted && waits && env.ExecutionID != x.ID && (other || digest == "" && x.Image == "") {
		deploy := s.cfg.Environment(env.Name).Deploy
		def := restorePipeline(env.Name, deploy)
		def.Variables = x.State.Definition.Variables
		_, err := s.in(lender.Component).start(ctx, startRequest{
			kind: kindRestore, branch: gitflow.Branch{Name: lender.Branch, Kind: gitflow.KindRelease, Deploys: true},
			sha: x.SHA, release: &lender, by: forge.User{ID: s.us.UserID, Login: s.us.Login},
			origin: "restore " + env.ExecutionID, // what is there now: a place may be borrowed more than once
			given:  built{version: x.Version, image: x.Image, digest: digest, artifacts: x.State.Artifacts}, only: &def, vars: x.State.Given,
		})
		if err != nil {
			return err
		}
	}
	if wanted {
		s.cockpits[lender.ID] = true
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.Environment(ctx, s.repo.ID, env.Name)
		if err != nil {
			return err
		}
		now.LentBy, now.UpdatedAt = rest, s.b.Now()
		if wanted {
			now.OccupiedBy = lender.ID
		}
		return tx.SaveEnvironment(ctx, now)
	})
}

// stillLent tells whether a place is not given back yet: the borrower's candidate is still judged, or the next borrower
// stands at the door.
func (s *session) stillLent(ctx context.Context, tx *store.Tx, env store.Environment) (bool, error) {
	judged, _, err := s.undecided(ctx, tx, env.OccupiedBy)
	if err != nil || judged {
		return judged, err
	}
	waiting, err := waitingRuns(ctx, tx, s.repo.ID)
	if err != nil || s.cfg.Environment(env.Name).Borrow == config.BorrowNever {
		return false, err
	}
	for _, w := range waiting {
		if w.environment() != env.Name || w.request.BranchKind != pipeline.KindHotfix {
			continue
		}
		x, err := tx.Execution(ctx, w.ExecutionID)
		if err != nil {
			return false, err
		}
		if no, err := s.mayNotBorrow(ctx, tx, &x); no == "" || err != nil {
			return err == nil, err
		}
	}
	return false, nil
}

// placeText tells where a release's candidate stands in environments that it shares: lent away, or waiting for its turn.
func (s *session) placeText(ctx context.Context, r *store.Release) (map[string]string, error) {
	out := map[string]string{}
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		envs, err := tx.Environments(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		waiting, err := waitingRuns(ctx, tx, s.repo.ID)
		if err != nil {
			return err
		}
		for _, env := range envs {
			judged, occupant, err := s.undecided(ctx, tx, env.OccupiedBy)
			if err != nil {
				return err
			}
			if !judged || occupant.ID == r.ID {
				continue
			}
			switch {
			case slices.Contains(env.LentBy, r.ID):
				out[env.Name] = fmt.Sprintf("lent to %s; this candidate is put back once that one is decided", code(occupant.Version))
			case slices.ContainsFunc(waiting, func(w waitingRun) bool { return w.ExecutionID == r.ExecutionID && w.environment() == env.Name }):
				out[env.Name] = fmt.Sprintf("taken by %s until it is decided; this candidate comes after it", code(occupant.Version))
			}
		}
		return nil
	})
	return out, err
}
