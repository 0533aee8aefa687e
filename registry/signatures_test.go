package registry

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sluicehq/sluice/signature"
)

// newKey makes a key pair.
func newKey(t testing.TB) (signature.PrivateKey, signature.PublicKey) {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	der := must(x509.MarshalPKCS8PrivateKey(key))(t)
	private := must(signature.ParsePrivateKey(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), ""))(t)
	return private, must(private.Public())(t)
}

// carrier is a manifest with a signature, as cosign writes it under a tag.
func carrier(t testing.TB, s signature.Signature) v1.Image {
	t.Helper()
	return must(mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer:       static.NewLayer(s.Signed, signature.PayloadType),
		Annotations: map[string]string{signature.Annotation: base64.StdEncoding.EncodeToString(s.ASN1)},
	}))(t)
}

// verified says whether an image is signed by the key, and else why not.
func verified(t testing.TB, ref string, keys ...signature.PublicKey) string {
	t.Helper()
	found := must(quick().Signatures(t.Context(), ref))(t)
	if _, err := signature.Verify(digestOf(ref), found, keys); err != nil {
		return strings.ReplaceAll(err.Error(), digestOf(ref), "it")
	}
	return ""
}

func sigTag(ref string) string {
	repo, digest, _ := strings.Cut(ref, "@")
	return repo + ":" + strings.Replace(digest, ":", "-", 1) + ".sig"
}

// registries are those that everything about signatures is tried on.
func registries() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{
		"referrers": func(t testing.TB) string { return serve(t).host },
		"tags":      func(t testing.TB) string { return serveWith(t).host },
		"debian":    debian,
	}
}

// An image is signed once however often it is asked for; a second key's signature is kept beside the first, whose tag is
// not moved; and both go along with a promotion, with those of the platforms.
func TestSign(t *testing.T) {
	for name, host := range registries() {
		t.Run(name, func(t *testing.T) {
			at := host(t)
			f := newFamily(t)
			src := f.put(t, at+"/dev/shop")
			child := at + "/dev/shop@" + must(f.index.IndexManifest())(t).Manifests[0].Digest.String()
			key, public := newKey(t)
			other, otherPublic := newKey(t)
			_, stranger := newKey(t)
			if got := verified(t, src, public); got != "it is not signed" {
				t.Errorf("before: %q", got)
			}
			var tag string
			for range 2 {
				for _, ref := range []string{src, child} {
					if err := quick().Sign(t.Context(), ref, key); err != nil {
						t.Fatal(err)
					}
				}
				if now := tagOf(t, sigTag(src)); tag != "" && now != tag {
					t.Errorf("signed again the tag moved from %s to %s", tag, now)
				}
				tag = tagOf(t, sigTag(src))
			}
			for range 2 {
				if err := quick().Sign(t.Context(), src, other); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(must(quick().Signatures(t.Context(), src))(t)); n != 2 || tagOf(t, sigTag(src)) != tag {
				t.Errorf("by two keys there are %d signatures, the tag is %s, want 2 and %s", n, tagOf(t, sigTag(src)), tag)
			}
			if _, err := quick().Promote(t.Context(), src, at+"/prod/shop:1.4.0"); err != nil {
				t.Fatal(err)
			}
			far := serve(t).host + "/prod/shop"
			if _, err := quick().Promote(t.Context(), src, far+":1.4.0"); err != nil {
				t.Fatal(err)
			}
			for _, repo := range []string{at + "/dev/shop", at + "/prod/shop", far} {
				ref := repo + "@" + digestOf(src)
				for _, k := range []signature.PublicKey{public, otherPublic} {
					if got := verified(t, ref, stranger, k); got != "" {
						t.Errorf("%s: %s", repo, got)
					}
				}
				if got := verified(t, ref, stranger); got != "it has 2 signatures, which are by none of the keys" {
					t.Errorf("%s, a stranger's key: %q", repo, got)
				}
				if got := verified(t, repo+"@"+digestOf(child), public); got != "" {
					t.Errorf("%s, a platform: %s", repo, got)
				}
			}
		})
	}
}

// What is promoted to where another signature of the same image is: the tag there stays, and the signature that comes is
// kept as a referrer.
func TestPromoteMeetsSignature(t *testing.T) {
	for name, host := range registries() {
		t.Run(name, func(t *testing.T) {
			at := host(t)
			img := randomImage(t)
			src := putImage(t, at+"/dev/shop:1", img)
			dst := putImage(t, at+"/prod/shop:0", img)
			key, public := newKey(t)
			theirs, theirPublic := newKey(t)
			if err := errors.Join(quick().Sign(t.Context(), src, key), quick().Sign(t.Context(), dst, theirs)); err != nil {
				t.Fatal(err)
			}
			tag := tagOf(t, sigTag(dst))
			for _, to := range []string{":1.4.0", ":1.4.1"} {
				if _, err := quick().Promote(t.Context(), src, at+"/prod/shop"+to); err != nil {
					t.Fatal(err)
				}
			}
			if now := tagOf(t, sigTag(dst)); now != tag {
				t.Errorf("the tag moved from %s to %s", tag, now)
			}
			if got := verified(t, dst, public) + verified(t, dst, theirPublic); got != "" {
				t.Error(got)
			}
			if n := len(must(quick().Signatures(t.Context(), dst))(t)); n != 2 {
				t.Errorf("%d signatures, want 2", n)
			}
		})
	}
}

// Signatures that hold for nothing: each is told from none at all.
func TestSignaturesThatDoNotHold(t *testing.T) {
	key, public := newKey(t)
	for about, c := range map[string]struct {
		spoil func(s *signature.Signature)
		want  string
	}{
		"sound":            {func(*signature.Signature) {}, ""},
		"another payload":  {func(s *signature.Signature) { s.Signed = bytes.Replace(s.Signed, []byte("shop"), []byte("shoq"), 1) }, "it has a signature, which is by none of the keys"},
		"no payload":       {func(s *signature.Signature) { s.Signed = []byte("{}") }, "it is not signed"},
		"not a signature":  {func(s *signature.Signature) { s.ASN1 = []byte("x") }, "it has a signature, which is by none of the keys"},
		"cut short":        {func(s *signature.Signature) { s.ASN1 = s.ASN1[:len(s.ASN1)-1] }, "it has a signature, which is by none of the keys"},
		"of another image": {func(s *signature.Signature) { *s = must(key.Sign("shop", "sha256:"+strings.Repeat("a", 64)))(t) }, "the signature found for it is one of sha256:" + strings.Repeat("a", 64)},
	} {
		t.Run(about, func(t *testing.T) {
			at := serve(t).host
			src := putImage(t, at+"/dev/shop:1", randomImage(t))
			s := must(key.Sign(at+"/dev/shop", digestOf(src)))(t)
			c.spoil(&s)
			if err := remote.Write(must(name.NewTag(sigTag(src)))(t), carrier(t, s)); err != nil {
				t.Fatal(err)
			}
			if got := verified(t, src, public); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// A registry that sends another document than the one that was signed is caught by the digest, and a referrer of
// something else is none of this image's.
func TestSignaturesFromAStranger(t *testing.T) {
	s := serve(t)
	src := putImage(t, s.host+"/dev/shop:1", randomImage(t))
	key, _ := newKey(t)
	if err := quick().Sign(t.Context(), src, key); err != nil {
		t.Fatal(err)
	}
	s.spoil(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/sha256:") {
			return false
		}
		_, _ = w.Write(signature.Payload("shop", "sha256:"+strings.Repeat("b", 64)))
		return true
	})
	if _, err := quick().Signatures(t.Context(), src); err == nil || IsTemporary(err) {
		t.Errorf("another document than the digest says: %v", err)
	}
	s.mend()

	other := must(random.Image(100, 1))(t)
	signed := carrier(t, must(key.Sign("shop", must(other.Digest())(t).String()))(t))
	d := v1.Descriptor{MediaType: types.DockerManifestSchema2, Digest: must(other.Digest())(t), Size: must(other.Size())(t)}
	ref := putImage(t, s.host+"/dev/other:1", mutate.Subject(signed, d).(v1.Image))
	s.spoil(func(w http.ResponseWriter, r *http.Request) bool { // it lists a referrer of another image
		if !strings.Contains(r.URL.Path, "/dev/other/referrers/") {
			return false
		}
		w.Header().Set("Content-Type", string(types.OCIImageIndex))
		_, _ = w.Write([]byte(`{"schemaVersion":2,"mediaType":"` + string(types.OCIImageIndex) + `","manifests":[{"mediaType":"` +
			string(types.OCIManifestSchema1) + `","size":1,"digest":"` + digestOf(ref) + `"}]}`))
		return true
	})
	if got := must(quick().Signatures(t.Context(), ref))(t); len(got) != 0 {
		t.Errorf("%d signatures of another image", len(got))
	}

	if err := quick().Sign(t.Context(), s.host+"/dev/shop@sha256:"+strings.Repeat("a", 64), key); !errors.Is(err, ErrNotFound) {
		t.Errorf("signing nothing: %v", err)
	}
	if err := quick().Sign(t.Context(), s.host+"/dev/shop:1", key); err == nil || !strings.Contains(err.Error(), "by digest") {
		t.Errorf("signing a tag: %v", err)
	}
	if err := quick().Sign(t.Context(), src, signature.PrivateKey{}); err == nil {
		t.Error("signing without a key")
	}
}
