package sns_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/test/fakesns"
	"github.com/sluicehq/sluice/webhooks/sns"
)

const (
	topic   = "arn:aws:sns:eu-west-1:111122223333:alarms"
	another = "arn:aws:sns:eu-west-1:999999999999:alarms"
	id      = "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
	certURL = "https://sns.eu-west-1.amazonaws.com" + fakesns.CertificatePath
)

type world struct {
	t   *testing.T
	aws *fakesns.Server
	now time.Time
	v   *sns.Verifier
}

func newWorld(t *testing.T, change func(*sns.Options)) *world {
	t.Helper()
	w := &world{t: t, now: time.Now()}
	var err error
	if w.aws, err = fakesns.New(); err != nil {
		t.Fatal(err)
	}
	o := sns.Options{Topics: []string{topic}, Client: w.aws.Client(), Roots: w.aws.Pool(), Now: func() time.Time { return w.now }}
	if change != nil {
		change(&o)
	}
	if w.v, err = sns.New(o); err != nil {
		t.Fatal(err)
	}
	return w
}

// message is a good one, before it is signed.
func (w *world) message() map[string]string {
	return map[string]string{"Type": "Notification", "MessageId": id, "TopicArn": topic, "Message": "hello\nthere", "Timestamp": fakesns.Time(w.now)}
}

// verify says what becomes of a body: "" for taken, what is wrong with it, and "later: " before what may pass.
func (w *world) verify(body []byte) string {
	_, err := w.v.Verify(w.t.Context(), body)
	var no *sns.Refusal
	switch {
	case err == nil:
		return ""
	case errors.As(err, &no):
		return no.Problem
	}
	return "later: " + err.Error()
}

func TestTaken(t *testing.T) {
	w := newWorld(t, nil)
	empty := ""
	with := func(name, value string) map[string]string {
		m := w.message()
		m[name] = value
		return m
	}
	want := sns.Message{Type: sns.Notification, MessageID: id, TopicARN: topic, Message: "hello\nthere", Timestamp: fakesns.Time(w.now)}
	subject := want
	subject.Subject = &empty
	confirmation := sns.Message{Type: sns.SubscriptionConfirmation, MessageID: id, TopicARN: topic, Message: "You have chosen to subscribe.",
		Timestamp: fakesns.Time(w.now), Token: "t0k3n", SubscribeURL: "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"}
	for name, c := range map[string]struct {
		body []byte
		want sns.Message
	}{
		"a notification":                 {w.aws.Sign(w.message(), "2"), want},
		"one with an empty subject":      {w.aws.Sign(with("Subject", ""), "2"), subject},
		"what is not signed is left out": {w.aws.Sign(with("UnsubscribeURL", "https://evil.example"), "2"), want},
		"a subscription":                 {w.aws.Subscription(topic, id, "t0k3n", w.now), confirmation},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := w.v.Verify(t.Context(), c.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, m); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			body, err := m.Body()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := sns.Parse(body); err != nil || cmp.Diff(m, again) != "" {
				t.Errorf("written and read: %v %s", err, cmp.Diff(m, again))
			}
		})
	}
	// The certificate was fetched once, and so was its issuer's.
	if diff := cmp.Diff([]string{certURL, "http://crt.tests.amazontrust.com/issuer.cer"}, w.aws.Requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// What is refused, and whether anything was fetched for it.
func TestRefused(t *testing.T) {
	sign := func(change func(w *world, m map[string]string)) func(*world) []byte {
		return func(w *world) []byte {
			m := w.message()
			change(w, m)
			return w.aws.Sign(m, "2")
		}
	}
	set := func(name, value string) func(*world) []byte {
		return sign(func(_ *world, m map[string]string) { m[name] = value })
	}
	afterwards := func(name, value string) func(*world) []byte {
		return func(w *world) []byte {
			m := map[string]string{}
			if err := json.Unmarshal(w.aws.Sign(w.message(), "2"), &m); err != nil {
				t.Fatal(err)
			}
			m[name] = value
			body, _ := json.Marshal(m)
			return body
		}
	}
	text := func(body string) func(*world) []byte { return func(*world) []byte { return []byte(body) } }
	for name, c := range map[string]struct {
		body    func(*world) []byte
		want    string
		fetches int
	}{
		"no JSON":                    {text(`Type=Notification`), "no message of SNS", 0},
		"null":                       {text(`null`), "lacks a known Type", 0},
		"an unknown type":            {set("Type", "Greeting"), "lacks a known Type", 0},
		"no ID":                      {set("MessageId", ""), "lacks a MessageId", 0},
		"an ID with a path":          {set("MessageId", "../../etc/passwd"), "lacks a MessageId", 0},
		"no topic":                   {set("TopicArn", "alarms"), "lacks a TopicArn", 0},
		"another account's topic":    {set("TopicArn", another), "not one that is listened to", 0},
		"the topic in other letters": {set("TopicArn", "arn:aws:sns:eu-west-1:111122223333:Alarms"), "not one that is listened to", 0},
		"an hour and a second old":   {sign(func(w *world, m map[string]string) { m["Timestamp"] = fakesns.Time(w.now.Add(-3601 * time.Second)) }), "not of now", 0},
		"of tomorrow":                {sign(func(w *world, m map[string]string) { m["Timestamp"] = fakesns.Time(w.now.Add(24 * time.Hour)) }), "not of now", 0},
		"no time":                    {set("Timestamp", "now"), "lacks a Timestamp", 0},
		"version 1":                  {func(w *world) []byte { return w.aws.Sign(w.message(), "1") }, "not of version 2", 0},
		"version 3":                  {func(w *world) []byte { return w.aws.Sign(w.message(), "3") }, "not of version 2", 0},
		"version 1 said to be 2": {func(w *world) []byte {
			b := w.aws.Sign(w.message(), "1")
			return []byte(strings.Replace(string(b), `"SignatureVersion":"1"`, `"SignatureVersion":"2"`, 1))
		}, "does not fit", 2},
		"no signature":                  {set("Signature", ""), "does not fit", 2},
		"a signature that is none":      {set("Signature", "%"), "not base64", 0},
		"another message":               {afterwards("Message", "goodbye"), "does not fit", 2},
		"another ID":                    {afterwards("MessageId", "00000000-fdea-4c2c-8f9d-bdfb0c7bf324"), "does not fit", 2},
		"a subject that was not signed": {afterwards("Subject", "x"), "does not fit", 2},
		"another type":                  {afterwards("Type", sns.UnsubscribeConfirmation), "lacks a Token", 0},
		"a confirmation without token": {sign(func(_ *world, m map[string]string) {
			m["Type"], m["SubscribeURL"] = sns.SubscriptionConfirmation, "https://x"
		}), "lacks a Token", 0},

		"certificate by http":            {set("SigningCertURL", "http://sns.eu-west-1.amazonaws.com"+fakesns.CertificatePath), "not at https://sns", 0},
		"of a bucket":                    {set("SigningCertURL", "https://sns.eu-west-1.amazonaws.com.s3.amazonaws.com/x.pem"), "not at https://sns", 0},
		"of another region":              {set("SigningCertURL", "https://sns.us-east-1.amazonaws.com"+fakesns.CertificatePath), "not at https://sns", 0},
		"of a host that begins alike":    {set("SigningCertURL", "https://sns.eu-west-1.amazonaws.com.evil.example"+fakesns.CertificatePath), "not at https://sns", 0},
		"with a user in front":           {set("SigningCertURL", "https://sns.eu-west-1.amazonaws.com@evil.example"+fakesns.CertificatePath), "not at https://sns", 0},
		"with a port":                    {set("SigningCertURL", "https://sns.eu-west-1.amazonaws.com:8443"+fakesns.CertificatePath), "not at https://sns", 0},
		"with a query":                   {set("SigningCertURL", certURL+"?x=1"), "not at https://sns", 0},
		"with a way back":                {set("SigningCertURL", "https://sns.eu-west-1.amazonaws.com/x/../"+fakesns.CertificatePath[1:]), "none of SNS's", 0},
		"with an escaped way":            {set("SigningCertURL", "https://sns.eu-west-1.amazonaws.com/%53impleNotificationService-0123456789abcdef.pem"), "none of SNS's", 0},
		"another file":                   {set("SigningCertURL", "https://sns.eu-west-1.amazonaws.com/index.html"), "none of SNS's", 0},
		"none":                           {set("SigningCertURL", ""), "not at https://sns", 0},
		"a file that is not there":       {set("SigningCertURL", "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00000000.pem"), "is not there", 1},
		"a certificate of somebody else": {reissued(fakesns.Template("mail.example.com"), false), "not issued to SNS", 1},
		"of a name that begins alike":    {reissued(fakesns.Template("sns.amazonaws.com.evil.example"), false), "not issued to SNS", 1},
		"of an authority nobody knows":   {reissued(fakesns.Template("sns.amazonaws.com"), true), "not trusted", 2},
		"that has ended":                 {reissued(ended(), false), "not trusted", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			if got := w.verify(c.body(w)); !strings.Contains(got, c.want) || strings.HasPrefix(got, "later") || got == "" {
				t.Errorf("%q, want %q", got, c.want)
			}
			if n := len(w.aws.Requests()); n != c.fetches {
				t.Errorf("%d requests, want %d: %q", n, c.fetches, w.aws.Requests())
			}
		})
	}
}

func reissued(template *x509.Certificate, self bool) func(*world) []byte {
	return func(w *world) []byte {
		if err := w.aws.Reissue(template, self); err != nil {
			w.t.Fatal(err)
		}
		return w.aws.Sign(w.message(), "2")
	}
}

func ended() *x509.Certificate {
	c := fakesns.Template("sns.amazonaws.com")
	c.NotAfter = time.Now().Add(-time.Minute)
	return c
}

// A certificate in DER ends with its signature, whose last byte may be any, such as a line's end.
func TestCertificateThatEndsWithASpace(t *testing.T) {
	w := newWorld(t, nil)
	var der []byte
	for serial := int64(1); len(bytes.TrimRight(der, " \t\r\n")) == len(der); serial++ {
		template := fakesns.Template("sns.amazonaws.com")
		template.SerialNumber = big.NewInt(serial)
		if err := w.aws.Reissue(template, false); err != nil {
			t.Fatal(err)
		}
		res, err := w.aws.Client().Get(certURL)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		der = block.Bytes
	}
	w.aws.Answer(func(r *http.Request) *http.Response {
		if r.URL.Path != fakesns.CertificatePath {
			return nil
		}
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(der))}
	})
	if got := w.verify(w.aws.Sign(w.message(), "2")); got != "" {
		t.Errorf("it is refused: %s", got)
	}
}

// Version 1 is taken where the operator allows it, and then too only for what it says.
func TestVersion1(t *testing.T) {
	w := newWorld(t, func(o *sns.Options) { o.Version1 = true })
	if got := w.verify(w.aws.Sign(w.message(), "1")); got != "" {
		t.Error(got)
	}
	if got := w.verify(w.aws.Sign(w.message(), "2")); got != "" {
		t.Error(got)
	}
}

// China has hosts of its own, and other regions other names in the certificate.
func TestPartitions(t *testing.T) {
	const cn = "arn:aws-cn:sns:cn-north-1:111122223333:alarms"
	w := newWorld(t, func(o *sns.Options) { o.Topics = []string{cn} })
	if err := w.aws.Reissue(fakesns.Template("sns-cn-north-1.amazonaws.com.cn"), false); err != nil {
		t.Fatal(err)
	}
	m := w.message()
	m["TopicArn"], m["SigningCertURL"] = cn, "https://sns.cn-north-1.amazonaws.com.cn"+fakesns.CertificatePath
	if got := w.verify(w.aws.Sign(m, "2")); got != "" {
		t.Error(got)
	}
	m["SigningCertURL"] = "https://sns.cn-north-1.amazonaws.com" + fakesns.CertificatePath
	if got := w.verify(w.aws.Sign(m, "2")); !strings.Contains(got, "not at https://sns.cn-north-1.amazonaws.com.cn") {
		t.Error(got)
	}
}

// Trouble at AWS is no refusal: the message is sent again. A certificate that was fetched is used meanwhile, for a day.
func TestTrouble(t *testing.T) {
	w := newWorld(t, nil)
	answer := func(status int, body string) {
		w.aws.Answer(func(*http.Request) *http.Response {
			return &http.Response{StatusCode: status, Header: http.Header{"Location": {"https://evil.example/x.pem"}}, Body: io.NopCloser(strings.NewReader(body))}
		})
	}
	good := w.aws.Sign(w.message(), "2")
	answer(503, "")
	if got := w.verify(good); !strings.HasPrefix(got, "later: ") {
		t.Errorf("SNS is down: %q", got)
	}
	w.aws.Answer(nil)
	w.now = w.now.Add(time.Minute)
	if got := w.verify(good); got != "" {
		t.Errorf("a minute later: %q", got)
	}
	answer(503, "")
	if got := w.verify(good); got != "" {
		t.Errorf("with the certificate that is known: %q", got)
	}
	w.now = w.now.Add(25 * time.Hour)
	fresh := w.aws.Sign(w.message(), "2")
	if got := w.verify(fresh); !strings.HasPrefix(got, "later: ") {
		t.Errorf("a day later: %q", got)
	}
	for status, body := range map[int]string{302: "", 200: strings.Repeat("x", 1<<20), 404: ""} {
		w.now = w.now.Add(time.Minute)
		answer(status, body)
		if got := w.verify(w.aws.Sign(w.message(), "2")); got == "" {
			t.Errorf("%d was taken", status)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.now = w.now.Add(time.Minute)
	if _, err := w.v.Verify(ctx, w.aws.Sign(w.message(), "2")); err == nil {
		t.Error("verified though nobody waits")
	}
}

// Whoever knows a topic can name addresses, but only so many are asked.
func TestFewFetches(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 100 {
		m := w.message()
		m["SigningCertURL"] = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-" + strings.Repeat("0", 8) + string(rune('a'+i%26)) + strings.Repeat("f", i/26) + ".pem"
		w.verify(w.aws.Sign(m, "2"))
	}
	if n := len(w.aws.Requests()); n > 20 {
		t.Errorf("%d addresses were asked within a minute", n)
	}
	w.now = w.now.Add(time.Minute)
	if got := w.verify(w.aws.Sign(w.message(), "2")); got != "" {
		t.Errorf("a minute later: %q", got)
	}
}

func TestConfirm(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.v.Confirm(t.Context(), topic, "t0k3n&Action=x"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{topic + " t0k3n&Action=x"}, w.aws.Confirmed()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !strings.HasPrefix(w.aws.Requests()[0], "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&") {
		t.Errorf("asked %q", w.aws.Requests())
	}
	var no *sns.Refusal
	if err := w.v.Confirm(t.Context(), another, "t"); !errors.As(err, &no) {
		t.Errorf("another topic: %v", err)
	}
	for status, final := range map[int]bool{400: true, 403: true, 302: true, 429: false, 500: false} {
		w.aws.Answer(func(*http.Request) *http.Response {
			return &http.Response{StatusCode: status, Body: http.NoBody}
		})
		if err := w.v.Confirm(t.Context(), topic, "t0k3n"); err == nil || errors.As(err, &no) != final || strings.Contains(err.Error(), "t0k3n") {
			t.Errorf("%d: %v", status, err)
		}
	}
	if len(w.aws.Confirmed()) != 1 {
		t.Errorf("confirmed %q", w.aws.Confirmed())
	}
}

func TestNewRefuses(t *testing.T) {
	for _, topics := range [][]string{nil, {"alarms"}, {"arn:aws:sns:*:111122223333:alarms"}, {topic, "arn:aws:sqs:eu-west-1:111122223333:alarms"}} {
		if _, err := sns.New(sns.Options{Topics: topics}); err == nil {
			t.Errorf("%q is taken", topics)
		}
	}
}

// FuzzVerify: nothing that strangers send is taken, and nothing is fetched from anywhere else.
func FuzzVerify(f *testing.F) {
	aws, err := fakesns.New()
	if err != nil {
		f.Fatal(err)
	}
	v, err := sns.New(sns.Options{Topics: []string{topic}, Client: aws.Client(), Roots: aws.Pool()})
	if err != nil {
		f.Fatal(err)
	}
	good := string(aws.Notification(topic, id, "hello", time.Now()))
	f.Add(strings.Replace(good, "hello", "goodbye", 1))
	f.Add(strings.Replace(good, "sns.eu-west-1.amazonaws.com/Simple", "evil.example/Simple", 1))
	f.Add(`{"Type":"Notification"}`)
	f.Fuzz(func(t *testing.T, body string) {
		m, err := v.Verify(t.Context(), []byte(body))
		if err == nil && m.Message != "hello" {
			t.Errorf("taken: %s", body)
		}
		for _, r := range aws.Requests() {
			if !strings.HasPrefix(r, "https://sns.eu-west-1.amazonaws.com/") && !strings.HasPrefix(r, "http://crt.tests.amazontrust.com/") {
				t.Errorf("asked %s", r)
			}
		}
	})
}
