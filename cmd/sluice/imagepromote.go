package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/sluicehq/sluice/registry"
)

// imageCmd is "sluice image …".
type imageCmd struct {
	Promote imagePromoteCmd `cmd:"" help:"Copy an image to another repository or registry by digest, with all its platforms and what refers to it."`
	Sign    imageSignCmd    `cmd:"" help:"Sign an image with a key, as cosign does; the signature is kept beside it."`
	Verify  imageVerifyCmd  `cmd:"" help:"Say whether an image is signed by one of the keys."`
}

// imagePromoteCmd is "sluice image promote": what uses: promote does, from a shell.
type imagePromoteCmd struct {
	Source      string   `arg:"" name:"src" help:"What is copied: host/repository@sha256:…, or host/repository:tag, which is resolved once."`
	Destination string   `arg:"" name:"dst" help:"What it is called: host/repository:tag. A tag that is another image already is never moved."`
	Key         []string `sep:"none" placeholder:"FILE" help:"cosign.pub: copy only what this key has signed; one of several is enough."`
	Jobs        int      `default:"4" placeholder:"N" help:"How many blobs and manifests are copied at the same time."`
	Quiet       bool     `short:"q" help:"Show no progress."`
	JSON        bool     `name:"json" help:"Print one JSON object."`
}

// imagePromotion is what --json prints.
type imagePromotion struct {
	Image     string `json:"image"` // host/repository:tag
	Digest    string `json:"digest"`
	Already   bool   `json:"already"` // nothing was to be done
	Manifests int    `json:"manifests"`
	Uploaded  int    `json:"blobs_uploaded"`
	Mounted   int    `json:"blobs_mounted"`
	Present   int    `json:"blobs_present"`
	Bytes     int64  `json:"bytes_uploaded"`
}

// imageJobs bounds --jobs: registries slow down whoever asks for more.
const imageJobs = 32

// Run copies. The exit status is 1 when the tag is taken by another image, or the copy fails.
func (c *imagePromoteCmd) Run(e *env) error {
	if c.Jobs < 1 || c.Jobs > imageJobs {
		return &usageError{fmt.Errorf("--jobs %d: want 1 to %d", c.Jobs, imageJobs)}
	}
	if err := registry.CheckReferences(c.Source, c.Destination); err != nil {
		return &usageError{err}
	}
	keys, err := publicKeys(c.Key)
	if err != nil {
		return err
	}
	options := registry.Options{Jobs: c.Jobs}
	if !c.Quiet {
		w := watch(e.stderr)
		defer w.end()
		options.Progress = w.tell
	}
	images := registry.New(options)
	src, err := byDigest(e.ctx, images, c.Source)
	if err != nil {
		return err
	}
	if len(keys) > 0 {
		if _, err := signedBy(e.ctx, images, src, keys); err != nil {
			return err
		}
	}
	r, err := images.Promote(e.ctx, src, c.Destination)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, imagePromotion{
			Image: c.Destination, Digest: r.Digest, Already: r.Already, Manifests: r.Manifests,
			Uploaded: r.Blobs, Mounted: r.Mounted, Present: r.Present, Bytes: r.Bytes,
		})
	}
	if r.Already {
		fmt.Fprintf(e.stdout, "%s is %s already; nothing was copied\n", c.Destination, r.Digest)
		return nil
	}
	fmt.Fprintf(e.stdout, "%s is %s: %d manifests written; blobs: %d uploaded (%s), %d mounted, %d there before\n",
		c.Destination, r.Digest, r.Manifests, r.Blobs, registry.Megabytes(r.Bytes), r.Mounted, r.Present)
	return nil
}

// promotionWatch shows the progress of a promotion: one line that is written over on a terminal, elsewhere a line every
// now and then.
type promotionWatch struct {
	out      io.Writer
	terminal bool
	stop     chan struct{}
	stopped  sync.WaitGroup

	mu  sync.Mutex
	now registry.Progress
}

func watch(out io.Writer) *promotionWatch {
	w := &promotionWatch{out: out, stop: make(chan struct{})}
	every := 5 * time.Second
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		w.terminal, every = true, 100*time.Millisecond
	}
	w.stopped.Go(func() {
		t := time.NewTicker(every)
		defer t.Stop()
		var shown registry.Progress
		for {
			select {
			case <-t.C:
				shown = w.show(shown)
			case <-w.stop:
				if w.terminal && shown != (registry.Progress{}) {
					fmt.Fprint(w.out, "\r\x1b[K")
				}
				return
			}
		}
	})
	return w
}

func (w *promotionWatch) tell(p registry.Progress) {
	w.mu.Lock()
	w.now = p
	w.mu.Unlock()
}

// show writes how far it is, if that is further than what was shown.
func (w *promotionWatch) show(shown registry.Progress) registry.Progress {
	w.mu.Lock()
	p := w.now
	w.mu.Unlock()
	if p == shown {
		return p
	}
	line := fmt.Sprintf("%d of %d blobs, %s of %s, %d of %d manifests",
		p.Blobs, p.AllBlobs, registry.Megabytes(p.Bytes), registry.Megabytes(p.AllBytes), p.Manifests, p.AllManifests)
	if w.terminal {
		fmt.Fprint(w.out, "\r\x1b[K"+line)
	} else {
		fmt.Fprintln(w.out, line)
	}
	return p
}

// end stops showing.
func (w *promotionWatch) end() {
	close(w.stop)
	w.stopped.Wait()
}
