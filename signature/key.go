package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
)

// PublicKey checks signatures. The zero value checks none.
type PublicKey struct {
	key *ecdsa.PublicKey
	id  string
}

// ParsePublicKey reads cosign.pub: a public key in PEM, ECDSA on the curve P-256.
func ParsePublicKey(text string) (PublicKey, error) {
	block, rest := pem.Decode([]byte(strings.TrimSpace(text)))
	switch {
	case block == nil:
		return PublicKey{}, errors.New("it is not PEM: it begins with -----BEGIN PUBLIC KEY-----, as in cosign.pub")
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return PublicKey{}, errors.New("it is a private key, which must be kept secret: replace the pair, and name the public key, as in cosign.pub")
	case block.Type != "PUBLIC KEY":
		return PublicKey{}, fmt.Errorf("it is a PEM block %.40q, want PUBLIC KEY, as in cosign.pub", block.Type)
	case strings.TrimSpace(string(rest)) != "":
		return PublicKey{}, errors.New("something follows the key: give each key by itself")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return PublicKey{}, fmt.Errorf("it is no public key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return PublicKey{}, errors.New("it is not ECDSA on P-256, which cosign generate-key-pair makes")
	}
	return publicKey(key)
}

func publicKey(key *ecdsa.PublicKey) (PublicKey, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return PublicKey{}, err
	}
	sum := sha256.Sum256(der)
	return PublicKey{key: key, id: hex.EncodeToString(sum[:])}, nil
}

// ID is the SHA-256 of the key's DER form, 64 hex digits: what `openssl pkey -pubin -outform der | sha256sum` prints.
func (k PublicKey) ID() string { return k.id }

// String is the first 16 digits of the ID, for people.
func (k PublicKey) String() string { return k.id[:min(16, len(k.id))] }

// PEM is the key as cosign.pub has it.
func (k PublicKey) PEM() string {
	der, err := x509.MarshalPKIXPublicKey(k.key)
	if err != nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func (k PublicKey) verify(document, asn1 []byte) bool {
	return k.key != nil && ecdsa.VerifyASN1(k.key, hashed(document), asn1)
}

// PrivateKey signs. It never prints itself. The zero value signs nothing.
type PrivateKey struct{ key *ecdsa.PrivateKey }

// ParsePrivateKey reads cosign.key, which is encrypted (with an empty password where none was given), or an ECDSA key on
// P-256 in PEM that is not.
func ParsePrivateKey(text, password string) (PrivateKey, error) {
	block, _ := pem.Decode([]byte(strings.TrimSpace(text)))
	if block == nil {
		return PrivateKey{}, errors.New("it is not PEM: it begins with -----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----, as in cosign.key")
	}
	der := block.Bytes
	switch block.Type {
	case "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY":
		var err error
		if der, err = decrypt(block.Bytes, password); err != nil {
			return PrivateKey{}, err
		}
	case "PRIVATE KEY":
	case "EC PRIVATE KEY":
		key, err := x509.ParseECPrivateKey(der)
		if err != nil {
			return PrivateKey{}, errors.New("it is damaged")
		}
		return privateKey(key)
	default:
		return PrivateKey{}, fmt.Errorf("it is a PEM block %.40q, want ENCRYPTED SIGSTORE PRIVATE KEY, as in cosign.key", block.Type)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return PrivateKey{}, errors.New("it is damaged")
	}
	return privateKey(key)
}

func privateKey(key any) (PrivateKey, error) {
	k, ok := key.(*ecdsa.PrivateKey)
	if !ok || k.Curve != elliptic.P256() {
		return PrivateKey{}, errors.New("it is not ECDSA on P-256, which cosign generate-key-pair makes")
	}
	return PrivateKey{k}, nil
}

// IsZero tells whether there is no key.
func (k PrivateKey) IsZero() bool { return k.key == nil }

// Public is the key that checks what this one signs.
func (k PrivateKey) Public() (PublicKey, error) {
	if k.key == nil {
		return PublicKey{}, errors.New("there is no key")
	}
	return publicKey(&k.key.PublicKey)
}

// Sign signs the simple signing payload of an image. The same key and image give the same signature each time (RFC 6979),
// so that a repeat after a crash finds its own work.
func (k PrivateKey) Sign(repository, digest string) (Signature, error) {
	if k.key == nil {
		return Signature{}, errors.New("there is no key to sign with")
	}
	document := Payload(repository, digest)
	raw, err := k.key.Sign(nil, hashed(document), crypto.SHA256)
	return Signature{Digests: []string{digest}, Signed: document, ASN1: raw}, err
}

// String is "[secret]".
func (PrivateKey) String() string { return "[secret]" }

// GoString is "[secret]".
func (PrivateKey) GoString() string { return "[secret]" }

// Format writes "[secret]", whatever the verb.
func (PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }
