package registry

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func TestPromoteCopiesTheWholeFamily(t *testing.T) {
	dev, prod := serve(t), serve(t)
	f := newFamily(t)
	src := f.put(t, dev.host+"/dev/shop")
	dst := prod.host + "/prod/shop:1.4.0"

	got, err := quick().Promote(t.Context(), src, dst)
	if err != nil {
		t.Fatal(err)
	}
	// Two images of three layers and a config, two signatures of a layer and the same config.
	if got.Digest != digestOf(src) || got.Already || got.Manifests != 6 || got.Blobs < 10 || got.Bytes < 6*2048 {
		t.Errorf("result %+v; want digest %s, 5 manifests by digest and the tag", got, digestOf(src))
	}
	f.check(t, prod.host+"/prod/shop")
	if tag := tagOf(t, dst); tag != digestOf(src) {
		t.Errorf("tag is %s, want %s", tag, digestOf(src))
	}

	dev.spoil(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusNotFound); return true })
	again, err := quick().Promote(t.Context(), src, dst)
	if diff := cmp.Diff(Result{Digest: digestOf(src), Already: true}, again); err != nil || diff != "" {
		t.Errorf("again, with the source gone: %v (-want +got)\n%s", err, diff)
	}
}

func TestPromoteInOneRegistryMounts(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault fault
		mount bool
	}{
		{name: "mounts what is there", mount: true, fault: func(w http.ResponseWriter, r *http.Request) bool {
			q := r.URL.Query()
			if q.Get("mount") == "" || q.Get("from") != "dev/shop" {
				return false
			}
			w.WriteHeader(http.StatusCreated)
			return true
		}},
		{name: "uploads when a mount is answered by 202"}, // which is what this registry does
		{name: "uploads when a mount is refused", fault: func(w http.ResponseWriter, r *http.Request) bool {
			if !r.URL.Query().Has("mount") {
				return false
			}
			http.Error(w, `{"errors":[{"code":"DENIED"}]}`, http.StatusForbidden)
			return true
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t)
			f := newFamily(t)
			src := f.put(t, s.host+"/dev/shop")
			s.spoil(func(w http.ResponseWriter, r *http.Request) bool {
				// This registry keeps blobs once for all repositories; real ones ask for a mount.
				if r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/prod/shop/blobs/") {
					w.WriteHeader(http.StatusNotFound)
					return true
				}
				return tc.fault != nil && tc.fault(w, r)
			})
			got, err := New(Options{}).Promote(t.Context(), src, s.host+"/prod/shop:1.4.0")
			if err != nil {
				t.Fatal(err)
			}
			if mounted := got.Mounted > 0 && got.Bytes == 0; mounted != tc.mount {
				t.Errorf("result %+v; want mounted %v", got, tc.mount)
			}
			s.mend()
			f.check(t, s.host+"/prod/shop")
		})
	}
}

func TestPromoteInOneRepositoryWritesATag(t *testing.T) {
	s := serve(t)
	src := putImage(t, s.host+"/shop:1.4.0-candidate-abcdef1", randomImage(t))
	before := s.requests.Load()
	got, err := quick().Promote(t.Context(), src, s.host+"/shop:1.4.0")
	if diff := cmp.Diff(Result{Digest: digestOf(src), Manifests: 1}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	// Two greetings (to read and to write), two reads, one write, one read back.
	if n := s.requests.Load() - before; n > 6 {
		t.Errorf("%d requests, want 6 at most", n)
	}
}

func TestPromoteNeverMovesATag(t *testing.T) {
	dev, prod := serve(t), serve(t)
	src := putImage(t, dev.host+"/shop:candidate", randomImage(t))
	dst := prod.host + "/shop:1.4.0"
	other := digestOf(putImage(t, dst, randomImage(t)))

	_, err := quick().Promote(t.Context(), src, dst)
	var conflict *ConflictError
	if !errors.As(err, &conflict) {
		t.Fatalf("error %v, want a *ConflictError", err)
	}
	if diff := cmp.Diff(&ConflictError{Ref: dst, Have: other, Want: digestOf(src)}, conflict); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, want := range []string{dst, other, digestOf(src)} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %s", err, want)
		}
	}
	if IsTemporary(err) {
		t.Error("a conflict is not temporary")
	}
	if now := tagOf(t, dst); now != other {
		t.Errorf("the tag was moved to %s", now)
	}
}

// Somebody else takes the tag while blobs are copied: theirs stays, and the error says so.
func TestPromoteSeesATagThatIsTakenMeanwhile(t *testing.T) {
	for _, tc := range []struct{ name, when string }{
		{"before it is written", "/manifests/sha256:"},
		{"as it is written", "/manifests/1.4.0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dev, prod := serve(t), serve(t)
			src := putImage(t, dev.host+"/shop:candidate", randomImage(t))
			dst := prod.host + "/shop:1.4.0"
			thief := randomImage(t)
			var done atomic.Bool
			prod.spoil(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, tc.when) || done.Swap(true) {
					return false
				}
				putImage(t, dst, thief)
				if strings.HasSuffix(tc.when, "1.4.0") { // as ECR answers for an immutable tag
					http.Error(w, `{"errors":[{"code":"TAG_INVALID","message":"immutable"}]}`, http.StatusBadRequest)
					return true
				}
				return false
			})
			_, err := quick().Promote(t.Context(), src, dst)
			var conflict *ConflictError
			if !errors.As(err, &conflict) {
				t.Fatalf("error %v, want a *ConflictError", err)
			}
			if want := must(thief.Digest())(t).String(); conflict.Have != want || tagOf(t, dst) != want {
				t.Errorf("conflict %+v, tag %s; want the thief's %s", conflict, tagOf(t, dst), want)
			}
		})
	}
}

// The answer to the last write is lost: looking shows that it was done.
func TestPromoteWhenTheAnswerIsLost(t *testing.T) {
	dev, prod := serve(t), serve(t)
	img := randomImage(t)
	src := putImage(t, dev.host+"/shop:candidate", img)
	dst := prod.host + "/shop:1.4.0"
	var done atomic.Bool
	prod.spoil(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/manifests/1.4.0") || done.Swap(true) {
			return false
		}
		putImage(t, dst, img)
		panic(http.ErrAbortHandler)
	})
	got, err := quick().Promote(t.Context(), src, dst)
	if err != nil || got.Digest != digestOf(src) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPromoteSurvivesAFaultAtEveryRequest(t *testing.T) {
	faults := map[string]func(w http.ResponseWriter){
		"503":        func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"cut off":    func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"429":        func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) },
		"lost state": func(w http.ResponseWriter) { http.Error(w, `{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}`, 404) },
	}
	for what, answer := range faults {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dev := serve(t)
			img := mutate.MediaType(must(random.Image(512, 1))(t), types.OCIManifestSchema1)
			src := putImage(t, dev.host+"/shop:candidate", img)
			sig := putImage(t, dev.host+"/shop:sig", referrerOf(t, img))
			failed := 0
			for n := int64(1); ; n++ {
				prod := serve(t)
				dst := prod.host + "/shop:1.4.0"
				var seen atomic.Int64
				prod.spoil(func(w http.ResponseWriter, r *http.Request) bool {
					if what == "lost state" && r.Method != http.MethodPatch && r.Method != http.MethodPut {
						return false
					}
					if seen.Add(1) != n {
						return false
					}
					answer(w)
					return true
				})
				_, err := quick().Promote(t.Context(), src, dst)
				reached := seen.Load() >= n
				prod.mend()
				if err != nil {
					failed++
					if !IsTemporary(err) {
						t.Errorf("request %d: %v: want a temporary error", n, err)
					}
					// The tag may be there already only when its own answers were what was lost.
					if tag := tagOf(t, dst); tag != "" && !strings.Contains(err.Error(), "/manifests/1.4.0") {
						t.Errorf("request %d: %v, yet the tag is %s", n, err, tag)
					}
					if _, err := quick().Promote(t.Context(), src, dst); err != nil {
						t.Errorf("request %d: repeating: %v", n, err)
					}
				}
				if tag := tagOf(t, dst); tag != digestOf(src) {
					t.Errorf("request %d: tag is %q", n, tag)
				}
				if got := tagOf(t, prod.host+"/shop@"+digestOf(sig)); got == "" {
					t.Errorf("request %d: the signature was not copied", n)
				}
				checkBlobs(t, dst, 1)
				if !reached {
					break
				}
			}
			if failed < 5 {
				t.Errorf("only %d faults were felt: the test does not reach what it should", failed)
			}
		})
	}
}

func TestPromoteGoesOnWhereItStopped(t *testing.T) {
	dev, prod := serve(t), serve(t)
	f := newFamily(t)
	src := f.put(t, dev.host+"/shop")
	dst := prod.host + "/shop:1.4.0"
	prod.spoil(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	if _, err := quick().Promote(t.Context(), src, dst); !IsTemporary(err) {
		t.Fatalf("error %v, want a temporary one", err)
	}
	prod.mend()
	got, err := quick().Promote(t.Context(), src, dst)
	if err != nil || got.Present == 0 || got.Bytes >= 6*2048 {
		t.Errorf("%+v, %v; want blobs of the first attempt to be used", got, err)
	}
	f.check(t, prod.host+"/shop")
}

// Blobs are copied at the same time, as many as there may be: the first waits until all of those are on their way.
func TestPromoteCopiesAtOnce(t *testing.T) {
	const jobs = 3
	dev, prod := serve(t), serve(t)
	src := putImage(t, dev.host+"/shop:candidate", must(random.Image(2048, 5))(t))
	var under atomic.Int64
	all, reached := make(chan struct{}), sync.Once{}
	prod.spoil(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || !strings.Contains(r.URL.Path, "/blobs/uploads/") {
			return false
		}
		n := under.Add(1)
		defer under.Add(-1)
		switch {
		case n > jobs:
			t.Errorf("%d blobs at once, want %d at most", n, jobs)
		case n == jobs:
			reached.Do(func() { close(all) })
		}
		select {
		case <-all:
			return false
		case <-time.After(90 * time.Second):
			w.WriteHeader(http.StatusTeapot) // they come one by one
			return true
		}
	})
	if _, err := New(Options{Attempts: 1, Jobs: jobs}).Promote(t.Context(), src, prod.host+"/shop:1.4.0"); err != nil {
		t.Fatal(err)
	}
}

// Registries without the referrers API keep the list under a tag; the copy keeps it there too, or in the API.
func TestPromoteBetweenRegistriesOldAndNew(t *testing.T) {
	for name, servers := range map[string][2]*server{
		"old to old": {serveWith(t), serveWith(t)}, "old to new": {serveWith(t), serve(t)}, "new to old": {serve(t), serveWith(t)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFamily(t)
			src := f.put(t, servers[0].host+"/shop")
			if _, err := quick().Promote(t.Context(), src, servers[1].host+"/shop:1.4.0"); err != nil {
				t.Fatal(err)
			}
			f.check(t, servers[1].host+"/shop")
		})
	}
}

// What refers to the image may itself be an index that has the image as a child; that must not go in circles.
func TestPromoteDoesNotGoInCircles(t *testing.T) {
	dev, prod := serve(t), serve(t)
	img := randomImage(t)
	src := putImage(t, dev.host+"/shop:candidate", img)
	desc := `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + digestOf(src) + `","size":` +
		sizeText(must(img.Size())(t)) + `}`
	loop := &manifest{mediaType: "application/vnd.oci.image.index.v1+json", raw: []byte(
		`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` + desc + `],"subject":` + desc + `}`)}
	repo := must(name.NewRepository(dev.host + "/shop"))(t)
	if err := remote.Put(repo.Digest(hashOf(loop.raw).String()), loop); err != nil {
		t.Fatal(err)
	}
	if _, err := quick().Promote(t.Context(), src, prod.host+"/shop:1.4.0"); err != nil {
		t.Fatal(err)
	}
	if got := tagOf(t, prod.host+"/shop@"+hashOf(loop.raw).String()); got == "" {
		t.Error("the referrer was not copied")
	}
}

// Who watches sees everything arrive, and nothing go away.
func TestProgress(t *testing.T) {
	dev, prod := serve(t), serve(t)
	f := newFamily(t)
	src := f.put(t, dev.host+"/dev/shop")
	var steps []Progress
	c := New(Options{Progress: func(p Progress) { steps = append(steps, p) }})
	if _, err := c.Promote(t.Context(), src, prod.host+"/prod/shop:1.4.0"); err != nil {
		t.Fatal(err)
	}
	last := steps[len(steps)-1]
	if last.Manifests != 5 || last.Manifests != last.AllManifests || last.Blobs != last.AllBlobs || last.Bytes != last.AllBytes || last.Bytes < 6*2048 {
		t.Errorf("it ends with %+v", last)
	}
	for i, p := range steps {
		if i > 0 && (p.Blobs < steps[i-1].Blobs || p.Bytes < steps[i-1].Bytes || p.Bytes > p.AllBytes) {
			t.Errorf("%+v follows %+v", p, steps[i-1])
		}
	}
}
