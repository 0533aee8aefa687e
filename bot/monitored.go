package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// maxAlarmReason is how much of a monitoring's explanation is kept, in characters.
const maxAlarmReason = 500

// alarmFact is the payload of a lane item that says how an alarm stands that is about an environment.
type alarmFact struct {
	Environment string           `json:"environment"`
	Source      string           `json:"source"`
	Name        string           `json:"name"`
	State       event.AlarmState `json:"state"`
	Reason      string           `json:"reason"`
	At          time.Time        `json:"at"`
}

// alarmHeard hands an alarm to the lanes of the repositories that it is about.
func (b *Bot) alarmHeard(ctx context.Context, e event.Alarm) error {
	places := b.places(e)
	if len(places) == 0 {
		b.Log.InfoContext(ctx, "an alarm is about no repository (--aws-alarms)", "alarm", e.ARN, "topic", e.Topic)
	}
	for _, p := range places {
		f := alarmFact{p.environment, e.ARN, nameOf(e), e.State, reasonOf(e), e.At}
		err := b.Store.Write(ctx, func(tx *store.Tx) error {
			r, err := tx.RepoByName(ctx, p.owner, p.repo)
			if err != nil {
				return err
			}
			return b.Queue.Post(ctx, tx, laneOf(r.ID), itemAlarm, f, "")
		})
		if errors.Is(err, store.ErrNotFound) {
			b.Log.WarnContext(ctx, "an alarm is about a repository that is not known (--aws-alarms)", "alarm", e.ARN, "repo", p.owner+"/"+p.repo)
			continue
		}
		if err != nil {
			return fmt.Errorf("alarm %s: %w", e.ARN, err)
		}
	}
	return nil
}

// byCloudWatch is whom alarms of AWS are by.
func byCloudWatch() forge.User { return forge.User{Login: "CloudWatch", Bot: true} }

// nameOf is an alarm's name as one that can be given with /alarm.
func nameOf(e event.Alarm) string {
	name := []rune(plainWords(e.Name))
	return string(name[:min(len(name), maxAlarmName)])
}

// reasonOf is a monitoring's explanation, cut to what is worth keeping.
func reasonOf(e event.Alarm) string {
	if text := []rune(e.Reason); len(text) > maxAlarmReason {
		return string(text[:maxAlarmReason]) + "…"
	}
	return e.Reason
}

// monitored is an environment that an alarm is about.
type monitored struct{ owner, repo, environment string }

func (b *Bot) places(e event.Alarm) (out []monitored) {
	if b.Alarms == nil {
		return nil
	}
	arns := []string{e.ARN}
	if e.Topic != "" {
		arns = append(arns, e.Topic)
	}
	for _, p := range b.Alarms(arns, e.Description) {
		out = append(out, monitored{p.Owner, p.Repo, p.Environment})
	}
	return out
}

// alarmChanged writes down how an alarm stands, unless something newer is known of it. One that is raised stands as one by /alarm
// does, until it is cleared. If it was raised after a deployment began it ends that too; one that stood before does not, since
// what is deployed may be the remedy.
func (s *session) alarmChanged(ctx context.Context, f alarmFact) error {
	var known store.Alarm
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.Alarm(ctx, s.repo.ID, f.Environment, f.Source)
		return ignoreMissing(err)
	})
	if err != nil || !f.At.After(known.ChangedAt) || f.State == event.AlarmUnknown {
		return err
	}
	a := store.Alarm{RepoID: s.repo.ID, Environment: f.Environment, Source: f.Source, Name: f.Name, Raised: f.State == event.AlarmRaised, Reason: f.Reason, ChangedAt: f.At}
	if !a.Raised && !known.Raised {
		return s.noteAlarm(ctx, a, "") // it has always been well
	}
	action := "alarm.cleared"
	if a.Raised {
		action = "alarm.raised"
		if a.ActionID, err = s.alarmEnds(ctx, f); err != nil {
			return err
		}
	}
	s.log.WarnContext(ctx, action, "environment", f.Environment, "alarm", f.Source, "action", a.ActionID)
	return s.noteAlarm(ctx, a, action)
}

// alarmEnds ends the deployments that an alarm is about, where they take alarms, and returns their actions.
func (s *session) alarmEnds(ctx context.Context, f alarmFact) (actions string, err error) {
	var ended []string
	for _, place := range s.placesOf(f.Environment) {
		d, err := s.alarmable(ctx, place)
		var nothing *userError
		switch {
		case errors.As(err, &nothing) || err == nil && f.At.Before(d.since):
			continue
		case err != nil:
			return "", err
		}
		if err := s.end(ctx, d, fmt.Sprintf("alarm %s: %s", f.Name, f.Reason)); err != nil {
			return "", err
		}
		ended = append(ended, d.id)
	}
	return strings.Join(ended, " "), nil
}

// noteAlarm writes an alarm down, and where something has changed that it stands or is lifted, with an entry in the audit log.
func (s *session) noteAlarm(ctx context.Context, a store.Alarm, action string) error {
	target := store.StopAlarmOf(a.Environment, a.Name)
	err := s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SaveAlarm(ctx, a); err != nil || action == "" {
			return err
		}
		raised, err := tx.RaisedAlarms(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		namesake := slices.ContainsFunc(raised, func(x store.Alarm) bool { return x.Environment == a.Environment && x.Name == a.Name })
		switch {
		case a.Raised:
			err = tx.SaveStop(ctx, store.Stop{RepoID: s.repo.ID, Kind: store.StopAlarm, Target: target, By: byCloudWatch(), Reason: a.Reason, At: s.b.Now()})
		case !namesake: // of another account, which stands
			err = tx.LiftStop(ctx, s.repo.ID, store.StopAlarm, target)
		}
		if err != nil {
			return err
		}
		return s.auditIn(ctx, tx, forge.User{}, action, a.Environment, a.Reason, map[string]any{"alarm": a.Source, "actions": a.ActionID})
	})
	if err != nil || action == "" {
		return err
	}
	return s.concerned(ctx, target)
}

// topicSubscribed confirms the subscription to a topic that the operator named.
func (b *Bot) topicSubscribed(ctx context.Context, e event.TopicSubscribed) error {
	if b.Topics == nil {
		b.Log.WarnContext(ctx, "a topic asks for a confirmation and none are listened to (--aws-topics)", "topic", e.Topic)
		return nil
	}
	err := b.repeat(ctx, harmless{
		kind: effectSubscribe, key: e.Topic, why: "SNS takes a confirmation that was given for one that is",
		act: func(ctx context.Context) error { return b.Topics.Confirm(ctx, e.Topic, e.Token) },
	})
	if err != nil {
		return err
	}
	b.Log.InfoContext(ctx, "the subscription to a topic is confirmed", "topic", e.Topic)
	return nil
}
