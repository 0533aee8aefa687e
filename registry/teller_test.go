package registry

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// What a copy does is told while it is done: blobs before the manifest is written, the tag last.
func TestTelling(t *testing.T) {
	dev, prod, built := serve(t), serve(t), serve(t)
	img, err := random.Image(1_250_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	src := putImage(t, dev.host+"/dev/shop:1", img)
	m := must(img.Manifest())(t)
	first := make(chan struct{})
	held := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			select {
			case <-first:
			case <-time.After(90 * time.Second):
				w.WriteHeader(http.StatusTeapot) // nothing was told before
				return true
			}
		}
		return false
	}
	prod.spoil(held)
	layer, config, manifest := m.Layers[0].Digest.String(), m.Config.Digest.String(), digestOf(src)
	size := func(d v1.Descriptor) string { return Megabytes(d.Size) }
	to := prod.host + "/prod/shop"
	for _, c := range []struct {
		name string
		do   func(*Client) error
		want []string
	}{
		{"into another registry", func(c *Client) error { _, err := c.Promote(t.Context(), src, to+":1"); return err }, []string{
			fmt.Sprintf("blob %s: copied, %s", layer, size(m.Layers[0])), fmt.Sprintf("blob %s: copied, %s", config, size(m.Config)),
			"manifest " + manifest + ": written", "manifests read back: 1, as they were copied", "tag 1: written", "tag " + to + ":1 read back: it is " + manifest,
		}},
		{"what is there", func(c *Client) error { _, err := c.Promote(t.Context(), src, to+":1"); return err }, []string{"tag " + to + ":1 is there: it is " + manifest}},
		{"another tag", func(c *Client) error { _, err := c.Promote(t.Context(), src, to+":2"); return err }, []string{
			fmt.Sprintf("blob %s: is there, %s", layer, size(m.Layers[0])), fmt.Sprintf("blob %s: is there, %s", config, size(m.Config)),
			"manifest " + manifest + ": written", "manifests read back: 1, as they were copied", "tag 2: written", "tag " + to + ":2 read back: it is " + manifest,
		}},
		{"a push", func(c *Client) error { _, err := c.Push(t.Context(), built.host+"/shop:1", img); return err }, []string{
			fmt.Sprintf("blob %s: copied, %s", layer, size(m.Layers[0])), fmt.Sprintf("blob %s: copied, %s", config, size(m.Config)),
			"manifest " + manifest + ": written", "tag 1: written", "tag " + built.host + "/shop:1 read back: it is " + manifest,
		}},
		{"a push of several", func(c *Client) error {
			index := must(random.Index(2000, 1, 2))(t)
			_, err := c.Push(t.Context(), prod.host+"/several:1", index)
			return err
		}, nil},
	} {
		var got []string
		err := c.do(quick().Telling(func(line string) {
			if got = append(got, line); len(got) == 1 {
				select {
				case <-first:
				default:
					close(first)
				}
			}
		}))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if c.want == nil { // what is in it is random
			for _, line := range got {
				if strings.HasPrefix(line, "blob ") && !strings.HasSuffix(line, " MB") {
					t.Errorf("%s: %q does not say how large it is", c.name, line)
				}
			}
			continue
		}
		if len(got) > 1 && strings.HasPrefix(got[0], "blob") {
			slices.Sort(got[:2])
			slices.Sort(c.want[:2]) // in any order
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}

// How far a large blob is is told now and then, and that it was mounted with the place it is from.
func TestTellingAboutOneBlob(t *testing.T) {
	var got []string
	tell := newTeller(func(line string) { got = append(got, line) })
	d := v1.Descriptor{Digest: v1.Hash{Algorithm: "sha256", Hex: "ab"}, Size: 3 * tellEvery, MediaType: types.OCILayer}
	tell.expect([]v1.Descriptor{d})
	tell.moved(d, 0, tellEvery-1)
	tell.moved(d, tellEvery-1, tellEvery+5)
	tell.moved(d, tellEvery+5, tellEvery+6)
	tell.moved(d, 2*tellEvery, 3*tellEvery)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://r.test/v2/shop/blobs/uploads/?mount=sha256:ab&from=dev/shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		tell.answered(req, answerOf(req, &http.Response{StatusCode: http.StatusCreated}))
	}
	if diff := cmp.Diff([]string{"blob sha256:ab: 67.1 MB of 201.3 MB", "blob sha256:ab: mounted from dev/shop, 201.3 MB"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	newTeller(nil).say("nobody listens")
}
