package pipeline

import (
	"fmt"
	"strings"
	"time"
)

// learnImage takes over an image's digest, the first time; later ones must be equal.
func (r *run) learnImage(image Image) (problem string) {
	known := &r.s.Image
	switch {
	case image.Digest == "" || image.Digest == known.Digest:
		return ""
	case !validDigest(image.Digest):
		return fmt.Sprintf("the image's digest %q is not sha256: and 64 hex digits", image.Digest)
	case known.Digest != "":
		return fmt.Sprintf("the image is %s now, but was %s before; an execution has one image and tags never move",
			image.Digest, known.Digest)
	case r.s.Bundle != "":
		return fmt.Sprintf("the image %s was built after the approval was opened for the artifacts; build it in a stage before",
			image.Digest)
	}
	known.Digest = image.Digest
	if known.Reference == "" {
		known.Reference = image.Reference
	}
	r.s.Resolving = time.Time{}
	return ""
}

func validDigest(s string) bool {
	hex, ok := strings.CutPrefix(s, "sha256:")
	return ok && len(hex) == 64 && strings.Trim(hex, "0123456789abcdef") == ""
}

func (r *run) imageResolved(f ImageResolved) (changed bool) {
	if !r.resolving(f.Reference) {
		return false
	}
	if problem := r.learnImage(Image{Reference: f.Reference, Digest: f.Digest}); problem != "" {
		r.doom(problem)
	}
	return true
}

func (r *run) imageUnresolved(f ImageUnresolved) (changed bool) {
	if !r.resolving(f.Reference) {
		return false
	}
	r.doom(fmt.Sprintf("there is no image %s (%s); the build must push it: the reference is in SLUICE_IMAGE",
		f.Reference, f.Reason))
	return true
}

func (r *run) resolving(reference string) bool {
	return r.s.Status == InProgress && !r.s.Resolving.IsZero() && reference == r.s.Image.Reference
}
