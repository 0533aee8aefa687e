package registry

import (
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Progress is how far a promotion is. The totals grow while manifests are read, and stand once all are known.
type Progress struct {
	// Blobs that the destination has, and how many there are in all; manifests likewise.
	Blobs, AllBlobs, Manifests, AllManifests int
	// Bytes of blobs that the destination has, or that were read from the source for it, and of all blobs. Blobs that
	// are mounted, or were there, count as a whole.
	Bytes, AllBytes int64
}

// progress adds up and tells whoever watches. A nil watcher is told nothing.
type progress struct {
	tell func(Progress)

	mu  sync.Mutex
	now Progress
}

func (p *progress) change(f func(*Progress)) {
	if p.tell == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.now)
	p.tell(p.now)
}

// expect counts what a manifest needs.
func (p *progress) expect(blobs []v1.Descriptor) {
	p.change(func(now *Progress) {
		now.AllManifests++
		now.AllBlobs += len(blobs)
		for _, b := range blobs {
			now.AllBytes += b.Size
		}
	})
}

// moved counts bytes of a blob; negative for an attempt that was in vain.
func (p *progress) moved(n int64) { p.change(func(now *Progress) { now.Bytes += n }) }

// arrived counts a blob, of which some bytes were counted before.
func (p *progress) arrived(d v1.Descriptor, counted int64) {
	p.change(func(now *Progress) { now.Blobs, now.Bytes = now.Blobs+1, now.Bytes+d.Size-counted })
}

func (p *progress) put() { p.change(func(now *Progress) { now.Manifests++ }) }
