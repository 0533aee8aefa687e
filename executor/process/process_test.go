package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	fake "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"go.uber.org/goleak"

	"archive/tar"
	"bytes"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/executortest"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/registry"
)

// TestMain lets the test binary be the supervisor, the program in the images, and a server that is killed.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 3 && os.Args[1] == supervise.Subcommand:
		if err := supervise.Main(os.Args[2], os.Stdin, nil); err != nil {
			fmt.Fprintln(os.Stderr, err)
			syscall.Exit(1)
		}
		syscall.Exit(0) // not os.Exit, which sleeps for a second under the race detector
	case len(os.Args) == 3 && os.Args[1] == "serve":
		serve(os.Args[2])
	case len(os.Args) == 7 && os.Args[1] == "deploy":
		deployAndWait(os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6])
	}
	goleak.VerifyTestMain(m)
}

// serve is the deployed program: it answers its version.
func serve(version string) {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, version) })
	http.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	fmt.Println("listening", os.Getenv("LISTEN"))
	if err := http.ListenAndServe(os.Getenv("LISTEN"), nil); err != nil {
		fmt.Println(err)
		syscall.Exit(1)
	}
}

// deployAndWait is a server that deploys and then waits to be killed.
func deployAndWait(dir, image, digest, listen, id string) {
	e, err := New(Options{ForDemo: true, Dir: dir, Registry: registry.New(registry.Options{})})
	if err != nil {
		panic(err)
	}
	r := request(id, image, digest, listen)
	if _, err := e.Start(context.Background(), r); err != nil {
		panic(err)
	}
	fmt.Println("started")
	select {}
}

type world struct {
	t      *testing.T
	dir    string
	host   string
	listen string
	starts string
	down   atomic.Bool
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), starts: t.TempDir()}
	inner := fake.New(fake.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.down.Load() {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		inner.ServeHTTP(rw, r)
	}))
	t.Cleanup(srv.Close)
	w.host = strings.TrimPrefix(srv.URL, "http://")
	w.listen = free(t)
	return w
}

// free is an address nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (w *world) executor() *Executor {
	w.t.Helper()
	e, err := New(Options{ForDemo: true, Dir: w.dir, Registry: registry.New(registry.Options{Attempts: 1}), Secrets: []string{"hunter2-and-more"}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := e.StopAll(context.Background()); err != nil {
			w.t.Error(err)
		}
		_ = e.Close()
	})
	return e
}

// image pushes an image whose program is a shell script, and returns its digest.
func (w *world) image(script string) string {
	w.t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	body := "#!/bin/sh\n" + script + "\n"
	_ = tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "app/run", Mode: 0o755, Size: int64(len(body))})
	_, _ = tw.Write([]byte(body))
	_ = tw.Close()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		w.t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err == nil {
		img, err = mutate.ConfigFile(img, &v1.ConfigFile{
			OS: runtime.GOOS, Architecture: runtime.GOARCH, RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{diff(layer)}},
			Config: v1.Config{Entrypoint: []string{"/app/run"}, WorkingDir: "/app", Env: []string{"PATH=/usr/bin:/bin"}},
		})
	}
	var tag name.Reference
	if err == nil {
		tag, err = name.ParseReference(w.host + "/shop:x")
	}
	if err == nil {
		err = remote.Write(tag, img)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	d, _ := img.Digest()
	return d.String()
}

func diff(l v1.Layer) v1.Hash { h, _ := l.DiffID(); return h }

// version is an image that serves a version.
func (w *world) version(v string) string {
	return w.image(fmt.Sprintf("echo x >> %s/%s\nexec %s serve %s", w.starts, "$SLUICE_ID", os.Args[0], v))
}

func (w *world) count(id string) int {
	b, _ := os.ReadFile(filepath.Join(w.starts, id))
	return strings.Count(string(b), "x")
}

func request(id, image, digest, listen string) executor.Request {
	return executor.Request{
		ID: id, Uses: "process", Owner: "acme", Repo: "shop", Environment: "staging", Digest: digest,
		Env:  map[string]string{"SLUICE_IMAGE": image, "SLUICE_ID": id},
		With: map[string]any{"listen": listen, "health": "/", "timeout": "20s"},
	}
}

func (w *world) request(id, digest string) executor.Request {
	return request(id, w.host+"/shop:1.4.0", digest, w.listen)
}

func (w *world) deploy(e *Executor, r executor.Request) executor.Report {
	w.t.Helper()
	handle, err := e.Start(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	report, err := e.Status(w.t.Context(), r, handle)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// ask is what the environment answers.
func (w *world) ask() string {
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + w.listen + "/")
	if err != nil {
		return "nobody"
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

func TestDeployAndReplace(t *testing.T) {
	w := newWorld(t)
	e := w.executor()
	one, two := w.version("one"), w.version("two")
	for i, tc := range []struct {
		digest, want string
		starts       int
	}{{one, "one", 1}, {two, "two", 1}, {two, "two", 0}, {one, "one", 1}} {
		r := w.request(fmt.Sprintf("ex-%d-1-1", i+1), tc.digest)
		if got := w.deploy(e, r); got.Status != pipeline.Succeeded || w.ask() != tc.want {
			t.Fatalf("%d: %s (%s), answers %s, want %s", i, got.Status, got.Summary, w.ask(), tc.want)
		}
		if n := w.count(r.ID); n != tc.starts {
			t.Errorf("%d: started %d times, want %d", i, n, tc.starts)
		}
		run, ok, err := e.Running("acme", "shop", "staging")
		if err != nil || !ok || !run.Alive || run.Digest != tc.digest || run.ActionID != r.ID || run.Listen != w.listen || run.Image != w.host+"/shop@"+tc.digest {
			t.Errorf("%d: running %+v, %v, %v", i, run, ok, err)
		}
	}
	if err := e.StopAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.ask(); got != "nobody" {
		t.Errorf("after StopAll answers %s", got)
	}
	if _, ok, err := e.Running("acme", "shop", "staging"); ok || err != nil {
		t.Errorf("after StopAll something is known: %v", err)
	}
}

func TestWhatIsNotHealthyGivesWay(t *testing.T) {
	for name, tc := range map[string]struct {
		script, health, timeout string
		want                    string
	}{
		"it ends":            {"echo out of order; exit 3", "/", "20s", "the process ended: exited, status 3"},
		"it does not listen": {"exec sleep 1000", "/", "300ms", "not healthy after 300ms"},
		"it is unhealthy":    {"exec " + os.Args[0] + " serve bad", "/broken", "3s", "GET /broken answers 500"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := w.executor()
			good := w.version("good")
			if got := w.deploy(e, w.request("ex-1-1-1", good)); got.Status != pipeline.Succeeded {
				t.Fatalf("%+v", got)
			}
			r := w.request("ex-2-1-1", w.image(tc.script))
			r.With["health"], r.With["timeout"] = tc.health, tc.timeout
			got := w.deploy(e, r)
			if got.Status != pipeline.Failed || !strings.Contains(got.Summary, tc.want) || !strings.Contains(got.Summary, good+" serves again") {
				t.Errorf("%s: %s; want %q", got.Status, got.Summary, tc.want)
			}
			if w.ask() != "good" {
				t.Errorf("answers %s, want the one before", w.ask())
			}
			if run, ok, err := e.Running("acme", "shop", "staging"); !ok || err != nil || run.Digest != good || !run.Alive {
				t.Errorf("running %+v, %v", run, err)
			}
		})
	}
}

// The server is killed after a deployment: the process goes on, and a new server knows it and replaces it.
func TestTheServerIsKilled(t *testing.T) {
	w := newWorld(t)
	one := w.version("one")
	other := exec.Command(os.Args[0], "deploy", w.dir, w.host+"/shop:1.4.0", one, w.listen, "ex-1-1-1")
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	_ = other.Process.Kill()
	_ = other.Wait()
	e := w.executor()
	if got := w.ask(); got != "one" {
		t.Fatalf("answers %s after the server was killed", got)
	}
	if got := w.deploy(e, w.request("ex-1-1-1", one)); got.Status != pipeline.Succeeded || w.count("ex-1-1-1") != 1 {
		t.Errorf("%s (%s), started %d times", got.Status, got.Summary, w.count("ex-1-1-1"))
	}
	if got := w.deploy(e, w.request("ex-2-1-1", w.version("two"))); got.Status != pipeline.Succeeded || w.ask() != "two" {
		t.Errorf("%s (%s), answers %s", got.Status, got.Summary, w.ask())
	}
}

// The server was killed between stopping the old process and writing down the new one.
func TestGoingOnInTheMiddle(t *testing.T) {
	w := newWorld(t)
	e := w.executor()
	if got := w.deploy(e, w.request("ex-1-1-1", w.version("one"))); got.Status != pipeline.Succeeded {
		t.Fatalf("%+v", got)
	}
	r := w.request("ex-2-1-1", w.version("two"))
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error)
	r.With["health"] = "/broken" // never healthy: the first server is cut off while it waits
	go func() {
		_, err := e.Start(ctx, r)
		stopped <- err
	}()
	for end := time.Now().Add(90 * time.Second); w.ask() != "two"; {
		if time.Now().After(end) {
			t.Fatal("the new one does not come up")
		}
	}
	cancel()
	if err := <-stopped; !errors.Is(err, context.Canceled) || executor.IsPermanent(err) {
		t.Fatalf("error %v, want the context's", err)
	}
	r.With["health"] = "/"
	if got := w.deploy(w.executor(), r); got.Status != pipeline.Succeeded || w.ask() != "two" || w.count(r.ID) != 1 {
		t.Errorf("%s (%s), answers %s, started %d times", got.Status, got.Summary, w.ask(), w.count(r.ID))
	}
}

// The server was killed while it put back what served before: the next one finishes that.
func TestGoingOnInTheMiddleOfPuttingBack(t *testing.T) {
	w := newWorld(t)
	e := w.executor()
	if got := w.deploy(e, w.request("ex-1-1-1", w.version("one"))); got.Status != pipeline.Succeeded {
		t.Fatalf("%+v", got)
	}
	r := w.request("ex-2-1-1", w.image("exit 3"))
	if got := w.deploy(e, r); got.Status != pipeline.Failed || w.ask() != "one" {
		t.Fatalf("%s: %s", got.Status, got.Summary)
	}
	if err := os.Remove(place(w.dir, r).file(r.ID, ".json")); err != nil { // the report was not written
		t.Fatal(err)
	}
	got := w.deploy(w.executor(), r)
	if got.Status != pipeline.Failed || !strings.Contains(got.Summary, "serves again") || w.ask() != "one" || w.count("ex-1-1-1") != 2 {
		t.Errorf("%s: %s; answers %s, started %d times; want it to go on serving", got.Status, got.Summary, w.ask(), w.count("ex-1-1-1"))
	}
}

func TestStop(t *testing.T) {
	w := newWorld(t)
	e := w.executor()
	if got := w.deploy(e, w.request("ex-1-1-1", w.version("one"))); got.Status != pipeline.Succeeded {
		t.Fatalf("%+v", got)
	}
	r := w.request("ex-2-1-1", w.version("two"))
	r.With["health"], r.With["timeout"] = "/broken", "60s"
	done := make(chan error)
	go func() {
		_, err := e.Start(t.Context(), r)
		done <- err
	}()
	for end := time.Now().Add(90 * time.Second); w.ask() != "two"; {
		if time.Now().After(end) {
			t.Fatal("the new one does not come up")
		}
	}
	if err := e.Stop(t.Context(), r, r.ID); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, err := e.Status(t.Context(), r, r.ID); err != nil || got.Status != pipeline.Stopped || w.ask() != "one" {
		t.Errorf("%s (%s), %v, answers %s; want stopped, and the one before", got.Status, got.Summary, err, w.ask())
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	if _, err := New(Options{Dir: w.dir, Registry: registry.New(registry.Options{})}); err == nil {
		t.Error("it works without ForDemo")
	}
	e := w.executor()
	busy, err := net.Listen("tcp", w.listen)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.deploy(e, w.request("ex-1-1-1", w.version("one"))); got.Status != pipeline.Failed || !strings.Contains(got.Summary, "something else listens") {
		t.Errorf("%s: %s", got.Status, got.Summary)
	}
	busy.Close()
	for name, change := range map[string]func(r *executor.Request){
		"no digest":      func(r *executor.Request) { r.Digest = "" },
		"no environment": func(r *executor.Request) { r.Environment = "" },
		"no image":       func(r *executor.Request) { delete(r.Env, "SLUICE_IMAGE") },
		"another digest": func(r *executor.Request) { r.Digest = "sha256:" + strings.Repeat("0", 64) },
	} {
		r := w.request("ex-2-1-1", w.version("one"))
		change(&r)
		if _, err := e.Start(t.Context(), r); !executor.IsPermanent(err) {
			t.Errorf("%s: error %v, want a permanent one", name, err)
		}
	}
}

func TestExecutor(t *testing.T) {
	executortest.Run(t, executortest.Harness{
		Instant: true,
		Wrong: map[string]map[string]any{
			"listen": {}, "with.listen": {"listen": "0.0.0.0:80"}, "health": {"listen": "127.0.0.1:1", "health": "x"}, "prot": {"listen": "127.0.0.1:1", "prot": 1},
		},
		World: func(t *testing.T) *executortest.World {
			w := newWorld(t)
			good, bad := w.version("good"), w.image("echo x >> "+w.starts+"/$SLUICE_ID; exit 1")
			return &executortest.World{
				Executor: func(*executor.Bell) executor.Executor { return w.executor() },
				Request: func(s executortest.Scenario, id string) executor.Request {
					return w.request(id, map[executortest.Scenario]string{executortest.Succeeds: good, executortest.Fails: bad, executortest.Impossible: "sha256:" + strings.Repeat("0", 64)}[s])
				},
				Starts:  w.count,
				Disturb: func() func() { w.down.Store(true); return func() { w.down.Store(false) } },
			}
		},
	})
}
