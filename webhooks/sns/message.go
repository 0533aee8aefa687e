// Package sns verifies what Amazon SNS sends to HTTPS endpoints, and confirms subscriptions.
//
// Anybody with an AWS account can have SNS sign a message, so a good signature alone says nothing: the topic must be one
// that the operator named. The signature says that the message is that topic's. It is made with a certificate that the
// message names; it is fetched only from SNS itself, in the topic's region, and must have been issued to SNS by an authority that
// this machine trusts. Message signatures of version 1 are SHA-1 and are refused unless the operator allows them.
package sns

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Types of messages.
const (
	Notification             = "Notification"
	SubscriptionConfirmation = "SubscriptionConfirmation"
	UnsubscribeConfirmation  = "UnsubscribeConfirmation"
)

// Message is what SNS signed, and nothing else of what was sent with it.
type Message struct {
	Type      string
	MessageID string `json:"MessageId"`
	TopicARN  string `json:"TopicArn"`
	// Subject is nil where the message has none, which is signed otherwise than an empty one.
	Subject   *string `json:",omitempty"`
	Message   string
	Timestamp string // RFC 3339
	// Token and SubscribeURL are those of a confirmation.
	Token        string `json:",omitempty"`
	SubscribeURL string `json:",omitempty"`
}

// envelope is a message as it comes.
type envelope struct {
	Message
	SignatureVersion string
	Signature        string
	SigningCertURL   string
}

// text is what is signed: names and values of the type's fields, each on a line, in the order that Amazon documents.
func (m Message) text() string {
	var b strings.Builder
	add := func(name, value string) { b.WriteString(name + "\n" + value + "\n") }
	add("Message", m.Message)
	add("MessageId", m.MessageID)
	if m.Type == Notification {
		if m.Subject != nil {
			add("Subject", *m.Subject)
		}
		add("Timestamp", m.Timestamp)
	} else {
		add("SubscribeURL", m.SubscribeURL)
		add("Timestamp", m.Timestamp)
		add("Token", m.Token)
	}
	add("TopicArn", m.TopicARN)
	add("Type", m.Type)
	return b.String()
}

// Body is the message as JSON: a message that comes twice has the same body twice, whatever certificate it was signed with
// and whichever subscription it came by.
func (m Message) Body() ([]byte, error) {
	switch m.Type {
	case Notification:
		m.Token, m.SubscribeURL = "", ""
	default:
		m.Subject = nil
	}
	return json.Marshal(m)
}

// Parse reads what Body wrote.
func Parse(body []byte) (m Message, err error) {
	err = json.Unmarshal(body, &m)
	return m, err
}

var (
	messageID = lazyregexp.New(`^[A-Za-z0-9-]{8,64}$`)
	topicARN  = lazyregexp.New(`^arn:(aws|aws-cn|aws-us-gov):sns:([a-z0-9-]{2,32}):[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$`)
)

// IsTopic tells whether a text is the ARN of a topic.
func IsTopic(arn string) bool { return topicARN.MatchString(arn) }

// host is where SNS is in the region of a topic.
func host(topic string) string {
	parts := topicARN.FindStringSubmatch(topic)
	if parts == nil {
		return ""
	}
	name := "sns." + parts[2] + ".amazonaws.com"
	if parts[1] == "aws-cn" {
		name += ".cn"
	}
	return name
}

// whole says what a message lacks; empty: nothing.
func (e *envelope) whole() string {
	_, err := time.Parse(time.RFC3339, e.Timestamp)
	switch {
	case e.Type != Notification && e.Type != SubscriptionConfirmation && e.Type != UnsubscribeConfirmation:
		return "a known Type"
	case !messageID.MatchString(e.MessageID):
		return "a MessageId"
	case !IsTopic(e.TopicARN):
		return "a TopicArn"
	case err != nil:
		return "a Timestamp"
	case e.Type != Notification && (e.Token == "" || e.SubscribeURL == ""):
		return "a Token and a SubscribeURL"
	}
	return ""
}
