package dashboard

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
	"time"

	"github.com/sluicehq/sluice/store"
)

// tokenPrefix is what scanners for committed secrets know a token of Sluice by.
const tokenPrefix = "sluice_"

const (
	tokenIDLength = 20 // of store.NewID
	secretBytes   = 32
	// maxTokenDays is how long a token lasts at most, and maxTokens how many valid ones one person has.
	maxTokenDays = 90
	maxTokens    = 50
	maxTokenName = 60 // characters
)

// newToken makes a token and the record of it. The text is shown once and kept nowhere.
func newToken(t store.AccessToken) (text string, record store.AccessToken) {
	var secret [secretBytes]byte
	_, _ = rand.Read(secret[:]) // never fails: crypto/rand ends the program instead
	sum := sha256.Sum256(secret[:])
	t.ID, t.SecretHash = store.NewID(), sum[:]
	return tokenPrefix + t.ID + "_" + hex.EncodeToString(secret[:]), t
}

// parseToken takes a token's text apart. ok is false for whatever has not the shape of one.
func parseToken(text string) (id string, secret []byte, ok bool) {
	rest, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok || len(rest) != tokenIDLength+1+2*secretBytes || rest[tokenIDLength] != '_' {
		return "", nil, false
	}
	secret, err := hex.DecodeString(rest[tokenIDLength+1:])
	return rest[:tokenIDLength], secret, err == nil
}

// opens tells whether a secret is a record's, in a time that does not depend on how much of it is right, and the record
// is valid. It says no for the zero record, in the same time.
func opens(t store.AccessToken, secret []byte, now time.Time) bool {
	sum := sha256.Sum256(secret)
	hash := make([]byte, sha256.Size)
	copy(hash, t.SecretHash)
	same := subtle.ConstantTimeCompare(sum[:], hash) == 1
	return same && len(t.SecretHash) == sha256.Size && t.Valid(now)
}
