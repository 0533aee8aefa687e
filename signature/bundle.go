package signature

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// BundleType is how the media types of Sigstore bundles begin; their version follows
// (https://docs.sigstore.dev/about/bundle/).
const BundleType = "application/vnd.dev.sigstore.bundle"

// What the envelope of a signature holds: an in-toto statement, about an image, that says no more than that it is signed.
const (
	statementType = "application/vnd.in-toto+json"
	predicateSign = "https://sigstore.dev/cosign/sign/v1"
)

// bundle is what cosign 3 attaches to an image that was signed with a key. Entries of transparency logs and times, which
// it may also hold, are not looked at.
type bundle struct {
	Envelope *struct {
		Payload     []byte `json:"payload"`
		PayloadType string `json:"payloadType"`
		Signatures  []struct {
			Sig []byte `json:"sig"`
		} `json:"signatures"`
	} `json:"dsseEnvelope"`
}

type statement struct {
	PredicateType string `json:"predicateType"`
	Subject       []struct {
		Digest map[string]string `json:"digest"`
	} `json:"subject"`
}

// ReadBundle reads the signatures in a Sigstore bundle. Bundles hold other things too, such as attestations: then there
// is an error.
func ReadBundle(body []byte) ([]Signature, error) {
	var b bundle
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	if b.Envelope == nil || b.Envelope.PayloadType != statementType {
		return nil, errors.New("bundle: it holds no in-toto statement")
	}
	var s statement
	if err := json.Unmarshal(b.Envelope.Payload, &s); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	if s.PredicateType != predicateSign {
		return nil, fmt.Errorf("statement: it is of type %.80q, want %q", s.PredicateType, predicateSign)
	}
	var digests []string
	for _, subject := range s.Subject {
		if hex := subject.Digest["sha256"]; hex != "" {
			digests = append(digests, "sha256:"+strings.ToLower(hex))
		}
	}
	signed := fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(statementType), statementType, len(b.Envelope.Payload))
	signed = append(signed, b.Envelope.Payload...)
	var out []Signature
	for _, sig := range b.Envelope.Signatures {
		out = append(out, Signature{Digests: digests, Signed: signed, ASN1: sig.Sig})
	}
	return out, nil
}
