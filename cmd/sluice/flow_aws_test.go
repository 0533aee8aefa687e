package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/test/fakesns"
	"github.com/sluicehq/sluice/webhooks"
)

// Variables by which a server that a test started reaches the stand-in for SNS: its address, and the file of its authority.
const (
	snsVariable      = "SLUICE_TEST_SNS"
	snsRootsVariable = "SLUICE_TEST_SNS_ROOTS"
)

// Who speaks to the server of a flow.
const (
	flowTopic     = "arn:aws:sns:eu-west-1:111122223333:alarms"
	flowAlarm     = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:"
	flowAWSSecret = "of the flow's connection"
)

// listenToStandIn has a server take the stand-in for every host of SNS.
func listenToStandIn(w *wiring) {
	address, file := os.Getenv(snsVariable), os.Getenv(snsRootsVariable)
	if address == "" {
		return
	}
	roots, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	w.awsRoots = x509.NewCertPool()
	w.awsRoots.AppendCertsFromPEM(roots)
	w.aws = &http.Client{Transport: toStandIn(address), Timeout: 5 * time.Second}
}

// toStandIn sends every request to one address, under the host that was asked for.
type toStandIn string

// RoundTrip implements http.RoundTripper.
func (a toStandIn) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host, r.URL.Scheme, r.URL.Host = r.URL.Host, "http", string(a)
	return http.DefaultTransport.RoundTrip(r)
}

// listens starts a stand-in for SNS and has the server, which is not started yet, listen to it and to EventBridge.
func (f *flow) listens() error {
	var err error
	if f.sns, err = fakesns.New(); err != nil {
		return err
	}
	f.sent = map[string][]byte{}
	at := httptest.NewServer(f.sns)
	f.tb.Cleanup(at.Close)
	roots := filepath.Join(f.dir, "sns.pem")
	f.extra = append(f.extra, snsVariable+"="+strings.TrimPrefix(at.URL, "http://"), snsRootsVariable+"="+roots, "SLUICE_AWS_TOPICS="+flowTopic,
		"SLUICE_AWS_EVENTBRIDGE_SECRET=the new one,"+flowAWSSecret,
		"SLUICE_AWS_ALARMS="+flowAlarm+"shop-*="+flowRepo+":development,"+flowTopic+"=acme/*,"+flowAlarm+"gone-*=acme/gone:production")
	return os.WriteFile(roots, f.sns.Roots(), 0o600)
}

// awsSends posts what AWS would, with its headers, and wants an answer.
func (f *flow) awsSends(body []byte, header http.Header, want int) error {
	req, err := http.NewRequestWithContext(f.tb.Context(), http.MethodPost, "http://"+f.server.public+webhooks.AWSPath, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != want {
		return fmt.Errorf("it was answered %s, want %d", res.Status, want)
	}
	return nil
}

var (
	bySNS         = http.Header{"X-Amz-Sns-Message-Type": {"Notification"}, "Content-Type": {"text/plain; charset=UTF-8"}}
	byEventBridge = http.Header{webhooks.SecretHeader: {flowAWSSecret}, "Content-Type": {"application/json; charset=utf-8"}}
)

// subscribes sends the question whether a topic's messages are wanted, and waits for the answer.
func (f *flow) subscribes(token string) error {
	if err := f.awsSends(f.sns.Subscription(flowTopic, "subscription-"+token, token, f.clock().now()), bySNS, http.StatusAccepted); err != nil {
		return err
	}
	return f.until("the subscription to be confirmed", func() (string, bool) {
		return strings.Join(f.sns.Confirmed(), ", "), slices.Contains(f.sns.Confirmed(), flowTopic+" "+token)
	})
}

// awsCommands are those about AWS.
func awsCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"aws": {": the server will listen to SNS and EventBridge; stands before repo", func(s *scripted, args []string) error {
			if _, err := s.args(args, 0, 0); err != nil {
				return err
			}
			return s.listens()
		}},
		"subscribe": {"token: SNS asks whether the topic's messages are wanted, and is told so", func(s *scripted, args []string) error {
			args, err := s.args(args, 1, 1)
			if err != nil {
				return err
			}
			return s.subscribes(args[0])
		}},
		"alarm": {"[-eventbridge] [-ago duration] [-about text] [-forged] id name ALARM|OK|INSUFFICIENT_DATA: CloudWatch tells how an alarm stands", cmdAWSAlarm},
	}
}

func cmdAWSAlarm(s *scripted, args []string) error {
	bridge := s.flags.Bool("eventbridge", false, "")
	forged := s.flags.Bool("forged", false, "")
	about := s.flags.String("about", "", "")
	ago := s.flags.Duration("ago", 0, "")
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	if s.server == nil {
		return errors.New("the server does not run")
	}
	id, name, state := "00000000-0000-4000-8000-"+fmt.Sprintf("%012s", args[0]), args[1], args[2]
	now := s.clock().now()
	at := now.Add(-*ago).UTC().Format("2006-01-02T15:04:05.000-0700")
	if *bridge {
		body := fmt.Sprintf(`{"version":"0","id":%q,"detail-type":"CloudWatch Alarm State Change","source":"aws.cloudwatch","resources":[%q],"detail":{"alarmName":%q,`+
			`"configuration":{"description":%q},"state":{"value":%q,"reason":"Threshold Crossed: p99","timestamp":%q}}}`, id, flowAlarm+name, name, *about, state, at)
		if *forged {
			return s.awsSends([]byte(body), http.Header{webhooks.SecretHeader: {"guessed"}}, http.StatusUnauthorized)
		}
		return s.awsSends(s.once(id, []byte(body)), byEventBridge, http.StatusAccepted)
	}
	text := fmt.Sprintf(`{"AlarmName":%q,"AlarmDescription":%q,"NewStateValue":%q,"NewStateReason":"Threshold Crossed: p99","StateChangeTime":%q,"AlarmArn":%q}`,
		name, *about, state, at, flowAlarm+name)
	body := s.sns.Notification(flowTopic, id, text, now)
	if *forged {
		return s.awsSends(bytes.Replace(body, []byte("Threshold"), []byte("threshold"), 1), bySNS, http.StatusForbidden)
	}
	return s.awsSends(s.once(id, body), bySNS, http.StatusAccepted)
}

// once is what was sent under an ID the first time.
func (f *flow) once(id string, body []byte) []byte {
	if f.sent[id] == nil {
		f.sent[id] = body
	}
	return f.sent[id]
}

// subscriptionStory is SNS asking whether a topic's messages are wanted, until it is told so, while a feature is pushed: a story of
// the crash test.
func subscriptionStory(f *flow) error {
	body := f.sns.Subscription(flowTopic, "subscription-1", "t0k3n", f.clock().now())
	return doAll(
		func() error {
			_, err := f.push(pushRequest{who: "eve", branch: "feature/figs", message: "feat: figs", files: map[string]string{"figs.txt": "1\n"}})
			return err
		},
		func() error {
			return f.until("the subscription to be confirmed", func() (string, bool) {
				err := f.awsSends(body, bySNS, http.StatusAccepted)
				return fmt.Sprint(err), slices.Contains(f.sns.Confirmed(), flowTopic+" t0k3n")
			})
		},
		func() error { return f.check(f.repo.SHA("feature/figs"), bot.CheckPipeline, "success", "") },
		f.idle,
		f.healthy,
	)
}
