package signature

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func file(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func public(t testing.TB, name string) PublicKey {
	t.Helper()
	key, err := ParsePublicKey(file(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func private(t testing.TB, name, password string) PrivateKey {
	t.Helper()
	key, err := ParsePrivateKey(file(t, name), password)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// vector is what cosign made with cosign.key: version 2.6.1 a payload and its signature, version 3.0.4 a bundle.
type vector struct{ Digest, Payload, Signature, Bundle string }

// signatures reads a vector; spoil may change it before.
func (v vector) signatures(t testing.TB) []Signature {
	t.Helper()
	if v.Payload != "" {
		s, err := ReadPayload([]byte(v.Payload), v.Signature)
		if err != nil {
			t.Fatal(err)
		}
		return []Signature{s}
	}
	found, err := ReadBundle([]byte(v.Bundle))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func vectors(t testing.TB) map[string]vector {
	t.Helper()
	out := map[string]vector{}
	for _, name := range []string{"cosign2.json", "cosign3.json"} {
		var raw struct {
			vector

			Bundle []byte
		}
		if err := json.Unmarshal([]byte(file(t, name)), &raw); err != nil {
			t.Fatal(err)
		}
		raw.vector.Bundle = string(raw.Bundle)
		out[name] = raw.vector
	}
	return out
}

// What cosign signed holds, for that image and that key and no other.
func TestCosignsSignatures(t *testing.T) {
	key, other := public(t, "cosign.pub"), public(t, "empty.pub")
	for name, v := range vectors(t) {
		found := v.signatures(t)
		by, err := Verify(v.Digest, found, []PublicKey{other, key})
		if err != nil || by.ID() != key.ID() {
			t.Errorf("%s: by %s, %v", name, by, err)
		}
		for about, c := range map[string]struct {
			digest string
			found  []Signature
			keys   []PublicKey
			want   string
		}{
			"no signature":  {v.Digest, nil, []PublicKey{key}, v.Digest + " is not signed"},
			"another key":   {v.Digest, found, []PublicKey{other}, v.Digest + " has a signature, which is by none of the keys"},
			"no key":        {v.Digest, found, nil, v.Digest + " has a signature, which is by none of the keys"},
			"the zero key":  {v.Digest, found, []PublicKey{{}}, v.Digest + " has a signature, which is by none of the keys"},
			"twice":         {v.Digest, append(found, found...), []PublicKey{other}, v.Digest + " has 2 signatures, which are by none of the keys"},
			"another image": {"sha256:x", found, []PublicKey{key}, "the signature found for sha256:x is one of " + v.Digest},
		} {
			var u *UnverifiedError
			if _, err := Verify(c.digest, c.found, c.keys); !errors.As(err, &u) || err.Error() != c.want {
				t.Errorf("%s, %s: %v", name, about, err)
			}
		}
		for i := range found[0].Signed { // whatever is changed in what was signed
			s := found[0]
			s.Signed = bytes.Clone(s.Signed)
			s.Signed[i] ^= 1
			if _, err := Verify(v.Digest, []Signature{s}, []PublicKey{key}); err == nil {
				t.Fatalf("%s: byte %d of what was signed was changed, and nobody noticed", name, i)
			}
		}
	}
}

// The payload is cosign's, byte for byte, and so is what signs it: made again it is the same.
func TestSignAsCosign(t *testing.T) {
	v := vectors(t)["cosign2.json"]
	if got := string(Payload("127.0.0.1:40241/dev/shop", v.Digest)); got != v.Payload {
		t.Errorf("payload\n%s, cosign's is\n%s", got, v.Payload)
	}
	for name, password := range map[string]string{"cosign": "hush", "empty": ""} {
		key := private(t, name+".key", password)
		first, err := key.Sign("r.test/shop", v.Digest)
		if err != nil {
			t.Fatal(err)
		}
		again, err := key.Sign("r.test/shop", v.Digest)
		if err != nil || !bytes.Equal(first.ASN1, again.ASN1) {
			t.Errorf("%s: signed again it is another signature (%v)", name, err)
		}
		if _, err := Verify(v.Digest, []Signature{first}, []PublicKey{public(t, name+".pub")}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if own, err := key.Public(); err != nil || own.PEM() != file(t, name+".pub") {
			t.Errorf("%s: the public key is\n%s%v", name, own.PEM(), err)
		}
	}
	if _, err := (PrivateKey{}).Sign("r.test/shop", v.Digest); err == nil {
		t.Error("signed without a key")
	}
	if _, err := (PrivateKey{}).Public(); err == nil {
		t.Error("the zero key has a public key")
	}
}

// A key that cannot be used says why, and nothing of itself.
func TestKeysThatAreNone(t *testing.T) {
	locked := file(t, "cosign.key")
	body := strings.Split(locked, "\n")[1]
	encrypted := func(change string, to string) string {
		block, _ := pem.Decode([]byte(locked))
		text := strings.Replace(string(block.Bytes), change, to, 1)
		return string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: []byte(text)}))
	}
	der := func(kind string, make func() (any, error)) string {
		key, err := make()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}))
	}
	rsaKey := func() (any, error) { return rsa.GenerateKey(rand.Reader, 2048) }
	p384 := func() (any, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) }
	for about, c := range map[string][2]string{
		"nothing":              {"", "it is not PEM"},
		"a public key":         {file(t, "cosign.pub"), `it is a PEM block "PUBLIC KEY"`},
		"a wrong password":     {locked, "the password does not open it"},
		"another cipher":       {encrypted("nacl/secretbox", "aes"), "it is encrypted by"},
		"another derivation":   {encrypted("scrypt", "argon2"), "it is encrypted by"},
		"a short nonce":        {encrypted(`"nonce":"`, `"nonce":"","x":"`), "it is encrypted by"},
		"too much work":        {encrypted("65536", "1073741824"), "none that cosign uses"},
		"too little work":      {encrypted("65536", "2"), "none that cosign uses"},
		"no JSON":              {encrypted("{", "["), "it is damaged"},
		"no key":               {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), "it is damaged"},
		"no elliptic key":      {string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("x")})), "it is damaged"},
		"an RSA key":           {der("PRIVATE KEY", rsaKey), "P-256"},
		"a key of P-384":       {der("PRIVATE KEY", p384), "P-256"},
		"something else":       {der("RSA PRIVATE KEY", rsaKey), `it is a PEM block "RSA PRIVATE KEY"`},
		"a cut-off ending":     {encrypted(`"ciphertext":"`, `"ciphertext":"AA`), "it is damaged"},
		"another ciphertext":   {encrypted(`"ciphertext":"w`, `"ciphertext":"x`), "the password does not open it"},
		"without a ciphertext": {encrypted(`"ciphertext"`, `"cipher_text"`), "the password does not open it"},
	} {
		password := "hush"
		if about == "a wrong password" {
			password = "husk"
		}
		_, err := ParsePrivateKey(c[0], password)
		if err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v, want %q", about, err, c[1])
		} else if strings.Contains(err.Error(), body) {
			t.Errorf("%s: the error shows the key", about)
		}
	}
	rsaPublic, err := x509.MarshalPKIXPublicKey(&func() *rsa.PrivateKey { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k }().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for about, c := range map[string][2]string{
		"nothing":       {"", "it is not PEM"},
		"a private key": {locked, "replace the pair"},
		"an RSA key":    {string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: rsaPublic})), "P-256"},
		"no key":        {string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})), "it is no public key"},
		"a certificate": {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), `"CERTIFICATE"`},
		"two":           {file(t, "cosign.pub") + file(t, "empty.pub"), "give each key by itself"},
	} {
		if _, err := ParsePublicKey(c[0]); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("public, %s: %v, want %q", about, err, c[1])
		}
	}
}

// A key prints nothing of itself, however it is printed.
func TestPrivateKeyIsSilent(t *testing.T) {
	key := private(t, "empty.key", "")
	raw, err := key.key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	scalar := new(big.Int).SetBytes(raw).String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if text := fmt.Sprintf(verb, key) + fmt.Sprintf(verb, struct{ K PrivateKey }{key}); strings.Contains(text, scalar) || !strings.Contains(text, "[secret]") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

// What is no signature is refused, whatever it is.
func TestDocumentsThatAreNone(t *testing.T) {
	for about, body := range map[string]string{
		"no JSON":       "x",
		"another type":  `{"critical":{"type":"atomic container signature"}}`,
		"another shape": `{"critical":[]}`,
	} {
		if _, err := ReadPayload([]byte(body), "AA=="); err == nil {
			t.Errorf("payload, %s: it was read", about)
		}
	}
	if _, err := ReadPayload(Payload("r.test/shop", "sha256:x"), "not base64"); err == nil {
		t.Error("a signature that is not base64 was read")
	}
	envelope := func(kind, statement string) string {
		text, err := json.Marshal(map[string]any{"dsseEnvelope": map[string]any{"payloadType": kind, "payload": []byte(statement), "signatures": []any{map[string]any{"sig": "AA=="}}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for about, body := range map[string]string{
		"no JSON":             "x",
		"a message signature": `{"messageSignature":{}}`,
		"another envelope":    envelope("text/plain", "{}"),
		"no statement":        envelope(statementType, "x"),
		"an attestation":      envelope(statementType, `{"predicateType":"https://slsa.dev/provenance/v1","subject":[{"digest":{"sha256":"aa"}}]}`),
	} {
		if _, err := ReadBundle([]byte(body)); err == nil {
			t.Errorf("bundle, %s: it was read", about)
		}
	}
}

func FuzzReadBundle(f *testing.F) {
	f.Add([]byte(vectors(f)["cosign3.json"].Bundle))
	f.Add([]byte(`{"dsseEnvelope":{"payloadType":"application/vnd.in-toto+json"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		found, err := ReadBundle(body)
		if err != nil && found != nil {
			t.Error("signatures, and an error")
		}
	})
}
