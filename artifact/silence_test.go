package artifact

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"gocloud.dev/blob"
)

// A bucket's service that takes what it is sent and says nothing, or nothing more, ends what is asked of it.
func TestMuteBucket(t *testing.T) {
	t.Run("it says nothing", func(t *testing.T) { askMute(t, "") })
	t.Run("it stops in the middle", func(t *testing.T) {
		askMute(t, "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 1000\r\n\r\n<ListBucketResult>")
	})
}

// askMute asks for the names in a bucket whose service says no more than it is given.
func askMute(t *testing.T, says string) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					return
				}
				if _, err := io.WriteString(c, says); err == nil {
					_, _ = io.Copy(io.Discard, c)
				}
			}()
		}
	}()
	address := "s3://builds?" + url.Values{"region": {"eu-west-1"}, "endpoint": {"http://" + l.Addr().String()}, "use_path_style": {"true"}, "anonymous": {"true"}}.Encode()
	b, err := openS3(t.Context(), address, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = b.List(&blob.ListOptions{}).Next(ctx)
	var silent net.Error
	if ctx.Err() != nil || !errors.As(err, &silent) || !silent.Timeout() {
		t.Errorf("%v", err)
	}
}
