package bot

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// cmdAlarm tells the deployment that is under way in an environment, or in its bake time there, that it is not well. The
// executor takes the alarm down at once and once only, so a repetition after a crash does no harm.
func (s *session) cmdAlarm(ctx context.Context, q *request) (string, error) {
	environment := q.Arg(0)
	var run store.ActionRun
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		last, err := tx.Deployments(ctx, s.repo.ID, environment, 1)
		if err != nil || len(last) == 0 || last[0].Status != pipeline.InProgress {
			return err
		}
		run, err = tx.ActionRun(ctx, last[0].ID)
		return ignoreMissing(err)
	})
	if err != nil {
		return "", err
	}
	if run.ID == "" || run.Final {
		return "", &userError{fmt.Sprintf("Nothing is being deployed to %s now, and nothing is in its bake time. `/rollback %s --reason text` goes back to what ran before.",
			code(environment), environment)}
	}
	var req executor.Request
	if err := json.Unmarshal(run.Request, &req); err != nil {
		return "", fmt.Errorf("request of %s: %w", run.ID, err)
	}
	e, err := s.b.Executors.Lookup(req.Uses)
	if err != nil {
		return "", err
	}
	alarmed, ok := e.(executor.Alarmed)
	if !ok {
		return "", &userError{fmt.Sprintf("%s is deployed to by `uses: %s`, which takes no alarms. `/cancel` stops it.", code(environment), req.Uses)}
	}
	text := fmt.Sprintf("The deployment to %s is ended as failed, and goes back.", code(environment))
	if q.DryRun {
		return s.dry(ctx, q, text)
	}
	err = s.b.repeat(ctx, harmless{
		kind: effectAlarm, key: req.Uses + ":" + run.ID, why: "executors take an alarm that was raised for one that is",
		act: func(ctx context.Context) error {
			return alarmed.Alarm(ctx, req, q.by.Login+": "+q.Flag("reason"))
		},
	})
	if err != nil {
		return "", err
	}
	q.said = text
	err = s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := s.auditIn(ctx, tx, q.by, "alarm", environment, q.Flag("reason"), map[string]any{"action": run.ID}); err != nil {
			return err
		}
		return q.done(tx)
	})
	return text, err
}
