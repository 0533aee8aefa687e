package githubapp

import (
	"bytes"
	"container/list"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Bounds of what is remembered: for one installation, and for all of them.
const (
	etagEntries = 1000
	etagBytes   = 8 << 20
	etagBody    = 512 << 10 // of one answer
	etagTotal   = 64 << 20
)

// room is what all installations share: one that needs more when it is used up gives up its own.
type room struct {
	limit int64
	used  atomic.Int64
}

// etags remembers answers to GET requests and asks conditionally next time: an answer of 304 costs nothing of the hourly
// limit. Each installation has its own, since what one may see another may not.
//
// Git's objects never change, so what is named by its full SHA is not asked for again.
type etags struct {
	next http.RoundTripper
	room *room

	mu     sync.Mutex
	byURL  map[string]*list.Element
	recent *list.List // of *remembered, most recent first
	bytes  int
}

type remembered struct {
	key    string
	header http.Header
	body   []byte
	// fixed answers cannot change.
	fixed bool
}

var gitObject = lazyregexp.New(`/git/(?:trees|blobs|commits|tags)/[0-9a-f]{40}$`)

func newETags(shared *room, next http.RoundTripper) *etags {
	return &etags{next: next, room: shared, byURL: map[string]*list.Element{}, recent: list.New()}
}

// RoundTrip implements http.RoundTripper.
func (e *etags) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return e.next.RoundTrip(req)
	}
	key := req.URL.String() + "\n" + req.Header.Get("Accept")
	known := e.get(key)
	if known != nil && known.fixed {
		return known.response(req, &http.Response{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}), nil
	}
	if known != nil {
		req = req.Clone(req.Context())
		req.Header.Set("If-None-Match", known.header.Get("ETag"))
	}
	resp, err := e.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	fixed := gitObject.MatchString(req.URL.Path)
	switch {
	case resp.StatusCode == http.StatusNotModified && known != nil:
		_ = resp.Body.Close()
		return known.response(req, resp), nil
	case resp.StatusCode == http.StatusOK && (fixed || resp.Header.Get("ETag") != ""):
		return e.keep(key, fixed, resp)
	}
	return resp, nil
}

// response is the remembered answer, with the fresh answer's headers about limits.
func (r *remembered) response(req *http.Request, fresh *http.Response) *http.Response {
	header := r.header.Clone()
	for name := range header {
		if strings.HasPrefix(name, "X-Ratelimit-") {
			delete(header, name)
		}
	}
	for name, values := range fresh.Header {
		if strings.HasPrefix(name, "X-Ratelimit-") {
			header[name] = values
		}
	}
	if r.fixed {
		header.Set("X-From-Cache", "1") // go-github then takes no limits from it
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: fresh.Proto, ProtoMajor: fresh.ProtoMajor, ProtoMinor: fresh.ProtoMinor,
		Header: header, Body: io.NopCloser(bytes.NewReader(r.body)), ContentLength: int64(len(r.body)), Request: req,
	}
}

func (e *etags) get(key string) *remembered {
	e.mu.Lock()
	defer e.mu.Unlock()
	el, ok := e.byURL[key]
	if !ok {
		return nil
	}
	e.recent.MoveToFront(el)
	return el.Value.(*remembered)
}

// keep reads the body, which attempt has bounded, remembers the answer, and hands out a copy.
func (e *etags) keep(key string, fixed bool, resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) <= etagBody {
		e.put(&remembered{key: key, header: resp.Header.Clone(), body: body, fixed: fixed})
	}
	return resp, nil
}

func (e *etags) put(r *remembered) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if old, ok := e.byURL[r.key]; ok {
		e.drop(old)
	}
	e.byURL[r.key] = e.recent.PushFront(r)
	e.bytes += len(r.body)
	e.room.used.Add(int64(len(r.body)))
	for e.recent.Len() > etagEntries || e.bytes > etagBytes || e.room.used.Load() > e.room.limit && e.recent.Len() > 1 {
		e.drop(e.recent.Back())
	}
}

func (e *etags) drop(el *list.Element) {
	r := el.Value.(*remembered)
	e.recent.Remove(el)
	delete(e.byURL, r.key)
	e.bytes -= len(r.body)
	e.room.used.Add(-int64(len(r.body)))
}
