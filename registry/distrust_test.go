package registry

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func sizeText(n int64) string { return strconv.FormatInt(n, 10) }

func TestLiesAreFound(t *testing.T) {
	for _, tc := range []struct {
		name  string
		where string // dev or prod
		path  string
		lie   func(w http.ResponseWriter)
	}{
		{"another manifest than asked for", "dev", "/manifests/sha256:", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			w.Write([]byte(`{"schemaVersion":2}`))
		}},
		{"another blob than asked for", "dev", "/blobs/sha256:", func(w http.ResponseWriter) { w.Write([]byte("evil")) }},
		{"a copy that reads back differently", "prod", "/manifests/sha256:", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			w.Write([]byte(`{"schemaVersion":2}`))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dev, prod := serve(t), serve(t)
			src := putImage(t, dev.host+"/shop:candidate", randomImage(t))
			liar := map[string]*server{"dev": dev, "prod": prod}[tc.where]
			liar.spoil(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, tc.path) {
					return false
				}
				tc.lie(w)
				return true
			})
			_, err := quick().Promote(t.Context(), src, prod.host+"/shop:1.4.0")
			if err == nil || IsTemporary(err) {
				t.Errorf("error %v, want a permanent one", err)
			}
			if tag := tagOf(t, prod.host+"/shop:1.4.0"); tag != "" {
				t.Errorf("the tag was written: %s", tag)
			}
		})
	}
}

func TestResolveHashesItself(t *testing.T) {
	s := serve(t)
	img := randomImage(t)
	putImage(t, s.host+"/shop:1", img)
	raw := must(img.RawManifest())(t)
	s.spoil(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		w.Write(raw)
		return true
	})
	got, err := quick().Resolve(t.Context(), s.host+"/shop:1")
	if want := must(img.Digest())(t).String(); err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func TestRefusedWithoutContact(t *testing.T) {
	s := serve(t)
	digest := "@sha256:" + strings.Repeat("a", 64)
	never := func(string) error { return errors.New("not allowed for acme/shop") }
	for _, tc := range []struct {
		name, src, dst, want string
		allow                func(string) error
	}{
		{name: "a source by tag", src: s.host + "/a:1", dst: s.host + "/b:1", want: "by digest"},
		{name: "a source with a short digest", src: s.host + "/a@sha256:abc", dst: s.host + "/b:1", want: "by digest"},
		{name: "a destination by digest", src: s.host + "/a" + digest, dst: s.host + "/b" + digest, want: "by tag"},
		{name: "a destination without tag", src: s.host + "/a" + digest, dst: s.host + "/b", want: "by tag"},
		{name: "a registry nobody allowed", src: s.host + "/a" + digest, dst: s.host + "/b:1", want: "not allowed for acme/shop", allow: never},
		{name: "plain http to a private address", src: "10.255.255.1:5000/a" + digest, dst: s.host + "/b:1", want: "https"},
		{name: "the metadata service", src: "169.254.169.254/a" + digest, dst: s.host + "/b:1", want: "169.254"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := quick()
			if tc.allow != nil {
				c = c.Allowing(tc.allow)
			}
			_, err := c.Promote(t.Context(), tc.src, tc.dst)
			if err == nil || IsTemporary(err) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v; want a permanent one that says %q", err, tc.want)
			}
		})
	}
}

func TestRegistryCannotLeadInside(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"redirect to the metadata service": func(w http.ResponseWriter) {
			w.Header().Set("Location", "http://169.254.169.254/latest/meta-data")
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"redirect to a private address over http": func(w http.ResponseWriter) {
			w.Header().Set("Location", "http://10.255.255.1/x")
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"token server at the metadata service": func(w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://169.254.169.254/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
		"token server at a private address": func(w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://192.168.255.1/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			s.spoil(func(w http.ResponseWriter, _ *http.Request) bool { answer(w); return true })
			_, err := quick().Resolve(t.Context(), s.host+"/shop:1")
			if err == nil || IsTemporary(err) {
				t.Errorf("error %v, want a permanent refusal", err)
			}
		})
	}
}

func TestGuardChecksTheAddress(t *testing.T) {
	g := newGuard(nil, map[string]bool{"registry.corp": true})
	for _, tc := range []struct {
		host, ip string
		ok       bool
	}{
		{"cdn.example.com", "93.184.216.34", true},
		{"cdn.example.com", "10.1.2.3", false},
		{"cdn.example.com", "::ffff:10.1.2.3", false},
		{"cdn.example.com", "127.0.0.1", false},
		{"cdn.example.com", "100.100.100.200", false},
		{"cdn.example.com", "fd00::1", false},
		{"registry.corp", "10.1.2.3", true},
		{"registry.corp", "169.254.169.254", false},
		{"registry.corp", "fe80::1", false},
		{"registry.corp", "0.0.0.0", false},
	} {
		if err := g.check(tc.host, netip.MustParseAddr(tc.ip)); (err == nil) != tc.ok {
			t.Errorf("%s at %s: %v, want ok %v", tc.host, tc.ip, err, tc.ok)
		}
	}
}

// A name that resolves to a private address is refused when it is connected to.
func TestGuardChecksAfterTheNameWasResolved(t *testing.T) {
	s := serve(t)
	g := newGuard(nil, nil)
	defer g.close()
	_, port, _ := strings.Cut(s.host, ":")
	_, err := g.dial(t.Context(), "tcp", "localhost:"+port)
	if err == nil || !strings.Contains(err.Error(), "private address") {
		t.Errorf("error %v, want a refusal", err)
	}
}

type oneSecret struct{}

func (oneSecret) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: "robot", Password: "hunter2-hunter2"}, nil
}

func TestErrorsCarryNoCredentials(t *testing.T) {
	s := serve(t)
	c := New(Options{Attempts: 1, Keychain: oneSecret{}})
	s.spoil(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		http.Error(w, "sent "+r.Header.Get("Authorization"), http.StatusForbidden)
		return true
	})
	_, err := c.Resolve(t.Context(), s.host+"/shop:1")
	if !errors.Is(err, ErrDenied) || IsTemporary(err) {
		t.Errorf("error %v, want ErrDenied", err)
	}
	if s.auth.Load() == "" {
		t.Fatal("no credentials were sent: the test proves nothing")
	}
	basic := strings.TrimPrefix(s.auth.Load().(string), "Basic ")
	for _, secret := range []string{"hunter2", basic} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error %q has the secret %q", err, secret)
		}
	}
}

func TestScrub(t *testing.T) {
	for text, want := range map[string]string{
		`Get "https://u:p@r.example.com/v2/?X-Amz-Signature=abc": EOF`: `Get "https://r.example.com/v2/": EOF`,
		"PATCH https://r.example.com/up/1?_state=secret: 404":          "PATCH https://r.example.com/up/1",
		"Authorization: Bearer abcdefgh.ijk-l":                         "Authorization: Bearer ***",
		"nothing to hide":                                              "nothing to hide",
	} {
		if got := scrub(text); !strings.HasPrefix(got, want) || strings.Contains(got, "secret") {
			t.Errorf("scrub(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestNotFoundAndCancelled(t *testing.T) {
	s := serve(t)
	if _, err := quick().Resolve(t.Context(), s.host+"/shop:1"); !errors.Is(err, ErrNotFound) || IsTemporary(err) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := quick().Resolve(ctx, s.host+"/shop:1"); !errors.Is(err, context.Canceled) || !IsTemporary(err) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestImageForAPlatform(t *testing.T) {
	s := serve(t)
	f := newFamily(t)
	src := f.put(t, s.host+"/shop")
	img, err := quick().Image(t.Context(), src, v1.Platform{OS: "linux", Architecture: "arm64"})
	if err != nil {
		t.Fatal(err)
	}
	want := must(f.index.IndexManifest())(t).Manifests[1].Digest
	if diff := cmp.Diff(want, must(img.Digest())(t)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := quick().Image(t.Context(), src, v1.Platform{OS: "linux", Architecture: "s390x"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
}

func TestPush(t *testing.T) {
	s := serve(t)
	img, ref := randomImage(t), s.host+"/shop:1.4.0"
	want := must(img.Digest())(t).String()
	for range 2 { // the second finds it done
		if got, err := quick().Push(t.Context(), ref, img); err != nil || got != want {
			t.Fatalf("%s, %v; want %s", got, err, want)
		}
	}
	var conflict *ConflictError
	if _, err := quick().Push(t.Context(), ref, randomImage(t)); !errors.As(err, &conflict) || conflict.Have != want {
		t.Errorf("error %v, want a conflict with %s", err, want)
	}
	f := newFamily(t)
	if _, err := quick().Push(t.Context(), s.host+"/multi:1", f.index); err != nil {
		t.Error(err)
	}
	if got := tagOf(t, s.host+"/multi:1"); got != must(f.index.Digest())(t).String() {
		t.Errorf("index pushed as %q", got)
	}
}
