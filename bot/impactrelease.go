package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// impactOnRelease adds what would become of a release under way: whether its approvals fall, and what it would wait for.
func (s *session) impactOnRelease(ctx context.Context, out *impact, then *session, r *store.Release, left *impactLeft) error {
	group := impactGroup{What: "open release"}
	switch r.Status {
	case store.ReleaseOpen:
	case store.ReleasePromoting:
		group.What = "promotion under way"
	default:
		return nil
	}
	what := fmt.Sprintf("%s %s", r.Kind, code(r.Name()))
	if s.impactOnComponent(out, then.whole, r, what) {
		return nil
	}
	if then.cfg.Mode == config.Observe {
		if s.cfg.Mode != config.Observe {
			group.Would = "stay where it is, since nothing is done in mode `observe`"
			out.tell(group, r.Name())
		}
		return nil
	}
	here, there := s.in(r.Component), then.in(r.Component)
	now, proposed := here.hashOf(r), there.hashOf(r)
	if r.Status == store.ReleaseOpen && r.ExecutionID != "" && now != proposed {
		given, err := s.approvalsGiven(ctx, r)
		if err != nil {
			return err
		}
		approve := func(cfg *config.Repo) *config.Approve { return cfg.Environment(pipeline.EnvironmentProduction).Approve }
		group.Would = "run the pipeline again and wait for new approvals, " + approversOf(approve(there.cfg))
		out.tell(group, r.Name())
		out.add(what, fmt.Sprintf("%d approval(s) given of %d", given, approve(here.cfg).Count), "its pipeline runs again, and approvals are asked for anew: "+approversOf(approve(there.cfg)))
		return nil // what else it waits for follows from the new candidate
	}
	if left.releases == 0 {
		out.cut(fmt.Sprintf("What %s would wait for was not looked at.", what))
		return nil
	}
	left.releases--
	before, err := here.waitsFor(ctx, r)
	var after []string
	if err == nil {
		after, err = there.waitsFor(ctx, r)
	}
	var refused *forge.RefusedError
	if errors.As(err, &refused) || errors.Is(err, forge.ErrNotFound) {
		out.cut(fmt.Sprintf("What %s would wait for could not be looked at.", what))
		return nil
	}
	if err != nil {
		return err
	}
	more := slices.DeleteFunc(slices.Clone(after), func(w string) bool { return slices.Contains(before, w) })
	less := slices.DeleteFunc(slices.Clone(before), func(w string) bool { return slices.Contains(after, w) })
	switch {
	case len(more) > 0:
		group.Would, group.Why = "wait", strings.Join(more, " ")
	case len(less) > 0:
		group.Would, group.Why = "not wait any more for something", strings.Join(less, " ")
	default:
		return nil
	}
	out.tell(group, r.Name())
	out.add(what+" waits for", sentencesOr(less, "nothing of this"), sentencesOr(more, "nothing of this"))
	return nil
}

// impactOnComponent says that a release would be of no component of the configuration any more, if so.
func (s *session) impactOnComponent(out *impact, then *config.Repo, r *store.Release, what string) bool {
	has := func(cfg *config.Repo) bool {
		return slices.Contains(cfg.Names.Components, r.Component) || r.Component == "" && len(cfg.Names.Components) == 0
	}
	if !has(s.whole) || has(then) {
		return false
	}
	before, after := "component "+code(r.Component), "a component that there is not; end it, or give it up, before"
	if r.Component == "" {
		before, after = "the whole repository", "none of the components; end it, or give it up, before"
	}
	out.tell(impactGroup{What: "release under way", Would: "be of no component"}, r.Name())
	out.add(what+" is of", before, after)
	return true
}

func (s *session) approvalsGiven(ctx context.Context, r *store.Release) (n int, err error) {
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		all, err := tx.Approvals(ctx, r.ExecutionID)
		for _, a := range all {
			if a.VoidedAt.IsZero() {
				n++
			}
		}
		return err
	})
	return n, err
}

// waitsFor is what keeps a release from being promoted now, in sentences. Nothing of what is found out is written down: the
// configuration may be a proposed one, and the repository another one's.
func (s *session) waitsFor(ctx context.Context, r *store.Release) ([]string, error) {
	w, err := s.facts(ctx, r, phasePromote)
	if err != nil {
		return nil, err
	}
	return blockers(gitflow.PlanPromote(w.State)), nil
}

func sentencesOr(list []string, otherwise string) string {
	if len(list) == 0 {
		return otherwise
	}
	return strings.Join(list, " ")
}
