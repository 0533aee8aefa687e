package webhooks

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/google/go-github/v62/github"
)

// Secret is a webhook secret. It prints as "[secret]", whatever prints it.
type Secret []byte

// Format makes fmt print no secret, by any verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue makes log/slog print no secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the secret out of JSON and its like.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

const redacted = "[secret]"

const signaturePrefix = "sha256="

// isSignature accepts the one form GitHub sends: "sha256=" and 64 hex digits. Without this the library would take
// sha1= and sha512= from a sender who prefers them.
func isSignature(s string) bool {
	digits, ok := strings.CutPrefix(s, signaturePrefix)
	if !ok || len(digits) != 64 {
		return false
	}
	for i := range len(digits) {
		if !isHex(digits[i]) {
			return false
		}
	}
	return true
}

// verifier knows the accepted secrets.
type verifier struct{ secrets []Secret }

func newVerifier(secrets []Secret) verifier {
	own := make([]Secret, len(secrets))
	for i, s := range secrets {
		own[i] = append(Secret(nil), s...)
	}
	return verifier{own}
}

// verify tells which secret signed body. Every secret is tried, also after one has matched, so that the time taken
// does not tell which. Package github compares in constant time.
func (v verifier) verify(signature string, body []byte) (key int, ok bool) {
	key = -1
	if !isSignature(signature) {
		return key, false
	}
	for i, secret := range v.secrets {
		if err := github.ValidateSignature(signature, body, secret); err == nil && key < 0 {
			key = i
		}
	}
	return key, key >= 0
}
