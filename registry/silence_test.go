package registry

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// A connection lasts as long as anything moves on it, in whichever direction, and ends when nothing does.
func TestSilence(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const silence, pause, rounds = 500 * time.Millisecond, 50 * time.Millisecond, 20 // longer together than the silence
	heard := make(chan int, 1)
	go func() { // takes what comes, slowly, and never says anything
		c, err := l.Accept()
		if err != nil {
			heard <- 0
			return
		}
		defer c.Close()
		n := 0
		for b := make([]byte, 1); ; n++ {
			if _, err := c.Read(b); err != nil {
				heard <- n
				return
			}
		}
	}()
	plain, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := lively{Conn: plain, silence: silence}
	read := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		read <- err
	}()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for range rounds {
		<-tick.C
		if _, err := c.Write([]byte{1}); err != nil {
			t.Fatal("while it moves: ", err)
		}
	}
	select {
	case err := <-read:
		t.Fatal("nothing was awaited of who is sent something, and reading ended: ", err)
	default:
	}
	last := time.Now()
	if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(last) > 20*silence {
		t.Errorf("nothing moves: %v after %s", err, time.Since(last))
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if n := <-heard; n != rounds {
		t.Errorf("%d of %d bytes arrived", n, rounds)
	}
}
