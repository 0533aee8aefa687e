package webhooks

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/internal/lazyregexp"
	"github.com/sluicehq/sluice/webhooks/sns"
)

// AWSPath is where Register puts the endpoint for AWS.
const AWSPath = "/webhooks/aws"

// MaxAWSBody is the size of the largest body that is read there, 2 MiB: SNS carries 256 KiB and EventBridge 1 MB, which grow
// when they are written as JSON within JSON.
const MaxAWSBody = 2 << 20

// SecretHeader is what API destinations of EventBridge send the secret in: the name of the connection's API key.
const SecretHeader = "X-Sluice-Secret"

// Names of deliveries from AWS, beside the names of GitHub's events.
const (
	NameSNS         = "aws_sns"
	NameEventBridge = "aws_eventbridge"
)

// AWS is who is listened to at AWS.
type AWS struct {
	// Topics verifies messages of SNS. Nil: none are taken.
	Topics TopicVerifier
	// Secrets are accepted from EventBridge, the newest first; none: its events are not taken. None may be empty.
	Secrets []Secret
}

// TopicVerifier tells which messages of SNS are taken: *sns.Verifier.
type TopicVerifier interface {
	// Verify returns the message that was signed. A *sns.Refusal is for good; any other error says that it cannot be told now.
	Verify(ctx context.Context, body []byte) (sns.Message, error)
}

func (s *Server) serveAWS(c echo.Context) error {
	started := s.now()
	ctx, cancel := context.WithTimeout(c.Request().Context(), s.timeout)
	defer cancel()
	a := s.receiveAWS(ctx, c, started)
	s.metrics.answered(a, s.now().Sub(started))
	return a.write(c, s.retryAfter)
}

// receiveAWS does all but answer, which is due when ctx ends. What can be refused by its headers is refused before the body is read.
func (s *Server) receiveAWS(ctx context.Context, c echo.Context, at time.Time) answer {
	r := c.Request()
	fromSNS, refusal := s.checkAWS(r)
	if refusal != nil {
		return *refusal
	}
	b, err := s.read(ctx, c.Response(), r, MaxAWSBody)
	defer func() { s.release(b) }()
	if err != nil {
		return unread(err, tooLargeAWS)
	}
	var d event.Delivery
	if fromSNS {
		d, refusal = s.message(ctx, b.bytes)
	} else {
		d, refusal = s.eventBridge(b.bytes)
	}
	if refusal != nil {
		return *refusal
	}
	d.ReceivedAt = at
	return s.store(ctx, d, &b)
}

// checkAWS looks at the headers: of a message of SNS there is little to see, an event of EventBridge must have a secret.
func (s *Server) checkAWS(r *http.Request) (fromSNS bool, refusal *answer) {
	_, fromSNS = r.Header["X-Amz-Sns-Message-Type"]
	switch {
	case r.Method != http.MethodPost:
		return false, &wrongMethod
	case s.aws.Topics == nil && len(s.aws.Secrets) == 0:
		return false, &noAWS
	case r.ContentLength > MaxAWSBody:
		return false, &tooLargeAWS
	case len(r.Header["Content-Encoding"]) != 0:
		return false, &encoded
	case fromSNS && s.aws.Topics == nil:
		return false, &noTopics
	case fromSNS && r.Header.Get("X-Amz-Sns-Rawdelivery") == "true":
		return false, &rawSNS
	case fromSNS:
		return true, nil
	case len(s.aws.Secrets) == 0:
		return false, &noEventBridge
	}
	given, ok := one(r.Header[SecretHeader])
	if !ok || given == "" {
		return false, &noSecret
	}
	if !accepts(s.aws.Secrets, given) {
		return false, &wrongSecret
	}
	return false, nil
}

// accepts compares with every secret, by their hashes, so that the time taken tells neither which one fits nor how long one is.
func accepts(secrets []Secret, given string) bool {
	fits, sum := 0, sha256.Sum256([]byte(given))
	for _, secret := range secrets {
		want := sha256.Sum256(secret)
		fits |= subtle.ConstantTimeCompare(sum[:], want[:])
	}
	return fits == 1
}

// message makes a delivery of what SNS signed. Its ID is SNS's, which stays the same when a message is sent again.
func (s *Server) message(ctx context.Context, raw []byte) (event.Delivery, *answer) {
	m, err := s.aws.Topics.Verify(ctx, raw)
	var no *sns.Refusal
	switch {
	case errors.As(err, &no) && no.Malformed:
		s.log.WarnContext(ctx, "message of SNS refused", "err", err)
		return event.Delivery{}, &invalidSNS
	case errors.As(err, &no):
		s.log.WarnContext(ctx, "message of SNS refused", "err", err)
		return event.Delivery{}, &refusedSNS
	case err != nil:
		s.log.ErrorContext(ctx, "message of SNS not verified", "err", err)
		return event.Delivery{}, &laterSNS
	}
	body, err := m.Body()
	if err != nil {
		return event.Delivery{}, &invalidSNS
	}
	return event.Delivery{ID: "sns-" + m.MessageID, Name: NameSNS, Body: body}, nil
}

var eventID = lazyregexp.New(`^[A-Za-z0-9-]{8,64}$`)

// eventBridge makes a delivery of an event, under its ID.
func (s *Server) eventBridge(raw []byte) (event.Delivery, *answer) {
	var e struct {
		ID, Source string
		DetailType string `json:"detail-type"`
	}
	if json.Unmarshal(raw, &e) != nil || !eventID.MatchString(e.ID) || e.Source == "" || e.DetailType == "" {
		return event.Delivery{}, &invalidEvent
	}
	return event.Delivery{ID: "eventbridge-" + e.ID, Name: NameEventBridge, Body: raw}, nil
}
