package registry

import (
	"context"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
)

// Bounds of what belongs to one image: its platforms, and signatures upon statements upon SBOMs.
const (
	maxManifests = 1000
	maxDepth     = 8
)

// copier copies a manifest with all it needs and all that refers to it from one repository into another.
type copier struct {
	s        *session
	from, to name.Repository
	slots    chan struct{} // one for each blob or manifest under way
	subjects sync.Mutex    // held while a referrer is put: registries without the API keep them in one tag
	progress *progress
	// again: most of it was copied before. What the destination has is left as it is.
	again bool

	mu     sync.Mutex
	seen   map[v1.Hash]*copied
	beside []beside // what is found by a tag
}

// copied is the outcome for one manifest, shared by all who need it.
type copied struct {
	once sync.Once
	err  error
	m    *manifest
}

func newCopier(s *session, from, to name.Repository) *copier {
	return &copier{s: s, from: from, to: to, slots: make(chan struct{}, s.c.o.Jobs), seen: map[v1.Hash]*copied{}, progress: &progress{tell: s.c.o.Progress}}
}

// copyAll copies the manifest with what it needs, then what refers to any of it or has its tag beside it, and so on. What a
// manifest needs cannot lead back to it, since that would be a circle of hashes; what refers to it can, which is why that
// goes in rounds.
func (c *copier) copyAll(ctx context.Context, m *manifest) error {
	if err := c.visit(ctx, m.digest, m, 0); err != nil {
		return err
	}
	asked := map[v1.Hash]bool{}
	for range maxDepth {
		found, err := c.related(ctx, asked)
		if err != nil || len(found) == 0 {
			return err
		}
		g, gctx := errgroup.WithContext(ctx)
		for digest, m := range found {
			g.Go(func() error { return c.visit(gctx, digest, m, 0) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return refusef("what refers to the image is nested deeper than %d", maxDepth)
}

// related finds what belongs to those manifests that were copied and not asked about yet: with the manifest, where it
// was read on the way.
func (c *copier) related(ctx context.Context, asked map[v1.Hash]bool) (map[v1.Hash]*manifest, error) {
	var mu sync.Mutex
	found := map[v1.Hash]*manifest{}
	g, gctx := errgroup.WithContext(ctx)
	for digest, entry := range c.seen {
		if asked[digest] {
			continue
		}
		asked[digest] = true
		g.Go(func() error {
			return c.slot(gctx, func() error {
				some, err := c.s.referrers(gctx, c.from.Digest(digest.String()))
				mu.Lock()
				defer mu.Unlock()
				for _, referrer := range some {
					if found[referrer] == nil {
						found[referrer] = nil
					}
				}
				return err
			})
		})
		for _, suffix := range besideSuffixes() {
			g.Go(func() error {
				return c.slot(gctx, func() error {
					m, err := c.s.look(gctx, c.from.Tag(besideTag(digest.String(), suffix)))
					if m == nil || err != nil {
						return err
					}
					mu.Lock()
					defer mu.Unlock()
					found[m.digest] = m
					c.beside = append(c.beside, beside{of: entry.m, suffix: suffix, m: m})
					return nil
				})
			})
		}
	}
	return found, g.Wait()
}

// visit copies one manifest with its children and blobs, at most once. m is nil when it was not read yet.
func (c *copier) visit(ctx context.Context, digest v1.Hash, m *manifest, depth int) error {
	c.mu.Lock()
	entry, known := c.seen[digest]
	if !known {
		entry = &copied{}
		c.seen[digest] = entry
	}
	total := len(c.seen)
	c.mu.Unlock()
	if depth > maxDepth || total > maxManifests {
		return refusef("more than %d manifests, or deeper than %d, belong to the image", maxManifests, maxDepth)
	}
	entry.once.Do(func() { entry.m, entry.err = c.one(ctx, digest, m, depth) })
	return entry.err
}

func (c *copier) one(ctx context.Context, digest v1.Hash, m *manifest, depth int) (*manifest, error) {
	if m == nil {
		ref := c.from.Digest(digest.String())
		err := c.slot(ctx, func() (err error) {
			m, err = c.s.read(ctx, ref)
			return err
		})
		if err != nil {
			return nil, wrap("read", ref.Name(), err)
		}
	}
	if c.again {
		there, err := c.there(ctx, m)
		if there || err != nil {
			return m, err
		}
	}
	blobs := blobsOf(m)
	c.progress.expect(blobs)
	c.s.tell.expect(blobs)
	g, gctx := errgroup.WithContext(ctx)
	for _, child := range m.body.Manifests {
		g.Go(func() error { return c.visit(gctx, child.Digest, nil, depth+1) })
	}
	for _, blob := range blobs {
		g.Go(func() error { return c.slot(gctx, func() error { return c.blob(gctx, blob) }) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return m, c.put(ctx, m)
}

// there tells whether the destination has a manifest, and goes on with its children where it has.
func (c *copier) there(ctx context.Context, m *manifest) (there bool, err error) {
	err = c.slot(ctx, func() error {
		have, err := c.s.look(ctx, c.to.Digest(m.digest.String()))
		there = have != nil
		return err
	})
	if err != nil || !there {
		return false, err
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, child := range m.body.Manifests {
		g.Go(func() error { return c.visit(gctx, child.Digest, nil, 1) })
	}
	return true, g.Wait()
}

// slot does something while it holds one of the slots. Nothing that waits for another slot may be done in it.
func (c *copier) slot(ctx context.Context, do func() error) error {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
		return do()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// put writes a manifest under its digest.
func (c *copier) put(ctx context.Context, m *manifest) error {
	if m.body.Subject != nil {
		c.subjects.Lock()
		defer c.subjects.Unlock()
	}
	return c.slot(ctx, func() error {
		err := c.s.pusher.Put(ctx, c.to.Digest(m.digest.String()), m)
		if err == nil {
			c.progress.put()
		}
		return err
	})
}

// verify reads everything back that was put and compares it, byte for byte.
func (c *copier) verify(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, entry := range c.seen {
		g.Go(func() error {
			return c.slot(ctx, func() error {
				ref := c.to.Digest(entry.m.digest.String())
				back, err := c.s.read(ctx, ref)
				if err == nil && !back.rawEqual(entry.m) {
					err = refusef("the registry keeps other bytes than it was given")
				}
				return wrap("read back", ref.Name(), err)
			})
		})
	}
	return g.Wait()
}

// lay writes the tags of what is found by one.
func (c *copier) lay(ctx context.Context) error {
	for _, b := range c.beside {
		if err := c.s.lay(ctx, c.to, b); err != nil {
			return err
		}
	}
	return nil
}
