// Package promote is the executor for `uses: promote`: it copies what was approved to production's registry, by digest.
//
// Nothing is rebuilt and no tag is trusted: the source is named by digest, and the tag it gets in production is written
// last and never moved. The tag being there with the same digest is success, since an earlier attempt may have got that
// far; with another digest it is a conflict that no retry mends.
//
// Where the configuration asks for a signature, the registry is asked for it immediately before the copy, however long ago
// somebody looked for it.
//
// In a repository without registries what was approved is the bundle of artifacts. It stays where it is; the executor
// proves that the artifacts handed to it are still the ones approved.
package promote

import "context"

// Registry copies images. Errors that answer Temporary() with false are not mended by repeating; a registry holding
// another digest under the destination's tag is such a one.
type Registry interface {
	// Promote copies source (host/repository@sha256:…) to destination (host/repository:tag) with everything that
	// belongs to it, writes the tag last and verifies. Done before, it copies what has come to belong to the image since.
	Promote(ctx context.Context, source, destination string) error
	// Signed tells which of the public keys (PEM) signed an image, host/repository@sha256:…: the key's SHA-256. Where none
	// did, problem is why, half a sentence that names the digest.
	Signed(ctx context.Context, image string, keys []string) (key, problem string, err error)
	// Resolve tells which digest a reference points at.
	Resolve(ctx context.Context, reference string) (digest string, err error)
}
