package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	fake "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/executortest"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var commit = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

const sha = "0123456789abcdef0123456789abcdef01234567"

// world is a registry on loopback and a store with one artifact.
type world struct {
	t     *testing.T
	host  string
	store *artifact.Store
	app   pipeline.Artifact
	dir   string

	tags   atomic.Int64                                                  // tags written
	faults atomic.Pointer[func(http.ResponseWriter, *http.Request) bool] // answers instead of the registry
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	inner := fake.New(fake.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if f := w.faults.Load(); f != nil && (*f)(rw, r) {
			return
		}
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/shop/manifests/1.4.0") {
			w.tags.Add(1)
		}
		inner.ServeHTTP(rw, r)
	}))
	t.Cleanup(srv.Close)
	w.host = strings.TrimPrefix(srv.URL, "http://")
	var err error
	if w.store, err = artifact.Open(t.Context(), artifact.Options{URL: filepath.Join(w.dir, "artifacts")}); err != nil {
		t.Fatal(err)
	}
	w.app = w.save(shopFiles())
	return w
}

// shopFiles are what every test's artifact has, unless it needs another.
func shopFiles() map[string]string {
	return map[string]string{"bin/linux-amd64/shop": "amd", "bin/linux-arm64/shop": "arm", "web/index.html": "<p>", "web/now": "->index.html"}
}

// save stores an artifact of files; those below bin/ are executable.
func (w *world) save(files map[string]string) pipeline.Artifact {
	w.t.Helper()
	dir := w.t.TempDir()
	var list []artifact.File
	for name, body := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		mode := os.FileMode(0o600)
		if strings.HasPrefix(name, "bin/") {
			mode = 0o700
		}
		var err error
		if to, ok := strings.CutPrefix(body, "->"); ok {
			err = os.Symlink(to, path)
		} else {
			err = os.WriteFile(path, []byte(body), mode)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, artifact.File{Path: name, Link: true})
	}
	tree, err := artifact.OpenTree(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	defer tree.Close()
	a, err := w.store.Save(w.t.Context(), "app", tree, list, commit)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) executor() *Executor {
	w.t.Helper()
	e, err := New(Options{
		Dir: filepath.Join(w.dir, "images"), Artifacts: w.store,
		Registry: func(tell func(string)) Registry { return registry.New(registry.Options{Attempts: 1}).Telling(tell) },
		Allowed: func(owner, repo, image string) bool {
			return owner == "acme" && repo == "shop" && (image == w.host+"/shop" || strings.HasPrefix(image, w.host+"/base"))
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) request(with map[string]any) executor.Request {
	return executor.Request{
		ID: "ex-1-1-1", Uses: "image", Owner: "acme", Repo: "shop", SHA: sha, CommitTime: commit, CloneURL: "https://github.com/acme/shop.git",
		Env:    map[string]string{"SLUICE_IMAGE": w.host + "/shop:1.4.0", "SLUICE_VERSION": "1.4.0"},
		Inputs: map[string]pipeline.Artifact{"app": w.app}, With: with, Timeout: time.Minute,
	}
}

func (w *world) start(e *Executor, r executor.Request) string {
	w.t.Helper()
	handle, err := e.Start(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return handle
}

// pull reads what is under the tag.
func (w *world) pull(platform v1.Platform) v1.Image {
	w.t.Helper()
	img, err := registry.New(registry.Options{}).Image(w.t.Context(), w.host+"/shop:1.4.0", platform)
	if err != nil {
		w.t.Fatal(err)
	}
	return img
}

var amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}

// entries lists the image's files: mode, owner, time and content.
func entries(t *testing.T, img v1.Image) map[string]string {
	t.Helper()
	rc := mutate.Extract(img)
	defer rc.Close()
	out := map[string]string{}
	for tr := tar.NewReader(rc); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(tr)
		out[strings.TrimSuffix(h.Name, "/")] = fmt.Sprintf("%c %o %d:%d %d %s%s", h.Typeflag, h.Mode, h.Uid, h.Gid, h.ModTime.Unix()-commit.Unix(), h.Linkname, b)
	}
}

func TestScratch(t *testing.T) {
	w := newWorld(t)
	e := w.executor()
	r := w.request(map[string]any{
		"base": "scratch", "workdir": "/srv", "user": "65532", "entrypoint": []any{"/srv/bin/shop"}, "cmd": []any{"serve"},
		"env": map[string]any{"PORT": 8080, "A": "b"}, "expose": []any{8080, "53/udp"}, "labels": map[string]any{"team": "shop"},
		"from": []any{
			map[string]any{"artifact": "app", "path": "bin/{os}-{arch}/shop", "to": "/srv/bin/"},
			map[string]any{"artifact": "app", "path": "web", "to": "/srv/web"},
		},
	})
	digest := w.start(e, r)
	img := w.pull(amd64)
	want := map[string]string{
		"srv/bin/shop": "0 755 0:0 0 amd", "srv/web": "5 755 0:0 0 ", "srv/web/index.html": "0 644 0:0 0 <p>", "srv/web/now": "2 777 0:0 0 index.html",
	}
	if diff := cmp.Diff(want, entries(t, img)); diff != "" {
		t.Errorf("files (-want +got)\n%s", diff)
	}
	cf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	where := map[string]string{
		"org.opencontainers.image.created": "2026-03-04T05:06:07Z", "org.opencontainers.image.revision": sha,
		"org.opencontainers.image.source": "https://github.com/acme/shop", "org.opencontainers.image.version": "1.4.0",
	}
	labels := map[string]string{"team": "shop"}
	for k, v := range where {
		labels[k] = v
	}
	wantConfig := v1.Config{
		Entrypoint: []string{"/srv/bin/shop"}, Cmd: []string{"serve"}, Env: []string{"A=b", "PORT=8080"}, WorkingDir: "/srv", User: "65532",
		ExposedPorts: map[string]struct{}{"8080/tcp": {}, "53/udp": {}}, Labels: labels,
	}
	if diff := cmp.Diff(wantConfig, cf.Config); diff != "" {
		t.Errorf("config (-want +got)\n%s", diff)
	}
	if !cf.Created.Equal(commit) || cf.OS != "linux" || cf.Architecture != "amd64" || !cf.History[0].Created.Equal(commit) {
		t.Errorf("config %+v", cf)
	}
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(where, m.Annotations); diff != "" || m.MediaType != types.OCIManifestSchema1 {
		t.Errorf("annotations (-want +got)\n%s", diff)
	}
	report, err := e.Status(t.Context(), r, digest)
	if err != nil {
		t.Fatal(err)
	}
	wantReport := executor.Report{
		Log:    report.Log, // see TestLog
		Status: pipeline.Succeeded, Summary: "pushed " + w.host + "/shop:1.4.0", ExternalID: w.host + "/shop@" + digest,
		Variables: map[string]string{"digest": digest, "image": w.host + "/shop@" + digest, "tag": w.host + "/shop:1.4.0"},
		Image:     pipeline.Image{Reference: w.host + "/shop:1.4.0", Digest: digest},
	}
	if diff := cmp.Diff(wantReport, report); diff != "" {
		t.Errorf("report (-want +got)\n%s", diff)
	}
	if left, _ := os.ReadDir(filepath.Join(w.dir, "images")); len(left) != 1 || left[0].Name() != "logs" {
		t.Errorf("temporary files stay: %v", left)
	}
}

// The same inputs give the same digest, elsewhere and later; others give another one.
func TestReproducible(t *testing.T) {
	with := func() map[string]any {
		return map[string]any{"base": "scratch", "env": map[string]any{"B": "2", "A": "1", "C": "3"}, "labels": map[string]any{"x": "y", "a": "b"}}
	}
	digest := func(change func(w *world, r *executor.Request)) string {
		w := newWorld(t)
		r := w.request(with())
		r.ID = fmt.Sprint(time.Now().UnixNano())
		if change != nil {
			change(w, &r)
		}
		return w.start(w.executor(), r)
	}
	first := digest(nil)
	for name, tc := range map[string]struct {
		same   bool
		change func(w *world, r *executor.Request)
	}{
		"nothing":           {true, nil},
		"another attempt":   {true, func(_ *world, r *executor.Request) { r.Attempt = 7 }},
		"another time zone": {true, func(_ *world, r *executor.Request) { r.CommitTime = commit.In(time.FixedZone("x", 3600)) }},
		"built under another umask": {true, func(w *world, r *executor.Request) {
			umask(w.t, 0)
			r.Inputs["app"] = w.save(shopFiles())
		}},
		"assembled under another umask": {true, func(w *world, _ *executor.Request) { umask(w.t, 0o077) }},
		"several platforms":             {false, severalPlatforms},
		"another time":                  {false, func(_ *world, r *executor.Request) { r.CommitTime = commit.Add(time.Second) }},
		"another revision":              {false, func(_ *world, r *executor.Request) { r.SHA = strings.Repeat("a", 40) }},
		"another file":                  {false, func(w *world, r *executor.Request) { r.Inputs["app"] = w.save(map[string]string{"bin/x": "y"}) }},
		"another user":                  {false, func(_ *world, r *executor.Request) { r.With["user"] = "1000" }},
		"another entrypoint":            {false, func(_ *world, r *executor.Request) { r.With["entrypoint"] = "/x" }},
	} {
		if got := digest(tc.change); (got == first) != tc.same {
			t.Errorf("%s: %s, first %s; want the same: %v", name, got, first, tc.same)
		}
	}
}

// An index is as reproducible as an image.
func TestReproducibleIndex(t *testing.T) {
	var first string
	for _, mask := range []int{0o022, 0o077, 0} {
		umask(t, mask)
		w := newWorld(t)
		r := w.request(map[string]any{"base": "scratch"})
		r.ID = fmt.Sprint(time.Now().UnixNano())
		severalPlatforms(w, &r)
		got := w.start(w.executor(), r)
		if first == "" {
			first = got
		}
		if got != first {
			t.Errorf("umask %03o: %s, first %s", mask, got, first)
		}
	}
}

func severalPlatforms(_ *world, r *executor.Request) {
	r.With["platforms"] = []any{"linux/amd64", "linux/arm64"}
	r.With["from"] = []any{map[string]any{"artifact": "app", "path": "bin/{os}-{arch}/shop", "to": "/shop"}}
}

// umask sets the process's for the rest of the test.
func umask(t *testing.T, mask int) {
	t.Helper()
	old := syscall.Umask(mask)
	t.Cleanup(func() { syscall.Umask(old) })
}

// base pushes an index of two platforms with a program of its own.
func (w *world) base(ref string) string {
	w.t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := random.Image(500, 2)
		if err != nil {
			w.t.Fatal(err)
		}
		cf, _ := img.ConfigFile()
		cf = cf.DeepCopy()
		cf.OS, cf.Architecture = "linux", arch
		cf.Config = v1.Config{Env: []string{"PATH=/bin", "PORT=1"}, Entrypoint: []string{"/base"}, Cmd: []string{"old"}, User: "7", Labels: map[string]string{"base": "yes"}}
		if img, err = mutate.ConfigFile(img, cf); err != nil {
			w.t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	tag, err := name.ParseReference(ref)
	if err == nil {
		err = remote.WriteIndex(tag, index)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	d, _ := index.Digest()
	return d.String()
}

func TestOnABaseForSeveralPlatforms(t *testing.T) {
	w := newWorld(t)
	baseDigest := w.base(w.host + "/base:1")
	e := w.executor()
	r := w.request(map[string]any{
		"base": w.host + "/base:1", "entrypoint": "/shop", "env": map[string]any{"PORT": "2"}, "platforms": []any{"linux/amd64", "linux/arm64"},
		"from": []any{map[string]any{"artifact": "app", "path": "bin/{os}-{arch}/shop", "to": "/shop"}},
	})
	digest := w.start(e, r)
	for arch, want := range map[string]string{"amd64": "0 755 0:0 0 amd", "arm64": "0 755 0:0 0 arm"} {
		img := w.pull(v1.Platform{OS: "linux", Architecture: arch})
		if got := entries(t, img)["shop"]; got != want {
			t.Errorf("%s: /shop is %q, want %q", arch, got, want)
		}
		cf, _ := img.ConfigFile()
		want := v1.Config{
			Entrypoint: []string{"/shop"}, Env: []string{"PATH=/bin", "PORT=2"}, User: "7", Labels: cf.Config.Labels,
		}
		if diff := cmp.Diff(want, cf.Config); diff != "" || cf.Config.Labels["base"] != "yes" || cf.Architecture != arch {
			t.Errorf("%s (-want +got)\n%s", arch, diff)
		}
		if layers, _ := img.Layers(); len(layers) != 3 {
			t.Errorf("%s: %d layers, want the base's two and one", arch, len(layers))
		}
	}
	// The base moves; a repeat still finds its own work.
	if w.base(w.host+"/base:1") == baseDigest {
		t.Fatal("the base did not move")
	}
	if again := w.start(e, r); again != digest {
		t.Errorf("again %s, was %s", again, digest)
	}
	if n := w.tags.Load(); n != 1 {
		t.Errorf("the tag was written %d times", n)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	w.base(w.host + "/base:1")
	for name, tc := range map[string]struct {
		with   map[string]any
		change func(r *executor.Request)
		want   string
	}{
		"no place to push to":      {map[string]any{"base": "scratch"}, func(r *executor.Request) { delete(r.Env, "SLUICE_IMAGE") }, "registries.development"},
		"a place by digest":        {map[string]any{"base": "scratch"}, func(r *executor.Request) { r.Env["SLUICE_IMAGE"] = w.host + "/shop@" + w.app.Digest }, "host/repository:tag"},
		"a place not allowed":      {map[string]any{"base": "scratch"}, func(r *executor.Request) { r.Env["SLUICE_IMAGE"] = w.host + "/other:1" }, "--registry-allow acme/shop="},
		"a base not allowed":       {map[string]any{"base": "evil.example.com/x:1"}, nil, "may not use evil.example.com/x"},
		"a base that is not there": {map[string]any{"base": w.host + "/base:9"}, nil, "there is no image"},
		"a platform it has not":    {map[string]any{"base": w.host + "/base:1", "platforms": "linux/s390x"}, nil, "linux/s390x"},
		"an artifact it has not":   {map[string]any{"base": "scratch", "from": "lib"}, nil, `"lib" is not among the action's inputs (app)`},
		"a path it has not":        {map[string]any{"base": "scratch", "from": []any{map[string]any{"artifact": "app", "path": "x"}}}, nil, "the artifact has no x"},
		"two files at one place":   {map[string]any{"base": "scratch", "from": []any{map[string]any{"artifact": "app", "path": "web/index.html", "to": "/x"}, map[string]any{"artifact": "app", "path": "bin/linux-amd64/shop", "to": "/x"}}}, nil, "two sources put something at /x"},
		"no inputs":                {map[string]any{"base": "scratch"}, func(r *executor.Request) { r.Inputs = nil }, "nothing goes into the image"},
		"a file that deletes":      {map[string]any{"base": "scratch", "from": []any{map[string]any{"artifact": "app", "path": "web/index.html", "to": "/.wh.etc"}}}, nil, ".wh."},
		"an artifact that was lost": {map[string]any{"base": "scratch"}, func(r *executor.Request) {
			r.Inputs["app"] = pipeline.Artifact{Name: "app", Digest: "sha256:" + strings.Repeat("0", 64)}
		}, "is not kept any more"},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.request(tc.with)
			if tc.change != nil {
				tc.change(&r)
			}
			_, err := w.executor().Start(t.Context(), r)
			if !executor.IsPermanent(err) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want a permanent one that says %q", err, tc.want)
			}
		})
	}
	if n := w.tags.Load(); n != 0 {
		t.Errorf("%d tags were written", n)
	}
}

func TestATagThatIsTaken(t *testing.T) {
	w := newWorld(t)
	e := w.executor()
	first := w.start(e, w.request(map[string]any{"base": "scratch"}))
	r := w.request(map[string]any{"base": "scratch", "user": "1"})
	_, err := e.Start(t.Context(), r)
	if !executor.IsPermanent(err) || !strings.Contains(err.Error(), first) || strings.Count(err.Error(), "sha256:") != 2 {
		t.Errorf("error %v, want a permanent one with both digests", err)
	}
	if d, _, _ := registry.New(registry.Options{}).Inspect(t.Context(), w.host+"/shop:1.4.0"); d != first {
		t.Errorf("the tag is %s now, was %s", d, first)
	}
}

func TestExecutor(t *testing.T) {
	executortest.Run(t, executortest.Harness{
		Instant: true,
		Wrong: map[string]map[string]any{
			"base": {}, "expose": {"base": "scratch", "expose": "eighty"}, "platforms": {"base": "scratch", "platforms": "amd64"}, "workdir": {"base": "scratch", "workdir": "srv"},
			"from": {"base": "scratch", "from": []any{map[string]any{"artifact": "app", "to": "/../etc"}}}, "nmae": {"base": "scratch", "nmae": "x"},
		},
		World: func(t *testing.T) *executortest.World {
			w := newWorld(t)
			var lose atomic.Bool
			var down atomic.Bool
			faults := func(rw http.ResponseWriter, r *http.Request) bool {
				if down.Load() {
					rw.WriteHeader(http.StatusServiceUnavailable)
					return true
				}
				return false
			}
			w.faults.Store(&faults)
			inner := w.executor()
			return &executortest.World{
				Executor: func(*executor.Bell) executor.Executor { return &losing{Executor: inner, lose: &lose} },
				Request: func(s executortest.Scenario, id string) executor.Request {
					r := w.request(map[string]any{"base": "scratch", "labels": map[string]any{"id": id}})
					r.ID = id
					if s != executortest.Succeeds {
						r.With["from"] = "nothing"
					}
					return r
				},
				Starts:     func(string) int { return int(w.tags.Load()) },
				Disturb:    func() func() { down.Store(true); return func() { down.Store(false) } },
				LoseAnswer: func() { lose.Store(true) },
			}
		},
	})
}

// losing loses the answer of a Start that was done.
type losing struct {
	*Executor
	lose *atomic.Bool
}

func (l *losing) Start(ctx context.Context, r executor.Request) (string, error) {
	handle, err := l.Executor.Start(ctx, r)
	if l.lose.Swap(false) {
		return "", errors.New("the answer was lost")
	}
	return handle, err
}

// A push that is ended on its way leaves no tag behind, and the next one completes it.
func TestAPushThatIsEnded(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	ends := func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			return false
		}
		cancel() // the first thing that is written
		<-r.Context().Done()
		return true
	}
	w.faults.Store(&ends)
	e, r := w.executor(), w.request(map[string]any{"base": "scratch"})
	if handle, err := e.Start(ctx, r); err == nil || executor.IsPermanent(err) {
		t.Fatalf("%q, %v; want an error that says nothing for good", handle, err)
	}
	w.faults.Store(nil)
	if d, _, err := registry.New(registry.Options{}).Inspect(t.Context(), w.host+"/shop:1.4.0"); d != "" || err != nil || w.tags.Load() != 0 {
		t.Errorf("the tag is %q (%v), written %d times", d, err, w.tags.Load())
	}
	if handle := w.start(e, r); w.tags.Load() != 1 {
		t.Errorf("%s, and the tag was written %d times", handle, w.tags.Load())
	}
}
