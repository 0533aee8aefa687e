package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// Names of the checks. They are made required, so they must never deadlock a merge: each is reported for every pull
// request, answers the re-run button, and fails with a reason rather than staying silent.
const (
	CheckBranch    = "sluice/branch"
	CheckConfig    = "sluice/config"
	CheckPipeline  = "sluice/pipeline"
	CheckPromotion = "sluice/promotion"
)

// settle does what follows from a handling: releases are walked, borrowed environments given back, waiting actions
// started, deployments, checks and comments reported.
func (s *session) settle(ctx context.Context) error {
	// What people see of this handling comes first: a walk may take many calls.
	if err := s.reportChecks(ctx); err != nil {
		return err
	}
	if err := s.passTransitions(ctx); err != nil {
		return err
	}
	if err := s.walkTouched(ctx); err != nil {
		return err
	}
	if err := s.decideWaiting(ctx); err != nil {
		return err
	}
	if err := s.giveBack(ctx); err != nil {
		return err
	}
	if err := s.dispatchWaiting(ctx); err != nil {
		return err
	}
	if err := s.tellStranded(ctx); err != nil {
		return err
	}
	if err := s.reportDeployments(ctx); err != nil {
		return err
	}
	if err := s.reportChecks(ctx); err != nil {
		return err
	}
	if err := s.reportCockpits(ctx); err != nil {
		return err
	}
	for _, f := range s.later {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// walkTouched walks the releases that something was done to, until nothing more is touched.
func (s *session) walkTouched(ctx context.Context) error {
	if s.repo.Observe || s.repo.ConfigMisfit != "" {
		return nil
	}
	if s.touchAll {
		s.touchAll = false
		if err := s.touchLive(ctx); err != nil {
			return err
		}
		if err := s.backmerge(ctx, owed{}); err != nil && !personal(err) {
			return err
		} else if err != nil {
			s.log.WarnContext(ctx, "back-merge is blocked", "err", err) // its pull request says what it needs
		}
	}
	for round := 0; len(s.touched) > 0 && round < 4; round++ {
		ids := slices.Sorted(maps.Keys(s.touched))
		clear(s.touched)
		for _, id := range ids {
			s.cockpits[id] = true
			if err := s.walk(ctx, id); err != nil {
				if err := s.blocked(ctx, id, err); err != nil {
					return err
				}
			}
		}
		for _, id := range ids {
			delete(s.touched, id) // its own changes were walked
		}
	}
	return nil
}

// personal tells whether an error is one that only a person mends: a rule, a setting, something in the way.
func personal(err error) bool {
	var byGitHub *forge.RefusedError
	var no *userError
	return errors.As(err, &byGitHub) || errors.As(err, &no) || refused(err)
}

// blocked shows an error that repeating does not mend on the release it stopped; any other error goes back to the queue.
func (s *session) blocked(ctx context.Context, id string, err error) error {
	if !personal(err) {
		return err
	}
	s.log.WarnContext(ctx, "release is blocked", "release", id, "err", err)
	r, lookErr := s.release(ctx, id)
	if lookErr != nil || r == nil {
		return lookErr
	}
	text := refusedText(err)
	if r.Problem != text { // each change sets the pace of looking again anew
		if err := s.updateRelease(ctx, r, func(r *store.Release) { r.Problem = text }); err != nil {
			return err
		}
	}
	delete(s.touched, id)
	return s.lookAgain(ctx, r)
}

// touchLive marks every release that is not finished.
func (s *session) touchLive(ctx context.Context) error {
	var all []store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Releases(ctx, s.repo.ID)
		return err
	})
	for _, r := range all {
		if !r.Finished {
			s.touch(r.ID)
		}
	}
	return err
}

// lookAgain has the release walked later, when what it waits for may have come: the age of the wait sets the pace.
func (s *session) lookAgain(ctx context.Context, r *store.Release) error {
	wait := min(max(s.b.since(r.UpdatedAt)/4, 2*time.Second), 10*time.Minute)
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		return s.b.Queue.PostAt(ctx, tx, s.lane(), itemWalk, walkFact{ReleaseID: r.ID}, "walk:"+r.ID, s.b.Now().Add(wait))
	})
}

// reportChecks brings the check runs of every SHA that may have changed up to date. What GitHub has already is not sent
// again.
func (s *session) reportChecks(ctx context.Context) error {
	for len(s.dirty) > 0 {
		shas := slices.Sorted(maps.Keys(s.dirty))
		clear(s.dirty)
		for _, sha := range shas {
			at, err := s.gather(ctx, sha)
			if err != nil {
				return fmt.Errorf("checks of %s: %w", short(sha), err)
			}
			for _, g := range at.followers {
				s.mark(g)
			}
			runs, err := s.checksBy(ctx, at)
			if err != nil {
				return fmt.Errorf("checks of %s: %w", short(sha), err)
			}
			for _, run := range runs {
				if err := s.reportAfter(ctx, at.reported[run.Name], run); err != nil {
					return fmt.Errorf("check %s at %s: %w", run.Name, short(sha), err)
				}
			}
		}
	}
	return nil
}

// reportCheck sends one check run, if it says something new.
func (s *session) reportCheck(ctx context.Context, run forge.CheckRun) error {
	var known store.Check
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.Check(ctx, s.repo.ID, run.SHA, run.Name)
		return ignoreMissing(err)
	})
	if err != nil {
		return err
	}
	return s.reportAfter(ctx, known, run)
}

// reportAfter is reportCheck where it is known what GitHub was told before; the zero Check: nothing.
func (s *session) reportAfter(ctx context.Context, known store.Check, run forge.CheckRun) error {
	known.SHA, known.Name = run.SHA, run.Name
	hash, err := hashOf(run)
	if err != nil {
		return err
	}
	begun, err := s.begunAfter(ctx, known)
	if err != nil {
		return err
	}
	if known.Hash == hash && begun == (unnoted{}) {
		return nil
	}
	wanted := run
	run.ID = known.RunID
	run.ExternalID = run.SHA + " " + run.Name
	if run.DetailsURL == "" {
		run.DetailsURL = fmt.Sprintf("%s/%s/%s", s.b.PublicURL, s.repo.Owner, s.repo.Name)
	}
	if known.Status == "completed" && (run.Status != "completed" || begun.run) {
		run.ID = 0 // GitHub does not reopen a completed run for required checks: a new run takes its place
	}
	// A run that is made is the same effect whatever it says, so that a run which an earlier attempt made is not left behind. So is
	// a change of one, so that what an earlier attempt made it say does not stay.
	key := afterCheck(known)
	if run.ID != 0 {
		key = changeOfCheck(known)
	}
	sent, err := do(ctx, s, effect[sentCheck]{
		kind: effectCheck, intent: run.Title, key: key,
		probe: func(ctx context.Context) (found sentCheck, done bool, err error) {
			if run.ID != 0 && !s.b.doubt.Load() {
				return found, false, nil // an update: sending it again does no harm
			}
			id, done, err := s.findCheck(ctx, run, known.RunID)
			if id != 0 { // or one that was made since a backup, in place of the one to update
				run.ID = id
			}
			done = done && len(run.Annotations) == 0 // those go out one lot after the other, and some may be missing
			if done {
				found = sentCheck{ID: run.ID, Hash: hash, Status: run.Status, Conclusion: run.Conclusion}
			}
			return found, done, err
		},
		act: func(ctx context.Context) (sentCheck, error) {
			id, err := s.gh.SaveCheckRun(ctx, run)
			return sentCheck{ID: id, Hash: hash, Status: run.Status, Conclusion: run.Conclusion}, err
		},
	})
	if err != nil {
		return err
	}
	err = s.b.Store.Write(ctx, func(tx *store.Tx) error {
		return tx.SaveCheck(ctx, store.Check{
			RepoID: s.repo.ID, SHA: run.SHA, Name: run.Name, RunID: sent.ID, Hash: sent.Hash, Status: sent.Status,
			Conclusion: string(sent.Conclusion), UpdatedAt: after(known.UpdatedAt, s.b.Now()),
		})
	})
	if err == nil && sent.Hash != hash { // an attempt before a crash said something else
		return s.reportCheck(ctx, wanted)
	}
	return err
}

// unnoted is what was begun after a check run was noted, before a crash: GitHub may show something else than what is noted.
type unnoted struct {
	run    bool // to make another run in place of a completed one
	change bool // to make the run say something else
}

func (s *session) begunAfter(ctx context.Context, known store.Check) (begun unnoted, err error) {
	if known.Hash == "" {
		return begun, nil // nothing is noted that could be taken for what GitHub shows
	}
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if begun.run, err = s.intended(ctx, tx, afterCheck(known)); err != nil || known.RunID == 0 {
			return err
		}
		begun.change, err = s.intended(ctx, tx, changeOfCheck(known))
		return err
	})
	return begun, err
}

// intended tells whether an effect on check runs was begun, be it done or not.
func (s *session) intended(ctx context.Context, tx *store.Tx, key string) (bool, error) {
	_, err := tx.Effect(ctx, effectKey(s.repo.ID, effectCheck, key))
	return err == nil, ignoreMissing(err)
}

// afterCheck is the key of a run that comes after a check run. It names what is replaced: the same words may have to be said again
// after others.
func afterCheck(known store.Check) string {
	return fmt.Sprintf("%s@%s#%d-%s-%d", known.Name, known.SHA, known.RunID, known.Hash, known.UpdatedAt.UnixMicro())
}

// changeOfCheck is the key of a change of a check run.
func changeOfCheck(known store.Check) string { return afterCheck(known) + "#change" }

// after is a time that no note before has, in the database's microseconds.
func after(before, now time.Time) time.Time {
	if next := before.Add(time.Microsecond); now.Before(next) {
		return next
	}
	return now
}

// sentCheck is what a check run was made to say.
type sentCheck struct {
	ID         int64            `json:"id"`
	Hash       string           `json:"hash"`
	Status     string           `json:"status"`
	Conclusion forge.Conclusion `json:"conclusion"`
}

// findCheck looks for a run of ours that an earlier attempt may have made, newer than the one that is known. said tells
// that it says what is wanted; else it is to be changed, unless it is completed and must not be reopened.
func (s *session) findCheck(ctx context.Context, want forge.CheckRun, known int64) (id int64, said bool, err error) {
	all, err := s.gh.CheckRuns(ctx, want.SHA)
	if err != nil {
		return 0, false, err
	}
	var newest forge.CheckRun
	for _, c := range all {
		if c.AppID == s.us.AppID && c.Name == want.Name && c.ID > max(known, newest.ID) {
			newest = c
		}
	}
	if newest.Status == "completed" && want.Status != "completed" {
		return 0, false, nil
	}
	return newest.ID, newest.ID != 0 && newest.Status == want.Status && newest.Conclusion == want.Conclusion && newest.Title == want.Title, nil
}

// hashOf is a hash of what a check run says.
func hashOf(run forge.CheckRun) (string, error) {
	raw, err := json.Marshal(run)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:12]), nil
}
