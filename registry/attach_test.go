package registry

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// What is attached is found among the referrers, once however often it is attached, and goes along with a promotion: on
// registries that know referrers and on those that do not.
func TestAttach(t *testing.T) {
	for name, host := range map[string]func(testing.TB) string{
		"referrers": func(t testing.TB) string { return serve(t).host },
		"tags":      func(t testing.TB) string { return serveWith(t).host },
		"debian":    debian,
	} {
		t.Run(name, func(t *testing.T) {
			at := host(t)
			src := putImage(t, at+"/dev/shop:1", randomImage(t))
			bill := []byte(`{"spdxVersion":"SPDX-2.3"}`)
			var digests []string
			for range 2 {
				digest, err := quick().Attach(t.Context(), src, "application/spdx+json", bill, map[string]string{"a": "b"})
				if err != nil {
					t.Fatal(err)
				}
				digests = append(digests, digest)
			}
			if digests[0] != digests[1] {
				t.Errorf("attached twice it is %v", digests)
			}
			if _, err := quick().Promote(t.Context(), src, at+"/prod/shop:1.4.0"); err != nil {
				t.Fatal(err)
			}
			for _, repo := range []string{"/dev/shop", "/prod/shop"} {
				if got := attachedTo(t, at+repo+"@"+digestOf(src)); len(got) != 1 || got["application/spdx+json"] != string(bill) {
					t.Errorf("%s has %v", repo, got)
				}
			}
		})
	}
	if _, err := quick().Attach(t.Context(), serve(t).host+"/dev/shop@sha256:"+strings.Repeat("a", 64), "text/plain", nil, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("to nothing: %v", err)
	}
}

// attachedTo reads the documents attached to an image, by their types.
func attachedTo(t testing.TB, ref string) map[string]string {
	t.Helper()
	r := must(name.NewDigest(ref))(t)
	out := map[string]string{}
	for _, d := range must(must(remote.Referrers(r))(t).IndexManifest())(t).Manifests {
		img := must(remote.Image(r.Context().Digest(d.Digest.String())))(t)
		var layer v1.Layer = must(img.Layers())(t)[0]
		rc := must(layer.Compressed())(t)
		out[d.ArtifactType] = string(must(io.ReadAll(rc))(t))
		rc.Close()
	}
	return out
}
