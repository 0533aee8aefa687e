package registry

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// maxGreeting is how much of a registry's greeting is kept; what is in it does not matter, its headers do.
const maxGreeting = 64 << 10

// greeter asks each registry once in a call how it wants to be spoken to. Whoever reads or writes another repository asks
// that first (GET /v2/ without credentials), and the answer does not change in between: to ask each time would be a third
// of what a promotion within a registry takes.
type greeter struct {
	next http.RoundTripper

	mu    sync.Mutex
	known map[string]*greeting // by scheme and host
}

// greeting is what a registry answered.
type greeting struct {
	answered atomic.Bool

	mu     sync.Mutex // held while it is asked
	answer http.Response
	body   []byte
	err    error // of the request, when it was not answered
}

// RoundTrip answers a greeting from memory, and passes everything else on.
func (g *greeter) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet || req.URL.Path != "/v2/" || req.URL.RawQuery != "" || req.Header.Get("Authorization") != "" {
		return g.next.RoundTrip(req)
	}
	is, other := req.URL.Scheme, "https"
	if is == other {
		other = "http"
	}
	of, elsewhere := g.of(is+"://"+req.URL.Host), g.of(other+"://"+req.URL.Host)
	of.mu.Lock()
	defer of.mu.Unlock()
	if !of.answered.Load() {
		if of.err != nil && elsewhere.answered.Load() { // it speaks the other one
			return nil, of.err
		}
		resp, err := g.next.RoundTrip(req)
		if err != nil {
			of.err = err
			return nil, err
		}
		if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusUnauthorized {
			return resp, nil
		}
		of.body, err = io.ReadAll(io.LimitReader(resp.Body, maxGreeting))
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		of.answer = *resp
		of.answered.Store(true)
	}
	again := of.answer
	again.Header, again.Request = of.answer.Header.Clone(), req
	again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(of.body)), int64(len(of.body))
	return &again, nil
}

func (g *greeter) of(key string) *greeting {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known == nil {
		g.known = map[string]*greeting{}
	}
	if g.known[key] == nil {
		g.known[key] = &greeting{}
	}
	return g.known[key]
}
