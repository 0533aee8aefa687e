package appspec

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/sluicehq/sluice/pipeline"
)

// wire is between us and a machine, and can be cut so that nobody is told.
type wire struct {
	l     net.Listener
	cut   chan struct{}
	conns sync.WaitGroup
	mu    sync.Mutex
	open  []net.Conn
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{l: l, cut: make(chan struct{})}
	w.conns.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			w.mu.Lock()
			w.open = append(w.open, near, far)
			w.mu.Unlock()
			w.conns.Go(func() { w.carry(near, far) })
			w.conns.Go(func() { w.carry(far, near) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.mu.Lock()
		for _, c := range w.open {
			_ = c.Close()
		}
		w.mu.Unlock()
		w.conns.Wait()
	})
	return w
}

// carry passes on what comes, and nothing more once the wire is cut; the connections stay open then.
func (w *wire) carry(to io.WriteCloser, from io.Reader) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		select {
		case <-w.cut:
			if err != nil {
				return
			}
			continue
		default:
		}
		if err != nil {
			_ = to.Close()
			return
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// A machine that is gone in the midst of a script is noticed, and its host has failed; nobody waits for the script's hour.
func TestSSHMachineFallsSilent(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	wire := newWire(t, s.addr)
	s.addr = wire.l.Addr().String()
	s.write("known_hosts", knownhosts.Line([]string{s.addr}, s.host)+"\n")
	w := newWorld(t)
	e := w.overSSH(s)
	e.o.SSH.Silence = 2 * time.Second
	a := w.save(map[string]string{
		"appspec.yml": "version: 0.0\nos: linux\nhooks: {ApplicationStart: [{location: run}]}\n",
		"run":         "#!/bin/sh\necho $$ > " + w.dir + "/script\necho has begun\nexec sleep 20\n",
	})
	r := w.request("d", a, map[string]any{"hosts": s.machines("m-1")})
	handle, err := e.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the script", func() bool { return strings.TrimSpace(w.read(w.dir, "script")) != "" })
	close(wire.cut)
	_ = wire.l.Close()
	began := time.Now()
	got := w.end(e, r, handle)
	if got.Status != pipeline.Failed || len(got.Hosts) != 1 ||
		!strings.Contains(got.Hosts[0].Message, "has said nothing for 2s, and the connection was given up; whether the script did its work is not known") {
		t.Errorf("%+v", got)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestCapped(t *testing.T) {
	c := &capped{most: 5}
	for _, text := range []string{"abc", "def", "ghi"} {
		if n, err := c.Write([]byte(text)); n != 3 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if c.String() != "abcde" || !c.more {
		t.Errorf("%q, more: %v", c.String(), c.more)
	}
}
