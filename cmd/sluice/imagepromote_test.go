package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// sluice image promote copies, finds it done, does not move a tag, and says which of these it was.
func TestImagePromote(t *testing.T) {
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	digest := map[string]string{}
	for _, name := range []string{"a", "b"} {
		img, err := random.Image(1000, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := crane.Push(img, host+"/dev/shop:"+name); err != nil {
			t.Fatal(err)
		}
		h, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digest[name] = h.String()
	}
	a, prod := host+"/dev/shop:a", host+"/prod/shop:1.4.0"
	for _, c := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"a tag", []string{a, prod}, exitDone, prod + " is " + digest["a"] + ": 2 manifests written"},
		{"again", []string{a, prod}, exitDone, "already"},
		{"by digest", []string{host + "/dev/shop@" + digest["a"], prod}, exitDone, "already"},
		{"another image", []string{host + "/dev/shop:b", prod}, exitFailed, "it is " + digest["a"] + ", wanted " + digest["b"]},
		{"nothing there", []string{host + "/dev/shop:c", prod}, exitFailed, "c"},
		{"no tag", []string{a, host + "/prod/shop"}, exitUsage, "host/repository:tag"},
		{"no source", []string{"shop", prod}, exitUsage, "shop"},
		{"too many at once", []string{a, prod, "--jobs", "99"}, exitUsage, "--jobs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			got := run(append([]string{"image", "promote"}, c.args...), func(string) string { return "" }, strings.NewReader(""), &stdout, &stderr, wiring{})
			if got != c.status || !strings.Contains(stdout.String()+stderr.String(), c.says) {
				t.Errorf("it ends with %d, want %d and %q\n%s%s", got, c.status, c.says, &stdout, &stderr)
			}
		})
	}
	if got, err := crane.Digest(prod); err != nil || got != digest["a"] {
		t.Errorf("the tag is %s (%v), want %s", got, err, digest["a"])
	}

	var stdout bytes.Buffer
	run([]string{"image", "promote", "--json", host + "/dev/shop:b", host + "/prod/shop:1.5.0"}, func(string) string { return "" }, strings.NewReader(""), &stdout, io.Discard, wiring{})
	var r imagePromotion
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil || r.Digest != digest["b"] || r.Already || r.Manifests != 2 {
		t.Errorf("%v: %s", err, &stdout)
	}
}
