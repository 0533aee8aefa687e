package appspec

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// line is a connection that is watched: when the machine says nothing for a while, though it is asked to, whoever waits for it
// is told.
type line struct {
	conn    *heardConn
	client  *ssh.Client
	silence time.Duration
	silent  atomic.Bool // it was given up for that
	ended   chan struct{}
	watch   sync.WaitGroup
}

// newLine watches a connection until it ends.
func newLine(conn *heardConn, client *ssh.Client, silence time.Duration) *line {
	l := &line{conn: conn, client: client, silence: silence, ended: make(chan struct{})}
	l.watch.Go(func() {
		_ = client.Wait()
		close(l.ended)
	})
	l.watch.Go(l.ask)
	l.watch.Go(l.listen)
	return l
}

// pings is how many questions fit into the time that a machine may be silent for.
const pings = 3

// ask has the machine answer, in that it asks what the machine must refuse.
func (l *line) ask() {
	tick := time.NewTicker(l.silence / pings)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.ended:
			return
		}
		if _, _, err := l.client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
			return
		}
	}
}

// listen gives the connection up when nothing was heard for too long, at the latest after the silence that is allowed. Whatever
// comes counts: an answer may be behind much else.
func (l *line) listen() {
	every := l.silence / pings / 2
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.ended:
			return
		}
		if l.conn.quiet() > l.silence-every {
			l.silent.Store(true)
			l.drop()
			return
		}
	}
}

// over tells whether the connection has ended.
func (l *line) over() bool {
	select {
	case <-l.ended:
		return true
	default:
		return l.silent.Load()
	}
}

// drop ends the connection without a farewell, for which a machine that is gone would not take the bytes. What waits for it ends.
func (l *line) drop() { _ = l.conn.Close() }

// close is drop that waits until nobody watches any more.
func (l *line) close() {
	l.drop()
	l.watch.Wait()
}

// heardConn knows when something was last read from it.
type heardConn struct {
	net.Conn

	began time.Time
	last  atomic.Int64 // nanoseconds since began
}

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.last.Store(int64(time.Since(c.began)))
	}
	return n, err
}

// quiet is how long nothing has come.
func (c *heardConn) quiet() time.Duration { return time.Since(c.began) - time.Duration(c.last.Load()) }

// capped keeps the beginning of what is written to it.
type capped struct {
	bytes.Buffer

	most int
	more bool // than most was written
}

func (c *capped) Write(b []byte) (int, error) {
	take := min(len(b), c.most-c.Len())
	c.more = c.more || take < len(b)
	_, _ = c.Buffer.Write(b[:take])
	return len(b), nil
}
