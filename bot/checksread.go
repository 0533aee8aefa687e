package bot

import (
	"context"
	"slices"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// storedAt is what is stored of a SHA, before it is known what of it counts.
type storedAt struct {
	executions []store.Execution
	runs       []store.ActionRun // of executions
	heads      []store.Branch
	group      *groupFacts
	scans      []store.SecretScan
	releases   []store.Release
}

// readAt reads all of it at once, and into at what counts whatever the rest is.
func (s *session) readAt(ctx context.Context, tx *store.Tx, at *atSHA) (r storedAt, err error) {
	err = tx.Together(ctx,
		func(tx *store.Tx) error { return s.readPulls(ctx, tx, at) },
		func(tx *store.Tx) (err error) {
			r.executions, err = tx.ExecutionsAt(ctx, s.repo.ID, at.sha)
			return err
		},
		func(tx *store.Tx) error {
			pushed, err := s.reported(ctx, tx, at.sha)
			at.push = slices.DeleteFunc(pushed, func(v gitflow.Violation) bool { return v.Mended })
			return err
		},
		func(tx *store.Tx) error {
			unchanged, err := tx.Setting(ctx, store.NoteUnchanged.Key(s.repo.ID, at.sha))
			at.unchanged = unchanged != ""
			return err
		},
		func(tx *store.Tx) error {
			reported, err := tx.Checks(ctx, s.repo.ID, at.sha)
			for _, c := range reported {
				at.reported[c.Name] = c
			}
			return err
		},
		func(tx *store.Tx) (err error) { // the only check that is kept true where it would not be made
			at.begun[CheckPromotion], err = s.intended(ctx, tx, afterCheck(store.Check{SHA: at.sha, Name: CheckPromotion}))
			return err
		},
		func(tx *store.Tx) (err error) {
			r.runs, err = tx.ActionRunsAt(ctx, s.repo.ID, at.sha)
			return err
		},
		func(tx *store.Tx) (err error) {
			at.stops, err = s.stops(ctx, tx)
			return err
		},
		func(tx *store.Tx) (err error) {
			at.followers, err = s.followers(ctx, tx, at.sha)
			return err
		},
		func(tx *store.Tx) (err error) {
			r.heads, err = tx.Branches(ctx, s.repo.ID)
			return err
		},
		func(tx *store.Tx) (err error) {
			r.group, err = s.group(ctx, tx, at.sha)
			return err
		},
		func(tx *store.Tx) (err error) {
			r.scans, err = tx.SecretScans(ctx, s.repo.ID, at.sha)
			return err
		},
		func(tx *store.Tx) (err error) {
			r.releases, err = tx.Releases(ctx, s.repo.ID)
			return err
		},
	)
	for name, sha := range s.arriving { // the last of a name counts
		r.heads = append(r.heads, store.Branch{RepoID: s.repo.ID, Name: name, SHA: sha})
	}
	return r, err
}

// readPulls reads the open pull requests whose head a SHA is, with what was found about them and what they are permitted.
func (s *session) readPulls(ctx context.Context, tx *store.Tx, at *atSHA) error {
	pulls, err := tx.PullsAt(ctx, s.repo.ID, at.sha)
	if err != nil {
		return err
	}
	for _, p := range pulls {
		if !p.Open {
			continue
		}
		f, err := findingOf(p)
		if err != nil {
			return err
		}
		permits, err := tx.Permits(ctx, s.repo.ID, p.Number)
		if err != nil {
			return err
		}
		at.permits = append(at.permits, permits...)
		at.pulls, at.findings = append(at.pulls, p), append(at.findings, f)
	}
	return nil
}
