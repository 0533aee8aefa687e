package registry

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Telling returns a client that tells in lines what its calls write: each blob and manifest once the registry has it, how far a
// large blob is, and the tag. It is told one line at a time, and a copy waits for it. Otherwise the client is the same.
func (c *Client) Telling(tell func(line string)) *Client {
	o := c.o
	o.tell = tell
	return New(o)
}

// tellEvery is after how many bytes a blob that is copied is told about.
const tellEvery = 64 << 20

// teller tells what a call does. Without a listener it does nothing.
type teller struct {
	tell func(line string)

	mu    sync.Mutex
	sizes map[string]int64 // of blobs, by digest
	told  map[string]bool  // what was told about already: a blob that several manifests share comes once
}

func newTeller(tell func(line string)) *teller {
	return &teller{tell: tell, sizes: map[string]int64{}, told: map[string]bool{}}
}

// say tells a line.
func (t *teller) say(format string, args ...any) { t.once("", format, args...) }

// once tells a line about something, the first time; about nothing each time.
func (t *teller) once(about, format string, args ...any) {
	if t.tell == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if about != "" && t.told[about] {
		return
	}
	t.told[about] = true
	t.tell(fmt.Sprintf(format, args...))
}

// expect remembers how large blobs are.
func (t *teller) expect(blobs []v1.Descriptor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range blobs {
		t.sizes[b.Digest.String()] = b.Size
	}
}

// expectAll remembers how large the blobs of an image, or of the images of an index, are. What cannot be read is found when it is
// pushed.
func (t *teller) expectAll(what remote.Taggable) {
	switch what := what.(type) {
	case v1.ImageIndex:
		index, err := what.IndexManifest()
		if err != nil {
			return
		}
		for _, d := range index.Manifests {
			if img, err := what.Image(d.Digest); err == nil {
				t.expectAll(img)
			}
		}
	case v1.Image:
		if m, err := what.Manifest(); err == nil {
			t.expect(append([]v1.Descriptor{m.Config}, m.Layers...))
		}
	}
}

// blob tells what became of a blob.
func (t *teller) blob(digest, how string) {
	t.mu.Lock()
	size, known := t.sizes[digest]
	t.mu.Unlock()
	if known {
		how += ", " + Megabytes(size)
	}
	t.once(digest, "blob %s: %s", digest, how)
}

// moved tells how far a blob is, now and then.
func (t *teller) moved(d v1.Descriptor, before, after int64) {
	if before/tellEvery != after/tellEvery && after < d.Size {
		t.say("blob %s: %s of %s", d.Digest, Megabytes(after), Megabytes(d.Size))
	}
}

// answered tells what an answer of the destination means.
func (t *teller) answered(req *http.Request, is answer) {
	last := path.Base(req.URL.Path)
	switch {
	case is == blobMounted:
		t.blob(req.URL.Query().Get("mount"), "mounted from "+req.URL.Query().Get("from"))
	case is == blobUploaded:
		t.blob(req.URL.Query().Get("digest"), "copied")
	case is == blobPresent:
		t.blob(last, "is there")
	case is == manifestWritten && strings.HasPrefix(last, "sha256:"):
		t.once(last, "manifest %s: written", last)
	case is == manifestWritten:
		t.say("tag %s: written", last)
	}
}

// Megabytes is a number of bytes for people.
func Megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
