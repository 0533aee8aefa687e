package artifact

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/sluicehq/sluice/pipeline"
)

// bucket is an S3 server in this process, and what was asked of it.
type bucket struct {
	backend *s3mem.Backend
	url     string
	mu      sync.Mutex
	puts    []http.Header
	down    string // with which code of S3's everything is refused; empty: nothing is
}

func newBucket(t *testing.T) *bucket {
	t.Helper()
	b := &bucket{backend: s3mem.New()}
	if err := b.backend.CreateBucket("builds"); err != nil {
		t.Fatal(err)
	}
	s3 := gofakes3.New(b.backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		down := b.down
		if r.Method == http.MethodPut || r.Method == http.MethodPost {
			b.puts = append(b.puts, r.Header.Clone())
		}
		b.mu.Unlock()
		if down != "" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte("<Error><Code>" + down + "</Code></Error>"))
			return
		}
		s3.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	b.url = "s3://builds?" + url.Values{"region": {"eu-west-1"}, "endpoint": {server.URL}, "use_path_style": {"true"}, "prefix": {"sluice"}}.Encode()
	return b
}

func (b *bucket) store(t *testing.T, more string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: b.url + more, Work: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// keys lists everything in the bucket.
func (b *bucket) keys(t *testing.T) (keys []string) {
	t.Helper()
	list, err := b.backend.ListBucket("builds", nil, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Contents {
		keys = append(keys, o.Key)
	}
	return keys
}

func TestBucket(t *testing.T) {
	b := newBucket(t)
	s := b.store(t, "")
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	tree := map[string]string{"bin/shop*": "program", "empty": ""}
	files := []File{{Path: "bin/shop"}, {Path: "empty"}}
	a, err := s.Save(t.Context(), "app", treeOf(t, write(t, tree)), files, commit)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := b.store(t, "").Extract(t.Context(), a, out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree, read(t, out)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"sluice/" + a.Location}, b.keys(t)); diff != "" {
		t.Errorf("keys (-want +got)\n%s", diff)
	}
	inFolder, err := open(t, Limits{}).Save(t.Context(), "app", treeOf(t, write(t, tree)), files, commit)
	if err != nil || inFolder.Digest != a.Digest {
		t.Errorf("in a folder it is %s, %v; want %s", inFolder.Digest, err, a.Digest)
	}

	put := func(key, body string) {
		t.Helper()
		if _, err := b.backend.PutObject("builds", key, map[string]string{}, strings.NewReader(body), int64(len(body)), nil); err != nil {
			t.Fatal(err)
		}
	}
	put("sluice/"+a.Location, strings.Repeat("x", int(a.Size)))
	if _, err := s.Open(t.Context(), a); !errors.Is(err, ErrChanged) {
		t.Errorf("bytes that were changed: %v", err)
	}
	put("sluice/"+a.Location, strings.Repeat("x", 1<<20)) // what is too long is not read to its end
	if _, err := s.Open(t.Context(), a); !errors.Is(err, ErrChanged) {
		t.Errorf("more bytes: %v", err)
	}

	put("sluice/sha256/of-others", "x")
	put("others", "x")
	if n, err := s.Prune(t.Context(), func(string) bool { return true }, time.Now().Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("pruned %d of what is used, %v", n, err)
	}
	if n, err := s.Prune(t.Context(), func(string) bool { return false }, time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("pruned %d, %v; want the one artifact", n, err)
	}
	if diff := cmp.Diff([]string{"others", "sluice/sha256/of-others"}, b.keys(t)); diff != "" {
		t.Errorf("keys after pruning (-want +got)\n%s", diff)
	}
	if _, err := s.Open(t.Context(), a); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was removed: %v", err)
	}

	b.mu.Lock()
	b.down = "SignatureDoesNotMatch"
	b.mu.Unlock()
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "refuses the server's credentials") {
		t.Errorf("credentials that are not known: %v", err)
	}
	b.mu.Lock()
	b.down = "AccessDenied"
	b.mu.Unlock()
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "may not list") {
		t.Errorf("a bucket that may not be listed: %v", err)
	}
	if _, err := s.Open(t.Context(), a); err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrChanged) {
		t.Errorf("a bucket that refuses: %v; that is not for good", err)
	}
}

// What the address says about encryption is asked of the service with every object.
func TestBucketEncryption(t *testing.T) {
	key := "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"
	b := newBucket(t)
	s := b.store(t, "&ssetype=aws:kms&kmskeyid="+url.QueryEscape(key))
	if _, err := s.Save(t.Context(), "app", treeOf(t, write(t, map[string]string{"a": "1"})), []File{{Path: "a"}}, commit); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.puts) != 1 {
		t.Fatalf("%d writes, want 1", len(b.puts))
	}
	h := b.puts[0]
	if h.Get("X-Amz-Server-Side-Encryption") != "aws:kms" || h.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id") != key {
		t.Errorf("sent with %v", h)
	}
	if !strings.Contains(h.Get("Authorization"), "/eu-west-1/s3/aws4_request") {
		t.Errorf("signed with %q", h.Get("Authorization"))
	}
}

func TestNoSuchStore(t *testing.T) {
	b := newBucket(t)
	missing := strings.Replace(b.url, "builds", "nothing", 1)
	s, err := Open(t.Context(), Options{URL: missing})
	if err == nil {
		err = errors.Join(s.Check(t.Context()), s.Close())
	}
	if err == nil || !strings.Contains(err.Error(), "no such bucket") {
		t.Errorf("a bucket that is not there: %v", err)
	}
	for _, address := range []string{"gs://bucket", "s3://builds?ssetype=rot13", "s3://builds?color=red"} {
		if _, err := Open(context.Background(), Options{URL: address}); err == nil {
			t.Errorf("%s was opened", address)
		}
	}
}

// A process that ends in the middle of writing leaves a file that is no artifact, and goes with time.
func TestWhatAProcessLeavesBehind(t *testing.T) {
	s := open(t, Limits{})
	a, err := s.Save(t.Context(), "app", treeOf(t, write(t, map[string]string{"a": "1"})), []File{{Path: "a"}}, commit)
	if err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(s.folder, a.Location+".123.tmp")
	own := filepath.Join(s.folder, "notes.txt")
	for _, path := range []string{half, own} {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Prune(t.Context(), func(string) bool { return true }, time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("pruned %d, %v; want the half written file", n, err)
	}
	if _, err := os.Stat(own); err != nil {
		t.Errorf("what is not ours was removed: %v", err)
	}
	if err := s.Extract(t.Context(), a, filepath.Join(t.TempDir(), "out")); err != nil {
		t.Error(err)
	}
}

// Bytes that are being read stay what they were when they were verified.
func TestVerifiedBytesAreTheOnesRead(t *testing.T) {
	s := open(t, Limits{})
	a, err := s.Save(t.Context(), "app", treeOf(t, write(t, map[string]string{"a": "1"})), []File{{Path: "a"}}, commit)
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Open(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.WriteFile(filepath.Join(s.folder, a.Location), []byte("evil"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := untarGzip(t.Context(), f, filepath.Join(t.TempDir(), "out"), s.limits); err != nil {
		t.Errorf("the bytes changed under the reader: %v", err)
	}
	if _, err := s.Open(t.Context(), pipeline.Artifact{Digest: a.Digest}); !errors.Is(err, ErrChanged) {
		t.Errorf("error %v, want ErrChanged", err)
	}
}
