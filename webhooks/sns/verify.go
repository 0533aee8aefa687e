package sns

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // signature version 1 is SHA-1; it is refused unless the operator allows it
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// How old a message may be, which is longer than SNS tries to deliver one, and how far ahead its clock.
const (
	maxAge  = time.Hour
	maxSkew = 5 * time.Minute
)

// Refusal says why a message is not taken. It will not be taken when it is sent again either.
type Refusal struct {
	Problem string
	// Malformed: it is no message of SNS's at all.
	Malformed bool
}

func (r *Refusal) Error() string { return r.Problem }

// Options are what New needs.
type Options struct {
	// Topics are the ARNs of the topics that are listened to, exactly.
	Topics []string
	// Version1 takes signatures of version 1 (SHA-1) too.
	Version1 bool
	// Client fetches certificates and confirms subscriptions. It is asked for nothing but SNS's own hosts and those of Amazon's
	// certificate authority, and its redirects are not followed. Defaults to one with timeouts.
	Client *http.Client
	// Roots are the authorities that are trusted. Defaults to the machine's.
	Roots *x509.CertPool
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Verifier knows the topics that are listened to. Its methods may be called concurrently.
type Verifier struct {
	topics   []string
	version1 bool
	client   *http.Client
	now      func() time.Time
	certs    *certificates
}

// New returns a verifier. The error names what is no topic.
func New(o Options) (*Verifier, error) {
	if len(o.Topics) == 0 {
		return nil, errors.New("sns: no topics")
	}
	for _, t := range o.Topics {
		if !IsTopic(t) {
			return nil, fmt.Errorf("sns: %q is not the ARN of a topic", t)
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	client := &http.Client{Timeout: fetchTimeout}
	if o.Client != nil {
		*client = *o.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Verifier{
		topics: slices.Clone(o.Topics), version1: o.Version1, client: client, now: o.Now,
		certs: &certificates{client: client, roots: o.Roots, now: o.Now, known: map[string]certificate{}},
	}, nil
}

// Verify reads a message and looks whether it is one of a topic that is listened to. A *Refusal is for good; any other error
// says that it could not be found out now.
func (v *Verifier) Verify(ctx context.Context, body []byte) (Message, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return Message{}, &Refusal{"the body is no message of SNS", true}
	}
	if lacks := e.whole(); lacks != "" {
		return Message{}, &Refusal{"the message lacks " + lacks, true}
	}
	if !slices.Contains(v.topics, e.TopicARN) {
		return Message{}, &Refusal{Problem: "the topic is not one that is listened to"}
	}
	at, _ := time.Parse(time.RFC3339, e.Timestamp) // whole has parsed it
	if now := v.now(); now.Sub(at) > maxAge || at.Sub(now) > maxSkew {
		return Message{}, &Refusal{Problem: "the message is not of now: it is older than an hour, or its time has not come"}
	}
	var sum []byte
	var hash crypto.Hash
	switch {
	case e.SignatureVersion == "2":
		s := sha256.Sum256([]byte(e.text()))
		sum, hash = s[:], crypto.SHA256
	case e.SignatureVersion == "1" && v.version1:
		s := sha1.Sum([]byte(e.text())) //nolint:gosec // see the import
		sum, hash = s[:], crypto.SHA1
	default:
		return Message{}, &Refusal{Problem: "the signature is not of version 2: set the topic's attribute SignatureVersion to 2"}
	}
	signature, err := base64.StdEncoding.DecodeString(e.Signature)
	if err != nil {
		return Message{}, &Refusal{Problem: "the signature is not base64"}
	}
	key, err := v.certs.key(ctx, e.SigningCertURL, host(e.TopicARN))
	if err != nil {
		return Message{}, err
	}
	if rsa.VerifyPKCS1v15(key, hash, sum, signature) != nil {
		return Message{}, &Refusal{Problem: "the signature does not fit"}
	}
	return e.Message, nil
}
