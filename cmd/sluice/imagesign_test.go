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

// sluice image sign signs once, verify says by which key, and promote with a key copies only what it has signed.
func TestImageSign(t *testing.T) {
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	img, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	src, dst := host+"/dev/shop:a", host+"/prod/shop:1.4.0"
	if err := crane.Push(img, src); err != nil {
		t.Fatal(err)
	}
	digest, err := crane.Digest(src)
	if err != nil {
		t.Fatal(err)
	}
	key, public, other := signingFile("cosign.key"), signingFile("cosign.pub"), signingFile("empty.pub")
	const id = "ba2e70bfeb3836d39262a5df431e14f6e570be1c404532940b188be1f8497014"
	for _, c := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"not signed", []string{"verify", src, "--key", public}, exitFailed, digest + " is not signed"},
		{"promoted unsigned", []string{"promote", src, dst, "--key", public}, exitFailed, digest + " is not signed"},
		{"signed", []string{"sign", src, "--key", key}, exitDone, host + "/dev/shop@" + digest + " is signed by the key " + id},
		{"again", []string{"sign", host + "/dev/shop@" + digest, "--key", key}, exitDone, id},
		{"verified", []string{"verify", src, "--key", other, "--key", public}, exitDone, id},
		{"by another key", []string{"verify", src, "--key", other}, exitFailed, "which is by none of the keys"},
		{"promoted by another key", []string{"promote", src, dst, "--key", other}, exitFailed, "which is by none of the keys"},
		{"promoted", []string{"promote", src, dst, "--key", public}, exitDone, dst + " is " + digest},
		{"verified there", []string{"verify", dst, "--key", public}, exitDone, host + "/prod/shop@" + digest},
		{"no key", []string{"verify", src}, exitUsage, "--key"},
		{"no such key", []string{"sign", src, "--key", "nowhere.key"}, exitUsage, "nowhere.key"},
		{"the private key", []string{"verify", src, "--key", key}, exitUsage, "private key"},
		{"the public key", []string{"sign", src, "--key", public}, exitUsage, "cosign.key"},
		{"no reference", []string{"sign", "shop", "--key", key}, exitUsage, "host/repository:tag"},
		{"nothing there", []string{"sign", host + "/dev/shop:b", "--key", key}, exitFailed, "dev/shop:b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			getenv := func(name string) string {
				return map[string]string{"SLUICE_IMAGE_SIGNING_PASSWORD": signingKeys["cosign"]}[name]
			}
			got := run(append([]string{"image"}, c.args...), getenv, strings.NewReader(""), &stdout, &stderr, wiring{})
			if got != c.status || !strings.Contains(stdout.String()+stderr.String(), c.says) {
				t.Errorf("it ends with %d, want %d and %q\n%s%s", got, c.status, c.says, &stdout, &stderr)
			}
		})
	}
	var stdout bytes.Buffer
	run([]string{"image", "verify", "--json", dst, "--key", public}, func(string) string { return "" }, strings.NewReader(""), &stdout, io.Discard, wiring{})
	var s imageSigned
	if err := json.Unmarshal(stdout.Bytes(), &s); err != nil || s.Key != id || s.Image != host+"/prod/shop@"+digest {
		t.Errorf("%v: %s", err, &stdout)
	}
}
