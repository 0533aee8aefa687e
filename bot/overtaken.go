package bot

import (
	"context"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// overtaken refuses to try a deployment of a release to production again where another version comes before it there, or where one was
// shipped since that it lacks or does not merge with: the deployment would take that back, or could not be merged. The promotion's
// gates were passed before it failed or was stopped, and a pipeline that goes on asks none of them.
func (s *session) overtaken(ctx context.Context, r *store.Release, x *store.Execution) error {
	if r == nil || x.Kind != pipeline.KindProduction || isReturn(x) || gitflow.Order(s.cfg.Finish.Order) == gitflow.MergeThenDeploy {
		return nil // with merge-then-deploy it is merged by now
	}
	s = s.in(r.Component)
	w, err := s.look(ctx, r, phasePromote)
	if err != nil {
		return err
	}
	if why := gitflow.Overtaken(w.State); why != "" {
		return &userError{why.Markdown(code)}
	}
	return nil
}
