package registry

import (
	"net"
	"time"
)

// maxSilence is how long a registry may say and take nothing while something is awaited of it. A copy may take hours, as long as it moves.
const maxSilence = 2 * time.Minute

// lively is a connection that ends in an error of net with Timeout once nothing has moved in either direction for the silence: while a
// large blob is sent, nothing comes back.
type lively struct {
	net.Conn
	silence time.Duration
}

func (c lively) Read(b []byte) (n int, err error) {
	if err := c.moved(); err != nil {
		return 0, err
	}
	n, err = c.Conn.Read(b)
	if err == nil {
		err = c.moved()
	}
	return n, err
}

func (c lively) Write(b []byte) (n int, err error) {
	if err := c.moved(); err != nil {
		return 0, err
	}
	n, err = c.Conn.Write(b)
	if err == nil {
		err = c.moved()
	}
	return n, err
}

func (c lively) moved() error { return c.SetDeadline(time.Now().Add(c.silence)) }
