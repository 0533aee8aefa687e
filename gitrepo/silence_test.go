package gitrepo_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/gitrepo"
	"github.com/sluicehq/sluice/internal/silence"
)

// A server that takes what it is sent and says nothing, or nothing more, ends a clone, which may be tried again.
func TestMuteServer(t *testing.T) {
	refs := "001e# service=git-upload-pack\n0000"
	for name, says := range map[string]string{
		"it says nothing":        "",
		"it stops in the middle": "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: 1000\r\n\r\n" + refs,
	} {
		t.Run(name, func(t *testing.T) {
			usual := http.DefaultTransport
			defer func() { http.DefaultTransport = usual }()
			synctest.Test(t, func(t *testing.T) {
				http.DefaultTransport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
					near, far := net.Pipe()
					go mute(far, says)
					return near, nil
				}}
				before := time.Now()
				_, err := gitrepo.Cloner{}.Clone(t.Context(), gitrepo.Source{URL: "http://localhost/acme/shop.git", SHA: absent}, t.TempDir())
				var e *gitrepo.Error
				if took := time.Since(before); !errors.As(err, &e) || !e.Temporary() || !strings.Contains(err.Error(), "ask for the refs") || took != silence.Max {
					t.Errorf("after %s: %v", took, err)
				}
			})
		})
	}
}

// mute reads a request, says what it is given, and then takes whatever comes until the other side leaves.
func mute(c net.Conn, says string) {
	defer c.Close()
	if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
		return
	}
	if _, err := io.WriteString(c, says); err == nil {
		_, _ = io.Copy(io.Discard, c)
	}
}
