package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// change is what an approval judges: the work on a branch since it was cut.
type change struct {
	Branch string
	// CutSHA is where the work begins, exclusive: a commit, or a branch whose commits do not belong to it. HeadSHA is where
	// it ends.
	CutSHA, HeadSHA string
	StartedBy       forge.User
	// Author opened the pull request of a branch that has no release.
	Author forge.User
	// StartedAt is when it began: pull requests that were merged before belong to something else. Zero: all count.
	StartedAt time.Time
	// PushedAfter leaves out pushes from before, for a branch that lives on. Zero: all count.
	PushedAfter time.Time
}

// changeOf is the work of a release since its branch was cut.
func changeOf(r *store.Release) change {
	return change{Branch: r.Branch, CutSHA: r.CutSHA, HeadSHA: r.HeadSHA, StartedBy: r.StartedBy, StartedAt: r.StartedAt}
}

// parts is who took part in a change, by account ID, and how. unknown is why that cannot be told: then nobody counts as
// an approver, since anybody may have written what is not known.
type parts struct {
	by      map[int64]string
	unknown string
}

// why somebody does not count; empty: they do.
func (p parts) why(id int64) string {
	if p.unknown != "" {
		return p.unknown
	}
	return p.by[id]
}

// takenPart is why somebody does not count as an approver of a candidate, by account ID. Only accounts GitHub vouches for
// admit anybody; what a commit claims can only exclude. r is nil for an execution that belongs to no release.
func (s *session) takenPart(ctx context.Context, r *store.Release, x *store.Execution) (parts, error) {
	out := parts{by: map[int64]string{}}
	add := func(u forge.User, why string) {
		if u.ID != 0 && !u.Bot && out.by[u.ID] == "" {
			out.by[u.ID] = why
		}
	}
	took := func(c change) error {
		unknown, err := s.tookPart(ctx, c, add)
		if out.unknown == "" {
			out.unknown = unknown
		}
		return err
	}
	if r == nil {
		c, err := s.changeOfBranch(ctx, x)
		if err != nil {
			return out, err
		}
		return out, took(c)
	}
	if x != nil && len(x.State.Given) > 0 { // they may change what was tested
		add(x.StartedBy, "gave values for variables of its pipeline")
	}
	if err := took(changeOf(r)); err != nil {
		return out, err
	}
	var all []store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Releases(ctx, s.repo.ID)
		return err
	})
	for i := len(all) - 1; err == nil && i >= 0; i-- { // newest first: what this one goes on from, and that one before it
		if before := &all[i]; before.Component == r.Component && before.Status == store.ReleaseAbandoned && before.Reason == goesOnAs(r.Version) && before.ID != r.ID {
			r, err = before, took(changeOf(before))
		}
	}
	return out, err
}

// goesOnAs is the reason of a release that another version took the place of.
func goesOnAs(version string) string { return "goes on as " + version }

// changeOfBranch is what an execution without a release brings: of a feature all that development lacks, of development
// all that was pushed since what was last deployed from it.
func (s *session) changeOfBranch(ctx context.Context, x *store.Execution) (change, error) {
	c := change{Branch: x.Branch, CutSHA: s.names().Development, HeadSHA: x.SHA, StartedBy: x.StartedBy}
	if x.Branch != s.names().Development {
		err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
			pulls, err := tx.PullsAt(ctx, s.repo.ID, x.SHA)
			for _, p := range pulls {
				if p.HeadBranch == x.Branch && s.ownHead(&p) {
					c.Author = p.Author
				}
			}
			return err
		})
		return c, err
	}
	c.CutSHA = s.names().Production
	environment := pipeline.EnvironmentDevelopment
	for _, stage := range x.State.Definition.Stages {
		for _, a := range stage.Actions {
			if a.IsApproval() {
				environment = a.Environment
			}
		}
	}
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		history, err := tx.Deployments(ctx, s.repo.ID, s.env(environment), deploymentsLooked)
		if err != nil {
			return err
		}
		for _, d := range history { // newest first
			if d.Status != pipeline.Succeeded {
				continue
			}
			before, err := oneExecution(ctx, tx, d.ExecutionID)
			if err != nil {
				return err
			}
			if before != nil && before.Branch == x.Branch {
				c.CutSHA, c.StartedAt, c.PushedAfter = before.SHA, before.CreatedAt, before.CreatedAt
				return nil
			}
		}
		return nil
	})
	return c, err
}

// deploymentsLooked is how far back the last deployment from development is looked for; beyond it everything that
// production lacks counts.
const deploymentsLooked = 100

// tookPart adds who took part in a change. unknown is why others may have, too; empty: these are all.
func (s *session) tookPart(ctx context.Context, c change, add func(forge.User, string)) (unknown string, err error) {
	add(c.StartedBy, "started it")
	add(c.Author, "opened the pull request")
	var pushes []store.Push
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		pushes, err = tx.Pushes(ctx, s.repo.ID, c.Branch)
		return err
	})
	if err != nil {
		return "", err
	}
	for _, p := range pushes {
		if !p.At.Before(c.PushedAfter) {
			add(p.Pusher, "pushed to the branch")
		}
	}
	merged, all, err := s.gh.MergedInto(ctx, c.Branch)
	if err != nil {
		return "", fmt.Errorf("pull requests merged into %s: %w", c.Branch, err)
	}
	for _, p := range merged {
		if !p.CreatedAt.IsZero() && p.UpdatedAt.Before(c.StartedAt) {
			all = true // and so were those that are not listed
			continue
		}
		add(p.Author, fmt.Sprintf("wrote pull request #%d", p.Number))
	}
	if !all && !c.StartedAt.IsZero() {
		unknown = fmt.Sprintf("more than %d pull requests were merged into %s, and GitHub was not asked for the rest", len(merged), c.Branch)
	}
	cut, err := s.committers(ctx, c, add)
	if cut != "" {
		unknown = cut
	}
	return unknown, err
}

// mayCount says why somebody's approval of a candidate would not count; empty: it would.
func (s *session) mayCount(ctx context.Context, r *store.Release, x *store.Execution, who forge.User, environment string) (string, error) {
	if env := s.cfg.Environment(environment); env.Approve != nil && env.Approve.AllowAuthor {
		return "", nil
	}
	excluded, err := s.takenPart(ctx, r, x)
	if err != nil || excluded.why(who.ID) == "" {
		return "", err
	}
	if excluded.unknown != "" {
		return "It cannot be told who took part in this change, so no approval counts: " + prose(excluded.unknown) + ".", nil
	}
	return fmt.Sprintf("You %s, and who takes part in a change does not approve it. "+
		"Ask somebody else, or set `environments.%s.approve.allow_author`.", excluded.by[who.ID], environment), nil
}

// asksApproval tells whether the pipeline of a kind of branch waits for an approval anywhere, so that who pushes to such a
// branch has to be known.
func (s *session) asksApproval(kind string) bool {
	for _, component := range append([]string{""}, s.names().Components...) {
		if d, ok := s.in(component).cfg.Pipeline(kind, config.Revision{}); ok && d.HasApproval() {
			return true
		}
	}
	return false
}
