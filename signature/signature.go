// Package signature makes and checks signatures of container images as cosign keeps them: with a key pair, without a
// certificate authority and without a transparency log.
//
// What is signed is a small document that names the image's digest, either as cosign has always written it (a "simple
// signing" payload, https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md) or as an in-toto statement in
// a DSSE envelope (https://github.com/secure-systems-lab/dsse/blob/master/protocol.md), which is what cosign 3 writes by
// default. Keys are ECDSA keys on the curve P-256, as `cosign generate-key-pair` makes them; the signature is over the
// SHA-256 of the document. Package registry knows where the documents are kept.
package signature

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// How cosign writes a simple signing payload down: as a layer of this media type, with the signature in base64 in this
// annotation.
const (
	PayloadType = "application/vnd.dev.cosign.simplesigning.v1+json"
	Annotation  = "dev.cosignproject.cosign/signature"
)

// payloadKind is what critical.type must say.
const payloadKind = "cosign container image signature"

// Signature is a document that somebody signed, and the signature. Nothing in it is trusted until Verify has passed.
type Signature struct {
	// Digests are the images that the document names, sha256:… each.
	Digests []string
	// Signed is exactly what was signed.
	Signed []byte
	// ASN1 is the ECDSA signature over the SHA-256 of Signed.
	ASN1 []byte
}

// payload is the document of simple signing.
type payload struct {
	Critical struct {
		Identity struct {
			Reference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional map[string]any `json:"optional"`
}

// Payload is the document that says that the image repository (host/path) has a signed image with the digest.
func Payload(repository, digest string) []byte {
	var p payload
	p.Critical.Identity.Reference, p.Critical.Image.Digest, p.Critical.Type = repository, digest, payloadKind
	text, err := json.Marshal(p)
	if err != nil {
		panic("signature: a payload of texts cannot be written: " + err.Error())
	}
	return text
}

// ReadPayload reads a simple signing payload and the base64 signature that came with it.
func ReadPayload(body []byte, signature string) (Signature, error) {
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return Signature{}, fmt.Errorf("signed document: %w", err)
	}
	if p.Critical.Type != payloadKind {
		return Signature{}, fmt.Errorf("signed document: it is of type %.60q, want %q", p.Critical.Type, payloadKind)
	}
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return Signature{}, fmt.Errorf("signature: %w", err)
	}
	return Signature{Digests: []string{p.Critical.Image.Digest}, Signed: bytes.Clone(body), ASN1: raw}, nil
}

// UnverifiedError says why no signature of an image holds.
type UnverifiedError struct {
	Digest string // the image's
	// Found is how many signatures there are; Other is the digest of another image that one of the keys signed, where a
	// signature of it was found next to this one; empty: there is none.
	Found int
	Other string
}

func (e *UnverifiedError) Error() string {
	switch {
	case e.Found == 0:
		return e.Digest + " is not signed"
	case e.Other != "":
		return fmt.Sprintf("the signature found for %s is one of %s", e.Digest, e.Other)
	case e.Found == 1:
		return e.Digest + " has a signature, which is by none of the keys"
	}
	return fmt.Sprintf("%s has %d signatures, which are by none of the keys", e.Digest, e.Found)
}

// Verify returns the key that signed the image with the digest. One signature by one of the keys is enough, so that a key
// can be replaced by another. Otherwise the error is an *UnverifiedError.
func Verify(digest string, found []Signature, keys []PublicKey) (PublicKey, error) {
	failed := &UnverifiedError{Digest: digest, Found: len(found)}
	for _, s := range found {
		for _, k := range keys {
			if !k.verify(s.Signed, s.ASN1) {
				continue
			}
			if slices.Contains(s.Digests, digest) {
				return k, nil
			}
			for _, d := range s.Digests {
				if digestRE.MatchString(d) {
					failed.Other = d
				}
			}
		}
	}
	return PublicKey{}, failed
}

var digestRE = lazyregexp.New(`\Asha256:[0-9a-f]{64}\z`)

func hashed(document []byte) []byte {
	sum := sha256.Sum256(document)
	return sum[:]
}
