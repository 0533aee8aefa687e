// Package silence ends connections on which nothing moves: a transfer may take hours, and who awaits it is not to wait for a host that
// has fallen silent.
package silence

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Max is how long a host may say and take nothing while something is awaited of it.
const Max = 2 * time.Minute

// Limit lets the transport's connections end in an error of net with Timeout once nothing has moved on them, in either direction, for so
// long (Max, apart from tests), and its requests where so much time has passed between the last byte of one and the head of its answer.
// It wraps DialContext, which may be nil: call it when that is set, before the transport is used, and once.
func Limit(t *http.Transport, silence time.Duration) {
	dial := t.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	t.ResponseHeaderTimeout = silence
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return lively{Conn: c, silence: silence}, nil
	}
}

// lively is a connection that ends once nothing has moved in either direction for the silence: while a large blob is sent, nothing
// comes back.
type lively struct {
	net.Conn
	silence time.Duration
}

func (c lively) Read(b []byte) (int, error) { return c.move(c.Conn.Read, b) }

func (c lively) Write(b []byte) (int, error) { return c.move(c.Conn.Write, b) }

// move reads or writes, and lets the silence begin anew before it and, where it went well, behind it.
func (c lively) move(do func([]byte) (int, error), b []byte) (n int, err error) {
	if err := c.moved(); err != nil {
		return 0, err
	}
	n, err = do(b)
	if err == nil {
		err = c.moved()
	}
	return n, err
}

func (c lively) moved() error { return c.SetDeadline(time.Now().Add(c.silence)) }
