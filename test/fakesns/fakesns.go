// Package fakesns is a stand-in for Amazon SNS: it signs messages as SNS does, has the certificate that they name, issued by an
// authority of its own, and notes which subscriptions are confirmed.
package fakesns

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // signature version 1 of SNS
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// CertificatePath is where the certificate is on each host.
const CertificatePath = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"

// Server is the stand-in: a handler for every host of SNS, and of the authority that issued its certificate.
type Server struct {
	authority, issuer, signer pair

	mu        sync.Mutex
	requests  []string
	confirmed []string
	answer    func(*http.Request) *http.Response
}

type pair struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

// New makes certificates: an authority, an issuer below it, and the signing certificate.
func New() (*Server, error) {
	s := &Server{}
	ca := func(name string, serial int64) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-24 * time.Hour),
			NotAfter: time.Now().Add(90 * 24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
	}
	made, err := keys()
	if err != nil {
		return nil, err
	}
	if s.authority, err = issue(ca("Root of the tests", 1), made[0], nil); err != nil {
		return nil, err
	}
	if s.issuer, err = issue(ca("Issuer of the tests", 2), made[1], &s.authority); err != nil {
		return nil, err
	}
	s.signer, err = issue(Template("sns.amazonaws.com"), made[2], &s.issuer)
	return s, err
}

// Template is a signing certificate for a name, before it is issued.
func Template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(30 * 24 * time.Hour), IssuingCertificateURL: []string{"http://crt.tests.amazontrust.com/issuer.cer"},
	}
}

// keys are those of authority, issuer and signer. They are made once in a process, which takes a while.
var keys = sync.OnceValues(func() (out [3]*rsa.PrivateKey, err error) {
	for i := range out {
		if out[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return out, err
		}
	}
	return out, nil
})

func issue(template *x509.Certificate, key *rsa.PrivateKey, by *pair) (pair, error) {
	parent, signs := template, key
	if by != nil {
		parent, signs = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signs)
	if err != nil {
		return pair{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return pair{key, cert}, err
}

// Reissue signs with another certificate from now on; self: one that it has issued itself.
func (s *Server) Reissue(template *x509.Certificate, self bool) error {
	by := &s.issuer
	if self {
		by = nil
	}
	signer, err := issue(template, s.signer.key, by)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signer = signer
	return err
}

// Roots is the authority's certificate, PEM.
func (s *Server) Roots() []byte { return encode(s.authority.cert) }

// Pool is the authority as one that is trusted.
func (s *Server) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.authority.cert)
	return pool
}

func encode(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// Answer has requests answered otherwise: nil from f, or a nil f, is the usual answer.
func (s *Server) Answer(f func(*http.Request) *http.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// Requests are the addresses that were asked for, in order.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Confirmed are the subscriptions that were confirmed, "topic token", in order.
func (s *Server) Confirmed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.confirmed)
}

// Client asks the stand-in, whatever the host.
func (s *Server) Client() *http.Client { return &http.Client{Transport: transport{s}} }

type transport struct{ server *Server }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.server.mu.Lock()
	answer := t.server.answer
	t.server.mu.Unlock()
	if answer != nil {
		if res := answer(r); res != nil {
			res.Request = r
			return res, nil
		}
	}
	w := httptest.NewRecorder()
	t.server.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := *r.URL
	if asked.Host == "" {
		asked.Host = r.Host
	}
	s.requests = append(s.requests, asked.String())
	q := r.URL.Query()
	switch {
	case r.Method != http.MethodGet:
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
	case r.URL.Path == CertificatePath:
		_, _ = w.Write(encode(s.signer.cert))
	case r.URL.Path == "/issuer.cer":
		_, _ = w.Write(s.issuer.cert.Raw)
	case r.URL.Path == "/" && q.Get("Action") == "ConfirmSubscription" && q.Get("Token") != "" && q.Get("TopicArn") != "":
		s.confirmed = append(s.confirmed, q.Get("TopicArn")+" "+q.Get("Token"))
		_, _ = io.WriteString(w, "<ConfirmSubscriptionResponse/>")
	default:
		http.Error(w, "<ErrorResponse/>", http.StatusForbidden)
	}
}

// Notification is a signed message of a topic, as it is sent to a subscriber.
func (s *Server) Notification(topic, id, message string, at time.Time) []byte {
	return s.Sign(map[string]string{
		"Type": "Notification", "MessageId": id, "TopicArn": topic, "Message": message, "Timestamp": Time(at),
		"UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
	}, "2")
}

// Subscription is the signed question whether a topic's messages are wanted.
func (s *Server) Subscription(topic, id, token string, at time.Time) []byte {
	return s.Sign(map[string]string{
		"Type": "SubscriptionConfirmation", "MessageId": id, "TopicArn": topic, "Message": "You have chosen to subscribe.", "Timestamp": Time(at),
		"Token": token, "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
	}, "2")
}

// Time is how SNS writes one.
func Time(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// Sign signs a message, by a version of the signature, and writes it as JSON. Fields that it has already, such as
// SigningCertURL, stay as they are.
func (s *Server) Sign(m map[string]string, version string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	order := []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	if m["Type"] != "Notification" {
		order = []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	}
	var text bytes.Buffer
	for _, name := range order {
		if value, ok := m[name]; ok {
			text.WriteString(name + "\n" + value + "\n")
		}
	}
	hash, sum := crypto.SHA256, sha256.Sum256(text.Bytes())
	digest := sum[:]
	if version == "1" {
		old := sha1.Sum(text.Bytes()) //nolint:gosec // see the import
		hash, digest = crypto.SHA1, old[:]
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.signer.key, hash, digest)
	if err != nil {
		panic(fmt.Sprintf("fakesns: %v", err)) // the key is our own
	}
	out := map[string]string{"SignatureVersion": version, "Signature": base64.StdEncoding.EncodeToString(signature)}
	if parts := strings.Split(m["TopicArn"], ":"); len(parts) > 3 {
		out["SigningCertURL"] = "https://sns." + parts[3] + ".amazonaws.com" + CertificatePath
	}
	for name, value := range m {
		out[name] = value
	}
	body, err := json.Marshal(out)
	if err != nil {
		panic(fmt.Sprintf("fakesns: %v", err)) // texts
	}
	return body
}
