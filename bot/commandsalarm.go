package bot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

const (
	// alarmByHand is the name of an alarm that nobody gave one.
	alarmByHand = "by-hand"
	// maxAlarmName is how long a name may be, in characters.
	maxAlarmName = 100
)

// alarms tells whether a command is one that monitoring gives.
func (c Command) alarms() bool {
	spec := c.spec()
	return spec != nil && spec.doorOf(c) == DoorAlarm
}

// cmdAlarm says that an environment is not well. What is being deployed there, or is in its bake time, ends as failed; and the alarm
// stands until it is cleared. The executor takes it down at once and once only, so a repetition after a crash does no harm.
func (s *session) cmdAlarm(ctx context.Context, q *request) (string, error) {
	environment, name, err := s.alarmOf(q)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("The alarm %s stands in %s.", code(name), code(environment))
	var nothing *userError
	for _, place := range s.placesOf(environment) {
		d, err := s.alarmable(ctx, place)
		var no *userError
		switch {
		case errors.As(err, &no):
			nothing = cmp.Or(nothing, no)
			continue
		case err != nil:
			return "", err
		case !q.DryRun:
			if err := s.end(ctx, d, q.by.Login+": "+q.Flag("reason")); err != nil {
				return "", err
			}
		}
		q.alarmed = append(q.alarmed, d.id)
		text += fmt.Sprintf(" The deployment to %s is ended as failed, and goes back.", code(place))
	}
	if len(q.alarmed) == 0 {
		text += " " + nothing.text
	}
	text += fmt.Sprintf(" %s lifts it.", code("/alarm clear "+environment+" --name "+name))
	if q.DryRun {
		return s.dry(ctx, q, "It would then be so: "+text)
	}
	return s.setStops(ctx, q, text, store.Stop{Kind: store.StopAlarm, Target: store.StopAlarmOf(environment, name), Reason: q.Flag("reason")})
}

// cmdAlarmClear lifts an alarm, or all that stand in an environment. One that does not stand is no error to monitoring, which says
// what is and not what was.
func (s *session) cmdAlarmClear(ctx context.Context, q *request) (string, error) {
	environment, name, err := s.alarmOf(q)
	if err != nil {
		return "", err
	}
	list, err := s.stopsNow(ctx)
	if err != nil {
		return "", err
	}
	var found []store.Stop
	var was []string
	for _, x := range list {
		in, called, is := x.Target.Alarm()
		if is && in == environment && (q.Flag("name") == "" || called == name) {
			found = append(found, x)
			was = append(was, fmt.Sprintf("%s raised %s", code(called), prose(s.byWhom(&x))))
		}
	}
	switch {
	case len(found) == 0 && q.Flag("name") == "":
		return "", &userError{fmt.Sprintf("No alarm stands in %s.", code(environment))}
	case len(found) == 0:
		return s.unchanged(ctx, q, fmt.Sprintf("The alarm %s does not stand in %s.", code(name), code(environment)))
	case q.DryRun:
		return s.dry(ctx, q, fmt.Sprintf("Lifted would be in %s: %s.", code(environment), strings.Join(was, "; ")))
	}
	return s.liftStops(ctx, q, fmt.Sprintf("Lifted in %s: %s.", code(environment), strings.Join(was, "; ")), found...)
}

// alarmOf reads which alarm a command is about: the environment as it is in records, and the alarm's name.
func (s *session) alarmOf(q *request) (environment, name string, err error) {
	if !s.knownEnvironment(q.Arg(0)) {
		return "", "", s.noEnvironment(q.Arg(0))
	}
	name = cmp.Or(q.Flag("name"), alarmByHand)
	if len([]rune(name)) > maxAlarmName {
		return "", "", &userError{fmt.Sprintf("The name of an alarm has at most %d characters.", maxAlarmName)}
	}
	return s.env(q.Arg(0)), name, nil
}

// placesOf are the environments that a name means: that of the repository is every component's.
func (s *session) placesOf(environment string) []string {
	places := []string{environment}
	if componentOf(environment) == "" {
		for _, c := range s.names().Components {
			places = append(places, c+"/"+environment)
		}
	}
	return places
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
