package supervise

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// output is a log file with a bounded size: the first bytes as they come, then the last ones. Whoever reads the file
// while it is written sees the tail as it was a second ago.
type output struct {
	mu     sync.Mutex
	f      *os.File
	head   int64 // bytes that still go straight to the file
	offset int64 // where the tail begins in the file
	ring   []byte
	next   int  // where the next byte goes in ring
	full   bool // ring has come round
	lost   int64
	dirty  bool
}

func newOutput(f *os.File, head, tail int64) *output {
	return &output{f: f, head: head, ring: make([]byte, tail)}
}

// Write never fails: a full disk must not end a build whose log it is.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(p)
	if o.head > 0 {
		part := p[:min(int64(len(p)), o.head)]
		_, _ = o.f.WriteAt(part, o.offset)
		o.head -= int64(len(part))
		o.offset += int64(len(part))
		p = p[len(part):]
	}
	if len(p) == 0 {
		return n, nil
	}
	o.dirty = true
	if skip := len(p) - len(o.ring); skip > 0 { // all of it is overwritten by its own end
		o.lost += int64(skip)
		p = p[skip:]
	}
	for len(p) > 0 {
		c := copy(o.ring[o.next:], p)
		if o.full {
			o.lost += int64(c)
		}
		p = p[c:]
		if o.next += c; o.next == len(o.ring) {
			o.next, o.full = 0, true
		}
	}
	return n, nil
}

// flush brings the tail in the file up to date.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.dirty {
		return
	}
	o.dirty = false
	var text []byte
	if o.lost > 0 {
		text = fmt.Appendf(nil, "\n… %d bytes left out …\n", o.lost)
	}
	if o.full {
		text = append(text, o.ring[o.next:]...)
	}
	text = append(text, o.ring[:o.next]...)
	if _, err := o.f.WriteAt(text, o.offset); err == nil {
		_ = o.f.Truncate(o.offset + int64(len(text)))
	}
}

// counting counts what is written through it.
type counting struct {
	to io.Writer
	n  *atomic.Int64
}

func (c counting) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// drain copies everything that is written to the pipe into the log, masked, until nobody can write any more, and counts
// it. It closes done at the end.
func drain(r *os.File, o *output, secrets []string) (count *atomic.Int64, done chan struct{}) {
	count, done = new(atomic.Int64), make(chan struct{})
	m := NewMasker(o, secrets)
	tick := time.NewTicker(time.Second)
	stop := make(chan struct{})
	var flushing sync.WaitGroup
	flushing.Go(func() {
		for {
			select {
			case <-tick.C:
				o.flush()
			case <-stop:
				return
			}
		}
	})
	go func() {
		defer close(done)
		defer r.Close()
		_, _ = io.Copy(counting{m, count}, struct{ io.Reader }{r})
		_ = m.Close()
		tick.Stop()
		close(stop)
		flushing.Wait()
		o.flush()
	}()
	return count, done
}
