package registry

import (
	"net/http"
	"strings"
	"sync/atomic"
)

// counter counts what a call uploads, and tells it; it is a transport because only the answers tell a mount from an upload.
type counter struct {
	next http.RoundTripper
	tell *teller

	manifests, blobs, mounted, present, bytes atomic.Int64
}

// answer is what an answer means for what is written.
type answer int

const (
	noMatter answer = iota
	blobMounted
	blobUploaded
	bytesTaken
	blobPresent
	manifestWritten
)

func answerOf(req *http.Request, resp *http.Response) answer {
	uploads := strings.Contains(req.URL.Path, "/blobs/uploads/")
	switch {
	case req.Method == http.MethodPost && uploads && resp.StatusCode == http.StatusCreated:
		return blobMounted
	case req.Method == http.MethodPut && resp.StatusCode == http.StatusCreated && req.URL.Query().Has("digest"):
		return blobUploaded
	case req.Method == http.MethodPut && strings.Contains(req.URL.Path, "/manifests/") && resp.StatusCode < 300:
		return manifestWritten
	case req.Method == http.MethodPatch && resp.StatusCode < 300 && req.ContentLength > 0:
		return bytesTaken
	case req.Method == http.MethodHead && strings.Contains(req.URL.Path, "/blobs/") && resp.StatusCode == http.StatusOK:
		return blobPresent
	}
	return noMatter
}

// RoundTrip passes the request on and counts by its answer.
func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	is := answerOf(req, resp)
	switch is {
	case noMatter:
	case blobMounted:
		c.mounted.Add(1)
	case blobUploaded:
		c.blobs.Add(1)
	case manifestWritten:
		c.manifests.Add(1)
	case bytesTaken:
		c.bytes.Add(req.ContentLength)
	case blobPresent:
		c.present.Add(1)
	}
	c.tell.answered(req, is)
	return resp, nil
}

func (c *counter) result(digest string) Result {
	return Result{
		Digest: digest, Manifests: int(c.manifests.Load()), Blobs: int(c.blobs.Load()),
		Mounted: int(c.mounted.Load()), Present: int(c.present.Load()), Bytes: c.bytes.Load(),
	}
}
