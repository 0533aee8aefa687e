package githubapp

import (
	"bytes"
	"container/list"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// Bounds of what is remembered for one installation.
const (
	etagEntries = 1000
	etagBytes   = 8 << 20
	etagBody    = 512 << 10 // of one answer
)

// etags remembers answers to GET requests and asks conditionally next time: an answer of 304 costs nothing of the rate
// limit. Each installation has its own, since what one may see another may not.
type etags struct {
	next http.RoundTripper

	mu     sync.Mutex
	byURL  map[string]*list.Element
	recent *list.List // of *remembered, most recent first
	bytes  int
}

type remembered struct {
	key    string
	header http.Header
	body   []byte
}

func newETags(next http.RoundTripper) *etags {
	return &etags{next: next, byURL: map[string]*list.Element{}, recent: list.New()}
}

// RoundTrip implements http.RoundTripper.
func (e *etags) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return e.next.RoundTrip(req)
	}
	key := req.URL.String() + "\n" + req.Header.Get("Accept")
	known := e.get(key)
	if known != nil {
		req = req.Clone(req.Context())
		req.Header.Set("If-None-Match", known.header.Get("ETag"))
	}
	resp, err := e.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusNotModified && known != nil:
		_ = resp.Body.Close()
		return known.response(req, resp), nil
	case resp.StatusCode == http.StatusOK && resp.Header.Get("ETag") != "":
		return e.keep(key, resp)
	}
	return resp, nil
}

// response is the remembered answer, with the fresh answer's headers about limits.
func (r *remembered) response(req *http.Request, fresh *http.Response) *http.Response {
	header := r.header.Clone()
	for name, values := range fresh.Header {
		if len(name) > 12 && name[:12] == "X-Ratelimit-" {
			header[name] = values
		}
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

// keep reads the body, remembers the answer, and hands out a copy.
func (e *etags) keep(key string, resp *http.Response) (*http.Response, error) {
	if n, err := strconv.Atoi(resp.Header.Get("Content-Length")); err == nil && n > etagBody {
		return resp, nil
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, etagBody+1))
	if err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	if len(head) > etagBody {
		resp.Body = readCloser{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
		return resp, nil
	}
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(head))
	e.put(&remembered{key: key, header: resp.Header.Clone(), body: head})
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
	for e.recent.Len() > etagEntries || e.bytes > etagBytes {
		e.drop(e.recent.Back())
	}
}

func (e *etags) drop(el *list.Element) {
	r := el.Value.(*remembered)
	e.recent.Remove(el)
	delete(e.byURL, r.key)
	e.bytes -= len(r.body)
}

type readCloser struct {
	io.Reader
	io.Closer
}
