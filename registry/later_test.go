package registry

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// What was added to an image after it was promoted comes along with the next promotion: a signature under its tag, a second
// one, and what refers to the image. The image itself is not written again, and what is there is not either.
func TestPromoteTakesWhatWasAddedLater(t *testing.T) {
	for kind, host := range registries() {
		t.Run(kind, func(t *testing.T) {
			at, c := host(t), quick()
			src, dst := putImage(t, at+"/dev/later:1", randomImage(t)), at+"/prod/later:1.4.0"
			promoted := at + "/prod/later@" + digestOf(src)
			promote := func() Result { return must(c.Promote(t.Context(), src, dst))(t) }
			promote()
			signed := func() string {
				key, public := newKey(t)
				if err := c.Sign(t.Context(), src, key); err != nil {
					t.Fatal(err)
				}
				r := promote()
				if r.Already || r.Manifests == 0 || r.Digest != digestOf(src) {
					t.Errorf("promoted with a new signature: %+v", r)
				}
				return verified(t, promoted, public)
			}
			if problem := signed() + signed(); problem != "" {
				t.Error(problem)
			}
			subject := must(remote.Head(must(name.NewDigest(src))(t)))(t)
			referrer := signatureOf(t, *subject)
			digest := must(referrer.Digest())(t).String()
			putImage(t, at+"/dev/later@"+digest, referrer)
			promote()
			if got := tagOf(t, at+"/prod/later@"+digest); got != digest {
				t.Errorf("the referrer %s is not in production", digest)
			}
			if r := promote(); !r.Already || r.Manifests != 0 || r.Blobs != 0 {
				t.Errorf("with nothing new: %+v; want nothing to be written", r)
			}
		})
	}
}
