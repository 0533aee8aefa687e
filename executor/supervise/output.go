package supervise

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// pieces is how many files the kept end of a log is spread over, besides the one that is written.
const pieces = 4

// output is a log of bounded size: its beginning, and its end. What is written is on disk at once and never moves, so that
// whoever reads it while it grows can go on where they stopped. What lies between beginning and end is removed a piece at
// a time, and leaves a gap in the numbers.
type output struct {
	mu   sync.Mutex
	dir  string
	f    *os.File
	at   int64   // how much was written, kept or not
	room int64   // bytes that f still takes
	tail int64   // bytes of the end that are kept at least
	ends []int64 // where the pieces of the end begin
}

// newOutput begins the log of a folder.
func newOutput(dir string, head, tail int64) (*output, error) {
	old, err := filepath.Glob(filepath.Join(dir, logFile+".*"))
	for _, path := range old {
		err = errors.Join(err, os.Remove(path))
	}
	if err != nil {
		return nil, err
	}
	o := &output{dir: dir, room: head, tail: tail}
	o.f, err = createLog(logPath(dir, 0))
	return o, err
}

func createLog(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

// Write never fails: a full disk must not end a build whose log it is.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		if o.room <= 0 {
			o.turn()
		}
		part := p[:min(int64(len(p)), o.room)]
		k := 0
		if o.f != nil {
			k, _ = o.f.Write(part)
		}
		o.at += int64(len(part))
		o.room -= int64(len(part))
		if k < len(part) { // what follows must not take the place of what was lost
			o.room = 0
		}
		p = p[len(part):]
	}
	return n, nil
}

// turn begins the next piece of the end, and removes those that the end does not need any more.
func (o *output) turn() {
	o.close()
	o.f, _ = createLog(logPath(o.dir, o.at))
	o.room = max(o.tail/pieces, 1)
	o.ends = append(o.ends, o.at)
	for len(o.ends) > 1 && o.at-o.ends[1] >= o.tail {
		_ = os.Remove(logPath(o.dir, o.ends[0]))
		o.ends = o.ends[1:]
	}
}

func (o *output) close() {
	if o.f != nil {
		_ = o.f.Close()
		o.f = nil
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
func drain(r *os.File, o *output, secrets *values) (count *atomic.Int64, done chan struct{}) {
	count, done = new(atomic.Int64), make(chan struct{})
	m := &Masker{w: o, find: secrets}
	go func() {
		defer close(done)
		defer r.Close()
		_, _ = io.Copy(counting{m, count}, struct{ io.Reader }{r})
		_ = m.Close()
		o.mu.Lock()
		defer o.mu.Unlock()
		o.close()
	}()
	return count, done
}

// NewLog begins a log in a folder as a program that is run there has one, for what the server itself has to say: masked, of the
// default size, on disk line by line. One goroutine at a time may write to it.
func NewLog(dir string, secrets []string) (io.WriteCloser, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := Spec{}.withDefaults()
	o, err := newOutput(dir, s.LogHead, s.LogTail)
	if err != nil {
		return nil, err
	}
	return &ownLog{Masker: NewMasker(o, secrets), o: o}, nil
}

// ownLog is what NewLog returns.
type ownLog struct {
	*Masker
	o *output
}

// Close ends the log.
func (l *ownLog) Close() error {
	err := l.Masker.Close()
	l.o.close()
	return err
}
