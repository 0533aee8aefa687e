package store

import (
	"context"
	"time"
)

// Signature is a signature of an image that was checked and holds.
type Signature struct {
	RepoID int64
	Digest string // sha256:…, the image's
	// KeyID is the SHA-256 of the public key, 64 hex digits.
	KeyID string
	// Image is where the image and its signature were: host/repository@sha256:….
	Image      string
	VerifiedAt time.Time
}

func signatures() table[Signature] {
	return table[Signature]{"signatures", []string{"repo_id", "digest", "key_id"}, func(s *Signature) []column {
		return []column{
			{"repo_id", &s.RepoID}, {"digest", &s.Digest}, {"key_id", &s.KeyID}, {"image", &s.Image}, {"verified_at", micros{&s.VerifiedAt}},
		}
	}}
}

// Signatures returns the signatures of an image that hold, the oldest first.
func (tx *Tx) Signatures(ctx context.Context, repo int64, digest string) ([]Signature, error) {
	return signatures().list(ctx, tx, "repo_id = ? AND digest = ? ORDER BY verified_at, key_id", repo, digest)
}

// SaveSignature writes down that a signature holds.
func (tx *Tx) SaveSignature(ctx context.Context, s Signature) error {
	return signatures().put(ctx, tx, &s)
}
