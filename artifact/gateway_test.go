package artifact

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// gateway starts versitygw, a server of S3 that checks signatures and checksums, over a folder. It returns the folder and the
// address of its bucket builds. Without the program, which test/setup.sh builds, the test is skipped.
func gateway(t *testing.T) (dir, address string) {
	t.Helper()
	program, err := filepath.Abs("../test/bin/versitygw-v1.8.0")
	if err == nil {
		_, err = os.Stat(program)
	}
	if err != nil {
		t.Skipf("no versitygw (make setup): %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "builds"), 0o700); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd := exec.Command(program, "--port", host, "--access", "key", "--secret", "secret", "--region", "eu-west-1", "posix", dir)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(90 * time.Second); ; <-look.C {
		conn, err := net.Dial("tcp", host)
		if err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatalf("versitygw does not answer: %v", err)
		}
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	return dir, "s3://builds?" + url.Values{"region": {"eu-west-1"}, "endpoint": {"http://" + host}, "use_path_style": {"true"}, "prefix": {"sluice"}}.Encode()
}

// A server of S3 that holds clients to the protocol keeps artifacts, finds them, removes them, and says what it refuses.
func TestGateway(t *testing.T) {
	dir, address := gateway(t)
	reach := func(address string) *Store {
		t.Helper()
		s, err := Open(t.Context(), Options{URL: address, Work: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s := reach(address)
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	large := make([]byte, 12<<20) // which goes there in several parts
	_, _ = rand.NewChaCha8([32]byte{}).Read(large)
	tree := map[string]string{"bin/shop*": "program", "large": string(large), "empty": ""}
	a, err := s.Save(t.Context(), "app", treeOf(t, write(t, tree)), []File{{Path: "bin/shop"}, {Path: "large"}, {Path: "empty"}}, commit)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := reach(address).Extract(t.Context(), a, out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree, read(t, out)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	kept := filepath.Join(dir, "builds", "sluice", filepath.FromSlash(a.Location))
	if info, err := os.Stat(kept); err != nil || info.Size() != a.Size {
		t.Errorf("%v, %v; want %d bytes", info, err, a.Size)
	}
	if err := os.WriteFile(kept, []byte(strings.Repeat("x", int(a.Size))), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), a); !errors.Is(err, ErrChanged) {
		t.Errorf("bytes that were changed: %v", err)
	}
	if n, err := s.Prune(t.Context(), func(string) bool { return false }, time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("pruned %d, %v; want the one artifact", n, err)
	}
	if _, err := s.Open(t.Context(), a); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was removed: %v", err)
	}
	if err := reach(strings.Replace(address, "builds", "nothing", 1)).Check(context.Background()); err == nil || !strings.Contains(err.Error(), "no such bucket") {
		t.Errorf("a bucket that is not there: %v", err)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "guessed")
	if err := reach(address).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "refuses the server's credentials") {
		t.Errorf("a secret that was guessed: %v", err)
	}
}
