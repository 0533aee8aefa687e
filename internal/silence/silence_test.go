package silence

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A connection lasts as long as anything moves on it, in whichever direction, and ends when nothing does.
func TestSilence(t *testing.T) {
	const pause, rounds = Max - time.Second, 20 // longer together than the silence
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		heard := make(chan int, 1)
		go func() { // takes what comes, and never says anything
			defer far.Close()
			n := 0
			for b := make([]byte, 1); ; n++ {
				if _, err := far.Read(b); err != nil {
					heard <- n
					return
				}
			}
		}()
		tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
		Limit(tr, Max)
		if tr.ResponseHeaderTimeout != Max {
			t.Errorf("the head of an answer is awaited for %s", tr.ResponseHeaderTimeout)
		}
		c, err := tr.DialContext(t.Context(), "tcp", "registry.example.com:443")
		if err != nil {
			t.Fatal(err)
		}
		read := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
		for range rounds {
			time.Sleep(pause)
			if _, err := c.Write([]byte{1}); err != nil {
				t.Fatal("while it moves: ", err)
			}
		}
		synctest.Wait()
		select {
		case err := <-read:
			t.Fatal("nothing was awaited of who is sent something, and reading ended: ", err)
		default:
		}
		last := time.Now()
		if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(last) != Max {
			t.Errorf("nothing moves: %v after %s, want it after %s", err, time.Since(last), Max)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if n := <-heard; n != rounds {
			t.Errorf("%d of %d bytes arrived", n, rounds)
		}
	})
}

// A dial that fails is no connection.
func TestDialFails(t *testing.T) {
	broken := errors.New("no route to host")
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, broken }}
	Limit(tr, Max)
	if c, err := tr.DialContext(t.Context(), "tcp", "registry.example.com:443"); c != nil || !errors.Is(err, broken) {
		t.Errorf("%v, %v", c, err)
	}
}
