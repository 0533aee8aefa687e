package event

import "time"

// AlarmState is how an alarm of a monitoring stands.
type AlarmState string

// States of an alarm.
const (
	AlarmRaised  AlarmState = "raised"
	AlarmCleared AlarmState = "cleared"
	// AlarmUnknown: the monitoring has too little to go by. It says nothing for or against a deployment.
	AlarmUnknown AlarmState = "unknown"
)

// Alarm says that an alarm of a monitoring has changed its state: a CloudWatch alarm, by SNS or EventBridge. Its Origin is
// empty: which repository it is about is the operator's to say.
type Alarm struct {
	Origin
	// ARN names the alarm, and Topic the topic it came by; empty for EventBridge.
	ARN, Topic        string
	Name, Description string
	State             AlarmState
	Reason            string // why it has this state, in the monitoring's words
	At                time.Time
}

// TopicSubscribed says that an SNS topic asks whether its messages are wanted here. The topic is one that the operator named.
type TopicSubscribed struct {
	Origin
	Topic string // ARN
	Token string
}
