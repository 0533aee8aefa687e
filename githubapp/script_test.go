package githubapp

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// reply is what a scripted server says.
type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

// script is a transport that gives tokens, and to all else the replies in order; the last is repeated. No network.
type script struct {
	app  *App
	repo *Repo

	mu      sync.Mutex
	replies []reply
	tokens  []reply
	seen    []*http.Request
	bodies  []string
	asked   int // for tokens
}

// newScript answers with bodies and status 200.
func newScript(t *testing.T, bodies ...string) *script {
	t.Helper()
	var replies []reply
	for _, b := range bodies {
		replies = append(replies, reply{status: 200, body: b})
	}
	return newScriptOf(t, Options{}, replies...)
}

func newScriptOf(t *testing.T, o Options, replies ...reply) *script {
	t.Helper()
	s := &script{replies: replies}
	o.AppID, o.Key, o.HTTP = 7, key(), s
	if o.APIURL == "" {
		o.APIURL = "https://github.test/api/v3/"
	}
	app, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.app, s.repo = app, app.Repo(5, 9, "acme", "shop")
	return s
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if strings.HasSuffix(req.URL.Path, "/access_tokens") {
		s.asked++
		if len(s.tokens) > 0 {
			r := s.tokens[0]
			if len(s.tokens) > 1 {
				s.tokens = s.tokens[1:]
			}
			return r.response(req)
		}
		return reply{status: 201, body: fmt.Sprintf(`{"token":"ghs_%s_%d","expires_at":%q}`, strings.Repeat("a.B", 40), s.asked,
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339))}.response(req)
	}
	body := ""
	if req.Body != nil {
		raw, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		body = string(raw)
	}
	s.seen, s.bodies = append(s.seen, req), append(s.bodies, body)
	r := s.replies[0]
	if len(s.replies) > 1 {
		s.replies = s.replies[1:]
	}
	return r.response(req)
}

func (r reply) response(req *http.Request) (*http.Response, error) {
	if r.err != nil {
		return nil, r.err
	}
	h := r.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	return &http.Response{StatusCode: r.status, Status: http.StatusText(r.status), Header: h, Body: io.NopCloser(strings.NewReader(r.body)),
		ContentLength: int64(len(r.body)), Request: req, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}, nil
}

// requests are those that were not for tokens.
func (s *script) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*http.Request(nil), s.seen...)
}

func (s *script) tokensAsked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// says is a refusal in GitHub's form.
func refusal(status int, message string) reply {
	return reply{status: status, body: fmt.Sprintf(`{"message":%q}`, message)}
}
