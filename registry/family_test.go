package registry

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// tree lists an image with everything below it and beside it, one line each, as a registry has it now: digests are those of
// the bytes that it sends, never of what it says they are.
func tree(t testing.TB, repo name.Repository, digest, indent string) (out []string) {
	t.Helper()
	ref := repo.Digest(digest)
	d := must(remote.Get(ref))(t)
	got := hashOf(d.Manifest).String()
	out = append(out, fmt.Sprintf("%s%s %s", indent, d.MediaType, got))
	var m struct {
		Config    *v1.Descriptor  `json:"config"`
		Layers    []v1.Descriptor `json:"layers"`
		Manifests []v1.Descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(d.Manifest, &m); err != nil {
		t.Fatal(err)
	}
	for _, child := range m.Manifests {
		out = append(out, tree(t, repo, child.Digest.String(), indent+"  ")...)
	}
	blobs := m.Layers
	if m.Config != nil {
		blobs = append(blobs, *m.Config)
	}
	for _, b := range blobs {
		layer := must(remote.Layer(repo.Digest(b.Digest.String())))(t)
		rc := must(layer.Compressed())(t)
		sum, n, err := v1.SHA256(rc)
		rc.Close()
		if err != nil || sum != b.Digest || n != b.Size {
			t.Errorf("blob %s in %s: it is %s of %d bytes (%v)", b.Digest, repo, sum, n, err)
		}
		out = append(out, indent+"  blob "+sum.String())
	}
	var beside []string
	for _, r := range must(must(remote.Referrers(ref))(t).IndexManifest())(t).Manifests {
		beside = append(beside, r.Digest.String())
	}
	slices.Sort(beside)
	for _, r := range beside {
		out = append(out, indent+"  beside:")
		out = append(out, tree(t, repo, r, indent+"    ")...)
	}
	return out
}

// A promotion takes along everything that belongs to an image: all platforms, a bill of materials and a statement of
// provenance for the whole and for a platform, a signature of the bill, a note to that signature; and all of it is the same, bit
// by bit, between registries and within one, with and without the referrers API.
func TestPromoteTakesTheWholeFamily(t *testing.T) {
	for name_, host := range registries() {
		t.Run(name_, func(t *testing.T) {
			at := host(t)
			src := newFamily(t).put(t, at+"/dev/shop")
			repo := must(name.NewRepository(at + "/dev/shop"))(t)
			attach := func(to, kind string) string {
				digest, err := quick().Attach(t.Context(), at+"/dev/shop@"+to, kind, []byte(kind+" of "+to), nil)
				if err != nil {
					t.Fatal(err)
				}
				return digest
			}
			bill := attach(digestOf(src), "application/spdx+json")
			attach(digestOf(src), "application/vnd.in-toto+json")
			child := must(must(remote.Index(repo.Digest(digestOf(src))))(t).IndexManifest())(t).Manifests[1].Digest.String()
			attach(child, "application/spdx+json")
			signed := attach(bill, "application/x-signature")
			attach(signed, "text/plain")
			want := tree(t, repo, digestOf(src), "")
			manifests := 0
			for _, line := range want {
				for _, kind := range []types.MediaType{types.OCIImageIndex, types.OCIManifestSchema1} {
					if n := len(line) - len(kind) - len(" sha256:") - 64; n >= 0 && line[n:n+len(kind)] == string(kind) {
						manifests++
					}
				}
			}
			if manifests != 10 { // the index and two images; two referrers of the family and five that were attached
				t.Fatalf("the family has %d members:\n%v", manifests, want)
			}

			far := serve(t).host
			for _, to := range []string{at + "/prod/shop", far + "/prod/shop"} {
				got, err := quick().Promote(t.Context(), src, to+":1.4.0")
				if err != nil || got.Digest != digestOf(src) {
					t.Fatalf("%s: %+v, %v", to, got, err)
				}
				there := must(name.NewRepository(to))(t)
				if diff := cmp.Diff(want, tree(t, there, digestOf(src), "")); diff != "" {
					t.Errorf("%s (-want +got)\n%s", to, diff)
				}
				if d := tagOf(t, to+":1.4.0"); d != digestOf(src) {
					t.Errorf("%s: the tag is %s", to, d)
				}

				other := putImage(t, at+"/dev/other:1", must(random.Image(100, 1))(t))
				if _, err := quick().Promote(t.Context(), other, to+":1.4.0"); !isConflict(err) {
					t.Errorf("%s: another image under the tag: %v", to, err)
				}
				if d := tagOf(t, to+":1.4.0"); d != digestOf(src) {
					t.Errorf("%s: the tag was moved to %s", to, d)
				}
			}
		})
	}
}
