package image

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	fake "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sluicehq/sluice/registry"
)

// largeSize is the size of the base's layer in TestMemory.
const largeSize = 64 << 20

// large makes the layer, the same each time, and keeps nothing of it.
func large() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), largeSize) }

// bases is a registry with an image of one large layer, which is made while it is sent.
func bases(t *testing.T) (ref string) {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, large()); err != nil {
		t.Fatal(err)
	}
	layer := sum(h)
	config := `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["` + layer.String() + `"]}}`
	configHash, _, err := v1.SHA256(strings.NewReader(config))
	if err != nil {
		t.Fatal(err)
	}
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[{"mediaType":%q,"digest":%q,"size":%d}]}`,
		types.OCIManifestSchema1, types.OCIConfigJSON, configHash, len(config), types.OCIUncompressedLayer, layer, largeSize)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/blobs/"+layer.String()):
			w.Header().Set("Content-Length", fmt.Sprint(largeSize))
			if r.Method != http.MethodHead {
				_, _ = io.Copy(w, large())
			}
		case strings.HasSuffix(r.URL.Path, "/blobs/"+configHash.String()):
			_, _ = io.WriteString(w, config)
		case strings.Contains(r.URL.Path, "/manifests/"):
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			_, _ = io.WriteString(w, manifest)
		}
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://") + "/base:1"
}

// swallowing is a registry that hashes what is uploaded and keeps manifests alone. got has the sizes of blobs by digest.
func swallowing(t *testing.T) (host string, got *sync.Map) {
	t.Helper()
	got = &sync.Map{}
	var uploads sync.Map
	manifests := fake.New(fake.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		digest := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		switch {
		case !strings.Contains(r.URL.Path, "/blobs/"):
			manifests.ServeHTTP(w, r)
		case r.Method == http.MethodHead:
			if _, ok := got.Load(digest); !ok {
				w.WriteHeader(http.StatusNotFound)
			}
		case r.Method == http.MethodPost:
			w.Header().Set("Location", fmt.Sprintf("%s%d", r.URL.Path, rand.Int64()))
			w.WriteHeader(http.StatusAccepted)
		case r.Method == http.MethodPatch:
			h := sha256.New()
			n, err := io.Copy(h, r.Body)
			if err != nil {
				return
			}
			uploads.Store(sum(h).String(), n)
			w.Header().Set("Location", r.URL.Path)
			w.WriteHeader(http.StatusAccepted)
		default:
			n, ok := uploads.Load(r.URL.Query().Get("digest"))
			if !ok {
				http.Error(w, "no such bytes came", http.StatusBadRequest)
				return
			}
			got.Store(r.URL.Query().Get("digest"), n)
			w.WriteHeader(http.StatusCreated)
		}
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://"), got
}

// A base passes through, whatever its size: building on it takes no memory for its layers.
func TestMemory(t *testing.T) {
	w := newWorld(t)
	base := bases(t)
	host, got := swallowing(t)
	e, err := New(Options{
		Dir: filepath.Join(w.dir, "images"), Artifacts: w.store, Allowed: func(string, string, string) bool { return true },
		Registry: func(tell func(string)) Registry { return registry.New(registry.Options{Attempts: 1}).Telling(tell) },
	})
	if err != nil {
		t.Fatal(err)
	}
	r := w.request(map[string]any{"base": base, "attest": []any{}})
	r.Env["SLUICE_IMAGE"] = host + "/shop:1.4.0"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := e.Start(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	came := false
	got.Range(func(_, n any) bool {
		came = came || n == int64(largeSize)
		return true
	})
	if taken := after.TotalAlloc - before.TotalAlloc; !came || taken > largeSize/8 {
		t.Errorf("the base's layer arrived %t, and %d MiB were taken on the way in all", came, taken>>20)
	} else {
		t.Logf("%d KiB were taken in all", taken>>10)
	}
}
