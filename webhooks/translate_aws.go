package webhooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/webhooks/sns"
)

// alarmStates are CloudWatch's words.
var alarmStates = map[string]event.AlarmState{"ALARM": event.AlarmRaised, "OK": event.AlarmCleared, "INSUFFICIENT_DATA": event.AlarmUnknown} //nolint:gochecknoglobals // a table

// alarmTime is how CloudWatch writes times.
const alarmTime = "2006-01-02T15:04:05.999999999-0700"

func fromSNS(body []byte) (event.Event, error) {
	m, err := sns.Parse(body)
	if err != nil {
		return nil, err
	}
	switch m.Type {
	case sns.SubscriptionConfirmation:
		return event.TopicSubscribed{Topic: m.TopicARN, Token: m.Token}, nil
	case sns.Notification:
	default:
		return nil, nil
	}
	var a struct {
		AlarmName, AlarmDescription, AlarmArn, NewStateValue, NewStateReason, StateChangeTime string
	}
	alarms := json.Unmarshal([]byte(m.Message), &a) == nil && (a.AlarmName != "" || a.AlarmArn != "")
	if !alarms { // whatever else somebody publishes there
		return nil, nil
	}
	return alarm(event.Alarm{ARN: a.AlarmArn, Topic: m.TopicARN, Name: a.AlarmName, Description: a.AlarmDescription, Reason: a.NewStateReason},
		a.NewStateValue, a.StateChangeTime)
}

func fromEventBridge(body []byte) (event.Event, error) {
	var e struct {
		Source     string
		DetailType string `json:"detail-type"`
		Resources  []string
		Detail     json.RawMessage
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, err
	}
	if e.Source != "aws.cloudwatch" || e.DetailType != "CloudWatch Alarm State Change" {
		return nil, nil
	}
	var d struct {
		AlarmName     string
		Configuration struct{ Description string }
		State         struct{ Value, Reason, Timestamp string }
	}
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return nil, err
	}
	if len(e.Resources) != 1 {
		return nil, errors.New("missing or malformed: resources, the alarm's ARN")
	}
	return alarm(event.Alarm{ARN: e.Resources[0], Name: d.AlarmName, Description: d.Configuration.Description, Reason: d.State.Reason},
		d.State.Value, d.State.Timestamp)
}

// alarm completes an alarm, and refuses one that lacks what a decision needs.
func alarm(a event.Alarm, state, at string) (event.Event, error) {
	var w want
	var known bool
	a.State, known = alarmStates[state]
	when, err := time.Parse(alarmTime, at)
	if err != nil {
		when, err = time.Parse(time.RFC3339, at)
	}
	a.At = when.UTC()
	w.text("the alarm's name", a.Name)
	w.text("the alarm's ARN", a.ARN)
	w.that(fmt.Sprintf("its state (%.20q)", state), known)
	w.that("the time of the change", err == nil)
	if err := w.err(); err != nil {
		return nil, err
	}
	return a, nil
}
