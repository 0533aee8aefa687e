package registry

import (
	"net/http"
	"strings"
	"sync/atomic"
)

// counter counts what a call uploads; it is a transport because only the answers tell a mount from an upload.
type counter struct {
	next http.RoundTripper

	manifests, blobs, mounted, present, bytes atomic.Int64
}

// RoundTrip passes the request on and counts by its answer.
func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	uploads := strings.Contains(req.URL.Path, "/blobs/uploads/")
	switch {
	case req.Method == http.MethodPost && uploads && resp.StatusCode == http.StatusCreated:
		c.mounted.Add(1)
	case req.Method == http.MethodPut && resp.StatusCode == http.StatusCreated && req.URL.Query().Has("digest"):
		c.blobs.Add(1)
	case req.Method == http.MethodPut && strings.Contains(req.URL.Path, "/manifests/") && resp.StatusCode < 300:
		c.manifests.Add(1)
	case req.Method == http.MethodPatch && resp.StatusCode < 300 && req.ContentLength > 0:
		c.bytes.Add(req.ContentLength)
	case req.Method == http.MethodHead && strings.Contains(req.URL.Path, "/blobs/") && resp.StatusCode == http.StatusOK:
		c.present.Add(1)
	}
	return resp, nil
}

func (c *counter) result(digest string) Result {
	return Result{
		Digest: digest, Manifests: int(c.manifests.Load()), Blobs: int(c.blobs.Load()),
		Mounted: int(c.mounted.Load()), Present: int(c.present.Load()), Bytes: c.bytes.Load(),
	}
}
