package bot

import (
	"context"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// cmdOverride lets a check of ours pass for exactly this head and base, or a version ship before a lower one. What binds
// production to what was tested and approved can be overridden by nobody: sluice/promotion stands for the approved
// digest, and the pipeline of a branch that ships for the image behind it. sluice/config cannot either: a file that cannot
// be read does not become readable.
func (s *session) cmdOverride(ctx context.Context, q *request) (string, error) {
	pr, err := s.openPullOf(ctx, q)
	if err != nil {
		return "", err
	}
	// The base is taken as it is now, and what was given for an earlier one ends.
	if err := s.branchMoved(ctx, pr.Base.Branch, nil); err != nil {
		return "", err
	}
	base, err := s.head(ctx, pr.Base.Branch)
	if err != nil {
		return "", err
	}
	p := store.Permit{Pull: pr.Number, HeadSHA: pr.Head.SHA, BaseBranch: pr.Base.Branch, BaseSHA: base, Reason: q.Flag("reason")}
	what := ""
	switch name := strings.TrimPrefix(strings.ToLower(q.Arg(0)), "sluice/"); name {
	case "branch":
		p.Name, what = CheckBranch, code(CheckBranch)+" passes"
		err = s.branchFails(ctx, q)
	case "pipeline":
		p.Name, what = CheckPipeline, code(CheckPipeline)+" passes"
		err = s.pipelineMayBeOverridden(q, pr)
	case permitOrder:
		p.Name, what = permitOrder, "It may ship before a lower version that is open"
		err = s.overtaking(ctx, q)
	case "config", "promotion":
		err = &userError{fmt.Sprintf("%s cannot be overridden: %s", code("sluice/"+name), map[string]string{
			"config":    "a configuration that cannot be read would not be used either way. Mend the file.",
			"promotion": "it stands for the approval of one digest, and nothing else goes to production. `/why` says what it waits for.",
		}[name])}
	default:
		err = &userError{fmt.Sprintf("There is no %s to override: it is `sluice/branch`, `sluice/pipeline` or `order`.", code(q.Arg(0)))}
	}
	if err != nil {
		return "", err
	}
	where := fmt.Sprintf("for %s into %s at %s only", short(p.HeadSHA), code(p.BaseBranch), short(p.BaseSHA))
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("%s, %s, until either moves.", what, where))
	}
	q.said = fmt.Sprintf("%s, %s. It ends when either moves, and it is on record with your reason.", what, where)
	return q.said, s.give(ctx, q, p, "override")
}

// branchFails refuses to override what passes already.
func (s *session) branchFails(ctx context.Context, q *request) error {
	f, err := findingOf(*q.pr)
	if err == nil && f.Unknown == "" && f.Verdict.Pass {
		err = &userError{"`sluice/branch` passes already; there is nothing to override."}
	}
	return err
}

// pipelineMayBeOverridden keeps what ships from being overridden: its image must be the one that was tested.
func (s *session) pipelineMayBeOverridden(q *request, pr forge.PullRequest) error {
	kind := s.headOf(pr.Head.Branch, s.ownHead(q.pr)).Kind
	if kind.Ships() || s.classify(pr.Base.Branch).Kind == gitflow.KindProduction {
		return &userError{"`sluice/pipeline` of what goes to production cannot be overridden: its image must be the one that was tested. `/test` runs it anew."}
	}
	return nil
}

// overtaking refuses an override of the order where nothing is overtaken.
func (s *session) overtaking(ctx context.Context, q *request) error {
	r, err := needRelease(q)
	if err != nil {
		return err
	}
	if r.Status != store.ReleaseOpen {
		return &userError{fmt.Sprintf("%s is %s; its turn is decided.", code(r.Version), r.Status)}
	}
	w, err := s.look(ctx, r, phasePromote)
	if err != nil {
		return err
	}
	w.OutOfOrder = false
	if gate, ok := gitflow.PlanPromote(w.State).Step("order"); ok && gate.Done {
		return &userError{fmt.Sprintf("No lower version is open before %s; there is nothing to override.", code(r.Version))}
	}
	return nil
}

// lookPermits finds whether the release may ship before a lower one that is open: somebody allowed it for exactly this
// head and this head of production. A promotion that began by that goes on, though it moves production itself.
func (s *session) lookPermits(ctx context.Context, r *store.Release, w *world) error {
	if r.Pull == 0 {
		return nil
	}
	var all []store.Permit
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Permits(ctx, s.repo.ID, r.Pull)
		return err
	})
	for _, p := range all {
		if p.Name != permitOrder || p.HeadSHA != w.Candidate.SHA {
			continue
		}
		now := p.EndedAt.IsZero() && p.HeadSHA == w.Head && p.BaseBranch == w.Production.Branch && p.BaseSHA == w.Production.SHA
		w.OutOfOrder = w.OutOfOrder || now || r.Status == store.ReleasePromoting
	}
	return err
}
