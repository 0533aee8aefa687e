package registry

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/random"
)

// debian starts Debian's docker-registry on loopback: the registry most people run themselves. It knows no referrers.
func debian(t testing.TB) (host string) {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("docker-registry is not installed, and CI=true")
		}
		t.Skip("docker-registry is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: { level: error, accesslog: { disabled: true } }\nstorage:\n  filesystem: { rootdirectory: %s }\nhttp: { addr: %s }\n", dir, host)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "serve", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		http.DefaultClient.CloseIdleConnections()
	})
	look, patience := time.NewTicker(90*time.Millisecond), time.After(20*time.Second)
	defer look.Stop()
	for {
		resp, err := http.Get("http://" + host + "/v2/")
		if err == nil {
			resp.Body.Close()
			return host
		}
		select {
		case <-look.C:
		case <-patience:
			t.Fatalf("docker-registry does not answer: %v", err)
		}
	}
}

// Promotion to, from and within the registry that people run: the whole family arrives, referrers by their tag, and blobs
// are mounted.
func TestDebianRegistry(t *testing.T) {
	host := debian(t)
	hub := serve(t)
	f := newFamily(t)
	src := f.put(t, hub.host+"/dev/shop")

	got, err := quick().Promote(t.Context(), src, host+"/dev/shop:1.4.0-candidate-3f2a9c1")
	if err != nil {
		t.Fatal(err)
	}
	f.check(t, host+"/dev/shop")
	if got.Digest != digestOf(src) {
		t.Errorf("result %+v, want digest %s", got, digestOf(src))
	}

	inside := host + "/dev/shop@" + digestOf(src)
	got, err = quick().Promote(t.Context(), inside, host+"/prod/shop:1.4.0")
	if err != nil {
		t.Fatal(err)
	}
	if got.Mounted == 0 || got.Blobs != 0 {
		t.Errorf("within the registry: %+v; want blobs mounted, none uploaded", got)
	}
	f.check(t, host+"/prod/shop")

	if _, err := quick().Promote(t.Context(), host+"/prod/shop@"+digestOf(src), hub.host+"/back/shop:1.4.0"); err != nil {
		t.Fatal(err)
	}
	f.check(t, hub.host+"/back/shop")

	other := putImage(t, hub.host+"/dev/other:1", must(random.Image(512, 1))(t))
	if _, err := quick().Promote(t.Context(), other, host+"/prod/shop:1.4.0"); err == nil {
		t.Error("a tag was moved")
	}
}
