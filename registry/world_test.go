package registry

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	fake "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fault may answer a request instead of the registry; false lets the registry answer.
type fault func(w http.ResponseWriter, r *http.Request) bool

// server is a registry on loopback whose answers a test may spoil.
type server struct {
	host     string
	fault    atomic.Pointer[fault]
	requests atomic.Int64
	auth     atomic.Value // string: every Authorization header seen
}

func serve(t testing.TB) *server { return serveWith(t, fake.WithReferrersSupport(true)) }

func serveWith(t testing.TB, o ...fake.Option) *server {
	t.Helper()
	s := &server{}
	s.auth.Store("")
	inner := fake.New(append(o, fake.Logger(log.New(io.Discard, "", 0)))...)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if a := r.Header.Get("Authorization"); a != "" {
			s.auth.Store(a)
		}
		if f := s.fault.Load(); f != nil && (*f)(w, r) {
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	s.host = strings.TrimPrefix(srv.URL, "http://")
	return s
}

func (s *server) spoil(f fault) { s.fault.Store(&f) }
func (s *server) mend()         { s.fault.Store(nil) }

// quick is a client that does not repeat requests, so that a test sees every fault.
func quick() *Client { return New(Options{Attempts: 1, RetryDelay: time.Millisecond}) }

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func randomImage(t testing.TB) v1.Image {
	t.Helper()
	return mutate.MediaType(must(random.Image(2048, 3))(t), types.OCIManifestSchema1)
}

// family is an index for two platforms, with a signature on the index and one on a child.
type family struct {
	index      v1.ImageIndex
	signatures []v1.Image
}

func newFamily(t testing.TB) family {
	t.Helper()
	idx := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{
			Add:        randomImage(t),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	f := family{index: idx}
	root := v1.Descriptor{MediaType: types.OCIImageIndex, Digest: must(idx.Digest())(t), Size: must(idx.Size())(t)}
	child := must(idx.IndexManifest())(t).Manifests[1]
	for _, subject := range []v1.Descriptor{root, {MediaType: child.MediaType, Digest: child.Digest, Size: child.Size}} {
		f.signatures = append(f.signatures, signatureOf(t, subject))
	}
	return f
}

func signatureOf(t testing.TB, subject v1.Descriptor) v1.Image {
	t.Helper()
	sig := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	sig = must(mutate.AppendLayers(sig, static.NewLayer(fmt.Appendf(nil, "signed %s", subject.Digest), "application/x-sig")))(t)
	return mutate.Subject(sig, subject).(v1.Image)
}

func referrerOf(t testing.TB, img v1.Image) v1.Image {
	t.Helper()
	return signatureOf(t, v1.Descriptor{
		MediaType: types.OCIManifestSchema1, Digest: must(img.Digest())(t), Size: must(img.Size())(t),
	})
}

// checkBlobs reads and verifies all layers of an image.
func checkBlobs(t testing.TB, ref string, want int) {
	t.Helper()
	layers := must(must(remote.Image(must(name.ParseReference(ref))(t)))(t).Layers())(t)
	if len(layers) != want {
		t.Errorf("%s has %d layers, want %d", ref, len(layers), want)
	}
	for _, l := range layers {
		rc := must(l.Compressed())(t)
		if _, err := io.Copy(io.Discard, rc); err != nil {
			t.Errorf("layer of %s: %v", ref, err)
		}
		rc.Close()
	}
}

// put writes the family into a repository and returns its reference by digest.
func (f family) put(t testing.TB, repo string) string {
	t.Helper()
	r := must(name.NewRepository(repo))(t)
	ref := r.Digest(must(f.index.Digest())(t).String())
	if err := remote.WriteIndex(ref, f.index); err != nil {
		t.Fatal(err)
	}
	for _, s := range f.signatures {
		if err := remote.Write(r.Digest(must(s.Digest())(t).String()), s); err != nil {
			t.Fatal(err)
		}
	}
	return ref.Name()
}

// check asserts that every manifest and blob of the family is in repo.
func (f family) check(t testing.TB, repo string) {
	t.Helper()
	r := must(name.NewRepository(repo))(t)
	images := append([]v1.Image(nil), f.signatures...)
	for _, d := range must(f.index.IndexManifest())(t).Manifests {
		images = append(images, must(f.index.Image(d.Digest))(t))
	}
	must(remote.Index(r.Digest(must(f.index.Digest())(t).String())))(t)
	for _, want := range images {
		checkBlobs(t, r.Digest(must(want.Digest())(t).String()).Name(), len(must(want.Layers())(t)))
	}
	list := must(must(remote.Referrers(r.Digest(must(f.index.Digest())(t).String())))(t).IndexManifest())(t)
	if len(list.Manifests) != 1 {
		t.Errorf("referrers of the index in %s: %d, want 1", repo, len(list.Manifests))
	}
}

func putImage(t testing.TB, ref string, img v1.Image) string {
	t.Helper()
	r := must(name.ParseReference(ref))(t)
	if err := remote.Write(r, img); err != nil {
		t.Fatal(err)
	}
	return r.Context().Name() + "@" + must(img.Digest())(t).String()
}

// tagOf is the digest a tag has, empty when it is free.
func tagOf(t testing.TB, ref string) string {
	t.Helper()
	d, _, err := quick().Inspect(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func digestOf(ref string) string { return ref[strings.Index(ref, "@")+1:] }
