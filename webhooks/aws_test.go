package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/webhooks"
	"github.com/sluicehq/sluice/webhooks/sns"
)

const (
	topic      = "arn:aws:sns:eu-west-1:111122223333:alarms"
	alarmARN   = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:shop-p99"
	awsSecret  = "of the connection"
	anEvent    = `{"id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"CodePipeline Pipeline Execution State Change","source":"aws.codepipeline","detail":{}}`
	anEventID  = "eventbridge-6a7e8feb-b491-4cf7-a9f1-bf3703467718"
	messageID  = "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
	storedSNS  = `{"Type":"Notification","MessageId":"` + messageID + `","TopicArn":"` + topic + `","Message":"hello","Timestamp":""}`
	secretName = webhooks.SecretHeader
)

// signedBySNS takes messages as SNS's verifier would, or says what it says.
type signedBySNS struct{ err error }

func (s signedBySNS) Verify(context.Context, []byte) (sns.Message, error) {
	return sns.Message{Type: sns.Notification, MessageID: messageID, TopicARN: topic, Message: "hello"}, s.err
}

func both(err error) webhooks.AWS {
	return webhooks.AWS{Topics: signedBySNS{err}, Secrets: []webhooks.Secret{webhooks.Secret("the new one"), webhooks.Secret(awsSecret)}}
}

// fromEventBridge is a request of an API destination, and fromSNS one of SNS.
func fromEventBridge(body, secret string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, webhooks.AWSPath, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "Amazon/EventBridge/ApiDestinations")
	r.Header.Set(secretName, secret)
	return r
}

func fromSNS(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, webhooks.AWSPath, strings.NewReader(body))
	r.Header.Set("Content-Type", "text/plain; charset=UTF-8")
	r.Header.Set("X-Amz-Sns-Message-Type", "Notification")
	return r
}

// What AWS sends is handed over under an ID that stays the same when it is sent again; of SNS, what was signed.
func TestDeliveriesOfAWS(t *testing.T) {
	for name, c := range map[string]struct {
		r    *http.Request
		want event.Delivery
	}{
		"EventBridge": {fromEventBridge(anEvent, awsSecret), event.Delivery{ID: anEventID, Name: webhooks.NameEventBridge, Body: []byte(anEvent), ReceivedAt: received}},
		"SNS":         {fromSNS(`{"anything": "that was verified"}`), event.Delivery{ID: "sns-" + messageID, Name: webhooks.NameSNS, Body: []byte(storedSNS), ReceivedAt: received}},
	} {
		t.Run(name, func(t *testing.T) {
			var s shelf
			if w := serve(t, webhooks.Config{Acceptor: &s, AWS: both(nil)}).do(c.r); w.Code != http.StatusAccepted {
				t.Fatalf("answered %d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff([]event.Delivery{c.want}, s.stored); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if lane := s.stored[0].Lane(); lane != "app" {
				t.Errorf("lane %s", lane)
			}
		})
	}
}

func TestHostileRequestsOfAWS(t *testing.T) {
	change := func(r *http.Request, do func(*http.Request)) *http.Request { do(r); return r }
	event := func(do func(*http.Request)) *http.Request { return change(fromEventBridge(anEvent, awsSecret), do) }
	message := func(do func(*http.Request)) *http.Request { return change(fromSNS(`{}`), do) }
	only := func(topics bool) webhooks.AWS {
		if topics {
			return webhooks.AWS{Topics: signedBySNS{}}
		}
		return webhooks.AWS{Secrets: []webhooks.Secret{webhooks.Secret(awsSecret)}}
	}
	for name, c := range map[string]struct {
		aws  webhooks.AWS
		r    *http.Request
		code int
		says string
	}{
		"nobody is listened to":      {webhooks.AWS{}, fromEventBridge(anEvent, awsSecret), 404, "--aws-topics or --aws-eventbridge-secret"},
		"SNS is not":                 {only(false), fromSNS(`{}`), 404, "--aws-topics"},
		"EventBridge is not":         {only(true), fromEventBridge(anEvent, awsSecret), 404, "--aws-eventbridge-secret"},
		"no secret":                  {both(nil), event(func(r *http.Request) { r.Header.Del(secretName) }), 401, secretName},
		"an empty one":               {both(nil), fromEventBridge(anEvent, ""), 401, secretName},
		"two":                        {both(nil), event(func(r *http.Request) { r.Header.Add(secretName, awsSecret) }), 401, secretName},
		"another one":                {both(nil), fromEventBridge(anEvent, "guessed"), 401, "none of the accepted"},
		"the beginning of one":       {both(nil), fromEventBridge(anEvent, awsSecret[:5]), 401, "none of the accepted"},
		"both":                       {both(nil), fromEventBridge(anEvent, "the new one,"+awsSecret), 401, "none of the accepted"},
		"wrong, and never read":      {both(nil), event(func(r *http.Request) { r.Header.Set(secretName, "x"); r.Body = unread{t} }), 401, ""},
		"the new one":                {both(nil), fromEventBridge(anEvent, "the new one"), 202, "accepted"},
		"GET":                        {both(nil), event(func(r *http.Request) { r.Method = http.MethodGet }), 405, "only POST"},
		"announces 3 MB":             {both(nil), event(func(r *http.Request) { r.ContentLength = 3 << 20; r.Body = unread{t} }), 413, "2 MiB"},
		"sends 3 MB":                 {both(nil), event(func(r *http.Request) { r.ContentLength = -1; r.Body = io.NopCloser(io.LimitReader(zeros{}, 3<<20)) }), 413, "2 MiB"},
		"SNS announces 3 MB":         {both(nil), message(func(r *http.Request) { r.ContentLength = 3 << 20; r.Body = unread{t} }), 413, "2 MiB"},
		"compressed":                 {both(nil), event(func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }), 415, "compressed"},
		"cut in the middle":          {both(nil), fromEventBridge(anEvent[:40], awsSecret), 400, "no event of EventBridge"},
		"null":                       {both(nil), fromEventBridge("null", awsSecret), 400, "no event of EventBridge"},
		"no ID":                      {both(nil), fromEventBridge(`{"source":"a","detail-type":"b"}`, awsSecret), 400, "no event of EventBridge"},
		"an ID with a line":          {both(nil), fromEventBridge(`{"id":"6a7e8feb\n","source":"a","detail-type":"b"}`, awsSecret), 400, "no event of EventBridge"},
		"a message without envelope": {both(nil), message(func(r *http.Request) { r.Header.Set("X-Amz-Sns-Rawdelivery", "true"); r.Body = unread{t} }), 400, "raw message delivery"},
		"a forged message":           {both(&sns.Refusal{Problem: "the signature does not fit"}), fromSNS(`{}`), 403, "not taken"},
		"no message":                 {both(&sns.Refusal{Problem: "lacks", Malformed: true}), fromSNS(`{}`), 400, "no message of SNS"},
		"SNS is down":                {both(errors.New("timeout")), fromSNS(`{}`), 503, "later"},
		"hangs up":                   {both(nil), message(func(r *http.Request) { r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), broken{})) }), 400, "ended early"},
	} {
		t.Run(name, func(t *testing.T) {
			var s shelf
			e := serve(t, webhooks.Config{Acceptor: &s, AWS: c.aws})
			w := e.do(c.r)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("answered %d %s, want %d with %q", w.Code, w.Body, c.code, c.says)
			}
			if stored := len(s.stored); (stored == 1) != (c.code == 202) {
				t.Errorf("stored %d", stored)
			}
			if strings.Contains(e.log.String(), awsSecret) {
				t.Errorf("the log has the secret: %s", e.log)
			}
		})
	}
}

// What the Acceptor says is answered as for GitHub.
func TestWhatTheAcceptorSaysToAWS(t *testing.T) {
	for err, code := range map[error]int{nil: 202, event.ErrDuplicate: 202, event.ErrConflict: 409, event.ErrFull: 503, errors.New("disk"): 500} {
		w := serve(t, webhooks.Config{Acceptor: &shelf{err: err}, AWS: both(nil)}).do(fromSNS(`{}`))
		if w.Code != code {
			t.Errorf("%v: answered %d, want %d", err, w.Code, code)
		}
	}
}

func TestTranslateAWS(t *testing.T) {
	at := time.Date(2019, 10, 2, 17, 4, 40, 989e6, time.UTC)
	viaSNS := func(state, description string) string {
		return fmt.Sprintf(`{"AlarmName":"shop-p99","AlarmDescription":%q,"AWSAccountId":"111122223333","NewStateValue":%q,"NewStateReason":"Threshold Crossed",`+
			`"StateChangeTime":"2019-10-02T17:04:40.989+0000","Region":"EU (Ireland)","AlarmArn":%q,"OldStateValue":"OK","Trigger":{"MetricName":"p99"}}`, description, state, alarmARN)
	}
	message := func(kind, text string) []byte {
		m := sns.Message{Type: kind, MessageID: messageID, TopicARN: topic, Message: text, Timestamp: "2019-10-02T17:04:41.000Z", Token: "t0k3n", SubscribeURL: "https://x"}
		body, err := m.Body()
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	viaEventBridge := func(detail string) []byte {
		return []byte(`{"version":"0","id":"c4c1c1c9-6542-e61b-6ef0-8c4d36933a92","detail-type":"CloudWatch Alarm State Change","source":"aws.cloudwatch","account":"111122223333",` +
			`"time":"2019-10-02T17:04:40Z","region":"eu-west-1","resources":["` + alarmARN + `"],"detail":` + detail + `}`)
	}
	raised := event.Alarm{ARN: alarmARN, Topic: topic, Name: "shop-p99", Description: "of the shop", State: event.AlarmRaised, Reason: "Threshold Crossed", At: at}
	cleared, unknown, byBridge := raised, raised, raised
	cleared.State, unknown.State, byBridge.Topic = event.AlarmCleared, event.AlarmUnknown, ""
	detail := `{"alarmName":"shop-p99","configuration":{"description":"of the shop","metrics":[]},"previousState":{"value":"OK"},` +
		`"state":{"value":"ALARM","reason":"Threshold Crossed","reasonData":"{}","timestamp":"2019-10-02T17:04:40.989+0000"}}`
	for name, c := range map[string]struct {
		event string
		body  []byte
		want  event.Event
		wrong string
	}{
		"an alarm by SNS":                {webhooks.NameSNS, message(sns.Notification, viaSNS("ALARM", "of the shop")), raised, ""},
		"one that is over":               {webhooks.NameSNS, message(sns.Notification, viaSNS("OK", "of the shop")), cleared, ""},
		"one with too few data":          {webhooks.NameSNS, message(sns.Notification, viaSNS("INSUFFICIENT_DATA", "of the shop")), unknown, ""},
		"an alarm in a state of its own": {webhooks.NameSNS, message(sns.Notification, viaSNS("PANIC", "")), nil, `its state ("PANIC")`},
		"another text":                   {webhooks.NameSNS, message(sns.Notification, "lunch is ready"), nil, ""},
		"other JSON":                     {webhooks.NameSNS, message(sns.Notification, `{"AlarmName":7}`), nil, ""},
		"a subscription":                 {webhooks.NameSNS, message(sns.SubscriptionConfirmation, ""), event.TopicSubscribed{Topic: topic, Token: "t0k3n"}, ""},
		"the end of one":                 {webhooks.NameSNS, message(sns.UnsubscribeConfirmation, ""), nil, ""},
		"an alarm by EventBridge":        {webhooks.NameEventBridge, viaEventBridge(detail), byBridge, ""},
		"without a time":                 {webhooks.NameEventBridge, viaEventBridge(strings.Replace(detail, "2019-10-02T17:04:40.989+0000", "", 1)), nil, "the time of the change"},
		"without detail":                 {webhooks.NameEventBridge, viaEventBridge(`7`), nil, "cannot unmarshal"},
		"another event":                  {webhooks.NameEventBridge, []byte(anEvent), nil, ""},
		"somebody else's alarm":          {webhooks.NameEventBridge, []byte(strings.Replace(string(viaEventBridge(detail)), "aws.cloudwatch", "my.app", 1)), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := webhooks.Translate(event.Delivery{ID: anEventID, Name: c.event, Body: c.body})
			var payload *webhooks.PayloadError
			if (c.wrong != "") != (errors.As(err, &payload) && strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("error %v, want %q", err, c.wrong)
			}
			var want []event.Event
			if c.want != nil {
				want = []event.Event{c.want}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
