package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// cmdAlarm tells the deployment that is under way in an environment, or in its bake time there, that it is not well.
func (s *session) cmdAlarm(ctx context.Context, q *request) (string, error) {
	environment := q.Arg(0)
	d, err := s.alarmable(ctx, environment)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("The deployment to %s is ended as failed, and goes back.", code(environment))
	if q.DryRun {
		return s.dry(ctx, q, text)
	}
	if err := s.end(ctx, d, q.by.Login+": "+q.Flag("reason")); err != nil {
		return "", err
	}
	q.said = text
	err = s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := s.auditIn(ctx, tx, q.by, "alarm", environment, q.Flag("reason"), map[string]any{"action": d.id}); err != nil {
			return err
		}
		return q.done(tx)
	})
	return text, err
}

// alarmable is a deployment that is under way, or in its bake time, and takes alarms.
type alarmable struct {
	id       string // of the action
	since    time.Time
	request  executor.Request
	executor executor.Alarmed
}

// end ends the deployment as failed, and it goes back.
func (s *session) end(ctx context.Context, d *alarmable, reason string) error {
	return s.b.repeat(ctx, harmless{
		kind: effectAlarm, key: d.request.Uses + ":" + d.id, why: "executors take an alarm that was raised for one that is",
		act: func(ctx context.Context) error { return d.executor.Alarm(ctx, d.request, reason) },
	})
}

// alarmable finds what an alarm about an environment would end. A *userError says why there is nothing.
func (s *session) alarmable(ctx context.Context, environment string) (*alarmable, error) {
	var run store.ActionRun
	var since time.Time
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		last, err := tx.Deployments(ctx, s.repo.ID, environment, 1)
		if err != nil || len(last) == 0 || last[0].Status != pipeline.InProgress {
			return err
		}
		since = last[0].StartedAt
		run, err = tx.ActionRun(ctx, last[0].ID)
		return ignoreMissing(err)
	})
	if err != nil {
		return nil, err
	}
	if run.ID == "" || run.Final {
		return nil, &userError{fmt.Sprintf("Nothing is being deployed to %s now, and nothing is in its bake time. `/rollback %s --reason text` goes back to what ran before.",
			code(environment), environment)}
	}
	var req executor.Request
	if err := json.Unmarshal(run.Request, &req); err != nil {
		return nil, fmt.Errorf("request of %s: %w", run.ID, err)
	}
	e, err := s.b.Executors.Lookup(req.Uses)
	if err != nil {
		return nil, err
	}
	takes, ok := e.(executor.Alarmed)
	if !ok {
		return nil, &userError{fmt.Sprintf("%s is deployed to by `uses: %s`, which takes no alarms. `/cancel` stops it.", code(environment), req.Uses)}
	}
	return &alarmable{id: run.ID, since: since, request: req, executor: takes}, nil
}
