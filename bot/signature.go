package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// lookSignature tells whether the candidate's image bears the signature that the configuration asks for. One that was found
// to hold is to be written down, so the registry is asked until there is one.
func (s *session) lookSignature(ctx context.Context, r *store.Release, w *world) error {
	verify := s.cfg.Environment(pipeline.EnvironmentProduction).Verify
	if len(verify.Keys) == 0 {
		return nil
	}
	w.Signature = gitflow.Signature{Wanted: true}
	x := w.execution
	if x == nil || x.Image == "" || s.cfg.Registries.Production == "" || w.Candidate.Digest == "" || !w.Candidate.Tested {
		return nil
	}
	w.Signature.Image = repositoryOf(x.Image) + "@" + w.Candidate.Digest
	if s.allowed(x.Image) != "" { // then the promotion is refused for that
		return nil
	}
	var known []store.Signature
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.Signatures(ctx, s.repo.ID, w.Candidate.Digest)
		return err
	})
	if err != nil {
		return err
	}
	for _, k := range known {
		if verify.Has(k.KeyID) {
			return nil
		}
	}
	key, problem, err := s.b.Images.Signed(ctx, w.Signature.Image, verify.PEMs())
	if err != nil {
		return fmt.Errorf("signatures in the development registry: %w", err)
	}
	if w.Signature.Problem = gitflow.Text(problem); problem != "" {
		return nil
	}
	w.signed = &store.Signature{RepoID: s.repo.ID, Digest: w.Candidate.Digest, KeyID: key, Image: w.Signature.Image, VerifiedAt: s.b.Now()}
	return nil
}

// EvidenceSignature is a signature of the image that was found to hold.
type EvidenceSignature struct {
	Image string `json:"image"` // host/repository@sha256:…
	// Key is the SHA-256 of the public key, 64 hex digits.
	Key        string    `json:"key_sha256"`
	VerifiedAt time.Time `json:"verified_at"`
}

func (s *session) evidenceSignatures(ctx context.Context, tx *store.Tx, r store.Release, e *Evidence) error {
	if r.CandidateDigest == "" {
		return nil
	}
	all, err := tx.Signatures(ctx, s.repo.ID, r.CandidateDigest)
	for _, k := range all {
		e.Image.Signatures = append(e.Image.Signatures, EvidenceSignature{Image: k.Image, Key: k.KeyID, VerifiedAt: k.VerifiedAt})
	}
	return err
}
